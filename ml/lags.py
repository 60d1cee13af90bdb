"""What a forecast is made from: differences between a series' 15-minute bins, and the time of day. No state."""

import numpy as np
from numpy.typing import NDArray

from ml.base import Floats

BINS_PER_DAY = 96
LAGS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96])
COMPANION_LAGS = np.array([1, 4, 16, 48, 96])
_DAYS = np.array([1, 2, 3])

FARTHEST = 2 * BINS_PER_DAY
"""Bins: no horizon is longer."""

REACH = FARTHEST + 2 * BINS_PER_DAY
"""How many bins before its origin a row looks at: the longest horizon's span on the third day before."""

FAR = 8
"""Bins (2 h) from which a horizon is long: what comes until then repeats itself from bin to bin, so that few errors are
news, and tells little of what is now."""

LEAST_ROWS = BINS_PER_DAY
"""A day of rows is the least that a fit makes sense of."""

WIDTH = len(LAGS) + len(COMPANION_LAGS) + len(_DAYS) + 4 + 4 + 2

NEIGHBOUR_LAGS = np.array([1, 4, 16, 96])
NEIGHBOUR_WIDTH = len(NEIGHBOUR_LAGS) + 2
"""Columns of one neighbour."""


Ahead = int | NDArray[np.intp]
"""A horizon in bins: one for all rows, or one for each."""


def season(horizon: NDArray[np.intp]) -> NDArray[np.intp]:
    """The fewest whole days before the target that are known at the origin; all in bins."""
    return -(-horizon // BINS_PER_DAY) * BINS_PER_DAY


def usable_origins(known: NDArray[np.bool_], horizon: int) -> NDArray[np.intp]:
    """Origins (indices into bins of which ``known`` tells the measured) that have a past and a target to learn from."""
    origins = np.arange(REACH, max(REACH, len(known) - horizon))
    usable: NDArray[np.intp] = origins[known[origins] & known[origins + horizon] & known[origins - BINS_PER_DAY]]
    return usable


def design(
    bins: Floats, companion: Floats, tips: Floats, origins: NDArray[np.intp], horizon: Ahead, first_bin: int
) -> NDArray[np.float32]:
    """Rows (n, WIDTH) for forecasts from ``origins`` (indices into ``bins``, at least REACH) ``horizon`` bins ahead.

    ``bins`` are NaN where they are not known; ``companion`` is the sensor's other quantity in the same bins, ``tips``
    how far above its bin's mean the last reading lay: where a series is going, it is there already. NaN becomes 0,
    which for a difference says "nothing known". ``first_bin`` is the number of bins from a midnight to bins[0].
    """
    rows = np.empty((len(origins), WIDTH), np.float32)
    now = bins[origins][:, None]
    at = origins[:, None]
    ahead = np.broadcast_to(horizon, len(origins))[:, None]
    then = at + ahead - season(ahead)
    rows[:, : len(LAGS)] = bins[at - LAGS] - now
    column = len(LAGS)
    rows[:, column : column + len(COMPANION_LAGS)] = companion[at - COMPANION_LAGS] - companion[origins][:, None]
    column += len(COMPANION_LAGS)
    # What the same span did on the past days: from origin to target, days earlier.
    ended = then - (_DAYS - 1) * BINS_PER_DAY
    spans = bins[ended] - bins[ended - ahead]
    rows[:, column : column + len(_DAYS)] = spans
    column += len(_DAYS)
    known = ~np.isnan(bins)
    day = _last_day(np.where(known, bins, 0.0), origins) / np.maximum(_last_day(known, origins), 1)
    rows[:, column] = spans.mean(axis=1)
    rows[:, column + 1] = day - now[:, 0]
    rows[:, column + 2] = bins[then[:, 0]] - now[:, 0]
    rows[:, column + 3] = bins[origins] - bins[origins - BINS_PER_DAY] if len(bins) > REACH else 0.0
    angle = 2 * np.pi / BINS_PER_DAY * ((first_bin + origins + horizon) % BINS_PER_DAY)
    harmonics = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
    rows[:, column + 4 :] = np.stack([*harmonics, tips[origins], tips[origins - 1]], axis=1)
    rows[np.isnan(rows)] = 0.0
    return rows


def _last_day(bins: Floats | NDArray[np.bool_], origins: NDArray[np.intp]) -> Floats:
    """The sums of the days that end with ``origins``."""
    sums = np.cumsum(bins, dtype=np.float64)
    found: Floats = sums[origins] - sums[origins - BINS_PER_DAY]
    return found


def neighbour_design(
    bins: Floats, neighbours: Floats, origins: NDArray[np.intp], horizon: Ahead
) -> NDArray[np.float32]:
    """Rows (n, neighbours * NEIGHBOUR_WIDTH): what the others, (neighbours, bins) beside ``bins``, have done lately,
    where they stand against it, and what they did in the same span a season ago; 0 where that is not known."""
    at, back = origins[:, None], season(np.broadcast_to(horizon, len(origins)))
    columns = []
    for other in neighbours:
        now = other[origins]
        span = other[origins + horizon - back] - other[origins - back]
        columns += [now[:, None] - other[at - NEIGHBOUR_LAGS], np.stack([now - bins[origins], span], axis=1)]
    rows = np.concatenate(columns, axis=1).astype(np.float32)
    rows[np.isnan(rows)] = 0.0
    return rows
