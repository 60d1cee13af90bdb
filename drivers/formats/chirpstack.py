"""ChirpStack v4, v3 and LoRa App Server: ``application/<id>/device/<devEUI>/event/<event>``, or its body on any topic.

Wire: JSON; ``up`` holds what the codec made in ``object``: free names, or Cayenne LPP's types that hold channels
(``temperatureSensor.1``); v3's protobuf marshaler writes it as text in ``objectJSON`` and the devEUI in base64. Old
servers say ``…/node/<devEUI>/rx``. Identity is the devEUI, label the device's name; ``time``, in v3 a gateway's
``rxInfo[].time``; ``fCnt`` counts the frames. A ``status`` event holds the battery alone. ``join``, ``ack``,
``txack``, ``log``, ``location``, ``integration``, commands and a gateway's own topics are no readings.
Units: by the codec's names, °C and % without; ``batteryLevel`` is %, old ``battery`` is LoRaWAN's 1 to 254.
Failure: a codec's sentinels (327.67, three probes at -0.1 °C), null; ``batteryLevelUnavailable``.
Source: chirpstack-docs events.md; chirpstack-api v3 integration.proto; brocaar/lora-app-server issues 11, 117.

Sample: ``application/7/device/0101010101010101/event/up`` ``{"time":"2022-07-18T09:34:15Z","deviceInfo":{"deviceName":"Barn","devEui":"0101010101010101"},"fCnt":4,"object":{"temperatureSensor":{"1":25}}}``
Config: ``{type: mqtt, topics: ["application/+/device/+/event/+"]}``
"""  # noqa: E501 - a sample is one line

import re
from base64 import b64decode
from datetime import datetime
from typing import Any

from drivers.base import Decoded, Kind, Measurement, Reading
from drivers.formats.codec import decode_codec
from drivers.formats.json_object import text_of
from drivers.formats.message import NO_DOCUMENT, Message, parse_json
from drivers.formats.record import printable
from drivers.formats.timestamps import parse_time
from drivers.formats.topics import Topic
from drivers.formats.values import read_value

NAME = "chirpstack"
_TOPIC = re.compile(
    r"(?:.*/)?application/[^/]+/(?:device|node)/(?P<eui>[0-9A-Fa-f]{16})/(?:event/)?(?P<event>[a-z]+)(?P<rest>/.*)?"
)
_GATEWAY = re.compile(r"(?:.*/)?gateway/[0-9A-Fa-f]{16}/(?:event|command|state)/.*")
_BASE64_EUI = re.compile(r"[A-Za-z0-9+/]{11}=")
_UPLINKS = frozenset({"up", "rx"})
_V3 = frozenset({"applicationID", "applicationName", "deviceName", "nodeName", "fCnt", "fPort", "rxInfo", "objectJSON"})


def decode(message: Message) -> Decoded | None:
    """Read a ChirpStack event; None where neither the topic nor the payload is one."""
    document, place = message.document, _place(message.topic)
    body = document if isinstance(document, dict) and _is_event(document) else None
    if body is None and place is None:
        return None
    if place is not None and place[1] not in (*_UPLINKS, "status"):
        return Decoded(Kind.NOISE, NAME, reason=f"{place[1]!r} events tell of the network, not of a sensor")
    if body is None:
        body = document if isinstance(document, dict) else None
    if body is None:
        reason = f"invalid JSON: {message.broken}" if message.broken else "an event without a JSON object"
        return Decoded(Kind.ERROR if message.broken else Kind.NOISE, NAME, reason=reason)
    if place[1] == "status" if place else _made(body) is None and ("batteryLevel" in body or "margin" in body):
        return _decode_status(body, place)
    return _decode_uplink(body, message, place)


def _is_event(document: dict[str, Any]) -> bool:
    info = document.get("deviceInfo")
    if isinstance(info, dict):
        return "devEui" in info
    return "devEUI" in document and not _V3.isdisjoint(document)


def _place(topic: Topic) -> tuple[str, str] | None:
    """devEUI and event that the topic tells; None on another topic."""
    if "application" in topic.levels:
        match = _TOPIC.fullmatch(topic.text[:512])
        if match:
            return match["eui"], "command" if match["event"] == "command" else match["event"]
    if "gateway" in topic.levels and _GATEWAY.fullmatch(topic.text[:512]):
        return "", "gateway"
    return None


def _identity(body: dict[str, Any], place: tuple[str, str] | None) -> tuple[str | None, str | None]:
    """The devEUI, in hex where v3's marshaler wrote base64, and the device's name."""
    info = body.get("deviceInfo")
    if not isinstance(info, dict):
        info = body
    raw = text_of(info.get("devEui")) or text_of(info.get("devEUI"))
    eui = b64decode(raw).hex() if raw and _BASE64_EUI.fullmatch(raw) else raw
    return eui or (place[0] if place else None), text_of(info.get("deviceName")) or text_of(info.get("nodeName"))


def _time(body: dict[str, Any]) -> datetime | None:
    """The event's; where it tells none, the first gateway's that knows the time, else when it was published."""
    told = parse_time(body.get("time"))
    received = body.get("rxInfo")
    for gateway in received[:16] if isinstance(received, list) else ():
        if told is None and isinstance(gateway, dict):
            told = parse_time(gateway.get("time")) or parse_time(gateway.get("nsTime"))
    return told or parse_time(body.get("publishedAt"))


def _made(body: dict[str, Any]) -> object:
    """What the codec made: an object, or v3's text of one; None where there is no codec."""
    made = body.get("object")
    text = body.get("objectJSON")
    if not isinstance(made, dict | list) and isinstance(text, str) and text:
        made, _ = parse_json(text.encode(errors="replace"))
    return None if made is NO_DOCUMENT or not isinstance(made, dict | list) or not made else made


def _decode_uplink(body: dict[str, Any], message: Message, place: tuple[str, str] | None) -> Decoded:
    made = _made(body)
    if made is None:
        return Decoded(Kind.NOISE, NAME, reason="no codec made an object of it: only the device's raw frame")
    device, label = _identity(body, place)
    sequence = body.get("fCnt")
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence < 2**32:
        sequence = None
    return decode_codec(made, NAME, device=device, label=label, time=_time(body), sequence=sequence, hint=message.hint)


def _decode_status(body: dict[str, Any], place: tuple[str, str] | None) -> Decoded:
    """The battery, where there is one and the device could measure it; LoRaWAN's 0 means a supply, 255 unknown."""
    value = None
    if not body.get("externalPowerSource") and not body.get("batteryLevelUnavailable"):
        value = read_value(body.get("batteryLevel"), "battery")[0] if "batteryLevel" in body else None
        if value is None and "batteryLevel" not in body:
            raw = body.get("battery")
            value = round(100 * raw / 254, 1) if isinstance(raw, int) and 0 < raw < 255 else None
    if not isinstance(value, float) or not 0 < value <= 100:
        return Decoded(Kind.NOISE, NAME, reason="a status without a battery's level: a supply, or it is not known")
    device, label = _identity(body, place)
    reading = Reading(
        printable(device) if device else None,
        measurements=(Measurement("battery", value, "%"),),
        measured_at=_time(body),
        label=printable(label) if label else None,
    )
    return Decoded(Kind.READING, NAME, (reading,), reason="a status event holds the battery's level")
