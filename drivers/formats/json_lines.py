"""JSON lines: one object a line, read as generic JSON is.

Wire: ``{"temperature":21.5,"humidity":60}`` + LF. A line whose beginning or end is missing is no JSON and is not
half-read.
Units: as in generic JSON.
Failure: null (ArduinoJson's NaN); an object of texts alone that says so (``{"error":"DHT read failed"}``).
Source: ArduinoJson, Home Assistant's serial page.

Sample: ``{"temperature":21.5,"humidity":60}``
Config: ``{type: serial, port: /dev/ttyUSB0, baudrate: 115200, format: json}``
"""

import re

from drivers.base import Decoded, Kind, Reading
from drivers.formats.failures import failed_quantities
from drivers.formats.generic_json import decode_document
from drivers.formats.line import LineState
from drivers.formats.message import NO_DOCUMENT, parse_json

NAME = "json"
_MOST_KEYS = 8
"""Of an object that only tells of a failure."""
_LONGEST_TEXT = 200
_CUT = re.compile(r'"\s*:|[}\]]\s*$')


def decode(line: str, state: LineState) -> Decoded | None:
    """Read a line that is a JSON object or array, refuse one that was; None where it is neither."""
    text = line.strip()
    if text[:1] in ("{", "["):
        document, broken = parse_json(text.encode())
        if document is NO_DOCUMENT:
            return Decoded(Kind.ERROR, NAME, reason=f"invalid JSON: {broken}") if '"' in text else None
        return _failure(document) or decode_document(document, None, memory=state.memory)
    if _CUT.search(text) and '"' in text:
        return Decoded(Kind.NOISE, NAME, reason="the end of a JSON line whose beginning is missing")
    return None


def _failure(document: object) -> Decoded | None:
    """The failed read that an object tells of in words, having no figure; None where it does not."""
    if not isinstance(document, dict) or not 0 < len(document) <= _MOST_KEYS:
        return None
    if not all(isinstance(value, str | bool) for value in document.values()):
        return None
    told = [failed_quantities(value[:_LONGEST_TEXT]) for value in document.values() if isinstance(value, str)]
    failed = next(filter(None, told), None)
    if failed is None or decode_document(document, None).readings:
        return None
    return Decoded(Kind.ERROR, NAME, (Reading(None, failed=failed),), reason="the device says that it could not read")
