"""The writer's thread: takes what waits, writes it in one transaction, says what was committed; retries for ever."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from daemon.batches import Commit, DatabaseUnavailableError
from daemon.database import WAL_CHECKPOINT, Database
from daemon.database_faults import Outage, is_database_error, outage
from daemon.folding import Folding
from daemon.group import BatchItem, ChangeItem, Done, Group, Item, RefusedRowError, ReserveItem
from daemon.wal import Owed
from daemon.writer_connection import OtherWriterError, WriterConnection
from daemon.writer_queue import WriterQueue

log = logging.getLogger("sereno.database")

MOST_ROWS = 1000
"""Rows in one transaction: long enough to pay for its sync, short enough that nobody waits for it."""

FIRST_RETRY, LONGEST_RETRY = 0.1, 2.0
"""Seconds between attempts while the database does not work."""

PATIENCE = 10.0
"""Seconds that someone who waits for an answer is left waiting for a database that does not work."""

TAKEOVER = 5.0
"""Seconds that another daemon on the same server is given to be gone."""

DRAIN = 1.0
"""Seconds after which a stop begins no further attempt on a database that does not work: with what the drivers and
the last attempts may take, the daemon is gone within 10 s."""

LARGEST_LOG = 3 * WAL_CHECKPOINT
"""Bytes of write-ahead log at which the writer waits for readers to let it begin anew."""

LOG_CHECK, LOG_RETRY = 1.0, 5.0
"""Seconds between looks at the log's size, and after a try to shorten it, which may hold the writer for
``BUSY_TIMEOUT``."""


class Sync(Protocol):
    """See ``daemon.wal``."""

    broken: OSError | None

    def committed(self, owed: Sequence[Owed], rows: int, *, wrote: bool, at_once: bool) -> None: ...
    def repaired(self) -> None: ...


class Announcer(Protocol):
    """Where the writer's news go: each call reaches the event loop in order."""

    def post(self, owed: Sequence[Owed]) -> None: ...
    def commit(self, commit: Commit) -> None: ...
    def grant(self, name: str, ids: range) -> None: ...
    def health(self, trouble: Outage | None) -> None: ...


class Writer:
    """``open``, then ``run``, are the thread's body; ``stopping`` ends its patience with a broken database."""

    def __init__(self, database: Database, queue: WriterQueue, sync: Sync, announcer: Announcer) -> None:
        self._database = database
        self._queue = queue
        self._sync = sync
        self._announcer = announcer
        self._connection = WriterConnection(database, self._wait_out)
        self._folding = Folding(time.monotonic())
        self._trouble: Outage | None = None
        self._pause = FIRST_RETRY
        self._stop_by: float | None = None
        self._log_check = 0.0
        self.stopping = threading.Event()
        self.counters: Counter[str] = Counter()

    @property
    def ledger_size(self) -> int:
        return self._connection.ledger.size

    def unfolded(self, sensor_id: int) -> Sequence[int]:
        return self._connection.ledger.unfolded(sensor_id)

    def open(self) -> None:
        """Connect and load; in the writer's thread. Raises the database's errors.

        The server may need a moment to notice that a killed predecessor is gone.
        """
        deadline = time.monotonic() + TAKEOVER
        while True:
            try:
                self._connection.open()
            except OtherWriterError:
                if time.monotonic() > deadline or self.stopping.wait(FIRST_RETRY):
                    raise
            else:
                return

    def run(self) -> None:
        """Until the queue is closed and empty."""
        try:
            while not self._queue.finished:
                self._turn()
            if self._sync.broken:
                self._repair()
        finally:
            self._connection.close()

    def _turn(self) -> None:
        ledger, now = self._connection.ledger, time.monotonic()
        items = self._queue.take(MOST_ROWS, self._folding.wait(ledger, now))
        if items:
            self._write(items)
        if self._sync.broken:
            self._repair()
        elif self._folding.wait(ledger, time.monotonic()) <= 0:
            self._fold()
        self._bound_log()

    # -- writing

    def _write(self, items: list[Item]) -> None:
        careful = False
        while items:
            try:
                done, wrote = self._attempt(items, careful=careful)
            except RefusedRowError:
                careful = True
            except Exception as error:
                if not is_database_error(error):
                    raise
                if not self._wait_out(error):
                    self._give_up([*items, *self._queue.remove(lambda _: True)])
                    return
                items = self._give_up(items, PATIENCE)
            else:
                self._recovered()
                self._committed(items, done, wrote=wrote)
                return

    def _attempt(self, items: list[Item], *, careful: bool) -> tuple[Done, bool]:
        sqlite = self._connection.is_sqlite
        with self._connection.transaction() as connection:
            before = self._connection.changes() if sqlite else 0
            done = Group(connection, self._connection.ledger, careful=careful).run(items)
        return done, not sqlite or self._connection.changes() != before

    def _committed(self, items: list[Item], done: Done, *, wrote: bool) -> None:
        self.counters["commits"] += 1
        self.counters.update(outcome.result for outcome in done.outcomes)
        if done.outcomes or done.events:
            self._announcer.commit(Commit(done.outcomes, done.events))
        owed: list[Owed] = []
        for item, result in zip(items, done.results, strict=True):
            owed.extend(self._owed(item, result))
        at_once = any(not isinstance(item, BatchItem) or item.answer is not None for item in items)
        self._sync.committed(owed, len(done.outcomes), wrote=wrote, at_once=at_once)

    def _owed(self, item: Item, result: Any) -> list[Owed]:
        match item:
            case ReserveItem():
                return [partial(self._announcer.grant, item.name, result)]
            case ChangeItem():
                return [partial(_answer, item, result)]
            case BatchItem(batch=batch):
                owed: list[Owed] = []
                if batch.release is not None and batch.receipts:
                    owed.append(partial(batch.release, batch.receipts))
                if item.answer is not None:
                    owed.append(partial(_answer, item, result))
                return owed

    # -- the database does not work

    def _wait_out(self, error: Exception) -> bool:
        """Say so, wait a little; False when it is time to stop."""
        self._say(outage(error) or Outage("other", " ".join(str(error).split())))
        self._expire()
        if self.stopping.wait(self._pause):
            now = time.monotonic()
            self._stop_by = self._stop_by or now + DRAIN
            if now > self._stop_by:
                return False
            time.sleep(FIRST_RETRY)  # the event is set for good: without this the drain would spin
        self._pause = min(LONGEST_RETRY, self._pause * 2)
        return True

    def _say(self, trouble: Outage) -> None:
        if self._trouble is None or self._trouble.trouble != trouble.trouble:
            log.error("the database does not work: %s", trouble.reason)
            self._announcer.health(trouble)
        self._trouble = trouble

    def _recovered(self) -> None:
        self._pause = FIRST_RETRY
        if self._trouble is not None and not self._sync.broken:
            log.warning("the database works again")
            self._trouble = None
            self._announcer.health(None)

    def _expire(self) -> None:
        self._give_up(self._queue.remove(lambda item: _waited(item, PATIENCE)))

    def _give_up(self, items: list[Item], patience: float = 0.0) -> list[Item]:
        """Tell those who have waited long enough; the rest is kept."""
        reason = self._trouble.reason if self._trouble else "it does not work"
        error = DatabaseUnavailableError(f"nothing was stored: {reason}")
        gone = [item for item in items if _waited(item, patience)]
        self._announcer.post([partial(_answer, item, error) for item in gone])
        return [item for item in items if item not in gone]

    def _repair(self) -> None:
        """A sync failed: only a whole checkpoint makes what was committed safe."""
        self._say(Outage("io_error", f"the write-ahead log could not be synced ({self._sync.broken})"))
        try:
            if self._connection.checkpoint():
                self._sync.repaired()
                self._recovered()
                return
            error: Exception = TimeoutError("readers hold the write-ahead log")
        except Exception as raised:
            if not is_database_error(raised):
                raise
            error = raised
        log.error("the write-ahead log could not be synced, and not be checkpointed: %s", error)
        self.stopping.wait(self._pause)
        self._pause = min(LONGEST_RETRY, self._pause * 2)

    # -- housekeeping

    def _fold(self) -> None:
        ledger = self._connection.ledger
        before = ledger.size
        try:
            with self._connection.transaction() as connection:
                folded = self._folding.chunk(connection, ledger)
        except Exception as error:
            if not is_database_error(error):
                raise
            log.warning("readings could not be folded yet: %s", error)
            self._folding.postpone(time.monotonic())
            return
        if folded is None:
            ledger.empty()
        else:
            ledger.fold(*folded)
        self.counters["folded"] += before - ledger.size
        self._sync.committed([], 0, wrote=True, at_once=False)

    def _bound_log(self) -> None:
        """A log that readers have kept from beginning anew is copied while they wait."""
        path, now = self._database.path, time.monotonic()
        if path is None or now < self._log_check:
            return
        self._log_check = now + LOG_CHECK
        try:
            if path.with_name(path.name + "-wal").stat().st_size < LARGEST_LOG:
                return
            self._log_check = now + LOG_RETRY
            self.counters["checkpoints"] += self._connection.checkpoint()
        except Exception as error:
            if not isinstance(error, OSError) and not is_database_error(error):
                raise
            log.warning("the write-ahead log could not be shortened yet: %s", error)


def _waited(item: Item, patience: float) -> bool:
    if isinstance(item, ReserveItem) or item.answer is None:
        return False
    return time.monotonic() - item.asked_at >= patience


def _answer(item: Item, result: Any) -> None:
    """On the loop."""
    answer = None if isinstance(item, ReserveItem) else item.answer
    if answer is None or answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
