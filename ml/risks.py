"""Risks of one place from the air its sensor has measured and is expected to measure: frost, condensation, mould,
drought stress. Numbers only; the words are ``daemon.risk_words``'.

Two are probabilities, because forecasts with an interval stand behind them. Two are indices, which count what has
happened to a defined thing: pine sapwood (mould) and a greenhouse crop (drought). An index is no probability.

- **Frost**: that the air at the sensor falls to 0 °C. 0 °C, and not the +3 °C at which gardeners begin to worry, since
  this is what the sensor measures and what can be checked afterwards (WMO-No. 8: air frost, in a screen 1.25 to 2 m
  above the ground). On a clear night the ground is a few kelvins colder than that air: ground frost comes first, and
  how much first no thermometer in the air can tell (:data:`GROUND_COLDER` is a usual figure, not a measurement).
- **Condensation**: that the coldest surface of the place (:func:`surface_temperature`) gets below the dew point.
- **Mould**: the index 0..6 of Hukka & Viitanen, Wood Science and Technology 33 (1999) 475, with the coefficients of the
  class "very sensitive" of Ojanen et al., Thermal Performance of the Exterior Envelopes XI (2010), driven hour by hour
  by temperature and humidity at that surface.
- **Drought stress**: an index 0..1 of how long the air has asked more of plants than they like to give
  (:func:`stress`). It knows nothing of soil and watering.
"""

import math
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import ArrayLike

from ml import air
from ml.base import Floats
from ml.crossing import Path, crossing
from ml.features import BIN

HOUR = 3600
HOURS_A_DAY = 24
NINETY = 1.6449
"""Half the width of a normal's 90 % interval, in standard deviations."""

SURFACE_FACTOR = 0.7
"""fRsi: the least that DIN 4108-2 lets a building's coldest inner corner have (ISO 13788): that much of the way from
the outside to the inside temperature. Better walls are warmer, single glazing and old corners colder."""

COLDER = 3.0
"""K that a surface is taken to be colder than the air where no outside temperature is known: the margin to the dew
point that ISO 8502-4 asks of a surface to be painted, and what SURFACE_FACTOR gives at 10 K from inside to outside."""

HUMIDITY_ERROR = 2.0
"""% points, standard deviation: how well a cheap sensor knows the humidity itself."""

GROUND_COLDER = 4.0
"""K that ground or grass is usually colder than the air at 2 m in a clear, calm night."""

FROZEN_FOR = 72
"""Hours: where it froze in each of them (a freezer, a hard winter) frost is no news."""

STUDENT = {3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015}
"""NINETY where a standard deviation is that of so many days: Student's t with one degree less, 95 %."""

LEAST_KNOWN = 12
"""Hours of a day that must have been measured for the day to count."""


class Risk(StrEnum):
    FROST = "frost"
    CONDENSATION = "condensation"
    MOULD = "mould"
    DROUGHT = "drought"


class Level(IntEnum):
    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


LIMITS: dict[Risk, tuple[float, float, float]] = {
    Risk.FROST: (0.2, 0.5, 0.8),
    Risk.CONDENSATION: (0.2, 0.5, 0.8),
    Risk.MOULD: (0.5, 1.0, 3.0),  # 1: growth under the microscope; 3: visible, where ASHRAE 160 says it has failed
    Risk.DROUGHT: (0.25, 0.5, 0.75),
}
"""Where LOW, MEDIUM and HIGH begin: probabilities, and each index by its own scale."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hourly means (°C, %), oldest first, NaN where nothing was measured; ``end`` is the hour (s since 1970 / 3600)
    that follows the last one."""

    end: int
    temperature: Floats
    humidity: Floats


@dataclass(frozen=True, slots=True)
class Assessment:
    """``probability`` or ``index``, never both; ``lead`` (s) is when it is likeliest, or what the index looks ahead.

    ``now``: it is so already. ``figure`` is what the words need beside it: the lowest temperature (frost, °C), the
    surface's temperature (condensation, °C) or humidity (mould, %), or the hours of the last day above 1.2 kPa
    (drought).
    """

    risk: Risk
    lead: float
    figure: float
    probability: float | None = None
    index: float | None = None
    now: bool = False

    @property
    def degree(self) -> float:
        """The probability or the index."""
        found = self.index if self.probability is None else self.probability
        assert found is not None  # noqa: S101 - one of the two is always given
        return found

    @property
    def level(self) -> Level:
        return Level(sum(self.degree >= limit for limit in LIMITS[self.risk]))


def along_usual_days(path: Path, hours: Floats, end: int) -> Path | None:
    """A path that is straight between its horizons, bent as the last week's days were at the same time of day.

    A night's minimum lies between horizons of 6 h and 24 h: where all nights are alike it is as well known as these;
    where they differ, the interval is wider by that. ``hours`` are hourly means that end before the hour ``end``; None
    where fewer than three days are whole.
    """
    knots = np.array([0, *(horizon for horizon in path.horizons if horizon * BIN <= HOURS_A_DAY * HOUR)])
    bins = np.arange(knots[-1] + 1)
    middles = np.arange(end - len(hours), end) + 0.5
    now = path.made_at / HOUR + bins * BIN / HOUR
    days = [np.interp(now - HOURS_A_DAY * age, middles, hours, left=math.nan) for age in range(1, 7)]
    bends = np.array([day - np.interp(bins, knots, day[knots]) for day in days])
    whole = bends[~np.isnan(bends).any(axis=1), 1:]
    if len(whole) < 3:
        return None
    reach = whole.shape[1]
    unsure = STUDENT[len(whole)] * whole.std(axis=0, ddof=1) * math.sqrt(1 + 1 / len(whole))
    centre, below, above = path.centre.copy(), path.below.copy(), path.above.copy()
    centre[:reach] += whole.mean(axis=0)
    below[:reach], above[:reach] = np.hypot(below[:reach], unsure), np.hypot(above[:reach], unsure)
    return replace(path, centre=centre, below=below, above=above)


def surface_temperature(inside: ArrayLike, outside: ArrayLike = math.nan) -> Floats:
    """°C of the coldest surface: by SURFACE_FACTOR where the outside temperature is known, else COLDER than the air.

    Never warmer than the air: in summer the wall is the warmer one, and nothing condenses there.
    """
    within, without = np.asarray(inside, np.float64), np.asarray(outside, np.float64)
    by_factor = np.minimum(within, without + SURFACE_FACTOR * (within - without))
    return np.where(np.isnan(without), within - COLDER, by_factor)


def frost(temperature: Path, measured: Floats) -> Assessment | None:
    """Probability that the air falls to 0 °C at some time ahead; None where it always freezes.

    ``measured``: hourly means (°C) of the days before. Where no time is likely the coldest one is told.
    """
    last = measured[-FROZEN_FOR:]
    known = last[~np.isnan(last)]
    if len(known) >= LEAST_KNOWN and (known <= 0).all():
        return None
    coldest = int(temperature.centre.argmin())
    lowest = float(temperature.centre[coldest])
    falling = crossing(temperature, 0.0, upper=False)
    if falling is None or temperature.level <= 0:
        return Assessment(Risk.FROST, 0.0, min(temperature.level, lowest), probability=1.0, now=True)
    end = float(falling.times[-1])
    when = falling.likely(end) or (coldest + 1) * BIN
    return Assessment(Risk.FROST, when, lowest, probability=coarse(falling.within(end)))


def condensation(temperature: Path, humidity: Path, outside: Path | None = None) -> Assessment | None:
    """Probability that the coldest surface is below the dew point (below 0 °C: the frost point) at the likeliest time;
    None where the air is beyond what :mod:`ml.air` knows.

    Temperature and humidity of a room err in opposite directions, so adding their variances errs on the wide side.
    """
    size = 1 + min(len(temperature.centre), len(humidity.centre))
    t, t_low, t_high = (column[:size] for column in _columns(temperature))
    h, h_low, h_high = (column[:size] for column in _columns(humidity))
    out = np.full(size, math.nan)
    if outside is not None:
        known = _columns(outside)[0][:size]
        out[: len(known)] = known
    margin = _margin(t, h, out)
    error = NINETY * HUMIDITY_ERROR
    by_humidity = _reach(margin, _margin(t, h_low - error, out), _margin(t, h_high + error, out))
    by_temperature = _reach(margin, _margin(t_low, h, out), _margin(t_high, h, out))
    spread = np.hypot(by_humidity, by_temperature) / NINETY
    wet = _normal(-margin / np.maximum(spread, 0.1))
    if np.isnan(wet).all():
        return None
    index = int(np.nanargmax(wet))
    surface = float(surface_temperature(t, out)[index])
    now = bool(wet[0] >= 0.5)
    return Assessment(Risk.CONDENSATION, float(index * BIN), surface, probability=coarse(wet[index]), now=now)


def _reach(middle: Floats, one: Floats, other: Floats) -> Floats:
    """The farther of two ends; one that is not known does not count."""
    return np.nan_to_num(np.fmax(np.abs(middle - one), np.abs(middle - other)))


def _columns(path: Path) -> tuple[Floats, Floats, Floats]:
    """Value, lower, upper of each quarter of an hour, that of now first."""
    value, zero = np.concatenate([[path.level], path.centre]), [0.0]
    return value, value - np.concatenate([zero, path.below]), value + np.concatenate([zero, path.above])


def _margin(temperature: Floats, humidity: Floats, outside: Floats) -> Floats:
    """K that the coldest surface is above the point at which it gets wet or white."""
    bounded = np.clip(humidity, 1.0, 100.0)
    rime = air.frost_point(temperature, bounded)
    point = np.where(np.isnan(rime), air.dew_point(temperature, bounded), rime)
    return surface_temperature(temperature, outside) - point


def coarse(probability: float) -> float:
    """To 0.05, from 0.05 to 0.95: an interval of 90 % carries no more, and nothing ahead is certain."""
    return float(min(0.95, max(0.05, round(probability * 20) / 20)))


def _normal(z: Floats) -> Floats:
    return np.array([0.5 * math.erfc(-each / math.sqrt(2)) for each in z.tolist()])


# Mould ----------------------------------------------------------------------------------------------------------------


def critical_humidity(temperature: float) -> float:
    """% at a surface of so many °C from which mould grows on wood, sooner or later: 80 from 20 °C on, more below.

    Hukka & Viitanen (1999), equation 1, for 0 to 50 °C; elsewhere nothing grows: 100.
    """
    if not 0 < temperature < 50:
        return 100.0
    return max(80.0, ((-0.00267 * temperature + 0.160) * temperature - 3.13) * temperature + 100.0)


@dataclass(frozen=True, slots=True)
class Mould:
    """``index`` 0..6; ``dry`` hours for which it has been too dry or too cold for growth.

    1: some growth under the microscope, 2: several colonies, 3: visible, below a tenth of the surface, 4: below a half,
    5: more than half, 6: dense, all of it.
    """

    index: float = 0.0
    dry: int = 0


def grow(mould: Mould, temperature: float, humidity: float) -> Mould:
    """One hour at a surface of so many °C and %; an hour that is not known (NaN) leaves it as it was."""
    if math.isnan(temperature) or math.isnan(humidity):
        return mould
    wet = min(humidity, 100.0)
    critical = critical_humidity(temperature)
    if wet < critical or critical >= 100:
        return _decline(mould)
    above = (critical - wet) / (critical - 100)
    most = 1 + 7 * above - 2 * above**2
    slower = max(0.0, 1 - math.exp(2.3 * (mould.index - most)))
    weeks = math.exp(-0.68 * math.log(temperature) - 13.9 * math.log(wet) + 66.02)  # until the index is 1
    faster = 1.0 if mould.index < 1 else 2.0
    return Mould(mould.index + faster * slower / (weeks * 7 * HOURS_A_DAY), 0)


def _decline(mould: Mould) -> Mould:
    """0.032 a day for six hours, then a rest to the end of the day, then 0.016 a day."""
    dry = mould.dry + 1
    daily = 0.032 if dry <= 6 else 0.0 if dry <= HOURS_A_DAY else 0.016
    return Mould(max(0.0, mould.index - daily / HOURS_A_DAY), dry)


def mould_risk(mould: Mould, surface_humidity: Floats) -> Assessment:
    """What the index says; ``surface_humidity`` (%) of the last hours. It looks at what is, so ``lead`` is 0."""
    known = np.minimum(surface_humidity[~np.isnan(surface_humidity)], 100.0)  # more than that is water on it
    mean = float(known[-HOURS_A_DAY:].mean()) if len(known) else math.nan
    return Assessment(Risk.MOULD, 0.0, mean, index=round(mould.index, 1), now=mould.index > 0 and mould.dry == 0)


# Drought --------------------------------------------------------------------------------------------------------------

COMFORT, HIGH, STRESS = 1.2, 1.6, 2.0
"""kPa: up to the first most greenhouse crops are well (tomato and cucumber are grown at 0.5 to 1.2; 1.4 is called
excessive by Konopacki et al., Span. J. Agric. Res. 16 (2018) e0801, for cucumber); growers' charts end at the second;
from the third on stomata close and leaves may wilt whatever the watering (Grossiord et al., New Phytologist 226 (2020)
1550; Shamshiri et al., Int. Agrophysics 32 (2018) 287, for tomato)."""

AT_HIGH = 0.25
"""What an hour at HIGH weighs beside one at STRESS: a heated room in winter, where house plants live, is there."""

FULL_DAY = 10
"""Hours of a day that count, the driest: plants transpire by day, and a dry night asks little of them. All of them at
STRESS or above make a day of full stress."""

REMEMBERED_DAYS, FADES = 7, 0.7
"""Days that count, each by so much less than the day after it."""


def stress(deficit: ArrayLike) -> Floats:
    """0 to 1: what an hour at a vapour pressure deficit (kPa) asks of a plant."""
    return np.interp(np.asarray(deficit, np.float64), (COMFORT, HIGH, STRESS), (0.0, AT_HIGH, 1.0))


def drought_index(deficits: Floats) -> float | None:
    """0..1 from hourly deficits (kPa, oldest first): the mean stress of each day's FULL_DAY driest hours (of a day with
    gaps the same share of those that are known), the last days most. One hard day is 0.3, two are 0.6, four 0.8. None
    where the last day is not known; an earlier one that is not counts as one without stress: a new sensor's first hot
    day is no drought yet.
    """
    total = 0.0
    for age in range(REMEMBERED_DAYS):
        end = max(0, len(deficits) - HOURS_A_DAY * age)
        day = deficits[max(0, end - HOURS_A_DAY) : end]
        known = day[~np.isnan(day)]
        if len(known) >= LEAST_KNOWN:
            driest = np.sort(known)[-round(FULL_DAY * len(known) / HOURS_A_DAY) :]
            total += FADES**age * float(stress(driest).mean())
        elif age == 0:
            return None
    return total / sum(FADES**age for age in range(REMEMBERED_DAYS))


def drought(hours: Hours, temperature: Path | None, humidity: Path | None) -> Assessment | None:
    """The index of a week that ends where the forecasts do, at most a day ahead; without any it ends now."""
    deficits = air.vapour_pressure_deficit(hours.temperature, hours.humidity)
    last = deficits[-HOURS_A_DAY:]
    dry = float((last[~np.isnan(last)] >= COMFORT).sum())
    lead = 0.0
    if temperature is not None and humidity is not None:
        an_hour = round(HOUR / BIN)
        count = min(HOURS_A_DAY, len(temperature.centre) // an_hour, len(humidity.centre) // an_hour)
        lead = float(count * HOUR)
        warm, moist = temperature.centre[: count * an_hour], np.clip(humidity.centre[: count * an_hour], 0, 100)
        ahead = air.vapour_pressure_deficit(warm, moist).reshape(count, an_hour).mean(axis=1)
        deficits = np.concatenate([deficits, ahead])
    index = drought_index(deficits)
    return None if index is None else Assessment(Risk.DROUGHT, lead, dry, index=round(index, 1))
