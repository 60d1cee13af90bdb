"""The Modbus driver: the master of an RS-485 bus that asks temperature and humidity transmitters for their registers.

Source: manuals of XY-MD02 and SHT20 (thingsboard-gateway issue 1016: they refuse registers from 2 on), L-com SRTH100
and RS-WS-N01 (tspi.at); MODBUS over Serial Line V1.02 for the pause between frames.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from drivers.base import QUANTITIES, Backoff, Decoded, Delivery, Driver, Kind, Measurement, Reading
from drivers.clock import now_us
from drivers.formats.units import fits, read_unit
from drivers.inbox import Inbox
from drivers.modbus_frames import BusFramer, Heard, Refusal, Reply, Request
from drivers.serial_port import SerialPort
from drivers.settings import CommonSettings, Duration

_TYPES = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}
_MOST_TOLD = 5
"""Devices in trouble whose complaints ``status`` shows."""
_SENTINELS = {">h": (0x7FFF, -0x8000), ">H": (0x7FFF, 0x8000, 0xFFFF)}  # the probe is not there
_NEVER_SO_LARGE = frozenset({"temperature", "humidity", "dew_point", "heat_index"})
"""An unsigned register's 0x7FFF is a failure of these at any scale; 32767 lx is a sunny day."""
_EXCEPTIONS = {
    1: "it does not know the function: set function to 3 or 4",
    2: "it has no such register: look at register and at model",
    3: "it does not give so many registers at once: look at register and type",
    4: "it cannot read its probe: look at the probe",
    6: "it is busy: set every to more",
}


class Register(BaseModel):
    """Where a quantity stands: ``register`` as it is sent, from 0; its value is ``scale`` times what is there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: Literal[3, 4]
    register_: int = Field(alias="register", ge=0, le=0xFFFF)
    scale: float = Field(0.1, allow_inf_nan=False)
    signed: bool = True
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] | None = None
    word_order: Literal["big", "little"] = "big"
    unit: str = ""

    @property
    def layout(self) -> str:
        """Its type, as struct has it."""
        return _TYPES[self.type or ("int16" if self.signed else "uint16")]

    @property
    def end(self) -> int:
        """The register behind it."""
        return self.register_ + struct.calcsize(self.layout) // 2

    def value(self, quantity: str, words: Sequence[int]) -> float | None:
        """What its words say; None: the device's sign of failure, or no number."""
        ordered = words if self.word_order == "big" else tuple(reversed(words))
        raw = struct.unpack(self.layout, struct.pack(f">{len(ordered)}H", *ordered))[0]
        if raw in _SENTINELS.get(self.layout, ()) and (self.layout == ">h" or quantity in _NEVER_SO_LARGE):
            return None
        if abs(raw) == float("inf") or raw != raw:
            return None
        return round(float(raw) * self.scale, 6)


def _map(function: int, temperature: int, humidity: int) -> Mapping[str, Register]:
    return {
        "temperature": Register.model_validate({"function": function, "register": temperature, "unit": "°C"}),
        "humidity": Register.model_validate({"function": function, "register": humidity, "signed": False, "unit": "%"}),
    }


MODELS: Mapping[str, Mapping[str, Register]] = {
    "xy-md02": _map(4, 1, 2),
    "sht20": _map(4, 1, 2),
    "srth100": _map(3, 0, 1),
    "rs-ws-n01": _map(3, 1, 0),
}


class Device(BaseModel):
    """One transmitter: of a known ``model``, or with its ``registers``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: int = Field(ge=1, le=247)
    model: str | None = Field(None, max_length=64)
    name: str | None = Field(None, min_length=1, max_length=64)
    registers: Mapping[str, Register] = {}

    @model_validator(mode="after")
    def _map_is_known(self) -> Self:
        if not self.registers and self.model not in MODELS:
            raise ValueError(
                f"model {self.model!r} has no known registers; write one of {', '.join(MODELS)}, or registers"
            )
        for quantity, register in self.registers.items():
            if quantity not in QUANTITIES:
                raise ValueError(f"{quantity!r} is no quantity; there are {', '.join(QUANTITIES)}")
            unit = read_unit(register.unit or QUANTITIES[quantity])
            if unit is None or not fits(quantity, unit):
                raise ValueError(f"{register.unit!r} is no unit of {quantity}; {QUANTITIES[quantity]} is usual")
            if register.end > 0x10000:
                raise ValueError(f"{quantity} ends behind the last register, 65535; look at register and type")
        return self

    @property
    def key(self) -> str:
        """What it is called."""
        return self.name or str(self.unit)

    @property
    def map(self) -> Mapping[str, Register]:
        """Its registers by quantity."""
        return self.registers or MODELS[self.model or ""]

    def requests(self) -> list[Request]:
        """As few as read it all: neighbours are asked for together."""
        found: list[Request] = []
        for function, start, end in sorted((r.function, r.register_, r.end) for r in self.map.values()):
            last = found[-1] if found else None
            if last and last.function == function and start <= last.register + last.quantity:
                found[-1] = last._replace(quantity=max(last.quantity, end - last.register))
            else:
                found.append(Request(self.unit, function, start, end - start))
        return found


class ModbusSettings(CommonSettings):
    """Keys of a ``type: modbus`` driver."""

    SAMPLE: ClassVar[str] = """\
- name: bus
  type: modbus
  port: /dev/ttyUSB0                    # the RS-485 adapter: a path, or VID:PID, or VID:PID:serial number
  baudrate: 9600                        # as the transmitters are set; rs-ws-n01: 4800
  parity: N                             # or E, O
  stopbits: 1                           # or 2
  every: 10s                            # from one round of questions to the next
  timeout: 500ms                        # for so long an answer is waited for
  devices: [{unit: 1, model: xy-md02}]  # or sht20, srth100, rs-ws-n01, or registers in place of model
"""

    type: Literal["modbus"] = "modbus"
    port: str = Field(min_length=1, description="a path, or VID:PID[:serial number]")
    baudrate: int = Field(9600, ge=50, le=4_000_000)
    parity: Literal["N", "E", "O"] = "N"
    stopbits: Literal[1, 2] = 1
    every: Duration = Field(timedelta(seconds=10), gt=timedelta(0))
    timeout: Duration = Field(timedelta(milliseconds=500), gt=timedelta(0))
    devices: tuple[Device, ...] = Field(max_length=247)

    @field_validator("devices")
    @classmethod
    def _devices_differ(cls, devices: tuple[Device, ...]) -> tuple[Device, ...]:
        if not devices:
            raise ValueError("there are none; name at least one, such as {unit: 1, model: xy-md02}")
        if len({d.unit for d in devices}) < len(devices) or len({d.key for d in devices}) < len(devices):
            raise ValueError("two devices have one unit or name; give each its own")
        return devices

    def cautions(self) -> list[str]:
        timeout, every = self.timeout.total_seconds(), self.every.total_seconds()
        late = f"timeout, {timeout:g} s, is longer than every, {every:g} s: one silent device makes each round late"
        return [late] if timeout > every else []


class ModbusDriver(Driver):
    """One bus, asked in rounds, one question at a time. What the daemon cannot take is lost, oldest first."""

    Settings: ClassVar[type[CommonSettings]] = ModbusSettings
    backoff = Backoff(0.5, 2)

    def __init__(
        self, name: str, settings: ModbusSettings, memory: Mapping[str, Any], *, clock: Callable[[], int] = now_us
    ) -> None:
        super().__init__(name, memory)
        self._settings = settings
        self._clock = clock
        self._port = SerialPort(
            settings.port,
            on_data=self._take,
            on_loss=self._lose,
            baudrate=settings.baudrate,
            parity=settings.parity,
            stopbits=settings.stopbits,
        )
        self._gap = max(0.00175, 3.5 * 11 / settings.baudrate)  # seconds: silence of 3.5 characters
        self._framer = BusFramer()
        self._quiet_from: dict[int, float] = {}  # by unit: until then a late answer to an old question may come
        self._asked: Request | None = None
        self._answer: asyncio.Future[Reply | Refusal] | None = None
        self._dead: set[int] = set()
        self._complaints: dict[str, str] = {}  # by device, "" where all is well
        self._inbox = Inbox(self.count)
        self._polling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._port.open()
        self._polling = asyncio.create_task(self._poll())
        self._polling.add_done_callback(self._ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._polling is not None:
            self._polling.cancel()
        self._port.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Delivery]:
        return await self._inbox.take()

    def details(self) -> Mapping[str, str | int | bool]:
        troubled = [complaint for complaint in self._complaints.values() if complaint]
        well = len(self._complaints) - len(troubled)
        details = {"port": self._port.path, "answering": f"{well} of {len(self._settings.devices)}"}
        return details | ({"trouble": "; ".join(troubled[:_MOST_TOLD])} if troubled else {})

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            again = [d for d in self._settings.devices if not await self._read(d, last=d.unit in self._dead)]
            for device in again:
                await self._read(device, last=True)
            await asyncio.sleep(max(self._gap, begun + self._settings.every.total_seconds() - loop.time()))

    async def _read(self, device: Device, *, last: bool) -> bool:
        """Ask for all that a device has and deliver it; False: it failed and, not being the ``last``, may try again."""
        words: dict[tuple[int, int], int] = {}
        complaint, refused = "", False
        for request in device.requests():
            answer = await self._ask(request)
            if isinstance(answer, Reply):
                words |= {(request.function, request.register + at): word for at, word in enumerate(answer.registers)}
                continue
            complaint = complaint or self._complaint(device, answer)
            if answer is None:
                break  # it would let the other questions wait as long
            refused = True
        absent = not words and not refused
        if absent and not last:
            return False
        (self._dead.add if absent else self._dead.discard)(device.unit)
        self._complaints[device.key] = complaint
        self._deliver(_decoded(device, words, complaint, absent=absent))
        return True

    async def _ask(self, request: Request) -> Reply | Refusal | None:
        loop, patience = asyncio.get_running_loop(), self._settings.timeout.total_seconds()
        # What a slow device still has to say to an old question would pass as the answer to this one.
        await asyncio.sleep(max(self._gap, self._quiet_from.pop(request.unit, 0.0) - loop.time()))
        self._framer = BusFramer(request)
        self._asked = request
        self._answer = loop.create_future()
        self._port.write(request.to_bytes())
        try:
            await asyncio.wait((self._answer,), timeout=patience)
            if not self._answer.done():
                self._hear(self._framer.pause())  # it may be hidden behind a byte that looked like a start
            if self._answer.done():
                return self._answer.result()
            self._quiet_from[request.unit] = loop.time() + patience
            return None
        finally:
            self._asked = self._answer = None

    def _complaint(self, device: Device, answer: Refusal | None) -> str:
        if answer is not None:
            why = _EXCEPTIONS.get(answer.code, "look into its manual")
            return f"Device {device.key} (unit {device.unit}) refuses with exception {answer.code}; {why}"
        heard = len(self._framer.waiting) + self._framer.skipped
        look = "baudrate, parity and termination" if heard else "unit, baudrate, power and wires A and B"
        what = "sends no whole frame" if heard else "does not answer"
        return f"Device {device.key} (unit {device.unit}) {what}: look at {look}"

    def _take(self, data: bytes) -> None:
        self._hear(self._framer.feed(data))

    def _hear(self, frames: Sequence[Heard]) -> None:
        for heard in frames:
            if (
                isinstance(heard, Reply | Refusal)
                and heard.request is not None
                and heard.request == self._asked
                and self._answer is not None
                and not self._answer.done()
            ):
                self._answer.set_result(heard)

    def _deliver(self, decoded: Decoded) -> None:
        self._inbox.put(decoded, self._clock(), self._port.path)

    def _lose(self, sentence: str) -> None:
        self._port.stop_reading()
        self._inbox.lose(sentence)
        if self._polling is not None:
            self._polling.cancel()

    def _ended(self, polling: "asyncio.Task[None]") -> None:
        """Polling ends when the port is lost or closed, and by no fault of ours that would go unheard."""
        if not polling.cancelled() and (fault := polling.exception()) is not None:
            self._lose(f"polling stopped by a fault ({type(fault).__name__}: {fault}); please report it")


def _decoded(device: Device, words: Mapping[tuple[int, int], int], complaint: str, *, absent: bool) -> Decoded:
    """What a device's registers say; what lies in those that it did not tell has failed, and ``complaint`` says why."""
    measurements: list[Measurement] = []
    failed: list[str] = []
    for quantity, r in device.map.items():
        places = [(r.function, at) for at in range(r.register_, r.end)]
        value = r.value(quantity, [words[place] for place in places]) if words.keys() >= set(places) else None
        if value is None:
            failed.append(quantity)
        else:
            measurements.append(Measurement(quantity, value, r.unit or QUANTITIES[quantity]))
    reading = Reading(device.key, "", tuple(measurements), tuple(failed), model=device.model, absent=absent)
    if measurements:
        return Decoded(Kind.READING, "modbus", (reading,), None, complaint or "registers as asked for")
    sign = f"device {device.key} sends its sign of failure: look at its probe"
    return Decoded(Kind.ERROR, "modbus", (reading,), None, complaint or sign)
