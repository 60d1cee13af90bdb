"""The Things Stack, by its documentation, Dragino's and SenseCAP's codecs, and lorawan-devices' schema."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats.message import Hint
from drivers.formats.registry import decode_mqtt

TOPIC = "v3/farm@ttn/devices/barn/up"
IDS = {"device_id": "barn", "application_ids": {"application_id": "farm"}, "dev_eui": "A84041C181848F7A"}


def uplink(made: object, **more: Any) -> dict[str, Any]:
    message = {"f_port": 2, "f_cnt": 642, "frm_payload": "AQ==", "decoded_payload": made, **more}
    return {"end_device_ids": IDS, "received_at": "2024-07-05T16:16:30.899243333Z", "uplink_message": message}


@pytest.mark.parametrize(
    "topic", [TOPIC, "relay/lorawan", "site/v3/farm@ttn/devices/other/up", "v3/farm/devices/barn/up"]
)
def test_the_payload_says_whose_it_is_whatever_the_topic(topic: str) -> None:
    (reading,) = decode(
        topic, uplink({"temperature": 13.3, "humidity": 77}, version_ids={"model_id": "lht65"})
    ).readings
    assert (reading.device, reading.sequence, reading.model) == ("barn", 642, "lht65")
    assert reading.measured_at == datetime(2024, 7, 5, 16, 16, 30, 899243, tzinfo=UTC)
    assert [(one.quantity, one.value) for one in reading.measurements] == [("temperature", 13.3), ("humidity", 77)]


@pytest.mark.parametrize("around", ["data", "result"])
def test_the_event_view_and_the_storage_integration_wrap_the_same_body(around: str) -> None:
    assert rows(decode("x", {"name": "as.up.data.forward", around: uplink({"temperature": 1.5})})) == [
        ("barn", "", "temperature", 1.5)
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (  # Dragino LHT65 (texts in its first codec)
            {"BatV": 3.074, "Bat_status": 3, "Hum_SHT": "60.5", "TempC_DS": "21.06", "TempC_SHT": "20.81"},
            [
                ("", "battery_voltage", 3.074),
                ("sht", "humidity", 60.5),
                ("sht", "temperature", 20.81),
                ("ds", "temperature", 21.06),
            ],
        ),
        (  # Cayenne LPP: the channel is a suffix
            {"temperature_0": 1.0, "temperature_2": 2.5, "relative_humidity_2": 40.5, "luminosity_4": 3},
            [("", "temperature", 1.0), ("2", "temperature", 2.5), ("2", "humidity", 40.5)],
        ),
        (  # home-assistant/core issue 121249: a SenseCAP S2120
            {
                "err": 0,
                "messages": [
                    {"measurementId": "4097", "measurementValue": 13.3, "type": "Air Temperature"},
                    {"measurementId": "4098", "measurementValue": 77, "type": "Air Humidity"},
                    {"measurementId": "4101", "measurementValue": 99750, "type": "Barometric Pressure"},
                    {"measurementId": "4113", "measurementValue": 0, "type": "Rain Gauge"},
                ],
                "valid": True,
            },
            [("", "temperature", 13.3), ("", "humidity", 77), ("", "pressure", 997.5)],
        ),
        (  # SenseCAP's later codecs nest one list more
            {"messages": [[{"measurementId": "4097", "measurementValue": 13.3, "type": "Air Temperature"}]]},
            [("", "temperature", 13.3)],
        ),
        ({"temperature": 68, "unit": "F"}, [("", "temperature", 20)]),
        ({"temperature": {"value": 21.4, "unit": "°C"}, "targetTemperature": 23}, [("", "temperature", 21.4)]),
    ],
)
def test_codecs_name_things_freely(made: object, expected: list[tuple[str, str, float]]) -> None:
    assert [row[1:] for row in rows(decode(TOPIC, uplink(made)))] == expected


def test_an_input_without_its_probe_is_no_temperature() -> None:
    decoded = decode(TOPIC, uplink({"TempC_SHT": 29.2, "Hum_SHT": 47.3, "TempC_DS": 327.67}))
    assert [row[1:3] for row in rows(decoded)] == [("sht", "temperature"), ("sht", "humidity")]
    none = decode(TOPIC, uplink({"TempC1": -0.1, "TempC2": -0.1, "TempC3": -0.1, "BatV": 3.3}))
    assert rows(none) == [("barn", "", "battery_voltage", 3.3)]
    assert len(failed(none)) == 3
    assert decode(TOPIC, uplink({"TempC1": -0.1, "TempC2": -0.1, "TempC3": -0.1})).kind is Kind.ERROR
    frost = decode(TOPIC, uplink({"TempC1": -0.1, "TempC2": 21, "TempC3": -0.1}))
    assert len(rows(frost)) == 3


def test_the_normalized_payload_tells_what_the_codec_does_not_and_nothing_twice() -> None:
    normalized = [{"air": {"temperature": 20.1, "relativeHumidity": 50, "pressure": 1001.2}, "battery": 3.05}]
    both = decode(TOPIC, uplink({"temp": 20.1, "hum": 50}, normalized_payload=normalized))
    assert [row[1:] for row in rows(both)] == [
        ("", "temperature", 20.1),
        ("", "humidity", 50),
        ("", "pressure", 1001.2),
        ("", "battery_voltage", 3.05),
    ]
    alone = decode(TOPIC, uplink({"val": [1, 2]}, normalized_payload=[{"soil": {"temperature": 12, "moisture": 3}}]))
    assert rows(alone) == [("barn", "soil", "temperature", 12)]
    assert alone.readings[0].sequence == 642


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (TOPIC, {"end_device_ids": IDS, "uplink_message": {"frm_payload": "VGVtcGVyYXR1cmUgPSAwLjA="}}),
        ("v3/farm@ttn/devices/barn/join", {"end_device_ids": IDS, "join_accept": {"session_key_id": "x"}}),
        ("v3/farm@ttn/devices/barn/location/solved", {"end_device_ids": IDS, "location_solved": {"latitude": 1}}),
        ("x", {"end_device_ids": IDS, "service_data": {"data": {"temperature": 3}}}),
        ("v3/farm@ttn/devices/barn/down/push", {"downlinks": [{"decoded_payload": {"temperature": 21}}]}),
        (TOPIC, uplink({"tempSetpoint": 21, "temperatureBoard": 33})),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "ttn")


def test_the_unit_that_the_configuration_tells() -> None:
    payload = b'{"end_device_ids":{"device_id":"barn"},"uplink_message":{"decoded_payload":{"temperature":68}}}'
    assert rows(decode_mqtt(TOPIC, payload, {}, Hint("", "°F"))) == [("barn", "", "temperature", 20)]


def test_several_probes_of_one_key_are_told_apart_by_their_place() -> None:
    """Elsys' codec makes a list of ``externalTemperature2`` where several probes hang on one device."""
    made = {"temperature": 21.0, "externalTemperature2": [1.1, 2.2, -127], "grideye": {"values": [20, 21]}}
    body = {"end_device_ids": {"device_id": "ems"}, "uplink_message": {"decoded_payload": made}}
    decoded = decode("v3/farm@ttn/devices/ems/up", body)
    assert rows(decoded) == [
        ("ems", "", "temperature", 21.0),
        ("ems", "external_2_1", "temperature", 1.1),
        ("ems", "external_2_2", "temperature", 2.2),
    ]
    assert [one[1] for one in failed(decoded)] == ["external_2_3"]
    # figures that only follow each other tell no times
    made = {"temperature": [21.0, 21.5, 22.0]}
    assert not rows(decode("v3/f@ttn/devices/x/up", {**body, "uplink_message": {"decoded_payload": made}}))
