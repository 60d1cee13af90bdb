"""Moist air: what temperature (°C) and relative humidity (%) together tell, in numpy.

Relative humidity is over liquid water at every temperature, below 0 °C too: so the WMO defines it and so sensors are
calibrated. Where an argument is NaN or a formula does not hold, the answer is NaN, not an exception: one bad hour must
not cost the others. What is hotter than 60 °C or colder than -45 °C, or not within 0..100 %, is such a case.

Saturation by the Magnus form with the coefficients of WMO-No. 8, Guide to Instruments and Methods of Observation,
annex 4.B (after D. Sonntag, Z. Meteorol. 70 (1990) 340). The enhancement of 0.4 % by the air's pressure is left out:
less than the 0.6 % that the formula itself may be off, and than any cheap sensor.
"""

import numpy as np
from numpy.typing import ArrayLike

from ml.base import Floats

_WATER = 17.62, 243.12  # 1, °C
_ICE = 22.46, 272.62  # 1, °C
_AT_ZERO = 6.112  # hPa

_WATER_HOLDS = -45.0, 60.0
_ICE_HOLDS = -65.0, 0.0

_GAS_CONSTANT = 461.5  # J/(kg K), of water vapour
_KELVIN = 273.15


def saturation_over_water(temperature: ArrayLike) -> Floats:
    """hPa, over liquid water (supercooled below 0 °C). Holds from -45 to 60 °C within 0.6 %."""
    return _magnus(temperature, _WATER, _WATER_HOLDS)


def saturation_over_ice(temperature: ArrayLike) -> Floats:
    """hPa, over ice. Holds from -65 to 0 °C within 1 %."""
    return _magnus(temperature, _ICE, _ICE_HOLDS)


def vapour_pressure(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """hPa; 0 in absolutely dry air."""
    return saturation_over_water(temperature) * _within(humidity, (0.0, 100.0)) / 100


def dew_point(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """°C at which this air, cooled, is saturated over water. At 0 % there is none, and colder than -45 °C it is not
    known: NaN.
    """
    return _inverse(vapour_pressure(temperature, humidity), _WATER, _WATER_HOLDS)


def frost_point(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """°C at which this air, cooled, is saturated over ice, where that is at most 0 °C; else it dews first: NaN.

    Up to 1 K above the dew point at -10 °C: rime comes before dew would. Holds down to -65 °C.
    """
    return _inverse(vapour_pressure(temperature, humidity), _ICE, _ICE_HOLDS)


def absolute_humidity(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """g of water vapour in a m³ of air, as an ideal gas."""
    pascal = vapour_pressure(temperature, humidity) * 100
    return 1000 * pascal / (_GAS_CONSTANT * (np.asarray(temperature, np.float64) + _KELVIN))


def vapour_pressure_deficit(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """kPa that the air lacks to saturation over water: of the air, not of a leaf, whose temperature nobody measured."""
    return (saturation_over_water(temperature) - vapour_pressure(temperature, humidity)) / 10


def humidity_at(temperature: ArrayLike, humidity: ArrayLike, surface: ArrayLike) -> Floats:
    """% over a surface of another temperature (°C), which the same air touches: above 100 it is wet."""
    return 100 * vapour_pressure(temperature, humidity) / saturation_over_water(surface)


def _magnus(temperature: ArrayLike, form: tuple[float, float], holds: tuple[float, float]) -> Floats:
    factor, offset = form
    celsius = _within(temperature, holds)
    return np.asarray(_AT_ZERO * np.exp(factor * celsius / (offset + celsius)))


def _inverse(pressure: Floats, form: tuple[float, float], holds: tuple[float, float]) -> Floats:
    factor, offset = form
    log = np.log(np.where(pressure > 0, pressure, np.nan) / _AT_ZERO)
    celsius = offset * log / (factor - log)
    # Saturated air has its own temperature for a dew point, up to the rounding of a logarithm.
    return _within(celsius, (holds[0] - 1e-9, holds[1] + 1e-9))


def _within(value: ArrayLike, bounds: tuple[float, float]) -> Floats:
    given = np.asarray(value, np.float64)
    return np.where((given >= bounds[0]) & (given <= bounds[1]), given, np.nan)
