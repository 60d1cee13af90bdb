"""A series as 15-minute means, contiguous and bounded; what was not measured carries the last value on, marked."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats
from ml.features import BIN
from ml.lags import BINS_PER_DAY, REACH, usable_origins

SPAN = 28 * 96
"""Four weeks: a model sees each weekday four times."""

_ROOM = SPAN + SPAN // 4
"""Bins that there is space for: the newest SPAN move to the front once a week, so that a slice is contiguous."""

_WEEK = 7

CARRY = 8
"""Bins (2 h) over which a missing value is carried on as if it were known."""


class Bins:
    """The last SPAN complete bins, a companion quantity beside them, and the bin that is being filled.

    What was flagged as an anomaly is in its bin, for that is where the series stands now; but a bin with anything
    flagged in it is not ``known``: no fit learns from it, and no forecast is judged by it.
    """

    __slots__ = (
        *("_companion", "_flagged", "_known", "_last", "_sums", "_tips", "_values"),
        *("first", "missing", "open", "size"),
    )

    def __init__(self) -> None:
        self._values = np.full(_ROOM, np.nan, np.float32)
        self._companion = np.full(_ROOM, np.nan, np.float32)
        self._tips = np.zeros(_ROOM, np.float32)
        self._known = np.zeros(_ROOM, np.bool_)
        self._sums = [0.0, 0.0, 0.0, 0.0]  # value, count, companion, count
        self._flagged = False
        self._last = math.nan  # the newest reading of the open bin
        self.size = 0
        self.first = 0
        self.open: int | None = None
        self.missing = 0

    @property
    def values(self) -> Floats:
        return self._values[: self.size].astype(np.float64)

    def tail(self, count: int) -> tuple[Floats, Floats, Floats]:
        """The newest ``count`` bins of the series, NaN where one is not known, but for the newest; of its companion;
        and how far above its bin's mean the last reading of each lay."""
        newest = slice(max(0, self.size - count), self.size)
        values, companion, tips = (a[newest].astype(np.float64) for a in (self._values, self._companion, self._tips))
        values[:-1][~self._known[newest][:-1]] = np.nan
        return values, companion, tips

    def latest(self, count: int) -> Floats:
        """The newest ``count`` bins, known or not."""
        return self._values[max(0, self.size - count) : self.size].astype(np.float64)

    def usual_day(self) -> Floats:
        """(96,): what was usual at the times of day of the newest day's bins, the last one's being now's: the means of
        what is known of the last week; NaN where nothing is."""
        back = np.arange(BINS_PER_DAY)[::-1, None] + BINS_PER_DAY * np.arange(_WEEK)
        return known_mean(self.before(back), 1)

    @property
    def tip(self) -> float:
        """How far above the newest bin's mean its last reading lay; 0 before the first."""
        return float(self._tips[self.size - 1]) if self.size else 0.0

    def window(self, first: int, count: int) -> Floats:
        """Bins ``first``.. as they are known now, also one that is still open; NaN where one is not, or was flagged."""
        found = np.full(count, np.nan)
        begin, end = max(first, self.first), min(first + count, self.first + self.size)
        if begin < end:
            inside = slice(begin - self.first, end - self.first)
            found[begin - first : end - first] = np.where(self._known[inside], self._values[inside], np.nan)
        if self.open is not None and self._sums[1] and not self._flagged and first <= self.open < first + count:
            found[self.open - first] = self._sums[0] / self._sums[1]
        return found

    def at(self, back: int) -> float:
        """The value ``back`` bins before the newest; NaN before the first."""
        return float(self._values[self.size - 1 - back]) if back < self.size else math.nan

    def before(self, back: NDArray[np.intp]) -> Floats:
        """The values so many bins before the newest, in the shape of ``back``; NaN where one is not known."""
        return np.where(self.known_before(back), self._values[np.maximum(self.size - 1 - back, 0)], np.nan)

    @property
    def newest(self) -> int:
        """Number of the newest complete bin since 1970."""
        return self.first + self.size - 1

    def begins_new(self, time: float) -> bool:
        """Whether a reading of this time ends the open bin."""
        return self.open is not None and int(time // BIN) > self.open

    def add(self, time: float, value: float, *, flagged: bool) -> bool:
        """Count a reading into the open bin, which must not be older; false for an older one."""
        number = int(time // BIN)
        if self.open is None:
            self.open = number
        if number != self.open:
            return False
        self._sums[0] += value
        self._sums[1] += 1.0
        self._last = value
        self._flagged = self._flagged or flagged
        return True

    def add_companion(self, time: float, value: float) -> None:
        """Count the other quantity beside it; one of an older bin is left out."""
        if self.open is not None and int(time // BIN) != self.open:
            return
        self._sums[2] += value
        self._sums[3] += 1.0

    def close(self) -> bool:
        """Complete the open bin and open the next; returns whether the completed one was measured and usual."""
        assert self.open is not None  # noqa: S101 - callers ask begins_new first
        total, count, companion, companion_count = self._sums
        flagged, self._flagged = self._flagged, False
        self._sums = [0.0, 0.0, 0.0, 0.0]
        if self.size == 0:
            self.first = self.open
        elif self.size == _ROOM:
            self._make_room()
        last = self.size - 1
        self.missing = 0 if count else self.missing + 1
        carried = self._values[last] if self.size else np.nan
        carried_companion = self._companion[last] if self.size else np.nan
        self._values[self.size] = total / count if count else carried
        self._tips[self.size] = self._last - total / count if count else 0.0
        self._companion[self.size] = companion / companion_count if companion_count else carried_companion
        self._known[self.size] = self.missing <= CARRY and not flagged
        self.size += 1
        self.open += 1
        return count > 0 and not flagged

    def known_before(self, back: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether the bins so many before the newest are known, in the shape of ``back``."""
        places = self.size - 1 - back
        found: NDArray[np.bool_] = (places >= 0) & self._known[np.maximum(places, 0)]
        return found

    def restart(self, time: float) -> None:
        """Begin anew after a gap longer than the span."""
        self.size, self.missing, self.open = 0, 0, int(time // BIN)
        self._sums, self._flagged = [0.0, 0.0, 0.0, 0.0], False

    def training(self, limit: int) -> Arrays:
        """The newest ``limit`` bins: ``values``, ``companion``, ``tips``, ``known``, and ``first``, their number."""
        start = max(0, self.size - limit)
        return {
            "values": self._values[start : self.size].copy(),
            "companion": self._companion[start : self.size].copy(),
            "tips": self._tips[start : self.size].copy(),
            "known": self._known[start : self.size].copy(),
            "first": np.array([self.first + start]),
        }

    def usable_rows(self, horizons: Sequence[int]) -> int:
        """Rows that a fit would have for that of some horizons (in bins) which has fewest."""
        if self.size < REACH + max(horizons):
            return 0
        known = self._known[max(0, self.size - SPAN) : self.size]
        return min(len(usable_origins(known, horizon)) for horizon in horizons)

    def state(self) -> Arrays:
        is_open = math.nan if self.open is None else self.open
        scalars = [*self._sums, is_open, self.missing, float(self._flagged), self._last]
        return self.training(SPAN) | {"sums": np.array(scalars, np.float64)}

    def restore(self, state: Arrays) -> None:
        self.size = len(state["values"])
        self._values[: self.size] = state["values"]
        self._companion[: self.size] = state["companion"]
        self._tips[: self.size] = state["tips"]
        self._known[: self.size] = state["known"]
        self.first = int(state["first"][0])
        *self._sums, is_open, missing, flagged, self._last = state["sums"].tolist()
        self._flagged = bool(flagged)
        self.open = None if is_open != is_open else int(is_open)
        self.missing = int(missing)

    def _make_room(self) -> None:
        for array in (self._values, self._companion, self._tips, self._known):
            array[:SPAN] = array[_ROOM - SPAN :].copy()
        self.first += _ROOM - SPAN
        self.size = SPAN


def known_mean(values: Floats, least: int) -> Floats:
    """Of the known ones in each row; NaN where there are fewer than ``least``."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan)
