"""A QoS 1 publisher on a raw socket, fast enough to be no part of what is measured.

Prints one line ``first last`` (s, monotonic) when all is acknowledged, and writes the moment at which each sequence
number was sent to ``--log``: float64 seconds of the monotonic clock, by number.
"""

import argparse
import math
import random
import select
import socket
import struct
import time
from array import array
from pathlib import Path


def temperature(seconds: float, noise: random.Random) -> float:
    """A room's °C at a time since 1970: a day's rhythm and a little noise, in a DHT22's steps."""
    return round(21 + 1.5 * math.sin(seconds * math.tau / 86_400) + noise.gauss(0, 0.15), 1)


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("!H", len(encoded)) + encoded


class Publisher:
    """``window`` bounds what is sent and not acknowledged."""

    def __init__(self, port: int, sensors: int, window: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connect = _text("MQTT") + bytes([4, 2]) + struct.pack("!H", 600) + _text("benchmark-publisher")
        self._socket.sendall(_packet(0x10, connect))
        if self._socket.recv(4)[3] != 0:
            raise SystemExit("the broker refused the publisher")
        self._sensors = sensors
        self._window = window
        self._random = random.Random(1)
        self._acknowledged = 0
        self._sent = 0
        self._rest = b""

    def run(self, first: int, count: int, rate: float) -> "array[float]":
        """Send ``count`` messages, numbered from ``first``; ``rate`` per second, 0: flat out."""
        moments = array("d")
        began = time.monotonic()
        while self._acknowledged < count:
            due = count if not rate else min(count, int((time.monotonic() - began) * rate) + 1)
            room = min(due - self._sent, self._window - (self._sent - self._acknowledged), 200)
            if room > 0:
                packets = []
                for _ in range(room):
                    packets.append(self._message(first + self._sent))
                    self._sent += 1
                moment = time.monotonic()
                self._socket.sendall(b"".join(packets))
                moments.extend([moment] * room)
            idle = 0.0 if room > 0 else 0.001 if rate else 0.1
            if select.select([self._socket], [], [], idle)[0]:
                self._read()
        return moments

    def _message(self, number: int) -> bytes:
        sensor = f"s{number % self._sensors}"
        value = temperature(time.time(), self._random)
        payload = (
            f'{{"sensor":"{sensor}","metric":"temperature","unit":"C","value":{value},"seq":{number},'
            f'"t":{time.time_ns() // 1000}}}'
        )
        body = _text(f"sensors/{sensor}/reading") + struct.pack("!H", number % 65535 + 1) + payload.encode()
        return _packet(0x32, body)

    def _read(self) -> None:
        data = self._rest + self._socket.recv(65536)
        whole = len(data) // 4 * 4  # PUBACKs are 4 bytes each
        self._acknowledged += whole // 4
        self._rest = data[whole:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--window", type=int, default=2000)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    moments = Publisher(options.port, options.sensors, options.window).run(options.first, options.count, options.rate)
    options.log.write_bytes(moments.tobytes())
    print(moments[0], moments[-1])


if __name__ == "__main__":
    main()
