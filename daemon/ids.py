"""Ids of rows and events, from blocks that are on the disk as used before the first of them is given.

A restart skips the rest of a block, so an id that anyone has seen never names anything else.
"""

from collections.abc import Callable, Mapping

BLOCKS: Mapping[str, int] = {
    "sensor": 16,
    "location": 16,
    "anomaly": 64,
    "prediction": 1024,
    "reading": 10_000,
    "event": 100_000,
}
"""How many ids a block holds, by name: what a restart wastes."""


class IdsExhausted(Exception):
    """No reserved id is left; :meth:`IdBlocks.ready` waits for them."""


class IdBlocks:
    """Gives ids on the event loop; ``request`` asks the writer to reserve more and never blocks."""

    def __init__(self, request: Callable[[str, int], None]) -> None:
        self._request = request

    def take(self, name: str) -> int:
        """The next id. Raises IdsExhausted when the writer could not reserve a block in time."""
        return self.take_many(name, 1)[0]

    def take_many(self, name: str, count: int) -> range:
        """``count`` consecutive ids. Raises IdsExhausted as :meth:`take` does."""
        raise NotImplementedError

    async def ready(self, name: str, count: int = 1) -> None:
        """Wait until ``count`` ids can be taken; callers of large batches await this first."""
        raise NotImplementedError
