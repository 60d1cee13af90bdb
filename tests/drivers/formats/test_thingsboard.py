"""ThingsBoard's device and gateway API, by its documentation's own samples."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind


@pytest.mark.parametrize("topic", ["v1/devices/me/telemetry", "v2/t"])
def test_telemetry_is_of_whom_the_connection_is(topic: str) -> None:
    assert rows(decode(topic, {"temperature": 22.5, "humidity": "61"})) == [
        (None, "", "temperature", 22.5),
        (None, "", "humidity", 61),
    ]


def test_a_prefix_that_a_bridge_adds_tells_two_devices_apart() -> None:
    assert rows(decode("site1/v1/devices/me/telemetry", {"temperature": 3})) == [("site1", "", "temperature", 3)]


def test_two_moments_in_one_message() -> None:
    payload = [
        {"ts": 1451649600000, "values": {"temperature": 22.5, "humidity": 61}},
        {"ts": 1451649601000, "values": {"temperature": 22.7, "humidity": None}},
    ]
    decoded = decode("v1/devices/me/telemetry", payload)
    assert [reading.measured_at for reading in decoded.readings] == [
        datetime(2016, 1, 1, 12, 0, 0, tzinfo=UTC),
        datetime(2016, 1, 1, 12, 0, 1, tzinfo=UTC),
    ]
    assert failed(decoded) == [(None, "", "humidity")]


def test_a_gateway_tells_of_its_devices_by_name() -> None:
    payload = {
        "Device A": [{"ts": 1483228800000, "values": {"temperature": 42, "humidity": 80}}],
        "Device B": [{"temperature": 21.5}],
    }
    assert rows(decode("v1/gateway/telemetry", payload)) == [
        ("Device A", "", "temperature", 42),
        ("Device A", "", "humidity", 80),
        ("Device B", "", "temperature", 21.5),
    ]
    assert decode("v1/gateway/connect", {"device": "Device A"}).availability == Availability("Device A", True)
    assert decode("v1/gateway/disconnect", {"device": "Device A"}).availability == Availability("Device A", False)


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("v1/devices/me/attributes", {"temperature": 21}),
        ("v1/devices/me/attributes/response/1", {"shared": {"temperature": 21}}),
        ("v1/devices/me/rpc/request/1", {"method": "setTemperature", "params": {"temperature": 21.0}}),
        ("v1/gateway/rpc", {"device": "A", "data": {"id": 1, "params": {"temperature": 3}}}),
        ("v2/a", {"temperature": 21}),
        ("v1/devices/me/telemetry", {"key1": "value1", "key2": "value2"}),
        ("v1/gateway/connect", {}),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "thingsboard")


def test_another_topic_below_is_not_the_api_s() -> None:
    assert decode("v1/devices/me/test", {"temperature": 12}).format == "json"
