"""One WebSocket client: what it asked for, what it still has to get, and when it has to go.

A client that does not keep up costs itself alone: its queue drops its oldest events, it is told how many, and it is
closed if it stays behind.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from daemon.api.auth import Principal
from daemon.api.frames import Frames, Run, split, text_frame
from daemon.api.schemas import wire_time
from daemon.api.websocket_protocol import BroadcastProtocol
from daemon.bus import LOG_BYTES, Published, Selection
from daemon.events import Level, SystemEvent

QUEUE_BYTES = 2 * LOG_BYTES
"""What may wait for one client: a whole replay, and as much of what comes meanwhile. Its events are the log's."""

RUN_OVERHEAD = 200
"""Bytes that a queued run costs besides its events; many small ones must not pass the bound."""

STALLED_AFTER = 5.0
"""Seconds without a byte taken after which a client is closed."""

BEHIND_FOR = 30.0
"""Seconds that a client may stay behind once it has lost events."""

_HELP = 'this socket only sends; the one message it takes is {"type":"ping"}'


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client connected for. ``channel`` is the list as it was asked for; ``label`` names it in statistics."""

    channel: str
    selection: Selection
    since: int | None = None
    label: str | None = None
    principal: Principal | None = None


@dataclass(slots=True)
class Traffic:
    """Counted since the start: events sent, events lost to slow clients, clients closed for it, and refused ones."""

    sent: int = 0
    dropped: int = 0
    closed_slow: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Common:
    """What all clients share. ``now`` is wall-clock µs, ``note`` gives a notice to one client its id and bytes,
    ``left`` is called with a client whose connection ends."""

    frames: Frames
    traffic: Traffic
    now: Callable[[], int]
    note: Callable[[SystemEvent], Published]
    left: Callable[["Client"], None]


class Client:
    """One connection: a subscriber of the bus and the listener of a socket."""

    # An event of 500 clients touches 500 of these: what ``offer`` reads lies side by side.
    __slots__ = (
        "_behind_since",
        "_common",
        "_compresses",
        "_dropped",
        "_frames",
        "_left",
        "_moved_at",
        "_queue",
        "_queued",
        "_ready",
        "_socket",
        "_traffic",
        "_write",
        "asked",
        "connected_at",
    )

    def __init__(self, socket: BroadcastProtocol, asked: Asked, connected_at: int, common: Common) -> None:
        self.asked = asked
        self.connected_at = connected_at
        self._common = common
        self._frames = common.frames
        self._traffic = common.traffic
        self._socket = socket
        self._write = socket.write
        self._compresses = False
        self._ready = False  # the socket takes more, and nothing waits before it
        self._queue: deque[Run] | None = None  # most clients never need one, and each has 0.7 KB
        self._queued = 0  # bytes
        self._dropped = 0  # events it has not been told of
        self._behind_since: float | None = None
        self._left = 0  # bytes in the transport at the last look
        self._moved_at = 0.0

    # What the bus calls.

    def offer(self, events: Sequence[Published]) -> None:
        frames = self._frames
        for run in frames.runs(events):
            if self._ready:
                self._write(frames.compressed(run) if self._compresses else frames.plain(run))
                self._traffic.sent += len(run.events)
            else:
                self._enqueue(run)

    # What the socket calls.

    def received(self, message: str | bytes) -> None:
        if not self._ready:
            return  # it does not read what it has asked for already
        try:
            asked = orjson.loads(message)
        except orjson.JSONDecodeError:
            asked = None
        if isinstance(message, str) and isinstance(asked, dict) and asked.get("type") == "ping":
            self._tell({"type": "pong", "timestamp": wire_time(self._common.now())})
        else:
            self._tell({"type": "error", "detail": _HELP})

    def paused(self) -> None:
        self._ready = False

    def writable(self) -> None:
        """Send what waits, as far as the transport takes it. Catching up goes uncompressed: it is for one client."""
        self._ready = True
        queue = self._queue
        while queue and self._ready:
            run = queue.popleft()
            self._queued -= run.size + RUN_OVERHEAD
            self._write(self._frames.plain(run))
            self._traffic.sent += len(run.events)
        if self._dropped and self._ready:
            lost = self._common.note(_lost(self._dropped, self._common.now()))
            self._dropped, self._behind_since = 0, None
            self._write(text_frame(lost.body))

    def lost(self) -> None:
        self._ready = False
        self._queue = None
        self._queued = 0
        self._common.left(self)

    # What the hub calls.

    def welcome(self, replayed: Sequence[Published], now: float) -> None:
        """Send the first message, then what it has missed; ``now`` is monotonic."""
        self._compresses = self._socket.shares_compression
        self._moved_at = now
        greeting: dict[str, Any] = {
            "type": "connection",
            "status": "connected",
            "channel": self.asked.channel,
            "timestamp": wire_time(self.connected_at),
        }
        if self.asked.principal is not None:
            greeting["user"] = self.asked.principal.name
        self._tell(greeting)
        for run in split(replayed):
            self._enqueue(run)
        if self._socket.ready:
            self.writable()

    def overdue(self, now: float) -> str | None:
        """Why a client that does not take its events has to go; ``now`` is monotonic."""
        left = self._socket.unsent()
        if self._ready or left < self._left:
            self._moved_at = now
        self._left = left
        if not self._ready and now - self._moved_at > STALLED_AFTER:
            return f"nothing was read for {STALLED_AFTER:.0f} s"
        if self._dropped:
            if self._behind_since is None:
                self._behind_since = now
            elif now - self._behind_since > BEHIND_FOR:
                return f"too slow for {BEHIND_FOR:.0f} s"
        return None

    def give_up(self, reason: str) -> int:
        """Close a connection that does not keep up; returns how many events it lost without being told before."""
        waiting = self.waiting
        self._traffic.dropped += waiting
        self._traffic.closed_slow += 1
        lost = self._dropped + waiting
        self.close(1013, f"{reason}, {lost} events were lost; connect again")
        return lost

    def close(self, code: int, reason: str) -> None:
        """Close the connection; ``reason`` is one English sentence."""
        self._socket.close(code, reason)

    @property
    def waiting(self) -> int:
        """Events that are queued for it."""
        return sum(len(run.events) for run in self._queue or ())

    @property
    def unsent(self) -> int:
        """Bytes that wait for it here, in its queue and in its transport."""
        return self._queued + self._socket.unsent()

    def _tell(self, message: dict[str, Any]) -> None:
        self._write(text_frame(orjson.dumps(message)))

    def _enqueue(self, run: Run) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(run)
        self._queued += run.size + RUN_OVERHEAD
        while self._queued > QUEUE_BYTES:
            oldest = self._queue.popleft()
            self._queued -= oldest.size + RUN_OVERHEAD
            self._dropped += len(oldest.events)
            self._traffic.dropped += len(oldest.events)


def _lost(count: int, now: int) -> SystemEvent:
    return SystemEvent(
        level=Level.WARNING,
        kind="events_dropped",
        message=f"Esta conexión fue demasiado lenta y perdió {count} eventos",
        message_en=f"This connection was too slow and lost {count} events",
        at=now,
        data={"perdidos": count},
    )
