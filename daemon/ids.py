"""Ids of rows and events, from blocks that are on the disk as used before the first of them is given.

A restart skips the rest of a block, so an id that anyone has seen never names anything else.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

BLOCKS: Mapping[str, int] = {
    "sensor": 1024,
    "location": 16,
    "anomaly": 64,
    "prediction": 1024,
    "reading": 10_000,
    "event": 100_000,
}
"""How many ids a block holds, by name: what a crash wastes. A whole site may show its sensors in one batch."""

GIVEN_BACK = "sensor"
"""People read these: an orderly stop gives the rest of the block back, so that numbers stay small."""

LARGEST_BLOCK = 1_000_000
"""A block that was half used within a second is doubled, up to here: a slow card must not hold up a fast source."""


class IdsExhaustedError(Exception):
    """No reserved id is left; :meth:`IdBlocks.ready` waits for them."""


class IdBlocks:
    """Gives ids on the event loop; ``request(name, count)`` asks the writer to reserve more and never blocks."""

    def __init__(self, request: Callable[[str, int], None], clock: Callable[[], float]) -> None:
        self._request = request
        self._clock = clock
        self._blocks = dict(BLOCKS)
        self._free: dict[str, deque[range]] = {name: deque() for name in BLOCKS}
        self._asked: dict[str, float] = {}
        self._outstanding: dict[str, int] = {}
        self._waiting: dict[str, list[asyncio.Future[None]]] = {name: [] for name in BLOCKS}

    def take(self, name: str) -> int:
        """The next id. Raises IdsExhaustedError when the writer could not reserve a block in time."""
        return self.take_many(name, 1)[0]

    def take_many(self, name: str, count: int) -> range:
        """``count`` consecutive ids. Raises IdsExhaustedError as :meth:`take` does."""
        free = self._free[name]
        while free and len(free[0]) < count:
            free.popleft()
        if not free:
            self._ask(name, count)
            raise IdsExhaustedError(f"no {name} id is left until the database has reserved more")
        taken, free[0] = free[0][:count], free[0][count:]
        if self._left(name) < self._blocks[name] / 2:
            self._ask(name, 0)
        return taken

    async def ready(self, name: str, count: int = 1) -> None:
        """Wait until ``count`` ids can be taken; callers of large batches await this first."""
        while not any(len(block) >= count for block in self._free[name]):
            waiter = asyncio.get_running_loop().create_future()
            self._waiting[name].append(waiter)
            self._ask(name, count)
            await waiter

    def grant(self, name: str, block: range) -> None:
        """The writer's answer: ``block`` is on the disk as used."""
        free = self._free[name]
        if free and free[-1].stop == block.start:
            free[-1] = range(free[-1].start, block.stop)
        else:
            free.append(block)
        self._outstanding.pop(name, None)
        waiting, self._waiting[name] = self._waiting[name], []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """No id will be reserved any more: whoever waits for one is told."""
        for waiter in (waiter for waiting in self._waiting.values() for waiter in waiting):
            if not waiter.done():
                waiter.set_exception(error)

    def give_back(self, name: str) -> range | None:
        """End the giving of ids of this name; what is left of the last block, None where that is not certain."""
        free, self._free[name] = self._free[name], deque()
        return free[0] if len(free) == 1 and name not in self._outstanding else None

    def _left(self, name: str) -> int:
        return sum(map(len, self._free[name]))

    def _ask(self, name: str, count: int) -> None:
        if self._outstanding.get(name, -1) >= count:
            return
        now = self._clock()
        if now - self._asked.get(name, float("-inf")) < 1.0:
            self._blocks[name] = min(LARGEST_BLOCK, self._blocks[name] * 2)
        self._asked[name] = now
        wanted = max(self._blocks[name], 2 * count)
        self._outstanding[name] = wanted
        self._request(name, wanted)
