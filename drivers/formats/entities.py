"""What Home Assistant's discovery taught of a source: whose value a topic carries, of which quantity, in which unit.

Kept in the source's memory as short JSON lists by discovery topic, so that an entity can be forgotten; looked up by
state topic in an index that is built anew for each process.
"""

from typing import Any, NamedTuple

from drivers.base import QUANTITIES
from drivers.formats.record import shorten
from drivers.formats.units import fits
from drivers.formats.value_templates import Place

PART = "entities"
"""The memory's part: discovery topic -> entities."""
PRESENCE = "presence"
"""The memory's part: availability topic -> device ("" where several share it), payloads for there and gone, path."""
_BY_TOPIC, _HOLDERS = "_entities", "_probes"
MOST_ENTITIES = 2_000
"""A house has a few hundred; the discovery topic that was learned first goes first."""
MOST_AVAILABILITIES = 500
LONGEST_TOPIC = 200
"""Characters of a topic that is remembered; devices' topics have a few dozen."""


class Entity(NamedTuple):
    """One value that discovery describes. Where it is none of ours, ``quantity`` is "" and ``refusal`` says why.

    Neither quantity nor refusal: only whose topic it is is known, and the names in its payload tell the rest;
    ``attributes`` then says that they stand beside a state that has a topic of its own.
    """

    topic: str
    quantity: str = ""
    refusal: str = ""
    device: str = ""
    unit: str = ""
    label: str = ""
    probe: str = ""
    name: str = ""
    path: tuple[str | int, ...] = ()
    scale: float = 1.0
    offset: float = 0.0
    model: str = ""
    spare: str = ""
    """What tells it from a second one of the same probe and quantity; not kept."""
    attributes: bool = False
    template: str = ""
    """Where its place in the payload is not known: the template that is not understood, or its beginning."""

    @property
    def place(self) -> Place:
        return Place(tuple(self.path), self.scale, self.offset)


Rows = list[list[Any]]
_DEFAULTS = list(Entity(""))


def entities_on(memory: dict[str, Any], topic: str) -> list[Entity]:
    """The entities of a state topic, in the order in which they were learned. One look-up where nothing was."""
    if PART not in memory:
        return []
    rows: Rows | None = _index(memory)[0].get(topic)
    return [Entity(*row) for row in rows] if rows else []


def learned(memory: dict[str, Any], topic: str) -> Entity | None:
    """What discovery says of a topic: its first value of ours, else why it carries none, else None."""
    found = entities_on(memory, topic)
    return next((one for one in found if one.quantity), next((one for one in found if one.refusal), None))


def learned_unit(memory: dict[str, Any], topic: str) -> str:
    """The unit that discovery told for a topic whose payload is the value; "" where it told none."""
    for one in entities_on(memory, topic):
        if one.unit and one.place == Place():
            return one.unit
    return ""


_UNIT = Entity._fields.index("unit")
_USUAL = frozenset(QUANTITIES.values())


def unusual_unit(memory: dict[str, Any], topic: str) -> str:
    """The unit, other than its quantity's own, in which all values of a quantity come on a topic, as discovery tells;
    "" for none. A temperature's goes first: a pressure's shows by its size. One that a template converts is not told.
    """
    if PART not in memory:
        return ""
    rows = _index(memory)[0].get(topic, [])
    told: set[str] = {row[_UNIT] for row in rows if len(row) > _UNIT and row[_UNIT]} - _USUAL
    for unit in sorted(told, key=lambda unit: (not fits("temperature", unit), unit)):
        measured = [one for row in rows if (one := Entity(*row)).quantity and fits(one.quantity, unit)]
        if all(one.unit == unit and one.scale == 1 and not one.offset for one in measured):
            return unit
    return ""


def unread_template(memory: dict[str, Any], topic: str) -> str:
    """The template that is not understood of an entity on a topic; "" where there is none."""
    return next((one.template for one in entities_on(memory, topic) if one.template), "")


def not_understood(template: str) -> str:
    """Why a topic that discovery describes is not read by it."""
    return f"the template {template!r}, by which discovery takes its value from it, is not understood"


def has_climate(memory: dict[str, Any], device: str) -> bool:
    """Whether discovery told a topic of this device's temperature or humidity."""
    rows = (row for listed in _index(memory)[0].values() for row in listed)
    return any(row[1:2] in (["temperature"], ["humidity"]) and Entity(*row).device == device for row in rows)


def remember(memory: dict[str, Any], config: str, entities: list[Entity]) -> None:
    """Know the entities of a discovery topic, and no others of it; the memory is touched where that is news."""
    taught: dict[str, Rows] = memory.setdefault(PART, {})
    by_topic, holders = _index(memory)
    held = taught.get(config, [])
    _unlist(held, by_topic, holders)
    rows: Rows = []
    for entity in entities:
        row = _row(_told_apart(entity, holders)._replace(spare=""))
        _list(row, by_topic, holders)
        rows.append(row)
    if rows == held:
        return
    taught.pop(config, None)
    if rows:
        taught[config] = rows
    if len(rows) > len(held):
        count = sum(map(len, taught.values()))
        while count > MOST_ENTITIES:
            gone = taught.pop(next(iter(taught)))
            _unlist(gone, by_topic, holders)
            count -= len(gone)


def remember_presence(memory: dict[str, Any], topic: str, device: str, there: str, gone: str, place: Place) -> None:
    """Know a topic as a device's availability; as nobody's where several devices share it: it is their gateway's."""
    known = memory.setdefault(PRESENCE, {})
    held = known.get(topic)
    if held is not None and held[0] != device:
        device = ""
    row = [device, there, gone, list(place.path)]
    if held == row:
        return
    known[topic] = row
    while len(known) > MOST_AVAILABILITIES:
        del known[next(iter(known))]


def forget_presence(memory: dict[str, Any], devices: set[str]) -> None:
    """Forget the availability of those devices of which no entity is left."""
    left = {Entity(*row).device for rows in memory.get(PART, {}).values() for row in rows}
    known = memory.get(PRESENCE, {})
    for topic in [topic for topic, row in known.items() if row[0] in devices - left]:
        del known[topic]


def _row(entity: Entity) -> list[Any]:
    """As JSON has it, less what is the default at the end."""
    row = [list(value) if isinstance(value, tuple) else value for value in entity]
    while row[-1] == _DEFAULTS[len(row) - 1] or row[-1] == []:
        row.pop()
    return row


def _index(memory: dict[str, Any]) -> tuple[dict[str, Rows], dict[str, str]]:
    by_topic = memory.get(_BY_TOPIC)
    if by_topic is None:
        by_topic = memory[_BY_TOPIC] = {}
        holders = memory[_HOLDERS] = {}
        for rows in memory[PART].values():
            for row in rows:
                _list(row, by_topic, holders)
    return by_topic, memory[_HOLDERS]


def _list(row: list[Any], by_topic: dict[str, Rows], holders: dict[str, str]) -> None:
    by_topic.setdefault(row[0], []).append(row)
    entity = Entity(*row)
    if entity.quantity:
        holders.setdefault(_key(entity), _channel(entity))


def _unlist(rows: Rows, by_topic: dict[str, Rows], holders: dict[str, str]) -> None:
    for row in rows:
        listed = by_topic.get(row[0], [])
        if row in listed:
            listed.remove(row)
        if not listed:
            by_topic.pop(row[0], None)
        entity = Entity(*row)
        if holders.get(_key(entity)) == _channel(entity):
            del holders[_key(entity)]


def _told_apart(entity: Entity, holders: dict[str, str]) -> Entity:
    """A second value of one probe and quantity is a second probe's, by what is its own: its id, else its topic."""
    if not entity.quantity:
        return entity
    channel = _channel(entity)
    for own in ("", entity.spare, channel.replace("\n", "/")):
        tried = entity._replace(probe=shorten(own.lower(), 64), name=shorten(own, 64)) if own else entity
        if holders.get(_key(tried), channel) == channel:
            return tried
    return tried


def _key(entity: Entity) -> str:
    return f"{entity.device}\n{entity.probe}\n{entity.quantity}"


def _channel(entity: Entity) -> str:
    return f"{entity.topic}\n{'/'.join(map(str, entity.path))}"
