"""The replay driver: a recording read again, as fast as it is taken, at the pace it was made, or faster.

It hands over what a live driver would have handed over then: captured messages and lines go through the real
formats, and the time of receipt is the recorded one, so that history is believed.
"""

import asyncio
import gzip
import hashlib
import time
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar, Literal, Self, cast
from zoneinfo import ZoneInfo

from pydantic import Field

from drivers.base import Decoded, Delivery, Driver, DriverError, Kind, Reading
from drivers.clock import now_us
from drivers.formats import SerialDecoder, decode_mqtt
from drivers.recording import LONGEST_LINE, Malformed, Message, Record, RecordingError, SerialLine, read
from drivers.settings import CommonSettings

_BATCH = 250  # deliveries: some 10 ms of decoding, after which the loop has its turn
_QUIET_US = 500_000  # a gap in a captured serial line after which a record of several lines is over
_PORTS = 64  # serial ports in one recording, each with a decoder of its own
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ReplaySettings(CommonSettings):
    """Keys of a ``type: replay`` driver."""

    SAMPLE: ClassVar[str] = """\
- name: past
  type: replay
  path: /var/lib/sereno/past.csv.gz   # .csv, .ndjson, each also .gz: readings, or captured messages and lines
  speed: 0                            # 0: as fast as they are taken; 1: as they came; 60: an hour in a minute
  shift: none                         # now: moved in time so that the last row is now
"""

    type: Literal["replay"] = "replay"
    path: Path
    speed: float = Field(0, ge=0, le=1_000_000, allow_inf_nan=False)
    shift: Literal["none", "now"] = "none"


class ReplayDriver(Driver):
    """One pass over a file, from where the last one stopped; iteration ends with the file.

    ``memory["place"]`` is where in the file the last yielded batch ended. Lines that are no record are counted as
    ``malformed``; :meth:`details` tells the last of them.
    """

    Settings: ClassVar[type[CommonSettings]] = ReplaySettings

    def __init__(
        self,
        name: str,
        settings: ReplaySettings,
        memory: Mapping[str, Any],
        *,
        clock: Callable[[], int] = now_us,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(name, memory)
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._path = settings.path
        self._zone = ZoneInfo(settings.timezone) if settings.timezone else None
        self._files = ExitStack()
        self._place: dict[str, Any] = {}
        self._records: Iterator[Record | Malformed] = iter(())
        self._held: Record | None = None  # read, but not yet due
        self._ended = False
        self._fault: DriverError | None = None  # raised once what was read before it is handed over
        self._began: tuple[float, int] | None = None  # monotonic s and recorded µs of the first record
        self._ports: dict[str, _Port] = {}
        self._last_malformed = ""

    async def __aenter__(self) -> Self:
        try:
            self._place = await asyncio.to_thread(self._find_place)
            file = self._files.enter_context(open_recording(self._path))
            self._records = read(lines_of(file), self._zone, self._place["line"])
        except (OSError, EOFError, zlib.error, ValueError, RecordingError) as fault:
            self._files.close()
            raise self._unreadable(fault) from fault
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delivery]:
        while not self._ended:
            await self._sleep(self._wait(self._held) if self._held else 0)
            batch = self._take()
            self.memory["place"] = dict(self._place)
            if batch:
                return batch
        if self._fault is not None:
            raise self._fault
        raise StopAsyncIteration

    def details(self) -> Mapping[str, str | int | bool]:
        details: dict[str, str | int | bool] = {"path": str(self._path), "line": self._place.get("line", 0)}
        return details | ({"last_malformed": self._last_malformed} if self._last_malformed else {})

    def _find_place(self) -> dict[str, Any]:
        """Where to begin: a file is known again by its first two lines, so that it may have grown since."""
        with open_recording(self._path) as file:
            head = hashlib.sha256(b"".join(islice(lines_of(file), 2))).hexdigest()
        place = self.memory.get("place", {})
        if place.get("file") == head:
            return dict(place)
        return {"file": head, "line": 0, "shift": self._find_shift()}

    def _find_shift(self) -> int:
        """µs from recorded to replayed time."""
        if self._settings.shift == "none":
            return 0
        with open_recording(self._path) as file:
            records = read(lines_of(file), self._zone)
            last = max((record.time for record in records if isinstance(record, Record)), default=None)
        return 0 if last is None else self._clock() - last

    def _wait(self, record: Record) -> float:
        """Seconds until a record is due."""
        if not self._settings.speed:
            return 0
        if self._began is None:
            self._began = self._monotonic(), record.time
        began, first = self._began
        return max(0.0, began + (record.time - first) / 1e6 / self._settings.speed - self._monotonic())

    def _take(self) -> list[Delivery]:
        """What is due, at most a batch of it."""
        batch: list[Delivery] = []
        for _ in range(_BATCH):
            record = self._held or self._read()
            self._held = None
            if record is None:
                self._ended = True
                return batch + [delivery for port in self._ports.values() for delivery in port.flush()]
            if isinstance(record, Malformed):
                self._refuse(record)
                continue
            if self._wait(record) > 0:
                self._held = record
                break
            batch += self._deliver(record)
            self._place["line"] = record.line
        return batch

    def _read(self) -> Record | Malformed | None:
        try:
            return next(self._records, None)
        except (OSError, EOFError, zlib.error) as fault:
            self._fault = self._unreadable(fault)
            return None

    def _refuse(self, record: Malformed) -> None:
        self.count("malformed")
        self._last_malformed = f"{self._path.name}:{record.line}: {record.reason}"[:200]
        self._place["line"] = record.line

    def _deliver(self, record: Record) -> list[Delivery]:
        shift = self._place["shift"]
        received_at = record.time + shift
        match record.body:
            case Reading() as reading:
                decoded = _as_decoded(reading, received_at)
                return [Delivery(decoded, received_at, str(self._path))]
            case Message(topic, payload, retained):
                decoded = _moved(decode_mqtt(topic, payload, self.memory.setdefault("formats", {})), shift)
                return [Delivery(decoded, received_at, topic, payload[:4096], retained=retained)]
            case SerialLine(name, line):
                if name not in self._ports and len(self._ports) >= _PORTS:
                    self._refuse(Malformed(record.line, f"a line of one more port than {_PORTS}"))
                    return []
                return self._port(name).feed(line, received_at, shift)

    def _port(self, name: str) -> "_Port":
        if name not in self._ports:
            learned = self.memory.setdefault("ports", {}).setdefault(name, {})
            self._ports[name] = _Port(name, SerialDecoder("auto", learned))
        return self._ports[name]

    def _unreadable(self, fault: Exception) -> DriverError:
        match fault:
            case RecordingError():
                return DriverError(f"{self._path}: {fault}", retryable=False)
            case FileNotFoundError():
                return DriverError(f"{self._path} is not there: correct `path`, or put the file there")
            case PermissionError():
                return DriverError(f"{self._path} may not be read: let this user read it (chmod, chown)")
            case _:
                after = self._place.get("line", 0)
                return DriverError(f"{self._path} cannot be read after line {after}: {fault}", retryable=False)


class _Port:
    """One port of a recording: its lines through a decoder, which hears of the pauses between them."""

    def __init__(self, name: str, decoder: SerialDecoder) -> None:
        self._name = name
        self._decoder = decoder
        self._last = 0
        self._shift = 0

    def feed(self, line: bytes, received_at: int, shift: int) -> list[Delivery]:
        """``shift`` is what ``received_at`` was moved by, and device times will be."""
        paused = self.flush() if self._last and received_at - self._last > _QUIET_US else []
        self._last, self._shift = received_at, shift
        return paused + self._deliver(self._decoder.feed(line if line.endswith(b"\n") else line + b"\r\n"), line)

    def flush(self) -> list[Delivery]:
        return self._deliver(self._decoder.idle(), b"")

    def _deliver(self, decoded: Sequence[Decoded], line: bytes) -> list[Delivery]:
        return [Delivery(_moved(one, self._shift), self._last, self._name, line[:4096]) for one in decoded]


def open_recording(path: Path) -> IO[bytes]:
    """A recording's bytes, unpacked where they are gzipped; raises OSError."""
    if path.exists() and not path.is_file():
        raise OSError("it is not a file")  # a pipe would keep open() waiting
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def lines_of(file: IO[bytes]) -> Iterator[bytes]:
    """Lines with their ends; of a line over ``LONGEST_LINE`` bytes, the first of these and one more."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)


def _as_decoded(reading: Reading, time_us: int) -> Decoded:
    kind = Kind.READING if reading.measurements else Kind.ERROR
    return Decoded(kind, "recording", (reading._replace(measured_at=_EPOCH + timedelta(microseconds=time_us)),))


def _moved(decoded: Decoded, shift: int) -> Decoded:
    """The same, with the devices' own times moved along."""
    if not shift or not decoded.readings:
        return decoded
    by = timedelta(microseconds=shift)
    readings = (r._replace(measured_at=r.measured_at + by) if r.measured_at else r for r in decoded.readings)
    return decoded._replace(readings=tuple(readings))
