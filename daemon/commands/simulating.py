"""``sereno simulate``: devices that publish to a broker as real ones do, with faults on request."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from daemon.commands.console import say
from daemon.config_sources import read
from daemon.errors import SerenoError, UsageError
from drivers.emulate.faults import Fault, FaultKind
from drivers.emulate.household import crowd
from drivers.emulate.live import Emulator

_FOR_EVER_US = 365 * 86_400_000_000
_PATIENCE = 5.0
"""Seconds until a broker that does not answer is none."""


def broker_url(given: str | None, config: Path | None, *, from_stdin: bool) -> str:
    """``given``, or the configuration's broker; a password comes from standard input. Raises UsageError."""
    if given is None:
        broker = read(config, os.environ).values.get("broker") or {}
        given = f"mqtt://{broker.get('host', '127.0.0.1')}:{broker.get('port', 1883)}"
    parts = urlsplit(given)
    if parts.scheme != "mqtt" or not parts.hostname:
        raise UsageError(f"{given!r} is not a broker; write mqtt://host:1883")
    if parts.password is not None:
        raise UsageError("a password on the command line can be read by everyone; give it by --password-stdin")
    if not from_stdin:
        return given
    if not parts.username:
        raise UsageError("--password-stdin needs a user: --broker mqtt://user@host:1883")
    user, _, host = parts.netloc.rpartition("@")
    return f"mqtt://{user}:{quote(sys.stdin.readline(4096).strip(), safe='')}@{host}"


def faults_of(texts: Sequence[str], names: Sequence[str], now: int) -> list[Fault]:
    """``KIND`` (the first device's) or ``KIND:DEVICE``, from ``now`` (µs) on; raises UsageError."""
    found = []
    for text in texts:
        kind, _, device = text.partition(":")
        if kind not in list(FaultKind):
            raise UsageError(f"{kind!r} is not a fault; there are {', '.join(FaultKind)}")
        if device and device not in names:
            raise UsageError(f"there is no device {device!r}; they are {names[0]} to {names[-1]}")
        found.append(Fault(FaultKind(kind), device or names[0], now, now + _FOR_EVER_US))
    return found


def simulate(url: str, count: int, interval: float, faults: Sequence[str], seconds: float | None, seed: int) -> None:
    """Publish until ``seconds`` are over or Ctrl-C."""
    names = [emulated.device.name for emulated in crowd(count, seed, interval)]
    household = crowd(count, seed, interval, faults_of(faults, names, time.time_ns() // 1000))
    address = _reached(url)
    logging.getLogger("drivers").addHandler(_Once())
    stop = threading.Event()
    with Emulator(household, url=url) as emulator:
        say(f"{names[0]} to {names[-1]} publish to {address}; Ctrl-C ends it")
        try:
            emulator.run(stop, seconds)
        except KeyboardInterrupt:
            stop.set()
        outlook = emulator.outlook()
    say(f"{outlook.samples} reports, {outlook.sent} messages")


def _reached(url: str) -> str:
    """The broker's ``host:port``; raises SerenoError where nothing listens. Once there, it may come and go."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or 1883
    try:
        socket.create_connection((host, port), _PATIENCE).close()
    except OSError as error:
        raise SerenoError(
            f"no broker answers at {host}:{port}; start one (`sereno run` brings its own), or give its --broker"
        ) from error
    return f"{host}:{port}"


class _Once(logging.Handler):
    """Tells what many devices find out, such as a refusal, once."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self._told:
            self._told.add(text)
            say(text, "yellow")
