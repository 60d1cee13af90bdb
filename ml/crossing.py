"""How probable it is that a series crosses a limit, and when: from its forecasts alone, no state.

The forecasts say where the series is at a few horizons. Between them centre and spread are interpolated; whether it has
been beyond the limit at *some* quarter of an hour before the end also depends on how the errors of one path hang
together. They are taken as a Gauss-Markov process, and the share of paths that have not crossed yet is carried from
time to time on a fixed grid (numerical first passage). All weights are positive, so what is computed never falls with
the horizon nor rises with the limit's distance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ml.base import Floats, Forecast
from ml.features import BIN
from ml.gate import POSSIBLE
from ml.lags import BINS_PER_DAY

_ROUGHNESS, _MEMORY = 0.3, 140.0
"""The correlation of one path's errors at the bins s < t is (s/t)**0.3 * exp((s - t)/140): near the origin it wanders
off, later it finds back within a day or two. Chosen so that of what is 80 % probable 80 % comes, by
``benchmarks/threshold.py``; a random walk (0.5, and no end) would cross far more often than rooms do."""

_BEND, _UNSURE = 0.5, 0.5
"""How much of the usual day's shape is believed between two horizons, and how much of that is added to the
half-widths."""

_LIKELY = 0.5
"""A crossing that is less probable than this has no likely time."""

_CERTAIN = 0.99
"""Where more than this should have been crossed and was not, the paths that are left say nothing."""

_REACH = 3.5
_CELLS = 56
"""The grid, in standard deviations of the error: -3.5..3.5, an eighth each."""

_SHORT, _RATIO, _LONGEST = 6, 1.2, 8
"""Every quarter of an hour up to so many, then in steps that grow by so much, up to so many."""

_HALF_WIDTHS = np.array([0.0, 0.1, 0.22, 0.41, 0.71, 1.0, 1.37, 2.2, 3.5])
_DEVIATIONS = np.array([0.0, 0.253, 0.524, 0.842, 1.282, 1.645, 1.96, 2.576, 3.3])
"""Errors in half-widths of a 90 % interval, and the standard deviations of a normal distribution that are as probable:
a forecast's errors are small more often, and large more often, than normal ones (measured on
rooms and outdoors)."""


@dataclass(frozen=True, slots=True)
class Path:
    """What is expected in each quarter of an hour: the 1st ends 15 min after ``made_at`` (s), the last at the longest
    horizon. ``below`` and ``above`` are the half-widths of the 90 % interval.
    """

    quantity: str
    made_at: float
    level: float
    horizons: tuple[int, ...]
    centre: Floats
    below: Floats
    above: Floats

    def at(self, seconds: float) -> tuple[float, float, float]:
        """(value, lower, upper) of the quarter of an hour that ends so long after ``made_at``, none impossible."""
        place = min(len(self.centre), max(1, round(seconds / BIN))) - 1
        least, most = POSSIBLE.get(self.quantity, (-math.inf, math.inf))
        value = float(self.centre[place])
        lower, upper = value - float(self.below[place]), value + float(self.above[place])
        return min(most, max(least, value)), min(most, max(least, lower)), min(most, max(least, upper))


@dataclass(frozen=True, slots=True)
class Crossing:
    """``crossed[i]``: the probability of having been beyond the limit within ``times[i]`` s."""

    times: Floats
    crossed: Floats

    def within(self, horizon: float) -> float:
        """0..1; ``horizon`` in s, beyond the longest forecast: as for that."""
        return float(np.interp(horizon, self.times, self.crossed))

    def surviving(self, seconds: float) -> "Crossing":
        """What is to be said where the first ``seconds`` have gone by without a crossing."""
        passed = float(np.interp(seconds, self.times, self.crossed, left=0.0))
        left = self.crossed if passed > _CERTAIN else np.maximum(0.0, self.crossed - passed) / (1.0 - passed)
        return Crossing(self.times, np.where(self.times > seconds, left, 0.0))

    def likely(self, horizon: float) -> float | None:
        """The median time (s) of the first crossing if it comes within ``horizon``, in whole quarters of an hour;
        None where it more likely does not come.
        """
        probability = self.within(horizon)
        if probability < _LIKELY:
            return None
        first = int(np.searchsorted(self.crossed, probability / 2.0))
        if first == 0:
            return float(self.times[0])
        before, after = self.crossed[first - 1 : first + 1].tolist()
        start, end = self.times[first - 1 : first + 1].tolist()
        median: float = start + (end - start) * (probability / 2.0 - before) / (after - before)
        return math.ceil(median / BIN - 1e-9) * BIN


def expected_path(level: float, forecasts: Sequence[Forecast], day: Floats | None = None) -> Path:
    """``level`` is the newest mean, ``forecasts`` all made at its end. ``day``: what is
    usual at each time of day, the last bin's being now's; between two horizons the path follows its shape, without it
    (or where a part is not known) a straight line. The spread's square grows in straight lines from 0: its root as that
    of a random walk.
    """
    by_horizon = {round(forecast.horizon / BIN): forecast for forecast in forecasts}
    horizons = tuple(sorted(by_horizon))
    made = [by_horizon[horizon] for horizon in horizons]
    bins = np.arange(1, horizons[-1] + 1)
    knots = (0, *horizons)
    unsure: Floats | float = 0.0
    centre = np.interp(bins, knots, [level, *(forecast.value for forecast in made)])
    if day is not None and not np.isnan(day).any():
        same = (np.array(knots) - 1) % BINS_PER_DAY
        shape = day[(bins - 1) % BINS_PER_DAY]
        bend = _BEND * (shape - np.interp(bins, knots, day[same]))
        centre += bend
        unsure = (_UNSURE * bend) ** 2
    below = np.interp(bins, knots, [0.0, *((forecast.value - forecast.lower) ** 2 for forecast in made)])
    above = np.interp(bins, knots, [0.0, *((forecast.upper - forecast.value) ** 2 for forecast in made)])
    return Path(
        made[0].quantity, made[0].made_at, level, horizons, centre, np.sqrt(below + unsure), np.sqrt(above + unsure)
    )


def crossing(path: Path, limit: float, *, upper: bool) -> Crossing | None:
    """None where the newest value is beyond the limit: that is no warning any more but a fact."""
    least, most = POSSIBLE.get(path.quantity, (-math.inf, math.inf))
    if (limit >= most) if upper else (limit <= least):  # nothing can be beyond it
        times = _grid(path.horizons).times
        return Crossing(times, np.zeros(len(times)))
    room, spread, other = path.centre - limit, path.below, path.above
    if upper:
        room, spread, other = -room, other, spread
    if (path.level > limit) if upper else (path.level < limit):
        return None
    # Above the limit (seen from it) it is the spread towards it that counts, beyond it that away from it.
    half = np.maximum(np.where(room > 0, spread, other), 1e-9)
    size = np.interp(np.abs(room) / half, _HALF_WIDTHS, _DEVIATIONS)
    barrier = np.where(room > 0, -size, size)
    grid = _grid(path.horizons)
    nearest = np.maximum.reduceat(barrier, grid.begins)
    alive = np.clip((_EDGES[1:] - nearest[:, None]) / _WIDTH, 0.0, 1.0)
    paths = np.empty_like(alive)
    paths[0] = _FIRST * alive[0]
    for step, kernel in enumerate(grid.kernels, 1):
        np.dot(paths[step - 1], kernel, out=paths[step])
        paths[step] *= alive[step]
    crossed = np.clip(1.0 - paths.sum(axis=1), 0.0, 1.0)
    return Crossing(grid.times, np.maximum.accumulate(crossed))


@dataclass(frozen=True, slots=True)
class _Grid:
    """Times (s) at which paths are looked at, the first bin (an index) of the span that each ends, how the error moves
    from one to the next (a row of a kernel sums to 1).
    """

    times: Floats
    begins: NDArray[np.intp]
    kernels: Floats


_EDGES = np.linspace(-_REACH, _REACH, _CELLS + 1)
_WIDTH = 2.0 * _REACH / _CELLS


def _shares(mean: float, deviation: float) -> Floats:
    """A normal distribution's share in each cell; the outermost hold its tails."""
    below = np.array([0.5 * math.erfc((mean - edge) / (deviation * math.sqrt(2.0))) for edge in _EDGES.tolist()])
    below[0], below[-1] = 0.0, 1.0
    shares: Floats = np.diff(below)
    return shares


_FIRST = _shares(0.0, 1.0)


def _correlation(early: NDArray[np.intp], late: NDArray[np.intp]) -> Floats:
    found: Floats = (early / late) ** _ROUGHNESS * np.exp((early - late) / _MEMORY)
    return found


@lru_cache(maxsize=4)
def _grid(horizons: tuple[int, ...]) -> _Grid:
    """Depends on the horizons (bins) alone, which are the configuration's: half a MB, made once."""
    last = horizons[-1]
    ends = set(horizons) | set(range(1, min(_SHORT, last) + 1))
    end = float(_SHORT)
    while (end := min(end * _RATIO, end + _LONGEST)) < last:
        ends.add(round(end))
    at = np.array(sorted(ends))
    stays = _correlation(at[:-1], at[1:])
    middles = (_EDGES[:-1] + _EDGES[1:]) / 2.0
    kernels = [[_shares(stay * middle, math.sqrt(1.0 - stay**2)) for middle in middles] for stay in stays.tolist()]
    return _Grid(at * BIN, np.concatenate(([0], at[:-1])), np.array(kernels))
