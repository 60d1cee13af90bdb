"""Tasmota: ``tele/<topic>/SENSOR`` each TelePeriod, ``stat/<topic>/STATUS8|STATUS10`` on request.

Wire: JSON, one object per sensor (``AM2301``, ``BME280``, ``DS18B20-1`` with an ``Id``), of old within another
(``DS18x20``, by ``Address``), flat on a Sonoff SC, wrapped in ``StatusSNS`` on request, in ``ZbReceived`` from a Zigbee
bridge. FullTopic is the user's: the prefix may stand last, be renamed or be missing. ``Epoch`` is UTC; ``Time`` is
local without a zone, ISO or (old) ``YYYY.MM.DD``.
``ESP32.Temperature``, a meter's, a clock's and a thermocouple's ``ReferenceTemperature`` are the chips' own.
Units: ``TempUnit`` (C or F) for the whole message, else a hint's, else °C; ``PressureUnit``.
Failure: ``null``, an ``Error`` other than 0, or by a bug nothing at all (``"Temperature":,``), which makes the message
invalid.
Source: tasmota/docs MQTT.md, JSON-Status-Responses.md, DS18x20.md, Zigbee.md; Tasmota issues 1089, 4637, 6331, 6825,
12552, 16409 and PR 17778.

Sample: ``tele/kitchen/SENSOR`` ``{"AM2301":{"Temperature":24.6,"Humidity":58.2},"TempUnit":"C"}``
Config: ``{type: mqtt, topics: ["tele/#", "stat/#"]}``
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from drivers.base import Decoded, Kind, Reading
from drivers.formats import availability
from drivers.formats.message import Hint, Message
from drivers.formats.names import derive_probe, read_model, read_name
from drivers.formats.record import Collector, printable
from drivers.formats.timestamps import parse_time
from drivers.formats.topics import Topic
from drivers.formats.units import fits, read_unit
from drivers.formats.values import Failure, read_value, settle
from drivers.formats.vocabulary import CONTAINERS_REFUSED

NAME = "tasmota"
_PREFIXES = frozenset({"tele", "stat", "cmnd"})
_SENSOR_LEVELS = frozenset({"SENSOR", "STATUS8", "STATUS10", "TELEMETRY"})
_LAST_LEVEL = re.compile(
    r"SENSOR|TELEMETRY|STATE|STATUS[0-9]{0,2}|INFO[0-9]|RESULT|LWT|UPTIME|HASS_STATE|MARGINS|POWER[0-9]*"
)
_NOT_SENSORS = re.compile(
    r"(?:ENERGY|ZbSend|Wifi|Rules|GPS|ESP[0-9]+[A-Z]?[0-9]?|BL[0-9]{4}|PZEM[0-9]*[A-Z]*|ADE[0-9]+|CSE[0-9]+|INA[0-9]+"
    r"|AXP[0-9]+|DS3231|MPU[0-9]+)(?:[-_].*)?",
    re.IGNORECASE,
)
"""Objects whose temperature is a chip's own: the processor's, a meter's, a supply's, a clock's, a gyroscope's."""
_COLD_JUNCTION = "ReferenceTemperature"
_RENAMED = {"OBJTMP": "ObjectTemperature", "AMBTMP": "AmbientTemperature"}
"""A MLX90614's keys, in words."""
_MOST_MISSING = 64
_MOST_KEYS = 128
"""Of one object: a Tasmota with every driver and a full 1-Wire bus has some forty."""
_MISSING_VALUE = re.compile(rb'"([A-Za-z0-9_]{1,32})"\s*:\s*(?=[,}])')


@dataclass(frozen=True, slots=True)
class _Header:
    """What holds for the whole message."""

    device: str | None
    time: datetime | None
    temperature_unit: str
    pressure_unit: str


def claims(topic: Topic) -> bool:
    """Whether the topic ends as Tasmota's do, or is its discovery's."""
    return bool(_LAST_LEVEL.fullmatch(topic.levels[-1])) or topic.levels[:2] == ("tasmota", "discovery")


def decode(message: Message) -> Decoded | None:
    """Read a Tasmota message; None where neither topic nor payload is Tasmota's."""
    topic, document = message.topic, message.document
    if topic.levels[:2] == ("tasmota", "discovery"):
        return Decoded(Kind.DISCOVERY, NAME, reason="a Tasmota device announces itself")
    last = topic.levels[-1]
    prefixed = not _PREFIXES.isdisjoint((topic.levels[0], *topic.levels[-2:]))
    if not prefixed and not (isinstance(document, dict) and _is_tasmota(document, last)):
        return None
    return _decode(message, _device(topic), last)


def _is_tasmota(document: Mapping[str, object], last: str) -> bool:
    return "StatusSNS" in document or "ZbReceived" in document or (last == "SENSOR" and "Time" in document)


def _device(topic: Topic) -> str | None:
    """FullTopic without the prefix and the command: what remains is the device's Topic."""
    levels = [level for level in topic.levels if level not in _PREFIXES]
    if levels and _LAST_LEVEL.fullmatch(levels[-1]):
        levels.pop()
    return "/".join(levels) or None


def _decode(message: Message, device: str | None, last: str) -> Decoded:
    document = message.document
    if "cmnd" in message.topic.levels:
        return Decoded(Kind.NOISE, NAME, reason="a command to a device")
    if last == "LWT":
        said = availability.decide((message.text or "").strip().lower(), device)
        return said or Decoded(Kind.NOISE, NAME, reason="a last will that says neither online nor offline")
    if last not in _SENSOR_LEVELS and not (isinstance(document, dict) and _is_tasmota(document, last)):
        return Decoded(Kind.NOISE, NAME, reason=f"{last} tells of the module, not of a sensor")
    if message.broken:
        return _decode_broken(message, device)
    if not isinstance(document, dict):
        return Decoded(Kind.NOISE, NAME, reason=f"{last} without a JSON object")
    return _decode_sensors(document, device, message.hint)


def _decode_broken(message: Message, device: str | None) -> Decoded:
    """Invalid JSON is not half-read; but values missing by the firmware's bug are failed reads that it names."""
    missing = islice(_MISSING_VALUE.finditer(message.payload), _MOST_MISSING)
    names = [read_name(match[1].decode()) for match in missing]
    failed = tuple(dict.fromkeys(name.quantity for name in names if name.quantity and not name.refusal))
    readings = (Reading(printable(device or "") or None, failed=failed),) if failed else ()
    return Decoded(Kind.ERROR, NAME, readings, reason=f"invalid JSON: {message.broken}")


def _decode_sensors(document: Mapping[str, object], device: str | None, hint: Hint) -> Decoded:
    body = document.get("StatusSNS", document)
    if not isinstance(body, dict):
        return Decoded(Kind.NOISE, NAME, reason="StatusSNS without an object")
    header = _Header(
        device,
        parse_time(body.get("Epoch")) or parse_time(body.get("Time")),
        _unit(body, "TempUnit", "temperature") or hint.unit_of("temperature"),
        _unit(body, "PressureUnit", "pressure") or hint.unit_of("pressure"),
    )
    collector = Collector()
    _take_object("", body, header, collector)
    metered = isinstance(body.get("ENERGY"), dict)
    for name, child in islice(body.items(), _MOST_KEYS):
        if name == "ZbReceived" and isinstance(child, dict):
            for address, report in islice(child.items(), _MOST_KEYS):
                if isinstance(report, dict):
                    _take_object(address, report, header, collector, battery=True)
        elif isinstance(child, dict) and not _NOT_SENSORS.fullmatch(name) and not (metered and name == "ANALOG"):
            _take_object(name, child, header, collector)
            for inner, probe in islice(child.items(), _MOST_KEYS):
                if isinstance(probe, dict) and inner.lower() not in CONTAINERS_REFUSED:
                    _take_object(f"{name}/{inner}", probe, header, collector)
    nothing = Decoded(Kind.NOISE, NAME, reason="a SENSOR message without a value of a quantity of ours")
    return collector.decoded(NAME, "each sensor's object names its values", nothing)


def _unit(body: Mapping[str, object], key: str, quantity: str) -> str:
    raw = body.get(key)
    unit = read_unit(raw) if isinstance(raw, str) else None
    return unit if unit and fits(quantity, unit) else ""


def _take_object(
    name: str, body: Mapping[str, object], header: _Header, collector: Collector, battery: bool = False
) -> None:
    """One sensor's object. A DS18B20 goes by its address: its number changes when another probe joins the bus."""
    address, part = body.get("Id", body.get("Address")), body.get("Type")
    label = address if isinstance(address, str) and address else name
    model = read_model(part if isinstance(part, str) else name)
    pressure_unit = _unit(body, "PressureUnit", "pressure") or header.pressure_unit
    for key, quantity, value, unit in _values(body, battery):
        if not unit:
            unit = header.temperature_unit if fits(quantity, "°C") else pressure_unit if fits(quantity, "hPa") else ""
        full = "/".join(filter(None, (label, key)))
        collector.add(
            quantity,
            value,
            unit,
            device=header.device,
            probe=label if not key and label != name else derive_probe(full),
            name=full or None,
            time=header.time,
            model=model,
        )


def _values(body: Mapping[str, object], battery: bool) -> Iterable[tuple[str, str, float | None, str]]:
    """Key ("" where it is but the quantity), quantity, value (None: failed) and the unit that name or size tell."""
    error = body.get("Error")
    faulty = isinstance(error, int | float) and error != 0
    for told_key, raw in islice(body.items(), _MOST_KEYS):
        key = _RENAMED.get(told_key, told_key)
        named = read_name(key)
        if (
            key == _COLD_JUNCTION
            or named.quantity is None
            or named.refusal
            or (named.quantity == "battery_voltage" and not battery)
        ):
            continue
        own = "" if named.bare else key
        value, told = read_value(raw, named.quantity)
        if isinstance(value, Failure) or (faulty and value is not None):
            yield own, named.quantity, None, ""
        elif value is not None and named.quantity.startswith("pressure"):
            yield own, named.quantity, value, told  # PressureUnit tells, hPa without it
        elif value is not None and (settled := settle(named.quantity, value, told or named.unit)):
            yield own, settled[0], value, settled[1]
