"""Units: what devices write, and how a quantity comes to the unit it is stored in. Pure; the pipeline uses it."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from drivers.base import QUANTITIES

_CELSIUS_WORDS = "°C ºC ˚C 'C *C `C oC C C° Cel ℃ celsius celcius centigrade degC degree_celsius gradC grados_C"
_FAHRENHEIT_WORDS = "°F ºF ˚F 'F *F `F oF F F° ℉ fahrenheit farenheit degF degree_fahrenheit"
_SPELLINGS: Mapping[str, str] = {
    "°C": _CELSIUS_WORDS,
    "°F": _FAHRENHEIT_WORDS,
    "K": "K °K kelvin",
    "%": "% %RH %rH RH rH pct percent percentage prozent %r.F. %HR HR %EL"
    " ％ ﹪ por_ciento por_cento pour_cent per_cento procent procenta procento prosent",
    "hPa": "hPa mbar mb millibar millibars hectopascal",
    "Pa": "Pa pascal",
    "kPa": "kPa kilopascal",
    "bar": "bar",
    "mmHg": "mmHg torr",
    "inHg": "inHg",
    "V": "V volt volts",
    "mV": "mV millivolt millivolts",
    "ppm": "ppm",
    "lx": "lx lux",
}
_BY_SPELLING = {word.casefold(): unit for unit, words in _SPELLINGS.items() for word in words.split()}
_SCALES = (("fahrenheit", "°F"), ("celsius", "°C"), ("celcius", "°C"), ("centigrade", "°C"), ("kelvin", "K"))
"""Names of which one tells the unit, whatever stands beside it: ``degrees Fahrenheit``, ``TEMP_FAHRENHEIT``."""

BY_UNIT: Mapping[str, str] = {
    **dict.fromkeys(("°C", "°F", "K"), "temperature"),
    **dict.fromkeys(("hPa", "mmHg", "inHg"), "pressure"),
    "lx": "illuminance",
}
"""What a value is whose unit alone tells; % may be anything."""


@lru_cache(maxsize=512)
def read_unit(text: str) -> str | None:
    """The unit's symbol (a key of the conversions below) for what a device wrote; None if it is no unit of ours."""
    if len(text) > 24:
        return None
    word = text.strip().strip("()[]").strip().rstrip(".").replace(" ", "_")
    # the one pair that differs by case alone: "mB" is rare, a bare "k" is a thousand of something
    if word == "k":
        return None
    folded = word.casefold().replace("&deg;", "°").removeprefix("â")
    known = _BY_SPELLING.get(folded) or _BY_SPELLING.get(folded.replace("_", "").replace(".", ""))
    return known or next((unit for name, unit in _SCALES if name in folded), None)


def _same(value: float) -> float:
    return value


_TEMPERATURE: Mapping[str, Callable[[float], float]] = {
    "°C": _same,
    "°F": lambda value: (value - 32.0) / 1.8,
    "K": lambda value: value - 273.15,
}
_PRESSURE: Mapping[str, Callable[[float], float]] = {
    "hPa": _same,
    "Pa": lambda value: value / 100.0,
    "kPa": lambda value: value * 10.0,
    "bar": lambda value: value * 1000.0,
    "mmHg": lambda value: value * 1.333223874,
    "inHg": lambda value: value * 33.86388640,
}
_CONVERSIONS: Mapping[str, Mapping[str, Callable[[float], float]]] = {
    "temperature": _TEMPERATURE,
    "dew_point": _TEMPERATURE,
    "heat_index": _TEMPERATURE,
    "humidity": {"%": _same},
    "pressure": _PRESSURE,
    "pressure_sea_level": _PRESSURE,
    "battery": {"%": _same},
    "battery_voltage": {"V": _same, "mV": lambda value: value / 1000.0},
    "co2": {"ppm": _same},
    "illuminance": {"lx": _same},
}


def fits(quantity: str, unit: str) -> bool:
    """Whether ``quantity`` can be measured in ``unit``; "" stands for the quantity's own unit."""
    return not unit or unit in _CONVERSIONS[quantity]


_TEMPERATURES = frozenset({"temperature", "dew_point", "heat_index"})


def default_unit(quantity: str, temperature_unit: str) -> str:
    """The unit of a figure that has none: ``temperature_unit`` where it is a temperature, else "", the usual one."""
    return temperature_unit if quantity in _TEMPERATURES else ""


def to_canonical(quantity: str, value: float, unit: str) -> float:
    """``value`` in the unit that ``drivers.base.QUANTITIES`` names for the quantity.

    What was converted is rounded (temperatures and pressures to 0.01, volts to 0.001): a factor must not invent
    digits. What was not is returned as it came. "" is the quantity's own unit. Inch and millimetre of mercury are
    the conventional ones (NIST SP 811, at 0 °C).

    Raises KeyError for a quantity, ValueError for a unit that does not fit it.
    """
    if not unit or unit == QUANTITIES[quantity]:
        return value
    convert = _CONVERSIONS[quantity].get(unit)
    if convert is None:
        known = ", ".join(_CONVERSIONS[quantity])
        raise ValueError(f"{unit!r} is not a unit of {quantity}; known are {known}")
    return round(convert(value), 3 if quantity == "battery_voltage" else 2)
