"""Availability: a device's birth message or last will, plain or as JSON, on a topic that says so.

Wire: ``<device>/status`` ``online``; ``…/LWT`` ``Offline``; ``…/availability`` ``{"state":"offline"}``; ``…/online``
``true``. Retained as a rule; a device that sleeps is there. An empty payload only clears the retained message of a
device renamed.
Units: none.
Failure: an offline device is no failed read.
Source: Tasmota MQTT.md, ESPHome mqtt.rst, Zigbee2MQTT's mqtt_topics_and_messages, Shelly's MQTT pages.

Sample: ``weather-sensor/status`` ``online``
Config: ``{type: mqtt, topics: ["weather-sensor/#"]}``
"""

from drivers.base import Availability, Decoded, Kind
from drivers.formats.message import Message
from drivers.formats.record import printable
from drivers.formats.topics import Topic
from drivers.formats.words import words

NAME = "availability"

_WORDS = {
    **dict.fromkeys(words("online connected ready alive available init sleeping alert"), True),
    **dict.fromkeys(words("""offline disconnected lost dead unavailable disconnecting"""), False),
}
_SWITCH_WORDS = {
    **dict.fromkeys(words("true 1 yes up on"), True),
    **dict.fromkeys(words("false 0 no down off"), False),
}
_SWITCH_LEVELS = frozenset(words("""lwt availability available online connected connection alive will $online"""))
"""Levels under which ``true`` or ``1`` mean "I am there"; under ``state`` they may be a lamp's."""
_KEYS = ("state", "status", "online", "availability", "available", "connected")
_LONGEST = 16


def claims(topic: Topic) -> bool:
    """Whether the topic's last level speaks of availability."""
    return topic.availability


def decode(message: Message) -> Decoded | None:
    """AVAILABILITY where topic and payload both say so; None otherwise."""
    topic = message.topic
    device = "/".join(topic.levels[:-1]) or None
    if not message.payload:
        return Decoded(Kind.NOISE, NAME, reason="an empty payload clears the retained state of a device that is gone")
    level = topic.levels[-1].lower()
    return decide(_word(message), device, level in _SWITCH_LEVELS)


def decide(word: str | None, device: str | None, switch_words: bool = False) -> Decoded | None:
    """What a word says of a device, None where it says nothing; ``switch_words`` takes true/false and 1/0 too."""
    if word is None:
        return None
    online = _WORDS.get(word)
    if online is None and switch_words:
        online = _SWITCH_WORDS.get(word)
    if online is None:
        return None
    said = Availability(printable(device), online) if device else None
    return Decoded(Kind.AVAILABILITY, NAME, (), said, f"the device or its last will says {word!r}")


def _word(message: Message) -> str | None:
    if isinstance(message.document, dict):
        if len(message.document) > 4:
            return None
        return next((_plain(message.document[key]) for key in _KEYS if key in message.document), None)
    if len(message.payload) > _LONGEST:
        return None
    text = message.text
    return text.strip().strip('"').lower() if text else None


def _plain(raw: object) -> str | None:
    return str(raw).lower() if isinstance(raw, str | bool) else None


def decode_document(document: object, device: str | None) -> Decoded | None:
    """``{"online":false}`` on any topic."""
    if isinstance(document, dict) and len(document) == 1:
        online = document.get("online")
        if isinstance(online, bool):
            return decide("online" if online else "offline", device)
    return None
