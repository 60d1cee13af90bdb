"""The WebSocket clients together: how many there may be, who they are, and who has to go."""

import asyncio
import functools
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from daemon.api.auth import Principal
from daemon.api.clients import Asked, Client, Common, Traffic
from daemon.api.frames import Frames
from daemon.api.schemas import wire_time
from daemon.api.websocket_protocol import BroadcastProtocol
from daemon.bus import Bus
from daemon.events import Channel, Level, SystemEvent

CHECK_EVERY = 0.5
"""Seconds between two looks at all clients, while there are any."""


class Full(Exception):  # noqa: N818 - it names a state
    """No further connection: one sentence."""


class TokenJudge(Protocol):
    """What sockets need of :class:`daemon.api.auth.Authenticator`."""

    async def admit(self, token: str, /) -> Principal: ...
    def ended(self, principal: Principal, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be at once, in all and from one address."""

    connections: int
    per_address: int


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
        self.traffic = Traffic()
        self._now = now
        self._bus = bus
        self._common = Common(Frames(), self.traffic, now, bus.note, self._left)
        self._limits = limits
        self._tokens = tokens
        self._clients: dict[Client, None] = {}
        self._held: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def limits(self) -> Limits:
        return self._limits

    def reserve(self, address: str) -> Callable[[], None]:
        """Take a place for a connection from ``address``; call what is returned, once, to give it back. Raises Full."""
        address = _one_host(address)
        if self._held.total() >= self._limits.connections:
            raise Full(f"the server has its {self._limits.connections} connections; try again later")
        if self._held[address] >= self._limits.per_address:
            raise Full(f"this address has its {self._limits.per_address} connections; close one first")
        self._held[address] += 1
        return functools.partial(self._release, address)

    def _release(self, address: str) -> None:
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]

    def join(self, socket: BroadcastProtocol, asked: Asked) -> None:
        """Greet an accepted connection, give it what it has missed, and let it have what comes."""
        client = Client(socket, asked, self._now(), self._common)
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
            client.offer((self._bus.note(_gap(asked.since, replay.missing_from, self._now())),))

    def _left(self, client: Client) -> None:
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
            at=self._now(),
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
