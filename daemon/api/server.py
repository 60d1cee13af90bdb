"""The HTTP and WebSocket server: uvicorn on one port, with our protocols, and an end within five seconds."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from daemon.api.http_protocol import LimitedHttpProtocol
from daemon.api.websocket_protocol import MESSAGE_BYTES, BroadcastProtocol
from daemon.config import WebSocket

HTTP_CONNECTIONS = 256
"""Connections besides the WebSocket clients' that may be open at once."""

GRACE = 3
"""Seconds that requests have to end when the server stops, before they are cancelled."""

BACKLOG = 1024


class ListenError(OSError):
    """An address that the server cannot listen on: one sentence, with the operating system's reason."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of ``host``; port 0 takes a free one. Raises ListenError."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenError(error.errno, f"server.host {host!r} is not an address of this machine: {error}") from error
    bound: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listener = _bind(family, kind, protocol, address)
            if listener is not None:
                bound.append(listener)
    except OSError as error:
        for listener in bound:
            listener.close()
        raise ListenError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    if not bound:
        raise ListenError(errno.EADDRNOTAVAIL, f"server.host {host!r} is not an address of this machine")
    return bound


def _bind(
    family: int, kind: int, protocol: int, address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
) -> socket.socket | None:
    """None where the machine has no such address family although the resolver names it (IPv6 switched off)."""
    try:
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            return None
        raise
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
            return None
        raise
    return listener


def _config(app: ASGIApp, settings: WebSocket) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=LimitedHttpProtocol,
        ws=BroadcastProtocol,
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=settings.ping_interval,
        ws_ping_timeout=settings.ping_timeout,
        ws_per_message_deflate=False,  # the protocol brings its own
        lifespan="off",
        log_config=None,
        log_level="warning",  # its lines for people hold URLs, and those hold tokens
        access_log=False,
        proxy_headers=False,  # anyone on this machine could name any address
        server_header=False,
        limit_concurrency=settings.max_connections + HTTP_CONNECTIONS,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )


class Server(uvicorn.Server):
    """Serves ``app`` on ``listeners``, which it closes; signals are left to whoever runs the loop.

    :meth:`run` returns after :meth:`stop`, within 5 s: WebSocket clients are sent 1001, requests may end, and what
    then still hangs is cut. ``ready`` is set once connections are accepted.
    """

    def __init__(self, app: ASGIApp, listeners: Sequence[socket.socket], settings: WebSocket) -> None:
        super().__init__(_config(app, settings))
        self.listeners = list(listeners)
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def port(self) -> int:
        """The port, also where it was chosen by the system."""
        return int(self.listeners[0].getsockname()[1])

    async def run(self) -> None:  # type: ignore[override]
        """Serve until :meth:`stop`."""
        await self.serve(self.listeners)

    def stop(self) -> None:
        """End soon; may be called twice."""
        self.should_exit = True
        self._stopping.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """uvicorn's looks ten times a second; a daemon at rest should not."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
