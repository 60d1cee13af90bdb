"""SenML, by RFC 8428's rules and examples, RFC 8798's units and the first drafts' form."""

from datetime import UTC, datetime

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind

BASE = "urn:dev:ow:10e2073a01080063"


@pytest.mark.parametrize(
    ("record", "device", "probe"),
    [
        ({"n": BASE}, BASE, ""),
        ({"n": f"{BASE}:temp"}, BASE, ""),
        ({"n": f"{BASE}/temperature"}, BASE, ""),
        ({"bn": f"{BASE}:", "n": "temp"}, BASE, ""),
        ({"bn": BASE, "n": ":temp"}, BASE, ""),
        ({"bn": f"{BASE}:", "n": "indoor"}, BASE, "indoor"),
        ({"bn": f"{BASE}/", "n": "in/temperature"}, BASE, "in"),
        ({"bn": "urn:dev:mac:", "n": "0024befffe804ff1/temp"}, "urn:dev:mac:0024befffe804ff1", ""),
        ({"n": "urn:dev:mac:0024befffe804ff1_temp"}, "urn:dev:mac:0024befffe804ff1", ""),
        ({"bn": "2001:db8::2/", "n": "temperature"}, "2001:db8::2", ""),
        ({"bn": "sensor1", "n": "temperature"}, "sensor1", ""),
        ({"n": "temperature"}, "hall/senml", ""),
        ({"n": "dev1:t"}, "dev1", ""),
        ({"n": "dev1/T"}, "dev1", ""),
        ({"n": "urn:dev:mac:0024befffe804ff1_t2"}, "urn:dev:mac:0024befffe804ff1", "2"),
        ({"bn": "urn:dev:mac:", "n": "0024befffe804ff1:t"}, "urn:dev:mac:0024befffe804ff1", ""),
        ({"n": "t"}, "hall/senml", ""),
    ],
)
def test_the_resolved_name_is_device_and_quantity(record: dict[str, object], device: str, probe: str) -> None:
    assert rows(decode("hall/senml", [{**record, "u": "Cel", "v": 23.1}])) == [(device, probe, "temperature", 23.1)]


def test_one_device_s_letters_are_one_sensor_s() -> None:
    pack = [
        {"n": "dev1:t", "u": "Cel", "v": 21.5},
        {"n": "dev1:h", "u": "%RH", "v": 40},
        {"n": "dev1:p", "u": "hPa", "v": 1013},
    ]
    (reading,) = decode("x", pack).readings
    assert (reading.device, reading.probe, len(reading.measurements)) == ("dev1", "", 3)
    pair = [{"n": "dev1:t2", "u": "Cel", "v": 21.5}, {"n": "dev1:h2", "u": "%RH", "v": 40}]
    assert [one.probe for one in decode("x", pair).readings] == ["2"]
    # a letter that its unit does not bear out, or none does, is part of a name
    assert rows(decode("x", [{"n": "dev1:h", "u": "Cel", "v": 21.5}])) == [("dev1:h", "", "temperature", 21.5)]


def test_base_fields_hold_until_they_are_replaced() -> None:
    decoded = decode(
        "x",
        [
            {"bn": "2001:db8::2/", "bt": 1320078429, "bu": "Cel", "bv": 20, "n": "temperature", "v": 1.2},
            {"n": "humidity", "u": "%RH", "bv": 0, "v": 30, "t": -9},
            {"bn": "2001:db8::1/", "n": "temperature", "v": 12.3},
        ],
    )
    assert rows(decoded) == [
        ("2001:db8::2", "", "temperature", 21.2),
        ("2001:db8::2", "", "humidity", 30),
        ("2001:db8::1", "", "temperature", 12.3),
    ]
    assert decoded.readings[0].measured_at == datetime(2011, 10, 31, 16, 27, 9, tzinfo=UTC)
    assert decoded.readings[1].measured_at == datetime(2011, 10, 31, 16, 27, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "unit", "value", "expected"),
    [
        ("temp", "K", 300, ("temperature", 26.85)),
        ("t", "Cel", 21, ("temperature", 21)),
        ("humidity", "/", 0.45, ("humidity", 45)),
        ("rh", "%RH", 45, ("humidity", 45)),
        ("", "%EL", 80, ("battery", 80)),
        ("baro", "Pa", 101325, ("pressure", 1013.25)),
        ("baro", "hPa", 1013.25, ("pressure", 1013.25)),
        ("vbat", "mV", 3100, ("battery_voltage", 3.1)),
        ("dew_point", "Cel", 9.5, ("dew_point", 9.5)),
    ],
)
def test_units(name: str, unit: str, value: float, expected: tuple[str, float]) -> None:
    assert [row[2:] for row in rows(decode("x", [{"bn": f"{BASE}:", "n": name, "u": unit, "v": value}]))] == [expected]


def test_of_relative_times_the_newest_is_now_and_the_rest_cannot_be_dated() -> None:
    pack = [
        {"bn": f"{BASE}:", "bu": "Cel", "n": "temp", "v": 1, "t": -10},
        {"n": "temp", "v": 2},
        {"n": "temp", "v": 3, "t": -5},
    ]
    decoded = decode("x", pack)
    assert (rows(decoded), decoded.readings[0].measured_at) == ([(BASE, "", "temperature", 2)], None)


def test_the_first_drafts_object() -> None:
    pack = {
        "bn": "http://[2001:db8::2]/",
        "e": [{"n": "temperature", "v": 27.2, "u": "Cel"}, {"n": "humidity", "v": 80}],
    }
    assert rows(decode("x", pack)) == [
        ("http://[2001:db8::2]", "", "temperature", 27.2),
        ("http://[2001:db8::2]", "", "humidity", 80),
    ]


def test_a_failed_read() -> None:
    decoded = decode("x", [{"bn": "d:", "n": "temp", "u": "Cel", "v": 327.67}])
    assert (decoded.kind, failed(decoded)) == (Kind.ERROR, [("d", "", "temperature")])


@pytest.mark.parametrize(
    "record",
    [
        {"n": "label", "vs": "temperature=21"},
        {"n": "energy", "u": "kWh", "s": 4},
        {"n": "voltage", "u": "V", "v": 12.1},
        {"n": "setpoint", "u": "Cel", "v": 21},
        {"n": "cpu_temperature", "u": "Cel", "v": 60},
        {"n": "temperature", "u": "%RH", "v": 60},
        {"n": "soil_moisture", "u": "%RH", "v": 60},
        {"bn": "dev/setpoints/", "n": "temperature", "u": "Cel", "v": 21},
        {"bn": "", "n": "dev:soil:humidity", "u": "%RH", "v": 21},
    ],
)
def test_what_is_no_reading(record: dict[str, object]) -> None:
    decoded = decode("x", [{"bn": f"{BASE}:"} | record])
    assert (decoded.kind, decoded.format) == (Kind.NOISE, "senml")


@pytest.mark.parametrize("forbidding", [{"bver": 11}, {"scale_": 10}])
def test_a_pack_that_must_not_be_read_is_not(forbidding: dict[str, object]) -> None:
    decoded = decode("x", [{"bn": f"{BASE}:", "n": "temp", "u": "Cel", "v": 2} | forbidding])
    assert (decoded.kind, decoded.readings) == (Kind.UNKNOWN, ())


def test_an_array_of_other_objects_is_none() -> None:
    assert decode("a/b", [{"temperature": 21.5}]).format == "json"
