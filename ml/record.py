"""What was foretold and what came: the errors that a forecaster's intervals are made of, and how good it has been.

An interval is as wide as errors have been, times how uncertain this moment is against the usual one: near horizons by
the time of day (a kitchen at noon) and by how restless the last two hours were, those of some hours by the time of day
and by how far the forecaster's members differ. Errors are kept divided by that, so that 9 in 10 still means 9 in 10
(conformal prediction with normalised errors: Papadopoulos et al. 2008; Lei et al. 2018). A day ahead nothing of it
helped.

Sixteen days of errors learn slowly that a series is another one now: a quiet sensor that begins to move is outside its
intervals for days. So each miss widens them at once, and each hit narrows them a little (adaptive conformal inference:
Gibbs & Candes 2021, here as a factor); the wider they are, the less counts what the series itself has shown, and the
more what is known from others. What near horizons have learnt widens the far ones, whose own errors come too late.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats
from ml.lags import BINS_PER_DAY, FAR

_RESIDUALS = 16 * BINS_PER_DAY
_COVERED = 0.90

_LATELY = 14 * BINS_PER_DAY
"""Bins over which coverage and errors are averaged."""

_ENOUGH = 2 * BINS_PER_DAY
"""Errors from which a radius says something to other sensors."""

_PRIOR_RESIDUALS = 48.0
"""What is known from other sensors weighs as much as half a day of own errors."""

_SLOTS = np.arange(-4, 5)
"""An error tells of its time of day, an hour to both sides."""

_WIDENS, _BY_SIZE, _NARROWS, _NARROWS_FAR = 0.15, 0.03, 0.032, 0.0375
"""What a miss adds to the logarithm of the factor, what it adds for each half-width that it was outside, and what every
forecast takes off; of an hour's horizon or longer less, as its errors repeat each other."""

_NARROWEST, _NARROWEST_FAR, _WIDEST = -0.12, -0.16, 4.0
"""Between which that logarithm stays."""

_MOST_OUTSIDE = 8.0
"""Half-widths; a miss that was farther outside widens no more."""

_SLOT_GAIN = 0.04
_RESTLESS = 8
_WEEK = 7 * BINS_PER_DAY
_LEAST_SCALE, _MOST_SCALE = 0.2, 5.0


class Record:
    """Of one series, for ``horizons`` in bins, ascending. Errors are what came minus what was foretold, in the series'
    unit."""

    def __init__(self, horizons: Sequence[int]) -> None:
        self._horizons = tuple(horizons)
        self._near = np.array([horizon < FAR for horizon in horizons])
        self._day_ahead = np.array([horizon >= BINS_PER_DAY for horizon in horizons])
        self._residuals = np.full((len(horizons), _RESIDUALS), np.nan, np.float32)
        self._by_slot = np.full((len(horizons), BINS_PER_DAY), np.nan, np.float32)  # mean size of errors
        self._discord = np.full(len(horizons), np.nan)
        self._restless = np.full(2, np.nan)  # mean size of changes from bin to bin: of two hours, of a week
        self._wider = np.zeros(len(horizons))  # logarithm of a factor
        self._wider_now = np.zeros(len(horizons))  # while a stretch is flagged, with its misses
        self._narrowest = np.where(self._near, _NARROWEST, _NARROWEST_FAR)
        self._narrows = np.where(self._near, _NARROWS, _NARROWS_FAR)
        self._news = 1.0 / (0.5 * np.array(horizons) + 1.0)
        self._judged = np.zeros(len(horizons), np.int64)
        self._lately = np.zeros((len(horizons), 3))  # covered, size of the error, size of the change
        self.radii = np.full(len(horizons), np.nan)

    def judge(
        self,
        due: NDArray[np.intp],
        made_at: NDArray[np.int64],
        error: Floats,
        announced: Floats,
        change: Floats,
    ) -> None:
        """Take what came at the horizons ``due`` (indices), of forecasts made at the end of bins ``made_at``: errors,
        what had been announced (n, 3: the bounds of the change, and the scale), the changes."""
        lower, upper, scale = announced.T
        covered = (lower <= change) & (change <= upper)
        self._residuals[due, self._judged[due] % _RESIDUALS] = error / scale
        self._judged[due] += 1
        slots = (made_at[:, None] + _SLOTS) % BINS_PER_DAY
        size, known = np.abs(error)[:, None], self._by_slot[due[:, None], slots]
        self._by_slot[due[:, None], slots] = np.where(np.isnan(known), size, known + _SLOT_GAIN * (size - known))
        self._wider[due] = self._adapted(self._wider[due], due, announced, change)
        gain = np.maximum(1 / _LATELY, 1 / self._judged[due])[:, None]
        new = np.stack([covered, np.abs(error), np.abs(change)], axis=1)
        self._lately[due] += gain * (new - self._lately[due])

    def judge_flagged(self, due: NDArray[np.intp], announced: Floats, change: Floats) -> None:
        """What a detector flagged came: intervals widen for as long as it goes on."""
        self._wider_now[due] = self._adapted(self._wider_now[due], due, announced, change)

    def forget_flagged(self) -> None:
        """Something usual came."""
        self._wider_now[...] = self._wider

    def _adapted(self, wider: Floats, due: NDArray[np.intp], announced: Floats, change: Floats) -> Floats:
        lower, upper, _ = announced.T
        outside = np.maximum(lower - change, change - upper) / np.maximum(0.5 * (upper - lower), 1e-6)
        missed = np.where(outside > 0, _WIDENS + _BY_SIZE * np.minimum(outside, _MOST_OUTSIDE), 0.0)
        moved: Floats = wider + self._news[due] * (missed - self._narrows[due])
        return np.clip(moved, self._narrowest[due], _WIDEST)

    def moved(self, change: float) -> None:
        """The series has changed so much from one bin to the next."""
        if change == change:
            size = abs(change)
            known = np.where(np.isnan(self._restless), size, self._restless)
            self._restless[:] = known + (size - known) / (_RESTLESS, _WEEK)

    def scales(self, bin_number: int, discord: Floats) -> Floats:
        """(horizons,): how uncertain a forecast is that is made at the end of this bin, 1 being usual; ``discord``: how
        far the members differ from the mix."""
        known = np.where(np.isnan(self._discord), discord, self._discord)
        self._discord[:] = known + (discord - known) / _WEEK
        if not self._judged.any():
            return np.ones(len(self._horizons))
        slot = self._by_slot[:, bin_number % BINS_PER_DAY].astype(np.float64)
        by_day = 0.5 + 0.5 * _ratio(slot, self._lately[:, 1])
        now = 0.3 + 0.7 * _ratio(self._restless[:1], self._restless[1:])
        apart = 0.5 + 0.5 * _ratio(discord, self._discord)
        found = np.sqrt(by_day * np.where(self._near, now, apart))
        scales: Floats = np.clip(np.where(self._day_ahead, 1.0, found), _LEAST_SCALE, _MOST_SCALE)
        return scales

    def announce(self, prior: Floats, scales: Floats) -> Floats:
        """(horizons, 3): how far below and above a forecast what comes will lie, 9 times in 10, and the scale; from own
        errors and, while they are few, from a ``prior`` radius."""
        found = np.empty((len(self._horizons), 3))
        wider = np.exp(np.maximum(np.maximum.accumulate(self._wider), self._wider_now)).tolist()
        for index, horizon in enumerate(self._horizons):
            count = min(int(self._judged[index]), _RESIDUALS)
            own = count / (count + _PRIOR_RESIDUALS)
            below, above = self._quantiles(index, count, horizon) if count else (0.0, 0.0)
            if count >= _ENOUGH:
                self.radii[index] = 0.5 * (above - below)
            own, rest = own * wider[index], (1 - own / max(1.0, wider[index])) * float(prior[index])
            scale = float(scales[index])
            found[index] = own * below * scale - rest, own * above * scale + rest, scale
        return found

    def lately(self) -> Iterator[tuple[int, int, float, float, float]]:
        """(horizon in bins, judged, share covered, mean size of errors, of changes) where anything was judged."""
        for index, horizon in enumerate(self._horizons):
            covered, error, change = self._lately[index].tolist()
            if judged := int(self._judged[index]):
                yield horizon, judged, covered, error, change

    def _quantiles(self, index: int, count: int, horizon: int) -> tuple[float, float]:
        # Errors of overlapping spans repeat each other: about one in ``horizon`` is news (split conformal's n + 1).
        news = 1.0 + count / (0.5 * horizon + 1.0)
        outside = max(0.0, 1.0 - _COVERED * (news + 1.0) / news) / 2.0
        ordered = np.sort(self._residuals[index, :count])
        return _quantile(ordered, outside), _quantile(ordered, 1.0 - outside)

    def state(self) -> Arrays:
        return {
            "residuals": self._residuals.copy(),
            "by_slot": self._by_slot.copy(),
            "discord": self._discord.copy(),
            "restless": self._restless.copy(),
            "wider": self._wider.copy(),
            "wider_now": self._wider_now.copy(),
            "judged": self._judged.copy(),
            "lately": self._lately.copy(),
            "radii": self.radii.copy(),
        }

    def restore(self, state: Arrays) -> None:
        self._residuals[...] = state["residuals"]
        self._by_slot[...] = state["by_slot"]
        self._discord[...] = state["discord"]
        self._restless[...] = state["restless"]
        self._wider[...] = state["wider"]
        self._wider_now[...] = state["wider_now"]
        self._judged[...] = state["judged"]
        self._lately[...] = state["lately"]
        self.radii[...] = state["radii"]


def _ratio(now: Floats, usual: Floats) -> Floats:
    """1 where one of them is not known, or nothing is usual."""
    found: Floats = np.divide(now, usual, out=np.ones(len(now)), where=usual > 0)
    return np.where(np.isnan(found), 1.0, found)


def _quantile(ordered: NDArray[np.float32], share: float) -> float:
    """Between the two nearest of some ascending values (NumPy's "linear", without its overhead for two numbers)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (place - below) * (high - low)
