"""Telling systemd how we are (sd_notify(3)): one datagram to ``$NOTIFY_SOCKET``; nothing where there is none."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Speaks to the service manager that started us, if one did. Sending never blocks and never raises."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL that begins the name of an abstract socket.
        self.address = "\0" + address[1:] if address.startswith("@") else address if address.startswith("/") else ""
        self.watchdog_s = _watchdog(environ)
        """Seconds within which :meth:`watchdog` must be called; None: nobody watches."""

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

    def extend_timeout(self, seconds: float) -> None:
        """Start or stop takes longer (a migration): give it ``seconds`` from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}")

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


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """sd_watchdog_enabled(3): the variables may have been inherited by a process they are not meant for."""
    try:
        seconds = int(environ.get("WATCHDOG_USEC", "0")) / 1e6
        pid = int(environ.get("WATCHDOG_PID", os.getpid()))
    except ValueError:
        return None
    return seconds if seconds > 0 and pid == os.getpid() else None
