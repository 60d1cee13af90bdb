"""uvicorn's HTTP protocol, with limits on what a slow or endless client may hold."""

import asyncio
import logging
from http import HTTPStatus

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger(__name__)

HEAD_TIMEOUT = 10.0
"""Seconds from the connection, or from a request's first byte, until its headers are complete."""

BODY_TIMEOUT = 60.0
"""Seconds that a body may take: 8 MiB at 140 kB/s."""

WRITE_TIMEOUT = 30.0
"""Seconds that a client may take no byte of an answer."""

HEAD_BYTES = 64 * 1024
"""The most that headers or trailers may have; the parser itself would hold them without end."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """400 for what is no HTTP, 408 for a request that does not get complete, 431 for endless headers, 503 over the
    limit of connections."""

    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _headers_done = False
    _loose = 0  # bytes since the last body byte or the last whole request

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the server has all the connections it takes; try again later")
        else:
            self._expect(HEAD_TIMEOUT)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._set_stalled(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._loose += len(data)
        super().data_received(data)
        if self._loose > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"headers have {HEAD_BYTES} bytes at most")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn tells it in plain text
        self._refuse(HTTPStatus.BAD_REQUEST, "this is not a request that HTTP/1.1 knows")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._headers_done = False
        if self._deadline is None:
            self._expect(HEAD_TIMEOUT)

    def on_headers_complete(self) -> None:
        self._headers_done = True
        self._expect(BODY_TIMEOUT)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._loose = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._loose = 0
        self._expect(None)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._expect(None)
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._set_stalled(self.loop.call_later(WRITE_TIMEOUT, self.transport.abort))

    def resume_writing(self) -> None:
        super().resume_writing()
        self._set_stalled(None)

    def _expect(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._timed_out)

    def _set_stalled(self, timer: asyncio.TimerHandle | None) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        self._stalled = timer

    def _timed_out(self) -> None:
        self._deadline = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request did not get complete in time")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer in the application's place and close; an application that is at it sees a client that left."""
        self._expect(None)
        answering = self._headers_done and self.cycle is not None and not self.cycle.response_complete
        if not (answering and self.cycle.response_started):
            body = orjson.dumps({"detail": detail})
            head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
