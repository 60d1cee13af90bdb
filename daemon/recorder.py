"""The one writer, as the event loop sees it: batches in, commits out, receipts released once rows are on the disk."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import orjson
from sqlalchemy import Connection, select

from daemon.batches import Batch, Commit, DatabaseState, DatabaseUnavailableError, Outcome
from daemon.database import Database
from daemon.database_faults import Outage
from daemon.entities import Sensor, StoredReading
from daemon.events import Event
from daemon.group import BatchItem, ChangeItem, ReserveItem, give_back
from daemon.ids import BLOCKS, GIVEN_BACK, IdBlocks
from daemon.tables import source as source_table
from daemon.wal import CommitIsSync, Owed, WalSync
from daemon.writer import MOST_ROWS, Writer
from daemon.writer_queue import WriterQueue

__all__ = ["Batch", "Commit", "DatabaseState", "DatabaseUnavailableError", "Outcome", "Recorder"]

log = logging.getLogger("sereno.database")

T = TypeVar("T")


class Recorder:
    """An async context manager around one writer thread.

    ``on_commit`` and ``on_state`` are called on the event loop, in order; set them before entering. ``on_state``
    tells that the database stopped working, or works again; ``on_fault`` that ``fault``, one of our own, has ended the
    writer: everything raises DatabaseUnavailableError from then on, and only a new process can help.
    """

    def __init__(self, database: Database, *, sync_interval: float = 5.0) -> None:
        self._database = database
        self._queue = WriterQueue()
        self._sync: WalSync | CommitIsSync = (
            CommitIsSync(self._post)
            if database.path is None
            else WalSync(database.path, sync_interval, self._post, self._queue.kick)
        )
        self._writer = Writer(database, self._queue, self._sync, self)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._opened: asyncio.Future[None]
        self._answers: set[asyncio.Future[Any]] = set()
        self._state = DatabaseState(up=True, trouble=None, reason=None, since=time.time_ns() // 1000)
        self.ids = IdBlocks(lambda name, count: self._queue.push(ReserveItem(name, count)), time.monotonic)
        self.on_commit: Callable[[Commit], None] = lambda _: None
        self.on_state: Callable[[DatabaseState], None] = lambda _: None
        self.on_fault: Callable[[], None] = lambda: None
        self.fault: BaseException | None = None

    async def __aenter__(self) -> Self:
        """Raises what the database raises when it cannot be opened; waits while it is locked or full."""
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.create_future()
        self._sync.start()
        self._thread.start()
        try:
            await self._opened
            for name in BLOCKS:
                await self.ids.ready(name)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit and sync what waits, release its receipts, close; a few seconds where the database does not work."""
        await self._end()

    async def _end(self) -> None:
        if left := self.ids.give_back(GIVEN_BACK):
            self._queue.push(ChangeItem(partial(give_back, left, GIVEN_BACK), time.monotonic(), self._answer()))
        self._queue.close()
        self._writer.stopping.set()
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._sync.stop)
        await asyncio.sleep(0)  # what the threads posted last is called now
        self._answer_none()

    # -- for drivers and clients

    async def put(self, batch: Batch) -> None:
        """Returns when the batch is queued; waits while 5,000 rows wait for the writer.

        Raises DatabaseUnavailableError once the recorder has stopped. When cancelled, the batch is either queued
        whole or not at all.
        """
        await self._queue.put(BatchItem(batch, time.monotonic()))

    async def store(self, sensors: Sequence[Sensor], readings: Sequence[StoredReading], source: str) -> list[Outcome]:
        """Returns after commit and sync, an outcome for each reading. Raises DatabaseUnavailableError.

        Many readings go in transactions of 1,000: where it raises, some may be stored; to send them again is safe.
        """
        parts = [readings[start : start + MOST_ROWS] for start in range(0, len(readings), MOST_ROWS)] or [()]
        answers = []
        for number, part in enumerate(parts):
            answer: asyncio.Future[list[Outcome]] = self._answer()
            batch = Batch(source, () if number else sensors, part)
            await self._queue.put(BatchItem(batch, time.monotonic(), answer))
            answers.append(answer)
        return [outcome for part in await asyncio.gather(*answers) for outcome in part]

    async def change(self, work: Callable[[Connection], tuple[T, Sequence[Event]]]) -> T:
        """Run ``work`` in a savepoint of the writer's transaction; returns after commit and sync.

        ``work`` runs in the writer's thread and may run again after an outage. What it raises is raised here and
        harms nothing else. Raises DatabaseUnavailableError.
        """
        answer: asyncio.Future[T] = self._answer()
        await self._queue.put(ChangeItem(work, time.monotonic(), answer))
        return await answer

    def _answer(self) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        return answer

    def _answer_none(self) -> None:
        """Nobody is left to answer those who wait."""
        for answer in tuple(self._answers):
            if not answer.done():
                answer.set_exception(DatabaseUnavailableError("the recorder has stopped"))
                answer.exception()  # whoever waits still gets it; where nobody does it is no news

    def sync_soon(self) -> None:
        """Do not wait for the interval: a source's window of unacknowledged messages is half full."""
        self._sync.hurry()

    async def memory(self, source: str) -> dict[str, Any]:
        """What was last kept as ``Batch.memory`` for this source; empty where there is none."""
        kept = await asyncio.to_thread(self._read_memory, source)
        return cast("dict[str, Any]", orjson.loads(kept)) if kept else {}

    def _read_memory(self, source: str) -> str | None:
        with self._database.readers.connect() as connection:
            return connection.scalar(select(source_table.c.memory).where(source_table.c.name == source))

    def unfolded(self, sensor_id: int) -> Sequence[int]:
        """Ids of this sensor's rows in ``reading_recent``; ask before the statement that reads them.

        May be called from any thread.
        """
        return self._writer.unfolded(sensor_id)

    def state(self) -> DatabaseState:
        """How the database is now."""
        counters = dict(self._writer.counters) | {"syncs": self._sync.syncs}
        return replace(
            self._state,
            queued=self._queue.rows,
            unsynced=self._sync.unsynced,
            unfolded=self._writer.ledger_size,
            counters=counters,
        )

    # -- from the writer's and the sync's thread

    def _run(self) -> None:
        try:
            self._writer.open()
        except BaseException as error:  # noqa: BLE001 - whatever it is belongs to whoever enters
            self._loop.call_soon_threadsafe(self._settle_opened, error)
            return
        self._loop.call_soon_threadsafe(self._settle_opened, None)
        try:
            self._writer.run()
        except BaseException as error:
            log.critical("the database's writer has stopped: nothing is stored any more; restart", exc_info=True)
            self.health(Outage("other", "the writer has stopped because of a fault in sereno; restart it"))
            self._loop.call_soon_threadsafe(self._fail, error)

    def _fail(self, error: BaseException) -> None:
        self.fault = error
        self._queue.close()
        self._answer_none()
        self.ids.fail(DatabaseUnavailableError("the recorder has stopped"))
        self.on_fault()

    def _settle_opened(self, error: BaseException | None) -> None:
        if self._opened.done():
            return
        if error is None:
            self._opened.set_result(None)
        else:
            self._opened.set_exception(error)

    def _post(self, owed: Sequence[Owed]) -> None:
        if owed:
            self._loop.call_soon_threadsafe(self._pay, owed)

    def _pay(self, owed: Sequence[Owed]) -> None:
        for due in owed:
            self._loop.call_soon(due)  # each for itself: one that raises holds up no other

    def post(self, owed: Sequence[Owed]) -> None:
        """Run these on the loop, in order."""
        self._post(owed)

    def commit(self, commit: Commit) -> None:
        """Something was committed."""
        self._loop.call_soon_threadsafe(lambda: self.on_commit(commit))

    def grant(self, name: str, ids: range) -> None:
        """On the loop: ids are on the disk as used."""
        self.ids.grant(name, ids)

    def health(self, trouble: Outage | None) -> None:
        """The database stopped working, or works again (None)."""
        self._loop.call_soon_threadsafe(self._note, trouble)

    def _note(self, trouble: Outage | None) -> None:
        kind, reason = (trouble.trouble, trouble.reason) if trouble else (None, None)
        self._state = DatabaseState(trouble is None, kind, reason, time.time_ns() // 1000)
        self.on_state(self.state())
