"""Topics that carry no reading, whatever lies in them: commands, bridge chatter, logs, settings, the broker's own.

Wire: ``…/set``, ``cmnd/…``, ``zigbee2mqtt/bridge/…``, ``…/debug``, ``$SYS/…``.
Units: none.
Failure: none.
Source: the documents of the families that have them; see ``topics``.

Sample: ``kitchen/lamp/set`` ``{"state":"ON"}``
Config: ``{type: mqtt, topics: ["#"]}``
"""

from drivers.base import Decoded, Kind
from drivers.formats.message import Message
from drivers.formats.topics import Topic

NAME = "topic"


def claims(topic: Topic) -> bool:
    """Whether the topic rules a reading out."""
    return bool(topic.refusal or topic.around)


def decode(message: Message) -> Decoded | None:
    """NOISE, with the topic's reason; a quantity that the configuration names goes before a level's word."""
    topic = message.topic
    refusal = topic.refusal or ("" if message.hint.quantity else topic.around)
    return Decoded(Kind.NOISE, NAME, reason=refusal) if refusal else None
