"""Ruuvi, by the test vectors of docs.ruuvi.com (data formats 3, 5, 6, E1) in the gateway's documented envelope."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind

TOPIC = "ruuvi/C8:25:2D:8E:9C:2C/CB:B8:33:4C:88:4F"
TAG = "CB:B8:33:4C:88:4F"
RAWV1 = "02010611FF990403291A1ECE1EFC18F94202CA0B53"
RAWV2 = "0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F"
E1 = "2BFF9904E1170C5668C79E0065007004BD11CA00C90A0213E0ACFFFFFFDECDEE10FFFFFFFFFFCBB8334C884F"
FORMAT_6 = "02010603030BFC17FF990406170C5668C79E007000C90501D9FFCD004C884F"


def relay(data: str, **more: object) -> dict[str, object]:
    return {"gw_mac": "C8:25:2D:8E:9C:2C", "rssi": -26, "aoa": [], "data": data, "coords": ""} | more


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (RAWV2, {"temperature": 24.3, "humidity": 53.49, "pressure": 1000.44, "battery_voltage": 2.977}),
        (RAWV2.replace("12FC", "FE3D"), {"temperature": -2.255}),
        (RAWV1, {"temperature": 26.3, "humidity": 20.5, "pressure": 1027.66, "battery_voltage": 2.899}),
        (RAWV1.replace("1A1E", "8145"), {"temperature": -1.69}),
        (E1, {"temperature": 29.5, "humidity": 55.3, "pressure": 1011.02, "co2": 201, "illuminance": 13027}),
        (FORMAT_6, {"temperature": 29.5, "humidity": 55.3, "pressure": 1011.02, "co2": 201}),
    ],
)
def test_each_data_format(data: str, values: dict[str, float]) -> None:
    told = {row[2]: row[3] for row in rows(decode(TOPIC, relay(data)))}
    assert {quantity: told[quantity] for quantity in values} == pytest.approx(values)


def test_the_light_of_format_6_is_a_logarithm() -> None:
    lux = {row[2]: row[3] for row in rows(decode(TOPIC, relay(FORMAT_6)))}["illuminance"]
    assert lux == pytest.approx(13_027, rel=0.03)


@pytest.mark.parametrize("topic", [TOPIC, "cellar/gw/tags", "ruuvi/C8:25:2D:8E:9C:2C/AA:BB:CC:DD:EE:FF"])
def test_the_tag_s_own_address_is_the_device(topic: str) -> None:
    assert {row[0] for row in rows(decode(topic, relay(RAWV2)))} == {TAG}


@pytest.mark.parametrize("data", [RAWV1, FORMAT_6])
def test_an_advertisement_without_a_whole_address_leaves_it_to_the_topic(data: str) -> None:
    assert {row[0] for row in rows(decode(TOPIC.lower(), relay(data)))} == {TAG}


def test_time_and_sequence() -> None:
    reading = decode(TOPIC, relay(RAWV2, gwts="1653668030", ts="1653668027")).readings[0]
    assert (reading.measured_at, reading.sequence) == (datetime(2022, 5, 27, 16, 13, 47, tzinfo=UTC), 205)
    assert decode(TOPIC, relay(RAWV2, cnt="338")).readings[0].measured_at is None


def test_what_two_gateways_hear_is_counted_once() -> None:
    memory: dict[str, Any] = {}
    other = "ruuvi/D1:25:2D:8E:9C:2C/CB:B8:33:4C:88:4F"
    assert decode(TOPIC, relay(RAWV2), memory).kind is Kind.READING
    assert decode(other, relay(RAWV2), memory).kind is Kind.NOISE
    assert decode(other, relay(RAWV2.replace("00CDCBB8", "00CECBB8")), memory).kind is Kind.READING


def test_what_a_ruuvi_air_tells_in_two_formats_is_counted_once() -> None:
    memory: dict[str, Any] = {}
    assert decode(TOPIC, relay(E1.replace("DECDEE", "DECDCD")), memory).kind is Kind.READING
    assert decode(TOPIC, relay(FORMAT_6), memory).kind is Kind.NOISE


def test_values_that_are_not_available_are_failed_reads() -> None:
    decoded = decode(TOPIC, relay("0201061BFF9904058000FFFFFFFF800080008000FFFFFFFFFFFFFFFFFFFFFF"))
    assert decoded.kind is Kind.ERROR
    assert [row[:1] + row[2:] for row in failed(decoded)] == [
        (TAG, "temperature"), (TAG, "humidity"), (TAG, "pressure"), (TAG, "battery_voltage"),
    ]  # fmt: skip
    partly = decode(TOPIC, relay("0201061BFF9904050000FFFFC37C0004FFFC040CAC364200CDCBB8334C884F"))
    assert (rows(partly)[0][3], failed(partly)) == (0, [(TAG, "", "humidity")])


def test_a_cut_advertisement_is_not_half_read() -> None:
    assert decode(TOPIC, relay(RAWV2[:-8])).kind is Kind.ERROR


@pytest.mark.parametrize(
    ("topic", "payload", "device", "values"),
    [
        ("ruuvi/decoded/house/sauna", {"type": 1, "t": 184, "rh": 32, "bu": 2905, "ap": 1011, "s": -88},
         "house/sauna", [18.4, 32, 1011, 2.905]),
        ("ruuvi/decoded/jääkaappi", {"type": 1, "t": -12, "rh": 60, "bu": 2905, "ap": 1011}, "jääkaappi",
         [-1.2, 60, 1011, 2.905]),
        ("blescanner/outdoor", {"type": 6, "t": 1005}, "blescanner/outdoor", [100.5]),
    ],
)  # fmt: skip
def test_a_decoder_s_tenths(topic: str, payload: object, device: str, values: list[float]) -> None:
    told = rows(decode(topic, payload))
    assert ({row[0] for row in told}, [row[3] for row in told]) == ({device}, values)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (TOPIC, relay("02011A020A0C0AFF4C001005411CBAE0AA")),
        ("ruuvi/C8:25:2D:8E:9C:2C/gw_status", {"status": "restarted", "gw_mac": "C8:25:2D:8E:9C:2C"}),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    assert decode(topic, payload).kind is Kind.NOISE


def test_the_gateway_s_status_is_no_tag_s() -> None:
    status = {"status": "offline", "gw_mac": "C8:25:2D:8E:9C:2C"}
    decoded = decode("ruuvi/C8:25:2D:8E:9C:2C/gw_status", status)
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, None)
