"""Sentences with which sketches and libraries say that a read failed."""

import re

from drivers.formats.names import read_name

_FAILED = re.compile(
    r"\b(?:fail(?:ed|ure|s)?|error|err|time\s?-?out|timed out|no response|not responding|checksum|crc|not found"
    r"|no sensor|disconnected|could not read|couldn'?t read|can'?t read|cannot read|unable to read|did not respond"
    r"|invalid|fehler|fallo|erreur|errore|erro|nan)\b",
    re.IGNORECASE,
)
_OF_A_SENSOR = re.compile(
    r"dht|am23|bme|bmp|sht|htu|aht|ds18|sensor|probe|sonda|sonde|fühler|read(?:ing)?\b|leer|lectura|lesen|lecture|checksum"
    r"|time\s?-?out|\bnan\b",
    re.IGNORECASE,
)
_BOTH = ("temperature", "humidity")


def failed_quantities(line: str) -> tuple[str, ...] | None:
    """The quantities that a line says could not be read; None where it says no such thing.

    A DHT is read as a whole: where no quantity is named, both failed. A failure of something else (Wi-Fi, MQTT) is not
    a sensor's.
    """
    if not _FAILED.search(line):
        return None
    named = [read_name(word).quantity for word in re.findall(r"[^\W\d_]{2,32}", line[:200])]
    quantities = tuple(dict.fromkeys(quantity for quantity in named if quantity in _BOTH))
    if quantities:
        return quantities
    return _BOTH if _OF_A_SENSOR.search(line) else None
