"""Shelly Gen1: ``shellies/<model>-<id>/sensor/<quantity>``, plain text; probes of an add-on as ``ext_temperature/<n>``.

Wire: H&T, Flood, Smoke, Motion, Door/Window and Sense publish ``sensor/temperature``, ``humidity``, ``lux``,
``battery``; ``ext_temperature/<n>`` (``_f`` repeats it) and ``ext_humidity/<n>`` are an add-on's, and again, with the
sensors' hardware ids, JSON on ``ext_temperatures`` and ``ext_humidities``. ``info`` and ``status`` are JSON of all of
the device. Whatever is told twice is counted once. ``<device>/temperature`` is the module's own heat, and so is ``tmp``
without ``value`` beside relays. A TRV's ``tmp`` is the room's, its ``target_t`` a wish. ``announce`` describes devices,
``online`` is a retained last will.
Units: °C or °F as the device is set, which only ``info`` tells and is remembered (a hint's unit wins); an add-on's are
°C; %, lx.
Failure: 999, battery -1, ``is_valid`` false, a ``sensor/error`` other than 0.
Source: Shelly Gen1 API reference (MQTT, /status); Home Assistant issue 49415; ha-shellies-discovery issues 38, 523;
homebridge-shelly 111; ioBroker.shelly 160, 648; shellyteacher4domo 18, 57.

Sample: ``shellies/shellyht-CC2D76/sensor/temperature`` ``24.75``
Config: ``{type: mqtt, topics: ["shellies/#"]}``
"""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from drivers.base import Decoded, Kind, Reading
from drivers.formats import availability
from drivers.formats.memory import forget, keep
from drivers.formats.message import Message
from drivers.formats.names import LONGEST_NAME, derive_probe
from drivers.formats.record import Collector, printable
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.units import read_unit
from drivers.formats.values import FAILED, Failure, Value, read_text, read_value

NAME = "shelly-gen1"
PART = "shelly_gen1"
"""The memory's part: by device, the temperature's unit where it is not °C."""
_PREFIX = "shellies"
_MOST_DEVICES = 1_000
_MOST_PROBES = 32
_LONGEST = 40
_QUANTITIES = {"temperature": "temperature", "humidity": "humidity", "battery": "battery", "lux": "illuminance"}
_EXTERNAL = {"ext_temperature": "temperature", "ext_humidity": "humidity"}
_AGGREGATED = {"ext_temperatures": "ext_temperature", "ext_humidities": "ext_humidity"}
_EXTERNAL_KEYS = {"ext_temperature": ("tC", "°C"), "ext_humidity": ("hum", "%")}
_MODULE_KEYS = frozenset({"relays", "lights", "rollers", "meters", "emeters"})
"""What stands beside ``tmp`` in the status of a device whose ``tmp`` is its own heat."""
_STATUS_KEYS = frozenset({"wifi_sta", "mac", "unixtime"})
"""By which a status is known on any other topic."""
_REASON = "the topic names the device and the quantity"
_INFO_REASON = "the device's status names its sensors"


def decode(message: Message) -> Decoded | None:
    """Read a sensor's or probe's value, a status, a last will or an announcement; None where neither topic nor shape
    is Shelly's. A bridge between brokers may put levels before ``shellies``."""
    levels, document = message.topic.levels, message.document
    if _PREFIX not in levels[:3]:
        if isinstance(document, dict) and document.keys() >= _STATUS_KEYS:
            mac = document["mac"]
            return _decode_status(message, document, message.topic.device or (mac if isinstance(mac, str) else ""))
        return None
    rest = levels[levels.index(_PREFIX) + 1 :]
    if not rest:
        return None
    if rest[-1] == "announce":
        return Decoded(Kind.DISCOVERY, NAME, reason="a device says what it is, never a value")
    if rest[-1] == "command":
        return Decoded(Kind.NOISE, NAME, reason="a command to one device or all")
    if not message.payload:
        return Decoded(Kind.NOISE, NAME, reason="an empty payload only clears a retained message")
    device, path = rest[0], rest[1:]
    if not path:
        return _decode_status(message, document, device) if isinstance(document, dict) else None
    head = path[0]
    if head == "online":
        said = availability.decide((message.text or "").strip().lower(), device, switch_words=True)
        return said or Decoded(Kind.NOISE, NAME, reason="a last will that says neither true nor false")
    if len(path) == 2 and head == "sensor":
        return _decode_sensor(message, device, path[1])
    if len(path) == 2 and head in _EXTERNAL:
        return _decode_plain(message, device, _EXTERNAL[head], f"{head}/{path[1]}")
    if isinstance(document, dict):
        if head in _AGGREGATED:
            collector = Collector()
            _take_external(collector, message, document, device, _AGGREGATED[head], None)
            return _decoded(collector, _INFO_REASON)
        if head in ("info", "status"):
            return _decode_status(message, document, device)
    if head == "temperature":
        return Decoded(Kind.NOISE, NAME, reason="the temperature inside the module, no room's")
    return None if message.broken else Decoded(Kind.NOISE, NAME, reason="a relay, meter, input or state of the device")


def _decode_sensor(message: Message, device: str, sensor: str) -> Decoded:
    quantity = _QUANTITIES.get(sensor)
    if quantity is not None:
        return _decode_plain(message, device, quantity, "")
    if sensor != "error" or (message.text or "").strip().lower() in ("0", "false", ""):
        return Decoded(Kind.NOISE, NAME, reason="why it woke, its power, its alarm: no quantity of ours")
    # which of its sensors, it does not say; where they tell 999 as well, that is the same failure
    failed = ("temperature", "humidity") if device.lower().startswith("shellyht") else ("temperature",)
    news = [one for one in failed if not is_repeat(message.memory, f"{device}/{one}", None, "error")]
    if not news:
        return Decoded(Kind.NOISE, NAME, reason="the sensors' own topics told the failure already")
    reading = Reading(printable(device), failed=tuple(news))
    return Decoded(Kind.ERROR, NAME, (reading,), None, "the device says that its sensor fails")


def _decode_plain(message: Message, device: str, quantity: str, name: str) -> Decoded:
    text = message.text
    value, told = read_text(text, quantity) if text is not None and len(text) <= _LONGEST else (None, "")
    collector = Collector()
    _take(collector, message, device, quantity, value, told, name, "plain", None)
    return _decoded(collector, _REASON)


def _decode_status(message: Message, status: dict[str, Any], device: str) -> Decoded:
    """Read ``info``, the same JSON as the device's HTTP /status; battery devices publish it each time they wake."""
    collector = Collector()
    time = parse_time(status.get("unixtime"))
    heated = not status.keys().isdisjoint(_MODULE_KEYS)
    _take_tmp(collector, message, status.get("tmp"), device, "", time, heated)
    thermostats = status.get("thermostats")
    for number, valve in enumerate(thermostats[:_MOST_PROBES] if isinstance(thermostats, list) else ()):
        name = f"thermostats/{number}" if number else ""
        _take_tmp(collector, message, valve.get("tmp") if isinstance(valve, dict) else None, device, name, time, heated)
    for key, quantity in (("hum", "humidity"), ("lux", "illuminance"), ("bat", "battery")):
        part = status.get(key)
        if part is not None:
            _take(collector, message, device, quantity, _valid(part, "value", quantity), "", "", "json", time)
    battery = status.get("bat")
    volts, _ = read_value(battery.get("voltage"), "battery_voltage") if isinstance(battery, dict) else (None, "")
    if isinstance(volts, float) and volts > 0:
        _take(collector, message, device, "battery_voltage", volts, "V", "", "json", time)
    for kind in _EXTERNAL:
        probes = status.get(kind)
        if isinstance(probes, dict):
            _take_external(collector, message, probes, device, kind, time)
    return _decoded(collector, _INFO_REASON)


def _take_tmp(
    collector: Collector,
    message: Message,
    tmp: object,
    device: str,
    name: str,
    time: datetime | None,
    heated: bool,
) -> None:
    """``value`` in ``units`` is the sensor's; ``tC`` alone is a sensor's unless relays stand beside it."""
    if not isinstance(tmp, dict) or ("value" not in tmp and heated):
        return
    units = tmp.get("units")
    unit = (read_unit(units) if isinstance(units, str) else None) or ""
    if unit in ("°C", "°F"):
        _learn_unit(message.memory, device, unit)
    key = "value" if "value" in tmp else "tC"
    if key in tmp:
        unit = "°C" if key == "tC" else unit
        _take(collector, message, device, "temperature", _valid(tmp, key, "temperature"), unit, name, "json", time)


def _valid(part: object, key: str, quantity: str) -> Value:
    """A sensor's value in a status: ``{"value":39.5,"is_valid":true}``, or the bare number."""
    if isinstance(part, dict):
        if part.get("is_valid") in (False, "false"):
            return FAILED
        if key not in part:
            return None
        part = part[key]
    return read_value(part, quantity)[0]


def _take_external(
    collector: Collector,
    message: Message,
    probes: Mapping[str, Any],
    device: str,
    kind: str,
    time: datetime | None,
) -> None:
    """``{"0":{"hwID":"2882379497020381","tC":21.4,"tF":70.5}}``: the probes by their number."""
    quantity, (key, unit) = _EXTERNAL[kind], _EXTERNAL_KEYS[kind]
    for number, probe in islice(probes.items(), _MOST_PROBES):
        if isinstance(probe, dict) and key in probe:
            value, _ = read_value(probe[key], quantity)
            _take(collector, message, device, quantity, value, unit, f"{kind}/{number}", "json", time)


def _take(
    collector: Collector,
    message: Message,
    device: str,
    quantity: str,
    value: Value,
    unit: str,
    name: str,
    channel: str,
    time: datetime | None,
) -> None:
    """Add a value that no other channel told. ``name`` is "" for the device's own sensor."""
    if value is None:
        return
    number = None if isinstance(value, Failure) or (quantity == "battery" and value < 0) else value
    rounded = None if number is None else round(number, 2)
    if is_repeat(message.memory, f"{device}/{name or quantity}", rounded, channel):
        return
    if quantity == "temperature" and not unit:
        unit = message.hint.unit_of(quantity) or (
            "" if name.startswith("ext_") else _learned_unit(message.memory, device)
        )
    collector.add(quantity, number, unit, device=device, probe=derive_probe(name), name=name or None, time=time)


def _decoded(collector: Collector, reason: str) -> Decoded:
    nothing = "no value of a quantity that sereno stores, or one that another topic told already"
    return collector.decoded(NAME, reason, Decoded(Kind.NOISE, NAME, reason=nothing))


def _learn_unit(memory: dict[str, Any], device: str, unit: str) -> None:
    """What ``info`` says of the unit holds for the device's plain topics, until it says otherwise."""
    if unit == "°C":
        forget(memory, PART, device)
    elif len(device) <= LONGEST_NAME:
        keep(memory, PART, device, unit, _MOST_DEVICES)


def _learned_unit(memory: Mapping[str, Any], device: str) -> str:
    return str(memory.get(PART, {}).get(device, ""))
