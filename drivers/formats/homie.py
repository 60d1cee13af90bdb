"""Homie: ``homie/5/<device>/<node>/<property>``, without the ``5`` before version 5; one plain value a topic.

Wire: a retained text a property. ``$…`` levels are attributes (``$name``, ``$unit``, ``$datatype``); since version 5
one JSON ``$description`` tells them all. ``…/set`` is a command, ``$target`` a wish. Under another base topic, and
under version 1's ``devices/``, a device is known once its ``$homie``, ``$state``, ``$description``, ``$nodes`` or
``$fwname`` was seen, or by a property that is its node's unit (``devices/<device>/temperature/degrees``). ``$state``
and ``$online`` tell whether the device is there; an empty ``$state`` removes it.
Units: ``$unit`` as learned (°C, °F, K, %, Pa; psi is none of ours), else the property's own name, else °C, %, hPa.
Failure: ``NaN`` and ``inf``, which the convention forbids. One byte 0 is the empty string.
Source: homieiot/convention, versions 2.0.0 to 5.0; homie-esp8266 1.5 and 2.0 documentation.

Sample: ``homie/5/super-car/engine/temperature`` ``21.5``
Config: ``{type: mqtt, topics: ["homie/#"]}``
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

from drivers.base import QUANTITIES, Availability, Decoded, Kind, Measurement, Reading
from drivers.formats import availability
from drivers.formats.message import NO_DOCUMENT, Message
from drivers.formats.names import LONGEST_NAME, derive_probe, read_name, refusal_around
from drivers.formats.record import printable
from drivers.formats.topics import Topic
from drivers.formats.units import BY_UNIT, fits, read_unit
from drivers.formats.values import Failure, read_value, settle

NAME = "homie"
PART = "homie"
"""The memory's part: ``roots``, device topics under another base; ``facts``, attributes by their topic."""
_MOST_ROOTS = 500
_MOST_FACTS = 2_000
_MOST_PROPERTIES = 200
_LONGEST_TOPIC = 200
_LONGEST_VALUE = 64
_DEEPEST_ROOT = 6
_NUMBERS = frozenset({"float", "integer"})
_STATES = frozenset({"init", "ready", "alert", "sleeping", "lost", "disconnected"})
_KEPT = frozenset({"$name", "$unit", "$datatype"})


def decode(message: Message) -> Decoded | None:
    """Read a property, an attribute or a state; None where the topic is no Homie device's."""
    levels = message.topic.levels
    depth = _named_root(message.topic) or _learned_root(message) or _told_root(message)
    if not depth:
        return None
    if levels[depth - 1].startswith("$"):
        return Decoded(Kind.NOISE, NAME, reason="a broadcast to all devices")
    rest = levels[depth:]
    if not rest:
        return None
    root = "/".join(levels[:depth])
    attribute = next((level for level in rest if level.startswith("$")), "")
    if attribute:
        return _decode_attribute(message, root, rest, attribute)
    if rest[-1] == "set" and len(rest) > 2:
        return Decoded(Kind.NOISE, NAME, reason="a command to a property")
    if len(rest) != 2:
        return None
    if message.payload in (b"", b"\x00"):
        return Decoded(Kind.NOISE, NAME, reason="an empty string, or a retained value that is cleared")
    return _decode_property(message, root, rest[0], rest[1])


@lru_cache(maxsize=4096)
def _named_root(topic: Topic) -> int:
    """How many levels the device's topic has under ``homie``; 0 where no level says so."""
    levels = topic.levels
    place = next((place for place, level in enumerate(levels[:3]) if level == "homie"), -1) + 1
    if not place:
        return 2 if len(levels) == 4 and levels[0] == "devices" and _is_in_unit(*levels[2:]) else 0
    depth = place + 1 + (levels[place : place + 1] == ("5",))
    return depth if depth < len(levels) else 0


def _is_in_unit(node: str, key: str) -> bool:
    """Whether a node is a quantity and its property the unit."""
    name, unit = read_name(node), read_unit(key)
    if name.quantity is None or not name.bare:
        return False
    return fits(name.quantity, unit) if unit else key in ("degrees", "degree") and fits(name.quantity, "°C")


def _part(message: Message, name: str) -> dict[str, str]:
    part = message.memory.get(PART)
    held = part.get(name) if isinstance(part, dict) else None
    return held if isinstance(held, dict) else {}


def _learned_root(message: Message) -> int:
    roots, levels = _part(message, "roots"), message.topic.levels
    if not roots:
        return 0
    deepest = min(_DEEPEST_ROOT, len(levels) - 1)
    return next((depth for depth in range(2, deepest + 1) if "/".join(levels[:depth]) in roots), 0)


def _told_root(message: Message) -> int:
    """Under a base topic that nobody named: the attributes that only a Homie device has, learned from."""
    levels, document = message.topic.levels, message.document
    last, depth = levels[-1], len(levels) - 1
    if not last.startswith("$") or not 2 <= depth <= _DEEPEST_ROOT or not message.payload:
        return 0
    told = last in {"$homie", "$nodes", "$fwname"} or (last == "$state" and _word(message) in _STATES)
    if not told and not (last == "$description" and isinstance(document, dict) and "homie" in document):
        return 0
    root, roots = "/".join(levels[:-1]), _part(message, "roots")
    if len(roots) < _MOST_ROOTS and len(root) <= _LONGEST_TOPIC:
        message.memory.setdefault(PART, {})["roots"] = {**roots, root: ""}
    return depth


def _word(message: Message) -> str | None:
    text = message.text if len(message.payload) <= _LONGEST_VALUE else None
    return text.strip().lower() if text is not None else None


def _decode_attribute(message: Message, root: str, rest: tuple[str, ...], attribute: str) -> Decoded:
    device = root.rpartition("/")[2]
    if rest in (("$state",), ("$online",)):
        if not message.payload:
            gone = Availability(printable(device), False)
            return Decoded(Kind.AVAILABILITY, NAME, (), gone, "an empty state: the device is removed")
        word = _word(message)
        said = availability.decide(word, device, switch_words=attribute == "$online")
        return said or Decoded(Kind.NOISE, NAME, reason="a state that the convention does not know")
    if attribute in {"$target", "$alert", "$log", "$stats", "$implementation"}:
        return Decoded(Kind.NOISE, NAME, reason=f"{attribute!r}: a wish, or the device speaks about itself")
    if rest == ("$description",):
        if isinstance(message.document, dict):
            _learn(message, root + "/", dict(_described(root, message.document)))
    elif rest[-1] in _KEPT and len(rest) <= 3:
        text = message.text if len(message.payload) <= _LONGEST_VALUE else ""
        topic = "/".join((root, *rest))
        _learn(message, topic, {topic: text} if text else {})
    return Decoded(Kind.DISCOVERY, NAME, reason="an attribute describes the device, never a value")


def _described(root: str, document: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """What a description tells, by the topics under which versions 3 and 4 tell the same."""
    yield from _attributes(root, document)
    nodes = document.get("nodes")
    left = _MOST_PROPERTIES
    for node_id, node in islice(nodes.items() if isinstance(nodes, dict) else (), _MOST_PROPERTIES):
        if isinstance(node, dict):
            yield from _attributes(f"{root}/{node_id}", node)
            properties = node.get("properties")
            for property_id, one in islice(properties.items() if isinstance(properties, dict) else (), left):
                left -= 1
                if isinstance(one, dict):
                    yield from _attributes(f"{root}/{node_id}/{property_id}", one)


def _attributes(topic: str, told: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for key in ("name", "unit", "datatype"):
        text = told.get(key)
        if isinstance(text, str) and 0 < len(text) <= _LONGEST_VALUE:
            yield f"{topic}/${key}", text


def _learn(message: Message, stem: str, told: dict[str, str]) -> None:
    """What was known under ``stem`` gives way to ``told``; written only where that changes anything."""
    facts = _part(message, "facts")
    kept = {topic: text for topic, text in facts.items() if not topic.startswith(stem)}
    for topic, text in told.items():
        # a number's datatype tells nothing that its value does not
        if len(kept) < _MOST_FACTS and len(topic) <= _LONGEST_TOPIC and text not in _NUMBERS:
            kept[topic] = text
    if kept != facts:
        message.memory.setdefault(PART, {})["facts"] = kept


def _decode_property(message: Message, root: str, node: str, key: str) -> Decoded:
    facts = _part(message, "facts")
    topic = f"{root}/{node}/{key}"
    if f"{topic}/$datatype" in facts:
        return Decoded(Kind.NOISE, NAME, reason="the property's datatype is no number")
    learned = read_unit(facts.get(f"{topic}/$unit", "")) or ""
    quantity, refusal = _quantity(
        node, key, facts.get(f"{topic}/$name", ""), facts.get(f"{root}/{node}/$name", ""), learned
    )
    quantity = quantity or message.hint.quantity or None
    refusal = refusal or (quantity is not None and refusal_around(node, quantity)) or ""
    if quantity is None or refusal:
        return Decoded(Kind.NOISE, NAME, reason=refusal or "neither property nor node names a quantity of ours")
    if message.document is not NO_DOCUMENT or message.broken or len(message.payload) > _LONGEST_VALUE:
        return Decoded(Kind.NOISE, NAME, reason="the property holds no number")
    value, told = read_value(message.text, quantity) if message.text is not None else (None, "")
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="the property holds no number")
    device = root.rpartition("/")[2]
    label = facts.get(f"{root}/$name")
    name = f"{node}/{key}"
    # ``humidity/percentage``: the id is a unit; ``bme/t``, named Temperature: the id tells no probe
    named = read_name(key).quantity or read_name(node).quantity
    probe = printable(derive_probe(node if read_unit(key) or not named else name))
    if isinstance(value, Failure):
        failed = Reading(printable(device), probe, (), (quantity,), None, None, None, label and printable(label))
        return Decoded(Kind.ERROR, NAME, (failed,), None, "the device says that it could not read")
    units = (told, message.hint.unit_of(quantity), learned, read_unit(key) or "")
    unit = next((one for one in units if one and fits(quantity, one)), "")
    settled = settle(quantity, value, unit)
    if settled is None:
        return Decoded(Kind.NOISE, NAME, reason="a figure of a size that the quantity cannot have")
    quantity, unit = settled
    measured = Measurement(quantity, value, unit or QUANTITIES[quantity], printable(name))
    reading = Reading(printable(device), probe, (measured,), (), None, None, None, label and printable(label))
    return Decoded(Kind.READING, NAME, (reading,), None, "node and property name the quantity")


@lru_cache(maxsize=4096)
def _quantity(node: str, key: str, name: str, node_name: str, unit: str) -> tuple[str | None, str]:
    """The quantity and why it is no reading: the ids name it, else the names people gave, else the unit."""
    quantity = next((known for part in (key, node, name, node_name) if (known := read_name(part).quantity)), None)
    quantity = quantity or BY_UNIT.get(unit)
    if quantity is None:
        return None, ""
    words = (node, key, name)
    # "temperature" makes a refusal out of a word beside it: a node "setpoint" with a property "value"
    refusals = (read_name(f"{word[: LONGEST_NAME - 12]}_temperature").refusal for word in words if word)
    own = (read_name(word).refusal for word in words if read_name(word).quantity)
    return quantity, next(filter(None, own if quantity.startswith("battery") else refusals), "")
