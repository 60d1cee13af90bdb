"""How rare a deviation is for this series: block maxima of each channel and an exponential tail above them.

The maximum of a block of two hours (or 12 readings, where they are rarer) is kept for each channel, so neighbouring
readings count once and sensors of any pace are comparable. Above the upper quartile of those maxima the tail is taken
as exponential, which for logarithms of sizes is a power law (peaks over threshold; Siffer et al., KDD 2017). What k
excesses of mean b say of the next one is the predictive law (1 + x / kb)^-k: with little history less is surprising.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays
from ml.features import DAY, HOUR

BLOCKS = 336
"""Four weeks of two-hour blocks: long enough for a weekly habit to be seen four times."""

ENOUGH = 12
"""Blocks (a day) before a channel says how rare anything is."""

HABIT = 4
HABIT_TIME = 7 * DAY
"""So many alarms of one channel within a week are a habit of the place (the sun on a sensor each morning)."""

_LITTLE_MORE = math.log(1.25)
"""What a person called usual is so up to a quarter beyond it: no event is twice the same."""

_LN4 = math.log(4.0)
"""Nats at the upper quartile, which one block in four passes."""

_PRIOR, _PRIOR_WEIGHT = 0.25, 4.0
"""The mean excess assumed before any is known (deviations are logarithms: a quarter more), as if seen four times."""

_LEAST = 0.05
"""The smallest mean excess: maxima that hardly differ must not make the next one a wonder."""

_RARE = 4.0
"""Nats from which the law is held against what has been seen, and the highest maxima that are kept for it."""
_TOP = 8


class Tails:
    """Surprise of each channel in nats: -ln of the expected share of blocks at least as odd."""

    __slots__ = (
        *("alarms", "block_end", "current", "filled", "known", "level", "maxima", "next", "spoilt", "spread"),
        *("top", "width"),
    )

    def __init__(self, channels: int) -> None:
        self.width = channels
        self.maxima = np.full((BLOCKS, channels), np.nan, np.float32)
        self.filled = self.next = 0
        self.block_end = -math.inf
        self.current: list[float] = [-math.inf] * channels
        self.spoilt = False
        self.level: list[float] = [math.inf] * channels
        self.spread: list[float] = [1.0] * channels
        self.known: list[float] = [_PRIOR_WEIGHT] * channels
        self.top: list[list[float]] = [[] for _ in range(channels)]
        self.alarms: deque[tuple[float, float, float]] = deque(maxlen=32)  # (channel, time, deviation)

    def surprise(self, deviations: Sequence[float]) -> list[float]:
        """Nats per channel, 0 where it is usual or where too few blocks are known."""
        found = [
            _LN4 + known * math.log1p((deviation - level) / (known * spread)) if deviation > level else 0.0
            for deviation, level, spread, known in zip(deviations, self.level, self.spread, self.known, strict=True)
        ]
        for channel, nats in enumerate(found):
            if nats > _RARE:
                found[channel] = self._at_most(channel, deviations[channel], nats)
        return found

    def alarmed(self, channel: int, time: float, deviation: float) -> None:
        """Remember what alarmed; what has become a habit is taken into the maxima after all."""
        self.alarms.append((float(channel), time, deviation))
        habit = [a for a in self.alarms if a[0] == channel and time - a[1] <= HABIT_TIME]
        if len(habit) < HABIT or self.filled < HABIT:
            return
        self.alarms = deque((a for a in self.alarms if a not in habit), maxlen=32)
        for back, (_, _, height) in enumerate(habit, 1):
            row = (self.next - back) % self.filled
            self.maxima[row, channel] = max(self.maxima[row, channel], height)
        self._estimate()

    def usual_after_all(self, deviations: Sequence[float]) -> None:
        """A person said that this is usual here: it, and a little more, counts as if it had been a habit for long."""
        for back in range(1, min(HABIT, self.filled) + 1):
            row = (self.next - back) % self.filled
            self.maxima[row] = np.maximum(self.maxima[row], np.array(deviations) + _LITTLE_MORE)
        self._estimate()

    def no_habit(self, channel: int) -> None:
        """A person said that this channel's alarms are right: none of them is on its way to become a habit."""
        self.alarms = deque((a for a in self.alarms if a[0] != channel), maxlen=32)

    def absorb(self, time: float, step: float, deviations: Sequence[float], *, learn: bool) -> None:
        """Count a reading; a block in which anything was flagged (``learn`` false) is not kept."""
        if time >= self.block_end:
            if self.block_end > -math.inf and not self.spoilt:
                self._close()
            self.block_end = time + max(2 * HOUR, 12 * step)
            self.current, self.spoilt = list(deviations), False
        else:
            self.current = list(map(max, self.current, deviations))
        if not learn:
            self.spoilt = True

    def state(self) -> Arrays:
        scalars = [self.filled, self.next, self.block_end, float(self.spoilt), *self.current]
        alarms = np.array(self.alarms, np.float64).reshape(-1, 3)
        return {"maxima": self.maxima.copy(), "block": np.array(scalars, np.float64), "alarms": alarms}

    def restore(self, state: Arrays) -> None:
        filled, position, self.block_end, spoilt, *self.current = state["block"].tolist()
        self.filled, self.next, self.spoilt = int(filled), int(position), bool(spoilt)
        self.maxima = state["maxima"].astype(np.float32)
        self.alarms = deque(map(tuple, state["alarms"].tolist()), maxlen=32)
        self._estimate()

    def _at_most(self, channel: int, deviation: float, nats: float) -> float:
        """What some blocks have reached cannot be rarer than their share, whatever the law says."""
        top = self.top[channel]
        reached = len(top) - bisect_left(top, deviation)
        return min(nats, math.log((self.filled + 1) / reached)) if reached >= HABIT else nats

    def _close(self) -> None:
        self.maxima[self.next] = self.current
        self.next = (self.next + 1) % BLOCKS
        self.filled = min(self.filled + 1, BLOCKS)
        self._estimate()

    def _estimate(self) -> None:
        known = self.maxima[: self.filled].astype(np.float64)
        for channel in range(self.width):
            column = np.sort(known[:, channel])
            column = column[np.isfinite(column) & (column > -15.0)]
            self.level[channel], self.spread[channel], self.known[channel] = _tail(column)
            self.top[channel] = column[-_TOP:].tolist()


def _tail(known: NDArray[np.float64]) -> tuple[float, float, float]:
    """(upper quartile of sorted maxima, mean excess above it, how many excesses tell), a prior while there are few."""
    if len(known) < ENOUGH:
        return math.inf, 1.0, _PRIOR_WEIGHT
    first = int(0.75 * len(known))
    level, above = float(known[first]), known[first + 1 :]
    weight = len(above) + _PRIOR_WEIGHT
    excess = float(above.sum()) - level * len(above)
    return level, max(_LEAST, (excess + _PRIOR * _PRIOR_WEIGHT) / weight), weight
