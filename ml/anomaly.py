"""The detector of one sensor: windowed features, an isolation forest over them, calibrated tails, and an alarm.

A value passes a gate (failed or impossible?), is measured against its own past, judged by the tails of each deviation
and by the forest over all of them, and only then absorbed. What is flagged teaches nothing: neither scales, nor the
day's profile, nor the forest, until a new level has lasted long enough to be accepted.
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
from ml.tails import ENOUGH, Tails

VERSION = 1
"""Of the state and of the fitted arrays: another version is refitted, not guessed."""

POSSIBLE: Mapping[str, tuple[float, float]] = {"temperature": (-60.0, 125.0), "humidity": (0.0, 100.0)}
"""What a sensor of the quantity can measure (°C, % RH)."""

SENTINELS: Mapping[str, frozenset[float]] = {
    "temperature": frozenset({-40.0, 85.0, 0.0, -0.1}),
    "humidity": frozenset({0.0, 0.1, 100.0}),
}
"""Codes of failure that are also possible values: judged as impossible only when they come as a jump (K, % points)."""

_SENTINEL_JUMP: Mapping[str, float] = {"temperature": 5.0, "humidity": 15.0}

_FAILED_IN_A_ROW = 3
_BELIEVED_AFTER = 3
"""A jump that repeats this often is a new level, no spike."""

_TRAINING_ROWS = 1024
_TRAINING_SPACING = 20 * MINUTE
"""A row each 20 minutes: two weeks of them in 1,024."""

_FIRST_FIT_ROWS = 200
_REFIT = DAY

_WIDTH = len(CHANNELS)
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


class _Pending(NamedTuple):
    """A value between being measured and being judged."""

    series: "_Series"
    quantity: str
    time: float
    value: float
    deviations: list[float]
    gate: str


@dataclass(slots=True)
class _Training:
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


class _Series:
    """One quantity of the sensor."""

    __slots__ = (
        *("bank", "episode", "failed", "fitted_at", "fitted_rows", "gate", "impossible", "quantity", "rows"),
        *("seen_at", "sentinels", "slot", "surprises", "suspects", "tails", "training", "window"),
    )

    def __init__(self, quantity: str, bank: ForestBank) -> None:
        self.quantity = quantity
        self.bank = bank
        self.window = SeriesWindow()
        self.tails = Tails(_WIDTH + 1)
        self.episode = Episode()
        self.training = _Training(np.zeros((_TRAINING_ROWS, _WIDTH), np.float32))
        self.slot: int | None = None
        self.fitted_at = -math.inf
        self.fitted_rows = 0.0
        self.seen_at = -math.inf
        self.rows = 0
        self.failed = 0
        self.suspects = 0

    def measure(self, time: float, value: float) -> _Pending | None:
        if time <= self.seen_at:
            return None
        self.seen_at = time
        self.rows += 1
        gate = self._gate(value)
        self.failed = self.failed + 1 if gate == "failed" else 0
        if gate:
            return _Pending(self, self.quantity, time, value, [], gate)
        return _Pending(self, self.quantity, time, value, self.window.measure(time, value), gate)

    def conclude(self, pending: _Pending, row: NDArray[np.float32] | None, forest: float) -> Score:
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
        leading = max(range(_WIDTH), key=surprises.__getitem__)
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

    def _gate(self, value: float) -> str:
        if value != value:
            return "failed"
        if self.quantity not in POSSIBLE:
            return ""
        low, high = POSSIBLE[self.quantity]
        if not low <= value <= high:
            return "impossible"
        jumped = self.window.count > 0 and abs(value - self.window.last) > _SENTINEL_JUMP[self.quantity]
        return "impossible" if jumped and value in SENTINELS[self.quantity] else ""

    def _refuse(self, pending: _Pending) -> Score:
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
        pending: _Pending,
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
        if training.filled < _FIRST_FIT_ROWS or training.added == self.fitted_rows:
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
        self.training = _Training(self.training.rows, int(filled), int(position), spacing, last, added)
        self.training.rows[: self.training.filled] = state["training"]
        forest = part(state, "forest")
        if forest:
            self.adopt(forest)
        self.window.restore(part(state, "window"))
        self.tails.restore(part(state, "tails"))
        self.episode.restore(part(state, "episode"))


class ForestDetector:
    """A :class:`ml.base.Detector` whose forests live in a bank shared by many sensors."""

    __slots__ = ("_bank", "_series")

    def __init__(self, bank: ForestBank) -> None:
        self._bank = bank
        self._series: dict[str, _Series] = {}

    @property
    def readiness(self) -> Readiness:
        ready = any(series.readiness is Readiness.READY for series in self._series.values())
        return Readiness.READY if ready else Readiness.WARMING_UP

    @property
    def rows(self) -> int:
        return sum(series.rows for series in self._series.values())

    @property
    def fitted_at(self) -> float | None:
        fitted = [series.fitted_at for series in self._series.values() if series.slot is not None]
        return max(fitted) if fitted else None

    @property
    def anomalous(self) -> bool:
        """Whether an anomaly of any quantity is open."""
        return any(series.episode.open for series in self._series.values())

    @property
    def last_time(self) -> float:
        """Time (s) of the newest value seen, -inf before the first."""
        return max((series.seen_at for series in self._series.values()), default=-math.inf)

    def observe(self, time: float, values: Mapping[str, float]) -> Sequence[Score]:
        return observe_many(self._bank, [(self, time, values)])[0]

    def fit_due(self) -> bool:
        return any(series.fit_due() for series in self._series.values())

    def training(self, max_rows: int) -> Arrays | None:
        """``<quantity>/rows`` float32 (n, channels) of each quantity with enough for a forest, and ``as_of``."""
        rows: Arrays = {}
        for quantity, series in self._series.items():
            known = series.training
            if known.filled >= _FIRST_FIT_ROWS:
                keep = np.linspace(0, known.filled - 1, min(known.filled, max_rows)).astype(np.intp)
                rows[f"{quantity}/rows"] = known.rows[keep]
                rows[f"{quantity}/as_of"] = np.array([series.seen_at, known.added])
        return rows or None

    def adopt(self, fitted: Arrays) -> None:
        for quantity, series in self._series.items():
            if f"{quantity}/feature" in fitted:
                series.adopt(part(fitted, quantity))
                series.fitted_at, series.fitted_rows = fitted[f"{quantity}/as_of"].tolist()

    def state(self) -> Arrays:
        state: Arrays = {"quantities": np.array(list(self._series), np.str_)}
        for quantity, series in self._series.items():
            state |= named(series.state(), quantity)
        return state

    def restore(self, state: Arrays) -> None:
        for quantity in state["quantities"].tolist():
            series = self._series[quantity] = _Series(quantity, self._bank)
            series.restore(part(state, quantity))

    def close(self) -> None:
        """Give the forests' places in the bank back."""
        for series in self._series.values():
            series.close()

    def measure(self, time: float, values: Mapping[str, float]) -> list[_Pending]:
        found = []
        for quantity, value in values.items():
            series = self._series.get(quantity)
            if series is None:
                series = self._series[quantity] = _Series(quantity, self._bank)
            pending = series.measure(time, value)
            if pending is not None:
                found.append(pending)
        return found


def observe_many(
    bank: ForestBank, readings: Sequence[tuple[ForestDetector, float, Mapping[str, float]]]
) -> list[list[Score]]:
    """:meth:`ForestDetector.observe` for many sensors at once, all forests in one pass.

    ``readings`` are (detector, time in s, values), each detector at most once. Scores equal those of one at a time.
    """
    measured = [detector.measure(time, values) for detector, time, values in readings]
    warm = [p for pendings in measured for p in pendings if not p.gate and p.series.tails.filled >= ENOUGH]
    rows, forests = _ask_forests(bank, warm) if warm else (None, [])
    seen = {id(pending): index for index, pending in enumerate(warm)}
    judged: list[list[Score]] = []
    for pendings in measured:
        scores = []
        for pending in pendings:
            index = seen.get(id(pending))
            if index is None or rows is None:
                scores.append(pending.series.conclude(pending, None, -math.inf))
            else:
                scores.append(pending.series.conclude(pending, rows[index], forests[index]))
        judged.append(scores)
    return judged


def _ask_forests(bank: ForestBank, pendings: Sequence[_Pending]) -> tuple[NDArray[np.float32], list[float]]:
    """What the forests see of each value (deviations above the usual extreme), and the forest channel's deviation.

    The forest's score has a magnitude beside it, since isolation saturates outside what was trained on.
    """
    deviations = np.array([pending.deviations for pending in pendings])
    usual = np.array([pending.series.tails.level[:_WIDTH] for pending in pendings])
    rows = np.clip(deviations - usual, -4.0, 8.0).astype(np.float32)
    slots = np.array([-1 if pending.series.slot is None else pending.series.slot for pending in pendings], np.intp)
    fitted = slots >= 0
    channel = np.full(len(pendings), -np.inf)
    if fitted.any():
        magnitude = np.maximum(rows[fitted], 0.0).mean(axis=1, dtype=np.float64)
        channel[fitted] = 4.0 * bank.score(slots[fitted], rows[fitted]) + magnitude
    return rows, channel.tolist()
