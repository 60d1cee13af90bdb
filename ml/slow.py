"""Slow faults: what hours and days say that no single reading does. Drift, decalibration, a day without its swing.

Once per 15-minute bin a series is held against three things:

away: its mean of hours against its own level of four days;
apart: what its neighbours, the other sensors of the place, make one expect of it;
flat: the span of its last 22 h against the usual one, allowing for how flat the neighbours' day is.

Weather moves all rooms: an excursion counts (as a geometric mean) only as far as the neighbours do not explain it, and
where there are none, as far as the other quantity of the same sensor does not. Each neighbour is a simple regression,
and their median counts, so that one which fails itself moves nothing.

Means of many readings have light tails, unlike single readings (``ml.tails``): a deviation is told in multiples of its
usual mean size, which is learnt from what was not flagged. For a normal variable the mean size is sigma * sqrt(2 / pi),
so that a multiple z is exceeded with probability erfc(z / sqrt(pi)).
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from ml.base import Arrays
from ml.features import BIN, DAY, HOUR, SPAN_BINS, Bin, gain

MATTERS: Mapping[str, float] = {"temperature": 1.0, "humidity": 4.0}
"""Twice the accuracy of a DHT22 (+-0.5 °C, +-2 % RH by its data sheet): less is no finding, whatever its rarity."""

SLOW_CHANNELS = ("away", "apart", "flat")
_AWAY, _APART, _FLAT = range(3)

SLOW_ALARM_AT: Mapping[str, float] = {"away": 3.1, "apart": 3.6, "flat": 3.8}
"""Multiples of the usual size at which a channel alarms by itself. Chosen on injected faults against false alarms."""

_PAIRED, _ALONE = 0.9, 0.86
"""An own level that only the other quantity supports counts for less, and one that nothing supports."""

NEIGHBOURS = 8
"""So many are listened to; where a place has more, the one that tells least is exchanged once a day."""

_AVERAGED = 6 * HOUR
"""Seconds over which a deviation is averaged."""

_LEVEL_MEMORY = 4 * DAY
_PAIR_MEMORY = 10 * DAY
_SIZE_MEMORY = 21 * DAY
_PRIOR_WEIGHT = 7 * DAY
"""A usual size is one ``MATTERS`` until this much has been seen, and a mean of both later."""

_LEARNS = DAY
_PAIR_LEARNS = 2 * DAY
"""Seconds before a level, and a relation to another series, say anything."""

_MOST_SLOPE = 1.5
"""A room follows its neighbour at most so much: more is chance."""

_LEAST_KNOWN = 0.7
"""The share of a day's bins that must be known for its span to say anything."""

_LONG_GAP = 2 * DAY
"""A gap (s) after which a sensor may stand elsewhere: everything begins anew but the usual sizes."""

_RECENT = 24
"""Bins that neighbours may ask for: a sensor that speaks once an hour asks four bins late, and then looks back."""

_BEYOND = 40.0
"""A multiple beyond which erfc is 0 in double precision."""


def nats(multiple: float) -> float:
    """-ln of how often so large a multiple of the usual size comes."""
    return -math.log(math.erfc(min(multiple, _BEYOND) / math.sqrt(math.pi))) if multiple > 0 else 0.0


class Usual:
    """The mean size of a deviation, from a prior; sizes beyond three times the mean pull no harder."""

    __slots__ = ("known", "prior", "size")

    def __init__(self, prior: float) -> None:
        self.prior = prior
        self.size = self.known = 0.0

    def multiple(self, size: float, elapsed: float, *, learn: bool) -> float:
        known = min(self.known, _SIZE_MEMORY)
        usual = (self.prior * _PRIOR_WEIGHT + self.size * known) / (_PRIOR_WEIGHT + known)
        if learn:
            self.known += elapsed
            self.size += elapsed / min(self.known, _SIZE_MEMORY) * (min(size, 3 * usual) - self.size)
        return size / usual


class Relation:
    """What another series says of this one: regression with a memory of ten days, and what is left of it."""

    __slots__ = ("covariance", "known", "left", "mine", "theirs", "variance")

    def __init__(self) -> None:
        self.known = 0.0
        self.mine = self.theirs = self.variance = self.covariance = 0.0
        self.left = 0.0

    def follow(self, mine: float, theirs: float, elapsed: float, *, shift: float, negative: bool, learn: bool) -> bool:
        """Take a bin of both; True where ``left`` says something. ``shift``: variance below which a slope shrinks."""
        speaks = self.known >= _PAIR_LEARNS
        if speaks:
            slope = self.covariance / (self.variance + shift)
            if not negative:
                slope = min(_MOST_SLOPE, max(0.0, slope))
            rest = mine - self.mine - slope * (theirs - self.theirs)
            self.left += gain(elapsed, _AVERAGED) * (rest - self.left)
        if learn or not speaks:
            self.known += elapsed
            pull = max(gain(elapsed, _PAIR_MEMORY), elapsed / self.known)
            off_theirs, off_mine = theirs - self.theirs, mine - self.mine
            self.theirs += pull * off_theirs
            self.mine += pull * off_mine
            self.variance += pull * (off_theirs * off_theirs - self.variance)
            self.covariance += pull * (off_theirs * off_mine - self.covariance)
        return speaks

    def rebase(self) -> None:
        self.mine += self.left
        self.left = 0.0


class Slow:
    """The slow comparisons of one series, ``name`` being its sensor's. Values in the series' unit, times in s."""

    def __init__(self, quantity: str, name: str) -> None:
        unit = MATTERS[quantity]
        self.quantity = quantity
        self.name = name
        self.unit = unit
        self.multiples = [0.0] * len(SLOW_CHANNELS)
        self.nats = [0.0] * len(SLOW_CHANNELS)
        self.seen_expected = [(math.nan, math.nan)] * len(SLOW_CHANNELS)
        self.since = [math.inf] * len(SLOW_CHANNELS)
        self.supported = False
        self._first = self._last = -math.inf
        self._previous = (-math.inf, math.nan, 0.0)
        self._level = self._off = 0.0
        self._own, self._others = Usual(unit), Usual(unit)
        self._log_span, self._span_size, self._span_known = math.nan, 0.3, 0.0
        self._flatness = [(-math.inf, 0.0)] * 2
        self._recent = array("d", [math.nan] * _RECENT)
        self._recent_at = array("d", [-math.inf] * _RECENT)
        self._relations: dict[str, Relation] = {}
        self._candidate = 0
        self._auditioned = -math.inf

    def believed(self, at: float, reach: int) -> float:
        """The mean of bin ``at``, or of the last of ``reach`` bins that it has; NaN where that was flagged, or none."""
        for known_at in range(int(at), int(at) - reach, -1):
            if self._recent_at[known_at % _RECENT] == known_at:
                return self._recent[known_at % _RECENT]
        return math.nan

    def flatness(self, at: float, reach: int) -> float | None:
        """How much less than usual (log) the series swung in the 22 h before one of ``reach`` bins before ``at``."""
        known = [flat for known_at, flat in self._flatness if at - reach <= known_at < at]
        return known[-1] if known else None

    def close(self, done: Bin, place: "Place", pair: "Slow | None") -> None:
        """Take a bin that is complete. ``pair``: the other quantity of the same sensor.

        Others are asked for the bin before: theirs of now may still be filling.
        """
        at, mean, learn = done.at, done.mean, done.usual
        elapsed = BIN * (at - self._last)
        if elapsed > _LONG_GAP:
            self._begin(at, mean)
            elapsed = BIN
        neighbours = self._heard(at, place.of(self.quantity))
        own = self._against_itself(at, mean, elapsed, learn=learn)
        index = int(at) % _RECENT
        self._recent[index], self._recent_at[index] = (mean if learn else math.nan), at
        self._last = at
        flat = self._span(done, elapsed, neighbours)
        multiples = [_ALONE * own, 0.0, flat]
        left = self._against_others(elapsed, done.reach, neighbours, pair)
        self.supported = left is not None
        if left is not None:
            rest, heard = left
            others = self._others.multiple(abs(rest), elapsed, learn=learn)
            multiples[_AWAY] = (1.0 if heard else _PAIRED) * math.sqrt(own * others)
            if heard > 1:
                multiples[_APART] = others
            self.seen_expected[_APART] = (mean, mean - rest)
        self._previous = (at, mean, float(learn))
        for channel, multiple in enumerate(multiples):
            begun = multiple >= 0.5 * SLOW_ALARM_AT[SLOW_CHANNELS[channel]]
            self.since[channel] = min(self.since[channel], at * BIN) if begun else math.inf
        self.multiples = multiples
        self.nats = [nats(multiple) for multiple in multiples]

    def rebase(self) -> None:
        """Accept where the series stands now as its usual place."""
        for channel in (_AWAY, _APART):
            self.multiples[channel] = self.nats[channel] = 0.0
            self.since[channel] = math.inf
        self._level, self._off = self._level + self._off, 0.0
        for relation in self._relations.values():
            relation.rebase()

    def _against_itself(self, at: float, mean: float, elapsed: float, *, learn: bool) -> float:
        found = 0.0
        age = BIN * (at - self._first)
        if age >= _LEARNS:
            self._off += gain(elapsed, _AVERAGED) * (mean - self._level - self._off)
            found = self._own.multiple(abs(self._off), elapsed, learn=learn)
        self.seen_expected[_AWAY] = (self._level + self._off, self._level)
        if learn:
            pull = max(gain(elapsed, _LEVEL_MEMORY), elapsed / (age + BIN) if age < _LEVEL_MEMORY else 0.0)
            self._level += min(1.0, pull) * (mean - self._level)
        return found

    def _begin(self, at: float, mean: float) -> None:
        """At first, and after days without a reading, when the sensor may stand elsewhere."""
        self._first = at
        self._level, self._off = mean, 0.0
        self._previous = (-math.inf, math.nan, 0.0)
        self._relations.clear()

    def _span(self, done: Bin, elapsed: float, neighbours: "Sequence[Slow]") -> float:
        at, learn = done.at, done.usual
        known = [value for value in done.day if value == value]
        if len(known) < _LEAST_KNOWN * min(SPAN_BINS, SPAN_BINS * BIN / done.step):
            return 0.0
        span = max(known) - min(known)
        log_span = math.log(span + 0.2 * self.unit)
        if self._log_span != self._log_span:
            self._log_span = log_span
        less = self._log_span - log_span
        self._flatness = [self._flatness[-1], (at, less)]
        theirs = [flat for other in neighbours if (flat := other.flatness(at, done.reach)) is not None]
        unexplained = less - max(0.0, median(theirs)) if theirs else less
        multiple = max(0.0, unexplained) / self._span_size if self._span_known >= 2 * DAY else 0.0
        self.seen_expected[_FLAT] = (span, math.exp(self._log_span) - 0.2 * self.unit)
        if learn:
            self._span_known += elapsed
            pull = min(1.0, elapsed / min(self._span_known + 3 * DAY, _SIZE_MEMORY))
            self._log_span -= pull * less
            self._span_size += pull * (min(abs(unexplained), 3 * self._span_size) - self._span_size)
            self._span_size = max(0.12, self._span_size)
        return multiple

    def _against_others(
        self, elapsed: float, reach: int, neighbours: "Sequence[Slow]", pair: "Slow | None"
    ) -> tuple[float, int] | None:
        """What remains, and by how many neighbours (0: by the pair); None where no other speaks."""
        at, mine, learnt = self._previous
        if mine != mine:
            return None
        found = [
            relation.left
            for other in neighbours
            if (theirs := other.believed(at, reach)) == theirs
            and (relation := self._relation(other)).follow(
                mine, theirs, elapsed, shift=0.05 * other.unit**2, negative=False, learn=bool(learnt)
            )
        ]
        if found:
            return median(found), len(found)
        if pair is None or (theirs := pair.believed(at, reach)) != theirs:
            return None
        relation = self._relation(pair)
        speaks = relation.follow(mine, theirs, elapsed, shift=0.05 * pair.unit**2, negative=True, learn=bool(learnt))
        return (relation.left, 0) if speaks else None

    def _relation(self, other: "Slow") -> Relation:
        key = f"{other.quantity}/{other.name}"
        relation = self._relations.get(key)
        if relation is None:
            relation = self._relations[key] = Relation()
        return relation

    def _heard(self, at: float, neighbours: "Sequence[Slow]") -> "Sequence[Slow]":
        """Those listened to: all, or the chosen ones of many."""
        others = [other for other in neighbours if other is not self]
        if len(others) <= NEIGHBOURS:
            return others
        if BIN * (at - self._auditioned) >= DAY:
            self._audition(others)
            self._auditioned = at
        prefix = f"{self.quantity}/"
        return [other for other in others if prefix + other.name in self._relations]

    def _audition(self, others: "Sequence[Slow]") -> None:
        """Give the place of the neighbour that tells least to the next one in turn."""
        prefix = f"{self.quantity}/"
        present = {prefix + other.name for other in others}
        mine = {key: relation for key, relation in self._relations.items() if key in present}
        for key in [key for key in self._relations if key.startswith(prefix) and key not in present]:
            del self._relations[key]
        if len(mine) >= NEIGHBOURS:
            settled = [key for key, relation in mine.items() if relation.known >= 2 * _PAIR_LEARNS]
            if not settled:
                return
            del self._relations[
                min(settled, key=lambda key: mine[key].covariance / math.sqrt(mine[key].variance or 1.0))
            ]
        for _ in range(len(others)):
            if sum(key.startswith(prefix) for key in self._relations) >= NEIGHBOURS:
                return
            other = others[self._candidate % len(others)]
            self._candidate += 1
            self._relation(other)

    def state(self) -> Arrays:
        usual = [v for u in (self._own, self._others) for v in (u.size, u.known)]
        scalars = [
            *(self._first, self._last, *self._previous, self._level, self._off, *usual),
            *(self._log_span, self._span_size, self._span_known, float(self._candidate), self._auditioned),
            *(value for pair in self._flatness for value in pair),
            *self.multiples,
            *(value for pair in self.seen_expected for value in pair),
            *self.since,
            float(self.supported),
        ]
        relations = [[r.known, r.mine, r.theirs, r.variance, r.covariance, r.left] for r in self._relations.values()]
        return {
            "slow": np.array(scalars, np.float64),
            "recent": np.array([self._recent, self._recent_at], np.float64),
            "others": np.array(list(self._relations), np.str_),
            "relations": np.array(relations, np.float64).reshape(-1, 6),
        }

    def restore(self, state: Arrays) -> None:
        values = iter(state["slow"].tolist())
        channels = range(len(SLOW_CHANNELS))
        self._first, self._last = next(values), next(values)
        self._previous = (next(values), next(values), next(values))
        self._level, self._off = next(values), next(values)
        for usual in (self._own, self._others):
            usual.size, usual.known = next(values), next(values)
        self._log_span, self._span_size, self._span_known = next(values), next(values), next(values)
        self._candidate, self._auditioned = int(next(values)), next(values)
        self._flatness = [(next(values), next(values)) for _ in range(2)]
        self.multiples = [next(values) for _ in channels]
        self.nats = [nats(multiple) for multiple in self.multiples]
        self.seen_expected = [(next(values), next(values)) for _ in channels]
        self.since = [next(values) for _ in channels]
        self.supported = bool(next(values))
        self._recent, self._recent_at = (array("d", row) for row in state["recent"].tolist())
        self._relations = {}
        for key, values in zip(state["others"].tolist(), state["relations"].tolist(), strict=True):
            relation = self._relations[key] = Relation()
            relation.known, relation.mine, relation.theirs, relation.variance, relation.covariance, relation.left = (
                values
            )


class Place:
    """The sensors of one place: each other's reference."""

    def __init__(self) -> None:
        self._members: dict[str, list[Slow]] = {}

    def of(self, quantity: str) -> Sequence[Slow]:
        return self._members.get(quantity, ())

    def join(self, slow: Slow) -> None:
        self._members.setdefault(slow.quantity, []).append(slow)

    def leave(self, slow: Slow) -> None:
        self._members[slow.quantity].remove(slow)
