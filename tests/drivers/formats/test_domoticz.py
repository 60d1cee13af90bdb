"""Domoticz, by its wiki's MQTT and JSON API pages, PR 631 and issue 2067."""

from datetime import datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint

IN = "domoticz/in"
OUT = "domoticz/out"


def out(dtype: str, *values: str, stype: str = "", **more: object) -> dict[str, object]:
    told = {f"svalue{number}": value for number, value in enumerate(values, 1)}
    fixed = {"Battery": 255, "RSSI": 12, "id": "82001", "idx": 7, "name": "Attic", "nvalue": 0, "unit": 1}
    return fixed | {"dtype": dtype, "stype": stype} | told | more


@pytest.mark.parametrize(
    ("svalue", "values"),
    [
        ("20.400;48.200;1", {"temperature": 20.4, "humidity": 48.2}),
        ("-4.5;93;3", {"temperature": -4.5, "humidity": 93}),
        ("20.4;48;1;1013.2;0", {"temperature": 20.4, "humidity": 48, "pressure": 1013.2}),
        ("20.4;1013;2;120", {"temperature": 20.4, "pressure": 1013}),
        ("180;S;23;30;12.5;10.1", {"temperature": 12.5}),
    ],
)
def test_the_form_of_svalue_tells_what_is_in_it(svalue: str, values: dict[str, float]) -> None:
    decoded = decode(IN, {"idx": 55, "nvalue": 0, "svalue": svalue})
    assert {row[2]: row[3] for row in rows(decoded)} == values
    assert {row[0] for row in rows(decoded)} == {"55"}


@pytest.mark.parametrize(
    "svalue",
    [
        "23.5",
        "0;12345.6",
        "120.5;14500",
        "3.1;0.4;0.2",
        "181;SW;35;50;0;0",
        "0;0;0;0;120;0",
        "20;48;1;7;0",
        "",
        "hello",
    ],
)
def test_where_only_the_type_tells_nothing_is_read_until_it_is_known(svalue: str) -> None:
    decoded = decode(IN, {"idx": 55, "nvalue": 0, "svalue": svalue})
    assert (decoded.kind, decoded.readings) == (Kind.UNKNOWN, ())


@pytest.mark.parametrize(
    ("document", "values"),
    [
        (out("Temp", "21.5", stype="LaCrosse TX3"), {"temperature": 21.5}),
        (out("Temp + Humidity", "20.400", "48.200", "1"), {"temperature": 20.4, "humidity": 48.2}),
        (out("Temp + Humidity + Baro", "20.4", "48", "1", "1013.2", "0"),
         {"temperature": 20.4, "humidity": 48, "pressure": 1013.2}),
        (out("Temp + Baro", "20.4", "1013", "2"), {"temperature": 20.4, "pressure": 1013}),
        (out("Humidity", "1", nvalue=55), {"humidity": 55}),
        (out("Air Quality", stype="Voltcraft CO-20", nvalue=612), {"co2": 612}),
        (out("Lux", "120.0", stype="Lux"), {"illuminance": 120}),
        (out("General", "1013.25;0", stype="Barometer", svalue1="1013.25", svalue2="0"), {"pressure": 1013.25}),
        (out("Heating", "20.5", "21.0", "Auto", stype="Zone"), {"temperature": 20.5}),
        (out("Temp", "21.5", Battery=87), {"temperature": 21.5, "battery": 87}),
    ],
)  # fmt: skip
def test_the_server_tells_the_type(document: dict[str, object], values: dict[str, float]) -> None:
    decoded = decode(OUT, document)
    assert {row[2]: row[3] for row in rows(decoded)} == values
    assert (decoded.readings[0].device, decoded.readings[0].label) == ("7", "Attic")


@pytest.mark.parametrize(
    "document",
    [
        out("Light/Switch", "0", stype="Switch", switchType="On/Off", Battery=60),
        out("Thermostat", "21.0", stype="SetPoint"),
        out("General", "230.1", stype="Voltage"),
        out("General", "41", stype="Soil Moisture", nvalue=41),
        out("Usage", "21.5", stype="Electric"),
        out("P1 Smart Meter", "1;2;3;4;5;6", stype="Energy"),
        out("Wind", "181", "SW", "35", "50", "0", "0", stype="WTGR800"),
        {"command": "switchlight", "idx": 7, "switchcmd": "On", "svalue": "20;40;1"},
    ],
)
def test_what_is_no_reading(document: dict[str, object]) -> None:
    decoded = decode(OUT, document)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())


def test_what_the_server_told_is_remembered_for_what_devices_send() -> None:
    memory: dict[str, Any] = {}
    decode(OUT, out("Temp", "21.5"), memory)
    decoded = decode(IN, {"idx": 7, "nvalue": 0, "svalue": "22.5"}, memory)
    assert rows(decoded) == [("7", "", "temperature", 22.5)]
    assert decoded.readings[0].label == "Attic"
    decode(OUT, out("Usage", "3.1", "0.4", "0.2", idx=8), memory)
    assert decode(IN, {"idx": 8, "nvalue": 0, "svalue": "21.5;40;1"}, memory).kind is Kind.NOISE


def test_in_and_out_are_counted_once() -> None:
    memory: dict[str, Any] = {}
    sent = {"idx": 7, "nvalue": 0, "svalue": "20.400;48.200;1", "Battery": 95, "RSSI": 4}
    assert len(rows(decode(IN, sent, memory))) == 3
    assert decode(OUT, out("Temp + Humidity", "20.4", "48.2", "1", Battery=95), memory).kind is Kind.NOISE
    assert len(rows(decode(IN, sent, memory))) == 3


def test_the_time_is_the_server_s_local_one() -> None:
    decoded = decode(OUT, out("Temp", "21.5", LastUpdate="2024-01-12 03:43:05"))
    assert decoded.readings[0].measured_at == datetime(2024, 1, 12, 3, 43, 5)  # noqa: DTZ001 - local, zone-less


def test_a_failed_read() -> None:
    decoded = decode(IN, {"idx": 7, "nvalue": 0, "svalue": "nan;nan;0"})
    assert (decoded.kind, failed(decoded)) == (Kind.ERROR, [("7", "", "temperature"), ("7", "", "humidity")])


def test_the_configuration_may_tell_quantity_and_unit() -> None:
    single = b'{"idx":12,"nvalue":0,"svalue":"68"}'
    assert rows(decode_mqtt(IN, single, {}, Hint("temperature", "°F"))) == [("12", "", "temperature", 20)]
    pair = b'{"idx":12,"nvalue":0,"svalue":"68;40;1"}'
    assert [row[3] for row in rows(decode_mqtt(IN, pair, {}, Hint(unit="°F")))] == [20, 40]


def test_topics_are_the_user_s_and_idx_may_be_text() -> None:
    assert rows(decode("house/to-server", {"idx": "12", "svalue": "20;40;1"}))[0][0] == "12"
    assert rows(decode("domoticz/out/7", out("Temp", "21.5")))[0][0] == "7"


def test_what_is_remembered_is_bounded() -> None:
    memory: dict[str, Any] = {}
    for idx in range(1_100):
        decode(OUT, out("Temp", "21.5", idx=idx, name="x" * 500), memory)
    assert len(memory["domoticz"]) == 1_000
    assert max(len(name) for *_, name in memory["domoticz"].values()) <= 200
