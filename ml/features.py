"""Windowed statistics of one series and the deviations read from them: constant time and memory per reading.

Every deviation is ``log`` of a size in the series' unit (or of a ratio), so the distance to what is usual for this
series is scale-free. The window has two kinds of memory: the present (short averages, last values), which follows
whatever is believed, and the baselines (long averages, the day's profile), which learn only what is called usual.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.base import Arrays

CHANNELS = ("jump", "spike", "local", "noise", "medium", "level", "drift", "season", "unchanged", "range", "shape")
"""What :meth:`SeriesWindow.measure` returns, in this order.

jump: against the last value · spike: the last one to three values against those before and after them · local:
against the last hour · noise: how restless the last hour is · medium: half an hour against half a day · level: three
hours against three days · drift: a day against ten · season: half an hour against the same time of the past days ·
unchanged: how long the very same value has come · range: the span of the last 24 h against that of the past days ·
shape: how much of the usual rhythm of the day is missing.
"""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
BIN = 15 * MINUTE
_BINS_PER_DAY = int(DAY / BIN)
_PROFILE_DAYS = 7
_RING = _BINS_PER_DAY * (_PROFILE_DAYS + 1)
"""Bins of the day's profile: the past week and today."""

_NOTHING = math.log(1e-9)
"""A deviation that no series has: what a channel says before it can say anything."""

_LATEST = 4
"""Values that a spike is looked for in: one before it, and up to three of its own."""

_BEND = 10.0
"""One bend counts at most so many times the usual: a spike is no noise."""

_SCALARS = (
    *("count", "time", "last", "before_last", "step", "resolution", "changed_at"),
    *("short", "local", "noise", "three_hours", "half_day", "three_days", "day", "ten_days"),
    *("usual_range", "rhythm", "rhythm_seen", "profile", "span"),
    *("bin", "bin_sum", "bin_count", "bin_learnt", "first_time"),
)


SPAN_BINS = 88
"""The bins of 22 h: a day of which the first hours may still be as usual."""


_MOST_REACH = 9
"""Bins: two hours."""


@dataclass(frozen=True, slots=True)
class Bin:
    """15 minutes of a series that are complete: number ``at`` since the epoch, the mean, the means of the SPAN_BINS
    bins that end with it (NaN where unknown), the readings' usual interval (s), and whether nothing in it was flagged.
    """

    at: float
    mean: float
    day: Sequence[float]
    step: float
    usual: bool

    @property
    def reach(self) -> int:
        """In how many bins a sensor of this pace has at least one that is complete: others are as slow."""
        return min(_MOST_REACH, 1 + math.ceil(self.step / BIN))


class SeriesWindow:
    """The running state of one series. Times in s, values in the series' unit."""

    __slots__ = (*_SCALARS, "day_values", "latest", "residuals")

    def __init__(self) -> None:
        self.count = 0.0
        self.first_time = self.time = -math.inf
        self.last = self.before_last = 0.0
        self.step = 0.0
        self.resolution = 0.0
        self.changed_at = 0.0
        self.short = self.local = self.noise = self.three_hours = 0.0
        self.half_day = self.three_days = self.day = self.ten_days = 0.0
        self.usual_range = self.rhythm = self.rhythm_seen = 0.0
        self.profile = math.nan
        self.span = math.nan
        self.bin = self.bin_sum = self.bin_count = 0.0
        self.bin_learnt = 1.0
        self.day_values = array("f", [math.nan] * _BINS_PER_DAY)
        self.residuals = array("f", [math.nan] * _RING)
        self.latest: list[float] = []

    @property
    def floor(self) -> float:
        """Half the smallest step seen between two values: less than that is no deviation."""
        return 0.5 * self.resolution or 1e-6 * abs(self.last) + 1e-9

    def measure(self, time: float, value: float) -> list[float]:
        """Deviations of ``value`` in the order of CHANNELS, before it is absorbed; changes nothing."""
        elapsed = time - self.time
        step = self.step or 1.0
        if self.count < 3 or elapsed > max(HOUR, 6 * step):
            return [_NOTHING] * len(CHANNELS)
        floor = self.floor
        # A random walk's move grows with the square root of time; one late reading is no jump.
        late = math.sqrt(elapsed / step) if elapsed > 1.5 * step else 1.0
        log = math.log
        season = log(abs(self.short - self.day - self.profile) + floor) if self.profile == self.profile else _NOTHING
        run = time - self.changed_at if value == self.last else 0.0
        ratio = _NOTHING
        if self.span == self.span and self.usual_range > 0:
            ratio = abs(log((self.span + 2 * floor) / (self.usual_range + 2 * floor)))
        missing = _NOTHING
        if self.rhythm > 0:
            missing = log(abs(self.rhythm - self.rhythm_seen) / math.sqrt(self.rhythm) + floor)
        return [
            log(abs(value - self.last) / late + floor),
            log(self.spike(value)[0] + floor),
            log(abs(value - self.local) / late + floor),
            log(self.noise + floor),
            log(abs(self.short - self.half_day) + floor),
            log(abs(self.three_hours - self.three_days) + floor),
            log(abs(self.day - self.ten_days) + floor),
            season,
            log(run / step + 1.0),
            ratio,
            missing,
        ]

    def spike(self, value: float) -> tuple[float, float]:
        """(how far the last one to three values stood out from both the one before them and this one, the farthest
        of them). A room does not come back within three readings to where it was, a glitch does.
        """
        height, at = 0.0, value
        lowest, highest = math.inf, -math.inf
        for place in range(len(self.latest) - 1, 0, -1):
            lowest, highest = min(lowest, self.latest[place]), max(highest, self.latest[place])
            before = self.latest[place - 1]
            above, below = lowest - max(before, value), min(before, value) - highest
            if above > height:
                height, at = above, highest
            if below > height:
                height, at = below, lowest
        return height, at

    def note(self, value: float) -> None:
        """Remember a value that was read, believed or not: of spikes, the latest four are enough."""
        self.latest = [*self.latest[1 - _LATEST :], value]

    def context(self, channel: str, time: float, value: float) -> tuple[float, float]:
        """(seen, expected) of one channel, in the unit of the series; ``unchanged`` in s, ``noise`` per reading."""
        match channel:
            case "jump":
                return value, self.last
            case "spike":
                return self.spike(value)[1], value
            case "local":
                return value, self.local
            case "noise":
                return self.noise, self.resolution
            case "medium":
                return self.short, self.half_day
            case "level":
                return self.three_hours, self.three_days
            case "drift":
                return self.day, self.ten_days
            case "season":
                return self.short, self.day + self.profile
            case "unchanged":
                return time - self.changed_at, self.step
            case "range":
                return self.span, self.usual_range
            case "shape":
                usual = math.sqrt(self.rhythm)
                return self.rhythm_seen / (usual or 1.0), usual
        raise ValueError(f"{channel!r} is no channel; {', '.join(CHANNELS)} are")

    def absorb(self, time: float, value: float, *, learn: bool) -> Bin | None:
        """Take a believed value in; the baselines follow only where ``learn`` says that it is usual.

        Returns the bin that it completes, if any.
        """
        if self.count == 0:
            self._begin(time, value)
            return None
        elapsed = time - self.time
        self._pace(elapsed, value)
        if elapsed > max(HOUR, 6 * self.step):
            self._resume(time, value)
        n, step = self.count + 1.0, self.step
        difference = value - self.last
        bend = abs(difference - (self.last - self.before_last)) if n > 2 else 0.0
        self.short += gain(elapsed, max(30 * MINUTE, 3 * step), n) * (value - self.short)
        hour = gain(elapsed, max(HOUR, 6 * step), n)
        self.local += hour * (value - self.local)
        self.noise += hour * (min(bend, _BEND * self.noise + self.floor) - self.noise)
        self.three_hours += gain(elapsed, max(3 * HOUR, 12 * step), n) * (value - self.three_hours)
        if learn:
            self.half_day += gain(elapsed, max(12 * HOUR, 36 * step), n) * (value - self.half_day)
            self.day += gain(elapsed, DAY, n) * (value - self.day)
            self.three_days += gain(elapsed, 3 * DAY, n) * (value - self.three_days)
            self.ten_days += gain(elapsed, 10 * DAY, n) * (value - self.ten_days)
        if difference:
            self.changed_at = time
        self.before_last, self.last, self.time, self.count = self.last, value, time, n
        return self._bin(time, value, learn)

    def rebase(self) -> None:
        """Accept the present level as the new usual one."""
        self.half_day = self.three_days = self.day = self.ten_days = self.three_hours

    def state(self) -> Arrays:
        return {
            "scalars": np.array([getattr(self, name) for name in _SCALARS], np.float64),
            "day_values": np.array(self.day_values, np.float32),
            "latest": np.array(self.latest, np.float64),
            "residuals": np.array(self.residuals, np.float32),
        }

    def restore(self, state: Arrays) -> None:
        for name, value in zip(_SCALARS, state["scalars"].tolist(), strict=True):
            setattr(self, name, value)
        self.day_values = array("f", state["day_values"].tolist())
        self.latest = state["latest"].tolist()
        self.residuals = array("f", state["residuals"].tolist())

    def _begin(self, time: float, value: float) -> None:
        self.count = 1.0
        self.first_time = self.time = self.changed_at = time
        self.last = self.before_last = value
        self.short = self.local = self.three_hours = value
        self.half_day = self.three_days = self.day = self.ten_days = value
        self.bin, self.bin_sum, self.bin_count = float(time // BIN), value, 1.0

    def _pace(self, elapsed: float, value: float) -> None:
        """Follow the median interval between readings and the smallest step between values."""
        if not self.step:
            self.step = elapsed
        pull = 1.0 + max(0.02, 1.0 / (self.count + 1.0))
        self.step *= pull if elapsed > self.step else 1.0 / pull
        change = abs(value - self.last)
        if change > 1e-9 and not 0 < self.resolution <= change:
            self.resolution = change

    def _resume(self, time: float, value: float) -> None:
        """After a gap the present starts anew; after two days the sensor may stand elsewhere.

        Nobody knows that the value stood still meanwhile: it counts as unchanged from now on.
        """
        elapsed = time - self.time
        self.changed_at = time
        self.short = self.local = self.three_hours = self.last = self.before_last = value
        self.latest = [value]
        if elapsed > 2 * DAY:
            self.rebase()
            self.day_values = array("f", [math.nan] * _BINS_PER_DAY)
            self.residuals = array("f", [math.nan] * _RING)
            self.profile = self.span = math.nan
            self.rhythm = self.rhythm_seen = 0.0

    def _bin(self, time: float, value: float, learn: bool) -> Bin | None:
        at, complete = float(time // BIN), None
        if at != self.bin:
            complete = self._close_bin(at)
            self.bin, self.bin_sum, self.bin_count, self.bin_learnt = at, 0.0, 0.0, 1.0
        self.bin_sum += value
        self.bin_count += 1.0
        if not learn:
            self.bin_learnt = 0.0
        return complete

    def _close_bin(self, next_bin: float) -> Bin:
        done, mean = int(self.bin), self.bin_sum / self.bin_count
        residual = mean - self.day
        self.day_values[done % _BINS_PER_DAY] = mean
        self.residuals[done % _RING] = residual if self.bin_learnt else math.nan
        day = [self.day_values[past % _BINS_PER_DAY] for past in range(done - SPAN_BINS + 1, done + 1)]
        for skipped in range(done + 1, min(int(next_bin), done + _RING)):
            self.residuals[skipped % _RING] = math.nan
            self.day_values[skipped % _BINS_PER_DAY] = math.nan
        if self.profile == self.profile:
            # Correlation with the usual day over half a day: C/V is 1 for the usual rhythm, 0 for none, -1 upside down.
            pull = gain(BIN, 8 * HOUR, self.count)
            self.rhythm += pull * (self.profile**2 - self.rhythm)
            self.rhythm_seen += pull * (self.profile * residual - self.rhythm_seen)
        self.profile = self._expected_residual(int(next_bin))
        if next_bin * BIN - self.first_time > DAY:
            self._follow_range()
        return Bin(float(done), mean, day, self.step, bool(self.bin_learnt))

    def _expected_residual(self, at: int) -> float:
        """Median over the past days of what this bin was above the day's level; NaN if no day knows it."""
        found = []
        for day in range(1, _PROFILE_DAYS + 1):
            for back in range(at - day * _BINS_PER_DAY, at - day * _BINS_PER_DAY - 4, -1):
                residual = self.residuals[back % _RING]
                if residual == residual:
                    found.append(residual)
                    break
        return median(found)

    def _follow_range(self) -> None:
        values = [value for value in self.day_values if value == value]
        self.span = max(values) - min(values) if values else math.nan
        if self.span != self.span:
            return
        if not self.usual_range:
            self.usual_range = self.span
        elif self.bin_learnt:
            self.usual_range += BIN / (4 * DAY) * (self.span - self.usual_range)


def gain(elapsed: float, memory: float, count: float = math.inf) -> float:
    """Weight of a new value in an average over ``memory`` s (backward Euler; at first the plain mean)."""
    return max(elapsed / (memory + elapsed), 1.0 / count)


def median(values: Sequence[float]) -> float:
    """The middle value, NaN for none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else 0.5 * (ordered[middle - 1] + ordered[middle])
