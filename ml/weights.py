"""Which channel speaks, and from when: the alarm level of each, what is too small to matter, what a person said."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ml.base import Arrays
from ml.episode import ALARM
from ml.features import CHANNELS, HOUR, SeriesWindow
from ml.slow import MATTERS, SLOW_ALARM_AT, SLOW_CHANNELS, nats

FOREST = "forest"
QUICK = (*CHANNELS, FOREST)
ALL_CHANNELS = (*QUICK, *SLOW_CHANNELS)

ALARM_AT: dict[str, float] = {
    "jump": 5.8,
    "spike": 5.8,
    "local": 5.8,
    "noise": 5.5,
    "medium": 8.0,
    "level": 7.0,
    "drift": 7.0,
    "season": 7.0,
    "unchanged": 5.6,
    "range": math.inf,
    "shape": 9.5,
    FOREST: 7.0,
    **{channel: nats(multiple) for channel, multiple in SLOW_ALARM_AT.items()},
}
"""Nats at which a channel alarms by itself: more where neighbouring blocks repeat each other, so that the tail is
known from less; ``range`` speaks through the forest alone. Chosen on injected faults against false alarms."""

BEGINNINGS = frozenset({"jump", "medium", "level", "season", FOREST})
"""Channels that mark when something begins; the others repeat it, or build up over hours and days."""

LEAST: dict[str, float] = {
    "jump": 1.25,
    "spike": 1.25,
    "local": 1.5,
    "noise": 0.35,
    "medium": 2.0,
    "level": 2.0,
    "drift": 2.0,
    "season": 2.0,
}
"""Deviations (in ``ml.slow.MATTERS``) below which a channel alarms nobody, however rare they are: a rock-steady cellar
that once moves by a tenth is no news."""

LEAST_UNCHANGED = 3 * HOUR
"""The same for ``unchanged``: a value that rests for an hour is no broken sensor."""

_UNIMPORTANT = 0.79 * ALARM
_WORTH_A_LOOK = 3.0
"""Nats from which a deviation's size is looked at; a forest is believed only beside one such that matters."""

_AGAIN = 1.5
_MOST_TOLERANCE = 4.0
"""What was called a false alarm must be so many times as odd to alarm again; at most so many times the usual level."""


class Weights:
    """How one series' channels are weighed: the shipped levels, and what a person said of this one."""

    __slots__ = ("_quantity", "_weights", "tolerance")

    def __init__(self, quantity: str) -> None:
        self._quantity = quantity
        self.tolerance: dict[str, float] = {}
        self._weights: tuple[float, ...] = ()
        self._set()

    def weigh(self, rarities: Sequence[float], window: SeriesWindow, time: float, value: float) -> list[float]:
        """Nats of ALL_CHANNELS, ALARM being where each alarms. A channel whose deviation is too small does not."""
        weighed = [rarity * weight for rarity, weight in zip(rarities, self._weights, strict=True)]
        if self._quantity in MATTERS and max(weighed[: len(QUICK)]) >= _WORTH_A_LOOK:
            self._leave_out_small_ones(weighed, window, time, value)
        return weighed

    def false_alarm(self, feature: str, rarity: float) -> None:
        """A person said so of an alarm of ``feature`` at ``rarity`` nats: it, and the forest beside it, alarm later."""
        for channel in self._channels(feature):
            again = _AGAIN * rarity / ALARM_AT[channel]
            self.tolerance[channel] = min(_MOST_TOLERANCE, max(self.tolerance.get(channel, 1.0), again))
        self._set()

    def genuine(self, feature: str) -> None:
        """A person said that an alarm of ``feature`` was right: it alarms at the shipped level again."""
        for channel in self._channels(feature):
            self.tolerance.pop(channel, None)
        self._set()

    def state(self) -> Arrays:
        return {
            "channels": np.array(list(self.tolerance), np.str_),
            "tolerance": np.array(list(self.tolerance.values()), np.float64),
        }

    def restore(self, state: Arrays) -> None:
        self.tolerance = dict(zip(state["channels"].tolist(), state["tolerance"].tolist(), strict=True))
        self._set()

    def _leave_out_small_ones(self, weighed: list[float], window: SeriesWindow, time: float, value: float) -> None:
        unit, something = MATTERS[self._quantity], False
        for index, channel in enumerate(CHANNELS):
            if weighed[index] < _WORTH_A_LOOK:
                continue
            seen, expected = window.context(channel, time, value)
            if channel == "unchanged":
                matters = seen >= LEAST_UNCHANGED
            elif channel == "noise":
                matters = seen >= LEAST[channel] * unit
            elif channel in LEAST:
                matters = abs(seen - expected) >= LEAST[channel] * unit
            else:
                matters = False  # range and shape have no size of their own
            if matters:
                something = True
            elif channel in LEAST or channel == "unchanged":
                weighed[index] = min(weighed[index], _UNIMPORTANT)
        if not something:
            for index in (QUICK.index("shape"), QUICK.index(FOREST)):
                weighed[index] = min(weighed[index], _UNIMPORTANT)

    def _channels(self, feature: str) -> Iterable[str]:
        """The channels that a verdict on ``feature`` is about; none for what is no channel (a failed read)."""
        if feature in CHANNELS:
            return feature, FOREST
        return (feature,) if feature in ALARM_AT else ()

    def _set(self) -> None:
        self._weights = tuple(ALARM / ALARM_AT[c] / self.tolerance.get(c, 1.0) for c in ALL_CHANNELS)
