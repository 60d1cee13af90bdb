"""Homie devices: samples after the convention's own examples (homieiot/convention 2.0.0 to 5.0)."""

import json
from typing import Any

import pytest

from drivers.base import Decoded, Kind
from drivers.formats.message import NO_HINT, Hint
from drivers.formats.registry import decode_mqtt


def _decode(topic: str, payload: str, memory: dict[str, Any] | None = None, hint: Hint = NO_HINT) -> Decoded:
    return decode_mqtt(topic, payload.encode(), {} if memory is None else memory, hint)


@pytest.mark.parametrize(
    ("topic", "payload", "device", "probe", "quantity", "value"),
    [
        ("homie/5/super-car/engine/temperature", "21.5", "super-car", "engine", "temperature", 21.5),
        ("homie/super-car/engine/temperature", "-3", "super-car", "engine", "temperature", -3.0),
        ("homie/5/super-car/engine/humidity", "41", "super-car", "engine", "humidity", 41.0),
        ("homie/686f6d6965/temperature/degrees", "12.07", "686f6d6965", "", "temperature", 12.07),
        ("homie/686f6d6965/humidity/percentage", "79", "686f6d6965", "", "humidity", 79.0),
    ],
)
def test_property_is_read(topic: str, payload: str, device: str, probe: str, quantity: str, value: float) -> None:
    decoded = _decode(topic, payload)
    (reading,) = decoded.readings
    (measured,) = reading.measurements
    assert (decoded.kind, decoded.format) == (Kind.READING, "homie")
    assert (reading.device, reading.probe) == (device, probe)
    assert (measured.quantity, measured.value) == (quantity, value)
    assert measured.name == "/".join(topic.split("/")[-2:])


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("homie/5/super-car/engine/temperature/set", "21.5", Kind.NOISE),
        ("homie/5/super-car/engine/temperature/$target", "21.5", Kind.NOISE),
        ("homie/5/super-car/engine/target-temperature", "21.5", Kind.NOISE),
        ("homie/5/super-car/setpoint/temperature", "21.5", Kind.NOISE),
        ("homie/5/garden/soil/humidity", "33", Kind.NOISE),
        ("homie/5/super-car/engine/label", "\0", Kind.NOISE),
        ("homie/5/super-car/engine/temperature", "", Kind.NOISE),
        ("homie/5/super-car/$alert/childlock", "Temperature 90", Kind.NOISE),
        ("homie/super-car/$stats/cputemp", "48", Kind.NOISE),
        ("homie/super-car/temperature/degrees/$unit", "°F", Kind.DISCOVERY),
        ("homie/super-car/lights/$array", "0-2", Kind.DISCOVERY),
        ("homie/5/$broadcast/alert", "21.5", Kind.NOISE),
    ],
)
def test_what_is_no_reading(topic: str, payload: str, kind: Kind) -> None:
    decoded = _decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (kind, ())


@pytest.mark.parametrize("payload", ["NaN", "nan", "inf"])
def test_forbidden_figure_is_a_failed_read(payload: str) -> None:
    decoded = _decode("homie/5/super-car/engine/temperature", payload)
    assert (decoded.kind, decoded.readings[0].failed) == (Kind.ERROR, ("temperature",))


@pytest.mark.parametrize(
    ("state", "online"),
    [
        *((state, True) for state in ("init", "ready", "alert", "sleeping")),
        *((state, False) for state in ("lost", "disconnected", "")),
    ],
)
def test_state_is_availability(state: str, online: bool) -> None:
    decoded = _decode("homie/5/super-car/$state", state)
    assert decoded.availability == ("super-car", online)
    assert decoded.kind is Kind.AVAILABILITY


def test_unit_is_learned_and_written_once() -> None:
    memory: dict[str, Any] = {}
    _decode("homie/car/engine/temperature/$unit", "°F", memory)
    (reading,) = _decode("homie/car/engine/temperature", "70", memory).readings
    assert reading.measurements[0].unit == "°F"
    (hinted,) = _decode("homie/car/engine/temperature", "70", memory, Hint(unit="K")).readings
    assert hinted.measurements[0].unit == "K"
    facts = memory["homie"]["facts"]
    _decode("homie/car/engine/temperature/$unit", "°F", memory)
    assert memory["homie"]["facts"] is facts


def test_description_names_and_refuses() -> None:
    memory: dict[str, Any] = {}
    value = {"name": "Outside", "unit": "°C", "datatype": "float"}
    flag = {"name": "Temperature high", "datatype": "boolean"}
    description = {
        "homie": "5.0",
        "name": "Supercar",
        "nodes": {"outer": {"properties": {"value": value, "temperature": flag}}},
    }
    assert _decode("mine/5/car/$description", json.dumps(description), memory).kind is Kind.DISCOVERY
    (reading,) = _decode("mine/5/car/outer/value", "7.5", memory).readings
    assert (reading.device, reading.label, reading.measurements[0].quantity) == ("car", "Supercar", "temperature")
    assert _decode("mine/5/car/outer/temperature", "1", memory).kind is Kind.NOISE


def test_version_1_s_node_is_known_by_a_property_that_is_a_unit() -> None:
    read = [
        _decode(f"devices/c631/{path}", "68").readings[0]
        for path in ("temperature/degrees", "temperature/fahrenheit", "humidity/percentage")
    ]
    assert {(one.device, one.probe) for one in read} == {("c631", "")}
    assert [one.measurements[0].unit for one in read] == ["°C", "°F", "%"]
    assert _decode("homie/c631/temperature/fahrenheit", "68").readings[0].measurements[0].unit == "°F"
    for another_s in ("devices/c631/shed/temperature", "devices/c631/temperature/percentage", "devices/c631/t/degrees"):
        assert _decode(another_s, "21").format != "homie"


def test_version_1_is_known_by_its_attributes() -> None:
    memory: dict[str, Any] = {}
    assert _decode("devices/c631/shed/temperature", "21.0", memory).format != "homie"
    _decode("devices/c631/$nodes", "shed:temperature", memory)
    assert _decode("devices/c631/shed/temperature", "21.0", memory).readings[0].device == "c631"
    assert _decode("devices/c631/$online", "false", memory).availability == ("c631", False)


@pytest.mark.parametrize("payload", [b"\xff\xfe", b"{", b"[1]", b"9" * 16_384, b'{"homie":1,"nodes":[{}]}'])
@pytest.mark.parametrize("last", ["engine/temperature", "$description", "$state", "engine/$name"])
def test_no_bytes_make_it_raise_read_or_remember_much(last: str, payload: bytes) -> None:
    memory: dict[str, Any] = {}
    assert decode_mqtt(f"homie/5/car/{last}", payload, memory).kind is not Kind.READING
    assert len(json.dumps(memory)) < 1_000
