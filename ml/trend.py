"""Where a series goes that has left what it has done for a week, or what was expected of it: on, ever slower.

The members of a forecast have learnt from what was usual, and believe it until it is too late: a freezer whose cooling
has failed "comes back soon", as it always did. On such an excursion what counts is how fast it moves. Whether it comes
back within a day nobody can know who has only seen it come back: there the intervals are what must tell of it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Floats
from ml.bins import Bins
from ml.lags import BINS_PER_DAY, FAR

_WEEK = 7 * BINS_PER_DAY
_LEAST = 6 * BINS_PER_DAY
"""Known bins from which a range says something."""

_RECENT = 6
"""Bins (1.5 h) that tell how fast it moves; the range is that of the bins before them."""

_ASTRAY = 3
"""Quarters of an hour in a row beyond the same end of their intervals that no chance makes."""

_RARE = 0.01
"""Share of bins beyond each end of the range."""

_FADES, _FADES_AT_MOST = 16.0, 64.0
"""Bins (4 h, 16 h): what cools, warms or dries out nears its surroundings exponentially; how fast, and how slowly."""

_AS_FAR_AGAIN = 6.0
"""An interval reaches so many times as far beyond now as the series has left its range: what is just outside of it is
mostly on its way back."""

_DOUBT, _DOUBT_FAR = 2.0, 0.8
"""How much more wrong than the trend the mix is taken to be before any excursion was judged; far horizons: less. A day
ahead no trend says anything."""

_LATELY = 24.0
"""Bins on excursions over which errors are averaged."""

_ALIKE = 3.0
"""What those have shown is believed of excursions up to so many times their size, and ever less of larger ones."""

_SHARPNESS = 4.0
"""The odds of the trend are this power of the mix's error against its own."""


class Excursions:
    """Those of one series: how far the trend was right on earlier ones decides how far it is believed on this one.

    ``ahead`` are the horizons in bins, ascending; forecasts wait for their targets at ``depth`` places.
    """

    def __init__(self, ahead: NDArray[np.intp], depth: int) -> None:
        self._ahead = ahead
        self._doubt = np.log(np.where(ahead < FAR, _DOUBT, _DOUBT_FAR))
        self._said = np.full((depth, len(ahead), 2), np.nan)  # by the mix, by the trend
        self._known = np.full((len(ahead), 3), np.nan)  # mean errors of the two, mean size of the trend
        self._astray = 0

    def watch(self, bins: Bins, origins: NDArray[np.int64], announced: NDArray[np.float32]) -> None:
        """Count how many of the newest bins in a row lay beyond the same end of their nearest interval; one that was
        flagged counts too, for nothing is learnt here. ``announced`` of what was foretold at the end of ``origins``."""
        back = int(self._ahead[0])
        place = (bins.newest - back) % len(origins)
        if bins.missing or origins[place] != bins.newest - back:
            return
        change = bins.at(0) - bins.at(back)
        below, above, _ = announced[place, 0].tolist()
        side = int(change > above) - int(change < below)
        self._astray = self._astray + side if self._astray * side > 0 else side

    def led(self, bins: Bins, place: int, mixed: Floats) -> tuple[Floats, Floats]:
        """The changes that the mix says, on an excursion between them and the trend's, and the changes that intervals
        have to reach: on an excursion as far as it may go, else 0."""
        self._said[place] = np.nan
        found = excursion(bins, self._astray)
        if found is None:
            return mixed, np.zeros(len(mixed))
        changes = _fading(found.slope, self._ahead, _FADES)
        farthest = _AS_FAR_AGAIN * found.beyond
        reach = np.clip(_fading(found.slope, self._ahead, _FADES_AT_MOST), -farthest, farthest)
        self._said[place] = np.stack([mixed, changes], axis=1)
        wrong, trend_wrong, size = self._known.T
        shown = np.log((wrong + 1e-6) / (trend_wrong + 1e-6))
        trust = np.minimum(1.0, _ALIKE * size / np.maximum(np.abs(changes), 1e-6))
        odds = np.where(np.isnan(shown), self._doubt, trust * shown + (1.0 - trust) * self._doubt)
        led = mixed + (changes - mixed) / (1.0 + np.exp(-_SHARPNESS * odds))
        return np.where(self._ahead < BINS_PER_DAY, led, mixed), reach

    def judge(self, due: NDArray[np.intp], places: NDArray[np.intp], change: Floats) -> None:
        """Take what came at the horizons ``due``, of forecasts that waited at ``places``."""
        said, known = self._said[places, due], self._known[due]
        new = np.concatenate([np.abs(said - change[:, None]), np.abs(said[:, 1:])], axis=1)
        moved = np.where(np.isnan(known), new, known + (new - known) / _LATELY)
        self._known[due] = np.where(np.isnan(new), known, moved)

    def state(self) -> Arrays:
        return {"said": self._said.copy(), "known": self._known.copy(), "astray": np.array([self._astray])}

    def restore(self, state: Arrays) -> None:
        self._said[...] = state["said"]
        self._known[...] = state["known"]
        self._astray = int(state["astray"][0])


class Excursion(NamedTuple):
    """``slope``: change from bin to bin; ``beyond`` (0 or more): how far the newest bin is outside a week's range."""

    slope: float
    beyond: float


def excursion(bins: Bins, astray: int) -> Excursion | None:
    """None while the series is where it has been, or on its way back. ``astray``: how many of the newest bins in a row
    lay above (below: negative) their intervals."""
    led_astray = abs(astray) >= _ASTRAY
    recent = bins.latest(min(_RECENT, 1 + abs(astray)) if led_astray else _RECENT)
    if len(recent) < _ASTRAY or np.isnan(recent).any():
        return None
    away = np.arange(len(recent)) - (len(recent) - 1) / 2
    slope = float(away @ recent) / float(away @ away)  # least squares
    one, other = _beyond(bins, rising=slope > 0)
    if not (slope * astray > 0 if led_astray else min(one, other) > 0):
        return None
    return Excursion(slope, max(0.0, one))


def _beyond(bins: Bins, *, rising: bool) -> tuple[float, float]:
    """How far the newest bin, and the one before it, are beyond that end of a week's range; negative within it."""
    past = bins.window(bins.newest + 1 - _RECENT - _WEEK, _WEEK)
    past = past[~np.isnan(past)]
    if len(past) < _LEAST:
        return 0.0, 0.0
    outside = round(_RARE * (len(past) - 1))
    place = len(past) - 1 - outside if rising else outside
    end = float(np.partition(past, place)[place])
    before, newest = bins.latest(2).tolist()
    return (newest - end, before - end) if rising else (end - newest, end - before)


def _fading(slope: float, ahead: NDArray[np.intp], fades: float) -> Floats:
    changes: Floats = slope * fades * (1.0 - np.exp(-ahead / fades))
    return changes
