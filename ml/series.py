"""One quantity of one sensor: gate, window, tails, slow comparisons and episode joined, and the rows that its next
forest is fitted to.

What is flagged teaches nothing: neither scales, nor the day's profile, nor the forest, until a new level has lasted
long enough to be accepted.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Cause, Readiness, Score, named, part
from ml.cause import came_at_once, cause_of, moved
from ml.episode import ALARM, USUAL, Episode
from ml.features import CHANNELS, DAY, HOUR, MINUTE, SeriesWindow
from ml.forest import ForestBank
from ml.gate import BadReads, refusal
from ml.slow import MATTERS, SLOW_CHANNELS, Place, Slow
from ml.tails import ENOUGH, Tails
from ml.weights import ALL_CHANNELS, BEGINNINGS, QUICK, Weights

_BELIEVED_AFTER = 3
"""A jump that repeats this often is a new level, no spike."""

_TRAINING_ROWS = 1024
_TRAINING_SPACING = 20 * MINUTE
"""A row each 20 minutes: two weeks of them in 1,024."""

FIRST_FIT_ROWS = 200
_REFIT = DAY

WIDTH = len(CHANNELS)
_JUMP = CHANNELS.index("jump")
_BEGIN_AT = tuple(QUICK.index(channel) for channel in QUICK if channel in BEGINNINGS)
_STILL = (ALL_CHANNELS.index("unchanged"), ALL_CHANNELS.index("flat"))
_STIR = tuple(QUICK.index(channel) for channel in ("jump", "spike", "local", "medium"))
_TOLD = 8
"""Alarms of which it is kept how odd they were, for a person may say that they were false."""

_SETTLING = 12 * HOUR
"""After a false alarm the levels follow for so long: the means of hours need it to get to where the series stands."""

_NO_SLOW = (0.0,) * len(SLOW_CHANNELS)


class Pending(NamedTuple):
    """A value between being measured and being judged."""

    series: "Series"
    quantity: str
    time: float
    value: float
    deviations: list[float]
    gate: str


@dataclass(slots=True)
class Training:
    """Rows for the next fit, thinned evenly in time; half precision tells logarithms of sizes to half a percent."""

    rows: NDArray[np.float16]
    filled: int = 0
    next: int = 0
    spacing: float = 0.0
    last: float = -math.inf
    added: float = 0.0

    def add(self, time: float, row: NDArray[np.float32]) -> None:
        if time - self.last < self.spacing:
            return
        self.last = time
        self.added += 1
        if self.filled == len(self.rows) and self.spacing < _TRAINING_SPACING:
            half = len(self.rows) // 2
            self.rows[:half] = self.rows[1::2]
            self.filled = self.next = half
            self.spacing = min(_TRAINING_SPACING, max(2 * self.spacing, 1.0))
        self.rows[self.next] = row
        self.next = (self.next + 1) % len(self.rows)
        self.filled = min(self.filled + 1, len(self.rows))


class Weighed(NamedTuple):
    """A value whose channels are known: nats of ALL_CHANNELS as they came, and weighed so that ALARM is where each
    alarms; ``row`` is what the forest saw, None while warming up."""

    pending: Pending
    row: NDArray[np.float32] | None
    deviations: list[float]
    rarities: list[float]
    surprises: list[float]


class Series:
    """One quantity of the sensor ``name``, which stands in ``place``."""

    __slots__ = (
        *("bad_reads", "bank", "episode", "fitted_at", "fitted_rows", "forgiven", "place", "quantity", "rows"),
        *("seen_at", "settling_until", "slot", "slow", "stirred", "suspects", "tails", "told", "training"),
        *("weights", "window"),
    )

    def __init__(self, quantity: str, bank: ForestBank, place: Place, name: str) -> None:
        self.quantity = quantity
        self.bank = bank
        self.place = place
        self.window = SeriesWindow()
        self.tails = Tails(WIDTH + 1)
        self.slow = Slow(quantity, name) if quantity in MATTERS else None
        if self.slow is not None:
            place.join(self.slow)
        self.weights = Weights(quantity)
        self.episode = Episode()
        self.bad_reads = BadReads()
        self.forgiven, self.settling_until = False, -math.inf  # a person said that the open episode is none
        self.stirred = (-math.inf, 0.0)
        self.told: deque[tuple[float, list[float]]] = deque(maxlen=_TOLD)  # (likelihood, highest deviations)
        self.training = Training(np.zeros((_TRAINING_ROWS, WIDTH), np.float16))
        self.slot: int | None = None
        self.fitted_at = -math.inf
        self.fitted_rows = 0.0
        self.seen_at = -math.inf
        self.rows = 0
        self.suspects = 0

    def measure(self, time: float, value: float) -> Pending | None:
        if time <= self.seen_at:
            return None
        self.seen_at = time
        self.rows += 1
        gate = refusal(self.quantity, value, self.window.last if self.window.count else None)
        if gate:
            return Pending(self, self.quantity, time, value, [], gate)
        return Pending(self, self.quantity, time, value, self.window.measure(time, value), gate)

    def weigh(self, pending: Pending, row: NDArray[np.float32] | None, forest: float) -> Weighed:
        """How odd a value is; ``row`` is what the forest sees (None: warming up), ``forest`` what it makes of it."""
        deviations = [*pending.deviations, forest]
        slow = _NO_SLOW if self.slow is None else self.slow.nats
        rarities = [*self.tails.surprise(deviations), *slow]
        surprises = self.weights.weigh(rarities, self.window, pending.time, pending.value)
        stir = max(rarities[index] for index in _STIR)
        if stir >= self.stirred[1] or pending.time - self.stirred[0] > HOUR:
            self.stirred = (pending.time, stir)
        return Weighed(pending, row, deviations, rarities, surprises)

    def conclude(self, weighed: Weighed, pair: "Series | None") -> Score:
        """Judge and absorb; ``pair`` is the other quantity of the sensor."""
        pending, _, deviations, rarities, surprises = weighed
        time, value, window = pending.time, pending.value, self.window
        self.bad_reads.count(bad=False)
        surprise = max(surprises)
        beginning = max(surprises[index] for index in _BEGIN_AT)
        ready = self.readiness is Readiness.READY
        alarm, held = self.episode.judge(time, window.step, surprise, beginning, ready=ready)
        likelihood = -math.expm1(-max(rarities))
        if alarm:
            self.told.append((likelihood, deviations))
            loudest = surprises.index(surprise)
            if loudest < len(deviations):
                self.tails.alarmed(loudest, time, deviations[loudest])
        elif self.episode.open and (self.forgiven or time - self.episode.since <= HOUR) and self.told:
            self.told[-1] = (self.told[-1][0], list(map(max, self.told[-1][1], deviations)))
        if self.forgiven and not self.episode.open:
            self.forgiven = False
            self.tails.usual_after_all(self.told[-1][1])  # all of it, to its end
        feature = self._leading(surprises)
        seen, expected, since = self._context(feature, time, value)
        score = Score(
            self.quantity,
            time,
            value,
            self.episode.score(surprise),
            likelihood,
            self.episode.score(held),
            alarm,
            self.episode.open,
            Readiness.READY if ready else Readiness.WARMING_UP,
            feature,
            seen,
            expected,
            since,
            self._cause(feature, seen - expected, pair, rarities[_JUMP]) if self.episode.open else Cause.UNCLEAR,
        )
        self._absorb(weighed, pair, learn=not self.episode.open)
        return score

    def verdict(self, feature: str, likelihood: float, *, genuine: bool) -> None:
        """What a person said of an alarm. A false one teaches that its size is usual here (a slow one, of which the
        sizes are not kept, must be clearly odder to come again), and where the series stands now is believed; a true
        one is on no way to become a habit.
        """
        told = next((deviations for known, deviations in reversed(self.told) if known == likelihood), None)
        if genuine:
            self.weights.genuine(feature)
            if feature in QUICK:
                self.tails.no_habit(QUICK.index(feature))
            return
        if feature in QUICK and told is not None:
            self.tails.usual_after_all(told)
        else:
            self.weights.false_alarm(feature, -math.log(max(1e-16, 1.0 - likelihood)))
        if self.told and self.told[-1][0] == likelihood:  # the open episode is the one judged
            self.forgive()

    def forgive(self) -> None:
        """A person said that the open episode is none."""
        if self.episode.open and self.told:
            self.forgiven, self.settling_until = True, self.seen_at + _SETTLING
            self._believe()

    @property
    def readiness(self) -> Readiness:
        return Readiness.READY if self.tails.filled >= ENOUGH else Readiness.WARMING_UP

    def refuse(self, pending: Pending) -> Score:
        """A value that is none: three of them, or one impossible value, are an anomaly."""
        begins = self.bad_reads.count(bad=True)
        held, odd = 0.0, self.bad_reads.open
        if pending.gate == "impossible":
            surprise, odd = 2 * ALARM, True
            ready = self.readiness is Readiness.READY
            alarm, held = self.episode.judge(pending.time, self.window.step, surprise, surprise, ready=ready)
            begins = begins or alarm
        surprise = 2 * ALARM if odd else 0.0
        return Score(
            self.quantity,
            pending.time,
            pending.value,
            self.episode.score(surprise),
            -math.expm1(-surprise),
            self.episode.score(held),
            begins,
            self.episode.open or self.bad_reads.open,
            self.readiness,
            pending.gate,
            pending.value,
            self.window.last,
            self.episode.since if self.episode.open else pending.time,
            Cause.DISCONNECTED if pending.gate == "failed" else Cause.GLITCHING,
        )

    def _leading(self, surprises: Sequence[float]) -> str:
        """The channel that says most; where the forest does, the one that says most beside it."""
        loudest = ALL_CHANNELS[max(range(len(ALL_CHANNELS)), key=surprises.__getitem__)]
        return loudest if loudest != QUICK[WIDTH] else CHANNELS[max(range(WIDTH), key=surprises.__getitem__)]

    def _context(self, feature: str, time: float, value: float) -> tuple[float, float, float]:
        """(seen, expected, since when) of a channel."""
        if self.slow is not None and feature in SLOW_CHANNELS:
            channel = SLOW_CHANNELS.index(feature)
            return *self.slow.seen_expected[channel], min(time, self.slow.since[channel])
        since = self.window.changed_at if feature == "unchanged" else self.episode.since
        return *self.window.context(feature, time, value), min(time, since)

    def _cause(self, feature: str, rise: float, pair: "Series | None", jump: float) -> Cause:
        supported = self.slow is not None and self.slow.supported
        return cause_of(
            feature,
            self.quantity,
            rise,
            abrupt=came_at_once(jump),
            interval=self.window.step,
            other_moved=None if pair is None else pair.has_moved(self.seen_at),
            other_rise=0.0 if pair is None else pair.window.last - pair.window.half_day,
            supported=supported,
        )

    def has_moved(self, time: float) -> bool:
        """Whether this quantity has left its usual course in the last hour, or slowly."""
        stir = self.stirred[1] if time - self.stirred[0] <= HOUR else 0.0
        return moved(stir, 0.0 if self.slow is None else self.slow.multiples[SLOW_CHANNELS.index("away")])

    def _absorb(self, weighed: Weighed, pair: "Series | None", *, learn: bool) -> None:
        pending, row, deviations, _, surprises = weighed
        time, window = pending.time, self.window
        window.note(pending.value)
        if surprises[_JUMP] >= ALARM and self.readiness is Readiness.READY:
            self.suspects += 1
            if self.suspects < _BELIEVED_AFTER:
                self.tails.absorb(time, window.step, deviations, learn=False)
                return
        self.suspects = 0
        complete = window.absorb(time, pending.value, learn=learn)
        if complete is not None and self.slow is not None:
            self.slow.close(complete, self.place, None if pair is None else pair.slow)
        if complete is not None and (self.forgiven or time < self.settling_until):
            self._believe()
        self.tails.absorb(time, window.step, deviations, learn=learn)
        if learn and row is not None:
            self.training.add(time, row)
        stands_still = max(surprises[index] for index in _STILL) >= USUAL
        if self.episode.accepted(time, stands_still=stands_still):
            self._believe()

    def _believe(self) -> None:
        """Where the series stands is where it belongs."""
        self.window.rebase()
        if self.slow is not None:
            self.slow.rebase()

    def fit_due(self) -> bool:
        training = self.training
        if training.filled < FIRST_FIT_ROWS or training.added == self.fitted_rows:
            return False
        grown = training.added >= 2 * self.fitted_rows
        return self.slot is None or self.seen_at - self.fitted_at >= (_REFIT / 4 if grown else _REFIT)

    def adopt(self, forest: Arrays) -> None:
        self.slot = self.bank.put(forest, self.slot)

    def close(self) -> None:
        if self.slow is not None:
            self.place.leave(self.slow)
        if self.slot is not None:
            self.bank.free(self.slot)
            self.slot = None

    def state(self) -> Arrays:
        training = self.training
        bad = self.bad_reads
        scalars = [self.fitted_at, self.fitted_rows, self.seen_at, self.rows, self.suspects]
        scalars += [bad.bad, bad.good, float(bad.open), *self.stirred, float(self.forgiven), self.settling_until]
        thinning = [training.filled, training.next, training.spacing, training.last, training.added]
        state: Arrays = {
            "scalars": np.array(scalars + thinning, np.float64),
            "training": training.rows[: training.filled].copy(),
            "told": np.array([[known, *highest] for known, highest in self.told]).reshape(-1, WIDTH + 2),
        }
        forest = {} if self.slot is None else self.bank.get(self.slot)
        slow = {} if self.slow is None else self.slow.state()
        return (
            state
            | named(forest, "forest")
            | named(self.window.state(), "window")
            | named(self.tails.state(), "tails")
            | named(slow, "slow")
            | named(self.weights.state(), "weights")
            | named(self.episode.state(), "episode")
        )

    def restore(self, state: Arrays) -> None:
        scalars = state["scalars"].tolist()
        self.fitted_at, self.fitted_rows, self.seen_at = scalars[:3]
        self.rows, self.suspects, self.bad_reads.bad, self.bad_reads.good = map(int, scalars[3:7])
        self.bad_reads.open, self.stirred = bool(scalars[7]), (scalars[8], scalars[9])
        self.forgiven, self.settling_until = bool(scalars[10]), scalars[11]
        filled, position, spacing, last, added = scalars[12:]
        self.training = Training(self.training.rows, int(filled), int(position), spacing, last, added)
        self.training.rows[: self.training.filled] = state["training"]
        forest = part(state, "forest")
        if forest:
            self.adopt(forest)
        self.window.restore(part(state, "window"))
        self.tails.restore(part(state, "tails"))
        self.told = deque(((known, highest) for known, *highest in state["told"].tolist()), maxlen=_TOLD)
        if self.slow is not None:
            self.slow.restore(part(state, "slow"))
        self.weights.restore(part(state, "weights"))
        self.episode.restore(part(state, "episode"))
