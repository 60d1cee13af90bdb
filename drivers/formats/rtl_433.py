"""rtl_433: ``rtl_433/<host>/events`` JSON, and ``rtl_433/<host>/devices/<model>/<channel>/<id>/<field>`` plain.

Wire: each transmission comes as one JSON event and again as one plain value a field, on topics whose layout the user
may set (``devices=``, ``events=``); each measurement is counted once, whichever comes first. The device is
model/channel/id on all of them; in topics, spaces and signs of a model's name are ``_``. ``battery_ok`` and the old
``battery`` are flags, ``setpoint_C`` a wish, ``moisture`` the soil's, and all of TPMS a tyre's. ``time`` is local,
without a zone, unless ``-M`` says otherwise: ISO, an epoch, or ``@0.08s`` into a file.
Units: in the key (``temperature_C``, ``temperature_2_F``, ``pressure_kPa``); humidity is in %.
Failure: none is told; a value that was not received is missing.
Source: rtl_433 docs/OPERATION.md, docs/DATA_FORMAT.md, src/output_mqtt.c; issues 1720, 2058, 2461; PR 705.

Sample: ``rtl_433/attic/events`` ``{"time":"2019-08-29 08:38:19","model":"Nexus-TH","id":42,"temperature_C":20.5}``
Config: ``{type: mqtt, topics: ["rtl_433/#"]}``
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading
from drivers.formats import availability
from drivers.formats.memory import keep
from drivers.formats.message import Message
from drivers.formats.names import derive_probe, read_name
from drivers.formats.record import printable, without_false_zeros
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.values import Failure, read_text, read_value

NAME = "rtl_433"
PATHS = "_rtl_433"
"""The memory's part: what device topics may be called, of the devices whose events were seen. Of this connection."""
_MOST_PATHS = 2_000
_MOST_KEYS = 128
"""Of one event: the longest, of weather stations, have some thirty."""
_MOST_LEVELS = 12
_LONGEST = 32
_UNDER = re.compile(r"(?:^|/)rtl_?433(?!to)[^/]*(?:/|$)", re.IGNORECASE)
_MODEL = re.compile(r"[A-Z][A-Za-z0-9]*[-_. ][A-Za-z0-9].*")
"""``<Manufacturer>-<Model>``, by which a device topic without the level ``devices`` tells it from a host's name."""
_NOT_IN_TOPICS = re.compile(r"[^-.A-Za-z0-9]")
_TEMPERATURES = frozenset({"temperature_C", "temperature_F", "temperature_1_C", "temperature_1_F"})
_SIGNS = frozenset({"battery_ok", "mic", "channel", "mod", "protocol"})
"""Keys beside ``model`` by which rtl_433's events are known on any topic."""
_IDENTIFIERS = ("id", "ids", "sid", "rid", "device", "sensor_id", "rc")
"""``id``, and what it was called before PR 705."""
_PLACES = frozenset(("in", "out", "indoor", "outdoor", "inside", "outside"))


class _Field(NamedTuple):
    quantity: str
    unit: str
    name: str | None
    probe: str


def decode(message: Message) -> Decoded | None:
    """Read an event or a device topic of rtl_433; None where neither topic nor payload is its."""
    document, topic = message.document, message.topic
    under = _is_under(topic.text)
    if isinstance(document, dict):
        if is_event(document) or (under and isinstance(document.get("model"), str)):
            return decode_event(message, document, NAME)
        return _decode_nameless(message, document) if under else None
    return _decode_field(message, under)


@lru_cache(maxsize=4096)
def _is_under(topic: str) -> bool:
    return _UNDER.search(topic) is not None


def is_event(document: Mapping[str, object]) -> bool:
    """Whether a JSON object is an event of rtl_433 by its shape, whatever its topic is."""
    if not isinstance(document.get("model"), str):
        return False
    keys = document.keys()
    signed = not _SIGNS.isdisjoint(keys)
    if not _TEMPERATURES.isdisjoint(keys):
        return signed or "time" in document
    if "humidity" in document:
        return signed and "time" in document and "temperature" not in document
    return document.get("type") == "TPMS" or "mic" in document


def decode_event(message: Message, document: dict[str, Any], format_name: str) -> Decoded:
    """Read a JSON event that names its model; what another topic told already is left out."""
    if document.get("type") == "TPMS":
        return Decoded(Kind.NOISE, format_name, reason="a tyre's pressure and heat are not the air's")
    model = printable(document["model"])
    device, paths = _identity(
        model, _text(document.get("channel")), _identifier(document), _text(document.get("subtype"))
    )
    _learn(message.memory, paths, device)
    return _decode_values(message, document, device, model or None, format_name)


def _decode_values(
    message: Message, document: dict[str, Any], device: str | None, model: str | None, format_name: str
) -> Decoded:
    """One reading per probe; a field's name is as long as a key may be, so that nothing is to be cut here."""
    probes: dict[str, tuple[dict[str, Measurement], list[str]]] = {}
    fields = _read_fields(tuple(islice(document, _MOST_KEYS)))
    repeats = False
    for key, field in fields:
        value, told = read_value(document[key], field.quantity)
        if value is None:
            continue
        number = None if isinstance(value, Failure) else value
        if _is_told(message, device, key, number):
            repeats = True
            continue
        measured, failed = probes.setdefault(field.probe, ({}, []))
        if number is None:
            failed.append(field.quantity)
        elif field.quantity not in measured:
            measured[field.quantity] = Measurement(field.quantity, number, _unit(field, told, message), field.name)
    if not probes:
        nothing = "its values were told on another topic already" if repeats else "an event without a quantity of ours"
        return Decoded(Kind.NOISE, format_name, reason=nothing)
    time = parse_time(document.get("time"))
    readings = tuple(
        [
            without_false_zeros(
                Reading(device, probe, tuple(measured.values()), _unmeasured(failed, measured), time, None, model)
            )
            for probe, (measured, failed) in probes.items()
        ]
    )
    if any(reading.measurements for reading in readings):
        return Decoded(Kind.READING, format_name, readings, None, "the event's keys name quantity and unit")
    return Decoded(Kind.ERROR, format_name, readings, None, "the device says that it could not read")


def _unmeasured(failed: list[str], measured: Mapping[str, Measurement]) -> tuple[str, ...]:
    return tuple([quantity for quantity in dict.fromkeys(failed) if quantity not in measured]) if failed else ()


def _is_told(message: Message, device: str | None, key: str, value: float | None) -> bool:
    """Whether another topic told it. The same value may have more digits on one of them."""
    rounded = None if value is None else round(value, 2)
    return is_repeat(message.memory, f"{device}/{key}", rounded, message.topic.text)


def _unit(field: _Field, told: str, message: Message) -> str:
    """The unit as the value's text or the field tells it, the configuration's where neither does."""
    return told or field.unit or message.hint.unit_of(field.quantity) or QUANTITIES[field.quantity]


def _decode_nameless(message: Message, document: dict[str, Any]) -> Decoded:
    """JSON below rtl_433 without a model: the receiver's states, or an event whose topic alone names the device."""
    levels = message.topic.levels
    if levels[-1] in ("states", "events"):
        return Decoded(Kind.NOISE, NAME, reason="the receiver speaks about itself")
    return _decode_values(message, document, _device_of(levels, message.memory), None, NAME)


def _decode_field(message: Message, under: bool) -> Decoded | None:
    """Read one field of a device topic. Below a free prefix only a device whose events were seen is believed."""
    levels = message.topic.levels
    field = _read_field(levels[-1])
    if not under and (field is None or _learned(levels[:-1], message.memory) is None):
        return None
    if levels[-1] == "availability":
        said = availability.decide((message.text or "").strip().lower(), None)
        return said or Decoded(Kind.NOISE, NAME, reason="a last will that says neither online nor offline")
    if field is None or len(levels) < 2:
        return Decoded(Kind.NOISE, NAME, reason=f"field {levels[-1][:_LONGEST]!r} is no quantity of ours")
    if "TPMS" in levels:
        return Decoded(Kind.NOISE, NAME, reason="a tyre's pressure and heat are not the air's")
    text = message.text
    value, told = read_text(text, field.quantity) if text and len(text) <= _LONGEST else (None, "")
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text, not a number")
    device = _device_of(levels[:-1], message.memory)
    number = None if isinstance(value, Failure) else value
    if _is_told(message, device, levels[-1], number):
        return Decoded(Kind.NOISE, NAME, reason="the value was told on another topic already")
    reading = Reading(printable(device or "") or None, field.probe)
    if number is None:
        failed = reading._replace(failed=(field.quantity,))
        return Decoded(Kind.ERROR, NAME, (failed,), None, "the device says that it could not read")
    measured = Measurement(field.quantity, number, _unit(field, told, message), field.name)
    reason = "the last level names quantity and unit, those before it the device"
    return Decoded(Kind.READING, NAME, (reading._replace(measurements=(measured,)),), None, reason)


@lru_cache(maxsize=1024)
def _read_field(key: str) -> _Field | None:
    """What a key or a device topic's last level says, None where it is no quantity of ours or tells a raw figure."""
    name = read_name(key)
    quantity = name.quantity
    if quantity is None or name.refusal:
        return None
    unit = name.unit
    if quantity == "battery_voltage":
        unit = unit or "V"
    elif quantity.startswith("pressure") or quantity == "battery":
        if not unit:
            return None  # psi, or a flag of 0 and 1
    elif not unit and not name.bare and not (name.probe.isdigit() or name.probe in _PLACES):
        return None
    return _Field(quantity, unit, None if name.bare else key, derive_probe(None if name.bare else key))


@lru_cache(maxsize=512)
def _read_fields(keys: tuple[str, ...]) -> tuple[tuple[str, _Field], ...]:
    """The fields of an event's keys, without the repeat in °F of what is there in °C. Devices repeat their layout."""
    fields = [(key, field) for key in keys if (field := _read_field(key)) is not None]
    celsius = {(field.quantity, field.probe) for _, field in fields if field.unit == "°C"}
    return tuple(pair for pair in fields if pair[1].unit != "°F" or (pair[1].quantity, pair[1].probe) not in celsius)


def _identifier(document: Mapping[str, Any]) -> str:
    return next((text for key in _IDENTIFIERS if (text := _text(document.get(key)))), "")


def _text(raw: object) -> str:
    """A number or text that tells devices apart; "" for anything else."""
    return printable(str(raw)) if isinstance(raw, str | int) and not isinstance(raw, bool) else ""


@lru_cache(maxsize=1024)
def _identity(model: str, channel: str, identifier: str, subtype: str) -> tuple[str | None, tuple[str, ...]]:
    """The device, and what the user's layout may make of it in a topic, the fullest first."""
    device = printable("/".join(filter(None, (model, channel, identifier)))) or None
    name, channel, identifier, subtype = (
        _NOT_IN_TOPICS.sub("_", text[:64]) for text in (model, channel, identifier, subtype)
    )
    orders = (
        (name, subtype, channel, identifier),
        (name, channel, identifier),
        (name, identifier, channel),
        (name, subtype, identifier),
        (name, identifier),
        (name, channel),
        (name,),
    )
    return device, tuple(dict.fromkeys("/".join(filter(None, order)) for order in orders))


def _learn(memory: dict[str, Any], paths: tuple[str, ...], device: str | None) -> None:
    """Device topics follow their event at once: a path that two devices share is the last one's."""
    for path in paths:
        keep(memory, PATHS, path, device, _MOST_PATHS)


def _learned(levels: tuple[str, ...], memory: dict[str, Any]) -> str | None:
    """The device whose path the levels end in."""
    known = memory.get(PATHS)
    if not known or len(levels) > _MOST_LEVELS:
        return None
    paths = ("/".join(levels[start:]) for start in range(len(levels)))
    return next((known[path] for path in paths if path in known), None)


def _device_of(levels: tuple[str, ...], memory: dict[str, Any]) -> str | None:
    """The device of a topic without its field: what follows ``devices``, else what begins as a model does."""
    learned = _learned(levels, memory)
    if learned is not None:
        return learned
    start = 1 + next((place for place, level in enumerate(levels) if _UNDER.match(level)), -1)
    rest = levels[start:]
    if "devices" in rest:
        rest = rest[rest.index("devices") + 1 :]
    else:
        rest = rest[next((place for place, level in enumerate(rest) if _MODEL.fullmatch(level)), 0) :]
    return "/".join(rest) or None
