"""Where a series goes that has left what it has done for a week: on, and slower and slower.

The members of a forecast have learnt from what was usual, and believe it until it is too late: a freezer whose cooling
has failed "comes back soon", as it always did. Beyond the range of the last week what counts is how fast it moves.
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

_RARE = 0.01
"""Share of bins beyond each end of the range."""

_FADES = 16.0
"""Bins (4 h): what cools, warms or dries out nears its surroundings exponentially."""

_X = np.arange(_RECENT) - (_RECENT - 1) / 2
_SLOPE = _X / (_X**2).sum()
"""Least squares."""


def excursion(bins: Bins, ahead: NDArray[np.intp]) -> Floats | None:
    """The changes until so many bins ahead, in the shape of ``ahead``; None while the series is where it has been, or
    on its way back."""
    values, _, _ = bins.tail(_WEEK + _RECENT)
    past = values[:-_RECENT]
    past = past[~np.isnan(past)]
    if len(past) < _LEAST:
        return None
    recent = bins.latest(_RECENT)
    slope = float(_SLOPE @ recent)
    beyond = round(_RARE * (len(past) - 1))
    if slope > 0:
        outside = float(recent[-2:].min()) > float(np.partition(past, -1 - beyond)[-1 - beyond])
    else:
        outside = float(recent[-2:].max()) < float(np.partition(past, beyond)[beyond])
    if not outside or slope == 0:
        return None
    changes: Floats = slope * _FADES * (1.0 - np.exp(-ahead / _FADES))
    return changes
