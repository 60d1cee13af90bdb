"""What no format understood, kept so that a person can look at it and report it: bounded, the newest of each kind."""

from base64 import b64encode
from dataclasses import dataclass

from drivers.base import Delivery, Kind

MOST_SAMPLES = 10
"""Of one driver. When an eleventh comes, the one that was heard of least recently goes."""
LONGEST_SAMPLE = 1024
"""Bytes kept of a payload: enough to see its shape."""


@dataclass(slots=True)
class Sample:
    """The last payload of an origin that was refused for one reason. ``last_at`` is µs since 1970 UTC."""

    origin: str
    payload: bytes
    reason: str
    count: int
    last_at: int

    def case(self, transport: str) -> dict[str, str]:
        """As ``sereno decode --jsonl`` takes it, less its id."""
        case = {"transport": transport, "topic": self.origin} if transport == "mqtt" else {"transport": transport}
        try:
            text = self.payload.decode()
        except UnicodeDecodeError:
            return case | {"payload_b64": b64encode(self.payload).decode()}
        return case | {"payload_text": text}


class Samples:
    """One driver's. Asked about every delivery, so the ordinary ones cost a comparison."""

    def __init__(self) -> None:
        self._by_origin: dict[tuple[str, str], Sample] = {}

    def look(self, delivery: Delivery) -> None:
        """Keep what is unknown, and what is broken in a way that names no sensor whose failed read it would be."""
        decoded = delivery.decoded
        if decoded.kind is not Kind.UNKNOWN and (decoded.kind is not Kind.ERROR or decoded.readings):
            return
        key = (delivery.origin, decoded.reason)
        known = self._by_origin.pop(key, None)
        if known is None and len(self._by_origin) >= MOST_SAMPLES:
            del self._by_origin[next(iter(self._by_origin))]
        payload = delivery.payload[:LONGEST_SAMPLE]
        count = known.count + 1 if known else 1
        self._by_origin[key] = Sample(delivery.origin, payload, decoded.reason, count, delivery.received_at)

    def newest_first(self) -> list[Sample]:
        return list(reversed(self._by_origin.values()))
