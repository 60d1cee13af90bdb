"""What the brokers' configurations and log lines say, without running one."""

import json
import logging
from pathlib import Path

import pytest

from daemon.broker_engines import LogLine, Mosquitto, Nats, Options


def options(folder: Path, **accounts: str) -> Options:
    return Options("127.0.0.1", 1883, folder, 5.0, accounts)


def test_a_killed_daemons_messages_come_again_soon_after_the_next_start(tmp_path: Path) -> None:
    """The NATS server repeats nothing before ack_wait; it is longer than a receipt takes (sync_interval)."""
    mqtt = json.loads(Nats().configure(options(tmp_path)).read_text())["mqtt"]
    assert mqtt["ack_wait"] == "10s"


def test_passwords_with_quotes_and_braces_are_just_passwords(tmp_path: Path) -> None:
    settings = json.loads(Nats().configure(options(tmp_path, ana='a"}{$x')).read_text())
    assert settings["authorization"]["users"][0]["password"] == 'a"}{$x'
    Mosquitto().configure(options(tmp_path, ana='a"}{$x'))
    assert (tmp_path / "passwords").read_text().startswith("ana:$7$")


@pytest.mark.parametrize("engine", [Mosquitto(), Nats()])
def test_a_configuration_that_others_could_read_is_closed(tmp_path: Path, engine: Mosquitto | Nats) -> None:
    path = engine.configure(options(tmp_path))
    path.chmod(0o644)
    assert engine.configure(options(tmp_path, ana="secret")).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("engine", "line", "level"),
    [
        (Mosquitto(), "Error: Address already in use", logging.ERROR),
        (Mosquitto(), "Warning: Mosquitto should not be run as root/administrator.", logging.DEBUG),
        (Mosquitto(), "Warning: something else", logging.WARNING),
        (Mosquitto(), "mosquitto version 2.0.11 running", logging.DEBUG),
        (Nats(), "[12] [INF] Server is ready", logging.DEBUG),
        (Nats(), "[12] [WRN] Plaintext passwords detected, use nkeys or bcrypt", logging.DEBUG),
        (Nats(), "[12] [WRN] Filestore is slow", logging.WARNING),
        (Nats(), "[12] [FTL] Can't start", logging.ERROR),
        (Nats(), "nats-server: nats.conf:3:1: unknown field", logging.ERROR),
    ],
)
def test_only_what_matters_reaches_the_log(engine: Mosquitto | Nats, line: str, level: int) -> None:
    assert engine.read(line).level == level


def test_a_topic_with_a_space_is_told_with_client_and_cure() -> None:
    line = '[7] [ERR] 192.168.1.9:55213 - mid:5 - "zigbee2mqtt" - character not supported for MQTT topics'
    warning = Nats().read(line).warning
    assert warning is not None
    assert "the client zigbee2mqtt at 192.168.1.9" in warning
    assert "install mosquitto" in warning


def test_an_overflowing_queue_is_told_with_client_and_cure() -> None:
    read = Mosquitto().read("Outgoing messages are being dropped for client old-phone.")
    assert read.warning is not None
    assert "the client old-phone are dropped" in read.warning
    assert Mosquitto().read("Client x disconnected.") == LogLine(logging.DEBUG, "Client x disconnected.")
