"""The serial driver: one port, read without blocking inside the event loop.

It knows how a port is found, opened and lost; what the bytes mean is the formats' business.
"""

import asyncio
import errno
import os
import re
import select
import termios
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, field_validator, model_validator
from serial import Serial, SerialException
from serial.tools import list_ports

from drivers.base import Backoff, Decoded, Delivery, Driver, DriverError
from drivers.clock import now_us
from drivers.formats import SERIAL_FORMATS, SerialDecoder, csv_lines
from drivers.formats.csv_lines import MOST_COLUMNS, SKIPPED, is_title
from drivers.formats.names import read_letter
from drivers.formats.units import fits, read_unit
from drivers.settings import CommonSettings, Duration

_USB_ID = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.+))?")
_QUEUE = 1000  # deliveries: ten minutes and more of the fastest DHT sketch
_CHUNK = 4096  # bytes: what the kernel's tty buffer holds
_PAYLOAD = 4096  # bytes kept of what led to a delivery
_QUIET = 0.5  # seconds without a byte after which a record of several lines is over


class SerialSettings(CommonSettings):
    """Keys of a ``type: serial`` driver."""

    SAMPLE: ClassVar[str] = """\
- name: bench
  type: serial
  port: /dev/serial/by-id/usb-Arduino   # or /dev/ttyUSB0, or VID:PID, or VID:PID:serial number (1a86:7523)
  baudrate: 9600                        # as in the sketch's Serial.begin()
  format: auto                          # or the name of a format, where auto guesses wrong
  # columns: [humidity, temperature]    # of a CSV without a header line; - skips one
  # temperature_unit: "°F"              # of temperatures in text or CSV without a unit; default: °C
  mute_after: 5min                      # reopen a port that sends nothing for so long; more than the sketch's pause
"""

    type: Literal["serial"] = "serial"
    port: str = Field(
        min_length=1, description="a path, preferably below /dev/serial/by-id, or VID:PID[:serial number]"
    )
    baudrate: int = Field(9600, ge=50, le=4_000_000)
    format: str = "auto"
    columns: tuple[str, ...] = Field((), max_length=MOST_COLUMNS, description="of a CSV without a header; - skips one")
    temperature_unit: str = Field("", description="of temperatures in text or CSV that do not tell theirs")
    mute_after: Duration = Field(timedelta(minutes=5), gt=timedelta(0))

    @field_validator("format")
    @classmethod
    def _format_is_known(cls, value: str) -> str:
        if value not in SERIAL_FORMATS:
            raise ValueError(f"{value!r} is no serial format; there are {', '.join(sorted(SERIAL_FORMATS))}")
        return value

    @field_validator("columns")
    @classmethod
    def _columns_are_known(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        for title in columns:
            if title != SKIPPED and not is_title(title):
                raise ValueError(
                    f"{title!r} is no column that is read; name its quantity (humidity, temperature, "
                    '"attic temperature"), time, or - to skip it'
                )
        if columns and not any(read_letter(title).quantity for title in columns):
            raise ValueError("no column is a quantity; name one, such as temperature, or leave columns out")
        return columns

    @field_validator("temperature_unit")
    @classmethod
    def _unit_is_a_temperature_s(cls, value: str) -> str:
        unit = read_unit(value) if value else ""
        if unit is None or not fits("temperature", unit):
            raise ValueError(f'{value!r} is no unit of temperature; write "°C", "°F" or K')
        return unit

    @model_validator(mode="after")
    def _columns_are_a_csv_s(self) -> Self:
        if self.columns and self.format not in ("auto", csv_lines.NAME):
            raise ValueError(f"columns are a CSV's, and format is {self.format}; set it to {csv_lines.NAME}")
        return self


class Decoder(Protocol):
    """What the driver needs of :class:`drivers.formats.SerialDecoder`."""

    counters: dict[str, int]
    recognised: str | None

    def feed(self, data: bytes) -> list[Decoded]: ...

    def idle(self) -> list[Decoded]: ...


class SerialDriver(Driver):
    """One open port. It has no receipts: what the daemon cannot take in time is lost, oldest first, and counted.

    A line's time of receipt is when its last byte came, and no two have the same. Half a line is lost with the port:
    the next object has a decoder of its own.
    """

    Settings: ClassVar[type[CommonSettings]] = SerialSettings
    backoff = Backoff(0.5, 2)  # a replugged cable is a local matter: back within 3 s

    def __init__(
        self,
        name: str,
        settings: SerialSettings,
        memory: Mapping[str, Any],
        *,
        clock: Callable[[], int] = now_us,
        decoder: Callable[[str, dict[str, Any], Sequence[str], str], Decoder] = SerialDecoder,
    ) -> None:
        super().__init__(name, memory)
        self._settings = settings
        self._clock = clock
        self._decoder = decoder(settings.format, self.memory, settings.columns, settings.temperature_unit)
        self._port: Serial | None = None
        self._device = settings.port
        self._queue: deque[Delivery] = deque()
        self._payload = b""
        self._fault: DriverError | None = None
        self._arrived = asyncio.Event()
        self._last_byte = 0.0
        self._stamp = 0  # µs: time of receipt of the last delivery
        self._quiet: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        # In a thread: a wedged USB adapter lets open() wait for seconds.
        opening = loop.run_in_executor(None, self._open)
        try:
            self._port = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unwanted)
            raise
        self._last_byte = loop.time()
        loop.add_reader(self._port.fileno(), self._on_readable, self._port.fileno())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        if self._port is not None:
            self._stop_reading()
            _close(self._port)
            self._port = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delivery]:
        while not self._queue:
            if self._fault is not None:
                raise self._fault
            await self._wait()
        batch = list(self._queue)
        self._queue.clear()
        return batch

    def details(self) -> Mapping[str, str | int | bool]:
        return {"port": self._device, "format": self._decoder.recognised or "not recognised yet"}

    def _open(self) -> Serial:
        self._device = find_port(self._settings.port)
        try:
            return Serial(self._device, self._settings.baudrate, timeout=0, exclusive=True)
        except (SerialException, OSError, ValueError, termios.error) as fault:
            raise _open_error(self._device, fault) from fault

    async def _wait(self) -> None:
        """Until something arrived or the port is given up."""
        loop = asyncio.get_running_loop()
        mute_after = self._settings.mute_after.total_seconds()
        self._arrived.clear()
        try:
            async with asyncio.timeout_at(self._last_byte + mute_after):
                await self._arrived.wait()
        except TimeoutError:
            if loop.time() >= self._last_byte + mute_after:
                self._lose(
                    f"{self._device} has sent nothing for {mute_after:g} s: look at the device, its baud rate and its "
                    "cable, or set mute_after to more than the pause between its lines; opening the port again"
                )

    def _on_readable(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError as fault:
            self._lose(f"{self._device} is gone ({os.strerror(fault.errno or 0)}): is it unplugged?")
            return
        if data:
            self._take(data)
        elif _is_ready(descriptor):  # readable with nothing to read is how a tty says that it was hung up
            self._lose(f"{self._device} is gone: is it unplugged?")

    def _take(self, data: bytes) -> None:
        received_at = self._clock()
        loop = asyncio.get_running_loop()
        self._last_byte = loop.time()
        for piece in data.splitlines(keepends=True):  # so that a delivery carries its own line
            self._payload = (self._payload + piece)[-_PAYLOAD:]
            self._deliver(self._decoder.feed(piece), received_at)
        if self._quiet is not None:
            self._quiet.cancel()
        self._quiet = loop.call_later(_QUIET, self._on_quiet, received_at)

    def _on_quiet(self, received_at: int) -> None:
        self._deliver(self._decoder.idle(), received_at)

    def _deliver(self, decoded: Sequence[Decoded], received_at: int) -> None:
        for one in decoded:
            if len(self._queue) >= _QUEUE:
                self._queue.popleft()
                self.count("dropped_oldest")
            # Lines read at once are still lines of different moments: a row is known by its sensor and time.
            if 0 <= self._stamp - received_at < _QUIET * 1e6:
                received_at = self._stamp + 1
            self._stamp = received_at
            self._queue.append(Delivery(one, received_at, self._device, self._payload))
        if decoded:
            self._payload = b""
        self.counters |= self._decoder.counters
        self._arrived.set()

    def _lose(self, sentence: str) -> None:
        self._fault = DriverError(sentence)
        self._stop_reading()
        if self._quiet is not None:  # what was being said when the cable came out was not said to its end
            self._quiet.cancel()
        self._arrived.set()

    def _stop_reading(self) -> None:
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())


def find_port(port: str) -> str:
    """The path of a port named by path, ``VID:PID`` or ``VID:PID:serial number``; raises DriverError."""
    match = _USB_ID.fullmatch(port)
    if match is None:
        return port
    vendor, product, serial_number = int(match[1], 16), int(match[2], 16), match[3]
    paths = sorted(
        info.device
        for info in list_ports.comports()
        if (info.vid, info.pid) == (vendor, product) and serial_number in (None, info.serial_number)
    )
    if not paths:
        raise DriverError(f"no USB serial device {port} is plugged in: plug it in, or look for its id with lsusb")
    if len(paths) > 1:
        raise DriverError(
            f"{len(paths)} devices are {port} ({', '.join(paths)}): add the serial number, or name one by its path "
            "below /dev/serial/by-path"
        )
    return str(paths[0])


def _open_error(port: str, fault: Exception) -> DriverError:
    match _errno(fault):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return DriverError(f"{port} is not there: plug the device in, or look for its name in /dev/serial/by-id")
        case errno.EACCES | errno.EPERM:
            return DriverError(
                f"{port} may not be opened: let this user in with `sudo usermod -aG dialout $USER` and sign in again"
            )
        case errno.EAGAIN | errno.EBUSY:
            return DriverError(f"{port} is in use by another program: close that (a serial monitor, another sereno)")
        case errno.EIO:
            return DriverError(f"{port} does not answer: unplug the device and plug it in again")
        case errno.ENOTTY | errno.EISDIR:
            return DriverError(f"{port} is no serial port: name one, see /dev/serial/by-id", retryable=False)
        case errno.EINVAL | None:
            return DriverError(f"{port} refuses these settings: {fault}; 9600 baud is usual", retryable=False)
        case _:
            return DriverError(f"{port} cannot be opened: {fault}; unplug the device and plug it in again")


def _errno(fault: Exception) -> int | None:
    """pyserial hides termios.error, which is no OSError, behind a SerialException without a number."""
    for error in (fault, fault.__context__):
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        if isinstance(error, termios.error):
            return int(error.args[0])
    return None


def _is_ready(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _close(port: Serial) -> None:
    try:
        port.close()
    except (OSError, termios.error):
        return  # the device is gone, and its descriptor with it


def _close_unwanted(opening: "asyncio.Future[Serial]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())
