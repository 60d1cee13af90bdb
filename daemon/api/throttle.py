"""How often something may fail: token buckets on the monotonic clock, bounded in number."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """One bucket for each key: ``capacity`` at once, then ``per_hour``.

    At most ``limit`` keys are remembered; the one unused for longest is forgotten first.
    """

    def __init__(
        self, *, capacity: float, per_hour: float, monotonic: Callable[[], float], limit: int = 10_000
    ) -> None:
        self._capacity = capacity
        self._rate = per_hour / 3600
        self._monotonic = monotonic
        self._limit = limit
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one; 0, or the seconds until there is one to take."""
        now = self._monotonic()
        bucket = self._buckets.pop(key, None) or _Bucket(self._capacity, now)
        self._buckets[key] = bucket
        if len(self._buckets) > self._limit:
            self._buckets.popitem(last=False)
        bucket.level = min(self._capacity, bucket.level + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.level < 1:
            return (1 - bucket.level) / self._rate
        bucket.level -= 1
        return 0.0

    def give_back(self, key: str) -> None:
        """What was taken was not a failure after all."""
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.level = min(self._capacity, bucket.level + 1)

    def __len__(self) -> int:
        return len(self._buckets)
