"""The whole way, with real processes: a device's message at a real broker, a row, an event at a real client."""

import json
import os
import random
import re
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.brokers import Broker, answers, free_port, make_mosquitto, until
from support.device import Publisher
from support.running import Running, ended, make_daemon
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

TASMOTA = '{"AM2301":{"Temperature":%.1f,"Humidity":48.2},"TempUnit":"C"}'


def config_for(broker: Broker, **further: str) -> str:
    driver = f'drivers: [{{name: mqtt, type: mqtt, url: "{broker.url}"}}]\n'
    return f"broker: {{embedded: false}}\n{driver}" + "".join(f"{key}: {value}\n" for key, value in further.items())


@pytest.fixture
def house(tmp_path: Path, mosquitto: Broker) -> Iterator[Running]:
    """A daemon that listens at a broker of its own."""
    found = make_daemon(tmp_path / "sereno", config=config_for(mosquitto))
    found.start()
    until(lambda: driver_state(found) == "up", "the driver is up")
    yield found
    ended(found)


def driver_state(daemon: Running) -> str:
    return str(daemon.get("status")["drivers"][0]["state"])


def next_of(socket: ClientConnection, **wanted: str) -> dict[str, Any]:
    """The next event with these fields; what comes before is passed over."""
    while True:
        event: dict[str, Any] = json.loads(socket.recv(10))
        if all(event.get(key) == value for key, value in wanted.items()):
            return event


def test_a_message_becomes_a_row_and_an_event(house: Running, mosquitto: Broker) -> None:
    with connect(f"{house.live}?channel=general") as client, Publisher(mosquitto.port) as device:
        device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
        sensor = next_of(client, entity_type="sensor", event_type="created")
        reading = next_of(client, entity_type="lectura", event_type="created")
    assert sensor["data"]["modelo"] == "AM2301"
    assert (reading["data"]["temperatura"], reading["data"]["humedad"]) == (21.5, 48.2)
    assert reading["metadata"] == {"action": "create_lectura"}
    assert house.get(f"readings/{reading['entity_id']}") == reading["data"]


def test_what_is_acknowledged_survives_kill_dash_nine(house: Running, mosquitto: Broker) -> None:
    """Five crashes at random moments under load: every acknowledged message is stored exactly once."""
    luck = random.Random(7)
    sent = 0
    with Publisher(mosquitto.port) as device:
        for _ in range(5):
            stop = threading.Event()

            def publish(stop: threading.Event = stop) -> None:
                nonlocal sent
                while not stop.is_set():
                    device.publish(f"home/s{sent % 5}/state", json.dumps({"temperature": 20.5, "seq": sent}), qos=1)
                    sent += 1

            thread = threading.Thread(target=publish)
            thread.start()
            time.sleep(luck.uniform(0.3, 1.0))  # the moment of the crash is what is random here
            house.kill()
            stop.set()
            thread.join()
            house.start()
    expected = list(range(sent))
    until(lambda: len(house.readings()) >= sent, "everything that was sent is stored", 30)
    assert sorted(row["secuencia"] for row in house.readings()) == expected
    ids = [row["id"] for row in house.readings()]
    assert len(set(ids)) == len(ids)


def test_a_restart_takes_up_where_it_stopped(house: Running, mosquitto: Broker) -> None:
    with Publisher(mosquitto.port) as device:
        device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
        until(lambda: len(house.readings()) == 1, "the row is there")
        assert house.stop() == 0
        device.publish("tele/kitchen/SENSOR", TASMOTA % 22.5, qos=1)
    house.start()
    until(lambda: len(house.readings()) == 2, "what was sent meanwhile is there")
    sensors = house.get("sensors")
    assert [row["temperatura"] for row in house.readings()] == [22.5, 21.5]
    assert len(sensors) == 1


def test_the_brokers_death_and_return_are_told_and_nothing_is_lost(house: Running, mosquitto: Broker) -> None:
    with connect(f"{house.live}?channel=general") as client:
        next_of(client, kind="driver_up")
        mosquitto.stop()
        next_of(client, kind="driver_down")
        assert house.get("/health")["status"] == "degraded"
        mosquitto.start()
        next_of(client, kind="driver_up")
    with Publisher(mosquitto.port) as device:
        device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
    until(lambda: len(house.readings()) == 1, "the row is there")


def test_sigterm_ends_within_ten_seconds_although_clients_do_not_read(house: Running, mosquitto: Broker) -> None:
    stalled = [stalled_client(house.port) for _ in range(10)]
    with Publisher(mosquitto.port) as device:
        for number in range(2000):
            device.publish("home/kitchen/state", json.dumps({"temperature": 20.5, "seq": number}), qos=1)
    began = time.monotonic()
    assert house.stop(12) == 0
    assert time.monotonic() - began < 10
    for client in stalled:
        client.close()
    house.start()
    until(lambda: len(house.readings()) == 2000, "everything is stored", 30)


def stalled_client(port: int) -> socket.socket:
    """A WebSocket client that shakes hands and never reads."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(
        b"GET /api/v1/ws?channel=general HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b"101" in client.recv(64)
    return client


def test_a_client_that_was_away_misses_nothing(house: Running, mosquitto: Broker) -> None:
    with Publisher(mosquitto.port) as device:
        with connect(f"{house.live}?channel=readings") as client:
            device.publish("home/kitchen/state", '{"temperature": 20.5, "seq": 1}', qos=1)
            last = next_of(client, entity_type="lectura")["id"]
        for number in range(2, 6):
            device.publish("home/kitchen/state", json.dumps({"temperature": 20.5, "seq": number}), qos=1)
        until(lambda: len(house.readings()) == 5, "the rows are there")
        with connect(f"{house.live}?channel=readings&since={last}") as client:
            seen = [next_of(client, entity_type="lectura")["data"]["secuencia"] for _ in range(4)]
            device.publish("home/kitchen/state", '{"temperature": 20.5, "seq": 6}', qos=1)
            seen.append(next_of(client, entity_type="lectura")["data"]["secuencia"])
    assert seen == [2, 3, 4, 5, 6]


def test_bad_input_is_counted_and_costs_nothing_else(house: Running, mosquitto: Broker) -> None:
    bad: list[tuple[str, bytes]] = [
        ("home/x/state", b"\xff\xfe\x00garbage"),
        ("home/x/state", b"{" * 10_000),
        ("home/x/state", b'{"temperature": NaN}'),
        ("home/x/state", b'{"temperature": 1e999}'),
        ("home/x/state", b"x" * 20_000),
        ("garage/x1", b'{"foo": 12}'),
        ("tele/x/SENSOR", b'{"AM2301":{"Temperature":null,"Humidity":null}}'),
    ]
    with Publisher(mosquitto.port) as device:
        for topic, payload in bad:
            device.publish(topic, payload, qos=1)
        device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
    until(lambda: len(house.readings()) == 1, "the good one is stored")
    driver = house.get("status")["drivers"][0]
    assert driver["received"] == len(bad) + 1
    assert driver["failed_reads"] >= 1
    assert sum(driver["counters"].values()) >= len(bad)
    assert {"garage/x1", "home/x/state"} <= {sample["topic"] for sample in driver["samples"]}
    assert "Traceback" not in house.log
    metrics = house.request("GET", "/metrics")[1].decode()
    assert re.search(r'sereno_driver_received_total\{driver="mqtt"\} 8\.0', metrics)
    assert 'sereno_lost_total{what="events"} 0.0' in metrics
    assert 'sereno_rows_total{result="refused"} 0.0' in metrics


def test_two_identities_of_one_device_are_merged_while_both_publish(house: Running, mosquitto: Broker) -> None:
    old, new = "tele/old/SENSOR", "tele/new/SENSOR"
    with Publisher(mosquitto.port) as device:

        def publish(topic: str, value: float) -> None:
            device.publish(topic, TASMOTA % value, qos=1)

        for number in range(5):
            publish(old, 20.0 + number)
            publish(new, 30.0 + number)
        until(lambda: len(house.readings()) == 10, "both have their readings")
        ids = {sensor["clave"]: sensor["id"] for sensor in house.get("sensors")}
        from_, into = ids["mqtt/old#AM2301"], ids["mqtt/new#AM2301"]
        code, merged = house.request("POST", f"sensors/{from_}/merge", {"destino_id": into})
        assert (code, merged["id"], merged["claves"]) == (200, into, ["mqtt/old#AM2301"])
        publish(old, 25.0)
        until(lambda: len(house.readings()) == 11, "what comes by the old name is stored")
        assert {reading["sensor_id"] for reading in house.readings()} == {into}
        house.kill()
        house.start()
        publish(old, 26.0)
        until(lambda: len(house.readings()) == 12, "after a restart, too")
        assert [sensor["id"] for sensor in house.get("sensors")] == [into]
        assert house.request("POST", f"sensors/{into}/merge", {"destino_id": into})[0] == 422
        assert house.request("POST", f"sensors/{into}/merge", {"destino_id": 999_999})[0] == 404

        assert house.request("POST", f"sensors/{into}/ignore", {})[1]["ignorado"] is True
        publish(old, 27.0)
        until(lambda: house.get("status")["sensors_refused"] == 1, "what an ignored one says is not taken")
        assert len(house.readings()) == 12
        assert house.request("POST", f"sensors/{into}/allow", {})[1]["estado"] == "activo"
        publish(new, 28.0)
        until(lambda: len(house.readings()) == 13, "what is allowed again is heard")

        code, apart = house.request("POST", f"sensors/{into}/split", {"clave": "mqtt/old#AM2301"})
        assert (code, apart["claves"]) == (200, [])
        publish(old, 29.0)
        until(lambda: len(house.get("sensors")) == 2, "its device registers anew")
        assert house.request("POST", f"sensors/{into}/split", {"clave": "mqtt/old#AM2301"})[0] == 404


def test_secured_mode_lets_nobody_in_without_a_token(tmp_path: Path) -> None:
    daemon = make_daemon(tmp_path / "sereno", config="broker: {embedded: false}\ndrivers: []\nauth: {mode: secured}\n")
    subprocess.run(
        daemon.command("user", "add", "ada", "--role", "operator", "--password-stdin"),
        input=b"correct horse battery\n",
        check=True,
        capture_output=True,
    )
    daemon.start()
    try:
        assert daemon.request("GET", "sensors")[0] == 401
        status, login = daemon.request("POST", "/auth/login", {"username": "ada", "password": "correct horse battery"})
        assert status == 200
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        assert daemon.request("POST", "sensors", {"tipo": "temperatura", "modelo": "DHT22"}, **bearer)[0] == 201
        with connect(f"{daemon.live}/secure?channel=sensors", additional_headers=bearer) as client:
            assert json.loads(client.recv(5))["user"] == "ada"
        with connect(f"{daemon.live}?channel=sensors") as client, pytest.raises(ConnectionClosed) as closed:
            client.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        assert "/ws/secure" in closed.value.rcvd.reason
    finally:
        ended(daemon)


def test_limits_open_an_anomaly_that_clients_see_and_a_person_resolves(house: Running, mosquitto: Broker) -> None:
    with connect(f"{house.live}?channel=general") as client, Publisher(mosquitto.port) as device:
        device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
        sensor_id = next_of(client, entity_type="lectura")["data"]["sensor_id"]
        house.request("PATCH", f"sensors/{sensor_id}", {"temperatura_max": 25.0})
        device.publish("tele/kitchen/SENSOR", TASMOTA % 26.5, qos=1)
        found = next_of(client, entity_type="anomalia", event_type="anomaly_detected")
        assert found["data"]["tipo"] == "temperatura_alta"
        house.request("POST", f"anomalies/{found['entity_id']}/resolve")
        resolved = next_of(client, entity_type="anomalia", event_type="updated")
    assert resolved["metadata"] == {"action": "resolve_anomalia"}
    assert resolved["data"]["estado"] == "resuelta"


def test_a_second_daemon_in_the_same_folder_is_refused_and_names_the_first(house: Running) -> None:
    second = subprocess.run(house.command("run"), capture_output=True, text=True, check=False)
    assert house.process is not None
    assert second.returncode == 1
    assert f"pid {house.process.pid}" in second.stderr


def test_without_session_on_the_broker_nothing_is_acknowledged_that_was_not_stored(tmp_path: Path) -> None:
    """The broker forgets its session: the driver notices, subscribes again, and goes on."""
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = make_mosquitto(folder)
    broker.start()
    daemon = make_daemon(tmp_path / "sereno", config=config_for(broker))
    daemon.start()
    try:
        until(lambda: driver_state(daemon) == "up", "the driver is up")
        broker.stop()
        broker.forget()
        broker.start()
        until(lambda: driver_state(daemon) == "up" and daemon.get("status")["drivers"][0]["attempts"] > 1, "it is back")
        with Publisher(broker.port) as device:
            device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
        until(lambda: len(daemon.readings()) == 1, "the row is there")
    finally:
        ended(daemon)
        broker.kill()


@pytest.mark.parametrize("engine", ["mosquitto", "nats"])
def test_the_embedded_broker_takes_devices_at_once_and_goes_with_the_daemon(tmp_path: Path, engine: str) -> None:
    port = free_port()
    daemon = make_daemon(tmp_path / "sereno", config=f"broker: {{engine: {engine}, port: {port}}}\n")
    daemon.start()
    try:
        until(lambda: driver_state(daemon) == "up", "the driver is up")
        with Publisher(port) as device:
            device.publish("tele/kitchen/SENSOR", TASMOTA % 21.5, qos=1)
        until(lambda: len(daemon.readings()) == 1, "the row is there")
        assert daemon.get("status")["broker"]["engine"] == engine
        daemon.kill()
        until(lambda: not answers(port), "the broker is gone")
        daemon.start()
        assert len(daemon.readings()) == 1
        assert daemon.stop() == 0
        assert not answers(port)
    finally:
        ended(daemon)


def test_postgresql_by_url_is_all_that_it_takes(tmp_path: Path, mosquitto: Broker, postgres_url: str) -> None:
    daemon = make_daemon(tmp_path / "sereno", config=config_for(mosquitto) + f'database: {{url: "{postgres_url}"}}\n')
    daemon.start()
    try:
        until(lambda: driver_state(daemon) == "up", "the driver is up")
        with Publisher(mosquitto.port) as device:
            for number in range(50):
                device.publish("home/kitchen/state", json.dumps({"temperature": 20.5, "seq": number}), qos=1)
            until(lambda: len(daemon.readings()) == 50, "the rows are there")
            daemon.kill()
            daemon.start()
            device.publish("home/kitchen/state", json.dumps({"temperature": 20.5, "seq": 50}), qos=1)
        until(lambda: len(daemon.readings()) == 51, "the next one is there")
        assert sorted(row["secuencia"] for row in daemon.readings()) == list(range(51))
    finally:
        ended(daemon)


def test_a_newer_database_is_for_a_person_to_settle_not_for_restarts(tmp_path: Path) -> None:
    daemon = make_daemon(tmp_path / "sereno", config="broker: {embedded: false}\ndrivers: []\n")
    daemon.start()
    assert daemon.stop() == 0
    with sqlite3.connect(tmp_path / "sereno" / "state" / "sereno.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    refused = subprocess.run(
        daemon.command("run"), capture_output=True, text=True, check=False, env=dict(os.environ) | daemon.environ
    )
    assert refused.returncode == 78
    assert "newer version" in refused.stderr
