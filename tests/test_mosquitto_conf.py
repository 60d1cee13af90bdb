"""The mosquitto.conf shipped for people's own brokers loads where Debian puts it, and keeps its promises."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.brokers import MOSQUITTO, Broker, free_port, greeting, publish

from drivers.base import Decoded, Kind
from drivers.mqtt import MqttDriver
from drivers.mqtt_settings import MqttSettings

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt install mosquitto")

SHIPPED = Path(__file__).parent.parent / "systemd" / "mosquitto.conf"
ACCOUNTS = {"sereno": "night", "kitchen": "steam"}


def access_list(text: str) -> str:
    """The lines that the file's comment proposes."""
    return "".join(
        f"{line}\n" for line in re.findall(r"^#   ((?:user|topic|pattern) [^<\n]*?)\s*(?:<-.*)?$", text, re.MULTILINE)
    )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Mosquitto with Debian's main file, which includes the shipped one, its port and paths moved."""
    port, text = free_port(), SHIPPED.read_text()
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "acl").write_text(access_list(text))
    for name, password in ACCOUNTS.items():
        create = [] if (tmp_path / "passwords").exists() else ["-c"]
        subprocess.run(["mosquitto_passwd", "-b", *create, tmp_path / "passwords", name, password], check=True)
    moved = (
        text.replace("listener 1883\n", f"listener {port} 127.0.0.1\n")
        .replace("/etc/mosquitto/passwords\n\n", f"{tmp_path}/passwords\n\n")
        .replace("#acl_file /etc/mosquitto/sereno.acl", f"acl_file {tmp_path}/acl")
    )
    (tmp_path / "conf.d" / "sereno.conf").write_text(moved)
    (tmp_path / "mosquitto.conf").write_text(
        f"{'user root' if os.geteuid() == 0 else ''}\npersistence true\npersistence_location {tmp_path}/data/\n"
        f"log_dest stderr\ninclude_dir {tmp_path}/conf.d\n"
    )
    assert MOSQUITTO is not None
    broker = Broker("mosquitto", [MOSQUITTO, "-c", str(tmp_path / "mosquitto.conf")], port, tmp_path)
    broker.start()
    yield broker
    broker.kill()


def hear(broker: Broker) -> MqttDriver:
    settings = {"name": "mqtt", "type": "mqtt", "url": broker.url, "username": "sereno", "password": "night"}
    return MqttDriver("mqtt", MqttSettings.model_validate(settings), {}, decode=lambda *_: Decoded(Kind.NOISE))


async def collect(driver: MqttDriver, count: int) -> list[bytes]:
    got: list[bytes] = []
    async with asyncio.timeout(20):
        while len(got) < count:
            batch = await anext(driver)
            driver.acknowledge([delivery.receipt for delivery in batch])
            got += [delivery.payload for delivery in batch]
    return got


def test_it_loads_without_a_complaint(broker: Broker) -> None:
    assert "Error" not in broker.log
    assert not [line for line in broker.log.splitlines() if "Warning" in line and "root" not in line]


def test_only_accounts_may_in(broker: Broker) -> None:
    assert greeting(broker.port) == 5
    assert greeting(broker.port, "kitchen", "wrong") == 5
    assert greeting(broker.port, "kitchen", "steam") == 0


async def test_a_long_absence_loses_nothing_even_over_a_restart_of_the_broker(broker: Broker) -> None:
    async with hear(broker):
        pass
    messages = [("sensors/kitchen/t", str(i)) for i in range(2000)]
    account = {"username": "kitchen", "password": "steam"}
    await asyncio.to_thread(publish, broker, *messages, **account)
    await asyncio.to_thread(publish, broker, ("sensors/kitchen/t", "at most once"), qos=0, **account)
    broker.stop()
    broker.start()
    async with hear(broker) as driver:
        got = await collect(driver, 2000)
    assert got == [payload.encode() for _, payload in messages]


async def test_each_device_writes_below_its_own_name_alone(broker: Broker) -> None:
    async with hear(broker) as driver:
        account = {"username": "kitchen", "password": "steam"}
        await asyncio.to_thread(publish, broker, ("sensors/cellar/t", "forged"), ("sensors/kitchen/t", "1"), **account)
        assert await collect(driver, 1) == [b"1"]


async def test_zigbee2mqtts_list_passes(broker: Broker) -> None:
    async with hear(broker) as driver:
        message = ("sensors/kitchen/devices", "x" * 3_000_000)
        await asyncio.to_thread(publish, broker, message, username="kitchen", password="steam")
        await collect(driver, 1)
        assert driver.counters == {"too_large": 1}
