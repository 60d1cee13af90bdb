"""Theengs and OpenMQTTGateway, by the decoder's properties and issues 412, 513, 1288, 1362, PR 1036."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint

METER = {"id": "C6:C7:52:66:3C:BF", "mac_type": 1, "rssi": -23, "brand": "SwitchBot", "model": "Meter (Plus)"}
METER |= {"model_id": "THX1/W230150X", "tempc": 17.6, "tempf": 63.68, "hum": 63, "batt": 100}
TOPIC = "home/OpenMQTTGateway/BTtoMQTT/C6C752663CBF"


@pytest.mark.parametrize("topic", [TOPIC, "cellar/omg-2/BTtoMQTT/C6C752663CBF", "BTtoMQTT/C6C752663CBF", "ble/x"])
def test_the_device_is_the_address_whatever_base_and_gateway_are_called(topic: str) -> None:
    device = "C6:C7:52:66:3C:BF"
    decoded = decode(topic, METER)
    expected = [(device, "", "temperature", 17.6), (device, "", "humidity", 63), (device, "", "battery", 100)]
    assert rows(decoded) == expected
    assert decoded.readings[0].model == "THX1/W230150X"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"tempf": 50.0}, [("", "temperature", 10)]),
        ({"tempc1": 23, "tempf1": 73.4, "tempc2": 115}, [("1", "temperature", 23), ("2", "temperature", 115)]),
        ({"tempc": 24.1, "dp": 10.8}, [("", "temperature", 24.1), ("", "dew_point", 10.8)]),
        ({"tempc": 24.1, "tempf2_dp": 51.44}, [("", "temperature", 24.1), ("", "dew_point", 10.8)]),
        ({"hum": "52.6", "tempc": "19.2"}, [("", "humidity", 52.6), ("", "temperature", 19.2)]),
        ({"hum": 52.9, "tem": 22.6}, [("", "humidity", 52.9), ("", "temperature", 22.6)]),
        ({"tempc": 20, "pres": 100.7}, [("", "temperature", 20), ("", "pressure", 1007)]),
        ({"tempc": 20, "pres": 1007.1}, [("", "temperature", 20), ("", "pressure", 1007.1)]),
        ({"tempc": 20, "lux": 120, "moi": 31, "fer": 250}, [("", "temperature", 20), ("", "illuminance", 120)]),
        ({"co2": 800, "volt": 2.9, "packet": 78}, [("", "co2", 800), ("", "battery_voltage", 2.9)]),
        ({"batt": 52}, [("", "battery", 52)]),
    ],
)
def test_keys_name_quantity_unit_and_probe(values: dict[str, object], expected: list[tuple[str, str, float]]) -> None:
    assert [row[1:] for row in rows(decode(TOPIC, {"id": "C6:C7:52:66:3C:BF", "rssi": -80} | values))] == expected


@pytest.mark.parametrize(
    ("document", "device"),
    [
        ({"tempc": 20.5}, "C6C752663CBF"),
        ({"mac": "C6:C7:52:66:3C:BF", "tempc": 20.5}, "C6:C7:52:66:3C:BF"),
        ({"id": "fda50693a4e24fb1afcfc6eb07647825", "mac": "C6:C7:52:66:3C:BF", "tempc": 20.5}, "C6:C7:52:66:3C:BF"),
    ],
)
def test_the_address_is_found_where_it_is(document: dict[str, object], device: str) -> None:
    assert rows(decode(TOPIC, document)) == [(device, "", "temperature", 20.5)]


def test_one_plain_value_a_topic() -> None:
    told = [decode(f"{TOPIC}/{field}", value) for field, value in (("tem", "22.6"), ("hum", "52.9"), ("batt", "52"))]
    assert [row[0] for row in rows(*told)] == ["C6C752663CBF"] * 3
    assert [row[2:] for row in rows(*told)] == [("temperature", 22.6), ("humidity", 52.9), ("battery", 52)]


@pytest.mark.parametrize(
    ("topic", "payload"), [(f"{TOPIC}/tem", "nan"), (TOPIC, '{"tempc":nan}'), (TOPIC, '{"tempc":null}')]
)
def test_a_failed_read(topic: str, payload: str) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, failed(decoded)) == (Kind.ERROR, [("C6C752663CBF", "", "temperature")])


def test_sensors_wired_to_the_gateway_go_by_the_topic() -> None:
    climate = decode(
        "home/OMG/CLIMAtoMQTT/bme", {"tempc": 21.4, "tempf": 70.52, "hum": 44.1, "pa": 99_800.0, "altim": 130}
    )
    assert rows(climate) == [
        ("home/OMG/CLIMAtoMQTT/bme", "", "temperature", 21.4),
        ("home/OMG/CLIMAtoMQTT/bme", "", "humidity", 44.1),
        ("home/OMG/CLIMAtoMQTT/bme", "", "pressure", 998),
    ]
    old = decode("home/OMG/DHTtoMQTT/dht1/temp", "20.5")
    assert rows(old) == [("home/OMG/DHTtoMQTT/dht1", "", "temperature", 20.5)]


def test_a_433_mhz_weather_station_s_number_is_the_device() -> None:
    decoded = decode("home/OMG/433toMQTT", {"sensor": 125, "tempc": 21, "tempf": 70, "humidity": 80})
    assert rows(decoded) == [("125", "", "temperature", 21), ("125", "", "humidity", 80)]


def test_rtl_433_behind_the_gateway_is_the_same_device_as_rtl_433_s_own() -> None:
    event = {"model": "Acurite-Tower", "id": 521, "channel": "A", "battery_ok": 1, "temperature_C": 0.8, "humidity": 68}
    heard = event | {"mic": "CHECKSUM", "protocol": "Acurite 592TXR", "rssi": -60, "duration": 212_000}
    memory: dict[str, Any] = {}
    first = decode("home/OMG/RTL_433toMQTT/Acurite-Tower/A/521", heard, memory)
    assert rows(first) == [("Acurite-Tower/A/521", "", "temperature", 0.8), ("Acurite-Tower/A/521", "", "humidity", 68)]
    assert decode("rtl_433/attic/events", event, memory).kind is Kind.NOISE


def test_what_two_gateways_hear_is_counted_once() -> None:
    memory: dict[str, Any] = {}
    assert len(rows(decode(TOPIC, METER, memory))) == 3
    assert decode("home/cellar/BTtoMQTT/C6C752663CBF", METER, memory).kind is Kind.NOISE
    assert len(rows(decode(TOPIC, METER, memory))) == 3


def test_the_time_where_the_gateway_is_set_to_send_it() -> None:
    expected = datetime(2024, 5, 1, 12, tzinfo=UTC)
    for told in ({"UTCtime": "2024-05-01T12:00:00Z"}, {"unixtime": 1714564800}):
        assert decode(TOPIC, METER | told).readings[0].measured_at == expected


def test_a_unit_that_the_configuration_tells_holds_where_the_name_tells_none() -> None:
    decoded = decode_mqtt(TOPIC, b'{"tem":68,"hum":40}', {}, Hint(unit="°F"))
    assert [row[2:] for row in rows(decoded)] == [("temperature", 20), ("humidity", 40)]
    assert [row[2:] for row in rows(decode_mqtt(TOPIC, b'{"tempc":20}', {}, Hint(unit="°F")))] == [("temperature", 20)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (TOPIC, {"id": "C6:C7:52:66:3C:BF", "rssi": -86, "distance": 16.5, "servicedata": "fe00"}),
        ("home/home_presence/OpenMQTTGateway", {"id": "98:BB:99:68:C9:FB", "rssi": -92, "distance": 27.75}),
        ("home/TheengsGateway/BTtoMQTT/undecoded/C6C752663CBF", {"id": "C6:C7:52:66:3C:BF", "manufacturerdata": "69"}),
        ("home/OMG/SYStoMQTT", {"uptime": 120, "version": "1.7", "tempc": 53.3, "freemem": 120_000, "rssi": -39}),
        ("home/OMG/WebUItoMQTT", {"displayMetric": True}),
        ("home/OMG/433toMQTT", {"value": 1315156, "protocol": 1, "length": 24, "delay": 317}),
        ("home/OMG/IRtoMQTT", {"value": 551489775, "protocol": 3, "bits": 32}),
        ("home/OMG/RTL_433toMQTT", {"status": 0, "active": 1, "rssi": -90, "frequency": 433.92}),
        ("home/OMG/commands/MQTTtoBT/config", {"interval": 55_555, "tempc": 20}),
        (f"{TOPIC}/servicedata", "fe0000"),
        (f"{TOPIC}/rssi", "-86"),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())
