"""Sparkplug B, by its 3.0.0 specification and sparkplug_b.proto."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind

DATA = "spBv1.0/farm/DDATA/edge/barn"
BIRTH = "spBv1.0/farm/DBIRTH/edge/barn"
T = 1_700_000_000_000


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: float | bytes | str, *, single: bool = False) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | (5 if single else 1)) + struct.pack("<f" if single else "<d", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def metric(*parts: bytes) -> bytes:
    return field(2, b"".join(parts))


def payload(*metrics: bytes) -> bytes:
    return field(1, T) + b"".join(metrics) + field(3, 5)


def name(text: str) -> bytes:
    return field(1, text)


def unit(text: str) -> bytes:
    return field(9, field(1, "engUnit") + field(2, field(1, 12) + field(8, text)))


def test_doubles_floats_and_integers_of_every_width_are_values() -> None:
    told = payload(
        metric(name("Temperature"), field(4, 10), field(13, -4.5)),
        metric(name("Humidity"), field(4, 9), field(12, 61.3, single=True)),
        metric(name("Outdoor/Temperature"), field(4, 2), field(10, (-12) & 0xFFFF)),
        metric(name("Cellar/Temperature"), field(4, 3), field(10, (-3) & 0xFFFF_FFFF)),
        metric(name("Attic/Temperature"), field(4, 4), field(11, -7)),
        metric(name("Attic/Humidity"), field(4, 7), field(10, 40)),
    )
    assert rows(decode(DATA, told)) == [
        ("farm/edge/barn", "", "temperature", -4.5),
        ("farm/edge/barn", "", "humidity", 61.3),
        ("farm/edge/barn", "Outdoor", "temperature", -12.0),
        ("farm/edge/barn", "Cellar", "temperature", -3.0),
        ("farm/edge/barn", "Attic", "temperature", -7.0),
        ("farm/edge/barn", "Attic", "humidity", 40.0),
    ]


def test_a_birth_teaches_aliases_and_units_for_good() -> None:
    memory: dict[str, Any] = {}
    birth = payload(metric(name("Temperature"), field(2, 0), field(13, 68.0), unit("°F")))
    assert rows(decode(BIRTH, birth, memory)) == [("farm/edge/barn", "", "temperature", 20.0)]
    memory = json.loads(json.dumps(memory))
    assert rows(decode(DATA, payload(metric(field(2, 0), field(13, 50.0))), memory)) == [
        ("farm/edge/barn", "", "temperature", 10.0)
    ]
    decode("spBv1.0/farm/NBIRTH/edge", payload(metric(name("bdSeq"), field(11, 1))), memory)
    told = decode(DATA, payload(metric(field(2, 0), field(13, 50.0))), memory)
    assert (told.kind, "birth" in told.reason) == (Kind.UNKNOWN, True)


def test_a_unit_that_a_birth_tells_of_a_name_holds_for_that_device_s_data() -> None:
    memory: dict[str, Any] = {}
    birth = payload(metric(name("Temperature"), field(13, 68.0), unit("°F")), metric(name("Humidity"), field(13, 40.0)))
    decode(BIRTH, birth, memory)
    memory = json.loads(json.dumps(memory))
    data = payload(metric(name("Temperature"), field(13, 50.0)), metric(name("Humidity"), field(13, 41.0)))
    assert [row[2:] for row in rows(decode(DATA, data, memory))] == [("temperature", 10.0), ("humidity", 41.0)]
    assert rows(decode("spBv1.0/farm/DDATA/edge/attic", data, memory))[0][3] == 50.0  # another device of the edge
    both = payload(metric(name("Room"), field(2, 7), field(13, 68.0), unit("°F")))
    decode(BIRTH, both, memory)
    assert rows(decode(DATA, payload(metric(name("Room"), field(2, 7), field(13, 50.0))), memory))[0][3] == 10.0
    decode(BIRTH, payload(metric(name("Temperature"), field(13, 20.0))), memory)  # it became °C
    assert rows(decode(DATA, data, memory))[0][3] == 50.0


def test_a_metric_that_is_named_by_its_place_is_a_temperature_by_its_unit() -> None:
    told = payload(
        metric(name("Room"), field(13, 68.0), unit("°F")),
        metric(name("Cellar/West"), field(13, 12.5), unit("degC")),
        metric(name("Line/Voltage"), field(13, 230.0), unit("K")),
        metric(name("Room/Setpoint"), field(13, 21.0), unit("°C")),
        metric(name("CPU"), field(13, 60.0), unit("°C")),
        metric(name("Tank"), field(13, 60.0), unit("%")),
        metric(name("Door"), field(13, 1.0)),
    )
    assert [row[1:] for row in rows(decode(DATA, told))] == [
        ("Room", "temperature", 20.0),
        ("Cellar/West", "temperature", 12.5),
    ]


@pytest.mark.parametrize(
    "path", ["Setpoints/Temperature", "Target/Temperature", "Limits/High/Temperature", "CPU/Temperature"]
)
def test_what_lies_below_setpoints_limits_and_machines_is_no_reading(path: str) -> None:
    told = decode(DATA, payload(metric(name(path), field(13, 21.0))))
    assert (told.kind, rows(told)) == (Kind.NOISE, [])


def test_null_and_what_is_no_number_are_failed_reads() -> None:
    for broken in (metric(name("Temperature"), field(7, 1)), metric(name("Temperature"), field(13, float("nan")))):
        told = decode(DATA, payload(broken))
        assert (told.kind, failed(told)) == (Kind.ERROR, [("farm/edge/barn", "", "temperature")])


@pytest.mark.parametrize("topic", ["spBv1.0/farm/DCMD/edge/barn", "spBv1.0/farm/NCMD/edge"])
def test_commands_are_no_readings(topic: str) -> None:
    assert decode(topic, payload(metric(name("Temperature"), field(13, 21.0)))).kind is Kind.NOISE


def test_setpoints_controls_and_texts_are_no_readings() -> None:
    told = decode(
        DATA,
        payload(
            metric(name("Temperature Setpoint"), field(13, 21.0)),
            metric(name("Node Control/Temperature"), field(13, 21.0)),
            metric(name("Temperature"), field(15, "warm")),
        ),
    )
    assert told.kind is Kind.NOISE


def test_deaths_and_hosts_are_availability() -> None:
    assert decode("spBv1.0/farm/NDEATH/edge", payload()).availability == Availability("farm/edge", online=False)
    assert decode("spBv1.0/farm/DDEATH/edge/barn", b"").availability == Availability("farm/edge/barn", online=False)
    for topic, told in (("spBv1.0/STATE/host", {"online": False, "timestamp": T}), ("STATE/host", "ONLINE")):
        said = decode(topic, told)
        assert (said.kind, said.availability) == (Kind.AVAILABILITY, None)


@given(st.binary(max_size=200), st.sampled_from([DATA, BIRTH, "spBv1.0/farm/NBIRTH/edge", "STATE/x"]))
def test_no_bytes_make_it_raise_nor_read_what_is_cut(data: bytes, topic: str) -> None:
    memory: dict[str, Any] = {}
    decode(topic, data, memory)
    json.dumps(memory)
    whole = payload(metric(name("Temperature"), field(13, 21.0)))
    assert decode(DATA, whole[: len(data) % 20 + 10]).kind is not Kind.READING
