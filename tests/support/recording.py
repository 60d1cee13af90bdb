"""A recorder on a real database, and readings to give it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Select, text

from daemon.batches import Batch, Commit, DatabaseState, Outcome
from daemon.database import Database
from daemon.entities import Sensor, StoredReading
from daemon.recorder import Recorder
from daemon.schema import open_database

NOW = 1_753_005_000_000_000
"""µs; any moment will do."""

SECOND = 1_000_000


@dataclass(slots=True)
class Recording:
    """An entered recorder and what it said. ``released`` holds the receipts in the order of their release."""

    recorder: Recorder
    database: Database
    commits: list[Commit] = field(default_factory=list)
    states: list[DatabaseState] = field(default_factory=list)
    released: list[object] = field(default_factory=list)

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for commit in self.commits for outcome in commit.outcomes]

    def sensor(self, key: str = "mqtt/kitchen") -> Sensor:
        return Sensor(self.recorder.ids.take("sensor"), key, "temperature", "DHT22", NOW, NOW)

    def reading(self, sensor_id: int, time: int = NOW, **fields: Any) -> StoredReading:
        values = {"temperature": 21.5} if not {"temperature", "humidity", "others"} & fields.keys() else {}
        row_id = self.recorder.ids.take("reading")
        return StoredReading(row_id, sensor_id, time, fields.pop("received_at", time), "mqtt", **values, **fields)

    async def put(self, *readings: StoredReading, sensors: Sequence[Sensor] = (), **fields: Any) -> None:
        await self.recorder.put(Batch("mqtt", sensors, readings, release=self.released.extend, **fields))

    async def store(self, *readings: StoredReading, sensors: Sequence[Sensor] = ()) -> list[str]:
        return [outcome.result for outcome in await self.recorder.store(sensors, readings, "mqtt")]

    async def settle(self) -> None:
        """Until all that was put is committed and synced."""
        await self.recorder.change(lambda _: (None, ()))

    def rows(self, statement: str | Select[Any]) -> list[tuple[Any, ...]]:
        """What a reader sees now."""
        with self.database.readers.connect() as connection:
            found = connection.execute(text(statement) if isinstance(statement, str) else statement)
            return [tuple(row) for row in found]


@asynccontextmanager
async def recording(url: str, folder: Path, sync_interval: float = 0.05) -> AsyncIterator[Recording]:
    database, _ = open_database(url, folder)
    recorder = Recorder(database, sync_interval=sync_interval)
    running = Recording(recorder, database)
    recorder.on_commit = running.commits.append
    recorder.on_state = running.states.append
    try:
        async with recorder:
            yield running
    finally:
        database.close()
