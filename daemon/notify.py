"""Telling systemd how we are (sd_notify(3)): one datagram to ``$NOTIFY_SOCKET``; nothing where there is none."""

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

EXTEND_EVERY, EXTEND_BY = 10.0, 60.0
"""Seconds between two words that the start goes on, and what each asks for: some of them may come late."""


class Notifier:
    """Speaks to the service manager that started us, if one did. Sending never blocks and never raises."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL that begins the name of an abstract socket.
        self.address = "\0" + address[1:] if address.startswith("@") else address if address.startswith("/") else ""

    def ready(self, status: str = "") -> None:
        """Start-up is over: the port is bound, the schema checked."""
        self._send("READY=1", status)

    def stopping(self, status: str = "") -> None:
        """The drain has begun."""
        self._send("STOPPING=1", status)

    def watchdog(self) -> None:
        """Still making progress."""
        self._send("WATCHDOG=1")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._send(status=status)

    async def while_starting(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a part of the start that may take long (a migration), and ask for time as long as it lasts."""
        running = asyncio.ensure_future(work)
        while True:
            done, _ = await asyncio.wait([running], timeout=EXTEND_EVERY)
            if done:
                return running.result()
            self._send(f"EXTEND_TIMEOUT_USEC={round(EXTEND_BY * 1e6)}")

    def _send(self, state: str = "", status: str = "") -> None:
        if not self.address:
            return
        lines = [state] if state else []
        if status:
            lines.append(f"STATUS={' '.join(status.split())}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            try:
                sender.sendto("\n".join(lines).encode(), self.address)
            except OSError:
                # A manager that is gone or busy cannot be told; it will notice by its own watchdog.
                return
