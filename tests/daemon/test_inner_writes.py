"""The daemon's own rows: written without anyone waiting, bounded while the database does not answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon import inner_writes
from daemon.database import Database
from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Sensor, SensorState, Verdict
from daemon.events import Action, EntityEvent
from daemon.ids import IdBlocks
from daemon.inner_writes import InnerWrites
from daemon.repository import anomalies, predictions, sensors
from daemon.schema import open_database
from daemon.scoring import Predicted

SENSOR = Sensor(1, "mqtt/kitchen", "temperature", "DHT22", 0, 0)

Kept = tuple[Database, list[Any], Callable[[Any], Awaitable[Any]]]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """A database, the events that its changes told, and how a change is made."""
    database, _ = open_database("sqlite:///test.db", tmp_path)
    told: list[Any] = []

    async def change(work: Any, /) -> Any:
        with database.writer.begin() as connection:
            told.extend(work(connection)[1])

    yield database, told, change
    database.close()


async def test_what_waits_is_bounded_and_what_goes_beyond_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_writes, "MOST", 3)
    works = asyncio.Event()

    async def change(_: Any, /) -> Any:
        await works.wait()

    writes = InnerWrites(change, IdBlocks(lambda name, count: None, lambda: 0.0), lambda: 0)
    for _ in range(5):
        writes.sensor(SENSOR)
    assert writes.dropped == 2
    works.set()
    await writes.settle()
    writes.sensor(SENSOR)
    assert writes.dropped == 2
    await writes.settle()


async def test_a_sensor_that_falls_silent_is_told_with_its_last_reading_s_time(kept: Kept) -> None:
    database, told, change = kept
    with database.writer.begin() as connection:
        sensors.add(connection, SENSOR)  # nothing was folded yet: its row names no reading
    writes = InnerWrites(change, IdBlocks(lambda name, count: None, lambda: 0.0), lambda: 5)
    writes.sensor(replace(SENSOR, state=SensorState.SILENT, last_reading_at=3))
    await writes.settle()
    [event] = told
    assert isinstance(event, EntityEvent)
    assert isinstance(event.entity, Sensor)
    assert (event.entity.state, event.entity.last_reading_at) == (SensorState.SILENT, 3)


async def test_an_episode_that_is_over_keeps_what_a_person_said_of_it_meanwhile(kept: Kept) -> None:
    database, told, change = kept
    writes = InnerWrites(change, IdBlocks(lambda name, count: None, lambda: 0.0), lambda: 5)
    rows = [Anomaly(number, 1, AnomalyKind.UNUSUAL_PATTERN, 0.9, "e", "e", 1, 1) for number in (1, 2, 3)]
    with database.writer.begin() as connection:
        sensors.add(connection, SENSOR)
        anomalies.add(connection, replace(rows[0], explanation="El horno.", verdict=Verdict.FALSE))
        anomalies.add(connection, replace(rows[1], state=AnomalyState.RESOLVED, resolved_at=2))
    for row in rows:
        writes.anomaly(replace(row, state=AnomalyState.RESOLVED, resolved_at=4, updated_at=4), Action.RESOLVED)
    await writes.settle()
    with database.readers.connect() as connection:
        first, second = (anomalies.by_id(connection, number) for number in (1, 2))
    assert first == replace(
        rows[0],
        explanation="El horno.",
        verdict=Verdict.FALSE,
        state=AnomalyState.RESOLVED,
        resolved_at=4,
        updated_at=4,
    )
    assert second is not None
    assert second.resolved_at == 2
    assert [event.entity for event in told] == [first], "one was resolved before, one is gone"


async def test_a_warning_is_stored_and_announced_with_its_probability_and_words(kept: Kept) -> None:
    database, told, change = kept
    with database.writer.begin() as connection:
        sensors.add(connection, SENSOR)
    ids = IdBlocks(lambda name, count: None, lambda: 0.0)
    ids.grant("prediction", range(9, 99))
    writes = InnerWrites(change, ids, lambda: 5)
    writes.predictions(
        [Predicted(1, "temperature", 2700, -14.9, -15.2, -14.6, 7, "mix", None, 0.9, "Superará.", "It rises.")]
    )
    await writes.settle()
    with database.readers.connect() as connection:
        stored = predictions.by_id(connection, 9)
    assert stored is not None
    assert (stored.probability, stored.comment, stored.comment_en) == (0.9, "Superará.", "It rises.")
    assert (stored.horizon_s, stored.predicted_at, stored.created_at) == (2700, 7, 5)
    assert [(event.action, event.entity) for event in told] == [(Action.COMPLETED, stored)]
