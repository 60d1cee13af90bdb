"""uvicorn's WebSocket protocol, with a way past ASGI for events: bytes made once, written straight to the transport.

After the handshake an endpoint takes the socket out of ASGI (:func:`socket_of`, :meth:`BroadcastProtocol.hand_over`);
from then on the connection costs no task, no scope and no queue, and a listener hears of what happens to it.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Protocol, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory

from daemon.api.frames import WINDOW_BITS

log = logging.getLogger(__name__)

MESSAGE_BYTES = 64 * 1024
"""The longest message a client may send, after inflating; longer ones close with 1009."""

SEND_BUFFER = 64 * 1024
"""The kernel's buffer of one connection. Left to itself it grows to 4 MiB, and hides a client that does not read."""

LAST_SEND_BUFFER = 1024 * 1024
"""What the kernel may take over at the close, so that the last frames and the close reach a late reader."""

CLOSE_TIMEOUT = 4.0
"""Seconds a peer has to answer a close before the connection is cut."""

SHUTDOWN_TIMEOUT = 2.0
"""The same when the server stops, which must end within 5 s whatever the clients do."""

_EXTENSION = "sereno.socket"
_REASON_BYTES = 123  # RFC 6455, 5.5: a control frame has at most 125 bytes, two of them the code
_BAD_HANDSHAKE = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

# Nothing is kept between messages in either direction: events are compressed once for all clients, and a
# connection holds no window.
_DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,
    client_no_context_takeover=True,
    server_max_window_bits=WINDOW_BITS,
    client_max_window_bits=WINDOW_BITS,
)


class _Unheard(asyncio.Queue[Any]):
    """The queue of all connections that nobody receives from by ASGI any more."""

    def put_nowait(self, item: Any) -> None:
        pass


_UNHEARD = _Unheard()
_UNAWAITED = asyncio.Event()
"""Set and cleared by all connections that nobody sends to by ASGI any more; nothing waits for it."""


class Listener(Protocol):
    """Whoever took the socket. Nothing is called after ``lost``."""

    def received(self, message: str | bytes, /) -> None: ...
    def paused(self) -> None: ...
    def writable(self) -> None: ...
    def lost(self) -> None: ...


def socket_of(scope: Mapping[str, Any]) -> "BroadcastProtocol":
    """The connection behind a WebSocket scope. Raises RuntimeError under another server than ours."""
    extension: Mapping[str, Any] | None = scope.get("extensions", {}).get(_EXTENSION)
    if extension is None:
        raise RuntimeError("the WebSocket endpoints need the server of daemon.api.server")
    return cast("BroadcastProtocol", extension["socket"])


class BroadcastProtocol(WebSocketsSansIOProtocol):
    """One connection. ``ready`` is True while it is open and its transport takes more; ``write`` takes whole frames,
    and only then.

    ``shares_compression``: compressed frames of :mod:`daemon.api.frames` may be written to it.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn.available_extensions = [_DEFLATE]
        self.close_timeout = CLOSE_TIMEOUT
        self.ready = False
        self.shares_compression = False
        self._listener: Listener | None = None
        self._handed_over = False
        self._gone: Callable[[], None] | None = None
        self._deaf = False
        self._cut_timer: asyncio.TimerHandle | None = None

    # What an endpoint and a listener use.

    def when_gone(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection is gone, down to its file descriptor."""
        self._gone = callback

    def hand_over(self, listener: Listener) -> None:
        """Give the accepted connection to ``listener``; what came in meanwhile reaches it when the app returns."""
        self._listener, self._handed_over = listener, True
        if self.close_sent or self.disconnected or self.transport.is_closing():
            self._leave()
            return
        self.ready = self.writable.is_set()
        extensions = self.conn.extensions
        self.shares_compression = any(
            isinstance(used, PerMessageDeflate) and used.local_max_window_bits >= WINDOW_BITS for used in extensions
        )

    def unsent(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self.transport.get_write_buffer_size()

    def close(self, code: int, reason: str, timeout: float = CLOSE_TIMEOUT) -> None:
        """Send a close frame after what has been written, and cut the connection if the peer does not answer.

        A peer that does not read gets the frame too, when it does: the kernel takes over what is left.
        """
        if self.close_sent or self.transport.is_closing():
            self._cut_after(timeout)
            return
        self.stop_keepalive()
        text = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        try:
            self.conn.send_close(code, text)
        except InvalidState:  # the peer's own close came first
            self.transport.close()
        else:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            if self.unsent():
                self._set_send_buffer(LAST_SEND_BUFFER)
        self._leave()
        self._read_on()
        self._cut_after(timeout)

    # The transport's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.write: Callable[[bytes], None] = self.transport.write
        self._set_send_buffer(SEND_BUFFER)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        if self._cut_timer is not None:
            self._cut_timer.cancel()
        super().connection_lost(exc)
        if self._gone is not None:
            self._gone()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.ready = False
        if self._listener is None:
            return
        self._listener.paused()
        if not self.read_paused:
            # Whoever reads no answers is asked no questions: its pings and texts must not pile up as replies.
            self.read_paused = True
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._listener is not None:
            self.ready = True
            self._read_on()
            self._listener.writable()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self.conn.receive_data(data)
        if self.conn.parser_exc is not None:
            self.handle_parser_exception()
        elif self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()) or _BAD_HANDSHAKE)
            self.transport.close()
        else:
            self.handle_events()

    def shutdown(self) -> None:
        if self.handshake_complete:
            self.close(1001, "the server stops", SHUTDOWN_TIMEOUT)
        else:
            super().shutdown()

    # The ASGI side, and what uvicorn does with frames.

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][_EXTENSION] = {"socket": self}

    async def run_asgi(self) -> None:
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            log.debug("a client left during its handshake")
        except Exception:  # whatever an endpoint raises ends its own connection and no other
            log.exception("a WebSocket endpoint failed")
            self.send_500_response()
        if self._handed_over:
            self._shed()
        elif self.close_timer is None and self._cut_timer is None:
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        if self._listener is None:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            self._listener.received(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(1007, "text must be UTF-8")
            return
        self._listener.received(text)

    def handle_close(self, event: Any) -> None:
        self._leave()
        super().handle_close(event)
        if self.close_sent:
            self.transport.close()  # both have said it
        self._cut_after(CLOSE_TIMEOUT)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._leave()
        if self.unsent():
            self.transport.abort()  # it will not take them either

    def handle_parser_exception(self) -> None:
        """Say why, and listen no more; what the peer still sends is read so that it gets to read the reason."""
        self.stop_keepalive()
        self._leave()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._deaf = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._read_on()
        self._cut_after(CLOSE_TIMEOUT)

    def _shed(self) -> None:
        """Deliver what came in before the hand-over, and drop what only ASGI needs: 10 KB of each connection."""
        while not self.queue.empty():
            event = cast("MutableMapping[str, Any]", self.queue.get_nowait())
            if event["type"] == "websocket.receive" and self._listener is not None:
                self._listener.received(event.get("text") or event.get("bytes") or "")
        del self.scope, self.request, self.response
        self.queue, self.writable = _UNHEARD, _UNAWAITED
        if self.ready:
            self._read_on()

    def _leave(self) -> None:
        self.ready = False
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.lost()

    def _read_on(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _cut_after(self, timeout: float) -> None:
        if self._cut_timer is not None:
            self._cut_timer.cancel()
        self._cut_timer = self.loop.call_later(timeout, self.transport.abort)

    def _set_send_buffer(self, size: int) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
