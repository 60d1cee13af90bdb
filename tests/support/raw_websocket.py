"""A WebSocket client on a bare socket, for what no client library would do."""

import base64
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawFrame:
    """``opcode`` 1 text, 2 binary, 8 close, 9 ping, 10 pong."""

    opcode: int
    payload: bytes
    compressed: bool

    @property
    def close_code(self) -> int:
        return int.from_bytes(self.payload[:2], "big")


class RawClient:
    """Blocking, and slow on purpose where ``receive_buffer`` is small. Use it off the event loop."""

    def __init__(self, port: int, path: str = "/api/v1/ws", *, receive_buffer: int = 0, headers: str = "") -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n".encode()
        )
        self._received = b""
        self._ended = False
        while b"\r\n\r\n" not in self._received:
            self._more()
        self.head, self._received = self._received.split(b"\r\n\r\n", 1)

    def send(self, payload: bytes, *, opcode: int = 1, fin: bool = True, compressed: bool = False) -> None:
        first = (0x80 if fin else 0) | (0x40 if compressed else 0) | opcode
        size = len(payload)
        if size < 126:
            length = bytes((0x80 | size,))
        elif size < 2**16:
            length = struct.pack("!BH", 0xFE, size)
        else:
            length = struct.pack("!BQ", 0xFF, size)
        self.socket.sendall(bytes((first,)) + length + b"\0\0\0\0" + payload)  # masked with zeros

    def frames(self) -> Iterator[RawFrame]:
        """Whole frames until the server closes the connection or cuts it."""
        while True:
            frame = self._take()
            if frame is not None:
                yield frame
            elif self._ended:
                return
            else:
                self._more()

    def close(self) -> None:
        self.socket.close()

    def ended_after(self) -> float:
        """Seconds until the connection is over, reading and answering nothing of what still comes."""
        started = time.monotonic()
        while not self._ended:
            self._received = b""
            self._more()
        return time.monotonic() - started

    def _more(self) -> None:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._received += data
        self._ended = not data
        if self._ended and not hasattr(self, "head"):
            raise ConnectionError(f"closed in the handshake: {self._received!r}")

    def _take(self) -> RawFrame | None:
        data = self._received
        if len(data) < 2:
            return None
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start + size:
            return None
        self._received = data[start + size :]
        return RawFrame(data[0] & 0x0F, data[start : start + size], bool(data[0] & 0x40))
