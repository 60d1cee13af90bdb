"""Where a series goes that has left what it has done for a week, or what was expected of it: on, ever slower.

The members of a forecast have learnt from what was usual, and believe it until it is too late: a freezer whose cooling
has failed "comes back soon", as it always did. On such an excursion what counts is how fast it moves.
"""

import numpy as np
from numpy.typing import NDArray

from ml.base import Floats
from ml.bins import Bins
from ml.lags import BINS_PER_DAY

_WEEK = 7 * BINS_PER_DAY
_LEAST = 6 * BINS_PER_DAY
"""Known bins from which a range says something."""

_RECENT = 6
"""Bins (1.5 h) that tell how fast it moves; the range is that of the bins before them."""

_ASTRAY = 3
"""Quarters of an hour in a row beyond the same end of their intervals that no chance makes."""

_RARE = 0.01
"""Share of bins beyond each end of the range."""

_FADES = 16.0
"""Bins (4 h): what cools, warms or dries out nears its surroundings exponentially."""


def excursion(bins: Bins, astray: int, ahead: NDArray[np.intp]) -> Floats | None:
    """The changes until so many bins ahead, in the shape of ``ahead``; None while the series is where it has been, or
    on its way back. ``astray``: how many of the newest bins in a row lay above (below: negative) their intervals."""
    led_astray = abs(astray) >= _ASTRAY
    recent = bins.latest(min(_RECENT, 1 + abs(astray)) if led_astray else _RECENT)
    if len(recent) < _ASTRAY:
        return None
    away = np.arange(len(recent)) - (len(recent) - 1) / 2
    slope = float(away @ recent) / float(away @ away)  # least squares
    if not (slope * astray > 0 if led_astray else _outside(bins, rising=slope > 0)):
        return None
    changes: Floats = slope * _FADES * (1.0 - np.exp(-ahead / _FADES))
    return changes


def _outside(bins: Bins, *, rising: bool) -> bool:
    """Whether the two newest bins are beyond that end of a week's range."""
    past = bins.tail(_WEEK + _RECENT)[0][:-_RECENT]
    past = past[~np.isnan(past)]
    if len(past) < _LEAST:
        return False
    beyond = round(_RARE * (len(past) - 1))
    if rising:
        return bool(bins.latest(2).min() > np.partition(past, -1 - beyond)[-1 - beyond])
    return bool(bins.latest(2).max() < np.partition(past, beyond)[beyond])
