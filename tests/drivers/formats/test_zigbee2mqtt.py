"""Zigbee2MQTT, by its documentation, lib/controller.ts and the issues that are named beside the samples."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats.message import Hint
from drivers.formats.registry import decode_mqtt


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("zigbee2mqtt/0x00158d0001a2b3c4", "0x00158d0001a2b3c4"),
        ("zigbee2mqtt/first floor/bath room", "first floor/bath room"),
        ("zigbee2mqtt/kitchen/temperature", "kitchen/temperature"),
        ("home/zigbee2mqtt/attic", "attic"),
        ("zigbee2mqtt_2/attic", "attic"),
        ("Zigbee2MQTT/attic", "attic"),
    ],
)
def test_everything_below_the_base_topic_is_the_friendly_name(topic: str, device: str) -> None:
    payload = {"temperature": 19.25, "humidity": 61, "linkquality": 90}
    assert rows(decode(topic, payload)) == [(device, "", "temperature", 19.25), (device, "", "humidity", 61)]


def test_voltage_is_mv_of_a_battery() -> None:
    payload = {"battery": 97, "voltage": 2995, "pressure": 1001.8, "power_outage_count": 11574}
    assert rows(decode("zigbee2mqtt/x", payload)) == [
        ("x", "", "battery", 97),
        ("x", "", "battery_voltage", 2.995),
        ("x", "", "pressure", 1001.8),
    ]


@pytest.mark.parametrize("payload", [{"voltage": 230, "power": 4}, {"voltage": 12, "current": 1}, {"voltage": 230}])
def test_a_socket_s_voltage_is_the_mains(payload: object) -> None:
    assert decode("zigbee2mqtt/plug", payload).kind is Kind.NOISE


@pytest.mark.parametrize("seen", ["2024-05-01T12:00:00.000Z", "2024-05-01T14:00:00+02:00", 1714564800000])
def test_last_seen_in_each_of_its_forms(seen: object) -> None:
    decoded = decode("zigbee2mqtt/x", {"temperature": 20.5, "last_seen": seen})
    assert decoded.readings[0].measured_at == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_null_is_not_yet_known_and_no_failure() -> None:
    decoded = decode("zigbee2mqtt/x", {"temperature": -0.85, "humidity": None, "battery": None})
    assert (rows(decoded), failed(decoded)) == ([("x", "", "temperature", -0.85)], [])
    assert decode("zigbee2mqtt/x", {"temperature": None}).kind is Kind.NOISE


def test_all_ones_of_a_register_are_a_failed_read() -> None:
    decoded = decode("zigbee2mqtt/x", {"temperature": -327.68, "humidity": 655.35})
    assert (decoded.kind, len(failed(decoded))) == (Kind.ERROR, 2)


def test_a_thermostat_gives_the_room_and_not_its_wishes() -> None:
    """The SEA801, the Moes BHT-002 and the Aqara valve of issues 18791 and better_thermostat 1699."""
    payload = {
        "away_preset_temperature": "5.0",
        "comfort_temperature": 21,
        "current_heating_setpoint": 30,
        "deadzone_temperature": 1,
        "device_temperature": 24,
        "eco_temperature": 17,
        "external_temperature_input": 20,
        "internal_heating_setpoint": 19.5,
        "local_temperature": 21.5,
        "local_temperature_calibration": -3.1,
        "max_temperature": 30,
        "max_temperature_limit": 35,
        "occupied_heating_setpoint": 5,
        "open_window_temperature": 12,
        "program": {"saturday_p1_temperature": 20, "temperature": 20},
        "system_mode": "heat",
        "humidity": 44,
        "temperature_sensitivity": 0.5,
    }
    decoded = decode("zigbee2mqtt/valve", payload)
    assert rows(decoded) == [("valve", "", "temperature", 21.5), ("valve", "", "humidity", 44)]
    assert decoded.readings[0].measurements[0].name == "local_temperature"


def test_each_endpoint_is_a_probe() -> None:
    payload = {"temperature_l1": 20, "temperature_l2": 4.5, "temperature_probe": -18.2, "temperature": 21}
    assert [row[1:] for row in rows(decode("zigbee2mqtt/x", payload))] == [
        ("l1", "temperature", 20),
        ("l2", "temperature", 4.5),
        ("probe", "temperature", -18.2),
        ("", "temperature", 21),
    ]


def test_an_external_probe_is_read_and_a_value_told_to_a_valve_is_not() -> None:
    freezer = {"external_temperature": -18.2, "external_humidity": 70, "temperature": 21, "linkquality": 9}
    assert rows(decode("zigbee2mqtt/freezer", freezer)) == [
        ("freezer", "external", "temperature", -18.2),
        ("freezer", "external", "humidity", 70),
        ("freezer", "", "temperature", 21),
    ]
    assert rows(decode("zigbee2mqtt/freezer/external_temperature", "-18.2")) == [
        ("freezer", "external", "temperature", -18.2)
    ]
    # the Tuya HY09 says 0 without one
    floor = {"external_temperature": 27.5, "local_temperature": 21, "current_heating_setpoint": 22}
    assert [row[1:] for row in rows(decode("zigbee2mqtt/floor", floor))] == [
        ("external", "temperature", 27.5),
        ("", "temperature", 21),
    ]
    assert len(rows(decode("zigbee2mqtt/floor", {**floor, "external_temperature": 0}))) == 1
    for key in ("external_temperature_input", "external_measured_room_temperature", "remote_temperature"):
        assert not rows(decode("zigbee2mqtt/valve", {key: 20}))


def test_a_repeat_in_fahrenheit_is_left_out_and_the_display_s_unit_changes_nothing() -> None:
    """The SNZB-02DR2 of zigbee-herdsman-converters PR 11794."""
    payload = {"temperature": 22.5, "temperature_f": 72.5, "temperature_units": "fahrenheit"}
    assert rows(decode("zigbee2mqtt/x", payload)) == [("x", "", "temperature", 22.5)]


def test_device_information_names_device_and_model() -> None:
    about = {"friendlyName": "my_sensor", "model": "WSDCGQ11LM", "ieeeAddr": "0x1", "softwareBuildID": "3000"}
    decoded = decode("zigbee2mqtt/my_sensor", {"temperature": 1.5, "device": about})
    assert rows(decoded) == [("my_sensor", "", "temperature", 1.5)]
    assert decoded.readings[0].model == "WSDCGQ11LM"


DEVICES: list[Any] = [
    {"ieee_address": "0x0", "type": "Coordinator", "friendly_name": "Coordinator", "definition": None},
    {
        "ieee_address": "0x1",
        "friendly_name": "freezer",
        "definition": {
            "model": "X",
            "exposes": [
                {"type": "numeric", "property": "temperature", "unit": "°F", "access": 1},
                {"type": "numeric", "property": "humidity", "unit": "%", "access": 1},
                {"type": "climate", "features": [{"property": "local_temperature", "unit": "°F"}]},
            ],
        },
    },
]


def test_another_base_topic_and_other_units_are_learned_from_the_bridge() -> None:
    memory: dict[str, Any] = {}
    assert decode("our/radio/bridge/devices", DEVICES, memory).kind is Kind.DISCOVERY
    assert rows(decode("our/radio/freezer", {"temperature": 14, "humidity": 50}, memory)) == [
        ("freezer", "", "temperature", -10),
        ("freezer", "", "humidity", 50),
    ]
    assert rows(decode("our/radio/attic/north", {"temperature": 14, "humidity": None}, memory)) == [
        ("attic/north", "", "temperature", 14)
    ]
    assert decode("our/radio/freezer/availability", "offline", memory).availability == Availability("freezer", False)
    in_celsius = {"exposes": [{"property": "temperature", "unit": "°C"}]}
    decode("our/radio/bridge/devices", [DEVICES[0], {**DEVICES[1], "definition": in_celsius}], memory)
    assert rows(decode("our/radio/freezer", {"temperature": -10}, memory)) == [("freezer", "", "temperature", -10)]


def test_bridge_info_tells_the_base_topic_too() -> None:
    memory: dict[str, Any] = {}
    decode("radio/bridge/info", {"version": "2.1.0", "coordinator": {"type": "zStack3x0"}}, memory)
    assert rows(decode("radio/x y", {"temperature": 5, "voltage": 3000}, memory))[0] == ("x y", "", "temperature", 5)


def test_the_configuration_s_unit_wins_over_the_default() -> None:
    decoded = decode_mqtt("zigbee2mqtt/x", b'{"temperature":50,"humidity":40}', {}, Hint(unit="°F"))
    assert rows(decoded) == [("x", "", "temperature", 10), ("x", "", "humidity", 40)]


def test_attribute_topics_are_read_and_counted_once_beside_json() -> None:
    memory: dict[str, Any] = {}
    topic = "zigbee2mqtt/a/b"
    once = [
        decode(topic, {"temperature": 20.5, "humidity": 40}, memory),
        decode(f"{topic}/temperature", "20.5", memory),
        decode(f"{topic}/humidity", "40", memory),
        decode(topic, {"temperature": 20.5, "humidity": 41}, memory),
        decode(f"{topic}/temperature", "20.5", memory),
        decode(f"{topic}/humidity", "41", memory),
    ]
    assert [row[2:] for row in rows(*once)] == [
        ("temperature", 20.5),
        ("humidity", 40),
        ("temperature", 20.5),
        ("humidity", 41),
    ]
    assert rows(decode("zigbee2mqtt/c/temperature_l1", "-3")) == [("c", "l1", "temperature", -3)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("zigbee2mqtt/x/set", {"temperature": 20}),
        ("zigbee2mqtt/x/get", {"temperature": ""}),
        ("zigbee2mqtt/x/set/temperature", "20"),
        ("zigbee2mqtt/x/l1/set", {"temperature": 20}),
        ("zigbee2mqtt/x", ""),
        ("zigbee2mqtt/x/availability", ""),
        ("zigbee2mqtt/x/temperature", ""),
        ("zigbee2mqtt/x/linkquality", "80"),
        ("zigbee2mqtt/x/device_temperature", "31"),
        ("zigbee2mqtt/x/occupied_heating_setpoint", "21"),
        ("zigbee2mqtt/x", {"occupancy": True, "device_temperature": 30, "linkquality": 80}),
        ("zigbee2mqtt/bridge/event", {"type": "device_announce", "data": {"temperature": 20}}),
        ("zigbee2mqtt/bridge/response/device/rename", {"data": {"temperature": 1}, "status": "ok"}),
        ("zigbee2mqtt/bridge/info", {"version": "2", "coordinator": {}, "temperature": 1}),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())


@pytest.mark.parametrize("payload", ["online", {"state": "online"}])
def test_availability(payload: object) -> None:
    assert decode("zigbee2mqtt/a b/c/availability", payload).availability == Availability("a b/c", True)
    bridge = decode("zigbee2mqtt/bridge/state", payload)
    assert (bridge.kind, bridge.availability) == (Kind.AVAILABILITY, None)


def test_under_an_unknown_base_a_name_that_sounds_like_a_quantity_is_still_a_device() -> None:
    state = {"temperature": 21.5, "linkquality": 80}
    told = rows(*(decode(f"house/{name}", state) for name in ("Temp Sensor", "Humidity Sensor")))
    assert [row[0] for row in told] == ["Temp Sensor", "Humidity Sensor"]


STATE = {"temperature": 19.7, "humidity": 43, "linkquality": 3}


def devices(memory: dict[str, Any], *topics: str) -> list[str | None]:
    return [decode(topic, STATE, memory).readings[0].device for topic in topics]


def test_a_base_topic_that_was_renamed_leaves_each_device_what_it_is() -> None:
    memory: dict[str, Any] = {}
    assert devices(memory, "zigbee2mqtt/Wohnzimmer", "newprefix/Wohnzimmer") == ["Wohnzimmer"] * 2
    assert devices({}, "oldprefix/up/attic", "newprefix/up/attic", "newprefix/up/attic") == ["up/attic"] * 3
    gone = decode("newprefix/Wohnzimmer/availability", '{"state":"offline"}', memory)
    assert gone.availability == Availability("Wohnzimmer", False)


def test_two_devices_that_differ_in_the_first_level_alone_do_not_stay_one() -> None:
    memory: dict[str, Any] = {}
    told = devices(memory, *("kitchen/climate", "bath/climate") * 3)
    assert told[2:] == ["kitchen/climate", "bath/climate"] * 2
    kept = {part: value for part, value in memory.items() if not part.startswith("_")}
    assert devices(kept, "kitchen/climate", "bath/climate") == ["kitchen/climate", "bath/climate"]


def test_a_copy_of_a_device_s_state_is_not_counted_as_its_own() -> None:
    told = devices({}, *("zigbee2mqtt/attic", "copy/attic") * 3)
    assert told[3:] == ["copy/attic", "attic", "copy/attic"]


@pytest.mark.parametrize("topic", ["house/attic/state", "attic"])
def test_a_topic_without_a_base_is_the_device(topic: str) -> None:
    assert devices({}, topic) == [topic]
