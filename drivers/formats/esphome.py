"""ESPHome: ``<prefix>/sensor/<object_id>/state``, one plain number a topic, retained by default.

Wire: a number with fixed decimals. No unit (only Home Assistant discovery tells it; °C without), no time. The object id
is the user's, in any language; identity is the prefix, which may hold slashes. Failure: ``nan``, since PR 7768
``None``. Other components' states are no readings; ``<prefix>/debug`` is a coloured log that looks like one.
``internal_temperature`` is the chip's.
Source: esphome mqtt_sensor.cpp, dht.cpp, PR 7768; esphome.io mqtt.

Sample: ``weather-sensor/sensor/outdoor_humidity/state`` ``45.2``
"""

from drivers.base import Decoded, Kind
from drivers.formats.discovery import learned_unit
from drivers.formats.message import NO_DOCUMENT, Message
from drivers.formats.names import Name, names_another_quantity, read_model, read_name
from drivers.formats.plain import decode_value
from drivers.formats.topics import Topic
from drivers.formats.values import read_text
from drivers.formats.words import words

NAME = "esphome"
_COMPONENTS = frozenset(
    words(
        """binary_sensor switch light fan cover climate text_sensor number select button lock text date time
        datetime valve event alarm_control_panel"""
    )
)
_LONGEST = 32


def claims(topic: Topic) -> bool:
    """Whether the topic is shaped like a component's state or a device's announcement."""
    levels = topic.levels
    return (len(levels) >= 4 and levels[-1] == "state") or (len(levels) == 3 and levels[0] == "esphome")


def decode(message: Message) -> Decoded | None:
    """Read a sensor component's state; None where the topic is not shaped like one."""
    levels = message.topic.levels
    if len(levels) == 3 and levels[0] == "esphome" and levels[1] in ("discover", "ping"):
        return Decoded(Kind.DISCOVERY, NAME, reason="an ESPHome device announces itself")
    if len(levels) < 4 or levels[-1] != "state" or message.document is not NO_DOCUMENT:
        return None
    component, object_id = levels[-3], levels[-2]
    if component in _COMPONENTS:
        return Decoded(Kind.NOISE, NAME, reason=f"the state of a {component}, not of a sensor")
    text = message.text
    if component != "sensor" or not text or len(text) > _LONGEST:
        return None
    return _decode_sensor(message, "/".join(levels[:-3]), object_id, text)


def _decode_sensor(message: Message, device: str, object_id: str, text: str) -> Decoded:
    name = read_name(object_id)
    if name.quantity is None and learned_unit(message.memory, message.topic.text) in ("°C", "°F", "K"):
        name = Name("temperature", remainder=object_id)
    if name.quantity is None and names_another_quantity(object_id):
        return Decoded(Kind.NOISE, NAME, reason=f"object id {object_id!r} names a quantity that is not ours")
    if name.quantity is None:
        return Decoded(Kind.UNKNOWN, NAME, reason=f"object id {object_id!r} names no quantity that sereno knows")
    if name.refusal:
        return Decoded(Kind.NOISE, NAME, reason=f"object id {object_id!r}: {name.refusal}")
    value, unit = read_text(text, name.quantity)
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text, not a number")
    return decode_value(
        value,
        unit or name.unit,
        name.quantity,
        message,
        device=device,
        name=None if name.bare else object_id,
        probe=name.probe,
        model=read_model(object_id),
        format_name=NAME,
    )
