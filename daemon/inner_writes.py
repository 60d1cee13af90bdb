"""Rows that the daemon makes itself, beside readings: episodes, predictions, sensors whose state changed, times.

Whoever makes one does not wait for it: the write goes to the recorder at once, in order, and what fails is logged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from daemon import reading_store
from daemon.batches import DatabaseUnavailableError
from daemon.entities import Anomaly, AnomalyState, Prediction, Sensor, SensorState
from daemon.events import Action, EntityEvent, Event
from daemon.ids import IdBlocks
from daemon.repository import anomalies, event_times, predictions, sensors
from daemon.scoring import Predicted

log = logging.getLogger("sereno.database")

T = TypeVar("T")

ROWS = 500
"""Predictions in one write: a thousand sensors have theirs at the same quarter of an hour."""

MOST = 1_000
"""Writes that may wait: while the database is down, what goes beyond is counted and dropped, and found again later."""


class Change(Protocol):
    """The recorder's ``change``."""

    def __call__(self, work: Callable[[Connection], tuple[T, Sequence[Event]]], /) -> Awaitable[T]: ...


class InnerWrites:
    """``now`` is µs since 1970 UTC."""

    def __init__(self, change: Change, ids: IdBlocks, now: Callable[[], int]) -> None:
        self._change = change
        self._ids = ids
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()
        self.dropped = 0

    def anomaly(self, anomaly: Anomaly, action: Action) -> None:
        """A new episode, or one that is over; nothing of one that is gone, or that a person resolved meanwhile."""

        def work(conn: Connection) -> tuple[None, list[Event]]:
            if action is Action.DETECTED:
                anomalies.add(conn, anomaly)
                return None, [EntityEvent(action, anomaly, self._now())]
            there = anomalies.by_id(conn, anomaly.id)
            if there is None or there.state is AnomalyState.RESOLVED:
                return None, []
            after = replace(there, state=anomaly.state, resolved_at=anomaly.resolved_at, updated_at=anomaly.updated_at)
            anomalies.change(conn, after)
            return None, [EntityEvent(action, after, self._now())]

        self._spawn(work, f"anomaly {anomaly.id} of sensor {anomaly.sensor_id}")

    def sensor(self, sensor: Sensor) -> None:
        """A sensor, as clients see it, whose state or type the daemon changed; nothing of one that is gone or ignored
        meanwhile.
        """

        def work(conn: Connection) -> tuple[None, list[Event]]:
            there = sensors.by_id(conn, sensor.id)
            if there is None or there.ignored:
                return None, []
            state = there.state if there.state is SensorState.INACTIVE else sensor.state  # a person's word stands
            after = replace(there, state=state, type=sensor.type, updated_at=sensor.updated_at)
            sensors.change(conn, after)
            # Memory knows the newest reading; the table learns of it when rows are folded.
            told = replace(after, last_reading_at=sensor.last_reading_at)
            return None, [EntityEvent(Action.UPDATED, told, self._now())]

        self._spawn(work, f"sensor {sensor.id}")

    def predictions(self, predicted: Sequence[Predicted]) -> None:
        """A run of forecasts, one row each."""
        for start in range(0, len(predicted), ROWS):
            self._start(self._predictions(predicted[start : start + ROWS]), "predictions")

    async def _predictions(self, predicted: Sequence[Predicted]) -> None:
        await self._ids.ready("prediction", len(predicted))
        now, ids = self._now(), self._ids.take_many("prediction", len(predicted))
        rows = [
            Prediction(
                id=number,
                sensor_id=each.sensor_id,
                quantity=each.quantity,
                horizon_s=each.horizon_s,
                value=each.value,
                lower=each.lower,
                upper=each.upper,
                predicted_at=each.predicted_at,
                model=each.model,
                created_at=now,
                updated_at=now,
                location_id=each.location_id,
                probability=each.probability,
                comment=each.comment,
                comment_en=each.comment_en,
            )
            for number, each in zip(ids, predicted, strict=True)
        ]

        def work(conn: Connection) -> tuple[None, list[Event]]:
            predictions.add_many(conn, rows)
            return None, [EntityEvent(Action.COMPLETED, row, now) for row in rows]

        await self._write(work, f"{len(rows)} predictions")

    def forget_predictions(self, before: int) -> None:
        """Delete predictions made before ``before`` (µs): nobody asks what was expected a month ago."""

        def work(conn: Connection) -> tuple[None, list[Event]]:
            predictions.remove_before(conn, before)
            return None, []

        self._spawn(work, "old predictions")

    def event_time(self, newest: int) -> None:
        """Every event after the id ``newest`` happens from now on."""
        now = self._now()

        def work(conn: Connection) -> tuple[None, list[Event]]:
            event_times.remember(conn, newest, now)
            return None, []

        self._spawn(work, "the time of an event id")

    def set_clock_right(self, by: int) -> None:
        """Move the rows that were taken before the machine knew the time by ``by`` µs."""

        def work(conn: Connection) -> tuple[None, list[Event]]:
            now = self._now()
            return None, [EntityEvent(Action.UPDATED, row, now) for row in reading_store.rebase(conn, by)]

        self._spawn(work, "rows taken before the clock was set")

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks)

    def _spawn(self, work: Callable[[Connection], tuple[None, Sequence[Event]]], what: str) -> None:
        self._start(self._write(work, what), what)

    def _start(self, writing: Coroutine[Any, Any, None], what: str) -> None:
        if len(self._tasks) >= MOST:
            self.dropped += 1
            writing.close()
            return
        task = asyncio.get_running_loop().create_task(writing, name=f"write {what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, work: Callable[[Connection], tuple[None, Sequence[Event]]], what: str) -> None:
        try:
            await self._change(work)
        except (SQLAlchemyError, DatabaseUnavailableError) as error:
            # Its sensor may have been deleted meanwhile, or the database be down: it is found again if it lasts.
            log.warning("%s could not be stored: %s", what, error)
