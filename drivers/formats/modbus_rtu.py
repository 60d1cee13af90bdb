"""Modbus RTU, overheard: the answers of temperature and humidity transmitters that another master on the bus polls.

Wire: ``01 04 00 01 00 02 20 0B``, then ``01 04 04 01 31 02 22 2A CE``; a CRC-16 ends each frame, low byte first. An
answer does not tell its registers, so it is read against the question heard right before it. Register 1 of function 4
is the temperature, register 2 the humidity (XY-MD02, SHT20); of what lies beyond them nothing is guessed. The device is
the unit's address.
Units: signed tenths of °C and tenths of %.
Failure: an exception (function 84) instead of an answer; bytes whose CRC does not hold, or that end before it.
Source: XY-MD02 manual; MODBUS Application Protocol V1.1b3; thingsboard-gateway issue 1016.

Sample: hex ``01 04 00 01 00 02 20 0B`` ``01 04 04 01 31 02 22 2A CE`` (30.5 °C, 54.6 %)
Config: ``{type: serial, port: /dev/ttyUSB0, format: modbus-rtu}``
"""

from drivers.base import Decoded, Kind, Measurement, Reading
from drivers.modbus_frames import INPUT, BusFramer, Heard, Refusal, Reply, Request

NAME = "modbus-rtu"
_QUANTITIES = {1: ("temperature", "°C", -40.0, 125.0), 2: ("humidity", "%", 0.0, 100.0)}
"""By register: what it holds, its unit, the least and the most that can be."""
_EXCEPTIONS = {
    1: "it does not know the function",
    2: "it has no such register",
    3: "it refuses the number of registers",
    4: "it has failed",
    5: "it needs more time",
    6: "it is busy",
    8: "its memory is faulty",
    10: "the gateway finds no path to it",
    11: "it does not answer the gateway",
}
_SHORT_ANSWERS = (2, 4)
"""Bytes of the one or two registers that such a transmitter answers."""


class Listener:
    """A bus's bytes in, decoded frames out. ``bad_bytes`` counts bytes that belonged to no frame."""

    def __init__(self) -> None:
        self.bad_bytes = 0
        self._bus = BusFramer()
        self._lost = 0  # bytes since the last frame or pause

    def feed(self, data: bytes) -> list[Decoded]:
        """The frames that ``data`` completes; what was lost before one is an ERROR before it."""
        self._bus.waiting += data
        return self._take(paused=False)

    def pause(self) -> list[Decoded]:
        """The line is quiet: a frame is sent in one go, so what waits was cut short."""
        return self._take(paused=True) + self._tell_lost()

    def _take(self, *, paused: bool) -> list[Decoded]:
        decoded: list[Decoded] = []
        for heard in self._bus.frames(paused=paused):
            self._count_lost()
            if self._lost and isinstance(heard, Reply):
                heard = heard._replace(request=None)  # it may answer a question that is among the lost bytes
            decoded += [*self._tell_lost(), decode(heard)]
        if self._count_lost():
            self._bus.asked = None
        return decoded

    def _count_lost(self) -> int:
        lost, self._bus.skipped = self._bus.skipped, 0
        self._lost += lost
        self.bad_bytes += lost
        return lost

    def _tell_lost(self) -> list[Decoded]:
        lost, self._lost = self._lost, 0
        return [garbled(lost)] if lost else []


def decode(heard: Heard) -> Decoded:
    """Read a frame; only an answer to a question of registers 1 and 2 of function 4 is a reading."""
    if isinstance(heard, Reply):
        return _decode_reply(heard)
    if isinstance(heard, Refusal):
        return _decode_refusal(heard)
    if isinstance(heard, Request):
        return Decoded(Kind.NOISE, NAME, reason=f"a question to unit {heard.unit}; its answer is what counts")
    return Decoded(Kind.NOISE, NAME, reason=f"function {heard.function} with unit {heard.unit} reads no register")


def garbled(count: int) -> Decoded:
    """An ERROR for ``count`` bytes of no frame."""
    return Decoded(Kind.ERROR, NAME, reason=f"{count} bytes that are no frame: the CRC does not hold, or they were cut")


def begins(burst: bytes | bytearray) -> bool:
    """Whether a burst begins like a question for registers or its answer: no text does, though a DHT frame may."""
    if len(burst) < 2 or not 1 <= burst[0] <= 247 or burst[1] & 0x7F not in (3, 4):
        return False
    if burst[1] & 0x80:
        return len(burst) < 3 or burst[2] in _EXCEPTIONS
    answers = len(burst) < 3 or (burst[2] % 2 == 0 and 2 <= burst[2] <= 250)
    return answers or len(burst) < 6 or 1 <= burst[4] << 8 | burst[5] <= 125


def begins_with_frame(burst: bytes | bytearray) -> bool:
    """Whether the burst's first bytes are a frame, CRC and all."""
    bus = BusFramer()
    return bool(bus.feed(bytes(burst))) and not bus.skipped


def is_frames(burst: bytes | bytearray) -> bool:
    """Whether a burst that a pause ended is a bus's: it begins with a frame, or half of it is frames."""
    bus = BusFramer()
    heard = bus.feed(bytes(burst))
    if heard and not bus.skipped:
        return True
    heard += bus.pause()
    return bool(heard) and 2 * bus.skipped <= len(burst)


def is_cut_answer(burst: bytes | bytearray) -> bool:
    """Whether a burst is an answer of one or two registers less its end; as a DHT22's frame it would be above 51 °C."""
    return begins(burst) and 2 < len(burst) < 5 + burst[2] and burst[1] in (3, 4) and burst[2] in _SHORT_ANSWERS


def _decode_reply(reply: Reply) -> Decoded:
    asked = reply.request
    if asked is None:
        return _unknown(f"unit {reply.unit} answers, but the question was not heard: which registers are these?")
    quantities = _asked_for(asked)
    if not quantities:
        return _unknown(
            f"unit {reply.unit} answers {asked.quantity} registers from {asked.register} of function {asked.function}: "
            "what they hold is not known; only registers 1 and 2 of function 4 are read"
        )
    measurements = []
    for (quantity, unit, least, most), register in zip(quantities, reply.registers, strict=True):
        value = (register - 0x10000 if register & 0x8000 else register) / 10
        if not least <= value <= most:
            return _unknown(f"unit {reply.unit} answers {value:g}, which is no {quantity} in {unit}: not such a device")
        measurements.append(Measurement(quantity, value, unit))
    reading = Reading(str(reply.unit), "", tuple(measurements))
    return Decoded(Kind.READING, NAME, (reading,), None, "registers 1 and 2 of function 4 are temperature and humidity")


def _decode_refusal(refusal: Refusal) -> Decoded:
    why = _EXCEPTIONS.get(refusal.code, "for a reason that the specification does not name")
    failed = tuple([one[0] for one in _asked_for(refusal.request)]) if refusal.request else ()
    readings = (Reading(str(refusal.unit), failed=failed),) if failed else ()
    reason = f"unit {refusal.unit} refuses function {refusal.function}: {why} (exception {refusal.code})"
    return Decoded(Kind.ERROR, NAME, readings, reason=reason)


def _asked_for(asked: Request) -> list[tuple[str, str, float, float]]:
    """The quantities asked for, none unless all of the registers are known."""
    registers = range(asked.register, asked.register + asked.quantity)
    if asked.function != INPUT or not all(register in _QUANTITIES for register in registers):
        return []
    return [_QUANTITIES[register] for register in registers]


def _unknown(reason: str) -> Decoded:
    return Decoded(Kind.UNKNOWN, NAME, reason=reason)
