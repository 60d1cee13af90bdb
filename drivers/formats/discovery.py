"""Home Assistant discovery: ``homeassistant/<component>/[<node>/]<object>/config``, retained.

Wire: JSON with long or abbreviated keys (``state_topic``/``stat_t``, ``unit_of_measurement``/``unit_of_meas``,
``device_class``/``dev_cla``), ``~`` for a base topic; names, units and templates, never a value; empty when an entity
is removed. A whole device's comes at once on ``homeassistant/device/<id>/config`` (``cmps``). Any prefix may stand for
``homeassistant``. What it describes is read by ``discovered``.
Units: ``unit_of_measurement``; without a ``device_class`` the unit names the quantity.
Failure: a template that is more than a path and a straight line is not understood; names tell the values then.
Source: home-assistant.io MQTT discovery; homeassistant/components/mqtt/abbreviations.py.

Sample: ``homeassistant/sensor/attic/temperature/config`` ``{"stat_t":"attic/t","unit_of_meas":"°F"}``
Config: ``{type: mqtt, topics: ["homeassistant/#", "attic/#"]}``
"""

from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats import esphome, tasmota
from drivers.formats.entities import (
    LONGEST_TOPIC,
    PART,
    Entity,
    forget_presence,
    learned,
    learned_unit,
    remember,
    remember_presence,
)
from drivers.formats.json_keys import read_key
from drivers.formats.message import Message
from drivers.formats.names import Name, derive_probe, read_letter, read_model, read_name
from drivers.formats.record import printable, shorten
from drivers.formats.topics import Topic, read_topic
from drivers.formats.units import BY_UNIT, fits, read_unit
from drivers.formats.value_templates import LONGEST, Place, read_template
from drivers.formats.vocabulary import CONTAINERS_REFUSED
from drivers.formats.words import words

__all__ = ["NAME", "claims", "decode", "learned", "learned_unit"]

NAME = "discovery"
MOST_COMPONENTS = 200
"""Components of one device that are learned."""
_LONGEST_TEXT = 96
"""Characters of a name or identifier that is kept."""

_LONG = {
    "avty": "availability",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "curr_temp_t": "current_temperature_topic",
    "curr_temp_tpl": "current_temperature_template",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "hum_stat_t": "target_humidity_state_topic",
    "json_attr_t": "json_attributes_topic",
    "obj_id": "object_id",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "stat_t": "state_topic",
    "t": "topic",
    "temp_hi_stat_t": "temperature_high_state_topic",
    "temp_lo_stat_t": "temperature_low_state_topic",
    "temp_stat_t": "temperature_state_topic",
    "temp_unit": "temperature_unit",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
    "cns": "connections",
    "ids": "identifiers",
    "mdl": "model",
    "hum_state_tpl": "target_humidity_state_template",
    "temp_hi_stat_tpl": "temperature_high_state_template",
    "temp_lo_stat_tpl": "temperature_low_state_template",
    "temp_stat_tpl": "temperature_state_template",
}
_TELLING_KEYS = frozenset(
    words(
        """state_topic unique_id command_topic cmd_t device components json_attributes_topic topic availability_topic
        current_temperature_topic current_humidity_topic"""
    )
)
_COMPONENTS = frozenset(
    words(
        """sensor binary_sensor switch light fan cover climate number select button lock text siren valve event update
        humidifier water_heater alarm_control_panel camera image vacuum lawn_mower scene notify device_tracker tag
        device_automation device"""
    )
)

_QUANTITIES = {
    "temperature": "temperature",
    "humidity": "humidity",
    "pressure": "pressure",
    "atmospheric_pressure": "pressure",
    "battery": "battery",
    "carbon_dioxide": "co2",
    "illuminance": "illuminance",
    "voltage": "battery_voltage",
}
"""Home Assistant's device classes that are ours. A voltage is one only where a name says that it is a battery's."""
_KINDS_OF = {"temperature": ("dew_point", "heat_index"), "pressure": ("pressure_sea_level",)}
"""What a name may make of a class."""
_CURRENT = (("current_temperature", "temperature"), ("current_humidity", "humidity"))
_SETPOINTS = words(
    """temperature_state_topic temperature_high_state_topic temperature_low_state_topic target_humidity_state_topic"""
)


def claims(topic: Topic) -> bool:
    """Whether the topic is a discovery topic's shape."""
    return topic.discovery


def decode(message: Message) -> Decoded | None:
    """DISCOVERY where topic and keys are; learns what its entities' topics carry."""
    document, memory, topic = message.document, message.memory, message.topic
    if not isinstance(document, dict):
        if message.payload:
            return None
        _forget(memory, topic.text)
        return Decoded(Kind.DISCOVERY, NAME, reason="a discovered entity was removed")
    config = _expand(document)
    if _TELLING_KEYS.isdisjoint(config):
        return None
    found = _Config(config, topic)
    if memory.get(PART) or found.entities or found.presence:
        remember(memory, topic.text[: 2 * LONGEST_TOPIC], found.entities)
    for args in found.presence:
        remember_presence(memory, *args)
    return Decoded(Kind.DISCOVERY, NAME, reason=found.reason or "names and units for Home Assistant, never a value")


def _forget(memory: dict[str, Any], topic: str) -> None:
    rows = memory.get(PART, {}).get(topic)
    if rows:
        remember(memory, topic, [])
        forget_presence(memory, {Entity(*row).device for row in rows})


def _expand(document: dict[str, Any]) -> dict[str, Any]:
    """The same under the long keys."""
    return {_LONG.get(key, key): value for key, value in document.items()}


class _Device:
    """The device block: ``id`` is "" where there is none; ``prefixes`` is what its entities' names may begin with."""

    def __init__(self, block: object, node: str) -> None:
        told = _expand(block) if isinstance(block, dict) else {}
        self.label = _text(told.get("name"))
        identifiers = told.get("identifiers")
        named = identifiers if isinstance(identifiers, list) else [identifiers]
        connections = told.get("connections")
        named += (
            [pair[1] for pair in connections if isinstance(pair, list) and len(pair) == 2]
            if isinstance(connections, list)
            else []
        )
        ids = [text for text in map(_text, named[:8]) if text]
        self.id = ids[0] if ids else self.label or _text(node)
        self.model = read_model(_text(told.get("model"))) or ""
        self.prefixes = sorted({_folded(text) for text in (self.label, node, *ids) if text}, key=len, reverse=True)

    def own(self, name: str) -> tuple[str, bool]:
        """An entity's name less its device's at the beginning; whether that stood there."""
        folded = _folded(name)
        for prefix in self.prefixes:
            if folded.startswith(prefix) and (len(folded) == len(prefix) or folded[len(prefix)] == "_"):
                return name[len(prefix) :].strip(" _-./:"), True
        return name, False


class _Config:
    """What one config message describes: ``entities``, ``presence`` (arguments of ``remember_presence``)."""

    def __init__(self, config: dict[str, Any], topic: Topic) -> None:
        levels = topic.levels
        at = -4 if len(levels) > 4 and levels[-4] in _COMPONENTS else -3
        component = levels[at]
        node = levels[-3] if at == -4 else ""
        self.entities: list[Entity] = []
        self.presence: list[tuple[str, str, str, str, Place]] = []
        self.reason = ""
        self.attributes: list[Entity] = []
        device = _Device(config.get("device"), node)
        parts = config.get("components")
        if isinstance(parts, dict):
            shared = {key: value for key, value in config.items() if key not in ("components", "name", "unique_id")}
            for key, part in list(parts.items())[:MOST_COMPONENTS]:
                if isinstance(part, dict):
                    merged = {**shared, **_expand(part)}
                    self._learn(str(merged.get("platform") or ""), merged, device, key)
        else:
            self._learn(component, config, device, levels[-2])
        self._learn_presence(config, device)
        states = {one.topic for one in self.entities}
        self.entities += [one for one in self.attributes if one.topic not in states]

    def _learn(self, component: str, config: dict[str, Any], device: _Device, object_id: str) -> None:
        if component not in _COMPONENTS or component in ("device", "tag", "device_automation"):
            return
        if component == "sensor":
            self._learn_sensor(config, device, object_id)
            return
        for key, quantity in _CURRENT:
            topic = _topic(config, f"{key}_topic")
            if topic:
                unit = read_unit(_text(config.get("temperature_unit"))) or "" if quantity == "temperature" else ""
                place = read_template(_template(config.get(f"{key}_template")))
                own = self._owner(device, config, object_id)
                if place is None:
                    self._note(key)
                    self.entities.append(Entity(topic, device=own, label=_label(device)))
                else:
                    self._add(topic, quantity, unit, device, config, object_id, place, current=True)
        for key in _SETPOINTS:
            self._refuse(config, key, f"the setpoint of a {component}", f"{key.removesuffix('_topic')}_template")
        self._refuse(config, "state_topic", f"the state of a {component}, not of a sensor", "value_template")

    def _refuse(self, config: dict[str, Any], key: str, reason: str, template: str) -> None:
        topic = _topic(config, key)
        if topic:
            self._add_refusal(topic, f"discovery says: {reason}", read_template(_template(config.get(template))))

    def _add_refusal(self, topic: str, reason: str, place: Place | None) -> None:
        """Of a document's values, only one that its name would make a reading needs to be remembered."""
        if place is None or (place.path and read_name(str(place.path[-1])).quantity is None):
            return
        self.entities.append(Entity(topic, refusal=reason, path=place.path))

    def _learn_sensor(self, config: dict[str, Any], device: _Device, object_id: str) -> None:
        topic = _topic(config, "state_topic")
        if not topic:
            return
        text = _template(config.get("value_template"))
        place = read_template(text)
        names = _names(config, device, object_id)
        quantity, unit, refusal = _quantity(config, names, place, read_topic(topic))
        if place is None:
            self._note(text)
            if quantity:
                self.entities.append(Entity(topic, device=self._owner(device, config, object_id), label=_label(device)))
        elif refusal:
            self._add_refusal(topic, refusal, place)
        elif quantity:
            self._add(topic, quantity, unit, device, config, object_id, place)
        attributes = _topic(config, "json_attributes_topic")
        if quantity and attributes and attributes != topic:
            own = self._owner(device, config, object_id)
            self.attributes.append(Entity(attributes, device=own, label=_label(device), attributes=True))

    def _add(
        self,
        topic: str,
        quantity: str,
        unit: str,
        device: _Device,
        config: dict[str, Any],
        object_id: str,
        place: Place,
        *,
        current: bool = False,
    ) -> None:
        names = _names(config, device, object_id)
        spare = read_letter(names.spare)
        probe, name = ("", "") if current else _probe(names, quantity, place, read_topic(topic))
        self.entities.append(
            Entity(
                topic,
                quantity,
                "",
                self._owner(device, config, object_id),
                unit,
                _label(device),
                probe,
                name,
                place.path,
                place.scale,
                place.offset,
                _model(names, place) or device.model,
                spare.remainder or names.spare,
            )
        )

    def _owner(self, device: _Device, config: dict[str, Any], object_id: str) -> str:
        """Without a device block or node: what an entity's id leaves without its quantity's words."""
        if device.id:
            return device.id
        for told in (config.get("unique_id"), config.get("object_id"), object_id):
            read = read_letter(_text(told))
            if read.quantity is not None and read.remainder:
                return read.remainder
        return ""

    def _note(self, template: str) -> None:
        shown = template if len(template) <= 60 else f"{template[:57]}…"
        self.reason = f"discovery; its template {shown!r} is not understood, so that the payload's own names count"

    def _learn_presence(self, config: dict[str, Any], device: _Device) -> None:
        """ESPHome and Tasmota speak of themselves by their topics: so does what says that they are there."""
        if not device.id or any(_names_itself(one) for one in self.entities):
            return
        listed = config.get("availability")
        told = [_expand(one) for one in listed[:8] if isinstance(one, dict)] if isinstance(listed, list) else []
        if isinstance(listed, dict):
            told = [_expand(listed)]
        if not told and config.get("availability_topic"):
            told = [
                {**config, "topic": config["availability_topic"], "value_template": config.get("availability_template")}
            ]
        for one in told:
            topic = _topic({"~": config.get("~"), **one}, "topic")
            place = read_template(_template(one.get("value_template")))
            if topic and place is not None:
                there = _text(one.get("payload_available"), "online")
                gone = _text(one.get("payload_not_available"), "offline")
                whose = "" if "bridge" in topic.split("/") else device.id
                self.presence.append((topic, whose, there, gone, place))


def _names_itself(entity: Entity) -> bool:
    topic = read_topic(entity.topic)
    return (not entity.path and esphome.is_state(topic)) or (bool(entity.path) and tasmota.claims(topic))


class _Names:
    """An entity's names less its device's: ``name`` what people read, ``ids`` those of its ids that began with the
    device's, ``spare`` the one that is nobody else's.
    """

    def __init__(self, name: str, ids: list[str], spare: str) -> None:
        self.name = name
        self.ids = ids
        self.spare = spare


def _names(config: dict[str, Any], device: _Device, object_id: str) -> _Names:
    ids = [text for key in ("object_id", "unique_id") if (text := _text(config.get(key)))]
    own = [device.own(text) for text in (*ids, _text(object_id))]
    return _Names(
        device.own(_text(config.get("name")))[0],
        [text for text, stripped in own if stripped and text],
        next((text for text, _ in reversed(own) if text), _text(object_id)),
    )


def _quantity(config: dict[str, Any], names: _Names, place: Place | None, topic: Topic) -> tuple[str, str, str]:
    """Quantity, unit and refusal of a sensor; all "" where discovery does not tell what it measures."""
    told = _text(config.get("device_class")).lower()
    raw_unit = _text(config.get("unit_of_measurement"))
    unit = read_unit(raw_unit) or ""
    last = str(place.path[-1]) if place and place.path else ""
    texts = [text for text in (names.name, last, *names.ids) if text] or [names.spare, topic.telling]
    quantity = _QUANTITIES.get(told, "") if told else BY_UNIT.get(unit, "")
    if told and not quantity:
        return "", "", f"discovery says: a {told}"
    if raw_unit and not unit:
        return "", "", f"discovery says: a value in {raw_unit}"
    if not quantity:
        quantity = next((found for text in texts if (found := read_name(text).quantity) and fits(found, unit)), "")
    if not quantity:
        return "", "", ""
    for text in texts:
        found = read_name(text).quantity
        if found in _KINDS_OF.get(quantity, ()) or (quantity == "battery" and found == "battery_voltage"):
            quantity = found or quantity
            break
    if quantity == "battery" and unit in ("V", "mV"):
        quantity = "battery_voltage"
    if (
        told == "voltage"
        and unit != "mV"
        and not any("bat" in text.lower() for text in (*texts, names.spare, topic.text))
    ):
        return "", "", "discovery says: a voltage, and no name says that it is a battery's"
    if not fits(quantity, unit):
        return "", "", f"discovery says: a {told or quantity} in {raw_unit}"
    return quantity, unit, _refusal(config, names, quantity, place, last)


def _refusal(config: dict[str, Any], names: _Names, quantity: str, place: Place | None, last: str) -> str:
    """A setpoint's, a limit's or the electronics' own: by name, by the object around it, or as a diagnosis."""
    for text in filter(None, (names.name, last) if names.name or last else names.ids):
        read = _read_as(text, quantity)
        if read.refusal:
            return f"discovery calls it {text!r}: {read.refusal}"
    for part in place.path[:-1] if place else ():
        if str(part).lower() in CONTAINERS_REFUSED:
            return f"discovery takes it from {part!r}: what lies there is no reading"
    category = _text(config.get("entity_category"))
    if category == "config" or (category == "diagnostic" and quantity in ("temperature", "humidity")):
        return f"discovery puts it among a device's {category} values"
    return ""


def _read_as(text: str, quantity: str) -> Name:
    """A name of a value whose quantity is known: ``CPU`` is the CPU's temperature."""
    read = read_name(text)
    return read if read.quantity is not None else read_name(f"{text} {quantity.replace('_', ' ')}")


def _probe(names: _Names, quantity: str, place: Place, topic: Topic) -> tuple[str, str]:
    """The probe and its value's name; "" where the entity's names say nothing but the quantity."""
    same = (quantity, *(("battery", "battery_voltage") if quantity.startswith("battery") else ()))
    for text in filter(None, (names.name, *names.ids)):
        read = read_letter(text)
        if read.quantity in same:
            return _cut(read.probe), _cut(text) if read.remainder else ""
    path = [str(part) for part in place.path if not read_key(str(part)).wrapper]
    if path and read_letter(path[-1]).quantity in same:
        full = "/".join(path)
        probe = derive_probe(full)
        return _cut(probe), _cut(full) if probe else ""
    if not names.name or topic.name.quantity in same:
        return "", ""
    read = _read_as(names.name, quantity)
    return _cut(read.probe or names.name.lower()), _cut(names.name)


def _model(names: _Names, place: Place) -> str:
    return next((found for text in (*map(str, place.path), names.name) if (found := read_model(text))), "")


def _topic(config: dict[str, Any], key: str) -> str:
    """A topic with its base put in; "" where there is none that can be looked up (filters cannot)."""
    topic, base = config.get(key), config.get("~")
    if not isinstance(topic, str) or not topic:
        return ""
    if isinstance(base, str):
        if topic.startswith("~"):
            topic = base + topic[1:]
        if topic.endswith("~"):
            topic = topic[:-1] + base
    return "" if len(topic) > LONGEST_TOPIC or "+" in topic or "#" in topic else topic


def _text(raw: object, default: str = "") -> str:
    """A text, or a figure or truth as Home Assistant would write it."""
    if isinstance(raw, str):
        return _cut(printable(raw))
    return str(raw)[:_LONGEST_TEXT] if isinstance(raw, int | float) else default


def _template(raw: object) -> str:
    return raw[: LONGEST + 1] if isinstance(raw, str) else ""


def _cut(text: str) -> str:
    return shorten(text, _LONGEST_TEXT)


def _label(device: _Device) -> str:
    return device.label if device.label != device.id else ""


def _folded(text: str) -> str:
    """Lower case, one ``_`` for any sign: ``Kitchen Sensor`` and ``kitchen_sensor`` begin alike."""
    return "".join(char.lower()[:1] if char.isalnum() else "_" for char in text)
