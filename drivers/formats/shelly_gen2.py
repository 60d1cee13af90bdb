"""Shelly Gen2 to Gen4: ``<prefix>/status/<component>:<id>`` and ``<prefix>/events/rpc``, JSON.

Wire: a change comes as NotifyStatus (only what changed) or NotifyFullStatus on ``events/rpc`` and again on the
component's status topic, and is counted once. Replies to GetStatus and GetComponents come on ``<asker>/rpc``. The
device is ``src``; the prefix is the user's, and which ``src`` it stands for is learned; a device that was read by its
prefix before keeps that name. Components: ``temperature``,
``humidity``, ``illuminance``, ``devicepower``, ``blutrv`` (``current_C`` is the room's, ``target_C`` a wish); ids from
100 are an add-on's. The heat inside ``switch:0``, ``cover:0`` or ``light:0``, and ``temperature:0`` of an energy meter,
are the module's own. Configurations hold thresholds, no readings. ``bthomesensor`` tells a value without a quantity: a
hint of the configuration may name it. Scripts relay BLU sensors as ``shelly-blu`` events, by their address.
Units: ``tC`` in °C (``tF`` repeats it, rounded), ``rh`` in %, lx; on external power the battery's figures mean nothing.
Failure: null, or ``errors`` with ``read`` or ``out_of_range``.
Source: Shelly Gen2 API reference; Shelly_MQTT issue 99; node-red-contrib-shelly 200; ioBroker.shelly 813, 896.

Sample: ``shellyhtg3-e4b323306910/status/temperature:0`` ``{"id":0,"tC":27.5,"tF":81.6}``
Config: ``{type: mqtt, topics: ["+/events/rpc", "+/status/#", "+/online"]}``
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading
from drivers.formats import availability, generic_json
from drivers.formats.memory import forget, keep
from drivers.formats.message import Message
from drivers.formats.names import LONGEST_NAME
from drivers.formats.record import printable, without_false_zeros
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.units import fits
from drivers.formats.values import Failure, read_value
from drivers.formats.words import words

NAME = "shelly-gen2"
PART = "shelly_gen2"
"""The memory's part: the device by prefix, where the user's prefix is not the device's own name: its ``src``, or the
prefix where that was read first; then by ``src`` too."""
_MOST_PREFIXES = 1_000
_MOST_COMPONENTS = 200
_MOST_EVENTS = 16
_COMPONENT = re.compile(r"[a-z][a-z0-9_]{0,31}:(?:0|[1-9][0-9]{0,4})")
_LONGEST_COMPONENT = 40
_ALONE = frozenset(words("sys wifi eth ble cloud mqtt ws ht_ui wd_ui plugs_ui bthome blugw knx modbus matter zigbee"))
"""Components of which a device has one, so that their topics have no id."""
_OWN_NAME = re.compile(r"shelly[0-9a-z]+-[0-9a-f]{6,12}", re.IGNORECASE)
"""A prefix that is the device's own name, as it is unless its user changed it."""
_METER = re.compile(r"shelly(?:pro)?[0-9]?em", re.IGNORECASE)
"""Energy meters, whose ``temperature:0`` is the heat inside (``shellypro3em-…``, ``shelly3em63g3-…``)."""
_FAILED_ERRORS = ("read", "out_of_range")
_REASON = "the component names the quantity"
_NOTHING = "components without a quantity of ours: relays, meters, inputs, the device's own state"


class _Value(NamedTuple):
    """``number`` None: the device could not read."""

    quantity: str
    number: float | None
    unit: str
    name: str
    probe: str
    time: datetime | None = None


def decode(message: Message) -> Decoded | None:
    """Read a notification, a reply, a component's status or a last will; None where the message is none of them."""
    levels, document = message.topic.levels, message.document
    last = levels[-1]
    if not isinstance(document, dict):
        if message.broken and levels[-2:] == ("events", "rpc"):
            return Decoded(Kind.ERROR, NAME, reason=f"invalid JSON: {message.broken}")
        return _decode_online(message, "/".join(levels[:-1])) if last == "online" else None
    if "src" in document:
        return _decode_frame(message, document)
    if len(levels) > 2 and levels[-2] == "status":
        prefix = "/".join(levels[:-2])
        if last == "rpc":
            return _decode_components(message, document, _source_of(message.memory, prefix), "reply")
        return _decode_status(message, document, prefix, last) if last in _ALONE or _COMPONENT.fullmatch(last) else None
    if not message.topic.text and document.keys() <= _STATUS_KEYS:
        component = _component_of(document)
        return _decode_status(message, document, "", component) if component else None
    return None


def _decode_online(message: Message, prefix: str) -> Decoded | None:
    """The last will of a prefix that is known, or that begins as Shelly's own do; others' are ``availability``'s."""
    source = _source_of(message.memory, prefix)
    if source == prefix and not prefix.lower().startswith("shelly"):
        return None
    return availability.decide((message.text or "").strip().lower(), source, switch_words=True)


def _decode_frame(message: Message, document: dict[str, Any]) -> Decoded | None:
    """An RPC frame: a notification has ``method`` and ``params``, a reply ``id`` and ``result`` or ``error``."""
    source, method = document["src"], document.get("method")
    if not isinstance(source, str) or not source:
        return None
    source = printable(source)
    if method in ("NotifyStatus", "NotifyFullStatus"):
        params = document.get("params")
        if not isinstance(params, dict):
            return Decoded(Kind.NOISE, NAME, reason="a notification of nothing")
        if message.topic.levels[-2:] == ("events", "rpc"):
            _learn(message.memory, "/".join(message.topic.levels[:-2]), source)
        return _decode_components(message, params, source, "events")
    if method == "NotifyEvent":
        return _decode_events(message, document, source)
    if method is not None or "dst" not in document or document.keys().isdisjoint(("result", "error")):
        return None  # a request: src is who asks
    result = document.get("result")
    if not isinstance(result, dict):
        return Decoded(Kind.NOISE, NAME, reason="a reply that holds no status")
    listed = result.get("components")
    if isinstance(listed, list):  # Shelly.GetComponents
        result = {one["key"]: one.get("status") for one in listed[:_MOST_COMPONENTS] if _is_keyed(one)}
    elif component := _component_of(result):  # Temperature.GetStatus and its like
        result = {component: result}
    return _decode_components(message, result, source, "reply")


def _is_keyed(listed: object) -> bool:
    return isinstance(listed, dict) and isinstance(listed.get("key"), str)


def _component_of(status: Mapping[str, Any]) -> str:
    """The component whose status an object without a topic is, by its keys; "" where they do not tell."""
    identifier = status.get("id")
    if not isinstance(identifier, int):
        return ""
    kind = next((kind for key, kind in _BY_KEY if key in status), "")
    return f"{kind}:{identifier}" if kind else ""


_BY_KEY = (("tC", "temperature"), ("rh", "humidity"), ("lux", "illuminance"), ("current_C", "blutrv"))
_STATUS_KEYS = frozenset({"id", "tC", "tF", "rh", "errors"})
"""All that a sensor's own status has, by which it is known where no topic tells."""


def _decode_components(message: Message, components: dict[str, Any], source: str, channel: str) -> Decoded:
    """Read statuses by component, of a notification or a reply; ``ts`` or the clock of ``sys`` is their time."""
    system = components.get("sys")
    time = parse_time(components.get("ts")) or parse_time(system.get("unixtime") if isinstance(system, dict) else None)
    heated = _is_meter(source) or not components.keys().isdisjoint(("em:0", "em1:0"))
    values = [
        value
        for component, status in islice(components.items(), _MOST_COMPONENTS)
        if isinstance(status, dict) and not (heated and component == "temperature:0")
        for value in _read_component(component, status)
    ]
    return _decode_values(message, values, _source_of(message.memory, source), time, channel)


def _decode_status(message: Message, status: dict[str, Any], prefix: str, component: str) -> Decoded:
    device = _source_of(message.memory, prefix) or None
    if component == "temperature:0" and _is_meter(device):
        return Decoded(Kind.NOISE, NAME, reason="an energy meter's temperature:0 is the heat inside")
    if component.startswith("bthomesensor:"):
        values = list(_read_bthome(component, status, message.hint.quantity, message.hint.unit))
        if not values:
            return Decoded(
                Kind.NOISE,
                NAME,
                reason="a BTHome sensor's value without its quantity: a hint for the topic may name it",
            )
    else:
        values = list(_read_component(component, status))
    if values and device == prefix and len(prefix) <= LONGEST_NAME and not _OWN_NAME.fullmatch(prefix):
        keep(message.memory, PART, prefix, prefix, _MOST_PREFIXES)
    return _decode_values(message, values, device, None, "status")


def _decode_values(
    message: Message, values: list[_Value], device: str | None, time: datetime | None, channel: str
) -> Decoded:
    if not values:
        return Decoded(Kind.NOISE, NAME, reason=_NOTHING)
    levels = message.topic.levels
    prefix = "/".join(levels[:-2]) if levels[-2:] == ("events", "rpc") or channel == "status" else ""
    device = printable(device) if device else None
    label = printable(prefix) if prefix and prefix != device else None
    probes: dict[tuple[str, datetime | None], tuple[list[Measurement], list[str]]] = {}
    for quantity, number, unit, name, probe, heard in values:
        if is_repeat(message.memory, f"{device}/{name}/{quantity}", number, channel):
            continue
        measured, failed = probes.setdefault((probe, heard or time), ([], []))
        if number is None:
            failed.append(quantity)
        else:
            measured.append(Measurement(quantity, number, unit, name))
    if not probes:
        return Decoded(Kind.NOISE, NAME, reason="the device told this on its other topic already")
    readings = tuple(
        [
            without_false_zeros(Reading(device, probe, tuple(measured), tuple(failed), moment, None, None, label))
            for (probe, moment), (measured, failed) in probes.items()
        ]
    )
    if any(reading.measurements for reading in readings):
        return Decoded(Kind.READING, NAME, readings, None, _REASON)
    return Decoded(Kind.ERROR, NAME, readings, None, "the device says that it could not read")


def _is_meter(device: str | None) -> bool:
    return device is not None and _METER.match(device) is not None


@lru_cache(maxsize=1024)
def _kind_and_probe(component: str) -> tuple[str, str]:
    """``temperature:0`` is the device's own, ``temperature:100`` probe 100; no component has an empty kind."""
    kind, _, identifier = component.partition(":") if _COMPONENT.fullmatch(component) else ("", "", "")
    return kind, "" if identifier == "0" else identifier


def _read_component(component: str, status: dict[str, Any]) -> Iterable[_Value]:
    kind, probe = _kind_and_probe(component) if len(component) <= _LONGEST_COMPONENT else ("", "")
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return _read_number(*simple, component, probe, status)
    read = _READERS.get(kind)
    return read(component, probe, status) if read is not None else ()


def _read_number(
    quantity: str, key: str, unit: str, component: str, probe: str, status: dict[str, Any]
) -> tuple[_Value, ...]:
    errors = status.get("errors")
    if isinstance(errors, list) and any(error in _FAILED_ERRORS for error in errors[:8]):
        return (_Value(quantity, None, unit, component, probe),)
    value, _ = read_value(status[key], quantity) if key in status else (None, "")
    if value is None:
        return ()
    return (_Value(quantity, None if isinstance(value, Failure) else value, unit, component, probe),)


def _read_devicepower(component: str, probe: str, status: dict[str, Any]) -> Iterator[_Value]:
    """The battery of a device that runs on it: on USB it reads 0 %, and some tenths of a volt."""
    external, battery = status.get("external"), status.get("battery")
    if not isinstance(battery, dict) or (isinstance(external, dict) and external.get("present")):
        return
    for quantity, key, unit in (("battery", "percent", "%"), ("battery_voltage", "V", "V")):
        value, _ = read_value(battery.get(key), quantity)
        if isinstance(value, float):
            yield _Value(quantity, value, unit, component, probe)


def _read_blutrv(component: str, probe: str, status: dict[str, Any]) -> Iterator[_Value]:  # noqa: ARG001
    """A radiator valve that a gateway relays; it measured when it was last heard."""
    time = parse_time(status.get("last_updated_ts"))
    for quantity, key, unit in (("temperature", "current_C", "°C"), ("battery", "battery", "%")):
        for value in _read_number(quantity, key, unit, component, component, status):
            if value.number is not None or quantity == "temperature":
                yield value._replace(time=time)


def _read_bthome(component: str, status: dict[str, Any], quantity: str, unit: str) -> Iterator[_Value]:
    if quantity in QUANTITIES:
        time = parse_time(status.get("last_updated_ts"))
        unit = unit if unit and fits(quantity, unit) else QUANTITIES[quantity]
        for value in _read_number(quantity, "value", unit, component, component, status):
            yield value._replace(time=time)


_SIMPLE: Mapping[str, tuple[str, str, str]] = {
    "temperature": ("temperature", "tC", "°C"),
    "humidity": ("humidity", "rh", "%"),
    "illuminance": ("illuminance", "lux", "lx"),
}
"""Quantity, key and unit of the components that have one value."""
_READERS: Mapping[str, Callable[[str, str, dict[str, Any]], Iterator[_Value]]] = {
    "devicepower": _read_devicepower,
    "blutrv": _read_blutrv,
}


def _decode_events(message: Message, document: dict[str, Any], source: str) -> Decoded:
    """Events are buttons and updates, unless a script relays what a BLU sensor says."""
    params = document.get("params")
    events = params.get("events") if isinstance(params, dict) else None
    bodies = []
    for event in events[:_MOST_EVENTS] if isinstance(events, list) else ():
        if not isinstance(event, dict) or event.get("event") != "shelly-blu":
            continue
        data = event.get("data")
        address = data.get("address") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(address, str) or not address:
            continue
        packet = data.get("pid")
        if isinstance(packet, int) and is_repeat(message.memory, f"{address}/pid", packet, source):
            continue  # two gateways heard the same packet
        bodies.append(generic_json.Body(data, address, "", parse_time(event.get("ts"))))
    if not bodies:
        return Decoded(Kind.NOISE, NAME, reason="an event: a button, a script, an update")
    return generic_json.decode_bodies(bodies, NAME, "a script relays what a BLU sensor said")


def _learn(memory: dict[str, Any], prefix: str, source: str) -> None:
    """Which device a user's prefix stands for; a prefix that is the device's own name need not be remembered."""
    held = memory.get(PART, {}).get(prefix)
    if prefix == source:
        if held != prefix:
            forget(memory, PART, prefix)
    elif len(prefix) <= LONGEST_NAME and len(source) <= LONGEST_NAME:
        if held == prefix:
            keep(memory, PART, source, prefix, _MOST_PREFIXES)
        else:
            keep(memory, PART, prefix, _source_of(memory, source), _MOST_PREFIXES)


def _source_of(memory: Mapping[str, Any], prefix: str) -> str:
    return str(memory.get(PART, {}).get(prefix, prefix))
