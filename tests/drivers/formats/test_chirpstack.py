"""ChirpStack's events, by chirpstack-docs events.md, chirpstack-api v3 and LoRa App Server's issues 11 and 117."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, rows

from drivers.base import Kind

EUI = "0202020202020202"
EVENT = f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{EUI}/event/"
INFO = {"applicationName": "Test", "deviceName": "Garden", "devEui": EUI}


@pytest.mark.parametrize("topic", [EVENT + "up", "webhook/lora", "site/" + EVENT + "up"])
def test_version_4(topic: str) -> None:
    payload = {
        "time": "2022-07-18T09:34:15.775023242+00:00",
        "deviceInfo": INFO,
        "fCnt": 10,
        "fPort": 2,
        "object": {"temperatureSensor": {"1": 25.0}, "humiditySensor": {"1": 32.0}, "analogInput": {"2": 3.1}},
    }
    decoded = decode(topic, payload)
    assert rows(decoded) == [(EUI, "1", "temperature", 25), (EUI, "1", "humidity", 32)]
    (reading,) = decoded.readings
    assert (reading.label, reading.sequence) == ("Garden", 10)
    assert reading.measured_at == datetime(2022, 7, 18, 9, 34, 15, 775023, tzinfo=UTC)


def test_version_3_writes_the_identity_in_base64_the_object_as_text_and_the_time_at_the_gateway() -> None:
    payload = {
        "applicationID": "123",
        "deviceName": "garden",
        "devEUI": "AgICAgICAgI=",
        "rxInfo": [{"gatewayID": "AwMDAwMDAwM=", "time": None}, {"time": "2019-11-08T13:59:25.048445Z"}],
        "fCnt": 10,
        "objectJSON": '{"temperature":21.5,"humidity":32}',
    }
    (reading,) = decode(f"application/123/device/{EUI}/event/up", payload).readings
    assert (reading.device, reading.label, reading.sequence) == (EUI, "garden", 10)
    assert reading.measured_at == datetime(2019, 11, 8, 13, 59, 25, 48445, tzinfo=UTC)
    assert [one.quantity for one in reading.measurements] == ["temperature", "humidity"]


def test_the_first_server_s_topic_and_body() -> None:
    payload = {"applicationID": "1", "nodeName": "Lora", "devEUI": EUI, "fCnt": 726, "object": {"t": "21.5", "h": 44}}
    assert rows(decode(f"application/1/node/{EUI}/rx", payload)) == [
        (EUI, "", "temperature", 21.5),
        (EUI, "", "humidity", 44),
    ]


def test_a_body_without_identity_is_its_topic_s() -> None:
    assert rows(decode(EVENT + "up", {"object": {"temperature": 3}})) == [(EUI, "", "temperature", 3)]


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ({"margin": 10, "batteryLevel": 88.3, "externalPowerSource": False}, 88.3),
        ({"margin": 10, "battery": 127}, 50.0),
        ({"margin": 10, "battery": 255}, None),
        ({"batteryLevel": 0, "externalPowerSource": True}, None),
        ({"batteryLevel": 0, "batteryLevelUnavailable": True}, None),
        ({"batteryLevel": 254}, None),
    ],
)
def test_a_status_holds_the_battery_where_there_is_one(status: dict[str, object], level: float | None) -> None:
    decoded = decode(EVENT + "status", {"deviceInfo": INFO, **status})
    assert rows(decoded) == ([(EUI, "", "battery", level)] if level else [])
    assert decoded.kind is (Kind.READING if level else Kind.NOISE)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (EVENT + "up", {"deviceInfo": INFO, "fPort": 1, "data": "qg=="}),
        (EVENT + "join", {"deviceInfo": INFO, "devAddr": "00189440"}),
        (EVENT + "log", {"deviceInfo": INFO, "level": "ERROR", "description": "temperature: 3"}),
        (EVENT + "integration", {"deviceInfo": INFO, "object": {"temperature": 3}}),
        (EVENT + "up", b"\x0a\x24\x01"),
        (f"application/1/device/{EUI}/command/down", {"devEui": EUI, "object": {"temperature": 22}}),
        ("eu868/gateway/0016c001f153a14c/event/stats", {"metaData": {"temperature": "44"}}),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "chirpstack")


def test_a_cut_message_is_not_half_read() -> None:
    assert decode(EVENT + "up", '{"deviceInfo":{"devEui":').kind is Kind.ERROR
