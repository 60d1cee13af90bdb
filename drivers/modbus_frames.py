"""Modbus RTU frames: what is asked, what is answered, and how both are found in what a bus carries. No I/O.

Source: MODBUS over Serial Line, Specification and Implementation Guide V1.02 (frame, CRC, silent intervals); MODBUS
Application Protocol Specification V1.1b3 (functions, exceptions).
"""

from collections.abc import Iterator
from typing import NamedTuple

HOLDING, INPUT = 3, 4
"""Functions that read registers: holding registers (settings, and many sensors' values), input registers."""
MOST_REGISTERS = 125
"""Of one request: its answer's count of bytes is one byte."""
LONGEST_FRAME = 256
_REFUSED = 0x80
_OTHER = frozenset({1, 2, 5, 6, 15, 16})
"""Functions of other masters whose frames are known by their length alone: coils, discrete inputs, writes."""
_POLYNOMIAL = 0xA001  # x¹⁶ + x¹⁵ + x² + 1, low bit first


def _table() -> Iterator[int]:
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = rest >> 1 ^ _POLYNOMIAL if rest & 1 else rest >> 1
        yield rest


_TABLE = tuple(_table())


def crc16(data: bytes) -> int:
    """The checksum of a frame's other bytes; it is sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc


def sealed(body: bytes) -> bytes:
    """A frame's bytes with their checksum behind them."""
    return body + crc16(body).to_bytes(2, "little")


def is_frame(data: bytes) -> bool:
    """Whether the last two bytes are the checksum of the others."""
    return len(data) >= 4 and crc16(data[:-2]) == data[-2] | data[-1] << 8


class Request(NamedTuple):
    """``quantity`` registers from ``register`` on (as sent: from 0): holding registers (3) or input registers (4)."""

    unit: int
    function: int
    register: int
    quantity: int

    def to_bytes(self) -> bytes:
        """The frame, eight bytes."""
        body = bytes((self.unit, self.function))
        return sealed(body + self.register.to_bytes(2, "big") + self.quantity.to_bytes(2, "big"))

    @property
    def answer_length(self) -> int:
        """Bytes of the reply that it asks for."""
        return 5 + 2 * self.quantity


class Reply(NamedTuple):
    """Registers as answered. A reply does not say which it has: ``request`` is the one it answers, None if unheard."""

    unit: int
    function: int
    registers: tuple[int, ...]
    request: Request | None


class Refusal(NamedTuple):
    """An exception reply; ``function`` is the one that was asked for."""

    unit: int
    function: int
    code: int
    request: Request | None


class Other(NamedTuple):
    """A frame that reads no registers: another master's business."""

    unit: int
    function: int


Heard = Request | Reply | Refusal | Other


class BusFramer:
    """Frames out of a bus's bytes, cut anywhere, requests and replies alike.

    Where no frame begins, the next one is sought byte by byte. ``skipped`` counts bytes of no frame since it was last
    set to 0. ``asked`` is the request that the next reply answers: the last one heard, or the one that was sent.
    """

    def __init__(self, asked: Request | None = None) -> None:
        self.asked = asked
        self.skipped = 0
        self.waiting = bytearray()

    def feed(self, data: bytes) -> list[Heard]:
        """The frames that ``data`` completes."""
        self.waiting += data
        return list(self.frames(paused=False))

    def pause(self) -> list[Heard]:
        """The line is quiet: what waits was cut short, or hides a frame behind a byte that looked like one's start."""
        return list(self.frames(paused=True))

    def frames(self, *, paused: bool) -> Iterator[Heard]:
        """The frames of what waits, one by one: before each, ``skipped`` has the bytes lost on the way to it."""
        place = 0
        while place < len(self.waiting):
            length = self._length_at(place)
            if length > 0:
                frame = bytes(self.waiting[place : place + length])
                del self.waiting[: place + length]
                place = 0
                yield self._read(frame)
                continue
            if length < 0 and not paused:
                answer = self._find_answer(place)
                if answer < 0:
                    break
                self.skipped += answer - place
                place = answer
                continue
            self.skipped += 1
            place += 1
        del self.waiting[:place]

    def _length_at(self, place: int) -> int:
        """Bytes of the frame that begins here; 0: none does; -1: one may, and is not complete."""
        possible = _lengths(self.waiting[place : place + 7])
        for length in possible:
            if place + length <= len(self.waiting) and is_frame(bytes(self.waiting[place : place + length])):
                return length
        here = len(self.waiting) - place
        return -1 if here < 2 or any(length > here for length in possible) else 0

    def _find_answer(self, place: int) -> int:
        """Where what was asked for is answered in full behind bytes that look like the start of something; -1."""
        if self.asked is None:
            return -1
        unit, function, _, quantity = self.asked
        for head, length in (
            (bytes((unit, function, 2 * quantity)), self.asked.answer_length),
            (bytes((unit, function | _REFUSED)), 5),
        ):
            found = self.waiting.find(head, place + 1)
            answer = bytes(self.waiting[found : found + length])
            if found >= 0 and len(answer) == length and is_frame(answer):
                return found
        return -1

    def _read(self, frame: bytes) -> Heard:
        unit, function = frame[0], frame[1]
        asked = self.asked if self.asked and (unit, function & 0x7F) == (self.asked.unit, self.asked.function) else None
        if asked is not None:
            self.asked = None  # another unit's late frame answers nothing, and the question stands
        if function & _REFUSED:
            return Refusal(unit, function & 0x7F, frame[2], asked)
        if function not in (HOLDING, INPUT):
            return Other(unit, function)
        if len(frame) == 8:  # a reply has an odd length
            self.asked = Request(unit, function, frame[2] << 8 | frame[3], frame[4] << 8 | frame[5])
            return self.asked
        registers = tuple(frame[at] << 8 | frame[at + 1] for at in range(3, len(frame) - 2, 2))
        if asked is not None and asked.quantity != len(registers):
            asked = None
        return Reply(unit, function, registers, asked)


def _lengths(head: bytes | bytearray) -> tuple[int, ...]:
    """How long a frame that begins so may be; () where none does. The bytes that tell may not be there yet."""
    if len(head) < 2:
        return (4,)
    function = head[1]
    if function in (HOLDING | _REFUSED, INPUT | _REFUSED) or (function & _REFUSED and function & 0x7F in _OTHER):
        return (5,)
    if function in (HOLDING, INPUT):
        # A request's fifth and sixth byte count registers, a reply's third counts bytes: even, and never none.
        asks = len(head) < 6 or 1 <= head[4] << 8 | head[5] <= MOST_REGISTERS
        answers = len(head) < 3 or (head[2] % 2 == 0 and 2 <= head[2] <= 2 * MOST_REGISTERS)
        reply = 5 + head[2] if len(head) >= 3 else 7
        return (*((8,) if asks else ()), *((reply,) if answers else ()))
    if function in (5, 6):
        return (8,)
    if function in (1, 2):
        return (8, *((5 + head[2],) if len(head) >= 3 and 1 <= head[2] <= 250 else ()))
    if function in (15, 16):
        return (8, *((9 + head[6],) if len(head) >= 7 and 1 <= head[6] <= 246 else ()))
    return ()
