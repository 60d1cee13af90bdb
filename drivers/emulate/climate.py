"""Air: temperature and relative humidity of a place at any moment, a pure function of seed, place and time.

Outdoors a year, a day and weather; indoors the same, damped and late, with heating, and the water vapour of people.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, exp, pi, tau
from typing import NamedTuple

_DAY = 86_400.0
_MASK = (1 << 64) - 1


class Air(NamedTuple):
    """°C and % relative humidity."""

    temperature: float
    humidity: float


@dataclass(frozen=True, slots=True)
class Place:
    """How a place follows the weather.

    ``base`` °C where nothing drives it; ``coupling`` 0 (cellar) .. 1 (outdoors) of the outdoor swing, ``lag`` seconds
    later; ``sun`` and ``people`` °C that the day's sun and the evening's people add at most; ``exchange`` the share of
    the outdoor water vapour that is there too, ``vapour`` hPa of water of its own, ``steam`` hPa that a shower or a pot
    adds at most.
    """

    name: str
    base: float
    coupling: float = 0.15
    lag: float = 7_200.0
    sun: float = 0.5
    people: float = 1.0
    exchange: float = 1.0
    vapour: float = 2.0
    steam: float = 3.0


def uniform(seed: int, *keys: int) -> float:
    """A number in 0..1 that only its keys decide (splitmix64 over each, Steele et al. 2014)."""
    state = seed & _MASK
    for key in keys:
        state = (state ^ (key & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state / _MASK


@lru_cache(maxsize=4096)  # places and devices; more only cost time
def named(seed: int, name: str) -> int:
    """A seed of its own for a name."""
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 & _MASK  # FNV-1a
    return seed


def wander(seed: int, seconds: float, period: float) -> float:
    """Smooth noise in -1..1 that changes its mind every ``period`` seconds."""
    step, rest = divmod(seconds / period, 1.0)
    blend = rest * rest * (3 - 2 * rest)
    before, after = uniform(seed, int(step)), uniform(seed, int(step) + 1)
    return 2 * (before + (after - before) * blend) - 1


def saturation(temperature: float) -> float:
    """Saturation vapour pressure over water in hPa (Magnus, WMO-No. 8, annex 4.B)."""
    return 6.112 * exp(17.62 * temperature / (243.12 + temperature))


def outdoors(seed: int, seconds: float) -> tuple[float, float]:
    """Outdoor temperature in °C and vapour pressure in hPa; seconds since 1970 UTC, solar time is UTC."""
    year = -cos(tau * (seconds / _DAY - 20) / 365.25)
    clear = 0.6 + 0.4 * wander(seed ^ 1, seconds, 2 * _DAY)
    day = 5 * clear * cos(tau * (seconds % _DAY / 3600 - 15) / 24)
    weather = 3.5 * wander(seed ^ 2, seconds, 4 * _DAY) + 0.7 * wander(seed ^ 3, seconds, 3 * 3600)
    mean = 14 + 8 * year + weather
    dew_point = mean - 8 + 2.5 * wander(seed ^ 4, seconds, 3 * _DAY) + 0.6 * wander(seed ^ 5, seconds, 4 * 3600)
    temperature = mean + day
    return temperature, saturation(min(dew_point, temperature - 0.4))


def air(seed: int, place: Place, seconds: float) -> Air:
    """The air of a place at a moment, seconds since 1970 UTC."""
    own = named(seed, place.name)
    outside, vapour = outdoors(seed, seconds - place.lag)
    hour = seconds % _DAY / 3600
    sun = place.sun * max(0.0, cos(pi * (hour - 14) / 12)) * (0.6 + 0.4 * wander(seed ^ 1, seconds, 2 * _DAY))
    people = place.people * max(0.0, cos(pi * (hour - 20) / 8)) if hour > 16 else 0.0
    small = 0.25 * wander(own, seconds, 3600) + 0.08 * wander(own ^ 1, seconds, 420)
    temperature = place.base + place.coupling * (outside - 14) + sun + people + small
    vapour = place.exchange * vapour + place.vapour * (1 + 0.3 * wander(own ^ 2, seconds, 5 * 3600))
    vapour += _steam(own, place, seconds)
    humidity = 100 * vapour / saturation(temperature) + 0.4 * wander(own ^ 3, seconds, 300)
    return Air(temperature, min(99.5, max(12.0, humidity)))


def _steam(own: int, place: Place, seconds: float) -> float:
    """What showers and pots leave in the air: a rise in minutes, a decay over an hour, twice a day, never alike."""
    day, rest = divmod(seconds, _DAY)
    total = 0.0
    for number, hour in enumerate((7.2, 19.8)):
        since = rest - 3600 * (hour + 1.2 * (uniform(own, int(day), number) - 0.5))
        if 0 < since < 4 * 3600:
            amount = place.steam * uniform(own, int(day), number, 1)
            total += amount * (1 - exp(-since / 600)) * exp(-since / 2400)
    return total
