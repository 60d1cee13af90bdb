"""What a LoRaWAN device's codec made of its frame: free naming under a network server's envelope.

The same codecs run under every network server, so what they have in common is read here.
"""

from datetime import datetime

from drivers.base import Decoded, Kind, Reading
from drivers.formats.generic_json import decode_body
from drivers.formats.message import Hint

_ALL_ONES = -0.1
"""What 0xFFFF is in signed tenths: a 1-Wire input of Dragino's LSN50 without its probe."""


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
        document,
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


def _is_all_ones(quantity: str, value: float) -> bool:
    return value == _ALL_ONES and quantity == "temperature"


def _without_all_ones(reading: Reading) -> Reading:
    kept = tuple([one for one in reading.measurements if not _is_all_ones(one.quantity, one.value)])
    if len(kept) == len(reading.measurements):
        return reading
    return reading._replace(measurements=kept, failed=(*reading.failed, "temperature"))
