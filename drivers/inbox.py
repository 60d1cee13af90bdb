"""Deliveries of a serial port that wait to be taken. A port has no receipts: what is not taken in time is lost."""

import asyncio
from collections import deque
from collections.abc import Callable

from drivers.base import Decoded, Delivery, DriverError

MOST_WAITING = 1000
"""Ten minutes and more of the fastest sketch; the oldest is lost first, and counted as ``dropped_oldest``."""
_LATE = 500_000
"""µs: a clock that goes back by more was set, and is followed."""


class Inbox:
    """No two deliveries have the same time of receipt: a row is known by its sensor and time."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._fault: DriverError | None = None
        self._stamp = 0

    def put(self, decoded: Decoded, received_at: int, origin: str, payload: bytes = b"") -> None:
        """Let one wait; ``received_at`` is wall-clock µs."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._count("dropped_oldest")
        if 0 <= self._stamp - received_at < _LATE:
            received_at = self._stamp + 1
        self._stamp = received_at
        self._waiting.append(Delivery(decoded, received_at, origin, payload))
        self._arrived.set()

    def lose(self, sentence: str) -> None:
        """The port is gone: what waits can still be taken, then the fault is raised."""
        self._fault = self._fault or DriverError(sentence)
        self._arrived.set()

    async def take(self, until: float | None = None) -> list[Delivery]:
        """All that waits, as soon as there is something; raises DriverError of :meth:`lose`, TimeoutError at ``until``
        (the loop's time).
        """
        while not self._waiting:
            if self._fault is not None:
                raise self._fault
            self._arrived.clear()
            async with asyncio.timeout_at(until):
                await self._arrived.wait()
        batch = list(self._waiting)
        self._waiting.clear()
        return batch
