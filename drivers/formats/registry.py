"""Which formats there are, in the order in which they are asked. A new one is its file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats import (
    adafruit_dht,
    availability,
    chatter,
    csv_lines,
    dht22_frame,
    discovery,
    esphome,
    generic_json,
    json_lines,
    labelled_text,
    plain,
    tasmota,
)
from drivers.formats.line import LineFormat
from drivers.formats.message import Message, read_message


@dataclass(frozen=True, slots=True)
class MqttFormat:
    """``decode`` gives None where the message is not this format's, and never raises, whatever the bytes."""

    name: str
    decode: Callable[[Message], Decoded | None]


MQTT_FORMATS: tuple[MqttFormat, ...] = (
    MqttFormat(discovery.NAME, discovery.decode),
    MqttFormat(tasmota.NAME, tasmota.decode),
    MqttFormat(esphome.NAME, esphome.decode),
    MqttFormat(availability.NAME, availability.decode),
    MqttFormat(generic_json.NAME, generic_json.decode),
    MqttFormat(plain.NAME, plain.decode),
)
"""Families that name themselves come first, the generic ones last."""

_GENERIC = 4

LINE_FORMATS: tuple[LineFormat, ...] = (
    LineFormat(chatter.NAME, chatter.decode),
    LineFormat(adafruit_dht.NAME, adafruit_dht.decode, spread=True),
    LineFormat(json_lines.NAME, json_lines.decode),
    LineFormat(csv_lines.NAME, csv_lines.decode),
    LineFormat(labelled_text.NAME, labelled_text.decode, spread=True),
    LineFormat("rest", chatter.decode_rest),
)
"""What a serial line of text may be, strict wordings before loose ones."""

SERIAL_FORMATS: frozenset[str] = frozenset(
    {"auto", adafruit_dht.NAME, json_lines.NAME, csv_lines.NAME, labelled_text.NAME, dht22_frame.NAME}
)
"""What ``format`` of a serial driver may say."""


def decode_mqtt(topic: str, payload: bytes, memory: dict[str, Any]) -> Decoded:
    """What a message means. ``memory`` is what earlier messages taught (JSON-able, bounded); it may be added to.

    Never raises, whatever topic and payload are.
    """
    return decode_message(read_message(topic, payload, memory))


def decode_message(message: Message, formats: tuple[MqttFormat, ...] = MQTT_FORMATS) -> Decoded:
    """The first format's answer that knows the message."""
    topic = message.topic
    for place, known in enumerate(formats):
        if place == _GENERIC and topic.refusal:
            return Decoded(Kind.NOISE, "topic", reason=topic.refusal)
        decoded = known.decode(message)
        if decoded is not None:
            return decoded
    return _unknown(message)


def _unknown(message: Message) -> Decoded:
    if not message.payload:
        return Decoded(Kind.NOISE, reason="an empty payload only clears a retained message")
    if message.broken:
        return Decoded(Kind.ERROR, reason=f"invalid JSON: {message.broken}")
    if message.text is None:
        return Decoded(Kind.UNKNOWN, reason="neither JSON nor UTF-8 text, and no binary format that sereno knows")
    return Decoded(Kind.UNKNOWN, reason="no format that sereno knows reads this text under this topic")
