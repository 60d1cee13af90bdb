"""The serial driver: one port, read without blocking inside the event loop.

What the bytes mean is the formats' business.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, field_validator, model_validator

from drivers.base import Backoff, Decoded, Delivery, Driver
from drivers.clock import now_us
from drivers.formats import SERIAL_FORMATS, SerialDecoder, csv_lines
from drivers.formats.csv_lines import MOST_COLUMNS, SKIPPED, is_title
from drivers.formats.names import read_letter
from drivers.formats.units import fits, read_unit
from drivers.inbox import Inbox
from drivers.serial_port import SerialPort
from drivers.settings import CommonSettings, Duration

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
        self._port = SerialPort(settings.port, on_data=self._take, on_loss=self._lose, baudrate=settings.baudrate)
        self._inbox = Inbox(self.count)
        self._payload = b""
        self._last_byte = 0.0
        self._quiet: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._port.open()
        self._last_byte = asyncio.get_running_loop().time()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
        self._port.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        mute_after = self._settings.mute_after.total_seconds()
        while True:
            try:
                return await self._inbox.take(self._last_byte + mute_after)
            except TimeoutError:
                if loop.time() >= self._last_byte + mute_after:
                    self._lose(
                        f"{self._port.path} has sent nothing for {mute_after:g} s: look at the device, its baud rate "
                        "and its cable, or set mute_after to more than the pause between its lines; opening the port "
                        "again"
                    )

    def details(self) -> Mapping[str, str | int | bool]:
        return {"port": self._port.path, "format": self._decoder.recognised or "not recognised yet"}

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
            self._inbox.put(one, received_at, self._port.path, self._payload)
        if decoded:
            self._payload = b""
        self.counters |= self._decoder.counters

    def _lose(self, sentence: str) -> None:
        self._port.stop_reading()
        if self._quiet is not None:  # what was being said when the cable came out was not said to its end
            self._quiet.cancel()
        self._inbox.lose(sentence)
