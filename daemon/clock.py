"""The machine's clocks, and whether the wall clock can be believed.

A Raspberry Pi has no battery-backed clock: at boot it resumes at the time of its last shutdown, until the network
sets it with a step. Every timeout uses the monotonic clock; this module tells when the other one may be used.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RELEASED = 1_790_000_000_000_000  # 2026-09-21: no machine can run this code earlier
"""µs since 1970 UTC: a wall clock before this is not set."""

STEP = 2_000_000
"""µs by which the wall clock must leave the monotonic one between two looks to count as stepped, not slewed."""

_TIMESYNC = Path("/run/systemd/timesync")
# systemd-timesyncd touches this file whenever it has set the clock from the network (man systemd-timesyncd).
_SYNCHRONIZED = _TIMESYNC / "synchronized"


def _network_time_pending() -> bool:
    """Whether this machine has a time service that has not set the clock yet."""
    return _TIMESYNC.is_dir() and not _SYNCHRONIZED.exists()


@dataclass(frozen=True, slots=True)
class Step:
    """The wall clock jumped by ``by`` µs; ``now_set`` where the clock has become known by it."""

    by: int
    now_set: bool


class MachineClock:
    """Both clocks, and a time that has certainly passed: the release of this code, or what :meth:`passed` tells."""

    def __init__(
        self,
        *,
        wall: Callable[[], int] = lambda: time.time_ns() // 1000,
        monotonic: Callable[[], float] = time.monotonic,
        pending: Callable[[], bool] = _network_time_pending,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._pending = pending
        self._floor = RELEASED
        self._offset = self._now_offset()
        self._set = self._believable()

    def now(self) -> int:
        """µs since 1970 UTC."""
        return self._wall()

    def monotonic(self) -> float:
        """Seconds, never stepping."""
        return self._monotonic()

    def is_set(self) -> bool:
        """Whether the wall clock was believable at the last look."""
        return self._set

    def passed(self, time: int) -> None:
        """``time`` (µs) has certainly passed: a clock before it is not set."""
        self._floor = max(self._floor, time)
        self._set = self._believable()

    def look(self) -> Step | None:
        """Compare the clocks; to be called every second. A step is reported once."""
        offset, was_set = self._now_offset(), self._set
        by, self._offset = offset - self._offset, offset
        self._set = self._believable()
        became_set = self._set and not was_set
        return Step(by, became_set) if abs(by) >= STEP or became_set else None

    def _believable(self) -> bool:
        return self._wall() >= self._floor and not self._pending()

    def _now_offset(self) -> int:
        return self._wall() - int(self._monotonic() * 1_000_000)
