"""MySensors, by its serial API 2.x and the topics of MyGatewayTransportMQTTClient.cpp."""

import json
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Kind
from drivers.formats import SerialDecoder


def lines(*told: str, memory: dict[str, Any] | None = None) -> list[Any]:
    decoder = SerialDecoder("auto", memory if memory is not None else {})
    return decoder.feed("".join(line + "\n" for line in told).encode()) + decoder.end()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("42;0;1;0;1;58.4", [("42", "", "humidity", 58.4)]),
        ("42;1;1;0;0;-7.5", [("42", "1", "temperature", -7.5)]),
        ("42;2;1;0;4;1003", [("42", "2", "pressure", 1003.0)]),
        ("7;255;3;0;0;83", [("7", "", "battery", 83.0)]),
        ("7;3;1;0;38;3.02", [("7", "3", "battery_voltage", 3.02)]),
    ],
)
def test_a_line_s_type_names_its_quantity(line: str, expected: list[object]) -> None:
    assert rows(*lines(line)) == expected


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("42;1;1;1;0;21.0", Kind.NOISE),  # an echo
        ("42;1;2;0;0;", Kind.NOISE),  # a request
        ("0;255;3;0;9;TSF:MSG:READ,42-42-0,s=1,c=1,t=0,pt=7,l=5,sg=0:21.0", Kind.NOISE),
        ("0;255;3;0;14;Gateway startup complete.", Kind.NOISE),
        ("42;1;1;0;45;21.5", Kind.NOISE),  # V_HVAC_SETPOINT_HEAT
        ("42;1;1;0;24;21.5", Kind.NOISE),  # V_VAR1
        ("42;1;1;0;38;230.4", Kind.NOISE),  # the mains
        ("42;255;4;0;0;0A0001005000", Kind.NOISE),  # firmware
        ("42;1;0;0;6;Outdoor", Kind.DISCOVERY),
        ("42;255;3;0;12;1.4", Kind.DISCOVERY),
        ("42;1;1;0;0;nan", Kind.ERROR),
    ],
)
def test_what_is_no_reading_is_known_as_such(line: str, kind: Kind) -> None:
    (decoded,) = lines(line)
    assert (decoded.kind, decoded.format) == (kind, "mysensors")


def test_a_failed_read_is_the_child_s() -> None:
    assert failed(*lines("42;1;1;0;0;nan")) == [("42", "1", "temperature")]


def test_a_sketch_s_name_is_what_people_call_the_node() -> None:
    memory: dict[str, Any] = {}
    lines("42;255;3;0;11;Weather station", memory=memory)
    (decoded,) = lines("42;1;1;0;0;21.0", memory=json.loads(json.dumps(memory)))
    assert decoded.readings[0].label == "Weather station"


def test_a_row_of_figures_is_no_message() -> None:
    assert not rows(*lines("1013;55;21;3;400;7", "300;1;1;0;0;20.5"))


@pytest.mark.parametrize("prefix", ["mygateway1-out", "home/mysensors/out", "gw"])
def test_topics_carry_the_same_with_any_prefix(prefix: str) -> None:
    assert rows(decode(f"{prefix}/12/6/1/0/0", "36.5")) == [("12", "6", "temperature", 36.5)]
    assert decode(f"{prefix}/12/6/1/1/0", "36.5").kind is Kind.NOISE


def test_what_the_controller_sends_is_no_reading_but_teaches_the_unit() -> None:
    memory: dict[str, Any] = {}
    assert decode("gw-in/12/6/1/0/0", "21", memory).kind is Kind.NOISE
    assert decode("gw-in/12/255/3/0/6", "I", memory).kind is Kind.NOISE
    assert rows(decode("gw-out/12/6/1/0/0", "68.0", memory)) == [("12", "6", "temperature", 20.0)]
    assert decode("gw-in/12/255/3/0/6", "M", memory).kind is Kind.NOISE
    assert rows(decode("gw-out/12/6/1/0/0", "20.0", memory)) == [("12", "6", "temperature", 20.0)]


def test_nodes_of_two_gateways_are_two_devices_for_good() -> None:
    memory: dict[str, Any] = {}
    first = rows(decode("one-out/12/6/1/0/0", "20", memory), decode("two-out/12/6/1/0/0", "5", memory))
    memory = json.loads(json.dumps(memory))
    again = rows(decode("two-out/12/6/1/0/0", "5", memory), decode("one-out/12/6/1/0/0", "20", memory))
    assert [row[0] for row in first] == ["12", "two-out/12"]
    assert sorted(first) == sorted(again)


def test_auto_recognises_it_and_a_garbled_line_flips_nothing() -> None:
    decoder = SerialDecoder()
    decoder.feed(b"1;0;1;0;1;75\n1;1;1;0;0;20.1\n1;1;1;0;0\xff20;T: 3\n1;1;1;0;0;20.2\n")
    assert decoder.recognised == "mysensors"
