"""The forecasters of one place: what the others measure helps to foretell a series, and how wrong they have been is
the best guess at how wrong a new one will be."""

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from ml.base import Floats
from ml.bins import Bins
from ml.lags import BINS_PER_DAY

_NEIGHBOURS = 3
_LEAST_ALIKE = 0.2
"""Correlation of hourly changes below which another series is no neighbour."""

_LISTENED = 7 * BINS_PER_DAY
_HOUR = 4
_MOST_ASKED = 64
"""So many others are compared at each fit, however many there are: those that follow in the order of joining."""


class Peer(NamedTuple):
    """A series as the others see it; ``radii`` (horizons,): half the width of its own 90 % intervals, NaN while it has
    too few days of its own."""

    name: str
    bins: Bins
    radii: Floats


class Peers:
    """Who forecasts what in one place; all have the same horizons."""

    def __init__(self) -> None:
        self._members: dict[str, dict[str, Peer]] = {}

    def join(self, quantity: str, peer: Peer) -> None:
        self._members.setdefault(quantity, {})[peer.name] = peer

    def leave(self, quantity: str, name: str) -> None:
        self._members[quantity].pop(name, None)

    def get(self, quantity: str, name: str) -> Peer | None:
        return self._members.get(quantity, {}).get(name)

    def radii(self, quantity: str, besides: str) -> Floats | None:
        """The median of the others' radii (horizons,), NaN where none knows one; None where there is no other."""
        others = [peer.radii.tolist() for name, peer in self._members.get(quantity, {}).items() if name != besides]
        if not others:
            return None
        return np.array(
            [_median(radius for radius in radii if radius == radius) for radii in zip(*others, strict=True)]
        )

    def neighbours(self, quantity: str, of: Peer) -> Sequence[Peer]:
        """Those whose hourly changes of the last week go most with ``of``'s, either way, the closest first."""
        names = list(self._members.get(quantity, {}))
        begin = names.index(of.name) if of.name in names else 0
        asked = [self._members[quantity][name] for name in [*names[begin + 1 :], *names[:begin]][:_MOST_ASKED]]
        first = of.bins.newest - _LISTENED + 1
        mine = _changes(of.bins, first)
        alike = sorted(((_alike(mine, _changes(peer.bins, first)), peer.name) for peer in asked), reverse=True)
        return [self._members[quantity][name] for likeness, name in alike[:_NEIGHBOURS] if likeness >= _LEAST_ALIKE]


def _median(values: Iterable[float]) -> float:
    known = list(values)
    return median(known) if known else math.nan


def _changes(bins: Bins, first: int) -> Floats:
    values = bins.window(first, _LISTENED)
    return values[_HOUR:] - values[:-_HOUR]


def _alike(mine: Floats, theirs: Floats) -> float:
    """The size of the correlation; 0 where fewer than two days are common, or one does not move."""
    both = ~np.isnan(mine) & ~np.isnan(theirs)
    if both.sum() < 2 * BINS_PER_DAY:
        return 0.0
    mine, theirs = mine[both] - mine[both].mean(), theirs[both] - theirs[both].mean()
    size = float(np.sqrt((mine**2).sum() * (theirs**2).sum()))
    return abs(float((mine * theirs).sum())) / size if size > 0 else 0.0
