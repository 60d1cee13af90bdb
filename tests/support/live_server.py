"""The API's live side on a real port: bus, hub, routes and server, without a database."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import websockets
from fastapi import FastAPI

from daemon.api.auth import Principal, Refused
from daemon.api.body_limit import BodyLimit
from daemon.api.channels import stats_routes, websocket_routes
from daemon.api.connections import Hub, Limits, TokenJudge
from daemon.api.origin import Names, OriginCheck
from daemon.api.schemas import encode_event
from daemon.api.server import Server, listen
from daemon.bus import Bus
from daemon.config import WebSocket
from daemon.entities import Anomaly, AnomalyKind, Location, Prediction, Sensor, StoredReading
from daemon.events import Action, Channel, EntityEvent, Event, Level, SystemEvent

AT = 1_750_000_000_000_000


def now() -> int:
    return time.time_ns() // 1000


def sensor(id_: int = 1) -> EntityEvent:
    return EntityEvent(Action.CREATED, Sensor(id_, f"k{id_}", "temperatura", "DHT22", AT, AT), AT)


def reading(id_: int, sensor_id: int = 1, source: str = "test") -> EntityEvent:
    stored = StoredReading(id_, sensor_id, AT + id_, AT + id_, source, temperature=21.5, humidity=40.0)
    return EntityEvent(Action.CREATED, stored, AT + id_)


def location(id_: int, sensor_id: int = 1) -> EntityEvent:
    return EntityEvent(Action.CREATED, Location(id_, sensor_id, 40.4, -3.7, AT, AT), AT)


def anomaly(id_: int, sensor_id: int = 1) -> EntityEvent:
    found = Anomaly(id_, sensor_id, AnomalyKind.UNUSUAL_PATTERN, 0.9, "raro", "odd", AT, AT)
    return EntityEvent(Action.DETECTED, found, AT)


def prediction(id_: int, sensor_id: int = 1) -> EntityEvent:
    made = Prediction(id_, sensor_id, "temperature", 900, 21.0, 20.0, 22.0, AT, "m", AT, AT)
    return EntityEvent(Action.COMPLETED, made, AT)


def news(text: str = "hola", channel: Channel | None = None) -> SystemEvent:
    return SystemEvent(Level.INFO, "test", text, text, AT, channel=channel)


ONE_OF_EACH: dict[Channel, Callable[[int, int], Event]] = {
    Channel.SENSORS: lambda _, sensor_id: sensor(sensor_id),
    Channel.READINGS: reading,
    Channel.LOCATIONS: location,
    Channel.ANOMALIES: anomaly,
    Channel.PREDICTIONS: prediction,
}


class Ids:
    """Ever increasing ids, with the gaps that a restart leaves."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def __call__(self, count: int) -> range:
        taken = range(self._next, self._next + count)
        self._next += count
        return taken

    def skip(self, count: int) -> None:
        self._next += count


class NoTokens:
    """Lets nobody in: what a server without accounts does."""

    async def admit(self, token: str, /) -> Principal:
        raise Refused("the token is not one that this daemon signed")

    def ended(self, principal: Principal, /) -> str | None:
        raise AssertionError("nobody was let in")


@dataclass
class Live:
    """A running server. ``refused`` lists what was counted as turned away."""

    bus: Bus
    hub: Hub
    ids: Ids
    server: Server
    app: FastAPI
    refused: list[tuple[str, str]] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.port

    def url(self, query: str = "", path: str = "/api/v1/ws") -> str:
        return f"ws://127.0.0.1:{self.port}{path}{'?' if query else ''}{query}"

    def connect(self, query: str = "", path: str = "/api/v1/ws", **options: Any) -> websockets.connect:
        return websockets.connect(self.url(query, path), proxy=None, **options)

    @contextlib.asynccontextmanager
    async def joined(self, query: str = "", **options: Any) -> AsyncIterator[websockets.ClientConnection]:
        """A client that has read its connection message."""
        async with self.connect(query, **options) as client:
            assert (await receive(client))["type"] == "connection"
            yield client


async def receive(client: websockets.ClientConnection, timeout: float = 10) -> dict[str, Any]:  # noqa: ASYNC109
    message: dict[str, Any] = json.loads(await asyncio.wait_for(client.recv(), timeout))
    return message


async def until(condition: Callable[[], object], timeout: float = 15) -> None:  # noqa: ASYNC109
    """Wait for a condition of another part; fails loudly when it never comes."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def live_server(
    *,
    connections: int = 100,
    per_address: int = 100,
    tokens: TokenJudge | None = None,
    secured: bool = False,
    settings: WebSocket | None = None,
    cors_origins: tuple[str, ...] = (),
    host: str = "127.0.0.1",
    first_id: int = 1,
    setup: Callable[[FastAPI], None] = lambda app: None,
) -> AsyncIterator[Live]:
    ids = Ids(first_id)
    bus = Bus(encode_event, ids)
    judge = tokens or NoTokens()
    hub = Hub(bus, Limits(connections, per_address), judge, now)
    app = FastAPI()
    refused: list[tuple[str, str]] = []

    def refuse(door: str, reason: str) -> None:
        refused.append((door, reason))

    app.include_router(websocket_routes(hub, judge, secured=secured, refuse=refuse))
    app.include_router(stats_routes(hub, bus, now), prefix="/api/v1")
    app.add_middleware(BodyLimit, batch_paths={"/api/v1/readings"})
    app.add_middleware(OriginCheck, names=Names.of(host, cors_origins=cors_origins), refuse=refuse)
    setup(app)
    server = Server(app, listen(host, 0), settings or WebSocket())
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.ready.wait(), 10)
    try:
        yield Live(bus, hub, ids, server, app, refused)
    finally:
        server.stop()
        await asyncio.wait_for(running, 15)
