"""One quantity of one sensor: gate, window, tails and episode joined, and the rows that its next forest is fitted to.

What is flagged teaches nothing: neither scales, nor the day's profile, nor the forest, until a new level has lasted
long enough to be accepted.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Readiness, Score, named, part
from ml.episode import ALARM, Episode
from ml.features import CHANNELS, DAY, MINUTE, SeriesWindow
from ml.forest import ForestBank
from ml.gate import refusal
from ml.tails import ENOUGH, Tails

_FAILED_IN_A_ROW = 3
"""Reads: one or two fail on any DHT22."""

_BELIEVED_AFTER = 3
"""A jump that repeats this often is a new level, no spike."""

_TRAINING_ROWS = 1024
_TRAINING_SPACING = 20 * MINUTE
"""A row each 20 minutes: two weeks of them in 1,024."""

FIRST_FIT_ROWS = 200
_REFIT = DAY

WIDTH = len(CHANNELS)
_JUMP = CHANNELS.index("jump")

_ALARM_AT: Mapping[str, float] = {
    "jump": 5.8,
    "local": 5.8,
    "noise": 5.5,
    "medium": 8.0,
    "level": 7.0,
    "drift": 7.0,
    "season": 7.0,
    "unchanged": 5.6,
    "range": math.inf,
    "shape": 9.5,
    "forest": 7.0,
}
"""Nats at which a channel alarms by itself: more where neighbouring blocks repeat each other, so that the tail is
known from less; ``range`` speaks through the forest alone. Chosen on injected faults against false alarms."""

_WEIGHTS = tuple(ALARM / _ALARM_AT[channel] for channel in (*CHANNELS, "forest"))
_BEGINNINGS = tuple(channel in {"jump", "local", "medium", "season", "forest"} for channel in (*CHANNELS, "forest"))
"""Channels that tell when something begins; the others build up over hours and days."""


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
    """Rows for the next fit, thinned evenly in time."""

    rows: NDArray[np.float32]
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


class Series:
    """One quantity of the sensor."""

    __slots__ = (
        *("bank", "episode", "failed", "fitted_at", "fitted_rows", "gate", "impossible", "quantity", "rows"),
        *("seen_at", "sentinels", "slot", "surprises", "suspects", "tails", "training", "window"),
    )

    def __init__(self, quantity: str, bank: ForestBank) -> None:
        self.quantity = quantity
        self.bank = bank
        self.window = SeriesWindow()
        self.tails = Tails(WIDTH + 1)
        self.episode = Episode()
        self.training = Training(np.zeros((_TRAINING_ROWS, WIDTH), np.float32))
        self.slot: int | None = None
        self.fitted_at = -math.inf
        self.fitted_rows = 0.0
        self.seen_at = -math.inf
        self.rows = 0
        self.failed = 0
        self.suspects = 0

    def measure(self, time: float, value: float) -> Pending | None:
        if time <= self.seen_at:
            return None
        self.seen_at = time
        self.rows += 1
        gate = refusal(self.quantity, value, self.window.last if self.window.count else None)
        self.failed = self.failed + 1 if gate == "failed" else 0
        if gate:
            return Pending(self, self.quantity, time, value, [], gate)
        return Pending(self, self.quantity, time, value, self.window.measure(time, value), gate)

    def conclude(self, pending: Pending, row: NDArray[np.float32] | None, forest: float) -> Score:
        """Judge and absorb; ``row`` is what the forest sees, None while warming up, ``forest`` what it makes of it."""
        if pending.gate:
            return self._refuse(pending)
        time, value, window = pending.time, pending.value, self.window
        deviations = [*pending.deviations, forest]
        rarities = self.tails.surprise(deviations)
        surprises = [rarity * weight for rarity, weight in zip(rarities, _WEIGHTS, strict=True)]
        surprise = max(surprises)
        beginning = max(compress(surprises, _BEGINNINGS))
        ready = self.readiness is Readiness.READY
        alarm, held = self.episode.judge(time, window.step, surprise, beginning, ready=ready)
        leading = max(range(WIDTH), key=surprises.__getitem__)
        if alarm:
            loudest = surprises.index(surprise)
            self.tails.alarmed(loudest, time, deviations[loudest])
        seen, expected = window.context(CHANNELS[leading], time, value)
        score = Score(
            self.quantity,
            time,
            value,
            self.episode.score(surprise),
            -math.expm1(-max(rarities)),
            self.episode.score(held),
            alarm,
            self.episode.open,
            Readiness.READY if ready else Readiness.WARMING_UP,
            CHANNELS[leading],
            seen,
            expected,
            self.episode.since if self.episode.open else time,
        )
        self._absorb(pending, row, deviations, surprises[_JUMP], learn=not self.episode.open)
        return score

    @property
    def readiness(self) -> Readiness:
        return Readiness.READY if self.tails.filled >= ENOUGH else Readiness.WARMING_UP

    def _refuse(self, pending: Pending) -> Score:
        """A value that is none: three failures in a row, or one impossible value, are an anomaly."""
        certain = pending.gate == "impossible" or self.failed >= _FAILED_IN_A_ROW
        surprise = 2 * ALARM if certain else 0.0
        alarm, held = self.episode.judge(
            pending.time, self.window.step, surprise, surprise, ready=self.window.count > 0
        )
        return Score(
            self.quantity,
            pending.time,
            pending.value,
            self.episode.score(surprise),
            -math.expm1(-surprise),
            self.episode.score(held),
            alarm,
            self.episode.open,
            self.readiness,
            pending.gate,
            pending.value,
            self.window.last,
            self.episode.since if self.episode.open else pending.time,
        )

    def _absorb(
        self,
        pending: Pending,
        row: NDArray[np.float32] | None,
        deviations: Sequence[float],
        jump: float,
        *,
        learn: bool,
    ) -> None:
        time, window = pending.time, self.window
        if jump >= ALARM and self.readiness is Readiness.READY:
            self.suspects += 1
            if self.suspects < _BELIEVED_AFTER:
                self.tails.absorb(time, window.step, deviations, learn=False)
                return
        self.suspects = 0
        window.absorb(time, pending.value, learn=learn)
        self.tails.absorb(time, window.step, deviations, learn=learn)
        if learn and row is not None:
            self.training.add(time, row)
        if self.episode.accepted(time):
            window.rebase()

    def fit_due(self) -> bool:
        training = self.training
        if training.filled < FIRST_FIT_ROWS or training.added == self.fitted_rows:
            return False
        grown = training.added >= 2 * self.fitted_rows
        return self.slot is None or self.seen_at - self.fitted_at >= (_REFIT / 4 if grown else _REFIT)

    def adopt(self, forest: Arrays) -> None:
        self.slot = self.bank.put(forest, self.slot)

    def close(self) -> None:
        if self.slot is not None:
            self.bank.free(self.slot)
            self.slot = None

    def state(self) -> Arrays:
        training = self.training
        scalars = [self.fitted_at, self.fitted_rows, self.seen_at, self.rows, self.failed, self.suspects]
        thinning = [training.filled, training.next, training.spacing, training.last, training.added]
        state: Arrays = {
            "scalars": np.array(scalars + thinning, np.float64),
            "training": training.rows[: training.filled].copy(),
        }
        forest = {} if self.slot is None else self.bank.get(self.slot)
        return (
            state
            | named(forest, "forest")
            | named(self.window.state(), "window")
            | named(self.tails.state(), "tails")
            | named(self.episode.state(), "episode")
        )

    def restore(self, state: Arrays) -> None:
        scalars = state["scalars"].tolist()
        self.fitted_at, self.fitted_rows, self.seen_at = scalars[:3]
        self.rows, self.failed, self.suspects = map(int, scalars[3:6])
        filled, position, spacing, last, added = scalars[6:]
        self.training = Training(self.training.rows, int(filled), int(position), spacing, last, added)
        self.training.rows[: self.training.filled] = state["training"]
        forest = part(state, "forest")
        if forest:
            self.adopt(forest)
        self.window.restore(part(state, "window"))
        self.tails.restore(part(state, "tails"))
        self.episode.restore(part(state, "episode"))
