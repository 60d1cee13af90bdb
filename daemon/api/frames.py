"""WebSocket frames of events, made once for however many clients (RFC 6455; compression: RFC 7692)."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon.bus import Published

WINDOW_BITS = 12
"""The compression window all clients share: 4 KiB, longer than an event."""

RUN_BYTES = 64 * 1024
"""How much leaves in one write at most: what a client's socket takes at once, and what its transport may hold."""

_TEXT = 0x81  # FIN, text
_COMPRESSED = 0x40  # RSV1
_SHORTEST_WORTH_COMPRESSING = 128


@lru_cache(maxsize=1024)
def _header(size: int, first: int = _TEXT) -> bytes:
    if size < 126:
        return bytes((first, size))
    return struct.pack("!BBH", first, 126, size) if size < 2**16 else struct.pack("!BBQ", first, 127, size)


def text_frame(payload: bytes) -> bytes:
    """One unmasked text frame, as a server sends it."""
    return _header(len(payload)) + payload


def compressed_frame(payload: bytes) -> bytes:
    """The same, compressed without context, so that every client that agreed on it can be sent these bytes."""
    if len(payload) < _SHORTEST_WORTH_COMPRESSING:
        return text_frame(payload)
    compressor = zlib.compressobj(level=1, wbits=-WINDOW_BITS, memLevel=5)
    data = (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]  # RFC 7692, 7.2.1
    return _header(len(data), _TEXT | _COMPRESSED) + data if len(data) < len(payload) else text_frame(payload)


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Consecutive events that leave in one write; ``size`` is their bytes on the wire, uncompressed."""

    events: Sequence[Published]
    size: int


def split(events: Iterable[Published]) -> list[Run]:
    """The events as runs of at most ``RUN_BYTES``, or of one event where that alone is longer."""
    runs: list[Run] = []
    gathered: list[Published] = []
    size = 0
    for event in events:
        length = len(event.body) + len(_header(len(event.body)))
        if gathered and size + length > RUN_BYTES:
            runs.append(Run(tuple(gathered), size))
            gathered, size = [], 0
        gathered.append(event)
        size += length
    if gathered:
        runs.append(Run(tuple(gathered), size))
    return runs


class Frames:
    """Bytes of runs, shared by the clients that are sent the same events in the same moment."""

    def __init__(self) -> None:
        self._offered: Sequence[Published] = ()
        self._runs: list[Run] = []
        # 32 runs are 2 MiB at most: what clients that drain a burst side by side have in common.
        self.plain = lru_cache(maxsize=32)(_join_plain)
        self.compressed = lru_cache(maxsize=32)(_join_compressed)

    def runs(self, events: Sequence[Published]) -> list[Run]:
        """Runs of what the bus offers: the same sequence gives the same runs."""
        if events is not self._offered:
            self._offered, self._runs = events, split(events)
        return self._runs


def _join_plain(run: Run) -> bytes:
    parts: list[bytes] = []
    for event in run.events:
        parts.append(_header(len(event.body)))
        parts.append(event.body)
    return b"".join(parts)


def _join_compressed(run: Run) -> bytes:
    return b"".join([compressed_frame(event.body) for event in run.events])
