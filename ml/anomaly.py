"""The detector of one sensor: windowed features, an isolation forest over them, calibrated tails, and an alarm.

A value passes a gate (failed or impossible?), is measured against its own past, judged by the tails of each deviation
and by the forest over all of them, and only then absorbed.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.base import Arrays, Readiness, Score, named, part
from ml.features import HOUR
from ml.forest import ForestBank
from ml.series import FIRST_FIT_ROWS, WIDTH, Pending, Series, Weighed
from ml.slow import Place
from ml.tails import ENOUGH

VERSION = 5
"""Of the state and of the fitted arrays: another version is refitted, not guessed."""


class ForestDetector:
    """A :class:`ml.base.Detector` whose forests live in a bank shared by many sensors.

    ``place`` is shared by the sensors that are each other's reference, among which ``name`` is this one's.
    """

    __slots__ = ("_bank", "_name", "_place", "_series")

    def __init__(self, bank: ForestBank, place: Place | None = None, name: str = "") -> None:
        self._bank = bank
        self._place = Place() if place is None else place
        self._name = name
        self._series: dict[str, Series] = {}

    @property
    def readiness(self) -> Readiness:
        ready = any(series.readiness is Readiness.READY for series in self._series.values())
        return Readiness.READY if ready else Readiness.WARMING_UP

    @property
    def warm_up(self) -> tuple[float, float]:
        """(s of history that the quantity nearest to being ready has behind it, s that it takes)."""
        blocks = [(series.tails.filled, max(2 * HOUR, 12 * series.window.step)) for series in self._series.values()]
        filled, block = max(blocks, default=(0, 2 * HOUR), key=lambda known: known[0])
        return min(filled, ENOUGH) * block, ENOUGH * block

    @property
    def rows(self) -> int:
        return sum(series.rows for series in self._series.values())

    @property
    def fitted_at(self) -> float | None:
        fitted = [series.fitted_at for series in self._series.values() if series.slot is not None]
        return max(fitted) if fitted else None

    def open_quantities(self) -> list[str]:
        """The quantities of which an anomaly is open."""
        return [quantity for quantity, series in self._series.items() if series.episode.open]

    def verdict(
        self, quantity: str, feature: str, likelihood: float, *, genuine: bool, beside: Iterable[str] = ()
    ) -> None:
        """What a person said of an alarm, which had this ``feature`` and ``likelihood``, and told of the quantities
        ``beside`` as well."""
        series = self._series.get(quantity)
        if series is not None:
            series.verdict(feature, likelihood, genuine=genuine)
        for other in beside:
            if other in self._series and not genuine:
                self._series[other].forgive()

    def pair_of(self, quantity: str) -> Series | None:
        """The other quantity of the sensor."""
        return next((series for other, series in self._series.items() if other != quantity), None)

    @property
    def last_time(self) -> float:
        """Time (s) of the newest value seen, -inf before the first."""
        return max((series.seen_at for series in self._series.values()), default=-math.inf)

    def observe(self, time: float, values: Mapping[str, float]) -> Sequence[Score]:
        return observe_many(self._bank, [(self, time, values)])[0]

    def fit_due(self) -> bool:
        return any(series.fit_due() for series in self._series.values())

    def training(self, max_rows: int) -> Arrays | None:
        """``<quantity>/rows`` float16 (n, channels) of each quantity with enough for a forest, and ``as_of``."""
        rows: Arrays = {}
        for quantity, series in self._series.items():
            known = series.training
            if known.filled >= FIRST_FIT_ROWS:
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
            series = self._series[quantity] = Series(quantity, self._bank, self._place, self._name)
            series.restore(part(state, quantity))

    def close(self) -> None:
        """Give the forests' places in the bank back."""
        for series in self._series.values():
            series.close()

    def measure(self, time: float, values: Mapping[str, float]) -> list[Pending]:
        found = []
        for quantity, value in values.items():
            series = self._series.get(quantity)
            if series is None:
                series = self._series[quantity] = Series(quantity, self._bank, self._place, self._name)
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
    for (detector, _, _), pendings in zip(readings, measured, strict=True):
        # All are weighed before any is judged: what an anomaly looks like depends on the sensor's other quantity.
        weighed: list[Weighed | None] = []
        for pending in pendings:
            index = seen.get(id(pending))
            if pending.gate:
                weighed.append(None)
            elif index is None or rows is None:
                weighed.append(pending.series.weigh(pending, None, -math.inf))
            else:
                weighed.append(pending.series.weigh(pending, rows[index], forests[index]))
        judged.append(
            [
                p.series.refuse(p) if w is None else p.series.conclude(w, detector.pair_of(p.quantity))
                for p, w in zip(pendings, weighed, strict=True)
            ]
        )
    return judged


def _ask_forests(bank: ForestBank, pendings: Sequence[Pending]) -> tuple[NDArray[np.float32], list[float]]:
    """What the forests see of each value (deviations above the usual extreme), and the forest channel's deviation.

    The forest's score has a magnitude beside it, since isolation saturates outside what was trained on.
    """
    deviations = np.array([pending.deviations for pending in pendings])
    usual = np.array([pending.series.tails.level[:WIDTH] for pending in pendings])
    rows = np.clip(deviations - usual, -4.0, 8.0).astype(np.float32)
    slots = np.array([-1 if pending.series.slot is None else pending.series.slot for pending in pendings], np.intp)
    fitted = slots >= 0
    channel = np.full(len(pendings), -np.inf)
    if fitted.any():
        magnitude = np.maximum(rows[fitted], 0.0).mean(axis=1, dtype=np.float64)
        channel[fitted] = 4.0 * bank.score(slots[fitted], rows[fitted]) + magnitude
    return rows, channel.tolist()
