"""What was foretold and what came: the errors that a forecaster's intervals are made of, and how good it has been."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats
from ml.lags import BINS_PER_DAY

_RESIDUALS = 12 * BINS_PER_DAY
_COVERED = 0.90

_LATELY = 14 * BINS_PER_DAY
"""Bins over which coverage and errors are averaged."""

_ENOUGH = 2 * BINS_PER_DAY
"""Errors from which a radius says something to other sensors."""

_PRIOR_RESIDUALS = 48.0
"""What is known from other sensors weighs as much as half a day of own errors."""


class Record:
    """Of one series, for ``horizons`` in bins. Errors are what came minus what was foretold, in the series' unit."""

    def __init__(self, horizons: Sequence[int]) -> None:
        self._horizons = tuple(horizons)
        self._residuals = np.full((len(horizons), _RESIDUALS), np.nan, np.float32)
        self._judged = np.zeros(len(horizons), np.int64)
        self._lately = np.zeros((len(horizons), 3))  # covered, size of the error, size of the change
        self.radii = np.full(len(horizons), np.nan)

    def judge(self, due: NDArray[np.intp], error: Floats, bounds: Floats, change: Floats) -> None:
        """Take what came at the horizons ``due`` (indices): errors, the bounds (n, 2) of the changes that had been
        announced, the changes."""
        covered = (bounds[:, 0] <= change) & (change <= bounds[:, 1])
        self._residuals[due, self._judged[due] % _RESIDUALS] = error
        self._judged[due] += 1
        gain = np.maximum(1 / _LATELY, 1 / self._judged[due])[:, None]
        new = np.stack([covered, np.abs(error), np.abs(change)], axis=1)
        self._lately[due] += gain * (new - self._lately[due])

    def bounds(self, prior: Floats) -> Floats:
        """(horizons, 2): how far below and above a forecast what comes will lie, 9 times in 10; from own errors and,
        while they are few, from a ``prior`` radius."""
        found = np.empty((len(self._horizons), 2))
        for index, horizon in enumerate(self._horizons):
            count = min(int(self._judged[index]), _RESIDUALS)
            own = count / (count + _PRIOR_RESIDUALS)
            below, above = self._quantiles(index, count, horizon) if count else (0.0, 0.0)
            if count >= _ENOUGH:
                self.radii[index] = 0.5 * (above - below)
            found[index] = own * below - (1 - own) * prior[index], own * above + (1 - own) * prior[index]
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
            "judged": self._judged.copy(),
            "lately": self._lately.copy(),
            "radii": self.radii.copy(),
        }

    def restore(self, state: Arrays) -> None:
        self._residuals[...] = state["residuals"]
        self._judged[...] = state["judged"]
        self._lately[...] = state["lately"]
        self.radii[...] = state["radii"]


def _quantile(ordered: NDArray[np.float32], share: float) -> float:
    """Between the two nearest of some ascending values (NumPy's "linear", without its overhead for two numbers)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    return low + (place - below) * (high - low)
