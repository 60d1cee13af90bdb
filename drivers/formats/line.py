"""A line of text as the serial formats see it, and what they remember from one line to the next."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from drivers.base import Decoded

_ANSI = re.compile(r"\x1b\[[0-9;]{0,16}[A-Za-z]")
_STAMP = re.compile(r"^(?:\d{2}:\d{2}:\d{2}(?:\.\d{1,6})? -> ?|[IWEDV] \(\d{1,12}\) [\w.-]{1,32}: )")
"""What stands before a line: the time in a saved session of the Arduino IDE's monitor, ESP-IDF's log level and tag."""
_MOST_FOREIGN = 0.3
"""Share of characters beyond ASCII above which bytes that are not UTF-8 are no text: a wrong baud rate."""


@dataclass(slots=True)
class LineState:
    """What lines of one connection told the formats. ``memory`` outlives the connection, the rest does not."""

    memory: dict[str, Any]
    first: bool = True
    """The line before us is the connection's first: its beginning may be missing."""
    columns: Sequence[str] = ()
    """The titles of a CSV that has no header, as the configuration tells them; ``-`` for one to be skipped."""
    temperature_unit: str = ""
    """The configuration's, for temperatures whose line does not tell theirs."""
    sensor: str | None = None
    """The sensor that a line of its own named: ``Sensor 2 data:``."""
    describing: bool = False
    """Between the dashes of a sensor's description, whose numbers are its limits."""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """``decode`` gives None where the line is not this format's, and never raises.

    ``spread``: a record may be spread over lines, one quantity each, so that neighbours belong together.
    """

    name: str
    decode: Callable[[str, LineState], Decoded | None]
    spread: bool = False


def read_line(line: bytes) -> str | None:
    """A line as text, None where it is none: UTF-8, else Latin-1 (the degree sign is 0xB0); colours taken out."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
        if sum(char > "\x7f" for char in text) > _MOST_FOREIGN * len(text):
            return None
    text = _STAMP.sub("", _ANSI.sub("", text))
    return text if text.replace("\t", " ").isprintable() else None
