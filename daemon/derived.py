"""What is told of a sensor and never stored: its air, what threatens its place, how good its forecasts have been,
which warnings stand.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.entities import Prediction
from ml import air

TOGETHER = 3600 * 1_000_000
"""µs that temperature and humidity may lie apart and still tell of the same air."""


class Measured(Protocol):
    """The newest values of a sensor, °C and %, each with its time (µs)."""

    @property
    def temperature(self) -> float | None: ...
    @property
    def humidity(self) -> float | None: ...
    @property
    def temperature_at(self) -> int: ...
    @property
    def humidity_at(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Air:
    """By :mod:`ml.air`: °C, °C, g/m³, kPa; None where the formula does not hold. ``time`` (µs) is the newer value's."""

    time: int
    temperature: float
    humidity: float
    dew_point: float | None
    frost_point: float | None
    absolute_humidity: float | None
    vapour_pressure_deficit: float | None


@dataclass(frozen=True, slots=True)
class PlaceRisk:
    """``risk``: frost, condensation, mould or drought; ``level``: none, low, medium or high. A ``probability`` (0..1)
    or an ``index`` (mould 0..6, drought 0..1), never both. ``horizon_s``: when it is likeliest, 0: it tells of now.
    """

    risk: str
    level: str
    probability: float | None
    index: float | None
    horizon_s: int
    comment: str
    comment_en: str
    location_id: int | None
    assessed_at: int


@dataclass(frozen=True, slots=True)
class ForecastSkill:
    """How good the forecasts of a quantity so far ahead have been lately (see :class:`ml.base.Skill`).

    ``coverage`` is a share (0..1), ``error`` and ``naive`` are °C or %; ``skill`` is None where nothing ever changed.
    """

    quantity: str
    horizon_s: int
    judged: int
    coverage: float
    error: float
    naive: float
    skill: float | None


@dataclass(frozen=True, slots=True)
class Derivations:
    """By the sensor's id; ``warnings`` of limits that stand are those of all sensors, the soonest first. ``dropped``:
    whether a row was forecast for a horizon that the configuration no longer has.
    """

    air: Callable[[int], Air | None]
    risks: Callable[[int], Sequence[PlaceRisk]]
    skills: Callable[[int], Sequence[ForecastSkill]]
    warnings: Callable[[], Sequence[Prediction]]
    dropped: Callable[[Prediction], bool]


def air_of(measured: Measured | None) -> Air | None:
    """None where temperature or humidity is missing, or they are not of the same time."""
    if measured is None or measured.temperature is None or measured.humidity is None:
        return None
    if abs(measured.temperature_at - measured.humidity_at) > TOGETHER:
        return None
    t, h = measured.temperature, measured.humidity

    def shown(value: object, digits: int) -> float | None:
        number = round(float(value), digits)  # type: ignore[arg-type]
        return number if number == number else None

    return Air(
        max(measured.temperature_at, measured.humidity_at),
        t,
        h,
        shown(air.dew_point(t, h), 1),
        shown(air.frost_point(t, h), 1),
        shown(air.absolute_humidity(t, h), 1),
        shown(air.vapour_pressure_deficit(t, h), 2),
    )
