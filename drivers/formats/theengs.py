"""Theengs, OpenMQTTGateway: ``<base>/<gateway>/BTtoMQTT/<MAC>``, ``…/RTL_433toMQTT/<model>/<channel>/<id>``, JSON.

Wire: JSON of one device; ``tempc``, ``hum``, ``batt``, ``volt``, ``pres``, numbered probes ``tempc1``, ``tempc2``; a
name that ends in ``_dp`` is a dew point. Old versions send numbers as text (``tem``), or one plain topic a value. The
device is ``id``, else ``mac``, else the topic's address, never the gateway; of RTL_433toMQTT it is rtl_433's. Base
topic and gateway name are the user's, so an advertisement is known by its keys, too. Several gateways hear one
advertisement: it is counted once. ``UTCtime`` or ``unixtime`` is sent if set. Adverts that nothing decodes, presence
beacons, codes (433toMQTT) and the gateway's own state (SYStoMQTT) are no readings.
Units: in the name, where ``tempf`` repeats ``tempc``; ``batt`` is %, ``pres`` kPa or hPa by size, a BME280's ``pa``
Pa.
Failure: ``nan``, null.
Source: decoder.theengs.io; docs.openmqttgateway.com (use/ble, use/rf, use/sensors); OpenMQTTGateway issues 412, 513,
1286, 1288, 1362, PR 1036; theengs/gateway use.md.

Sample: ``home/TheengsGateway/BTtoMQTT/A4C138D5D498`` ``{"id":"A4:C1:38:D5:D4:98","tempc":15.9,"hum":33.6}``
Config: ``{type: mqtt, topics: ["home/+/BTtoMQTT/#", "home/+/RTL_433toMQTT/#"]}``
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind
from drivers.formats import rtl_433
from drivers.formats.message import Message
from drivers.formats.names import read_name
from drivers.formats.record import Collector
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.values import Failure, read_text, read_value, settle

NAME = "theengs"
_GATEWAY = re.compile(r"[A-Za-z0-9_]{1,24}toMQTT|MQTTto[A-Za-z0-9_]{1,24}")
_OF_OTHERS = frozenset({"BTtoMQTT", "LORAtoMQTT", "433toMQTT", "RFM69toMQTT"})
"""What tells of devices that a gateway hears; the others are wired to it, and go by the topic."""
_NOT_SENSORS = frozenset({"SYStoMQTT", "WebUItoMQTT", "IRtoMQTT", "RN8209toMQTT", "INA226toMQTT", "LOGtoMQTT"})
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_ADVERTISEMENT = frozenset({"model_id", "distance", "servicedata", "manufacturerdata", "tempc", "tempf", "tem"})
"""Keys beside a MAC by which an advertisement is known on any topic."""
_DEW_POINT = re.compile(r"temp([cf])[0-9]*_dp")
_TIMES = ("UTCtime", "unixtime", "Time", "timestamp")
_MOST_KEYS = 64
_LONGEST = 32


class _Field(NamedTuple):
    quantity: str
    unit: str
    name: str | None = None
    probe: str = ""


_SPECIAL = {"tem": _Field("temperature", ""), "pa": _Field("pressure", "Pa")}


def decode(message: Message) -> Decoded | None:
    """Read a gateway's message; None where neither topic nor payload is one's."""
    document, levels = message.document, message.topic.levels
    place = _gateway_place(message.topic.text)
    if place is None:
        if isinstance(document, dict) and _is_advertisement(document):
            return _decode_document(message, document, str(_identity(document)))
        return None
    kind = levels[place]
    if kind in _NOT_SENSORS or kind.startswith("MQTTto"):
        return Decoded(Kind.NOISE, NAME, reason=f"{kind} tells of the gateway, not of a sensor")
    if isinstance(document, dict):
        if kind == "RTL_433toMQTT":
            return _decode_rtl_433(message, document)
        return _decode_document(message, document, _device(message, document, place))
    if message.broken or place == len(levels) - 1:
        return None
    return _decode_value(message, place)


@lru_cache(maxsize=4096)
def _gateway_place(topic: str) -> int | None:
    """Where the level stands that names the gateway's radio or bus, as ``BTtoMQTT``; a command's is ``MQTTtoBT``."""
    levels = topic.strip("/").split("/")
    return next((place for place, level in enumerate(levels) if _GATEWAY.fullmatch(level)), None)


def _is_advertisement(document: Mapping[str, object]) -> bool:
    name = document.get("id", document.get("mac"))
    return isinstance(name, str) and _MAC.fullmatch(name) is not None and not _ADVERTISEMENT.isdisjoint(document)


def _identity(document: Mapping[str, object]) -> str | None:
    """The address; an iBeacon's ``id`` may be its UUID, and a 433 MHz sensor's is a number."""
    name, mac = document.get("id"), document.get("mac")
    if isinstance(mac, str) and mac and not (isinstance(name, str) and _MAC.fullmatch(name)):
        return mac
    for raw in (name, document.get("sensor")):
        if isinstance(raw, str | int) and not isinstance(raw, bool) and raw != "":
            return str(raw)
    return None


def _device(message: Message, document: Mapping[str, object], place: int) -> str | None:
    topic = message.topic
    if topic.levels[place] not in _OF_OTHERS:
        return topic.device
    return _identity(document) or "/".join(topic.levels[place + 1 :]) or topic.device


def _decode_rtl_433(message: Message, document: dict[str, Any]) -> Decoded:
    if isinstance(document.get("model"), str):
        return rtl_433.decode_event(message, document, NAME)
    return Decoded(Kind.NOISE, NAME, reason="the receiver speaks about itself")


def _decode_document(message: Message, document: Mapping[str, Any], device: str | None) -> Decoded:
    collector = Collector()
    time = next((time for key in _TIMES if key in document and (time := parse_time(document[key]))), None)
    model = document.get("model_id")
    repeats = False
    for key, raw in islice(document.items(), _MOST_KEYS):
        field = _read_field(key)
        if field is None:
            continue
        value, told = read_value(raw, field.quantity)
        if value is None:
            continue
        settled = _settle(field, value, told, message)
        if settled is None:
            continue
        if is_repeat(message.memory, f"{device}/{key}", settled[1], message.topic.text):
            repeats = True
            continue
        collector.add(
            settled[0],
            settled[1],
            settled[2],
            device=device,
            probe=field.probe,
            name=field.name,
            time=time,
            model=model if isinstance(model, str) else None,
        )
    nothing = (
        "another gateway told it already" if repeats else "seen, but nothing measured: a beacon, a code or a state"
    )
    return collector.decoded(NAME, "the keys name quantity and unit", Decoded(Kind.NOISE, NAME, reason=nothing))


def _decode_value(message: Message, place: int) -> Decoded:
    """Read one value a topic: ``…/BTtoMQTT/<MAC>/tem``."""
    levels, text = message.topic.levels, message.text
    field = _read_field(levels[-1])
    value, told = read_text(text, field.quantity) if field and text and len(text) <= _LONGEST else (None, "")
    settled = None if field is None or value is None else _settle(field, value, told, message)
    if field is None or settled is None:
        return Decoded(Kind.NOISE, NAME, reason=f"{levels[-1][:_LONGEST]!r} is no value of a quantity of ours")
    of_others = levels[place] in _OF_OTHERS and place + 1 < len(levels) - 1
    device = "/".join(levels[place + 1 : -1] if of_others else levels[:-1]) or None
    if is_repeat(message.memory, f"{device}/{levels[-1]}", settled[1], message.topic.text):
        return Decoded(Kind.NOISE, NAME, reason="another gateway told it already")
    collector = Collector()
    collector.add(settled[0], settled[1], settled[2], device=device, probe=field.probe, name=field.name)
    return collector.decoded(NAME, "the last level names the quantity")


def _settle(field: _Field, value: float | Failure, told: str, message: Message) -> tuple[str, float | None, str] | None:
    """Quantity, value (None: failed) and unit; None where a figure is none of the quantity's."""
    if isinstance(value, Failure):
        return field.quantity, None, ""
    settled = settle(field.quantity, value, told or field.unit or message.hint.unit_of(field.quantity))
    return None if settled is None else (settled[0], value, settled[1])


@lru_cache(maxsize=1024)
def _read_field(key: str) -> _Field | None:
    """What a key or a topic's last level says, None where it is no quantity of ours."""
    if key in _SPECIAL:
        return _SPECIAL[key]
    dew_point = _DEW_POINT.fullmatch(key)
    if dew_point is not None:
        return _Field("dew_point", "°C" if dew_point[1] == "c" else "°F")
    name = read_name(key)
    if name.quantity is None or name.refusal:
        return None
    return _Field(name.quantity, name.unit, None if name.bare else key, name.probe)
