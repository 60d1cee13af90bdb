"""Zigbee2MQTT: ``<base topic>/<friendly name>``, one JSON object a device; each attribute on its own topic if so set.

Wire: a flat object of attributes; the friendly name may hold ``/`` and spaces, or be the IEEE address. The base topic
is ``zigbee2mqtt`` unless the user changed it: another is learned from its own ``bridge/info`` and ``bridge/devices``;
without them it is the first level, unless topics that differ in that alone speak in turn.
``set`` and ``get`` are commands, ``bridge/#`` is the bridge's own, ``availability`` is JSON or plain. With output
``attribute_and_json`` the same values come again as ``<name>/<attribute>`` in plain text, and are counted once.
``last_seen`` is ISO 8601 or epoch ms. Several endpoints: ``temperature_l1``, ``temperature_probe``.
Units: °C, %, hPa, lx; a ``voltage`` is mV of a battery or V of the mains. What ``exposes`` in ``bridge/devices`` tells
otherwise is learned; ``temperature_units`` is only what the device's own display shows.
Failure: ``null`` is a value not yet known, and no failure; all ones of a register are. A thermostat's
``local_temperature`` is the room's; its setpoints and presets, and ``device_temperature``, are no readings.
``external_temperature`` is a probe's (a thermostat's 0 is none's); ``external_temperature_input`` is told to a valve.
Source: zigbee2mqtt.io mqtt_topics_and_messages, configuration, exposes; lib/controller.ts; zigbee2mqtt issues 493,
18791, 21808, 30278; zigbee-herdsman-converters PR 11794.

Sample: ``zigbee2mqtt/living room/climate`` ``{"battery":97,"humidity":58.5,"linkquality":72,"temperature":22.4}``
Config: ``{type: mqtt, topics: ["zigbee2mqtt/#"]}``
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats import availability
from drivers.formats.entities import entities_on
from drivers.formats.memory import keep
from drivers.formats.message import NO_DOCUMENT, Message
from drivers.formats.names import LONGEST_NAME, NO_NAME, Name, read_name
from drivers.formats.record import Collector
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.topics import Topic
from drivers.formats.units import fits, read_unit
from drivers.formats.values import Failure, read_value, settle
from drivers.formats.words import words

NAME = "zigbee2mqtt"
PART = "zigbee2mqtt"
"""The memory's part: ``bases``, ``units`` by ``<friendly name>/<attribute>`` where they are not the usual ones, and the
names that devices ``shared`` under base topics that nobody named."""
_SPOKEN = "_zigbee2mqtt"
"""The memory's part: the base topics under which a friendly name spoke in this connection, in their order."""
_MOST_SHARED = 200
_MOST_BASES = 8
_MOST_UNITS = 1_000
_MOST_DEVICES = 1_000
_MOST_EXPOSES = 64
_MOST_KEYS = 200
_BASE = re.compile(r"zigbee2mqtt[0-9A-Za-z_.-]*|z2m", re.IGNORECASE)
"""A level that names the software: users of several networks number them (``zigbee2mqtt_2``)."""
_WISHED = frozenset(
    words(
        """eco comfort holiday vacation boost away frost antifreeze antifrost window open deadzone dead schedule
        program manual auto heating cooling day night home sleep economy protect protection workday weekend remote
        input report reporting periodic sensitivity convert hold state occupied unoccupied"""
    )
)
"""Words beside a quantity's that make an attribute a wish, a setting or another sensor's value told to a valve."""
_THERMOSTAT = ("local_temperature", "system_mode", "current_heating_setpoint", "occupied_heating_setpoint")
_MAINS = ("power", "current", "energy")
_DEFAULT_UNITS = {"temperature": "°C", "humidity": "%", "pressure": "hPa", "battery": "%", "illuminance": "lx"}
_PLAIN_LONGEST = 64


def decode(message: Message) -> Decoded | None:
    """Read a device's state, an attribute or availability; None where the topic lies under no base topic."""
    topic, document, memory = message.topic, message.document, message.memory
    levels = topic.levels
    depth = _named_base(topic) or _learned_base(topic, memory)
    if not depth:
        return _decode_elsewhere(message)
    rest = levels[depth:]
    if not rest:
        return None
    if rest[0] == "bridge":
        return _decode_bridge(message, "/".join(levels[:depth]), rest)
    if not {"set", "get"}.isdisjoint(rest[1:]):
        return Decoded(Kind.NOISE, NAME, reason="a command to a device")
    if len(rest) > 1 and rest[-1] == "availability":
        return _decode_availability(message, "/".join(rest[:-1]))
    if not message.payload:
        return Decoded(Kind.NOISE, NAME, reason="an empty payload: a device renamed, or an attribute not yet known")
    if isinstance(document, dict):
        device = "/".join(rest)
        _is_shared(memory, device, "/".join(levels[:depth]))
        return _decode_state(document, message, device)
    if document is NO_DOCUMENT and not message.broken and len(rest) > 1:
        return _decode_attribute(message, "/".join(rest[:-1]), rest[-1])
    return None


@lru_cache(maxsize=4096)
def _named_base(topic: Topic) -> int:
    """How many levels the base topic has that names the software; 0 where none does."""
    return next((place for place, level in enumerate(topic.levels[:4], 1) if _BASE.fullmatch(level)), 0)


def _learned_base(topic: Topic, memory: Mapping[str, Any]) -> int:
    part = memory.get(PART)
    if not isinstance(part, dict):
        return 0
    for base in part.get("bases", ()):
        if topic.text.startswith(base) and topic.text[len(base) : len(base) + 1] == "/":
            return int(base.count("/")) + 1
    return 0


def _decode_elsewhere(message: Message) -> Decoded | None:
    """Under a base topic that nobody named yet: the bridge's own messages, and states that only Zigbee2MQTT sends."""
    levels, document = message.topic.levels, message.document
    if len(levels) > 2 and levels[-2] == "bridge" and _tells_base(levels[-1], document):
        return _decode_bridge(message, "/".join(levels[:-2]), levels[-2:])
    if levels[-1] == "availability":
        name = "/".join(levels[1:-1])
        spoken = levels[0] in message.memory.get(_SPOKEN, {}).get(name, ())
        return _decode_availability(message, name) if spoken else None
    if message.topic.refusal or not isinstance(document, dict) or "linkquality" not in document:
        return None
    if entities_on(message.memory, message.topic.text):
        return None  # discovery names the device, whatever the base topic is
    name = "/".join(levels[1:])
    ends_in_name = len(levels) > 1 and message.topic.telling == levels[-1]
    if not ends_in_name or _is_shared(message.memory, name, levels[0]):
        name = "/".join(levels)
    return _decode_state(document, message, name)


def _is_shared(memory: dict[str, Any], name: str, base: str) -> bool:
    """Whether a friendly name is several devices', or one's and its copy's: two base topics spoke it in turn.

    One that takes over from another and stays is a base topic that was renamed.
    """
    part = memory.get(PART)
    if isinstance(part, dict) and name in part.get("shared", ()):
        return True
    if len(name) + len(base) > 2 * LONGEST_NAME:
        return False
    bases = memory.get(_SPOKEN, {}).get(name, [])
    if base in bases[:-1]:
        shared = memory.setdefault(PART, {}).setdefault("shared", [])
        del shared[: len(shared) - _MOST_SHARED + 1]
        shared.append(name)
        return True
    if base not in bases:
        keep(memory, _SPOKEN, name, [*bases[-3:], base], _MOST_DEVICES)
    return False


def _tells_base(last: str, document: object) -> bool:
    if last == "info":
        return isinstance(document, dict) and "coordinator" in document
    if last == "devices" and isinstance(document, list) and document:
        return isinstance(document[0], dict) and "ieee_address" in document[0]
    return False


def _decode_bridge(message: Message, base: str, rest: tuple[str, ...]) -> Decoded:
    last, document = rest[-1], message.document
    if last == "state" and len(rest) == 2:
        # the bridge's devices go by their own names: nobody's availability but its own
        said = availability.decide(_word(message), None)
        return said or Decoded(Kind.NOISE, NAME, reason="a state of the bridge that says neither online nor offline")
    if _tells_base(last, document):
        if not _BASE.fullmatch(base):
            _learn_base(message.memory, base)
        if isinstance(document, list):
            _learn_units(message.memory, document)
            return Decoded(Kind.DISCOVERY, NAME, reason="the bridge lists its devices and their units, never a value")
    return Decoded(Kind.NOISE, NAME, reason="the bridge speaks about itself")


def _word(message: Message) -> str | None:
    document = message.document
    raw = document.get("state") if isinstance(document, dict) else message.text
    return raw.strip().lower() if isinstance(raw, str) and len(raw) <= _PLAIN_LONGEST else None


def _decode_availability(message: Message, device: str) -> Decoded:
    if not message.payload:
        return Decoded(Kind.NOISE, NAME, reason="an empty payload clears the availability of a device renamed")
    said = availability.decide(_word(message), device)
    return said or Decoded(Kind.NOISE, NAME, reason="an availability that says neither online nor offline")


def _learn_base(memory: dict[str, Any], base: str) -> None:
    bases = memory.setdefault(PART, {}).setdefault("bases", [])
    if base not in bases and len(base) <= LONGEST_NAME:
        del bases[: len(bases) - _MOST_BASES + 1]
        bases.append(base)


def _learn_units(memory: dict[str, Any], devices: list[Any]) -> None:
    """Units of our quantities that are not the usual ones; one that became usual is forgotten."""
    units: dict[str, str] = dict(memory.get(PART, {}).get("units", {}))
    for device in devices[:_MOST_DEVICES]:
        friendly = device.get("friendly_name") if isinstance(device, dict) else None
        if isinstance(friendly, str) and len(friendly) <= LONGEST_NAME:
            for key, unit in _exposed_units(device.get("definition")):
                units.pop(f"{friendly}/{key}", None)
                if unit and len(units) < _MOST_UNITS:
                    units[f"{friendly}/{key}"] = unit
    if units != memory.get(PART, {}).get("units", {}):
        memory.setdefault(PART, {})["units"] = units


def _exposed_units(definition: object) -> Iterable[tuple[str, str]]:
    """Property and unit ("" where it is the usual one) of what a device's definition exposes, climate's parts too."""
    exposes = definition.get("exposes") if isinstance(definition, dict) else None
    if not isinstance(exposes, list):
        return
    for expose in exposes[:_MOST_EXPOSES]:
        features = expose.get("features") if isinstance(expose, dict) else None
        for one in (expose, *(features[:_MOST_EXPOSES] if isinstance(features, list) else ())):
            key, unit = (one.get("property"), one.get("unit")) if isinstance(one, dict) else (None, None)
            quantity = _attribute(key).quantity if isinstance(key, str) else None
            symbol = read_unit(unit) if isinstance(unit, str) else None
            if isinstance(key, str) and quantity and symbol and fits(quantity, symbol):
                yield key, "" if symbol == _DEFAULT_UNITS.get(quantity) else symbol


def _learned_unit(memory: Mapping[str, Any], device: str, key: str) -> str:
    part = memory.get(PART)
    units = part.get("units") if isinstance(part, dict) else None
    return str(units.get(f"{device}/{key}", "")) if units else ""


@lru_cache(maxsize=4096)
def _attribute(key: str) -> Name:
    """What an attribute's name says; NO_NAME where it is no reading."""
    name = read_name(key)
    if name.quantity is None or name.refusal:
        return NO_NAME
    split = key.lower().replace("-", "_").split("_")
    told_to_it = "external" in split and name.probe.lower().strip("_0123456789") != "external"
    return NO_NAME if told_to_it or not _WISHED.isdisjoint(split) else name


def _decode_state(document: dict[str, Any], message: Message, device: str) -> Decoded:
    about = document.get("device")  # include_device_information
    model = None
    if isinstance(about, dict):
        friendly, told_model = about.get("friendlyName"), about.get("model")
        device = friendly if isinstance(friendly, str) and friendly else device
        model = told_model if isinstance(told_model, str) and told_model != "unknown" else None
    time = parse_time(document.get("last_seen"))
    collector = Collector()
    told_before = False
    for key, raw in islice(document.items(), _MOST_KEYS):
        name = _attribute(key)
        if name.quantity is None or raw is None:
            continue
        if key == "illuminance" and "illuminance_lux" in document:
            continue  # older versions: the raw figure of the register
        if name.quantity == "battery_voltage" and not (name.bare and document.keys().isdisjoint(_MAINS)):
            continue
        if raw == 0 and key == "external_temperature" and not document.keys().isdisjoint(_THERMOSTAT):
            continue  # an input without its probe
        bare = name.bare or (key == "local_temperature" and document.get("temperature") is None)
        told_before |= not _take(collector, key, name, raw, message, device, "json", time, model, bare)
    if told_before and not collector.probes:
        return Decoded(Kind.NOISE, NAME, reason="the device's attribute topics told this already")
    nothing = Decoded(Kind.NOISE, NAME, reason="a state without a value of a quantity that sereno stores")
    return collector.decoded(NAME, "the attributes name the quantities", nothing)


def _decode_attribute(message: Message, device: str, key: str) -> Decoded:
    name = _attribute(key)
    if name.quantity is None or len(message.payload) > _PLAIN_LONGEST:
        return Decoded(Kind.NOISE, NAME, reason=f"attribute {key[:_PLAIN_LONGEST]!r} is no reading")
    collector = Collector()
    bare = name.bare or key == "local_temperature"
    if not _take(collector, key, name, message.text, message, device, "attribute", None, None, bare):
        return Decoded(Kind.NOISE, NAME, reason="the device's JSON told this already")
    nothing = Decoded(Kind.NOISE, NAME, reason="an attribute without a number")
    return collector.decoded(NAME, "the topic's last level names the attribute", nothing)


def _take(
    collector: Collector,
    key: str,
    name: Name,
    raw: object,
    message: Message,
    device: str,
    channel: str,
    time: datetime | None,
    model: str | None,
    bare: bool,
) -> bool:
    """Add one attribute's value; False where the other channel told it already."""
    quantity = name.quantity
    value, told = read_value(raw, quantity) if quantity else (None, "")
    if quantity is None or value is None:
        return True
    number: float | None = None
    unit = ""
    if not isinstance(value, Failure):
        unit = told or name.unit or message.hint.unit_of(quantity)
        settled = settle(quantity, value, unit or _learned_unit(message.memory, device, key))
        if settled is None or (quantity == "battery" and not 0 <= value <= 100):
            return True
        (quantity, unit), number = settled, value
        if quantity == "battery_voltage" and not 1.0 <= (value / 1000.0 if unit == "mV" else value) <= 15.0:
            return True  # a socket's mains
    if is_repeat(message.memory, f"{device}/{key}", number, channel):
        return False
    collector.add(
        quantity,
        number,
        unit,
        device=device or None,
        probe="" if bare else name.probe,
        name=None if name.bare else key,
        time=time,
        model=model,
    )
    return True
