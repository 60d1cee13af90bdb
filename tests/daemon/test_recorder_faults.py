"""The database locked, full, gone or lying: nothing acknowledged is lost or stored twice, and it recovers alone."""

import asyncio
import errno
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from support.postgres import PostgresServer
from support.recording import NOW, Recording, recording

from daemon import database as database_module
from daemon import writer
from daemon.batches import DatabaseUnavailableError
from daemon.recorder import Recorder
from daemon.schema import open_database

URL = "sqlite:///sereno.db"
COUNT = "SELECT count(*), count(DISTINCT id) FROM reading_all"


@asynccontextmanager
async def prepared(url: str, folder: Path) -> AsyncIterator[tuple[Recording, int]]:
    async with recording(url, folder) as running:
        sensor = running.sensor()
        await running.put(sensors=[sensor])
        await running.settle()
        yield running, sensor.id


async def until(condition: Callable[[], bool], running: Recording) -> None:
    """Wait for a state to be announced that meets the condition."""
    told = asyncio.Event()
    before = running.recorder.on_state

    def listen(state: Any) -> None:
        before(state)
        told.set()

    running.recorder.on_state = listen
    while not condition():
        told.clear()
        await asyncio.wait_for(told.wait(), 15)


async def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database_module.PRAGMAS, "busy_timeout", "50")
    async with prepared(URL, tmp_path) as (running, sensor_id):
        with closing(sqlite3.connect(tmp_path / "sereno.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await running.put(running.reading(sensor_id), receipts=["a"])
            await until(lambda: not running.recorder.state().up, running)
            assert running.recorder.state().trouble == "locked"
            assert "locked" in str(running.recorder.state().reason)
            assert running.rows(COUNT) == [(0, 0)]  # reads go on
            assert running.released == []
            other.execute("ROLLBACK")
        await running.settle()
        assert running.released == ["a"]
        assert [state.up for state in running.states] == [False, True]
        assert running.rows(COUNT) == [(1, 1)]


async def test_who_waits_for_an_answer_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database_module.PRAGMAS, "busy_timeout", "50")
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    async with prepared(URL, tmp_path) as (running, sensor_id):
        with closing(sqlite3.connect(tmp_path / "sereno.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await running.put(running.reading(sensor_id), receipts=["a"])
            storing = running.recorder.store((), [running.reading(sensor_id, NOW + 1)], "rest")
            changing = running.recorder.change(lambda _: (None, ()))
            told = await asyncio.gather(storing, changing, return_exceptions=True)
            assert [type(error) for error in told] == [DatabaseUnavailableError] * 2
            assert "locked" in str(told[0])
            other.execute("ROLLBACK")
        await running.settle()
        assert running.released == ["a"]
        assert running.rows(COUNT) == [(1, 1)]


async def test_a_stop_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(database_module.PRAGMAS, "busy_timeout", "50")
    monkeypatch.setattr(writer, "DRAIN", 0.3)
    with closing(sqlite3.connect(tmp_path / "sereno.db", isolation_level=None)) as other:
        async with prepared(URL, tmp_path) as (running, sensor_id):
            other.execute("BEGIN IMMEDIATE")
            await running.put(running.reading(sensor_id), receipts=["a"])
            storing = asyncio.ensure_future(running.store(running.reading(sensor_id, NOW + 1)))
            await asyncio.sleep(0)
        with pytest.raises(DatabaseUnavailableError):
            await storing
        assert running.released == []  # the source will send it again


async def test_a_stop_tries_once_more_and_not_once_for_each_transaction_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database_module.PRAGMAS, "busy_timeout", "50")
    monkeypatch.setattr(writer, "MOST_ROWS", 1)
    monkeypatch.setattr(writer, "DRAIN", 0.0)
    attempts = 0
    attempt = writer.Writer._attempt

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal attempts
        attempts += 1
        return attempt(*arguments, **named)

    with closing(sqlite3.connect(tmp_path / "sereno.db", isolation_level=None)) as other:
        async with prepared(URL, tmp_path) as (running, sensor_id):
            other.execute("BEGIN IMMEDIATE")
            for number in range(50):
                await running.put(running.reading(sensor_id, NOW + number), receipts=[number])
            await until(lambda: not running.recorder.state().up, running)
            monkeypatch.setattr(writer.Writer, "_attempt", counted)
    assert attempts <= 3
    assert running.released == []


async def test_a_failed_sync_is_made_good_by_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with prepared(URL, tmp_path) as (running, sensor_id):
        real, failures = os.fdatasync, iter([OSError(errno.EIO, "Input/output error")])

        def sync(descriptor: int) -> None:
            for error in failures:
                raise error
            real(descriptor)

        monkeypatch.setattr(os, "fdatasync", sync)
        await running.put(running.reading(sensor_id), receipts=["a"])
        await running.settle()
        assert running.released == ["a"]
        await until(lambda: len(running.states) == 2, running)
        assert [state.trouble for state in running.states] == ["io_error", None]
        with closing(sqlite3.connect(f"file:{tmp_path}/sereno.db?mode=ro&immutable=1", uri=True)) as file_alone:
            assert file_alone.execute("SELECT count(*) FROM reading_recent").fetchone() == (1,)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"mounting a small tmpfs is not allowed here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_is_waited_for(small_disk: Path) -> None:
    async with prepared(URL, small_disk) as (running, sensor_id):
        (small_disk / "ballast").write_bytes(b"x" * 2_000_000)

        async def pour() -> None:
            for number in range(40):
                await running.recorder.ids.ready("reading", 500)
                rows = [running.reading(sensor_id, NOW + number * 500 + n) for n in range(500)]
                await running.put(*rows, receipts=[number])

        pouring = asyncio.ensure_future(pour())
        await until(lambda: not running.recorder.state().up, running)
        assert running.recorder.state().trouble == "full"
        stored = running.recorder.state().counters["stored"]
        assert running.rows(COUNT) == [(stored, stored)]
        assert stored < 20_000
        (small_disk / "ballast").unlink()
        began = asyncio.get_running_loop().time()
        await until(lambda: running.recorder.state().up, running)
        assert asyncio.get_running_loop().time() - began < 5
        await asyncio.wait([pouring], timeout=0.1)
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)  # noqa: ASYNC221
        await pouring
        await running.settle()
        assert running.released == list(range(40))
        assert running.rows(COUNT) == [(20_000, 20_000)]
        assert running.rows("PRAGMA integrity_check") == [("ok",)]


async def test_a_restarted_server_costs_nothing(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    async with prepared(postgres_url, tmp_path) as (running, sensor_id):
        readings = [running.reading(sensor_id, NOW + number) for number in range(900)]

        async def pour() -> None:
            for number, reading in enumerate(readings):
                await running.put(reading, receipts=[number])
                if number % 50 == 0:
                    await running.settle()

        for _ in range(2):
            crash = asyncio.create_task(asyncio.to_thread(postgres_server.stop, "immediate"))
            if _ == 0:
                pouring = asyncio.ensure_future(pour())
            await crash
            await asyncio.to_thread(postgres_server.start)
        await pouring
        await running.settle()
        assert running.released == list(range(900))
        stored = running.rows("SELECT id FROM reading_all ORDER BY id")
        assert stored == [(reading.id,) for reading in readings]
        assert running.recorder.state().up
        assert {outcome.result for outcome in running.outcomes} == {"stored"}


@pytest.mark.parametrize("happened", [True, False])
async def test_a_commit_without_an_answer_is_asked_about(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happened: bool
) -> None:
    async with prepared(postgres_url, tmp_path) as (running, sensor_id):
        dialect = running.database.writer.dialect
        real = dialect.do_commit
        cuts = iter([True])

        def commit(connection: Any) -> None:
            if next(cuts, False):
                if happened:
                    real(connection)
                connection.dbapi_connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            real(connection)

        monkeypatch.setattr(dialect, "do_commit", commit)
        runs = []

        def work(connection: Any) -> tuple[str, tuple[()]]:
            runs.append(1)
            connection.execute(text("INSERT INTO property (name, value) VALUES ('once', 'x')"))
            return "done", ()

        assert await running.recorder.change(work) == "done"
        assert len(runs) == (1 if happened else 2)
        assert await running.store(running.reading(sensor_id)) == ["stored"]
        assert running.rows("SELECT value FROM property WHERE name = 'once'") == [("x",)]


async def test_a_second_daemon_is_refused_by_the_database(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "TAKEOVER", 0.2)
    async with prepared(postgres_url, tmp_path) as (running, sensor_id):
        database, _ = open_database(postgres_url, tmp_path)
        with pytest.raises(Exception, match="another daemon"):
            async with Recorder(database):
                pass
        database.close()
        assert await running.store(running.reading(sensor_id)) == ["stored"]


async def test_a_reader_that_stays_cannot_make_the_log_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LARGEST_LOG", 200_000)
    monkeypatch.setattr(writer, "LOG_CHECK", 0.0)
    monkeypatch.setattr(writer, "LOG_RETRY", 0.0)
    monkeypatch.setitem(database_module.PRAGMAS, "busy_timeout", "50")
    log = tmp_path / "sereno.db-wal"
    async with prepared(URL, tmp_path) as (running, sensor_id):

        async def pour(start: int) -> None:
            rows = [running.reading(sensor_id, NOW + start + n) for n in range(1000)]
            await running.recorder.ids.ready("reading", 1000)
            await running.store(*rows)

        with closing(sqlite3.connect(tmp_path / "sereno.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sensor").fetchall()
            for step in range(5):
                await pour(step * 1000)
            assert os.stat(log).st_size > 200_000  # noqa: PTH116
        await running.settle()
        await running.settle()  # the first one's turn has ended
        assert os.stat(log).st_size < 200_000  # noqa: PTH116
        assert running.rows(COUNT) == [(5000, 5000)]
