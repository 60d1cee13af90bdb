"""What an anomaly looks like: a fault of the sensor, or a change of the room?

Air that changes, changes both quantities: who opens a window or turns the heating off moves temperature and relative
humidity together (at constant water content, 1 K is some 6 % of the relative humidity). A sensor element that fails
moves alone. Steam and wet laundry are the exception: humidity rises by itself, but takes minutes to do so.
"""

from ml.base import Cause
from ml.features import MINUTE

_STEAM = 5 * MINUTE
"""A shower fills a bathroom in so long: what comes at once to a sensor that looks more seldom may be one."""

_COOLER = -1.0
"""K: humidity that rises while the air cools by this is no water."""

_MOVED_NATS = 3.0
"""From here the other quantity counts as moved as well: one two-hour block in twenty does so by chance."""

_MOVED_MULTIPLE = 2.5
"""The same for what is slow: one time in twenty."""

_ABRUPT_NATS = 4.0
"""From here a change counts as one that came within a reading, whichever channel tells of it."""


def moved(quick_nats: float, slow_multiple: float) -> bool:
    """Whether a quantity has left its usual course, in the last hour or slowly."""
    return quick_nats >= _MOVED_NATS or slow_multiple >= _MOVED_MULTIPLE


def came_at_once(jump_nats: float) -> bool:
    return jump_nats >= _ABRUPT_NATS


def cause_of(
    feature: str,
    quantity: str,
    rise: float,
    *,
    abrupt: bool,
    interval: float,
    other_moved: bool | None,
    other_rise: float,
    supported: bool,
) -> Cause:
    """``rise``: seen minus expected. ``abrupt``: it came within a reading; one is taken each ``interval`` s.
    ``other_moved``: the other quantity of the sensor, None where it has none, and ``other_rise``, by how much (0: not
    known). ``supported``: other series (neighbours, or the other quantity) say that it should be elsewhere.
    """
    match feature:
        case "spike":
            return Cause.UNCLEAR if other_moved else Cause.GLITCHING
        case "unchanged":
            return Cause.STUCK
        case "noise":
            return Cause.UNCLEAR if other_moved else Cause.NOISY
        case "flat":
            return Cause.STUCK if supported else Cause.UNCLEAR
        case "range" | "shape" | "season":
            return _room(quantity, rise, other_rise) if other_moved and feature == "season" else Cause.UNCLEAR
    if other_moved:
        return _room(quantity, rise, other_rise)
    if feature in ("away", "apart", "drift"):
        return Cause.DRIFTING if supported else Cause.UNCLEAR
    if other_moved is None:
        return Cause.UNCLEAR
    wetter = quantity == "humidity" and rise > 0
    if abrupt:
        return Cause.UNCLEAR if wetter and interval >= _STEAM else Cause.GLITCHING
    return Cause.WET if wetter else Cause.UNCLEAR


def _room(quantity: str, rise: float, other_rise: float) -> Cause:
    if quantity == "temperature":
        return Cause.WARMER if rise > 0 else Cause.COLDER
    if rise > 0:
        return Cause.COLDER if other_rise <= _COOLER else Cause.WET
    return Cause.DRY
