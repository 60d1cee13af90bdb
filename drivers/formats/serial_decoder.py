"""A serial line's bytes as decoded messages: lines of text or raw frames, whichever the device turns out to speak."""

import re
from collections.abc import Sequence
from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats import dht22_frame, modbus_rtu
from drivers.formats.line import LineState, read_line
from drivers.formats.record import merged
from drivers.formats.registry import LINE_FORMATS, SERIAL_FORMATS
from drivers.framing import FRAME, FrameFramer, LineFramer

_CONVINCED = 3
"""Lines in a row that another format must read before it is the recognised one: a garbled line flips nothing."""
_TELLING = frozenset({Kind.READING, Kind.ERROR})
_TEXT = "text"
_BINARY = {modbus_rtu.NAME: modbus_rtu.NAME, dht22_frame.NAME: dht22_frame.NAME}
"""By the name in the configuration: what a device speaks that sends no lines."""

_LONGEST_BURST = 64 * FRAME
"""Bytes kept while it is open whether a device speaks frames or text; by then it shows."""
_UNFINISHED = re.compile(r"[0-9.,+-]*$")


class SerialDecoder:
    """Bytes of one connection in, decoded lines or frames out. Never raises, whatever the bytes.

    ``format`` is ``auto`` or a name of ``registry.SERIAL_FORMATS`` (ValueError else); ``memory`` (JSON-able) keeps what
    outlives the connection: a CSV's header. ``columns`` and ``temperature_unit`` are the configuration's, for what no
    line tells. ``counters`` has what was refused: ``too_long`` (lines over 4 KiB),
    ``garbled`` (lines that are no text), ``bad_bytes`` (of no frame). ``recognised`` names the format, once one has
    read something.
    """

    def __init__(
        self,
        format: str = "auto",  # noqa: A002
        memory: dict[str, Any] | None = None,
        columns: Sequence[str] = (),
        temperature_unit: str = "",
    ) -> None:
        if format not in SERIAL_FORMATS:
            raise ValueError(f"{format!r} is no serial format; known are {', '.join(sorted(SERIAL_FORMATS))}")
        self.format = format
        self.counters: dict[str, int] = {}
        self.recognised: str | None = None if format == "auto" else format
        self._lines = LineFramer()
        self._frames = FrameFramer()
        self._state = LineState(
            memory if memory is not None else {}, columns=columns, temperature_unit=temperature_unit
        )
        self._record: Decoded | None = None  # lines of one record so far; more may follow
        self._other = ("", 0)  # the format other than the recognised one that read the last lines, and how many
        self._bus = modbus_rtu.Listener()
        self._speaks: str | None = {"auto": None, **_BINARY}.get(format, _TEXT)  # None: it is open
        self._burst = bytearray()  # since the last pause, while it is open what the device speaks
        self._held = bytearray()  # of the burst: no line yet, for a frame may hold the byte that ends lines
        self._garbled = 0

    def feed(self, data: bytes) -> list[Decoded]:
        """What ``data`` completes, in order. A record spread over lines comes with the next one, or by :meth:`idle`."""
        if self._speaks == modbus_rtu.NAME:
            return self._take_bus(self._bus.feed(data))
        if self._speaks == dht22_frame.NAME:
            return self._take_frames(self._frames.feed(data))
        if self._speaks == _TEXT:
            return self._take_lines(data)
        self._burst += data
        self._held += data
        if modbus_rtu.begins(self._burst) and len(self._burst) < _LONGEST_BURST:
            return self._listen() if modbus_rtu.begins_with_frame(self._burst) else []
        if len(self._burst) >= _LONGEST_BURST and (frames := self._judge_burst()):
            return frames
        return self._release()

    def idle(self) -> list[Decoded]:
        """The line has been quiet: no more of the record will come. Half a line stays, it may still be completed."""
        if self._speaks == modbus_rtu.NAME:
            return self._take_bus(self._bus.pause())
        if self._speaks == dht22_frame.NAME:
            return self._pause_frames()
        decoded = self._judge_burst() if self._speaks is None else []
        if self._speaks == modbus_rtu.NAME:
            return decoded + self._take_bus(self._bus.pause())
        if self._speaks == dht22_frame.NAME:
            return decoded + self._pause_frames()
        decoded += self._release()
        if not decoded and self._garbled:
            self._count("garbled", self._garbled)
            decoded = [Decoded(Kind.NOISE, "garbled", reason="bytes that are no text: is the baud rate right?")]
        self._garbled = 0
        return decoded + self._end_record()

    def end(self) -> list[Decoded]:
        """The capture is over. Of a last line without its end, the last figure may lack digits and is not read."""
        rest = bytes(self._lines.waiting)
        decoded = self.idle()
        text = read_line(rest)
        if text is None or not text.strip() or self._speaks in _BINARY:
            return decoded
        whole = text if text.lstrip().startswith("{") else _UNFINISHED.sub("", text)
        last = self._take_line(whole.encode()) if whole.strip() else []
        cut = [] if last else [Decoded(Kind.ERROR, reason="the last line has no end")]
        return decoded + last + self._end_record() + cut

    def _take_lines(self, data: bytes) -> list[Decoded]:
        decoded: list[Decoded] = []
        for line in self._lines.feed(data):
            decoded += self._take_line(line)
        if self._lines.too_long:
            self._count("too_long", self._lines.too_long)
            self._lines.too_long = 0
        return decoded

    def _release(self) -> list[Decoded]:
        held = bytes(self._held)
        self._held.clear()
        return self._take_lines(held)

    def _take_line(self, line: bytes) -> list[Decoded]:
        text = read_line(line)
        if text is None:
            self._garbled += 1
            return []
        if not text.strip():
            return []
        found, spread = self._decode_line(text)
        self._state.first = False
        if found.kind in _TELLING:
            self._speaks = _TEXT
            self._burst.clear()
        if not found.readings and found.kind not in _TELLING:
            return [found]  # chatter between the lines of a record does not end it
        if not spread or not found.readings or _is_whole(found):
            return [*self._end_record(), found]
        if self._record is None:
            self._record = found
            return []
        joined = merged(self._record, found)
        if joined is not None:
            self._record = joined
            return []
        ended, self._record = self._record, found
        return [ended]

    def _decode_line(self, text: str) -> tuple[Decoded, bool]:
        """The first format's answer, and whether its records may be spread over lines."""
        for known in LINE_FORMATS:
            if self.format not in ("auto", known.name) and known.name in SERIAL_FORMATS:
                continue
            decoded = known.decode(text, self._state)
            if decoded is not None:
                if decoded.kind is Kind.READING:
                    self._recognise(known.name)
                return decoded, known.spread
        return Decoded(Kind.UNKNOWN, reason="a line that no format reads"), False

    def _recognise(self, name: str) -> None:
        if self.recognised in (None, name) or self.format != "auto":
            self.recognised = self.recognised or name
            self._other = ("", 0)
            return
        times = self._other[1] + 1 if self._other[0] == name else 1
        self._other = (name, times)
        if times >= _CONVINCED:
            self.recognised, self._other = name, ("", 0)

    def _end_record(self) -> list[Decoded]:
        ended, self._record = self._record, None
        return [] if ended is None else [ended]

    def _judge_burst(self) -> list[Decoded]:
        """Whether what came since the last pause is frames; where it is, no line of it is left.

        A bus's by their CRC; a DHT22's, whose sum is weak, where nearly all of it is frames, sums and values right; a
        single one is all of it.
        """
        burst = bytes(self._burst)
        if modbus_rtu.is_frames(burst[:_LONGEST_BURST]):
            return self._listen()
        self._burst.clear()
        if not burst or read_line(burst.replace(b"\r", b"").replace(b"\n", b"")) is not None:
            return []
        if modbus_rtu.is_cut_answer(burst):
            return self._refuse(modbus_rtu.garbled(len(burst)))
        frames = FrameFramer()
        decoded = [dht22_frame.decode(frame) for frame in frames.feed(burst)]
        good = sum(one.kind is Kind.READING for one in decoded)
        if good * FRAME >= len(burst) * 0.8 and (good > 1 or len(burst) == FRAME):
            self._speaks, self._garbled = dht22_frame.NAME, 0
            self.recognised = dht22_frame.NAME
            self._drop_lines()
            self._frames = frames
            self._take_frames([])
            return decoded
        if len(burst) < _LONGEST_BURST and modbus_rtu.begins(burst) and b"\r\n" not in burst:
            return self._refuse(modbus_rtu.garbled(len(burst)))
        if len(burst) <= FRAME:
            return self._refuse(dht22_frame.decode(burst))
        if not self._garbled:
            self._garbled = 1
        return []

    def _listen(self) -> list[Decoded]:
        """From here on it is a bus; what came since the last pause is read as one."""
        burst = bytes(self._burst)
        self._burst.clear()
        self._drop_lines()
        self._speaks, self._garbled = modbus_rtu.NAME, 0
        self.recognised = modbus_rtu.NAME
        return self._take_bus(self._bus.feed(burst))

    def _refuse(self, decoded: Decoded) -> list[Decoded]:
        self._garbled = 0
        self._drop_lines()
        return [decoded]

    def _drop_lines(self) -> None:
        self._lines.waiting.clear()
        self._held.clear()

    def _take_bus(self, decoded: list[Decoded]) -> list[Decoded]:
        if self._bus.bad_bytes:
            self._count("bad_bytes", self._bus.bad_bytes)
            self._bus.bad_bytes = 0
        return decoded

    def _take_frames(self, frames: list[bytes]) -> list[Decoded]:
        if self._frames.skipped:
            self._count("bad_bytes", self._frames.skipped)
            self._frames.skipped = 0
        return [dht22_frame.decode(frame) for frame in frames]

    def _pause_frames(self) -> list[Decoded]:
        rest = self._frames.pause()
        self._take_frames([])
        return [dht22_frame.decode(rest)] if rest else []

    def _count(self, reason: str, by: int = 1) -> None:
        self.counters[reason] = self.counters.get(reason, 0) + by


def _is_whole(decoded: Decoded) -> bool:
    """Whether each probe has both, temperature and humidity: nothing of the record can be missing."""
    told = [{one.quantity for one in reading.measurements} | set(reading.failed) for reading in decoded.readings]
    return all({"temperature", "humidity"} <= quantities for quantities in told)
