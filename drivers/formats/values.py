"""Values as devices write them: numbers, numbers in text, and the words and figures that mean "I could not read"."""

import re
from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Final

from drivers.formats.units import fits, read_unit
from drivers.formats.words import words


class Failure(Enum):
    """The device says that it has no value."""

    FAILED = "failed"


FAILED: Final = Failure.FAILED
Value = float | Failure | None
"""A number, the device's word that it has none, or None: this is no value at all."""

FAILURE_WORDS: frozenset[str] = frozenset(
    words(
        """nan -nan none null nil inf -inf +inf infinity -infinity ovf -ovf err error fail failed failure fault
        timeout invalid unavailable unknown undefined undef n/a na -- --- ---- -"""
    )
)
"""What stands in a number's place: C's and Python's NaN, Arduino's ``ovf``, Home Assistant's words, dashes."""

_SENTINELS: Mapping[str, frozenset[float]] = {
    # -127, -196.6: Dallas DEVICE_DISCONNECTED_C, _F. 998, -999: DHT libraries. 327.67, 655.35, 3276.7: all ones of a
    # 16-bit register in hundredths or tenths. 2146959360: the double NaN's upper half (0x7FF80000) cast to an integer.
    "temperature": frozenset(
        {-127.0, -196.6, 998.0, 999.0, 999.9, 9999.0, -999.0, -999.9, -9999.0, 327.67, -327.68, 655.35, 3276.7}
        | {-3276.8, 6553.5}
        | {32767.0, -32768.0, 65535.0, 2146959360.0, 2147483647.0, -2147483648.0, 4294967295.0}
    ),
    "humidity": frozenset(
        {-1.0, -127.0, 255.0, 998.0, 999.0, 999.9, 9999.0, -999.0, -999.9, -9999.0, 327.67, 655.35, 3276.7, 6553.5}
        | {32767.0, -32768.0, 65535.0, 2146959360.0, 2147483647.0, -2147483648.0, 4294967295.0}
    ),
}
_NONE: frozenset[float] = frozenset()

# ASCII digits only: float() also takes "1_000", "١٢" and "infinity", and none of them is a thermometer's
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,3})?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,6},[0-9]{1,6}")
_NUMBER_WITH_UNIT = re.compile(r"([+-]?[0-9]{1,10}(?:[.,][0-9]{1,10})?)\s?([^0-9\s.,+-][^0-9]{0,11})")
_DEGREES = frozenset(words("° º ˚ â° deg degree degrees grad grados"))
"""Degrees of a scale that the text does not name."""
_LARGEST = 1e9
"""No quantity of ours comes near it in any unit: a larger figure is an overflow or a cast gone wrong."""
_LONGEST_QUOTED = 1024
_LONGEST = 40  # characters: no device writes one number longer, and a regular expression need not look at more


def is_sentinel(quantity: str, value: float) -> bool:
    """Whether a figure stands for "no value" in some widespread library or register, and can be no real one."""
    return value in _SENTINELS.get(quantity, _NONE)


def parse_number(text: str) -> float | None:
    """A finite number in plain ASCII notation, with a decimal point or a decimal comma; None if it is not one."""
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if _NUMBER.fullmatch(text):
        value = float(text)
        return value if isfinite(value) else None
    if _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    return None


_FIGURE = re.compile(r"[+-]?[0-9]{1,10}(?:[.,][0-9]{1,10})?(?:\s?[°º˚%*'Â]\s?[a-z]{0,2}|\s?[cf])?", re.IGNORECASE)


def holds_figures(text: str) -> bool:
    """Whether a text is a figure that may be a value, or JSON or the like that has figures in it."""
    text = text[:_LONGEST_QUOTED].strip()
    if text[:1] in ("{", "["):
        return any(char.isdigit() for char in text)
    return len(text) <= _LONGEST and _FIGURE.fullmatch(text) is not None


def is_failure_word(text: str) -> bool:
    """Whether a text in a number's place says that there is none; empty text says so too."""
    return (len(text) <= _LONGEST and text.strip().casefold() in FAILURE_WORDS) or not text.strip()


def read_text(text: str, quantity: str) -> tuple[Value, str]:
    """A value written as text, and its unit ("" where it has none that fits): ``"21.5"``, ``"70 °F"``, ``"nan"``."""
    value = parse_number(text)
    if value is not None:
        return (FAILED if abs(value) > _LARGEST or is_sentinel(quantity, value) else value), ""
    if is_failure_word(text):
        return FAILED, ""
    match = _NUMBER_WITH_UNIT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    if match is not None and match[2].lower() in _DEGREES and fits(quantity, "°C"):
        return float(match[1].replace(",", ".")), ""
    unit = read_unit(match[2]) if match else None
    if match is None or unit is None or not fits(quantity, unit):
        return None, ""
    return float(match[1].replace(",", ".")), unit


def read_value(raw: object, quantity: str) -> tuple[Value, str]:
    """A JSON value in a quantity's place, and the unit its text tells; booleans, lists and objects are no value."""
    if raw is None:
        return FAILED, ""
    if isinstance(raw, str):
        return read_text(raw, quantity)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None, ""
    try:
        value = float(raw)
    except OverflowError:
        return FAILED, ""
    return (FAILED if not -_LARGEST < value < _LARGEST or is_sentinel(quantity, value) else value), ""


def settle(quantity: str, value: float, unit: str) -> tuple[str, str] | None:
    """The quantity and unit that a figure without a unit most likely has, from its size; None: it is not ours.

    A barometer's 101325 is Pa, its 2.1 the bar of a water pipe. A battery's 3.01 is V, its 2995 mV; 230 V is mains.
    """
    if unit or quantity in _UNAMBIGUOUS:
        return quantity, unit
    for settled, symbol, low, high in _SIZES.get(quantity, ()):
        if low <= value <= high and (symbol != "V" or quantity != "battery" or value != int(value)):
            return settled, symbol
    return None


_UNAMBIGUOUS = frozenset({"temperature", "humidity", "dew_point", "heat_index", "co2", "illuminance"})
_AIR_PRESSURES = (("hPa", 300.0, 1200.0), ("Pa", 30_000.0, 120_000.0), ("kPa", 60.0, 115.0), ("inHg", 25.0, 32.0))
_SIZES: Mapping[str, tuple[tuple[str, str, float, float], ...]] = {
    "pressure": tuple(("pressure", *size) for size in _AIR_PRESSURES),
    "pressure_sea_level": tuple(("pressure_sea_level", *size) for size in _AIR_PRESSURES),
    "battery": (
        ("battery_voltage", "V", 1.8, 4.5),
        ("battery", "%", 0.0, 100.0),
        ("battery_voltage", "mV", 1_500.0, 5_000.0),
    ),
    "battery_voltage": (("battery_voltage", "V", 0.3, 60.0), ("battery_voltage", "mV", 300.0, 60_000.0)),
}
