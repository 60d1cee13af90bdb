"""What waits for the writer: filled on the event loop, emptied in the writer's thread, bounded in rows."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable

from daemon.batches import DatabaseUnavailableError
from daemon.group import BatchItem, Item

CAPACITY = 5000
"""Rows that may wait: five transactions, so that the writer never starves and a stuck disk is felt at the source."""


def rows_of(item: Item) -> int:
    """How much room an item takes."""
    return max(1, len(item.batch.readings)) if isinstance(item, BatchItem) else 1


class WriterQueue:
    """First in, first out. One item may exceed the capacity when it is alone."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._kicked = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.rows = 0

    async def put(self, item: Item) -> None:
        """Returns when the item is queued, after all that waited before it. Raises DatabaseUnavailableError."""
        self._loop = asyncio.get_running_loop()
        with self._changed:
            if self._closed:
                raise DatabaseUnavailableError("the recorder has stopped")
            if not self._waiting and self._fits(item):
                self._append(item)
                return
            admitted = self._loop.create_future()
            self._waiting.append((item, admitted))
        await admitted

    def push(self, item: Item) -> None:
        """Queue without waiting: for the few things that must not."""
        with self._changed:
            self._append(item)

    def _fits(self, item: Item) -> bool:
        return self.rows == 0 or self.rows + rows_of(item) <= CAPACITY

    def _append(self, item: Item) -> None:
        self._items.append(item)
        self.rows += rows_of(item)
        self._changed.notify()

    def _admit(self) -> None:
        """On the loop, after the writer took something."""
        with self._changed:
            while self._waiting and (self._waiting[0][1].cancelled() or self._fits(self._waiting[0][0])):
                item, admitted = self._waiting.popleft()
                if not admitted.cancelled():
                    self._append(item)
                    admitted.set_result(None)

    def take(self, most: int, timeout: float) -> list[Item]:
        """In the writer: what waits, up to ``most`` rows; waits ``timeout`` s for the first. Empty: look around."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (self._items or self._closed or self._kicked):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            self._kicked = False
            taken = self._taken(most)
            if taken and self._waiting and self._loop is not None:
                self._loop.call_soon_threadsafe(self._admit)
        return taken

    def _taken(self, most: int) -> list[Item]:
        taken: list[Item] = []
        room = most
        while self._items and (not taken or rows_of(self._items[0]) <= room):
            item = self._items.popleft()
            taken.append(item)
            room -= rows_of(item)
        self.rows -= sum(map(rows_of, taken))
        return taken

    def remove(self, unwanted: Callable[[Item], bool]) -> list[Item]:
        """Take out items, wherever they stand."""
        with self._changed:
            gone = [item for item in self._items if unwanted(item)]
            if gone:
                self._items = deque(item for item in self._items if not unwanted(item))
                self.rows -= sum(map(rows_of, gone))
        return gone

    def kick(self) -> None:
        """Let :meth:`take` return."""
        with self._changed:
            self._kicked = True
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is taken in; on the loop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            waiting, self._waiting = self._waiting, deque()
        for _, admitted in waiting:
            if not admitted.done():
                admitted.set_exception(DatabaseUnavailableError("the recorder has stopped"))

    @property
    def finished(self) -> bool:
        """Closed and empty."""
        with self._changed:
            return self._closed and not self._items
