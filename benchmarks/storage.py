"""What storage costs: bytes a single reading puts into the write-ahead log, and what ten million rows cost a query.

    python benchmarks/storage.py --rows 1e4 1e6 1e7

Everything runs through the recorder and the statements of the daemon, in a temporary folder (``--folder``; 1 GB for
1e7 rows). Compare figures of one run with each other: absolute ones follow the disk and the neighbours.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from daemon import database as database_module
from daemon.batches import Batch, Commit
from daemon.database import Database
from daemon.entities import Sensor, StoredReading
from daemon.recorder import Recorder
from daemon.repository import readings
from daemon.repository.paging import Listing
from daemon.schema import open_database

URL = "sqlite:///benchmark.db"
SENSORS = 100
STEP = 1_000_000  # µs between two readings of a sensor
START = 1_700_000_000_000_000


class Bench:
    """A recorder, and a way to wait for its commits."""

    def __init__(self, recorder: Recorder, database: Database) -> None:
        self.recorder = recorder
        self.database = database
        self._committed = asyncio.Event()
        recorder.on_commit = self._note

    def _note(self, _: Commit) -> None:
        self._committed.set()

    async def commit(self, readings: list[StoredReading]) -> float:
        """Seconds from handing over to the commit."""
        self._committed.clear()
        began = time.perf_counter()
        await self.recorder.put(Batch("mqtt", (), readings))
        await self._committed.wait()
        return time.perf_counter() - began

    async def readings(self, count: int, moment: int) -> list[StoredReading]:
        await self.recorder.ids.ready("reading", count)
        ids = self.recorder.ids.take_many("reading", count)
        return [
            StoredReading(row_id, 1 + n % SENSORS, moment + n, moment + n, "mqtt", temperature=21.37, humidity=48.2)
            for n, row_id in enumerate(ids)
        ]


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    database, _ = open_database(URL, folder)
    try:
        async with Recorder(database) as recorder:
            made = Bench(recorder, database)
            if not database_has_sensors(database):
                await recorder.store([make_sensor(recorder.ids.take("sensor")) for _ in range(SENSORS)], [], "mqtt")
            yield made
    finally:
        database.close()


def database_has_sensors(database: Database) -> bool:
    with database.readers.connect() as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM sensor")))


def make_sensor(number: int) -> Sensor:
    return Sensor(number, f"mqtt/{number}", "temperature", "DHT22", START, START)


def add_index(connection: Connection) -> tuple[None, tuple[()]]:
    connection.execute(text("CREATE INDEX by_sensor ON reading_recent (sensor_id, time)"))
    return None, ()


async def log_bytes(page_size: int, *, indexed: bool, commits: int = 400) -> float:
    """Bytes that the log grows by for each reading committed alone."""
    database_module.PAGE_SIZE = page_size
    with tempfile.TemporaryDirectory() as name:
        async with bench(Path(name)) as made:
            if indexed:
                await made.recorder.change(add_index)
            log = Path(name) / "benchmark.db-wal"
            before = log.stat().st_size
            for number in range(commits):
                await made.commit(await made.readings(1, START + number * STEP))
            return (log.stat().st_size - before) / commits


def fill(database: Database, rows: int) -> None:
    """The clustered table as folding leaves it: each sensor's readings together, ids in order of time."""
    each = rows // SENSORS
    with database.writer.begin() as connection:
        connection.execute(text("DROP INDEX ix_reading_id"))
        connection.execute(
            text(
                "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :sensors), "
                "t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n < :each - 1) "
                "INSERT INTO reading (sensor_id, time, sequence, id, temperature, humidity, quality, received_at, "
                "source, clock_set) SELECT s.n, :start + t.n * :step, -1, -(t.n * :sensors + s.n), "
                "20 + t.n % 97 / 9.7, 40 + t.n % 89 / 8.9, 0, :start + t.n * :step, 1, 1 FROM s, t"
            ),
            {"sensors": SENSORS, "each": each, "start": START, "step": STEP},
        )
        connection.execute(text("CREATE UNIQUE INDEX ix_reading_id ON reading (id)"))


async def at_size(rows: int, parent: Path, repeats: int = 60) -> dict[str, float]:
    """Medians in ms with that many rows in the database."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        folder = Path(name)
        async with bench(folder):
            pass
        database, _ = open_database(URL, folder)
        fill(database, rows)
        database.close()
        os.sync()  # what filling left to write is not what is measured
        now = START + rows // SENSORS * STEP
        async with bench(folder) as made:
            inserts = [await made.commit(await made.readings(100, now + number * STEP)) for number in range(repeats)]
            queries, by_id = [], []
            with made.database.readers.connect() as connection:
                for sensor_id in range(1, repeats + 1):
                    began = time.perf_counter()
                    page = readings.listing(connection, Listing(100, sensor_id), made.recorder.unfolded)
                    assert len(page.rows) == 100
                    queries.append(time.perf_counter() - began)
                    began = time.perf_counter()
                    find = text("SELECT temperature FROM reading_all WHERE id = :id")
                    assert connection.scalar(find, {"id": -sensor_id * (rows // SENSORS - 1)}) is not None
                    by_id.append(time.perf_counter() - began)
        size = (folder / "benchmark.db").stat().st_size
    medians = {"last 100": queries, "100 inserted": inserts, "by id": by_id}
    return {name: statistics.median(times) * 1000 for name, times in medians.items()} | {"bytes/row": size / rows}


async def throughput(parent: Path, rows: int = 100_000) -> float:
    """Rows/s in batches of 1,000, folding included."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        async with bench(Path(name)) as made:
            batches = [await made.readings(1000, START + number * STEP) for number in range(rows // 1000)]
            began = time.perf_counter()
            for batch in batches:
                await made.recorder.put(Batch("mqtt", (), batch))
            await made.recorder.change(lambda _: (None, ()))
            return rows / (time.perf_counter() - began)


async def run(rows: list[int], parent: Path) -> None:
    chosen = database_module.PAGE_SIZE
    print("bytes into the log per reading committed alone, by page size; with an index on (sensor, time)")
    for page_size in (1024, 2048, 4096):
        alone = await log_bytes(page_size, indexed=False)
        indexed = await log_bytes(page_size, indexed=True)
        note = "   <- chosen" if page_size == chosen else ""
        print(f"  {page_size:5d}: {alone:6.0f}   {indexed:6.0f} ({indexed / alone:.2f} x){note}")
    database_module.PAGE_SIZE = chosen
    print(f"rows/s through the recorder in batches of 1,000, folding included: {await throughput(parent):,.0f}")
    print("ms (median), and times what the smallest size takes")
    first: dict[str, float] | None = None
    for count in rows:
        found = await at_size(count, parent)
        first = first or found
        parts = [f"{name} {value:7.3f} ({value / first[name]:4.2f} x)" for name, value in found.items()]
        print(f"  {count:>11,} rows: " + "   ".join(parts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", type=lambda value: int(float(value)), default=[10_000, 1_000_000])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    arguments = parser.parse_args()
    asyncio.run(run(arguments.rows, arguments.folder))
