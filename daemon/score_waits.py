"""How long committed rows wait for their score: a histogram, as Prometheus keeps them."""

from bisect import bisect_left
from dataclasses import dataclass, field

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""Seconds; a bucket counts rows that waited at most so long, and the last what waited longer."""


@dataclass(slots=True)
class Waits:
    """``counts`` by bucket, ``seconds`` in all, ``longest`` of any row."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0
    longest: float = 0.0

    def add(self, seconds: float, rows: int) -> None:
        """``rows`` rows have waited ``seconds``."""
        self.counts[bisect_left(BOUNDS, seconds)] += rows
        self.seconds += seconds * rows
        self.longest = max(self.longest, seconds)

    def within(self) -> dict[str, int]:
        """Rows that waited at most so many seconds; ``+Inf`` is all."""
        found, total = {}, 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            total += count
            found[bound] = total
        return found
