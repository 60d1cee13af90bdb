"""Folding: rows move into the clustered table under load, and are seen exactly once at any time."""

import asyncio
import random
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete
from support.recording import NOW, SECOND, Recording, recording

from daemon import folding, ledger, reading_store
from daemon.events import Action, EntityEvent
from daemon.folding import Folding
from daemon.ledger import Ledger
from daemon.repository import readings
from daemon.repository import sensors as sensor_rows
from daemon.repository.paging import Listing
from daemon.repository.reads import Reads
from daemon.tables import reading, reading_recent


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "sqlite:///sereno.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold whenever a row waits."""
    monkeypatch.setattr(folding, "MOST_UNFOLDED", 0)


async def sensors(running: Recording, count: int) -> list[int]:
    made = [running.sensor(f"mqtt/{number}") for number in range(count)]
    await running.put(sensors=made)
    await running.settle()
    return [sensor.id for sensor in made]


async def until_folded(running: Recording) -> None:
    while running.recorder.state().unfolded > 0:  # each change is a turn of the writer, which then folds a chunk
        await running.settle()


@pytest.mark.usefixtures("eager")
async def test_every_row_is_seen_once_while_it_moves(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        ids = await sensors(running, 7)
        stored = 0
        reads = Reads(running.database.readers)

        async def look() -> None:
            """Each look sees all that was stored before it, and nothing twice."""
            known = stored
            wanted = Listing(10_000, ids[0])
            of_one = (await reads(lambda c: readings.listing(c, wanted, running.recorder.unfolded))).rows
            [(rows, different)] = await asyncio.to_thread(
                running.rows, "SELECT count(*), count(DISTINCT id) FROM reading_all"
            )
            assert rows == different >= known
            assert len(of_one) == len({row.id for row in of_one}) >= known // 7
            assert [row.time for row in of_one] == sorted((row.time for row in of_one), reverse=True)

        for step in range(30):
            batch = [running.reading(ids[n % 7], NOW + (step * 70 + n) * 1000) for n in range(70)]
            random.Random(step).shuffle(batch)
            await asyncio.gather(running.store(*batch), look(), look())
            stored += 70
        await until_folded(running)
        assert running.recorder.state().counters["folded"] == 2100
        assert running.rows("SELECT count(*) FROM reading_recent") == [(0,)]
        await look()
        reads.close()


@pytest.mark.usefixtures("eager")
async def test_folded_rows_are_known_completed_and_changed_as_before(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        [sensor_id] = await sensors(running, 1)
        first = running.reading(sensor_id, token="s:1:x")
        await running.store(first, *(running.reading(sensor_id, NOW + n) for n in range(1, 150)))
        await until_folded(running)
        assert running.rows("SELECT last_reading_at FROM sensor") == [(NOW + 149,)]
        results = await running.store(
            running.reading(sensor_id, NOW),
            running.reading(sensor_id, NOW, temperature=9.0),
            running.reading(sensor_id, NOW + 1, humidity=40.0),
            running.reading(sensor_id, NOW - 1),
        )
        assert results == ["duplicate", "conflict", "completed", "stored"]
        again = running.reading(sensor_id, NOW + SECOND, token="s:1:x")
        await running.put(again, redelivered={again.id})
        await running.settle()
        assert running.outcomes[-1].result == "duplicate"

        def remove_first(connection: Connection) -> tuple[None, list[EntityEvent]]:
            readings.remove(connection, first)
            return None, [EntityEvent(Action.DELETED, first, NOW)]

        await running.recorder.change(remove_first)
        assert await running.store(running.reading(sensor_id, NOW)) == ["stored"]

        def remove(connection: Connection) -> tuple[int, list[EntityEvent]]:
            sensor = sensor_rows.by_id(connection, sensor_id)
            assert sensor is not None
            gone = sensor_rows.remove(connection, sensor, NOW)
            return gone.readings, [EntityEvent(Action.DELETED, sensor, NOW)]

        assert await running.recorder.change(remove) == 151
        assert running.rows("SELECT count(*) FROM reading_all") == [(0,)]


@pytest.mark.usefixtures("eager")
async def test_a_restart_knows_folded_keys_and_tokens(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "RECEIPT_WINDOW", 50)
    async with recording(url, tmp_path) as running:
        [sensor_id] = await sensors(running, 1)
        rows = [running.reading(sensor_id, NOW + n, token=f"s:{n}:x") for n in range(150)]
        await running.store(*rows)
        await until_folded(running)
        assert running.rows("SELECT count(*) FROM folded_token") == [(50,)]  # the window, no more
    async with recording(url, tmp_path) as running:
        old = running.reading(sensor_id, NOW + SECOND, token="s:99:x")
        new = running.reading(sensor_id, NOW + SECOND + 1, token="s:100:x")
        await running.put(old, new, running.reading(sensor_id, NOW + 70), redelivered={old.id, new.id})
        await running.settle()
        assert [outcome.result for outcome in running.outcomes] == ["stored", "duplicate", "duplicate"]
        assert running.outcomes[1].reading.id == rows[100].id


@pytest.mark.usefixtures("eager")
async def test_rows_without_a_clock_wait_for_it(tmp_path: Path) -> None:
    async with recording("sqlite:///sereno.db", tmp_path) as running:
        [sensor_id] = await sensors(running, 1)
        await running.store(*(running.reading(sensor_id, n, clock_set=False) for n in range(150)))
        await running.settle()
        assert running.recorder.state().unfolded == 150
        moved = await running.recorder.change(lambda c: (reading_store.rebase(c, NOW), ()))
        assert len(moved) == 150
        await until_folded(running)
        assert running.rows("SELECT min(time), sum(clock_set) FROM reading") == [(NOW, 150)]


async def test_rows_deleted_without_a_word_do_not_stop_the_fold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recording("sqlite:///sereno.db", tmp_path) as running:
        [sensor_id] = await sensors(running, 1)
        await running.store(running.reading(sensor_id), running.reading(sensor_id, NOW + 1))
        await running.recorder.change(lambda c: (c.execute(delete(reading_recent)), ()))
        assert await running.store(running.reading(sensor_id)) == ["stored"]
        monkeypatch.setattr(folding, "MOST_UNFOLDED", 0)
        await until_folded(running)
        assert running.rows("SELECT time FROM reading") == [(NOW,)]
        await running.recorder.change(lambda c: (c.execute(delete(reading)), ()))
        assert await running.store(running.reading(sensor_id)) == ["stored"]


def test_it_folds_when_due_and_when_much_waits() -> None:
    known, fold = Ledger(), Folding(now=1000.0)
    assert fold.wait(known, 1000.0) == folding.FOLD_INTERVAL
    known.size = 5
    assert fold.wait(known, 1001.0) == folding.FOLD_INTERVAL - 1
    assert fold.wait(known, 1000.0 + folding.FOLD_INTERVAL) == 0
    known.size = 0
    assert fold.wait(known, 1400.0) == folding.FOLD_INTERVAL
    known.size = folding.MOST_UNFOLDED + 1
    assert fold.wait(known, 1401.0) == 0
