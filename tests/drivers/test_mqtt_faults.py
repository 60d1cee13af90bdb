"""The mqtt driver where it does not work: refusals, certificates, hostile bytes, silence, more than it can take."""

import asyncio
import contextlib
import os
import signal
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from support.brokers import Broker, free_port, make_mosquitto, make_nats, publish

from drivers import mqtt
from drivers.base import Decoded, Delivery, DriverError, Kind
from drivers.formats.message import NO_HINT, Hint
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import Embedded, MqttSettings

PATIENCE = 10.0


def noise(topic: str, payload: bytes, memory: dict[str, Any], hint: Hint = NO_HINT) -> Decoded:
    return Decoded(Kind.NOISE)


def make(url: str, *, decode: mqtt.Decode = noise, embedded: Embedded | None = None, **settings: Any) -> MqttDriver:
    values = {"name": "mqtt", "type": "mqtt", "url": url, "topics": ["t/#"], **settings}
    return MqttDriver("mqtt", MqttSettings.model_validate(values), {}, decode=decode, embedded=embedded)


async def fault(driver: MqttDriver) -> DriverError:
    """What the driver says when it is opened and read."""
    with pytest.raises(DriverError) as caught:
        async with asyncio.timeout(PATIENCE), driver:
            await anext(driver)
    return caught.value


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk) -> AsyncIterator[str]:
    """A server that talks like this to each client; gives its URL."""
    talks: set[asyncio.Task[None] | None] = set()

    async def whole_talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        await talk(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(whole_talk, "127.0.0.1", 0) as server:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*filter(None, talks))


def scripted(*steps: bytes, hang_up: bool = False) -> AbstractAsyncContextManager[str]:
    """A broker that answers each packet with the next step, whatever it says."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in steps:
            if not await reader.read(4096):
                return
            writer.write(step)
        if not hang_up:
            await reader.read()

    return serving(talk)


CONNACK, CONNACK_V5, SUBACK, SUBACK_V5 = b"\x20\2\0\0", b"\x20\3\0\0\0", b"\x90\3\0\1\1", b"\x90\4\0\1\0\1"


def publication(topic: bytes, payload: bytes = b"1", message_id: int = 1) -> bytes:
    """A QoS 1 PUBLISH of MQTT 3.1.1."""
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", message_id) + payload
    return bytes([0x32, len(body)]) + body


async def test_nobody_listens() -> None:
    error = await fault(make(f"mqtt://127.0.0.1:{free_port()}"))
    assert error.retryable
    assert "nothing listens at mqtt://127.0.0.1:" in str(error)


async def test_an_unknown_host_is_named() -> None:
    error = await fault(make("mqtt://no-such-host.invalid"))
    assert error.retryable
    assert "the host no-such-host.invalid is not found" in str(error)


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """Mosquitto's file with one account: ana, right."""
    path = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", path, "ana", "right"], check=True)
    return path


async def test_wrong_credentials_name_broker_user_and_cure_once_and_for_all(tmp_path: Path, passwords: Path) -> None:
    broker = make_mosquitto(tmp_path, anonymous=False, listener=f"password_file {passwords}")
    secret = tmp_path / "secret"
    broker.start()
    try:
        for settings in ({}, {"username": "ana", "password": "wrong"}, {"username": "ana"}):
            error = await fault(make(broker.url, **settings))
            assert not error.retryable
            assert broker.url in str(error)
            assert settings.get("username", "without a user") in str(error)
            assert "password_file" in str(error)
            assert "wrong" not in str(error)
        secret.write_text("right\n")
        async with make(broker.url, username="ana", password_file=secret) as driver:
            await asyncio.to_thread(publish, broker, ("t/a", "1"), username="ana", password="right")
            assert len(await anext(driver)) == 1
    finally:
        broker.kill()


async def test_nats_refuses_wrong_credentials_in_the_same_words(tmp_path: Path) -> None:
    broker = make_nats(tmp_path, extra='authorization { user: "ana", password: "right" }')
    broker.start()
    try:
        error = await fault(make(broker.url, username="ana", password="wrong"))
        assert not error.retryable
        assert "as ana was refused" in str(error)
        async with make(broker.url.replace("//", "//ana@"), password="right", username=None) as driver:
            assert driver.details()["protocol"] == "MQTT 3.1.1"
    finally:
        broker.kill()


async def test_a_password_file_that_is_not_there(mosquitto: Broker, tmp_path: Path) -> None:
    error = await fault(make(mosquitto.url, username="ana", password_file=tmp_path / "none"))
    assert not error.retryable
    assert str(tmp_path / "none") in str(error)


class Certificates:
    """An authority, a server certificate for localhost, a client's, and a stranger's authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for authority in ("ca", "stranger"):
            self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
                          "-keyout", f"{authority}.key", "-out", f"{authority}.pem")  # fmt: skip
        for name, authority in (("server", "ca"), ("client", "ca"), ("other", "stranger")):
            self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                          "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
            (folder / "names").write_text("subjectAltName=DNS:localhost")
            self._openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
                          f"{authority}.key", "-days", "2", "-extfile", "names", "-out", f"{name}.pem")  # fmt: skip

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def __getitem__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def tls_port(certificates: Certificates, tmp_path: Path) -> Any:
    """Mosquitto that asks for a client certificate on a second listener."""
    port = free_port()
    listener = (
        f"listener {port} 127.0.0.1\nallow_anonymous true\ncafile {certificates['ca.pem']}\nrequire_certificate true\n"
        f"certfile {certificates['server.pem']}\nkeyfile {certificates['server.key']}\n"
    )
    broker = make_mosquitto(tmp_path, listener=listener)
    broker.start()
    yield port, broker
    broker.kill()


async def test_tls_with_an_authority_and_a_client_certificate(tls_port: Any, certificates: Certificates) -> None:
    port, broker = tls_port
    mine = {"certificate_file": certificates["client.pem"], "key_file": certificates["client.key"]}
    async with make(f"mqtts://localhost:{port}", ca_file=certificates["ca.pem"], **mine) as driver:
        await asyncio.to_thread(publish, broker, *[("t/a", "x" * 900) for _ in range(200)])
        got = 0
        async with asyncio.timeout(PATIENCE):
            while got < 200:
                batch = await anext(driver)
                got += len(batch)
                driver.acknowledge([delivery.receipt for delivery in batch])
    async with make(f"mqtts://localhost:{port}", insecure=True, **mine):
        pass


@pytest.mark.parametrize(
    ("settings", "retryable", "sentence"),
    [
        ({}, False, "certificate that is not trusted"),
        ({"ca_file": "stranger.pem"}, False, "certificate that is not trusted"),
        ({"ca_file": "absent.pem"}, False, "absent.pem cannot be used"),
        ({"ca_file": "ca.pem"}, True, "client certificate"),
        ({"ca_file": "ca.pem", "certificate_file": "other.pem", "key_file": "other.key"}, True, "certificate"),
        ({"ca_file": "ca.pem", "certificate_file": "client.pem", "key_file": "ca.key"}, False, "cannot be used"),
    ],
)
async def test_tls_faults_say_what_is_wrong(
    tls_port: Any, certificates: Certificates, settings: dict[str, str], retryable: bool, sentence: str
) -> None:
    files = {key: certificates[name] for key, name in settings.items()}
    error = await fault(make(f"mqtts://localhost:{tls_port[0]}", **files))
    assert sentence in str(error)
    assert error.retryable is retryable


async def test_a_certificate_for_another_name_is_refused(tls_port: Any, certificates: Certificates) -> None:
    error = await fault(make(f"mqtts://127.0.0.1:{tls_port[0]}", ca_file=certificates["ca.pem"]))
    assert "certificate that is not trusted" in str(error)
    assert not error.retryable


async def test_tls_to_a_plain_port(mosquitto: Broker) -> None:
    error = await fault(make(mosquitto.url.replace("mqtt:", "mqtts:")))
    assert "TLS" in str(error)


async def test_mqtt_5_with_the_window_asked_for(mosquitto: Broker) -> None:
    async with make(mosquitto.url, window=7) as driver:
        assert driver.window == 7
        details = driver.details()
        assert (details["protocol"], details["window"], details["broker"]) == ("MQTT 5", 7, mosquitto.url)
        await asyncio.to_thread(publish, mosquitto, *[("t/a", str(i)) for i in range(20)])
        got: list[Delivery] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                async for batch in driver:
                    got += batch
        assert len(got) == 7
        driver.acknowledge([delivery.receipt for delivery in got])
        async with asyncio.timeout(PATIENCE):
            assert await anext(driver)


async def test_a_broker_of_3_1_1_is_spoken_to_in_3_1_1(nats: Broker) -> None:
    async with make(nats.url) as driver:
        assert (driver.details()["protocol"], driver.window) == ("MQTT 3.1.1", 20)
    error = await fault(make(nats.url, version="5"))
    assert "version" in str(error)
    assert not error.retryable


async def test_a_broker_that_hangs_up_on_mqtt_5_is_spoken_to_in_3_1_1() -> None:
    greeted: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeted.append((await reader.read(4096))[8])
        if greeted[-1] == 4:
            writer.write(CONNACK)
            await reader.read(4096)
            writer.write(SUBACK)
            await reader.read()

    async with serving(talk) as url, make(url) as driver:
        assert driver.details()["protocol"] == "MQTT 3.1.1"
    assert greeted == [5, 4]


async def test_what_is_no_broker_is_called_that() -> None:
    async with scripted(b"", hang_up=True) as url:
        assert "is it an MQTT broker" in str(await fault(make(url)))


async def test_a_topic_that_is_not_utf_8_is_counted_and_can_be_acknowledged() -> None:
    packets = publication(b"t/\xff") + publication(b"t/a", message_id=2)
    async with scripted(CONNACK, SUBACK + packets) as url, make(url, version="3.1.1") as driver:
        first, second = await anext(driver)
        assert (first.decoded.kind, first.origin) == (Kind.NOISE, "")
        assert second.origin == "t/a"
        assert driver.counters == {"topic_not_utf8": 1}
        driver.acknowledge([first.receipt, second.receipt])


async def test_a_refused_subscription_is_a_fault() -> None:
    async with scripted(CONNACK, b"\x90\3\0\1\x80") as url:
        error = await fault(make(url, version="3.1.1"))
    assert "may not subscribe to t/#" in str(error)
    assert not error.retryable


async def test_a_subscription_refused_among_others_is_shown() -> None:
    topics = ["secret/#", "t/#"]
    async with (
        scripted(CONNACK, b"\x90\4\0\1\x80\1") as url,
        make(url, version="3.1.1", topics=topics) as driver,
    ):
        assert driver.details()["refused_topics"] == "secret/#"
        assert driver.counters == {"subscription_refused": 1}


@pytest.mark.parametrize(
    "garbage",
    [b"\x32\2\0\xff", b"\x32\xff\xff\xff\xff\x01", b"\x00\x00", b"\xf0\x03abc", b"\x32\x00", b"\x20\x00", b"\x90\x00",
     b"\x40\x01\x00", b"\x36\x05\0\1a\0\1", bytes(range(256))],
)  # fmt: skip
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_garbage_from_a_broker_ends_the_connection_with_a_sentence(garbage: bytes, version: str) -> None:
    greeting, granted = (CONNACK_V5, SUBACK_V5) if version == "5" else (CONNACK, SUBACK)
    async with scripted(greeting, granted + garbage, hang_up=True) as url:
        error = await fault(make(url, version=version))
    assert url in str(error)


async def test_an_exception_in_a_callback_ends_the_connection(
    mosquitto: Broker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with make(mosquitto.url) as driver:
        monkeypatch.setattr(driver, "_clock", lambda: 1 / 0)
        await asyncio.to_thread(publish, mosquitto, ("t/a", "1"))
        with pytest.raises(DriverError, match="ZeroDivisionError"):
            async with asyncio.timeout(PATIENCE):
                await anext(driver)
    assert "ZeroDivisionError" in caplog.text


async def test_a_decoder_that_fails_costs_one_message(mosquitto: Broker) -> None:
    def failing(topic: str, payload: bytes, memory: dict[str, Any], hint: Hint = NO_HINT) -> Decoded:
        return Decoded(Kind.READING) if payload == b"good" else 1 / 0  # type: ignore[return-value]

    async with make(mosquitto.url, decode=failing) as driver:
        await asyncio.to_thread(publish, mosquitto, ("t/a", "bad"), ("t/a", "good"))
        kinds = []
        async with asyncio.timeout(PATIENCE):
            while len(kinds) < 2:
                kinds += [delivery.decoded.kind for delivery in await anext(driver)]
        assert kinds == [Kind.UNKNOWN, Kind.READING]
        assert driver.counters == {"decoder_failed": 1}


async def test_a_silent_broker_is_noticed(mosquitto: Broker) -> None:
    """The least keepalive is 5 s: heard for the last time at once, missed after 7.5 s."""
    assert mosquitto.process is not None
    async with make(mosquitto.url, keepalive=5) as driver:
        mosquitto.process.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(DriverError, match="has not been heard"):
                async with asyncio.timeout(12):
                    await anext(driver)
        finally:
            mosquitto.process.send_signal(signal.SIGCONT)


async def test_the_socket_is_left_alone_while_enough_waits_and_nothing_is_lost(
    mosquitto: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the broker's patience with a silent client, 1.5 times the keepalive."""
    monkeypatch.setattr(mqtt, "MAX_WAITING", 50)
    async with make(mosquitto.url, keepalive=5) as driver:
        await asyncio.to_thread(publish, mosquitto, *[("t/a", str(i)) for i in range(500)])
        await asyncio.sleep(8)
        assert len(driver._waiting) == 50
        got: list[bytes] = []
        async with asyncio.timeout(PATIENCE):
            while len(got) < 500:
                got += [delivery.payload for delivery in await anext(driver)]
    assert got == [str(i).encode() for i in range(500)]
    assert "has exceeded timeout" not in mosquitto.log


async def test_two_with_one_client_id_are_told_apart_from_a_broken_network() -> None:
    """Mosquitto 2.0.11 does not say it; newer ones and other brokers do, as the standard asks."""
    async with scripted(CONNACK_V5, SUBACK_V5 + b"\xe0\2\x8e\0") as url:
        error = await fault(make(url))
    assert f"another client connected to {url} with the id sereno-mqtt" in str(error)


async def test_cancelling_the_opening_leaves_nothing_behind() -> None:
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    async with scripted() as url:
        for wait in (0.0, 0.05):
            opening = asyncio.create_task(make(url).__aenter__())
            await asyncio.sleep(wait)  # before and amid the opening
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
    async with asyncio.timeout(PATIENCE):
        while len(os.listdir("/proc/self/fd")) > descriptors:  # noqa: ASYNC110, PTH208
            await asyncio.sleep(0.01)


def test_it_runs_on_uvloop(mosquitto: Broker) -> None:
    async def hear() -> int:
        async with make(mosquitto.url) as driver:
            await asyncio.to_thread(publish, mosquitto, *[("t/a", str(i)) for i in range(50)])
            batch = await anext(driver)
            driver.acknowledge([delivery.receipt for delivery in batch])
            return len(batch)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(hear()) >= 1


async def test_embedded_stands_for_what_the_daemon_hands_in(mosquitto: Broker) -> None:
    async with make("embedded", embedded=Embedded(mosquitto.url, "mosquitto")) as driver:
        assert driver.details()["broker"] == mosquitto.url
    error = await fault(make("embedded"))
    assert "broker.embedded" in str(error)
    assert not error.retryable


async def test_a_shared_subscription_is_refused_where_nats_would_deliver_nothing(mosquitto: Broker) -> None:
    error = await fault(make("embedded", embedded=Embedded("mqtt://127.0.0.1:1", "nats"), topics=["$share/g/t/#"]))
    assert "$share/g/t/#" in str(error)
    assert not error.retryable
    async with make(mosquitto.url, topics=["$share/g/t/#"]) as driver:
        await asyncio.to_thread(publish, mosquitto, ("t/a", "1"))
        async with asyncio.timeout(PATIENCE):
            assert len(await anext(driver)) == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"url": "http://host"}, "write embedded, mqtt://host:1883"),
        ({"url": "mqtt://u:secret@host"}, "password_file"),
        ({"url": "mqtt://host:99999"}, "is not a URL"),
        ({"url": "mqtt://"}, "names no broker"),
        ({"topics": []}, "at least 1"),
        ({"topics": ["$SYS/#"]}, "leave $SYS out"),
        ({"topics": ["$share/g/$SYS/#"]}, "leave $SYS out"),
        ({"topics": ["a/#/b"]}, "not a topic filter"),
        ({"topics": ["a+/b"]}, "not a topic filter"),
        ({"topics": [""]}, "not a topic filter"),
        ({"topics": ["$share/g"]}, "not a shared subscription"),
        ({"username": "a", "password": "x", "password_file": "f"}, "keep password_file"),
        ({"password": "x"}, "add username"),
        ({"url": "mqtt://a@host", "username": "b"}, "keep one"),
        ({"url": "mqtts://host", "certificate_file": "c"}, "go together"),
        ({"url": "mqtt://host", "ca_file": "c"}, "need an mqtts:// url"),
        ({"url": "mqtts://example.org", "insecure": True}, "loopback only"),
        ({"window": 0}, "greater than or equal to 1"),
        ({"version": 4}, "'auto', '5' or '3.1.1'"),
        ({"qos": 2}, "Extra inputs are not permitted"),
    ],
)
def test_a_fault_of_the_settings_is_found_before_any_socket(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        MqttSettings.model_validate({"name": "mqtt", "type": "mqtt", **settings})
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)
