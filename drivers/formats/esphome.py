"""ESPHome: ``<prefix>/sensor/<object_id>/state``, one plain number a topic, retained by default.

Wire: a number with fixed decimals, no time. The object id is the user's, in any language; identity is the prefix, which
may hold slashes. Other components' states are no readings; ``<prefix>/debug`` is a coloured log that looks like one.
``internal_temperature`` is the chip's.
Units: none in the message: the configuration's hint, else Home Assistant discovery's, else °C and %. Discovery also
tells the quantity where the object id names none.
Failure: ``nan``, since PR 7768 ``None``.
Source: esphome mqtt_sensor.cpp, dht.cpp, PR 7768; esphome.io mqtt.

Sample: ``weather-sensor/sensor/outdoor_humidity/state`` ``45.2``
Config: ``{type: mqtt, topics: ["weather-sensor/#"]}``
"""

from drivers.base import Decoded, Kind
from drivers.formats.entities import learned
from drivers.formats.memory import keep
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
_WANTED = frozenset(
    words(
        """mode action target_temperature target_temperature_low target_temperature_high target_humidity fan_mode
        swing_mode preset"""
    )
)
_CURRENT = {"current_temperature": "temperature", "current_humidity": "humidity"}
_BARE = "bare"
"""The memory's part: quantities that a device has under their bare name."""
_MOST_BARE = 1_000
_SELVES = frozenset({"homeassistant"})
"""First levels that are no device's prefix: home-made devices put their states beside their discovery."""


def claims(topic: Topic) -> bool:
    """Whether the topic is shaped like a component's state or a device's announcement."""
    levels = topic.levels
    return (len(levels) >= 4 and levels[-1] == "state") or (len(levels) == 3 and levels[0] == "esphome")


def is_state(topic: Topic) -> bool:
    """Whether the topic is a sensor component's state, so that its prefix names the device."""
    levels = topic.levels
    return len(levels) >= 4 and levels[-1] == "state" and levels[-3] == "sensor" and levels[0] not in _SELVES


def decode(message: Message) -> Decoded | None:
    """Read a sensor component's state; None where the topic is not shaped like one."""
    levels = message.topic.levels
    if len(levels) == 3 and levels[0] == "esphome" and levels[1] in ("discover", "ping"):
        return Decoded(Kind.DISCOVERY, NAME, reason="an ESPHome device announces itself")
    if len(levels) < 4 or levels[-1] != "state" or levels[0] in _SELVES or message.document is not NO_DOCUMENT:
        return None
    if len(levels) > 4 and levels[-4] == "climate" and (levels[-2] in _CURRENT or levels[-2] in _WANTED):
        return _decode_climate(message)
    component, object_id = levels[-3], levels[-2]
    if component in _COMPONENTS:
        return Decoded(Kind.NOISE, NAME, reason=f"the state of a {component}, not of a sensor")
    text = message.text
    if component != "sensor" or not text or len(text) > _LONGEST:
        return None
    return _decode_sensor(message, "/".join(levels[:-3]), object_id, text)


def _decode_climate(message: Message) -> Decoded | None:
    """``<prefix>/climate/<object_id>/current_temperature/state``; its other topics are what somebody wants."""
    *prefix, _, object_id, what, _ = message.topic.levels
    quantity, text = _CURRENT.get(what), message.text
    if quantity is None or text is None:
        return Decoded(Kind.NOISE, NAME, reason=f"a climate's {what}, not what it measures")
    value, unit = read_text(text, quantity)
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text, not a number")
    return decode_value(
        value,
        unit,
        quantity,
        message,
        device="/".join(prefix),
        name=f"{object_id}/{what}",
        probe=object_id,
        format_name=NAME,
    )


def _decode_sensor(message: Message, device: str, object_id: str, text: str) -> Decoded:
    name = read_name(object_id)
    entity = learned(message.memory, message.topic.text)
    if entity is not None and entity.refusal and not message.hint.quantity:
        return Decoded(Kind.NOISE, NAME, reason=entity.refusal)
    if name.quantity is None and (message.hint.quantity or entity is not None):
        quantity = message.hint.quantity or (entity.quantity if entity is not None else "")
        name = Name(quantity or None, remainder=object_id)
    if name.quantity is None and names_another_quantity(object_id):
        return Decoded(Kind.NOISE, NAME, reason=f"object id {object_id!r} names a quantity that is not ours")
    if name.quantity is None:
        return Decoded(Kind.UNKNOWN, NAME, reason=f"object id {object_id!r} names no quantity that sereno knows")
    if name.refusal:
        return Decoded(Kind.NOISE, NAME, reason=f"object id {object_id!r}: {name.refusal}")
    value, unit = read_text(text, name.quantity)
    if value is None:
        return Decoded(Kind.NOISE, NAME, reason="a text, not a number")
    whose, probe = f"{device}/{name.quantity}", name.probe
    if name.bare:
        keep(message.memory, _BARE, whose, 1, _MOST_BARE)
    elif name.aside and whose in message.memory.get(_BARE, {}):
        probe = name.aside  # the bare one has no probe; two sensors stay two
    return decode_value(
        value,
        unit or name.unit,
        name.quantity,
        message,
        device=device,
        name=None if name.bare else object_id,
        probe=probe,
        model=read_model(object_id),
        format_name=NAME,
    )
