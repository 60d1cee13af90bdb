"""What systemd hears, over a real socket."""

import asyncio
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import notify
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
    notifier.stopping()
    assert [listener.recv(1000).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=serving 5 sensors",
        "WATCHDOG=1",
        "STATUS=5 readings/s",
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


async def test_a_long_start_asks_for_time_until_it_is_over(
    manager: tuple[socket.socket, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "EXTEND_EVERY", 0.01)
    listener, environ = manager
    enough = asyncio.Event()

    async def migrate() -> str:
        await enough.wait()
        return "done"

    starting = asyncio.create_task(Notifier(environ).while_starting(migrate()))
    for _ in range(3):
        assert await asyncio.to_thread(listener.recv, 1000) == b"EXTEND_TIMEOUT_USEC=60000000"
    enough.set()
    assert await starting == "done"


async def test_what_ends_a_start_is_raised() -> None:
    async def fail() -> None:
        raise LookupError("no such database")

    with pytest.raises(LookupError):
        await Notifier({}).while_starting(fail())
