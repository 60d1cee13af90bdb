"""Two sensors that are one: nothing stored is lost but what is said, wherever the rows lie and whatever ends it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection
from support.recording import NOW, SECOND, Recording, recording

from daemon import folding
from daemon.entities import Sensor
from daemon.events import Action, EntityEvent
from daemon.repository import merging, sensors
from daemon.repository.merging import Merged, Moved


@pytest.fixture(params=["sqlite", "postgresql"])
async def running(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Recording]:
    url = "sqlite:///test.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    monkeypatch.setattr(folding, "MOST_UNFOLDED", 40)  # both tables hold rows soon
    async with recording(url, tmp_path) as found:
        yield found


async def two(running: Recording, rows: int = 60) -> tuple[Sensor, Sensor]:
    """An old and a new identity of one device, each with its readings, at moments of their own."""
    old, new = running.sensor("mqtt/old"), running.sensor("mqtt/new")
    await running.store(
        *(running.reading(old.id, NOW + n * SECOND) for n in range(rows)),
        *(running.reading(new.id, NOW + (rows + n) * SECOND) for n in range(rows)),
        sensors=[old, new],
    )
    await running.settle()
    return old, new


async def finish(running: Recording, source: Sensor, target: Sensor, moved: Moved | None = None) -> Merged:
    def work(conn: Connection) -> tuple[Merged, list[object]]:
        found, into = sensors.by_id(conn, source.id), sensors.by_id(conn, target.id)
        assert found is not None
        assert into is not None
        merged, events = merging.finish(conn, found, into, moved or Moved(), NOW)
        return merged, list(events)

    return await running.recorder.change(work)  # type: ignore[arg-type]


def owners(running: Recording) -> dict[int, int]:
    return dict(running.rows("SELECT sensor_id, count(*) FROM reading_all GROUP BY sensor_id"))  # type: ignore[arg-type]


async def test_every_reading_and_key_is_the_others(running: Recording) -> None:
    old, new = await two(running)
    before = set(running.rows("SELECT id, time FROM reading_all"))
    merged = await finish(running, old, new)
    assert (merged.readings, merged.discarded) == (60, 0)
    assert set(running.rows("SELECT id, time FROM reading_all")) == before
    assert owners(running) == {new.id: 120}
    with running.database.readers.connect() as conn:
        (left,) = sensors.everything(conn)
        assert left.keys == ("mqtt/new", "mqtt/old")
        assert sensors.by_key(conn, "mqtt/old") == left
        assert sensors.blocked_keys(conn) == []
    told = [e for e in running.commits[-1].events if isinstance(e, EntityEvent)]
    assert [(e.action, e.entity.id) for e in told] == [(Action.DELETED, old.id), (Action.UPDATED, new.id)]
    assert told[0].metadata["merged_into"] == new.id


async def test_pieces_may_be_cut_short_and_the_same_work_completes_them(running: Recording) -> None:
    old, new = await two(running)
    moved = await running.recorder.change(lambda c: (merging.move_readings(c, old.id, new.id, rows=5), ()))
    assert moved.readings == 5
    assert owners(running) == {old.id: 55, new.id: 65}
    assert (await finish(running, old, new)).readings == 55
    assert owners(running) == {new.id: 120}


async def test_what_comes_again_is_known_before_between_and_after(running: Recording) -> None:
    old, new = await two(running)
    again = running.reading(old.id, NOW)
    await finish(running, old, new)
    assert await running.store(again) == ["duplicate"]  # under way for the old one while it ended
    assert await running.store(running.reading(old.id, NOW + 500 * SECOND)) == ["stored"]
    assert await running.store(running.reading(new.id, NOW + 59 * SECOND)) == ["duplicate"]
    assert owners(running) == {new.id: 121}


async def test_a_message_without_a_time_that_is_sent_again_is_known(running: Recording) -> None:
    old, new = await two(running)
    first = running.reading(old.id, NOW + 900 * SECOND, token="t1")
    await running.store(first)
    await finish(running, old, new)
    again = running.reading(old.id, NOW + 901 * SECOND, token="t1")
    await running.put(again, redelivered={again.id})
    await running.settle()
    assert running.outcomes[-1].result == "duplicate"
    assert running.outcomes[-1].reading.id == first.id


@pytest.mark.parametrize("folded", [True, False])
async def test_at_one_moment_the_others_value_stays_and_what_it_lacks_is_taken(
    running: Recording, folded: bool
) -> None:
    old, new = running.sensor("mqtt/old"), running.sensor("mqtt/new")
    await running.store(
        running.reading(old.id, NOW, temperature=20.0),
        running.reading(new.id, NOW, temperature=21.0),
        running.reading(old.id, NOW + SECOND, temperature=20.0, humidity=40.0),
        running.reading(new.id, NOW + SECOND, temperature=20.0),
        running.reading(old.id, NOW + 2 * SECOND, humidity=50.0),
        running.reading(new.id, NOW + 2 * SECOND, temperature=22.0),
        sensors=[old, new],
    )
    if folded:
        other = running.sensor("mqtt/other")
        await running.store(*(running.reading(other.id, NOW + n) for n in range(60)), sensors=[other])
        await running.settle()
    merged = await finish(running, old, new)
    assert (merged.readings, merged.discarded) == (2, 1)
    found = running.rows(f"SELECT temperature, humidity FROM reading_all WHERE sensor_id = {new.id} ORDER BY time")
    assert found == [(21.0, None), (20.0, 40.0), (22.0, 50.0)]


async def test_a_chain_of_merges_leads_to_the_last(running: Recording) -> None:
    old, new = await two(running)
    last = running.sensor("mqtt/last")
    await running.store(sensors=[last])
    await finish(running, old, new)
    await finish(running, new, last)
    assert owners(running) == {last.id: 120}
    with running.database.readers.connect() as conn:
        found = sensors.by_key(conn, "mqtt/old")
    assert found is not None
    assert set(found.keys) == {"mqtt/last", "mqtt/new", "mqtt/old"}
    assert await running.store(running.reading(old.id, NOW + 999 * SECOND)) == ["stored"]
    assert owners(running) == {last.id: 121}


async def test_every_key_of_a_deleted_sensor_stays_out(running: Recording) -> None:
    old, new = await two(running)
    await finish(running, old, new)

    def work(conn: Connection) -> tuple[None, list[EntityEvent]]:
        found = sensors.by_id(conn, new.id)
        assert found is not None
        sensors.remove(conn, found, NOW)
        return None, [EntityEvent(Action.DELETED, found, NOW)]

    await running.recorder.change(work)
    with running.database.readers.connect() as conn:
        assert set(sensors.blocked_keys(conn)) == {"mqtt/old", "mqtt/new"}


async def test_a_merge_that_fails_leaves_everything_as_it_was(running: Recording) -> None:
    old, new = await two(running)

    def work(conn: Connection) -> tuple[None, tuple[()]]:
        merging.finish(conn, old, new, Moved(), NOW)
        raise LookupError("half way")

    with pytest.raises(LookupError):
        await running.recorder.change(work)
    assert owners(running) == {old.id: 60, new.id: 60}
    assert await running.store(running.reading(old.id, NOW)) == ["duplicate"]
    assert (await finish(running, old, new)).readings == 60
