"""The parts of the detector that can be left out, and how: each changes a module before anything is replayed."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ml.episode import Episode
from ml.series import Series
from ml.slow import SLOW_CHANNELS, Place, Slow
from ml.tails import Tails
from ml.weights import ALARM_AT, Weights


def silence(*channels: str) -> None:
    """These never alarm by themselves; what the forest sees of them stays."""
    ALARM_AT.update(dict.fromkeys(channels, math.inf))


def replace(owner: type, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put what ``change`` makes of a method in its place."""
    setattr(owner, name, change(getattr(owner, name)))


def _nothing(_: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: None


def _nobody(_: Callable[..., Any]) -> Callable[..., Sequence[Slow]]:
    return lambda *_: ()


def _unpaired(against_others: Callable[..., Any]) -> Callable[..., Any]:
    return lambda slow, *given: against_others(slow, *given[:-1], None)  # the pair comes last


def _learning_all(absorb: Callable[..., Any]) -> Callable[..., Any]:
    return lambda series, weighed, pair, *, learn: absorb(series, weighed, pair, learn=True)  # noqa: ARG005


def _not_held(_: Callable[..., Any]) -> Callable[..., float]:
    return lambda episode, time, step, surprise: surprise  # noqa: ARG005


def _channel(name: str) -> Callable[[], None]:
    return lambda: silence(name)


WITHOUT: Mapping[str, Callable[[], None]] = {
    **{name: _channel(name) for name, level in ALARM_AT.items() if level < math.inf},
    "slow comparisons": lambda: silence(*SLOW_CHANNELS),
    "neighbours": lambda: replace(Place, "of", _nobody),
    "pair": lambda: replace(Slow, "_against_others", _unpaired),
    "what matters": lambda: replace(Weights, "_leave_out_small_ones", _nothing),
    "habits": lambda: replace(Tails, "alarmed", _nothing),
    "quarantine": lambda: replace(Series, "_absorb", _learning_all),
    "hold-off": lambda: replace(Episode, "_hold", _not_held),
}
"""part -> what leaves it out, in a process of its own. ``jump`` also tells spikes, which no statistic takes in."""
