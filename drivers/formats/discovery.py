"""Home Assistant discovery: ``homeassistant/<component>/[<node>/]<object>/config``, retained.

Wire: JSON with long or abbreviated keys (``state_topic``/``stat_t``, ``unit_of_measurement``/``unit_of_meas``,
``device_class``/``dev_cla``); names, units and templates, never a value; empty when an entity is removed. A whole
device's comes at once on ``homeassistant/device/<id>/config`` (``cmps``).
Source: home-assistant.io MQTT discovery.

Sample: ``homeassistant/sensor/attic/temperature/config`` ``{"stat_t":"attic/t","unit_of_meas":"°F"}``
"""

from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats.message import Message
from drivers.formats.names import LONGEST_NAME
from drivers.formats.topics import Topic
from drivers.formats.units import read_unit
from drivers.formats.words import words

NAME = "discovery"
UNITS = "units"
"""The memory's part that this format fills: state topic -> unit."""
MOST_UNITS = 2_000
"""State topics whose units are remembered; a house has a few hundred entities. The oldest goes first."""


def claims(topic: Topic) -> bool:
    """Whether the topic is a discovery topic's shape."""
    return topic.discovery


def decode(message: Message) -> Decoded | None:
    """DISCOVERY where topic and keys are; learns the units of plain state topics."""
    document = message.document
    if not isinstance(document, dict):
        return None if message.payload else Decoded(Kind.DISCOVERY, NAME, reason="a discovered entity was removed")
    if not _TELLING_KEYS & document.keys():
        return None
    _learn(document, message.memory)
    return Decoded(Kind.DISCOVERY, NAME, reason="names and units for Home Assistant, never a value")


_TELLING_KEYS = frozenset(
    words(
        """state_topic stat_t unique_id uniq_id command_topic cmd_t device dev components cmps
        json_attributes_topic json_attr_t topic t current_temperature_topic curr_temp_t"""
    )
)


def _learn(document: dict[str, Any], memory: dict[str, Any]) -> None:
    """A unit that differs from what is assumed: °F and K, and pressure's; the rest need not be kept."""
    topic = document.get("state_topic", document.get("stat_t"))
    unit = document.get("unit_of_measurement", document.get("unit_of_meas"))
    template = document.get("value_template", document.get("val_tpl"))
    if not isinstance(topic, str) or not isinstance(unit, str) or template or len(topic) > LONGEST_NAME * 2:
        return
    base = document.get("~")
    if isinstance(base, str):
        topic = topic.replace("~", base)[: LONGEST_NAME * 2]
    symbol = read_unit(unit)
    units = memory.setdefault(UNITS, {})
    if not isinstance(units, dict) or symbol is None or units.get(topic) == symbol:
        return
    units.pop(topic, None)
    while len(units) >= MOST_UNITS:
        del units[next(iter(units))]
    units[topic] = symbol


def learned_unit(memory: dict[str, Any], topic: str) -> str:
    """The unit that discovery told for a state topic; "" where it told none."""
    units = memory.get(UNITS)
    unit = units.get(topic) if isinstance(units, dict) else None
    return unit if isinstance(unit, str) else ""
