"""What a driver is, and what it hands over: readings, deliveries, receipts.

Everything a transport or a format needs to know of the rest of sereno stands here; nothing here knows the
daemon, a model or a database.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, NamedTuple, Self

QUANTITIES: Mapping[str, str] = {
    "temperature": "°C",
    "humidity": "%",
    "dew_point": "°C",
    "heat_index": "°C",
    "pressure": "hPa",
    "pressure_sea_level": "hPa",
    "battery": "%",
    "battery_voltage": "V",
    "co2": "ppm",
    "illuminance": "lx",
}
"""Every quantity a format may give, with the unit it is stored in."""


class Kind(StrEnum):
    """What a message turned out to be."""

    READING = "reading"
    ERROR = "error"  # the device says that it could not read
    AVAILABILITY = "availability"
    DISCOVERY = "discovery"
    NOISE = "noise"  # known not to be a reading: commands, logs, states, boot messages
    UNKNOWN = "unknown"  # no format understands it


class Measurement(NamedTuple):
    """One value: a finite number in ``unit``, as the device or its format's documentation words it.

    ``name`` is the value's name within the device (object, component, key, column), None where the name is
    nothing but the quantity.
    """

    quantity: str
    value: float
    unit: str
    name: str | None = None


class Reading(NamedTuple):
    """What one probe of one device said of one moment.

    ``device`` is what the payload or the protocol calls the device, None where neither does; ``probe`` tells its
    probes apart and is "" where there is one. ``measured_at`` without a zone is the device's local time.
    ``sequence`` is the device's own counter. ``failed`` names quantities that the device itself says it could
    not read. ``model`` is the part ("DHT22") and ``label`` what people call the device, where the payload tells.
    ``absent``: it was asked and gave no answer, so that this is no sign of life.
    """

    device: str | None
    probe: str = ""
    measurements: tuple[Measurement, ...] = ()
    failed: tuple[str, ...] = ()
    measured_at: datetime | None = None
    sequence: int | None = None
    model: str | None = None
    label: str | None = None
    absent: bool = False


class Availability(NamedTuple):
    """A device's own word, or its broker's last will, on whether it is there."""

    device: str
    online: bool


class Decoded(NamedTuple):
    """What a format made of one message: ``reason`` says why in one English sentence, whatever the outcome."""

    kind: Kind
    format: str = ""
    readings: tuple[Reading, ...] = ()
    availability: Availability | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message or line as it came in, decoded.

    ``received_at`` is wall-clock µs since 1970 UTC. ``receipt`` is what :meth:`Driver.acknowledge` wants back
    once the rows are on the disk; None where the transport has no receipts. ``token`` names this transmission
    (session, message id, hash of the content) so that a message sent again (``redelivered``) is known.
    ``origin`` is the topic, port or file, ``payload`` at most 4 KiB of what came, for samples of the unknown.
    """

    decoded: Decoded
    received_at: int
    origin: str
    payload: bytes = b""
    receipt: object | None = None
    token: str | None = None
    redelivered: bool = False
    retained: bool = False


class DriverError(Exception):
    """A transport that does not work: one sentence that says what is wrong and what to do.

    ``retryable`` is False where only a change of configuration helps (refused credentials, an unknown option);
    the supervisor then retries at its slowest pace and says so.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts: full jitter below a bound that doubles from ``first`` up to ``ceiling``."""

    first: float = 1.0
    ceiling: float = 30.0


class Driver(ABC):
    """One connection to one source, from open to loss.

    A driver lives for one connection: entering opens it, iterating yields what arrives, and the first fault ends
    it with :class:`DriverError`; the supervisor makes a new one. So nothing of one connection (half a line, a
    message id) can reach the next. What must outlive the connection is in ``memory``.

    Iteration yields lists of 1 to 1,000 deliveries, everything that waits, in order of arrival; it ends only
    when a finite source (a file) is exhausted. Cancelling an iteration loses nothing that has a receipt.
    """

    backoff: Backoff = Backoff()
    window: int | None = None
    """How many deliveries the source lets lie unacknowledged; None: the source has no receipts."""

    def __init__(self, name: str, memory: Mapping[str, Any]) -> None:
        self.name = name
        self.memory: dict[str, Any] = dict(memory)
        """JSON-able state that outlives this connection and the process: what formats learned, the session.

        Keys that begin with ``_`` outlive the connection only: they change too often to be written to a disk.
        """
        self.counters: dict[str, int] = {}
        """What was refused or lost, by reason (``too_long``, ``not_utf8``, ``dropped_oldest``)."""

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Open the source; raises DriverError."""

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; never raises."""

    @abstractmethod
    def __aiter__(self) -> AsyncIterator[Sequence[Delivery]]:
        """What arrives, as it arrives; raises DriverError when the connection is lost."""

    def acknowledge(self, receipts: Sequence[object]) -> None:  # noqa: B027 - most sources have no receipts
        """Tell the source that these deliveries, given in order of arrival, are on the disk."""

    def count(self, reason: str, by: int = 1) -> None:
        """Add to a counter."""
        self.counters[reason] = self.counters.get(reason, 0) + by

    def details(self) -> Mapping[str, str | int | bool]:
        """What ``sereno status`` shows beside the state: broker, session, recognised format."""
        return {}
