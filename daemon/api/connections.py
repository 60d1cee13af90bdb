"""The WebSocket clients: who is connected, what each still has to get, and who has to go.

A client that does not keep up costs itself alone: its queue drops its oldest events, it is told how many, and it is
closed if it stays behind.
"""

import asyncio
import ipaddress
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from daemon.api.auth import Principal
from daemon.api.frames import Frames, Run, split, text_frame
from daemon.api.schemas import wire_time
from daemon.api.websocket_protocol import BroadcastProtocol
from daemon.bus import LOG_BYTES, Bus, Published, Selection
from daemon.events import Channel, Level, SystemEvent

QUEUE_BYTES = 2 * LOG_BYTES
"""What may wait for one client: a whole replay, and as much of what comes meanwhile. Its events are the log's."""

RUN_OVERHEAD = 200
"""Bytes that a queued run costs besides its events; many small ones must not pass the bound."""

STALLED_AFTER = 5.0
"""Seconds without a byte taken after which a client is closed."""

BEHIND_FOR = 30.0
"""Seconds that a client may stay behind once it has lost events."""

CHECK_EVERY = 0.5
"""Seconds between two looks at all clients, while there are any."""

_HELP = 'this socket only sends; the one message it takes is {"type":"ping"}'


class Full(Exception):  # noqa: N818 - it names a state
    """No further connection: one sentence."""


class TokenJudge(Protocol):
    """What sockets need of :class:`daemon.api.auth.Authenticator`."""

    def verify(self, token: str, /) -> Principal: ...
    def ended(self, principal: Principal, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be at once, in all and from one address."""

    connections: int
    per_address: int


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
    """Counted since the start: events sent, events lost to slow clients, clients closed for it."""

    sent: int = 0
    dropped: int = 0
    closed_slow: int = 0
    refused: int = 0


class Slot:
    """A place among the connections; given back when the connection is gone."""

    def __init__(self, hub: "Hub", address: str) -> None:
        self._hub = hub
        self._address = address
        self._held = True

    def release(self) -> None:
        """Give it back; once is enough."""
        if self._held:
            self._held = False
            self._hub.release(self._address)


class Client:
    """One connection: a subscriber of the bus and the listener of a socket."""

    def __init__(self, hub: "Hub", socket: BroadcastProtocol, asked: Asked, connected_at: int) -> None:
        self.asked = asked
        self.connected_at = connected_at
        self._hub = hub
        self._socket = socket
        self._frames = hub.frames
        self._traffic = hub.traffic
        self._queue: deque[Run] | None = None  # most clients never need one, and each has 0.7 KB
        self._queued = 0  # bytes
        self._dropped = 0  # events it has not been told of
        self._behind_since: float | None = None
        self._left = 0
        self._moved_at = 0.0

    # What the bus calls.

    def offer(self, events: Sequence[Published]) -> None:
        socket, frames = self._socket, self._frames
        for run in frames.runs(events):
            if socket.ready and not self._queue:
                socket.write(frames.compressed(run) if socket.shares_compression else frames.plain(run))
                self._traffic.sent += len(run.events)
            else:
                self._enqueue(run)

    # What the socket calls.

    def received(self, message: str | bytes) -> None:
        if not self._socket.ready:
            return  # it does not read what it has asked for already
        try:
            asked = orjson.loads(message)
        except orjson.JSONDecodeError:
            asked = None
        if isinstance(message, str) and isinstance(asked, dict) and asked.get("type") == "ping":
            self._tell({"type": "pong", "timestamp": wire_time(self._hub.now())})
        else:
            self._tell({"type": "error", "detail": _HELP})

    def writable(self) -> None:
        """Send what waits, as far as the transport takes it. Catching up goes uncompressed: it is for one client."""
        queue = self._queue
        while queue and self._socket.ready:
            run = queue.popleft()
            self._queued -= run.size + RUN_OVERHEAD
            self._socket.write(self._frames.plain(run))
            self._traffic.sent += len(run.events)
        if self._dropped and not queue and self._socket.ready:
            lost = self._hub.note(_lost(self._dropped, self._hub.now()))
            self._dropped, self._behind_since = 0, None
            self._socket.write(text_frame(lost.body))

    def lost(self) -> None:
        self._queue = None
        self._queued = 0
        self._hub.leave(self)

    # What the hub calls.

    def welcome(self, replayed: Sequence[Published], now: float) -> None:
        """The first message, then what it has missed; ``now`` is monotonic."""
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
        self.writable()

    def overdue(self, now: float) -> str | None:
        """Why a client that does not take its events has to go; ``now`` is monotonic."""
        unsent = self._socket.unsent()
        if self._socket.ready or unsent < self._left:
            self._moved_at = now
        self._left = unsent
        if not self._socket.ready and now - self._moved_at > STALLED_AFTER:
            return f"nothing was read for {STALLED_AFTER:.0f} s"
        if self._dropped:
            if self._behind_since is None:
                self._behind_since = now
            elif now - self._behind_since > BEHIND_FOR:
                return f"too slow for {BEHIND_FOR:.0f} s"
        return None

    @property
    def waiting(self) -> int:
        """Events that are queued for it."""
        return sum(len(run.events) for run in self._queue or ())

    @property
    def unsent(self) -> int:
        """Bytes that wait for it here, in its queue and in its transport."""
        return self._queued + self._socket.unsent()

    def close(self, code: int, reason: str) -> None:
        """Close the connection; ``reason`` is one English sentence."""
        self._socket.close(code, reason)

    def give_up(self, reason: str) -> int:
        """Close a connection that does not keep up; returns how many events it lost without being told before."""
        waiting = self.waiting
        self._traffic.dropped += waiting
        self._traffic.closed_slow += 1
        lost = self._dropped + waiting
        self.close(1013, f"{reason}, {lost} events were lost; connect again")
        return lost

    def _tell(self, message: dict[str, Any]) -> None:
        self._socket.write(text_frame(orjson.dumps(message)))

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


def _gap(since: int, missing_from: int, now: int) -> SystemEvent:
    return SystemEvent(
        level=Level.WARNING,
        kind="events_missed",
        message=f"El registro de eventos ya no llega hasta el {since}; complete por REST desde la hora indicada",
        message_en=f"The event log no longer reaches back to {since}; fill in by REST from the time given",
        at=now,
        data={"since": since, "desde": wire_time(missing_from)},
    )


class Hub:
    """All connections. ``now`` is wall-clock µs; ``tokens`` judges who may stay."""

    def __init__(self, bus: Bus, limits: Limits, tokens: TokenJudge, now: Callable[[], int]) -> None:
        self.frames = Frames()
        self.traffic = Traffic()
        self.note = bus.note
        self.now = now
        self._bus = bus
        self._limits = limits
        self._tokens = tokens
        self._clients: dict[Client, None] = {}
        self._held: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limits(self) -> Limits:
        return self._limits

    def reserve(self, address: str) -> Slot:
        """A place for a connection from ``address``; raises Full."""
        address = _one_host(address)
        if self._held.total() >= self._limits.connections:
            raise Full(f"the server has its {self._limits.connections} connections; try again later")
        if self._held[address] >= self._limits.per_address:
            raise Full(f"this address has its {self._limits.per_address} connections; close one first")
        self._held[address] += 1
        return Slot(self, address)

    def release(self, address: str) -> None:
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]

    def join(self, socket: BroadcastProtocol, asked: Asked) -> None:
        """Greet an accepted connection, give it what it has missed, and let it have what comes."""
        client = Client(self, socket, asked, self.now())
        self._clients[client] = None
        replay = self._bus.attach(client, asked.selection, asked.since)
        socket.hand_over(client)
        if client not in self._clients:
            return  # it left meanwhile
        loop = asyncio.get_running_loop()
        client.welcome(replay.events, loop.time())
        if self._timer is None:
            self._timer = loop.call_later(CHECK_EVERY, self._check)
        if asked.since is not None and replay.missing_from is not None:
            # Last, since its id is the newest: on one connection ids only grow.
            client.offer((self._bus.note(_gap(asked.since, replay.missing_from, self.now())),))

    def leave(self, client: Client) -> None:
        """Forget a client whose connection ends."""
        self._bus.detach(client)
        self._clients.pop(client, None)

    def check_tokens(self) -> None:
        """Close the connections whose token or account has ended; at once after a change of the accounts."""
        for client in list(self._clients):
            principal = client.asked.principal
            reason = None if principal is None else self._tokens.ended(principal)
            if reason is not None:
                client.close(1008, reason)

    def channels(self) -> dict[str, list[Client]]:
        """The clients by each of their channels; channels without any are not there."""
        found: dict[str, list[Client]] = {}
        for channel in Channel:
            members = [client for client in self._clients if channel in client.asked.selection.channels]
            if members:
                found[channel.value] = members
        return found

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def unsent(self) -> int:
        """Bytes that wait for all clients together."""
        return sum(client.unsent for client in self._clients)

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.check_tokens()
        for client in list(self._clients):
            reason = client.overdue(now)
            if reason is not None:
                self._drop(client, reason)
        if self._clients:
            self._timer = loop.call_later(CHECK_EVERY, self._check)
        else:
            self._timer = None

    def _drop(self, client: Client, reason: str) -> None:
        lost = client.give_up(reason)
        who = client.asked.principal.name if client.asked.principal else client.asked.label or "anónimo"
        event = SystemEvent(
            level=Level.WARNING,
            kind="client_dropped",
            message=f"Se cerró la conexión de un cliente demasiado lento ({who}): perdió {lost} eventos",
            message_en=f"The connection of a client that was too slow was closed ({who}): it lost {lost} events",
            at=self.now(),
            data={"user_id": who, "perdidos": lost},
        )
        self._bus.publish([event])


def _one_host(address: str) -> str:
    """One key for all addresses that one host may come from: of IPv6 the /64, whose hosts choose the rest freely."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
