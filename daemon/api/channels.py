"""The WebSocket endpoints, and the routes that tell and test what they do."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query
from starlette.datastructures import QueryParams
from starlette.responses import Response
from starlette.websockets import WebSocket

from daemon.api.auth import Principal, Refused
from daemon.api.clients import Asked, Client
from daemon.api.connections import Full, Hub, TokenJudge
from daemon.api.documents import problems
from daemon.api.schemas import wire_time
from daemon.api.websocket_protocol import socket_of
from daemon.bus import Bus, Selection
from daemon.events import Channel, Level, SystemEvent

BEARER = "bearer"
LONGEST_LABEL = 100  # characters of a user_id; it is shown in statistics and nothing else
MOST_SENSORS = 1000  # in one sensor_id filter
LARGEST_ID = 2**53 - 1
_SIX = ", ".join(Channel)
_NUMBER = re.compile(r"[0-9]{1,16}")


class Unacceptable(Exception):  # noqa: N818 - it names a decision
    """A connection that is refused: one sentence, which becomes the close reason."""


def parse_channels(text: str) -> frozenset[Channel]:
    """One channel or several with commas between; raises Unacceptable."""
    words = text.split(",")
    if not set(words) <= set(Channel):
        raise Unacceptable(f"unknown channel; the channels are {_SIX}")
    return frozenset(map(Channel, words))


def _id(text: str, name: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > LARGEST_ID:
        raise Unacceptable(f"{name} must be whole numbers below 2^53")
    return int(text)


def parse_query(query: QueryParams) -> Asked:
    """What a client's URL asks for, without its token; raises Unacceptable."""
    channel = ",".join(query.getlist("channel")) if "channel" in query else Channel.GENERAL.value
    channels = parse_channels(channel)
    sensors = None
    if "sensor_id" in query:
        words = ",".join(query.getlist("sensor_id")).split(",")
        if len(words) > MOST_SENSORS:
            raise Unacceptable(f"sensor_id takes {MOST_SENSORS} sensors at most; leave it out for all")
        sensors = frozenset(_id(word, "sensor_id") for word in words)
    since = _id(query["since"], "since") if "since" in query else None
    label = query.get("user_id") or None
    if label is not None and len(label) > LONGEST_LABEL:
        raise Unacceptable(f"user_id has {LONGEST_LABEL} characters at most")
    return Asked(channel, Selection(channels, sensors), since, label)


def token_of(websocket: WebSocket) -> str:
    """The token from the header, the subprotocols or the URL, in this order; raises Unacceptable."""
    scheme, _, credentials = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == BEARER and credentials.strip():
        return credentials.strip()
    offered: list[str] = websocket.scope["subprotocols"]
    if len(offered) == 2 and offered[0] == BEARER:
        return offered[1]
    token = websocket.query_params.get("token")
    if token:
        return token
    raise Unacceptable("a token is missing; get one from POST /auth/login and send it as token=")


@dataclass(frozen=True, slots=True)
class _Endpoints:
    hub: Hub
    tokens: TokenJudge
    secured: bool
    refuse: Callable[[str, str], None]

    async def open(self, websocket: WebSocket) -> None:
        """``/ws``: events for anyone the server accepts, in open mode."""
        await self._serve(websocket, self._asked_openly)

    async def secure(self, websocket: WebSocket) -> None:
        """``/ws/secure``: events for the user of a token, on the channels allowed to that user."""
        await self._serve(websocket, self._asked_by_token)

    async def nowhere(self, websocket: WebSocket) -> None:
        """Any other address: a browser shows nothing of a handshake that fails, so the reason comes after it."""
        await self._serve(websocket, _asked_elsewhere)

    async def _asked_openly(self, websocket: WebSocket) -> Asked:
        if self.secured:
            raise Unacceptable("this server is secured; connect to /api/v1/ws/secure with a token")
        return parse_query(websocket.query_params)

    async def _asked_by_token(self, websocket: WebSocket) -> Asked:
        try:
            principal = await self.tokens.admit(token_of(websocket))
        except Refused as refusal:
            raise Unacceptable(str(refusal)) from refusal
        asked = parse_query(websocket.query_params)
        forbidden = asked.selection.channels - principal.channels
        if forbidden:
            raise Unacceptable(_forbidden(principal, forbidden))
        return Asked(asked.channel, asked.selection, asked.since, principal.name, principal)

    async def _serve(self, websocket: WebSocket, asked_by: Callable[[WebSocket], Awaitable[Asked]]) -> None:
        socket = socket_of(websocket.scope)
        release = await self._place(websocket)
        if release is None:
            return
        socket.when_gone(release)
        subprotocol = BEARER if BEARER in websocket.scope["subprotocols"] else None
        try:
            asked = await asked_by(websocket)
        except Unacceptable as reason:
            self._refused("websocket_refused")
            await websocket.accept(subprotocol)
            await websocket.close(1008, str(reason))
            return
        await websocket.accept(subprotocol)
        self.hub.join(socket, asked)

    async def _place(self, websocket: WebSocket) -> Callable[[], None] | None:
        address = websocket.client.host if websocket.client else ""
        try:
            return self.hub.reserve(address)
        except Full as full:
            self._refused("websocket_limit")
            body = orjson.dumps({"detail": str(full)})
            headers = {"retry-after": "5"}
            await websocket.send_denial_response(Response(body, 503, headers, "application/json"))
            return None

    def _refused(self, reason: str) -> None:
        self.hub.traffic.refused += 1
        self.refuse("websocket", reason)


async def _asked_elsewhere(_: WebSocket) -> Asked:
    raise Unacceptable("there is no socket at this address; connect to /api/v1/ws or /api/v1/ws/secure")


def _forbidden(principal: Principal, forbidden: frozenset[Channel]) -> str:
    names = ", ".join(sorted(forbidden))
    allowed = ", ".join(channel for channel in Channel if channel in principal.channels)
    return f"not allowed: {names}; allowed: {allowed}"


def websocket_routes(hub: Hub, tokens: TokenJudge, *, secured: bool, refuse: Callable[[str, str], None]) -> APIRouter:
    """``/api/v1/ws`` and ``/api/v1/ws/secure``, and what is said elsewhere.

    ``refuse(door, reason)`` counts what is turned away.
    """
    endpoints = _Endpoints(hub, tokens, secured, refuse)
    router = APIRouter()
    router.add_api_websocket_route("/api/v1/ws", endpoints.open)
    router.add_api_websocket_route("/api/v1/ws/secure", endpoints.secure)
    router.add_api_websocket_route("/{address:path}", endpoints.nowhere)
    return router


def channel_stats(clients: list[Client]) -> dict[str, Any]:
    """One channel's clients, as ``/ws/stats`` words them."""
    users = [{"user_id": client.asked.label, "connected_at": wire_time(client.connected_at)} for client in clients]
    return {"connections": len(clients), "users": users}


def stats_routes(hub: Hub, bus: Bus, now: Callable[[], int]) -> APIRouter:
    """``/ws/stats``, ``/ws/stats/{channel}`` and ``/ws/test-event``. ``now`` is wall-clock µs."""
    router = APIRouter(tags=["websocket"])

    @router.get("/ws/stats", responses=problems())
    async def stats() -> dict[str, Any]:
        """Who is connected, by channel; channels without a connection are left out."""
        found = {name: channel_stats(clients) for name, clients in hub.channels().items()}
        return {"total_channels": len(found), "channels": found}

    @router.get("/ws/stats/{channel}", responses=problems(404))
    async def stats_of_channel(channel: str) -> dict[str, Any]:
        """Who is connected to one channel."""
        if channel not in set(Channel):
            raise HTTPException(404, f"there is no such channel; the channels are {_SIX}")
        return {"channel": channel, "stats": channel_stats(hub.channels().get(channel, []))}

    @router.post("/ws/test-event", responses=problems())
    async def test_event(
        channel: Annotated[Channel, Query()] = Channel.GENERAL,
        message: Annotated[str, Query(min_length=1, max_length=1000)] = "Evento de prueba",
    ) -> dict[str, Any]:
        """Send a system event to every client of a channel."""
        data = {"test": True, "channel": channel.value}
        event = SystemEvent(Level.INFO, "test", message, message, now(), data, channel)
        bus.publish([event])
        return {"message": message, "data": data}

    return router
