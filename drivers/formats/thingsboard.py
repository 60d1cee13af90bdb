"""ThingsBoard: ``v1/devices/me/telemetry`` (short ``v2/t``), and ``v1/gateway/telemetry`` keyed by device.

Wire: JSON; a flat object, ``{"ts", "values"}`` or an array of either; ``ts`` is ms since 1970. Who publishes on
``me`` is told by its access token, which no message holds: the device is the source's, or the topic's prefix where a
bridge put one before. ``v1/gateway/connect`` and ``disconnect`` are availability. ``attributes``, ``rpc``, ``claim``
and what else lies beside are no readings.
Units: by the keys, °C and % without.
Failure: null, NaN, a sentinel.
Source: thingsboard.io MQTT device API, MQTT gateway API.

Sample: ``v1/devices/me/telemetry`` ``{"ts":1527863043000,"values":{"temperature":42.2,"humidity":70}}``
Config: ``{type: mqtt, topics: ["v1/devices/me/telemetry", "v1/gateway/#"]}``
"""

import re
from itertools import islice
from typing import Any

from drivers.base import Availability, Decoded, Kind
from drivers.formats.generic_json import Body, decode_bodies, decode_document
from drivers.formats.json_object import text_of
from drivers.formats.message import Message
from drivers.formats.record import printable
from drivers.formats.topics import Topic

NAME = "thingsboard"
_TOPIC = re.compile(
    r"(?:(?P<prefix>.*)/)?v1/(?P<whose>devices/me|gateway)/"
    r"(?P<what>telemetry|connect|disconnect|(?:attributes|rpc|claim|provision|sparkplug)(?:/.*)?)"
    r"|v2/(?P<short>t|t/j|a|a/.+|r/.+|fw/.+)"
)
_TELEMETRY = frozenset({"telemetry", "t", "t/j"})
_PRESENCE = {"connect": True, "disconnect": False}
_MOST_DEVICES = 256
_REASON = "telemetry names its values"


def claims(topic: Topic) -> bool:
    """Whether the topic is of ThingsBoard's device or gateway API."""
    return _match(topic) is not None


def decode(message: Message) -> Decoded | None:
    """Read telemetry, a gateway's word on its devices, or say that it is neither."""
    match = _match(message.topic)
    if match is None:
        return None
    what = match["what"] or match["short"]
    gateway = match["whose"] == "gateway"
    document = message.document
    if gateway and what in _PRESENCE:
        return _decode_presence(document, _PRESENCE[what])
    if what not in _TELEMETRY:
        return Decoded(
            Kind.NOISE, NAME, reason=f"{printable(what)!r} in the topic: attributes and calls are no telemetry"
        )
    if message.broken:
        return Decoded(Kind.ERROR, NAME, reason=f"invalid JSON: {message.broken}")
    if gateway and isinstance(document, dict):
        bodies = [Body(inside, name) for name, inside in islice(document.items(), _MOST_DEVICES)]
        return decode_bodies(bodies, NAME, _REASON, message.hint)
    if not isinstance(document, dict | list):
        return Decoded(Kind.NOISE, NAME, reason="telemetry without a JSON object")
    return decode_document(document, match["prefix"], hint=message.hint, format_name=NAME, reason=_REASON)


def _match(topic: Topic) -> re.Match[str] | None:
    return _TOPIC.fullmatch(topic.text.strip("/")[:1024])


def _decode_presence(document: Any, online: bool) -> Decoded:
    device = text_of(document.get("device")) if isinstance(document, dict) else None
    if device is None:
        return Decoded(Kind.NOISE, NAME, reason="a gateway's word on a device that it does not name")
    said = Availability(printable(device), online)
    return Decoded(Kind.AVAILABILITY, NAME, (), said, f"the gateway says that it {'came' if online else 'went'}")
