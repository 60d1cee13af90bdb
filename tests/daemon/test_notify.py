"""What systemd hears, over a real socket."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, {"NOTIFY_SOCKET": name}


def test_each_word_is_one_datagram(manager: tuple[socket.socket, dict[str, str]]) -> None:
    listener, environ = manager
    notifier = Notifier(environ)
    notifier.ready("serving\n5 sensors")
    notifier.watchdog()
    notifier.status("5 readings/s")
    notifier.extend_timeout(12.5)
    notifier.stopping()
    assert [listener.recv(1000).decode() for _ in range(5)] == [
        "READY=1\nSTATUS=serving 5 sensors",
        "WATCHDOG=1",
        "STATUS=5 readings/s",
        "EXTEND_TIMEOUT_USEC=12500000",
        "STOPPING=1",
    ]


def test_without_a_manager_nothing_happens(tmp_path: Path) -> None:
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    Notifier({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()


def test_a_manager_that_does_not_read_holds_nobody_up(manager: tuple[socket.socket, dict[str, str]]) -> None:
    notifier = Notifier(manager[1])
    for _ in range(10_000):
        notifier.watchdog()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
    ],
)
def test_how_often_the_watchdog_wants_to_hear(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environ).watchdog_s == seconds
