"""Formats: what devices say, as readings. Pure functions from bytes; no I/O, no clock, no logging.

A format is one file and one line in ``registry``. ``vocabulary`` and ``names`` hold the words, ``units``, ``values``
and ``timestamps`` the figures; ``record`` makes readings of them.
"""

from drivers.formats.explain import decode_capture, decode_case, explain, kind_of
from drivers.formats.registry import NUMBERED, SERIAL_FORMATS, decode_mqtt
from drivers.formats.serial_decoder import SerialDecoder

__all__ = [
    "NUMBERED",
    "SERIAL_FORMATS",
    "SerialDecoder",
    "decode_capture",
    "decode_case",
    "decode_mqtt",
    "explain",
    "kind_of",
]
