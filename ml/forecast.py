"""The forecaster of one series: ten members mixed by their trailing error, intervals from the mix's own past errors.

Persistence, the last reading, the same time and the same span of past days, two ridge regressions (one that also looks
at neighbouring sensors) and boosted trees each predict the change from now; what counts is how wrong each has lately
been at each horizon on this very series. A new series has the simple ones and an interval known from other sensors,
and leaves both as it sees more.
"""

import math
from collections.abc import Container, Mapping, Sequence

import numpy as np

from ml.base import Arrays, Floats, Forecast, Skill, named, part
from ml.bins import CARRY, SPAN, Bins, known_mean
from ml.boosting import predict
from ml.features import BIN
from ml.gate import POSSIBLE
from ml.lags import BINS_PER_DAY, FAR, FARTHEST, LEAST_ROWS, REACH, design, neighbour_design, season
from ml.peers import Peer, Peers
from ml.record import Record
from ml.ridge import predict_ridge
from ml.trend import Excursions

MEMBERS = (
    *("persistence", "last_reading", "same_time_yesterday", "same_span_yesterday"),
    *("usual_span", "usual_day", "usual_week", "ridge", "ridge_with_neighbours", "boosting"),
)
_SIMPLE = 7
_USUAL_DAYS = 3
_WEEK = 7

_MEMORY, _MEMORY_FAR = 3 * BINS_PER_DAY, 14 * BINS_PER_DAY
"""Bins over which a member's error is averaged."""

_FLAGGED_MEMORY = 12.0
"""The same at near horizons while a detector flags the series: what was usual says little then."""

_SHARPNESS, _SHARPNESS_FAR = 12.0, 4.0
"""Weights fall with this power of a member's error."""

_UNPROVEN, _PATIENCE = 64.0, 4.0
"""A new member begins with so much less weight than persistence, as if so many errors had shown it."""

_NOISE = 1e-4
"""A smaller change is one of arithmetic (a unit converted, an offset added), no step of a sensor."""

_PRIOR: Mapping[str, tuple[float, float]] = {"temperature": (0.6, 2.5), "humidity": (2.5, 9.0)}
"""(90 % of errors of persistence at 1 h, and at most), °C or % RH: typical of rooms."""

_LEAST_MOVES, _MOST_LIVELY = 8, 5.0
"""From so many changes on a series shows that it moves more than others, and up to so many times more is believed."""


class MixForecaster:
    """A :class:`ml.base.Forecaster`; ``horizons`` in s, from 15 min to 2 d (they are rounded to bins). ``name`` is
    its sensor's among ``peers``, who must have the same horizons. Raises ValueError for a longer one."""

    def __init__(self, quantity: str, horizons: Sequence[float], peers: Peers | None = None, name: str = "") -> None:
        self.quantity = quantity
        self.horizons = tuple(sorted(map(whole_bins, horizons)))
        count, depth = len(self.horizons), self.horizons[-1]
        if depth > FARTHEST:
            raise ValueError(f"a horizon of {depth * BIN:.0f} s is too long; at most {FARTHEST * BIN:.0f} s")
        self._ahead = np.array(self.horizons, np.intp)
        # Bins from the newest back to: a season before it, the target a season earlier, and that on the past days.
        back = season(self._ahead)
        self._target = back - self._ahead
        self._usual = np.add.outer(self._target, np.arange(_WEEK) * BINS_PER_DAY)
        self._earlier = np.add.outer(back, np.arange(_USUAL_DAYS) * BINS_PER_DAY)
        self._sharpness = np.where(self._ahead < FAR, _SHARPNESS, _SHARPNESS_FAR)[:, None]
        self._memory = np.where(self._ahead < FAR, _MEMORY, _MEMORY_FAR)[:, None]
        self.bins = Bins()
        self._pending = np.full((depth, count, len(MEMBERS)), np.nan, np.float32)
        self._origins = np.full(depth, np.iinfo(np.int64).min)
        self._mixed = np.full((depth, count), np.nan)
        self._errors = np.full((count, len(MEMBERS)), np.nan)
        self._chances = np.zeros((count, len(MEMBERS)))  # how often each was judged
        self._errors_now = self._errors.copy()  # what weights are made of: while a stretch is flagged, with its own
        self._excursions = Excursions(self._ahead, depth)
        self._announced = np.zeros((depth, count, 3), np.float32)  # bounds of the change, and the record's scale
        self._record = Record(self.horizons)
        self._resolution = 0.0
        self._last = math.nan
        self._fit: Arrays | None = None
        self._fitted_bin = 0
        self._peers = peers if peers is not None else Peers()
        self._self = Peer(name, self.bins, self._record.radii)
        self._peers.join(quantity, self._self)

    def close(self) -> None:
        """Nobody's neighbour any more."""
        self._peers.leave(self.quantity, self._self.name)

    @property
    def fitted_at(self) -> float | None:
        return self._fitted_bin * BIN if self._fit is not None else None

    def observe(self, time: float, values: Mapping[str, float], flagged: Container[str] = ()) -> bool:
        """Take a reading: own value, and the sensor's other quantities beside it; true when a bin was completed.

        ``flagged``: the quantities that a detector calls anomalous at this moment; they teach nothing.
        """
        completed = self._advance(time)
        for quantity, value in values.items():
            if value != value:
                continue
            if quantity != self.quantity:
                if quantity not in flagged:
                    self.bins.add_companion(time, value)
            elif self.bins.add(time, value, flagged=quantity in flagged) and quantity not in flagged:
                self._resolve(value)
        return completed

    def forecast(self, now: float) -> Sequence[Forecast]:
        self._advance(now)
        level = self.bins.at(0)
        if self.bins.missing > CARRY or level != level:  # where the series stands is not known
            return []
        made_at = (self.bins.newest + 1) * BIN
        place = self.bins.newest % len(self._origins)
        leading = self._weights(self._pending[place]).argmax(axis=1).tolist()
        found = []
        for index, horizon in enumerate(self.horizons):
            centre = level + float(self._mixed[place, index])
            below, above, _ = self._announced[place, index].tolist()
            value, lower, upper = self._possible(centre, level + below, level + above)
            found.append(Forecast(self.quantity, made_at, horizon * BIN, value, lower, upper, MEMBERS[leading[index]]))
        return found

    def skills(self) -> Sequence[Skill]:
        """How good the forecasts have been, for each horizon of which any was judged."""
        return [
            Skill(self.quantity, horizon * BIN, judged, covered, error, naive)
            for horizon, judged, covered, error, naive in self._record.lately()
        ]

    def fit_due(self) -> bool:
        """At first, then whenever the series has grown by a tenth, or by a day."""
        grown = self.bins.newest - self._fitted_bin
        if self._fit is not None and grown < max(BINS_PER_DAY, min(self.bins.size, SPAN) // 10):
            return False
        return self.bins.usable_rows(self.horizons) >= LEAST_ROWS

    def training(self, max_rows: int) -> Arrays | None:
        if self.bins.usable_rows(self.horizons) < LEAST_ROWS:
            return None
        training = self.bins.training(min(SPAN, max_rows))
        first, count = int(training["first"][0]), len(training["values"])
        near = self._peers.neighbours(self.quantity, self._self)
        others = np.array([peer.bins.window(first, count) for peer in near], np.float32).reshape(-1, count)
        names = np.array([peer.name for peer in near], np.str_)
        return training | {"horizons": np.array(self.horizons), "neighbours": others, "names": names}

    def adopt(self, fitted: Arrays) -> None:
        if not fitted:
            return
        if fitted["horizons"].tolist() != list(self.horizons):
            raise ValueError(f"a fit for horizons {fitted['horizons'].tolist()} is none for {list(self.horizons)}")
        self._fit = fitted
        self._fitted_bin = int(fitted["as_of"][0])
        self._predict()

    def state(self) -> Arrays:
        state = named(self.bins.state(), "bins") | named(self._fit or {}, "fit") | named(self._record.state(), "record")
        state |= named(self._excursions.state(), "excursions")
        state |= {name: getattr(self, f"_{name}").copy() for name in _STATE}
        return state | {
            "horizons": np.array(self.horizons),
            "scalars": np.array([self._resolution, self._last, self._fitted_bin], np.float64),
        }

    def restore(self, state: Arrays) -> None:
        if state["horizons"].tolist() != list(self.horizons):
            raise ValueError("the stored forecaster has other horizons")
        self.bins.restore(part(state, "bins"))
        self._record.restore(part(state, "record"))
        self._excursions.restore(part(state, "excursions"))
        self._fit = part(state, "fit") or None
        for name in _STATE:
            getattr(self, f"_{name}")[...] = state[name]
        self._resolution, self._last, fitted_bin = state["scalars"].tolist()
        self._fitted_bin = int(fitted_bin)

    def _advance(self, time: float) -> bool:
        """Complete the bins that end before ``time``."""
        if not self.bins.begins_new(time):
            return False
        assert self.bins.open is not None  # noqa: S101 - begins_new said so
        if int(time // BIN) - self.bins.open > SPAN:
            self.bins.restart(time)
            return False
        while self.bins.begins_new(time):
            if self.bins.close():
                self._record.moved(self.bins.at(0) - self.bins.at(1))
                self._judge()
                self._errors_now[...] = self._errors
                self._record.forget_flagged()
            elif not self.bins.missing:
                self._judge_flagged()
            self._excursions.watch(self.bins, self._origins, self._announced)
            if self.bins.missing <= CARRY:
                self._predict()
        return True

    def _resolve(self, value: float) -> None:
        change = abs(value - self._last)
        if change > _NOISE and not 0 < self._resolution <= change:
            self._resolution = change
        self._last = value

    def _judge(self) -> None:
        """Compare what was predicted for the newest bin with what came."""
        newest = self.bins.newest
        origins = newest - self._ahead
        places = origins % len(self._origins)
        due = np.flatnonzero((self._origins[places] == origins) & self.bins.known_before(self._ahead))
        if not len(due):
            return
        places = places[due]
        change = self.bins.at(0) - self.bins.before(self._ahead[due])
        error = np.abs(self._pending[places, due] - change[:, None])
        # A member that was never judged starts behind persistence: it has to earn its weight.
        known, said = self._errors[due], ~np.isnan(error)
        behind = _UNPROVEN ** (1 / self._sharpness[due])
        start = np.where(np.isnan(known), behind * np.where(np.isnan(known[:, :1]), error, known)[:, :1], known)
        self._chances[due] += said
        gain = np.maximum(1 / self._memory[due], 1 / (self._chances[due] + _PATIENCE))
        self._errors[due] = np.where(said, start + gain * (error - start), known)
        self._excursions.judge(due, places, change)
        announced = self._announced[places, due].astype(np.float64)
        self._record.judge(due, origins[due], change - self._mixed[places, due], announced, change)

    def _judge_flagged(self) -> None:
        """What a detector flagged teaches nothing that lasts. While it goes on, members that it proves wrong have no
        say, and intervals that it lies outside of are too narrow. Of some hours ahead it may be over."""
        origins = self.bins.newest - self._ahead
        places = origins % len(self._origins)
        due = np.flatnonzero((self._origins[places] == origins) & (self._ahead < FAR))
        places = places[due]
        change = np.array([self.bins.at(0) - self.bins.at(back) for back in self._ahead[due].tolist()])
        error = np.abs(self._pending[places, due] - change[:, None])
        known = self._errors_now[due]
        moved = known + (error - known) / _FLAGGED_MEMORY
        self._errors_now[due] = np.where(np.isnan(moved), known, moved)
        self._record.judge_flagged(due, self._announced[places, due].astype(np.float64), change)

    def _predict(self) -> None:
        """Each member's change from the newest bin, and the mix; kept until the target comes."""
        newest = self.bins.newest
        place = newest % len(self._origins)
        pending = self._pending[place]
        pending[:] = np.nan
        level = self.bins.at(0)
        past = self.bins.before(self._usual)
        pending[:, 0] = 0.0
        pending[:, 1] = self.bins.tip
        pending[:, 2] = past[:, 0] - level
        spans = past[:, :_USUAL_DAYS] - self.bins.before(self._earlier)
        pending[:, 3] = spans[:, 0]
        pending[:, 4] = known_mean(spans, 2)
        pending[:, 5] = known_mean(past[:, :_USUAL_DAYS], 2) - level
        pending[:, 6] = known_mean(past, 2) - level
        if self._fit is not None and self.bins.size > REACH:
            pending[:, _SIMPLE:] = self._learnt(self._fit)
        silent = np.isnan(pending)
        mixed = (self._weights(pending) * np.where(silent, 0.0, pending)).sum(axis=1)
        mixed, reach = self._excursions.led(self.bins, place, mixed)
        self._mixed[place] = mixed
        apart = np.where(silent, 0.0, np.abs(pending - mixed[:, None]))
        discord = apart.sum(axis=1) / (len(MEMBERS) - silent.sum(axis=1))
        announced = self._record.announce(self._prior_radii(), self._record.scales(newest, discord))
        announced[:, :2] += mixed[:, None]
        announced[:, 0] = np.minimum(announced[:, 0], np.where(reach < 0, reach, np.inf))
        announced[:, 1] = np.maximum(announced[:, 1], np.where(reach > 0, reach, -np.inf))
        self._announced[place] = announced
        self._origins[place] = newest

    def _learnt(self, fit: Arrays) -> Floats:
        """The changes (horizons, 3) that the fitted members say; NaN for the neighbours' where one says nothing."""
        values, companion, tips = self.bins.tail(REACH + 1)
        first = self.bins.newest + 1 - len(values)
        origins = np.full(len(self.horizons), len(values) - 1)
        rows = design(values, companion, tips, origins, self._ahead, first)
        near = self._near(fit, first, len(values))
        beside = np.full(len(rows), np.nan)
        if near is not None:
            wider = neighbour_design(values, near, origins, self._ahead)
            beside = predict_ridge(fit, np.concatenate([rows, wider], axis=1), "near_")
        learnt: Floats = np.stack([predict_ridge(fit, rows), beside, predict(fit, rows[:, None])[:, 0]], axis=1)
        return learnt

    def _near(self, fit: Arrays, first: int, count: int) -> Floats | None:
        """The fit's neighbours in ``count`` bins from ``first`` to now; None where one is gone, silent or odd."""
        peers = [self._peers.get(self.quantity, name) for name in fit["names"].tolist()]
        near = [peer.bins.window(first, count) for peer in peers if peer is not None]
        if not near or len(near) < len(peers) or any(values[-1] != values[-1] for values in near):
            return None
        return np.array(near)

    def _weights(self, changes: Floats) -> Floats:
        """Each member's share (horizons, members), 0 where it says nothing or was never judged; before any was judged,
        persistence's 1."""
        errors = self._errors_now + 1e-6
        unjudged = np.isnan(errors[:, 0])
        errors[unjudged, 0] = 1.0
        errors[np.isnan(errors) | np.isnan(changes)] = np.inf
        weights: Floats = (errors.min(axis=1, keepdims=True) / errors) ** self._sharpness
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def _prior_radii(self) -> Floats:
        """What an interval's half is where own errors are few: that of the other sensors, or what is typical."""
        hours = self._ahead * (BIN / 3600.0)
        if self.quantity in _PRIOR:
            hour, most = _PRIOR[self.quantity]
            typical: Floats = np.minimum(most, hour * np.sqrt(hours))
        else:
            typical = np.full(len(hours), 2.0 * float(np.nanstd(self.bins.tail(BINS_PER_DAY)[0])))
        others = self._peers.radii(self.quantity, self._self.name)
        radii = typical if others is None else np.where(np.isnan(others), typical, others)
        return radii * self._livelier(radii)

    def _livelier(self, radii: Floats) -> Floats:
        """(horizons,): how much more than others the series has moved in its last day, at least 1. A span that was not
        seen often enough yet is told by the longest that was, as in a random walk; what it does in a whole day no day
        tells, and it is taken to be as lively there as at the nearest horizon."""
        values = self.bins.window(self.bins.newest + 1 - BINS_PER_DAY, BINS_PER_DAY)
        found, shown = np.ones(len(radii)), 0.0
        for index, ahead in enumerate(self.horizons):
            if ahead >= BINS_PER_DAY:
                found[index:] = found[0]
                break
            moves = np.abs(values[ahead:] - values[:-ahead])
            moves = np.sort(moves[~np.isnan(moves)])
            if len(moves) >= _LEAST_MOVES:
                shown = float(moves[int(0.9 * len(moves))]) / math.sqrt(ahead)
            if radii[index] > 0:
                found[index] = min(_MOST_LIVELY, max(1.0, shown * math.sqrt(ahead) / float(radii[index])))
        return found

    def _possible(self, value: float, lower: float, upper: float) -> tuple[float, float, float]:
        """Keep within what can be, and never claim more than the sensor's resolution."""
        least, most = POSSIBLE.get(self.quantity, (-math.inf, math.inf))
        value = min(most, max(least, value))
        half = 0.5 * (self._resolution or 0.1)
        lower, upper = min(lower, value - half), max(upper, value + half)
        lower, upper = max(least, lower), min(most, upper)
        if upper - lower < 2 * half:  # at the edge of what is possible
            lower, upper = (lower, lower + 2 * half) if lower == least else (upper - 2 * half, upper)
        return value, lower, upper


def whole_bins(horizon: float) -> int:
    """The bins ahead that a horizon (s) is forecast at: the nearest, and at least one."""
    return max(1, round(horizon / BIN))


_STATE = ("pending", "origins", "mixed", "announced", "errors", "errors_now", "chances")
