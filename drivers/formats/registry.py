"""Which formats there are, in the order in which they are asked. A new one is its file and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats import (
    adafruit_dht,
    availability,
    chatter,
    chirpstack,
    csv_lines,
    dht22_frame,
    discovered,
    discovery,
    domoticz,
    esphome,
    ewelink,
    generic_json,
    homie,
    influx_line,
    json_lines,
    labelled_text,
    modbus_rtu,
    mysensors,
    plain,
    rflink,
    rtl_433,
    ruuvi,
    senml,
    shelly_gen1,
    shelly_gen2,
    sparkplug_b,
    tasmota,
    theengs,
    thingsboard,
    topic_refusal,
    ttn,
    zigbee2mqtt,
)
from drivers.formats.entities import not_understood, unread_template, unusual_unit
from drivers.formats.line import LineFormat
from drivers.formats.message import NO_HINT, Hint, Message, read_message
from drivers.formats.topics import Topic, read_topic


@dataclass(frozen=True, slots=True)
class MqttFormat:
    """``claims`` says whether a topic may carry the format; it is asked once a topic.

    ``decode`` gives None where the message is not this format's, and never raises, whatever the bytes.
    """

    name: str
    decode: Callable[[Message], Decoded | None]
    claims: Callable[[Topic], bool] = lambda topic: True  # noqa: ARG005


MQTT_FORMATS: tuple[MqttFormat, ...] = (
    MqttFormat(sparkplug_b.NAME, sparkplug_b.decode, sparkplug_b.claims),
    MqttFormat(discovery.NAME, discovery.decode, discovery.claims),
    MqttFormat(zigbee2mqtt.NAME, zigbee2mqtt.decode),
    MqttFormat(tasmota.NAME, tasmota.decode, tasmota.claims),
    MqttFormat(esphome.NAME, esphome.decode, esphome.claims),
    MqttFormat(theengs.NAME, theengs.decode),
    MqttFormat(rtl_433.NAME, rtl_433.decode),
    MqttFormat(ruuvi.NAME, ruuvi.decode),
    MqttFormat(domoticz.NAME, domoticz.decode),
    MqttFormat(ttn.NAME, ttn.decode),
    MqttFormat(chirpstack.NAME, chirpstack.decode),
    MqttFormat(mysensors.NAME, mysensors.decode_message, mysensors.claims),
    MqttFormat(rflink.NAME, rflink.decode_message),
    MqttFormat(thingsboard.NAME, thingsboard.decode, thingsboard.claims),
    MqttFormat(shelly_gen2.NAME, shelly_gen2.decode),
    MqttFormat(shelly_gen1.NAME, shelly_gen1.decode),
    MqttFormat(ewelink.NAME, ewelink.decode),
    MqttFormat(homie.NAME, homie.decode),
    MqttFormat(discovered.NAME, discovered.decode),
    MqttFormat(availability.NAME, availability.decode, availability.claims),
    MqttFormat(topic_refusal.NAME, topic_refusal.decode, topic_refusal.claims),
    MqttFormat(senml.NAME, senml.decode),
    MqttFormat(influx_line.NAME, influx_line.decode),
    MqttFormat(generic_json.NAME, generic_json.decode),
    MqttFormat(plain.NAME, plain.decode),
    MqttFormat(labelled_text.NAME, labelled_text.decode_message),
)
"""Families that name themselves come first; ``topic`` refuses what cannot be a reading; the generic ones come last."""

LINE_FORMATS: tuple[LineFormat, ...] = (
    LineFormat(chatter.NAME, chatter.decode),
    LineFormat(adafruit_dht.NAME, adafruit_dht.decode, spread=True),
    LineFormat(json_lines.NAME, json_lines.decode),
    LineFormat(mysensors.NAME, mysensors.decode),
    LineFormat(rflink.NAME, rflink.decode),
    LineFormat(csv_lines.NAME, csv_lines.decode),
    LineFormat(labelled_text.NAME, labelled_text.decode, spread=True),
    LineFormat("rest", chatter.decode_rest),
)
"""What a serial line of text may be, strict wordings before loose ones."""

SERIAL_FORMATS: frozenset[str] = frozenset(
    {
        "auto",
        adafruit_dht.NAME,
        json_lines.NAME,
        csv_lines.NAME,
        labelled_text.NAME,
        mysensors.NAME,
        rflink.NAME,
        dht22_frame.NAME,
        modbus_rtu.NAME,
    }
)
"""What ``format`` of a serial driver may say."""


NUMBERED: frozenset[str] = frozenset({domoticz.NAME, mysensors.NAME})
"""Families whose devices have nothing but a number of the family's own: two of them may count on one broker."""


def decode_mqtt(topic: str, payload: bytes, memory: dict[str, Any], hint: Hint = NO_HINT) -> Decoded:
    """What a message means. ``memory`` is what earlier messages taught (JSON-able, bounded); it may be added to.

    ``hint`` is what the configuration says of the topic; a unit that it does not tell discovery may. Never raises,
    whatever topic and payload are.
    """
    if hint.ignore:
        return Decoded(Kind.NOISE, reason="the configuration's hints say that this topic is to be ignored")
    if not hint.unit and (unit := unusual_unit(memory, topic)):
        hint = hint._replace(unit=unit)
    message = read_message(topic, payload, memory, hint)
    for decode in _candidates(topic):
        decoded = decode(message)
        if decoded is not None:
            return decoded
    return _unknown(message)


@lru_cache(maxsize=4096)
def _candidates(topic: str) -> tuple[Callable[[Message], Decoded | None], ...]:
    """The formats that a topic may carry; one without a topic may be any."""
    read = read_topic(topic)
    return tuple(known.decode for known in MQTT_FORMATS if not topic or known.claims(read))


def _unknown(message: Message) -> Decoded:
    if not message.payload:
        return Decoded(Kind.NOISE, reason="an empty payload only clears a retained message")
    if message.broken:
        return Decoded(Kind.ERROR, reason=f"invalid JSON: {message.broken}")
    if message.text is None:
        return Decoded(Kind.UNKNOWN, reason="neither JSON nor UTF-8 text, and no binary format that sereno knows")
    template = unread_template(message.memory, message.topic.text)
    if template:
        return Decoded(Kind.UNKNOWN, reason=f"no format reads this text, and {not_understood(template)}")
    return Decoded(Kind.UNKNOWN, reason="no format that sereno knows reads this text under this topic")
