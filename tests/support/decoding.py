"""Short forms of what was decoded, for assertions."""

import json
from typing import Any

from drivers.base import Decoded
from drivers.formats import decode_mqtt
from drivers.formats.units import to_canonical

Row = tuple[str | None, str, str, float]


def decode(topic: str, payload: object, memory: dict[str, Any] | None = None) -> Decoded:
    """A message with a JSON document, text or bytes as its payload."""
    if isinstance(payload, str):
        payload = payload.encode()
    elif not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return decode_mqtt(topic, payload, {} if memory is None else memory)


def rows(*decoded: Decoded) -> list[Row]:
    """(device, probe, quantity, value in the stored unit) of every measurement."""
    return [
        (reading.device, reading.probe, one.quantity, to_canonical(one.quantity, one.value, one.unit))
        for each in decoded
        for reading in each.readings
        for one in reading.measurements
    ]


def failed(*decoded: Decoded) -> list[tuple[str | None, str, str]]:
    """(device, probe, quantity) of every failed read."""
    return [
        (reading.device, reading.probe, one) for each in decoded for reading in each.readings for one in reading.failed
    ]
