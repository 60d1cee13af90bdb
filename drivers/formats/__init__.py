"""Formats: what devices say, as readings. Pure functions from bytes; no I/O, no clock, no logging.

A format is one file and one line in ``registry``. ``vocabulary`` and ``names`` hold the words, ``units``, ``values``
and ``timestamps`` the figures; ``record`` makes readings of them.
"""

from drivers.formats.registry import decode_mqtt

__all__ = ["decode_mqtt"]
