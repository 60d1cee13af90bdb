"""Topics that carry no reading, whatever lies in them: commands, bridge chatter, logs, settings, the broker's own.

Wire: ``…/set``, ``cmnd/…``, ``zigbee2mqtt/bridge/…``, ``…/debug``, ``$SYS/…``.
Units: none.
Failure: none.
Source: the documents of the families that have them; see ``topics``.

Sample: ``kitchen/lamp/set`` ``{"state":"ON"}``
Config: ``{type: mqtt, topics: ["#"]}``
"""

from drivers.base import Decoded, Kind
from drivers.formats.json_keys import Role, read_key
from drivers.formats.message import Message
from drivers.formats.topics import Topic

NAME = "topic"
_MOST_KEYS = 64


def claims(topic: Topic) -> bool:
    """Whether the topic rules a reading out."""
    return bool(topic.refusal or topic.around)


def decode(message: Message) -> Decoded | None:
    """NOISE, with the topic's reason; a quantity that the configuration names goes before a level's word."""
    topic = message.topic
    refusal = topic.refusal or ("" if message.hint.quantity or _is_named(message) else topic.around)
    return Decoded(Kind.NOISE, NAME, reason=refusal) if refusal else None


_NAMED_SO = frozenset(("max", "min", "system", "sys", "alarm", "module", "media", "eco"))
"""Words that refuse a value and are called after people, rooms and things as well."""
_OF_A_DEVICE = frozenset((Role.DEVICE, Role.SEQUENCE, Role.MODEL))
_ITS_OWN = frozenset(("battery", "battery_voltage"))
_RADIO = frozenset(("rssi", "linkquality", "lqi", "snr"))


def _is_named(message: Message) -> bool:
    """Whether the word is a device's name: a whole report lies there, with what only a device tells of itself.

    A report of the climate on ``home/system`` is none of the electronics, which measure no humidity.
    """
    document, telling = message.document, message.topic.telling
    if not isinstance(document, dict) or telling.lower() not in _NAMED_SO or len(document) > _MOST_KEYS:
        return False
    if message.topic.name.quantity is not None:
        return False
    known = [(key, read_key(key)) for key in document]
    quantities = {what.name.quantity for _, what in known if what.role is Role.QUANTITY}
    if not {"temperature", "humidity"} <= quantities:
        return False
    itself = any(what.role in _OF_A_DEVICE or key.lower() in _RADIO for key, what in known)
    electronics = telling.lower() in ("system", "sys", "module")
    return itself or electronics or not _ITS_OWN.isdisjoint(quantities) or telling.istitle()
