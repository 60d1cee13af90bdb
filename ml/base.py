"""What a detector and a forecaster promise: the interfaces, their values, their directions and ranges.

A score's direction is fixed here: 0 is usual, 1 is most anomalous, 0.5 is where an alarm is raised. Times are float
seconds since 1970 UTC (or since any epoch that starts at a local midnight: only differences and the time of day count).
Models are causal to the bit: what they return for a reading depends on that reading and those before it, never on how
many were given at once.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[np.generic]]
"""Named arrays: the only shape in which models, states and fits travel (npz between processes and on disk)."""


def part(arrays: Arrays, name: str) -> Arrays:
    """The arrays whose names begin with ``name/``, without it."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}


def named(arrays: Arrays, name: str) -> Arrays:
    """The reverse of :func:`part`."""
    return {f"{name}/{key}": array for key, array in arrays.items()}


UNNAMED = ""
"""The quantity of a series that is neither temperature nor humidity: no physical range applies."""


class Readiness(StrEnum):
    WARMING_UP = "warming_up"  # too little history: scores are shown, nothing is announced
    READY = "ready"


class Cause(StrEnum):
    """What an anomaly looks like. Of the sensor: stuck, drifting, disconnected, glitching, noisy; of the room: colder,
    warmer, wet, dry; or it cannot be told."""

    STUCK = "stuck"
    DRIFTING = "drifting"
    DISCONNECTED = "disconnected"
    GLITCHING = "glitching"
    NOISY = "noisy"
    COLDER = "colder"
    WARMER = "warmer"
    WET = "wet"
    DRY = "dry"
    UNCLEAR = "unclear"


class FitError(Exception):
    """Rows that no model can be fitted to; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a detector makes of one value.

    ``score`` is 0..1, comparable between sensors. ``likelihood`` is 1 minus the expected share of two-hour blocks of
    this series (12 readings where readings are rarer) that look at least as odd. ``held`` is ``score`` where it is
    the highest for a while, else 0: a score that marks beginnings only. ``alarm`` is true on the one reading with
    which an anomaly begins; ``anomalous`` stays true until the series has been usual for a while. ``feature`` is what
    stands out most, ``seen`` against ``expected`` in that feature's unit, since ``since`` (s); ``cause`` what it looks
    like.
    """

    quantity: str
    time: float
    value: float
    score: float
    likelihood: float
    held: float
    alarm: bool
    anomalous: bool
    readiness: Readiness
    feature: str
    seen: float
    expected: float
    since: float
    cause: Cause


@dataclass(frozen=True, slots=True)
class Forecast:
    """The mean of the 15 minutes that end ``horizon`` s after ``made_at``, in the series' unit.

    ``lower``..``upper`` is meant to hold 90 % of what comes; it is never narrower than the sensor's resolution nor
    outside what is physically possible. ``model`` names the member with most weight.
    """

    quantity: str
    made_at: float
    horizon: float
    value: float
    lower: float
    upper: float
    model: str


class Fittable(Protocol):
    """A model with parts that are fitted elsewhere: rows go out as arrays, fitted arrays come back."""

    @property
    def fitted_at(self) -> float | None:
        """Time (s) of the last reading that the fitted part has seen; None: not fitted yet."""

    def fit_due(self) -> bool:
        """Whether enough has been seen since the last fit for another to pay."""

    def training(self, max_rows: int) -> Arrays | None:
        """What the fit needs, at most ``max_rows`` rows; None: too little to fit."""

    def adopt(self, fitted: Arrays) -> None:
        """Take over what the fit returned; used from the next reading on. Raises ValueError for another shape."""

    def state(self) -> Arrays:
        """All that :meth:`restore` needs to go on exactly here; holds copies."""

    def restore(self, state: Arrays) -> None:
        """Take over a state of the same version and class."""


@dataclass(frozen=True, slots=True)
class Skill:
    """How good the forecasts of one horizon have been lately (two weeks; recent ones count most), by what came.

    ``judged`` forecasts have come to their moment since the model began; the share ``coverage`` of them lay inside the
    interval that was announced. ``error`` is the mean absolute one, in the series' unit; ``naive`` that of "it stays
    as it is".
    """

    quantity: str
    horizon: float
    judged: int
    coverage: float
    error: float
    naive: float

    @property
    def skill(self) -> float:
        """0: no better than persistence, 1: perfect, negative: worse; NaN where nothing ever changed."""
        return 1.0 - self.error / self.naive if self.naive > 0 else math.nan


class Detector(Fittable, Protocol):
    """Watches one sensor: temperature and humidity together, either may be missing, or one unnamed series."""

    @property
    def readiness(self) -> Readiness: ...

    @property
    def rows(self) -> int:
        """Values seen in all, failed reads included."""

    def observe(self, time: float, values: Mapping[str, float]) -> Sequence[Score]:
        """Judge what was measured at ``time``, one score per value in the order given; NaN is a failed read.

        A value that is not newer than the last of its quantity is left out: it has no score.
        """


class Forecaster(Fittable, Protocol):
    """Predicts one series at fixed horizons from 15-minute bins."""

    def observe(self, time: float, values: Mapping[str, float], flagged: Container[str] = ()) -> bool:
        """Take what the sensor measured: the series' own quantity and any beside it; true when a bin was completed.

        NaN and values of an older bin are left out. ``flagged`` are the quantities that a detector calls anomalous
        just now: nothing is learnt from them.
        """

    def forecast(self, now: float) -> Sequence[Forecast]:
        """One forecast per horizon, made at the end of the last complete bin before ``now``; [] without any."""
