"""One MQTT message as every format sees it: topic and payload taken apart once."""

import re
from typing import Any, Final, NamedTuple

import orjson

from drivers.formats.topics import Topic, read_topic
from drivers.formats.units import fits


class NoDocument:
    """Stands for "this payload is no JSON" (None is JSON's null)."""


NO_DOCUMENT: Final = NoDocument()


class Hint(NamedTuple):
    """What the configuration says of a topic's values: a quantity, a unit, or both; "" is what it does not say.

    ``ignore``: they are no readings.
    """

    quantity: str = ""
    unit: str = ""
    ignore: bool = False

    def unit_of(self, quantity: str) -> str:
        """The unit that it tells of a quantity's values, "" for none.

        Its "%" is the humidity's, unless it speaks of the battery itself: a battery's 3.01 beside it are volts.
        """
        if not self.unit or self.quantity not in ("", quantity) or not fits(quantity, self.unit):
            return ""
        return "" if quantity == "battery" and not self.quantity else self.unit


NO_HINT: Final = Hint()


class Message(NamedTuple):
    """``document`` is the parsed JSON object or array, else NO_DOCUMENT; ``broken`` says why it is none.

    ``memory`` is what formats learned of this source; JSON-able, and each format bounds its part. Parts whose names
    begin with ``_`` last as long as the connection.
    """

    topic: Topic
    payload: bytes
    memory: dict[str, Any]
    document: object = NO_DOCUMENT
    broken: str = ""
    hint: Hint = NO_HINT

    @property
    def text(self) -> str | None:
        """The payload as text, None where it is not UTF-8."""
        try:
            return self.payload.decode()
        except UnicodeDecodeError:
            return None


_NOT_A_NUMBER = re.compile(
    rb"([:\[,]\s*)-?(?:nan\b|inf(?:inity)?\b|[0-9.]{1,20}e\+?[0-9]{3,}|[0-9]{300,})(?=\s*[,}\]])", re.IGNORECASE
)
_BOM = b"\xef\xbb\xbf"


def parse_json(payload: bytes) -> tuple[object, str]:
    """The JSON document, or why there is none. Bare NaN and Infinity and figures beyond a double become null.

    orjson bounds the depth at 1,024, refuses lone surrogates and infinities, and takes the last of double keys.
    """
    try:
        return orjson.loads(payload), ""
    except orjson.JSONDecodeError as error:
        reason = str(error)
    mended = _NOT_A_NUMBER.sub(rb"\1null", payload.removeprefix(_BOM).rstrip(b"\x00"))
    if mended == payload:
        return NO_DOCUMENT, reason
    try:
        return orjson.loads(mended), ""
    except orjson.JSONDecodeError:
        return NO_DOCUMENT, reason


def read_message(topic: str, payload: bytes, memory: dict[str, Any], hint: Hint = NO_HINT) -> Message:
    """Take a message apart; never raises."""
    if payload[:64].lstrip(b" \t\r\n\xef\xbb\xbf")[:1] not in (b"{", b"["):
        return Message(read_topic(topic), payload, memory, hint=hint)
    document, broken = parse_json(payload)
    return Message(read_topic(topic), payload, memory, document, broken, hint)
