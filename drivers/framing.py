"""Framing: a stream of bytes, cut anywhere, becomes lines or DHT22 frames. No I/O; every buffer is bounded."""

LONGEST_LINE = 4096
"""Bytes. The longest line that any known sketch prints is below 300; 4 KiB is what a kernel's tty buffer holds."""

FRAME = 5
"""Bytes of a DHT22 or DHT11 frame: two of humidity, two of temperature, their sum modulo 256."""


class LineFramer:
    """Lines ended by LF, CR or CRLF; empty ones are dropped.

    A line longer than ``LONGEST_LINE`` is discarded up to its end and counted in ``too_long``: what follows is whole
    again. The end of a line must be seen: what is not ended stays in ``waiting`` and is never given out as a line.
    """

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self.longest = longest
        self.too_long = 0
        self.waiting = bytearray()
        self._discarding = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without their ends."""
        *ended, rest = data.replace(b"\r", b"\n").split(b"\n")
        lines = [line for line in map(self._end, ended) if line]
        self._keep(rest)
        return lines

    def _end(self, piece: bytes) -> bytes:
        self._keep(piece)
        line = b"" if self._discarding else bytes(self.waiting)
        self._discarding = False
        self.waiting.clear()
        return line

    def _keep(self, piece: bytes) -> None:
        if self._discarding:
            return
        self.waiting += piece
        if len(self.waiting) > self.longest:
            self.too_long += 1
            self._discarding = True
            self.waiting.clear()


def checksum_holds(frame: bytes) -> bool:
    """Whether a frame's last byte is the sum of the others. All bytes 00 pass, and FF FF FF FF FC does."""
    return len(frame) == FRAME and sum(frame[:4]) & 0xFF == frame[4]


class FrameFramer:
    """Frames of five bytes without any mark between them, found by their checksum.

    Where five bytes are none, the next frame is sought byte by byte, so that a lost or doubled byte costs its own frame
    and no more. ``skipped`` counts bytes that belonged to no frame.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self.waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The frames, checksum right, that ``data`` completes."""
        self.waiting += data
        frames: list[bytes] = []
        place = 0
        while len(self.waiting) - place >= FRAME:
            frame = bytes(self.waiting[place : place + FRAME])
            if checksum_holds(frame):
                frames.append(frame)
                place += FRAME
            else:
                self.skipped += 1
                place += 1
        del self.waiting[:place]
        return frames

    def pause(self) -> bytes:
        """The line is quiet: a frame is sent in one go, so what waits is no part of the next one. Gives it back."""
        rest = bytes(self.waiting)
        self.skipped += len(rest)
        self.waiting.clear()
        return rest
