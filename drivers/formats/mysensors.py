"""MySensors gateway: ``node;child;command;ack;type;payload`` over serial, ``<prefix>-out/node/…/type`` over MQTT.

Wire: five numbers and a payload, on a line that ends in LF, or as the last five levels of a topic. Command 0 presents
a child, 1 sets a value, 2 asks for one, 3 is internal, 4 a stream of firmware; ``ack`` 1 is an echo of what the
controller sent. ``…-in`` is the controller's. The device is the node, the probe its child; nodes of a second gateway,
whose numbers are its own, go by its prefix too. Type 11 of command 3 is the
sketch's name, 0 the battery; a light level (23) is a share or a raw figure, and no lux.
Units: °C, or °F where the controller's answer to I_CONFIG (``I`` of command 3, type 6) was heard, or by the
configuration's hint; %, hPa, V.
Failure: ``nan``, a sentinel.
Source: mysensors.org serial API 2.x; MyGatewayTransportMQTTClient.cpp; pymysensors const_20.py.

Sample: ``mygateway1-out/12/6/1/0/0`` ``36.5``
Config: ``{type: mqtt, topics: ["mygateway1-out/#", "mygateway1-in/#"]}``
"""

import re
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind
from drivers.formats.line import LineState
from drivers.formats.memory import keep
from drivers.formats.message import NO_HINT, Hint, Message
from drivers.formats.names import derive_probe
from drivers.formats.record import LONGEST_NAME, Collector, shorten
from drivers.formats.topics import Topic
from drivers.formats.values import Failure, read_text, settle

NAME = "mysensors"
PART = "mysensors"
"""The memory's part: gateways in the order of their coming, which speak imperial, sketches' names by node."""
_LINE = re.compile(r"\s*([0-9]{1,3});([0-9]{1,3});([0-4]);([01]);([0-9]{1,3});(.{0,256})")
_PRESENT, _SET, _REQUEST, _INTERNAL = "0", "1", "2", "3"
_QUANTITIES = {"0": "temperature", "1": "humidity", "4": "pressure", "38": "battery_voltage"}
_BATTERY, _CONFIG, _SKETCH_NAME = "0", "6", "11"
_DISCOVERING = frozenset({_SKETCH_NAME, "12"})
_CELL = (1.5, 4.5)
"""V: what a node runs on. A V_VOLTAGE beyond is measured, perhaps the mains, and no battery's."""
_MOST_NODES = 512


class _Message(NamedTuple):
    gateway: str
    node: str
    child: str
    command: str
    ack: str
    type: str


def claims(topic: Topic) -> bool:
    """Whether the last five levels are numbers such as MySensors' are."""
    return _read_levels(topic.levels) is not None


def decode_message(message: Message) -> Decoded | None:
    """Read an MQTT message; None where its topic is not shaped like MySensors'."""
    told = _read_levels(message.topic.levels)
    if told is None or len(message.payload) > LONGEST_NAME:
        return None
    payload = (message.text or "").strip()
    if told.gateway.endswith(("-in", "/in")):
        if told.command == _INTERNAL and told.type == _CONFIG and payload in ("M", "I"):
            gateway = told.gateway.removesuffix("in") + "out"
            _learn(message.memory, "imperial", gateway, payload == "I")
        return Decoded(Kind.NOISE, NAME, reason="what the controller sends to a node")
    return _decode(told, payload, message.memory, message.hint)


def decode(line: str, state: LineState) -> Decoded | None:
    """Read a serial line; None where it is no MySensors message."""
    match = _LINE.fullmatch(line)
    if match is None or any(int(match[place]) > 255 for place in (1, 2, 5)):
        return None
    return _decode(_Message("", *match.groups()[:5]), match[6].strip(), state.memory, NO_HINT)


def _read_levels(levels: tuple[str, ...]) -> _Message | None:
    if len(levels) < 6 or not all(level.isascii() and level.isdecimal() for level in levels[-5:]):
        return None
    node, child, command, ack, kind = levels[-5:]
    if command not in "01234" or ack not in "01" or any(len(one) > 3 or int(one) > 255 for one in (node, child, kind)):
        return None
    return _Message("/".join(levels[:-5])[:LONGEST_NAME], node, child, command, ack, kind)


def _decode(told: _Message, payload: str, memory: dict[str, Any], hint: Hint) -> Decoded:
    if told.ack == "1":
        return Decoded(Kind.NOISE, NAME, reason="an echo of what the controller sent")
    if told.command == _PRESENT:
        return Decoded(Kind.DISCOVERY, NAME, reason="a node presents a child")
    if told.command == _INTERNAL and told.type in _DISCOVERING:
        if told.type == _SKETCH_NAME and payload:
            _learn(memory, "names", f"{told.gateway}/{told.node}", shorten(payload, LONGEST_NAME))
        return Decoded(Kind.DISCOVERY, NAME, reason="a node tells its sketch's name or version")
    if told.command == _INTERNAL and told.type == _BATTERY:
        return _decode_value("battery", "%", told, payload, memory)
    quantity = _QUANTITIES.get(told.type) if told.command == _SET else None
    if quantity is None:
        reason = "a request, an internal message, or a value of another quantity"
        return Decoded(Kind.NOISE, NAME, reason=reason)
    imperial = _part(memory, "imperial").get(told.gateway) is True and quantity == "temperature"
    unit = hint.unit_of(quantity) or ("°F" if imperial else "")
    return _decode_value(quantity, unit, told, payload, memory)


def _decode_value(quantity: str, unit: str, told: _Message, payload: str, memory: dict[str, Any]) -> Decoded:
    value, own = read_text(payload, quantity)
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text in a value's place")
    number = None
    if not isinstance(value, Failure):
        settled = settle(quantity, value, own or unit)
        if settled is None or (quantity == "battery_voltage" and not _CELL[0] <= value <= _CELL[1]):
            return Decoded(Kind.NOISE, NAME, reason=f"{value:g} is no {quantity} that a sensor of ours would tell")
        (quantity, unit), number = settled, value
    label = _part(memory, "names").get(f"{told.gateway}/{told.node}")
    whole_node = told.child == "255"
    collector = Collector()
    collector.add(
        quantity,
        number,
        unit,
        device=_device(told, memory),
        probe="" if whole_node else derive_probe(told.child),
        name=told.child,
        label=label if isinstance(label, str) else None,
    )
    return collector.decoded(NAME, "the type of the message names the quantity, by the MySensors serial API")


def _device(told: _Message, memory: dict[str, Any]) -> str:
    gateways = _part(memory, "gateways")
    if told.gateway not in gateways:
        _learn(memory, "gateways", told.gateway, len(gateways))
        gateways = _part(memory, "gateways")
    return f"{told.gateway}/{told.node}" if gateways[told.gateway] else told.node


def _part(memory: dict[str, Any], name: str) -> dict[str, Any]:
    learned = memory.get(PART)
    part = learned.get(name) if isinstance(learned, dict) else None
    return part if isinstance(part, dict) else {}


def _learn(memory: dict[str, Any], name: str, key: str, value: object) -> None:
    keep(memory.setdefault(PART, {}), name, key, value, _MOST_NODES)
