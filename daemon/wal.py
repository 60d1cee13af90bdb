"""When committed rows are on the card: syncing the write-ahead log, and what is owed once that is done.

With ``synchronous=NORMAL`` SQLite commits without a sync; the log is synced here, from one kept descriptor, in a
thread of its own, so that no commit waits for the card. A checkpoint keeps the promise by itself: SQLite syncs the
log before it copies it and the database after, and begins the log anew only then (https://sqlite.org/wal.html).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.durable_files import sync_folder

Owed = Callable[[], None]


class CommitIsSync:
    """PostgreSQL: what is committed is on the disk."""

    unsynced = 0
    syncs = 0
    broken: OSError | None = None

    def __init__(self, post: Callable[[Sequence[Owed]], None]) -> None:
        self._post = post

    def start(self) -> None:
        """Nothing runs."""

    def committed(self, owed: Sequence[Owed], rows: int, *, wrote: bool, at_once: bool) -> None:  # noqa: ARG002 - the same for all
        if owed:
            self._post(owed)

    def hurry(self) -> None:
        """Nothing waits."""

    def repaired(self) -> None:
        """Nothing breaks."""

    def stop(self) -> None:
        """Nothing runs."""


class WalSync:
    """Syncs ``interval`` seconds after the first commit that is not synced, or at once when someone waits.

    ``post`` is given what is owed, in order of the commits; it is called in this thread. ``failed`` is called when
    a sync failed, and ``broken`` says how: the kernel may then have dropped what it could not write, so trying again
    proves nothing, and only a whole checkpoint (:meth:`repaired`) makes the rows safe.
    """

    def __init__(
        self, path: Path, interval: float, post: Callable[[Sequence[Owed]], None], failed: Callable[[], None]
    ) -> None:
        self._log = path.with_name(path.name + "-wal")
        self._interval = interval
        self._post = post
        self._failed = failed
        self._descriptor: int | None = None
        self._changed = threading.Condition()
        self._owed: deque[Owed] = deque()
        self._since: float | None = None
        self._hurry = False
        self._syncing = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self.unsynced = 0
        self.syncs = 0
        self.broken: OSError | None = None

    def start(self) -> None:
        self._thread.start()

    def committed(self, owed: Sequence[Owed], rows: int, *, wrote: bool, at_once: bool) -> None:
        """After a commit, from the writer: ``owed`` is due once it, and all before it, is synced."""
        with self._changed:
            if not wrote and self._since is None and not self._syncing and not self._owed:
                self._post(owed)
                return
            self._owed.extend(owed)
            self.unsynced += rows
            if self._since is None:
                self._since = time.monotonic()
                self._changed.notify()
            if at_once:
                self._hurry = True
                self._changed.notify()

    def hurry(self) -> None:
        """Do not wait for the interval, now or with the next commit if it is not there yet."""
        with self._changed:
            self._hurry = True
            self._changed.notify()

    def repaired(self) -> None:
        """A checkpoint has brought every commit into the database file; from the writer, between two commits."""
        with self._changed:
            self.broken, self._since = None, None
            self._settle(len(self._owed), self.unsynced)
            self._changed.notify()

    def stop(self) -> None:
        """Sync what is left and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _run(self) -> None:
        while self._wait():
            with self._changed:
                owed, rows = len(self._owed), self.unsynced
                self._since, self._hurry, self._syncing = None, False, True
            try:
                self._sync()
            except OSError as error:
                with self._changed:
                    self.broken, self._syncing = error, False
                self._failed()
                continue
            with self._changed:
                self.syncs += 1
                self._syncing = False
                self._settle(owed, rows)

    def _wait(self) -> bool:
        """Until there is something to sync; False when there is nothing and never will be."""
        with self._changed:
            while True:
                left = self._left()
                if left is not None and left <= 0:
                    return True
                if self._stopping and (self.broken or self._since is None):
                    return False
                self._changed.wait(left)

    def _left(self) -> float | None:
        """Seconds until the next sync is due, None where nothing waits for one."""
        if self._since is None or self.broken:
            return None
        if self._hurry or self._stopping:
            return 0
        return self._since + self._interval - time.monotonic()

    def _settle(self, owed: int, rows: int) -> None:
        self.unsynced -= rows
        due = [self._owed.popleft() for _ in range(owed)]
        if due:
            self._post(due)  # under the lock: what is owed is posted in order

    def _sync(self) -> None:
        """Raises OSError."""
        found = os.stat(self._log)  # noqa: PTH116 - the descriptor's counterpart below has no other name
        if self._descriptor is not None:
            kept = os.fstat(self._descriptor)
            if (kept.st_dev, kept.st_ino) != (found.st_dev, found.st_ino):
                os.close(self._descriptor)
                self._descriptor = None
        if self._descriptor is None:
            self._descriptor = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
            sync_folder(self._log.parent)
        os.fdatasync(self._descriptor)
