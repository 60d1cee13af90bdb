"""Domoticz: ``domoticz/in`` from devices, ``domoticz/out`` from the server, JSON of one device by its ``idx``.

Wire: ``in`` has ``svalue``, values joined by ``;``, and ``nvalue``; what they are hangs on the device's type, which
the server's ``out`` tells (``dtype``, ``stype``) beside ``svalue1``, ``svalue2`` …: it is remembered. Without it, only
what shows in the form itself is read: T;H;status, T;H;status;baro;forecast, T;baro;forecast. ``out`` repeats what came
on ``in``: it is counted once. Topics are the user's. ``LastUpdate`` is local, without a zone.
Units: °C, %, hPa, lx, ppm; ``Battery`` is %, 255 where there is none.
Failure: ``nan`` among the values.
Source: Domoticz wiki, MQTT and the JSON API's device pages; domoticz PR 631, issue 2067; Tasmota issue 6059.

Sample: ``domoticz/in`` ``{"idx":1,"nvalue":0,"svalue":"20.400;48.200;1","Battery":95,"RSSI":4}``
Config: ``{type: mqtt, topics: ["domoticz/in", "domoticz/out/#"]}``
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from drivers.base import QUANTITIES, Decoded, Kind
from drivers.formats.memory import keep
from drivers.formats.message import Message
from drivers.formats.names import read_name
from drivers.formats.record import Collector, printable
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.values import Failure, read_text, read_value, settle

NAME = "domoticz"
DEVICES = "domoticz"
"""The memory's part: what ``out`` told of a device: idx -> [dtype, stype, name]."""
_MOST_DEVICES = 1_000
_MOST_PARTS = 16
_LONGEST = 128
_LONGEST_WORDS = 80
_Layout = tuple[str, ...]
"""The quantities of ``svalue``'s parts, "" where a part is none."""

_BY_TYPE: Mapping[str, _Layout] = {
    "Temp": ("temperature",),
    "Temp + Humidity": ("temperature", "humidity"),
    "Temp + Humidity + Baro": ("temperature", "humidity", "", "pressure"),
    "Temp + Baro": ("temperature", "pressure"),
    "Lux": ("illuminance",),
    "Wind": ("", "", "", "", "temperature"),
}
_BY_SUBTYPE: Mapping[tuple[str, str], _Layout] = {
    ("General", "Barometer"): ("pressure",),
    ("Heating", "Zone"): ("temperature",),  # then the setpoint
    ("RFXSensor", "Temperature"): ("temperature",),
    ("Rego6XX", "Temperature"): ("temperature",),
}
_BY_NVALUE = {"Humidity": "humidity", "Air Quality": "co2"}
"""Types whose value is ``nvalue``."""
_WIND_PARTS = 6
_STATUS = frozenset("0123")
_FORECAST = frozenset("01234")
_READ = "the device's type says what its values are"
_GUESSED = "the form of svalue is that of temperature, humidity and their like"


class _Type(NamedTuple):
    dtype: str
    stype: str
    name: str


def decode(message: Message) -> Decoded | None:
    """Read a message to or from a Domoticz server; None where the payload is shaped like neither."""
    document = message.document
    if not isinstance(document, dict):
        return None
    idx = document.get("idx")
    if isinstance(idx, bool) or not isinstance(idx, int | str) or idx == "":
        return None
    if isinstance(document.get("dtype"), str):
        return _decode_out(message, document, str(idx))
    if "svalue" in document or ("nvalue" in document and message.topic.levels[0].lower() == "domoticz"):
        return _decode_in(message, document, str(idx))
    return None


def _decode_out(message: Message, document: Mapping[str, Any], idx: str) -> Decoded:
    known = _Type(*(_text(document.get(key)) for key in ("dtype", "stype", "name")))
    _remember(message.memory, idx, known)
    parts = [_text(document.get(f"svalue{number}")) for number in range(1, _MOST_PARTS)]
    return _decode_known(message, document, idx, known, parts)


def _decode_in(message: Message, document: Mapping[str, Any], idx: str) -> Decoded:
    if document.get("command", "udevice") != "udevice":
        return Decoded(Kind.NOISE, NAME, reason="a command to the server")
    parts = _text(document.get("svalue")).split(";", _MOST_PARTS)
    held = message.memory.get(DEVICES)
    told = held.get(idx) if isinstance(held, dict) else None
    if told is not None:
        return _decode_known(message, document, idx, _Type(*told), parts)
    layout = _guess(parts) or _hinted(message, parts)
    if not layout:
        reason = f"only domoticz/out tells of which type idx {idx[:_LONGEST]} is: subscribe to it, too"
        return Decoded(Kind.UNKNOWN, NAME, reason=reason)
    return _take(message, document, idx, "", list(zip(layout, parts, strict=False)), _GUESSED)


def _decode_known(
    message: Message, document: Mapping[str, Any], idx: str, known: _Type, parts: Sequence[str]
) -> Decoded:
    refusal = read_name(f"{known.name[:_LONGEST_WORDS]} temperature").refusal
    if refusal:
        return Decoded(Kind.NOISE, NAME, reason=f"{known.name!r}: {refusal}")
    if known.dtype in _BY_NVALUE:
        pairs = [(_BY_NVALUE[known.dtype], document.get("nvalue"))]
        return _take(message, document, idx, known.name, pairs, _READ)
    layout = _BY_TYPE.get(known.dtype) or _BY_SUBTYPE.get((known.dtype, known.stype)) or ()
    if not layout and known.dtype == "General":
        layout = _hinted(message, [part for part in parts if part])
    if not layout or (known.dtype == "Wind" and not _has_temperature(parts)):
        return Decoded(Kind.NOISE, NAME, reason=f"a device of type {known.dtype!r} measures no quantity of ours")
    return _take(message, document, idx, known.name, list(zip(layout, parts, strict=False)), _READ)


def _take(
    message: Message,
    document: Mapping[str, Any],
    idx: str,
    label: str,
    pairs: Sequence[tuple[str, object]],
    reason: str,
) -> Decoded:
    """Read values of known quantities, and the battery beside them; what the other topic told is left out."""
    collector = Collector()
    time = parse_time(document.get("LastUpdate"))
    repeats = False
    for quantity, raw in (*pairs, ("battery", _battery(document))):
        if not quantity or raw in (None, ""):
            continue
        value, unit = read_value(raw, quantity)
        if value is None:
            continue
        number = None if isinstance(value, Failure) else value
        if is_repeat(message.memory, f"domoticz/{idx}/{quantity}", number, message.topic.text):
            repeats = True
            continue
        settled: tuple[str, str] | None = (quantity, "")
        if number is not None and quantity != "battery":
            settled = settle(quantity, number, unit or message.hint.unit_of(quantity))
        if settled is None or (quantity == "battery" and not collector.probes):
            continue
        collector.add(settled[0], number, settled[1], device=idx, time=time, label=label or None)
    nothing = "the other topic told it already" if repeats else "no value of a quantity of ours"
    return collector.decoded(NAME, reason, Decoded(Kind.NOISE, NAME, reason=nothing))


def _guess(parts: Sequence[str]) -> _Layout:
    """The layout that shows in the values, () where it does not: rain, currents and counters are joined by ; too."""
    count = len(parts)
    if count in (3, 5) and _lies(parts[0], -60, 100) and _lies(parts[1], 1, 110) and parts[2] in _STATUS:
        if count == 3:
            return _BY_TYPE["Temp + Humidity"]
        return _BY_TYPE["Temp + Humidity + Baro"] if _lies(parts[3], 300, 1200) else ()
    if count in (3, 4) and _lies(parts[0], -60, 100) and _lies(parts[1], 300, 1200) and parts[2] in _FORECAST:
        return _BY_TYPE["Temp + Baro"]
    if count == _WIND_PARTS and parts[1].isalpha() and set(parts[1]) <= set("NESW") and _has_temperature(parts):
        return _BY_TYPE["Wind"]
    return ()


def _hinted(message: Message, parts: Sequence[str]) -> _Layout:
    quantity = message.hint.quantity
    return (quantity,) if len(parts) == 1 and quantity in QUANTITIES else ()


def _lies(text: str, low: float, high: float) -> bool:
    """Whether a value lies between two bounds; one that could not be read might."""
    value, _ = read_text(text, "temperature")
    return isinstance(value, Failure) or (value is not None and low <= value <= high)


def _has_temperature(parts: Sequence[str]) -> bool:
    """A wind sensor without a thermometer sends 0 for both of its temperatures."""
    return len(parts) >= _WIND_PARTS and any(
        read_text(part, "temperature")[0] not in (0.0, None) for part in parts[4:6]
    )


def _battery(document: Mapping[str, Any]) -> int | None:
    raw = document.get("Battery")
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= 100 else None


def _text(raw: object) -> str:
    """A text as it is, a number as text; cut, and "" for anything else."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return ""
    return printable(str(raw))[:_LONGEST]


def _remember(memory: dict[str, Any], idx: str, known: _Type) -> None:
    """What ``out`` tells of a device."""
    if len(idx) <= _LONGEST:
        keep(memory, DEVICES, idx, list(known), _MOST_DEVICES)
