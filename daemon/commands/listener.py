"""A WebSocket client that stamps what arrives, read by a thread while the caller asks over HTTP."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed

from daemon.client import Client, ClientError

KEPT = 10_000
"""Events kept for the caller: what it does not look for in time is of no use to it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event and the monotonic moment (s) at which it came in."""

    at: float
    event: dict[str, Any]


class Listener:
    """Context manager: connected and greeted inside the block; raises ClientError where the daemon refuses."""

    def __init__(self, client: Client, channels: str) -> None:
        self._client = client
        self._channels = channels
        self._arrivals: deque[Arrival] = deque(maxlen=KEPT)
        self._news = threading.Condition()
        self.greeting: dict[str, Any] = {}
        self.closed: str | None = None
        """Why the connection ended, None while it lasts."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._connection = opening.enter_context(self._client.listen(self._channels))
            self.greeting = json.loads(next_text(self._connection.recv))
            self._opened = opening.pop_all()
        self._thread = threading.Thread(target=self._read, name="listener", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        self._thread.join(timeout=10)

    def _read(self) -> None:
        try:
            while True:
                event = json.loads(self._connection.recv())
                with self._news:
                    self._arrivals.append(Arrival(time.monotonic(), event))
                    self._news.notify_all()
        except ConnectionClosed as end:
            with self._news:
                self.closed = reason_of(end)
                self._news.notify_all()

    def wait(self, wanted: Callable[[dict[str, Any]], bool], timeout: float) -> list[Arrival]:
        """Every arrival that is ``wanted``, as soon as there is one; an empty list after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                found = [arrival for arrival in self._arrivals if wanted(arrival.event)]
                left = deadline - time.monotonic()
                if found or left <= 0 or self.closed is not None:
                    return found
                self._news.wait(left)

    def settle(self, timeout: float) -> set[int]:
        """Wait until what was replayed to us has come, which a pong ends; the ids of the events so far."""
        self._connection.send('{"type":"ping"}')
        self.wait(lambda event: event.get("type") == "pong", timeout)
        with self._news:
            return {arrival.event["id"] for arrival in self._arrivals if "id" in arrival.event}

    def repeated(self) -> int:
        """How many arrivals were of an event that had already come."""
        with self._news:
            ids = [arrival.event["id"] for arrival in self._arrivals if "id" in arrival.event]
        return len(ids) - len(set(ids))


def next_text(receive: Callable[[], str | bytes]) -> str | bytes:
    """The next message; raises ClientError with the daemon's own reason where it closed the connection."""
    try:
        return receive()
    except ConnectionClosed as end:
        raise ClientError(reason_of(end)) from end


def reason_of(end: ConnectionClosed) -> str:
    """Why the other side closed, in its own words where it gave some."""
    if end.rcvd is None:
        return "the connection to the daemon was lost"
    return end.rcvd.reason or f"the daemon closed the connection (code {end.rcvd.code})"
