"""What discovery described: any topic whose entity Home Assistant discovery has told.

Wire: a plain value, or JSON with each value at the place that the entity's ``value_template`` names (a path, and a
constant factor or summand); on another topic the device's availability, in its own words. The device is the
discovery's (``identifiers``, ``connections``), whatever topics it uses; the probe is the entity's.
Units: the payload's own, else the configuration's hint, else ``unit_of_measurement``.
Failure: null, NaN or a failure word; a setpoint's or a switch's topic carries no reading.
Source: home-assistant.io MQTT discovery, MQTT sensor, MQTT climate.

Sample: ``x/1`` ``21.5``
Config: ``{type: mqtt, topics: ["homeassistant/#", "x/#"]}``
"""

from drivers.base import Availability, Decoded, Kind
from drivers.formats.availability import decide
from drivers.formats.entities import PART, PRESENCE, Entity, entities_on, has_climate, not_understood
from drivers.formats.generic_json import decode_body
from drivers.formats.json_keys import read_layout
from drivers.formats.json_object import Facts, read_facts
from drivers.formats.message import Message
from drivers.formats.record import Collector
from drivers.formats.units import to_canonical
from drivers.formats.value_templates import Place
from drivers.formats.values import Failure, read_text, read_value, settle

NAME = "discovered"
_LONGEST = 64
"""Characters of a payload that is one value."""
_MOST_KEYS = 200
"""Of an object that is asked for its time; what reports sensors has a few dozen."""
_REASON = "Home Assistant's discovery describes the topic"


def decode(message: Message) -> Decoded | None:
    """Read a topic that discovery described; None where it described none, or what came does not fit it."""
    memory = message.memory
    if PART not in memory or not message.payload:
        return None
    entities = entities_on(memory, message.topic.text)
    decoded = None
    if entities:
        document = isinstance(message.document, dict | list)
        decoded = _decode_document(message, entities) if document else _decode_plain(message, entities)
    if decoded is None or decoded.kind is Kind.NOISE:
        return _decode_presence(message) or decoded
    return decoded


def _decode_plain(message: Message, entities: list[Entity]) -> Decoded | None:
    text = message.text
    entity = next((one for one in entities if one.quantity and not one.path), None)
    quantity = message.hint.quantity
    if entity is None:
        return None if quantity else _refused(entities)
    if quantity and quantity != entity.quantity:
        entity = entity._replace(quantity=quantity, unit="")
    if text is None or len(text) > _LONGEST:
        return None
    value, told = read_text(text, entity.quantity)
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text, where discovery says that a number comes")
    collector = Collector()
    _take(collector, entity, value, told, message, Facts())
    return collector.decoded(NAME, _REASON, _implausible(entity))


def _decode_document(message: Message, entities: list[Entity]) -> Decoded | None:
    """Values at their places; by the payload's own names where a place is not known, or none of them is filled."""
    document = message.document
    described = [one for one in entities if one.quantity]
    unread = next((one for one in entities if not one.quantity and not one.refusal), None)
    if unread is None and not described:
        return _refused(entities)
    if unread is None:
        collector = Collector()
        facts = Facts()
        if isinstance(document, dict) and len(document) <= _MOST_KEYS:
            facts = read_facts(document, read_layout(tuple(document)))
        found = False
        for entity in described:
            there, raw = _at(document, entity.place)
            if there:
                value, told = read_value(raw, entity.quantity)
                if value is not None:
                    found = True
                    _take(collector, entity, value, told, message, facts)
        if found:
            return collector.decoded(NAME, _REASON, _implausible(described[0]))
    elif unread.attributes and not described and has_climate(message.memory, unread.device):
        return Decoded(Kind.NOISE, NAME, reason="attributes beside states that have topics of their own")
    whose = unread or described[0]
    decoded = decode_body(
        _without([one.place.path for one in entities if one.refusal], document),
        NAME,
        "discovery says whose the topic is, the payload's names tell the values",
        device=whose.device or message.topic.device,
        label=whose.label or None,
        hint=message.hint,
    )
    if unread is not None and unread.template and decoded.kind is Kind.UNKNOWN:
        return decoded._replace(reason=f"{decoded.reason}; {not_understood(unread.template)}")
    return decoded


def _take(
    collector: Collector, entity: Entity, value: float | Failure, told: str, message: Message, facts: Facts
) -> None:
    quantity, unit, number = entity.quantity, told, None
    if not isinstance(value, Failure):
        number = entity.scale * value + entity.offset
        if not unit or entity.scale != 1 or entity.offset:
            unit = message.hint.unit_of(quantity) or entity.unit
        settled = settle(quantity, number, unit)
        if settled is None or not _is_ours(settled[0], number, settled[1]):
            return
        quantity, unit = settled
    collector.add(
        quantity,
        number,
        unit,
        device=entity.device or message.topic.device,
        probe=entity.probe,
        name=entity.name or None,
        time=facts.time,
        model=entity.model or None,
        sequence=facts.sequence,
        label=entity.label or None,
    )


def _is_ours(quantity: str, value: float, unit: str) -> bool:
    """A pressure that is no air's is a pipe's."""
    return not quantity.startswith("pressure") or 300 <= to_canonical(quantity, value, unit) <= 1200


def _implausible(entity: Entity) -> Decoded:
    return Decoded(Kind.NOISE, NAME, reason=f"no {entity.quantity} that a sensor of ours would tell")


def _at(document: object, place: Place) -> tuple[bool, object]:
    """Whether a document has something at a place, and what."""
    node = document
    for key in place.path:
        if isinstance(node, dict):
            if str(key) not in node:
                return False, None
            node = node[str(key)]
        elif isinstance(node, list) and isinstance(key, int) and key < len(node):
            node = node[key]
        else:
            return False, None
    return bool(place.path), node


def _without(paths: list[tuple[str | int, ...]], document: object) -> object:
    """The document less what lies at these places: discovery says that it is no reading, whatever its name."""
    if not isinstance(document, dict) or not paths:
        return document
    inner: dict[str, list[tuple[str | int, ...]]] = {}
    for path in paths:
        if path:
            inner.setdefault(str(path[0]), []).append(path[1:])
    return {key: _without(inner.get(key, []), value) for key, value in document.items() if () not in inner.get(key, [])}


def _refused(entities: list[Entity]) -> Decoded | None:
    reason = next((one.refusal for one in entities if one.refusal), "")
    return Decoded(Kind.NOISE, NAME, reason=reason) if reason else None


def _decode_presence(message: Message) -> Decoded | None:
    row = message.memory.get(PRESENCE, {}).get(message.topic.text)
    if row is None:
        return None
    device, there, gone, path = row
    word = _word(message, tuple(path))
    if word is None:
        return None
    if word not in (there.casefold(), gone.casefold()):
        return decide(word, device or None)
    said = Availability(device, word == there.casefold()) if device else None
    return Decoded(
        Kind.AVAILABILITY, NAME, (), said, f"discovery says that {word!r} here tells whether the device is there"
    )


def _word(message: Message, path: tuple[str | int, ...]) -> str | None:
    raw: object = message.text
    if path:
        raw = _at(message.document, Place(path))[1]
    if isinstance(raw, bool | int | str) and len(str(raw)) <= _LONGEST:
        return str(raw).strip().casefold()
    return None
