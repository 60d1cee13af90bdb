"""The recorder's promises, on both databases: order, receipts after the sync, keys, tokens, changes, refused rows."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy import delete as sql_delete
from support.recording import NOW, SECOND, Recording, recording

from daemon import reading_store, tables
from daemon.batches import Batch, DatabaseUnavailableError
from daemon.entities import Quality
from daemon.events import Action, EntityEvent, Level, SystemEvent
from daemon.repository import readings, sensors

ALL = "SELECT id, sensor_id, time, temperature, humidity FROM reading_all ORDER BY id"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "sqlite:///sereno.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


async def with_sensor(running: Recording) -> int:
    sensor = running.sensor()
    await running.put(sensors=[sensor])
    await running.settle()
    return sensor.id


async def test_a_new_sensor_and_its_reading_are_announced_once_committed(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor = running.sensor()
        reading = running.reading(sensor.id)
        await running.put(reading, sensors=[sensor])
        await running.settle()
        assert running.commits[0].events == [
            EntityEvent(Action.CREATED, sensor, sensor.created_at),
            EntityEvent(Action.CREATED, reading, reading.received_at),
        ]
        assert sensor.id == 1
        assert running.rows(ALL) == [(reading.id, sensor.id, NOW, 21.5, None)]


async def test_every_field_of_a_reading_comes_back_as_it_was(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        reading = running.reading(
            sensor_id,
            received_at=NOW + 7,
            sequence=2**40,
            temperature=21.499999999999996,
            humidity=0.1 + 0.2,
            others={"presión": 1013.25, "battery": 100.0},
            quality=Quality.SUSPECT,
            raw={"temperature": 70.7},
            device_time=-5,
            clock_set=False,
        )
        await running.put(reading)
        await running.settle()
        with running.database.readers.connect() as connection:
            assert readings.by_id(connection, reading.id) == reading


async def test_commits_and_releases_come_in_the_order_of_the_queue(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        readings = [running.reading(sensor_id, NOW + number) for number in range(3000)]
        for number, reading in enumerate(readings):
            await running.put(reading, receipts=[number])
        await running.settle()
        assert [outcome.reading.id for outcome in running.outcomes] == [reading.id for reading in readings]
        assert running.released == list(range(3000))
        assert len(running.commits) < 1000  # what waits is committed together


async def test_receipts_wait_for_the_sync_and_commits_do_not(tmp_path: Path) -> None:
    async with recording("sqlite:///sereno.db", tmp_path, sync_interval=3600) as running:
        sensor_id = await with_sensor(running)
        committed, released = asyncio.Event(), asyncio.Event()
        running.recorder.on_commit = lambda _: committed.set()
        row = running.reading(sensor_id)
        await running.recorder.put(Batch("mqtt", (), [row], receipts=["a"], release=lambda _: released.set()))
        await committed.wait()
        assert running.rows(ALL) == [(row.id, sensor_id, NOW, 21.5, None)]
        assert not released.is_set()
        running.recorder.sync_soon()
        await released.wait()
        assert running.recorder.state().unsynced == 0


async def test_leaving_releases_what_was_put(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path, sync_interval=3600) as running:
        sensor_id = await with_sensor(running)
        for number in range(20):
            await running.put(running.reading(sensor_id, NOW + number), receipts=[number])
    assert running.released == list(range(20))
    with pytest.raises(DatabaseUnavailableError, match="stopped"):
        await running.put(receipts=["late"])


async def test_a_batch_without_rows_is_released_too(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path, sync_interval=3600) as running:
        await with_sensor(running)
        released = asyncio.Event()
        await running.recorder.put(Batch("mqtt", receipts=["noise"], release=lambda _: released.set()))
        await released.wait()


async def test_what_was_stored_is_known_again_by_its_key(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first = running.reading(sensor_id)
        assert await running.store(first) == ["stored"]
        running.commits.clear()
        [same] = await running.recorder.store((), [running.reading(sensor_id)], "rest")
        assert (same.result, same.reading) == ("duplicate", first)
        [other] = await running.recorder.store((), [running.reading(sensor_id, temperature=22.0)], "rest")
        assert (other.result, other.reading) == ("conflict", first)
        assert await running.store(running.reading(sensor_id, sequence=1)) == ["stored"]
        events = [event for commit in running.commits for event in commit.events]
        assert [event.entity.sequence for event in events] == [1]
        assert len(running.rows(ALL)) == 2


async def test_quantities_sent_apart_complete_one_row(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first = running.reading(sensor_id, temperature=21.5)
        await running.store(first)
        second = running.reading(sensor_id, humidity=48.0, received_at=NOW + 9, quality=Quality.SUSPECT)
        third = running.reading(sensor_id, others={"pressure": 1013.0}, received_at=NOW + 11)
        assert await running.store(second, third) == ["completed", "completed"]
        whole = replace(first, humidity=48.0, others={"pressure": 1013.0}, quality=Quality.SUSPECT, updated_at=NOW + 11)
        with running.database.readers.connect() as connection:
            assert readings.by_id(connection, first.id) == whole
        assert running.commits[-1].events[-1] == EntityEvent(Action.UPDATED, whole, NOW + 11)
        assert await running.store(running.reading(sensor_id, humidity=48.0)) == ["duplicate"]
        assert await running.store(running.reading(sensor_id, temperature=21.5, humidity=48.1)) == ["conflict"]


async def test_the_same_measurement_stays_the_same_after_a_calibration(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first = running.reading(sensor_id, temperature=21.5)
        again = running.reading(sensor_id, temperature=20.5, raw={"temperature": 21.5})
        other = running.reading(sensor_id, temperature=21.5, raw={"temperature": 22.5})
        assert await running.store(first) == ["stored"]
        assert await running.store(again) == ["duplicate"]
        assert await running.store(other) == ["conflict"]


async def test_one_batch_completes_and_repeats_itself(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first = running.reading(sensor_id)
        results = await running.store(
            first,
            running.reading(sensor_id),
            running.reading(sensor_id, humidity=50.0),
            running.reading(sensor_id, humidity=51.0),
        )
        assert results == ["stored", "duplicate", "completed", "conflict"]
        assert running.rows(ALL) == [(first.id, sensor_id, NOW, 21.5, 50.0)]


async def test_a_transmission_sent_again_is_known_by_its_token(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        await running.put(running.reading(sensor_id, token="session:7:abc"))
        again = running.reading(sensor_id, NOW + SECOND, token="session:7:abc")
        await running.put(again, redelivered={again.id})
        new = running.reading(sensor_id, NOW + 2 * SECOND, token="session:7:abc")
        await running.put(new)  # the same message id and content, but not flagged as sent again
        await running.settle()
        assert [outcome.result for outcome in running.outcomes] == ["stored", "duplicate", "stored"]
    async with recording(url, tmp_path) as running:
        again = running.reading(sensor_id, NOW + 3 * SECOND, token="session:7:abc")
        other = running.reading(sensor_id, NOW + 4 * SECOND, token="session:8:abc")
        await running.put(again, other, redelivered={again.id, other.id})
        await running.settle()
        assert [outcome.result for outcome in running.outcomes] == ["duplicate", "stored"]
        assert running.outcomes[0].reading.id == new.id


async def test_a_restart_knows_its_keys_and_gives_no_id_twice(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first = running.reading(sensor_id)
        await running.store(first)
        given = {name: running.recorder.ids.take(name) for name in ("sensor", "reading", "event", "anomaly")}
    async with recording(url, tmp_path) as running:
        assert await running.store(running.reading(sensor_id)) == ["duplicate"]
        for name, last in given.items():
            assert running.recorder.ids.take(name) > last
        assert running.recorder.ids.take("reading") < 30_000  # the rest of one block is skipped, not more


async def test_an_orderly_restart_goes_on_with_the_next_sensor(url: str, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        async with recording(url, tmp_path) as running:
            sensor = running.sensor(f"mqtt/{number}")
            await running.put(sensors=[sensor])
            assert sensor.id == number


async def test_a_change_is_seen_and_announced_in_its_place(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        news = SystemEvent(Level.INFO, "test", "hola", "hello", NOW)

        def rename(connection: Connection) -> tuple[str, list[SystemEvent]]:
            connection.execute(text("UPDATE sensor SET name = 'cocina'"))
            return "done", [news]

        assert await running.recorder.change(rename) == "done"
        assert running.commits[-1].events == [news]
        assert running.rows("SELECT id, name FROM sensor") == [(sensor_id, "cocina")]


async def test_a_failing_change_fails_alone(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        blocker = threading.Event()

        def fail(connection: Connection) -> tuple[None, list[SystemEvent]]:
            blocker.wait(10)  # so that all three stand in one group
            connection.execute(text("UPDATE sensor SET name = 'lost'"))
            connection.execute(sql_delete(tables.reading_recent))
            raise LookupError("no such thing")

        def duplicate_key(connection: Connection) -> tuple[None, list[SystemEvent]]:
            connection.execute(insert(tables.blocked_key), [{"key": "a", "created_at": 1}] * 2)
            return None, []

        first = running.reading(sensor_id)
        await running.store(first)
        failing = asyncio.ensure_future(running.recorder.change(fail))
        refused = asyncio.ensure_future(running.recorder.change(duplicate_key))
        wrong = asyncio.ensure_future(running.recorder.change(lambda c: (c.execute(text("SELECT nothing")), ())))
        await asyncio.sleep(0)
        storing = asyncio.ensure_future(running.store(running.reading(sensor_id), running.reading(sensor_id, NOW + 1)))
        blocker.set()
        with pytest.raises(LookupError, match="no such thing"):
            await failing
        with pytest.raises(Exception, match=r"(?i)unique"):
            await refused
        with pytest.raises(Exception, match="nothing"):
            await wrong
        assert await storing == ["duplicate", "stored"]  # the undone deletion left the keys as they were
        assert running.rows("SELECT name FROM sensor") == [(None,)]
        assert running.recorder.state().up


async def test_readings_of_a_deleted_sensor_are_refused(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor = running.sensor()
        await running.store(*(running.reading(sensor.id, NOW + number) for number in range(7)), sensors=[sensor])

        def remove(connection: Connection) -> tuple[int, list[EntityEvent]]:
            gone = sensors.remove(connection, sensor, NOW)
            return gone.readings, [EntityEvent(Action.DELETED, sensor, NOW)]

        assert await running.recorder.change(remove) == 7
        assert running.recorder.state().unfolded == 0
        late = running.sensor()
        await running.put(running.reading(sensor.id), receipts=["late"])
        await running.put(running.reading(late.id), sensors=[late])  # its key stays out
        await running.settle()
        assert [outcome.result for outcome in running.outcomes[-2:]] == ["refused", "refused"]
        assert running.released == ["late"]
        assert running.rows(ALL) == []
        assert running.rows("SELECT id FROM sensor") == []


async def test_a_reading_is_changed_and_deleted(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        first, second = running.reading(sensor_id), running.reading(sensor_id, NOW + 1)
        await running.store(first, second)
        warmer = replace(first, temperature=30.0, updated_at=NOW + 2)

        def change(connection: Connection) -> tuple[None, list[EntityEvent]]:
            readings.change(connection, warmer)
            return None, [EntityEvent(Action.UPDATED, warmer, NOW)]

        await running.recorder.change(change)
        assert running.rows("SELECT id, temperature FROM reading_all ORDER BY id") == [
            (first.id, 30.0),
            (second.id, 21.5),
        ]
        assert await running.store(running.reading(sensor_id, temperature=30.0)) == ["duplicate"]

        def remove(connection: Connection) -> tuple[None, list[EntityEvent]]:
            readings.remove(connection, warmer)
            return None, [EntityEvent(Action.DELETED, warmer, NOW)]

        await running.recorder.change(remove)
        assert running.recorder.state().unfolded == 1
        assert await running.store(running.reading(sensor_id)) == ["stored"]  # its key is free again


async def test_two_registrations_of_one_key_become_one_sensor(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        first, second = running.sensor("same"), running.sensor("same")
        await running.put(sensors=[first])
        await running.put(running.reading(second.id), sensors=[second])
        await running.put(running.reading(second.id, NOW + 1))
        await running.settle()
        assert [outcome.reading.sensor_id for outcome in running.outcomes] == [first.id, first.id]
        assert running.rows("SELECT id FROM sensor") == [(first.id,)]


@pytest.mark.parametrize(
    "bad",
    [
        {"temperature": float("nan")},
        {"others": {"pressure": float("inf")}},
        {"sequence": 2**70},
        {"token": "nul\0"},
        {"token": "\ud800"},
    ],
    ids=repr,
)
async def test_a_row_that_no_database_takes_is_refused_alone(url: str, tmp_path: Path, bad: dict[str, Any]) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        await running.put(
            running.reading(sensor_id, NOW + 1),
            running.reading(sensor_id, NOW + 2, **bad),
            running.reading(sensor_id, NOW + 3),
            receipts=["all"],
        )
        await running.settle()
        assert [outcome.result for outcome in running.outcomes] == ["stored", "refused", "stored"]
        assert running.released == ["all"]
        assert running.recorder.state().counters["refused"] == 1


async def test_a_row_that_this_database_refuses_is_refused_alone(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        good = [running.reading(sensor_id, NOW + number) for number in range(4)]
        poison = replace(running.reading(sensor_id, NOW + 5), id=good[0].id)  # the primary key is taken
        too_long = running.sensor("k" * 300)
        results = await running.store(good[0], good[1])
        results += await running.store(good[2], poison, running.reading(too_long.id), good[3], sensors=[too_long])
        assert results[:4] == ["stored", "stored", "stored", "refused"]
        assert results[5] == "stored"
        assert [row[0] for row in running.rows(ALL) if row[1] == sensor_id] == [reading.id for reading in good]
        refused = [o for o in running.outcomes if o.result == "refused"]
        announced = [e for c in running.commits for e in c.events if isinstance(e, EntityEvent) and e.entity == poison]
        assert refused[0].reading == poison
        assert announced == []


async def test_a_full_queue_makes_the_source_wait(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        go = threading.Event()
        held = asyncio.ensure_future(running.recorder.change(lambda _: (go.wait(20), ())))
        putting = asyncio.ensure_future(_put_batches(running, sensor_id, 12))
        await asyncio.wait([putting], timeout=0.3)  # it would be done in a fraction of this
        assert not putting.done()
        assert 4500 <= running.recorder.state().queued <= 5001
        go.set()
        await asyncio.gather(held, putting)
        await running.settle()
        assert running.recorder.state().counters["stored"] == 6000


async def _put_batches(running: Recording, sensor_id: int, batches: int) -> None:
    for number in range(batches):
        await running.put(*(running.reading(sensor_id, NOW + number * 500 + step) for step in range(500)))


async def test_what_a_driver_learned_is_kept(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        assert await running.recorder.memory("mqtt") == {}
        await running.put(memory={"units": {"t": "°F"}})
        await running.put(memory={"units": {"t": "°C"}})
        await running.put()
        await running.settle()
        assert await running.recorder.memory("mqtt") == {"units": {"t": "°C"}}


async def test_many_readings_at_once_are_stored_in_several_transactions(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor = running.sensor()
        await running.recorder.ids.ready("reading", 10_000)
        readings = [running.reading(sensor.id, NOW + number) for number in range(10_000)]
        assert await running.store(*readings, sensors=[sensor]) == ["stored"] * 10_000
        assert running.rows("SELECT count(*) FROM reading_all") == [(10_000,)]
        assert max(len(commit.outcomes) for commit in running.commits) == 1000


async def test_rows_taken_before_the_clock_was_known_are_rebased(url: str, tmp_path: Path) -> None:
    async with recording(url, tmp_path) as running:
        sensor_id = await with_sensor(running)
        sure = running.reading(sensor_id, NOW)
        unsure = running.reading(sensor_id, 5 * SECOND, clock_set=False)
        clash = running.reading(sensor_id, 0, clock_set=False)
        await running.store(sure, unsure, clash)
        moved = await running.recorder.change(lambda c: (reading_store.rebase(c, NOW), ()))
        expected = replace(unsure, time=NOW + 5 * SECOND, received_at=NOW + 5 * SECOND, clock_set=True)
        assert moved == [expected]
        assert await running.store(running.reading(sensor_id, NOW + 5 * SECOND)) == ["duplicate"]
        assert await running.store(running.reading(sensor_id, 5 * SECOND)) == ["stored"]
        assert running.rows(select(tables.reading_all.c.clock_set).where(tables.reading_all.c.id == clash.id)) == [(0,)]
