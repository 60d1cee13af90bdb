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
from drivers.formats.discovery_names import (
    Device,
    expand,
    label_of,
    model_of,
    names_of,
    probe_of,
    quantity_of,
    text_of,
)
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
from drivers.formats.message import Message
from drivers.formats.names import read_letter, read_name
from drivers.formats.topics import Topic, read_topic
from drivers.formats.units import read_unit
from drivers.formats.value_templates import LONGEST, Place, read_template
from drivers.formats.words import words

__all__ = ["NAME", "claims", "decode", "learned", "learned_unit"]

NAME = "discovery"
MOST_COMPONENTS = 200
"""Components of one device that are learned."""

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
        if message.payload or not topic.discovery:
            return None
        _forget(memory, topic.text)
        return Decoded(Kind.DISCOVERY, NAME, reason="a discovered entity was removed")
    config = expand(document)
    if _TELLING_KEYS.isdisjoint(config):
        return None
    if not topic.discovery or len(topic.text) > 2 * LONGEST_TOPIC:
        return Decoded(Kind.DISCOVERY, NAME, reason="a discovery message whose topic is unknown or too long to be kept")
    found = _Config(config, topic)
    if memory.get(PART) or found.entities or found.presence:
        remember(memory, topic.text, found.entities)
    for args in found.presence:
        remember_presence(memory, *args)
    return Decoded(Kind.DISCOVERY, NAME, reason=found.reason or "names and units for Home Assistant, never a value")


def _forget(memory: dict[str, Any], topic: str) -> None:
    rows = memory.get(PART, {}).get(topic)
    if rows:
        remember(memory, topic, [])
        forget_presence(memory, {Entity(*row).device for row in rows})


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
        device = Device(config.get("device"), node)
        parts = config.get("components")
        if isinstance(parts, dict):
            shared = {key: value for key, value in config.items() if key not in ("components", "name", "unique_id")}
            for key, part in list(parts.items())[:MOST_COMPONENTS]:
                if isinstance(part, dict):
                    merged = {**shared, **expand(part)}
                    self._learn(str(merged.get("platform") or ""), merged, device, key)
        else:
            self._learn(component, config, device, levels[-2])
        self._learn_presence(config, device)
        states = {one.topic for one in self.entities}
        self.entities += [one for one in self.attributes if one.topic not in states]

    def _learn(self, component: str, config: dict[str, Any], device: Device, object_id: str) -> None:
        if component not in _COMPONENTS or component in ("device", "tag", "device_automation"):
            return
        if component == "sensor":
            self._learn_sensor(config, device, object_id)
            return
        for key, quantity in _CURRENT:
            topic = _topic(config, f"{key}_topic")
            if topic:
                unit = read_unit(text_of(config.get("temperature_unit"))) or "" if quantity == "temperature" else ""
                place = read_template(_template(config.get(f"{key}_template")))
                own = self._owner(device, config, object_id)
                if place is None:
                    shown = self._note(_template(config.get(f"{key}_template")))
                    self.entities.append(Entity(topic, device=own, label=label_of(device), template=shown))
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

    def _learn_sensor(self, config: dict[str, Any], device: Device, object_id: str) -> None:
        topic = _topic(config, "state_topic")
        if not topic:
            return
        text = _template(config.get("value_template"))
        place = read_template(text)
        names = names_of(config, device, object_id)
        quantity, unit, refusal = quantity_of(config, names, place, read_topic(topic))
        if place is None:
            shown = self._note(text)
            if quantity:
                own = self._owner(device, config, object_id)
                self.entities.append(Entity(topic, device=own, label=label_of(device), template=shown))
        elif refusal:
            self._add_refusal(topic, refusal, place)
        elif quantity:
            self._add(topic, quantity, unit, device, config, object_id, place)
        attributes = _topic(config, "json_attributes_topic")
        if quantity and attributes and attributes != topic:
            own = self._owner(device, config, object_id)
            self.attributes.append(Entity(attributes, device=own, label=label_of(device), attributes=True))

    def _add(
        self,
        topic: str,
        quantity: str,
        unit: str,
        device: Device,
        config: dict[str, Any],
        object_id: str,
        place: Place,
        *,
        current: bool = False,
    ) -> None:
        names = names_of(config, device, object_id)
        spare = read_letter(names.spare)
        owner = self._owner(device, config, object_id)
        if current and not owner and len({_topic(config, f"{key}_topic") for key, _ in _CURRENT} - {""}) > 1:
            owner = text_of(config.get("unique_id")) or text_of(object_id)  # one thing, told on two topics
        probe, name = ("", "") if current else probe_of(names, quantity, place, read_topic(topic))
        self.entities.append(
            Entity(
                topic,
                quantity,
                "",
                owner,
                unit,
                label_of(device),
                probe,
                name,
                place.path,
                place.scale,
                place.offset,
                model_of(names, place) or device.model,
                spare.remainder or names.spare,
            )
        )

    def _owner(self, device: Device, config: dict[str, Any], object_id: str) -> str:
        """Without a device block or node: what an entity's id leaves without its quantity's words, if it is a name:
        ``temperature2`` of one topic and ``humidity2`` of another are not one device's.
        """
        if device.id:
            return device.id
        for told in (config.get("unique_id"), config.get("object_id"), object_id):
            read = read_letter(text_of(told))
            if read.quantity is not None and len(read.remainder) > 1 and any(map(str.isalpha, read.remainder)):
                return read.remainder
        return ""

    def _note(self, template: str) -> str:
        """Say that a template is not understood; gives as much of it as is shown."""
        shown = template if len(template) <= 60 else f"{template[:57]}…"
        self.reason = f"discovery; its template {shown!r} is not understood, so that the payload's own names count"
        return shown

    def _learn_presence(self, config: dict[str, Any], device: Device) -> None:
        """ESPHome and Tasmota speak of themselves by their topics: so does what says that they are there."""
        if not device.id or any(_names_itself(one) for one in self.entities):
            return
        listed = config.get("availability")
        told = [expand(one) for one in listed[:8] if isinstance(one, dict)] if isinstance(listed, list) else []
        if isinstance(listed, dict):
            told = [expand(listed)]
        if not told and config.get("availability_topic"):
            told = [
                {**config, "topic": config["availability_topic"], "value_template": config.get("availability_template")}
            ]
        for one in told:
            topic = _topic({"~": config.get("~"), **one}, "topic")
            place = read_template(_template(one.get("value_template")))
            if topic and place is not None:
                there = text_of(one.get("payload_available"), "online")
                gone = text_of(one.get("payload_not_available"), "offline")
                whose = "" if "bridge" in topic.split("/") else device.id
                self.presence.append((topic, whose, there, gone, place))


def _names_itself(entity: Entity) -> bool:
    topic = read_topic(entity.topic)
    return (not entity.path and esphome.is_state(topic)) or (bool(entity.path) and tasmota.claims(topic))


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


def _template(raw: object) -> str:
    return raw[: LONGEST + 1] if isinstance(raw, str) else ""
