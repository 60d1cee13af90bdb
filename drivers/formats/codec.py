"""What a LoRaWAN device's codec made of its frame: free naming under a network server's envelope.

The same codecs run under every network server, so what they have in common is read here.
"""

from datetime import datetime
from typing import Any

from drivers.base import Decoded, Kind, Reading
from drivers.formats.generic_json import decode_body
from drivers.formats.message import Hint
from drivers.formats.names import read_name

_ALL_ONES = -0.1
"""What 0xFFFF is in signed tenths: a 1-Wire input of Dragino's LSN50 without its probe."""


_LISTED = ("external", "probe", "ds18b20")
"""What a list's key says of probes that are told apart by nothing but their order."""
_MOST_LISTED = 8


def decode_codec(
    document: object,
    format_name: str,
    *,
    device: str | None,
    label: str | None,
    model: str | None = None,
    time: datetime | None,
    sequence: int | None,
    hint: Hint,
) -> Decoded:
    """Read what a codec made, by its names. Three probes that all say -0.1 °C are three inputs without one."""
    decoded = decode_body(
        _unlisted(document) if isinstance(document, dict) else document,
        format_name,
        "the codec's names tell the quantities",
        device=device,
        label=label,
        model=model,
        time=time,
        sequence=sequence,
        hint=hint,
    )
    empty = [
        one for reading in decoded.readings for one in reading.measurements if _is_all_ones(one.quantity, one.value)
    ]
    if len(empty) < 3:
        return decoded
    readings = tuple([_without_all_ones(reading) for reading in decoded.readings])
    if any(reading.measurements for reading in readings):
        return decoded._replace(readings=readings)
    return Decoded(Kind.ERROR, format_name, readings, reason="no probe is connected: each says 0xFFFF")


def _unlisted(document: dict[str, Any]) -> dict[str, Any]:
    """Each probe of a list under a key of its own: Elsys' ``externalTemperature2`` is one where there are several."""
    listed = [key for key, value in document.items() if isinstance(value, list) and _lists_probes(key, value)]
    if not listed:
        return document
    made = {key: value for key, value in document.items() if key not in listed}
    for key in listed:
        made.update({f"{key}_{number}": value for number, value in enumerate(document[key], 1)})
    return made


def _lists_probes(key: str, values: list[Any]) -> bool:
    if not 0 < len(values) <= _MOST_LISTED or not any(word in key.lower() for word in _LISTED):
        return False
    return read_name(key).quantity is not None and all(isinstance(value, int | float) for value in values)


def _is_all_ones(quantity: str, value: float) -> bool:
    return value == _ALL_ONES and quantity == "temperature"


def _without_all_ones(reading: Reading) -> Reading:
    kept = tuple([one for one in reading.measurements if not _is_all_ones(one.quantity, one.value)])
    if len(kept) == len(reading.measurements):
        return reading
    return reading._replace(measurements=kept, failed=(*reading.failed, "temperature"))
