"""Home Assistant discovery tells whose a topic is, of which quantity and unit; state messages are read by it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decoding import Row, decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats import decode_mqtt
from drivers.formats.discovery import learned, learned_unit
from drivers.formats.entities import MOST_ENTITIES, PART
from drivers.formats.message import Hint
from drivers.formats.words import words

Messages = list[tuple[str, Any]]
KITCHEN = {"identifiers": ["ea334450945afc"], "name": "Kitchen"}


def config(**keys: Any) -> dict[str, Any]:
    return {"state_topic": "x/1", "device": KITCHEN, **keys}


def taught(*configs: tuple[str, Any]) -> dict[str, Any]:
    """What a source remembers after these, as it comes back from the disk."""
    memory: dict[str, Any] = {}
    for topic, payload in configs:
        assert decode(topic, payload, memory).kind is Kind.DISCOVERY
    kept: dict[str, Any] = json.loads(json.dumps({key: part for key, part in memory.items() if key[0] != "_"}))
    return kept


def read(configs: Messages, states: Messages) -> list[Row]:
    memory = taught(*configs)
    return rows(*(decode(topic, payload, memory) for topic, payload in states))


TEMPERATURE = {"device_class": "temperature", "unit_of_measurement": "°C"}
HUMIDITY = {"device_class": "humidity", "unit_of_measurement": "%"}
JSON_T, JSON_H = "{{ value_json.temperature}}", "{{ value_json.humidity}}"

CASES: dict[str, tuple[Messages, Messages, list[Row]]] = {
    # home-assistant.io, MQTT discovery, "Sensors": two entities share one JSON topic
    "documentation": (
        [
            (
                "homeassistant/sensor/sensorBedroomT/config",
                {
                    **TEMPERATURE,
                    "state_topic": "homeassistant/sensor/sensorBedroom/state",
                    "value_template": JSON_T,
                    "unique_id": "temp01ae",
                    "device": {"identifiers": ["bedroom01ae"], "name": "Bedroom", "manufacturer": "Example"},
                },
            ),
            (
                "homeassistant/sensor/sensorBedroomH/config",
                {
                    **HUMIDITY,
                    "state_topic": "homeassistant/sensor/sensorBedroom/state",
                    "value_template": JSON_H,
                    "unique_id": "hum01ae",
                    "device": {"identifiers": ["bedroom01ae"], "name": "Bedroom", "manufacturer": "Example"},
                },
            ),
        ],
        [("homeassistant/sensor/sensorBedroom/state", {"temperature": 23.20, "humidity": 43.70})],
        [("bedroom01ae", "", "temperature", 23.2), ("bedroom01ae", "", "humidity", 43.7)],
    ),
    # home-assistant.io, MQTT discovery, "Device discovery payload"
    "whole device": (
        [
            (
                "homeassistant/device/0AFFD2/config",
                {
                    "dev": {"ids": "ea334450945afc", "name": "Kitchen", "mf": "Bla electronics", "mdl": "xya"},
                    "o": {"name": "bla2mqtt", "sw": "2.1"},
                    "cmps": {
                        "some_unique_component_id1": {
                            "p": "sensor",
                            "device_class": "temperature",
                            "unit_of_measurement": "°C",
                            "value_template": "{{ value_json.temperature }}",
                            "unique_id": "temp01ae_t",
                        },
                        "some_unique_id2": {
                            "p": "sensor",
                            "device_class": "humidity",
                            "unit_of_measurement": "%",
                            "value_template": "{{ value_json.humidity }}",
                            "unique_id": "temp01ae_h",
                        },
                        "bla1": {"p": "device_automation", "automation_type": "trigger", "topic": "bla/triggers"},
                    },
                    "state_topic": "sensorBedroom/state",
                    "qos": 2,
                },
            )
        ],
        [("sensorBedroom/state", {"temperature": 23.2, "humidity": 43.7})],
        [("ea334450945afc", "", "temperature", 23.2), ("ea334450945afc", "", "humidity", 43.7)],
    ),
    "one device on two free topics, short keys and a base": (
        [
            (
                "ha/sensor/a4cf12/t/config",
                {
                    "~": "cellar/node7",
                    "name": "Node 7 Temperature",
                    "stat_t": "~/1",
                    "dev_cla": "temperature",
                    "unit_of_meas": "°F",
                    "dev": {"cns": [["mac", "a4:cf:12:00:00:07"]], "name": "Node 7"},
                },
            ),
            (
                "ha/sensor/a4cf12/h/config",
                {
                    "~": "cellar/node7",
                    "name": "Node 7 Humidity",
                    "stat_t": "~/2",
                    "unit_of_meas": "%",
                    "dev": {"cns": [["mac", "a4:cf:12:00:00:07"]], "name": "Node 7"},
                },
            ),
        ],
        [("cellar/node7/1", "68"), ("cellar/node7/2", "41.5")],
        [("a4:cf:12:00:00:07", "", "temperature", 20), ("a4:cf:12:00:00:07", "", "humidity", 41.5)],
    ),
    "a base at a topic's end, and no unit but the class": (
        [
            (
                "homeassistant/sensor/k/t/config",
                config(**{"~": "/t", "state_topic": "kitchen~", "dev_cla": "temperature"}),
            )
        ],
        [("kitchen/t", "20.5")],
        [("ea334450945afc", "", "temperature", 20.5)],
    ),
    "two probes of one device, named by its entities": (
        [
            ("homeassistant/sensor/k/a/config", config(**TEMPERATURE, name="Kitchen Fridge Temperature")),
            (
                "homeassistant/sensor/k/b/config",
                config(**TEMPERATURE, name="Kitchen Freezer Temperature", state_topic="x/2"),
            ),
            (
                "homeassistant/sensor/k/c/config",
                config(**HUMIDITY, name="Kitchen Fridge Humidity", state_topic="x/3"),
            ),
        ],
        [("x/1", "4.5"), ("x/2", "-18"), ("x/3", "60")],
        [
            ("ea334450945afc", "fridge", "temperature", 4.5),
            ("ea334450945afc", "freezer", "temperature", -18),
            ("ea334450945afc", "fridge", "humidity", 60),
        ],
    ),
    "two values that nothing but their ids tells apart stay two": (
        [
            ("homeassistant/sensor/k/one/config", config(**TEMPERATURE)),
            ("homeassistant/sensor/k/two/config", config(**TEMPERATURE, state_topic="x/2")),
        ],
        [("x/1", "4.5"), ("x/2", "5")],
        [("ea334450945afc", "", "temperature", 4.5), ("ea334450945afc", "two", "temperature", 5)],
    ),
    "two probes whose names are the same, and whose ids are not": (
        [
            (f"homeassistant/sensor/k/{place}_{kind}/config", {**said, "name": kind, "stat_t": f"x/{place}/{kind[0]}"})
            for place in ("inside", "outside")
            for kind, said in (("temperature", TEMPERATURE), ("humidity", HUMIDITY))
        ],
        [("x/inside/t", "20"), ("x/inside/h", "50"), ("x/outside/t", "5"), ("x/outside/h", "80")],
        [
            ("k", "", "temperature", 20),
            ("k", "", "humidity", 50),
            ("k", "outside", "temperature", 5),
            ("k", "outside", "humidity", 80),
        ],
    ),
    # github.com/jim-easterbrook/pywws/issues/108: Zigbee2MQTT under a base topic of one's own
    "Zigbee2MQTT elsewhere": (
        [
            (
                f"homeassistant/sensor/0x00124b00253c5f14/{kind}/config",
                {
                    "availability": [{"topic": "myhome/bridge/state", "value_template": "{{ value_json.state }}"}],
                    "device": {"identifiers": ["zigbee2mqtt_0x00124b00253c5f14"], "name": "Temp Sensor"},
                    "device_class": kind,
                    "name": f"Temp Sensor {kind}",
                    "state_topic": "myhome/Temp Sensor",
                    "unique_id": f"0x00124b00253c5f14_{kind}_myhome",
                    "unit_of_measurement": unit,
                    "value_template": f"{{{{ value_json.{kind} }}}}",
                },
            )
            for kind, unit in (("temperature", "°C"), ("humidity", "%"), ("voltage", "mV"))
        ],
        [
            ("myhome/Temp Sensor", {"temperature": 21.5, "humidity": 40, "voltage": 3000, "linkquality": 80}),
            ("myhome/bridge/state", {"state": "online"}),
        ],
        [
            ("zigbee2mqtt_0x00124b00253c5f14", "", "temperature", 21.5),
            ("zigbee2mqtt_0x00124b00253c5f14", "", "humidity", 40),
            ("zigbee2mqtt_0x00124b00253c5f14", "", "battery_voltage", 3),
        ],
    ),
    "names in a language that sereno does not speak": (
        [
            ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, name="Tymheredd", value_template=JSON_T)),
            ("homeassistant/sensor/k/h/config", config(**HUMIDITY, name="Lleithder", value_template=JSON_H)),
        ],
        [("x/1", {"temperature": 21, "humidity": 40})],
        [("ea334450945afc", "", "temperature", 21), ("ea334450945afc", "", "humidity", 40)],
    ),
    # Tasmota's documentation of SetOption19-like discovery: the path names the part
    "a path and a part": (
        [
            (
                "homeassistant/sensor/k/t/config",
                config(**TEMPERATURE, value_template="{{ value_json['AM2301'].Temperature | round(1) }}"),
            ),
            (
                "homeassistant/sensor/k/p/config",
                config(
                    device_class="pressure",
                    unit_of_measurement="hPa",
                    value_template="{{ value_json.BMP280.Pressure / 100 }}",
                ),
            ),
        ],
        [("x/1", {"Time": "2024-01-01T10:00:00", "AM2301": {"Temperature": 21.7}, "BMP280": {"Pressure": 101325}})],
        [("ea334450945afc", "AM2301", "temperature", 21.7), ("ea334450945afc", "BMP280", "pressure", 1013.25)],
    ),
    # a public configuration of a computer's monitor: {{ value | multiply(0.001) | round(2) }}
    "a factor": (
        [("homeassistant/sensor/k/t/config", config(**TEMPERATURE, value_template="{{ value | multiply(0.1) }}"))],
        [("x/1", "215")],
        [("ea334450945afc", "", "temperature", 21.5)],
    ),
    # EMS-ESP: names less the device's
    "a boiler's figures, and the setpoint that comes alone": (
        [
            (
                "homeassistant/sensor/ems-esp/boiler_outdoortemp/config",
                {
                    "~": "ems-esp",
                    "uniq_id": "boiler_outdoortemp",
                    "stat_t": "~/boiler_data",
                    "name": "Outside temperature",
                    "val_tpl": "{{value_json['outdoortemp'] if value_json['outdoortemp'] is defined else 0}}",
                    "unit_of_meas": "°C",
                    "dev_cla": "temperature",
                    "dev": {"name": "Boiler", "ids": ["ems-esp-boiler"]},
                },
            ),
            (
                "homeassistant/sensor/ems-esp/boiler_selflowtemp/config",
                {
                    "~": "ems-esp",
                    "uniq_id": "boiler_selflowtemp",
                    "stat_t": "~/boiler_data",
                    "name": "Selected flow temperature setpoint",
                    "val_tpl": "{{value_json['selflowtemp']}}",
                    "unit_of_meas": "°C",
                    "dev_cla": "temperature",
                    "dev": {"name": "Boiler", "ids": ["ems-esp-boiler"]},
                },
            ),
        ],
        [
            ("ems-esp/boiler_data", {"selflowtemp": 55, "outdoortemp": 7.4}),
            ("ems-esp/boiler_data", {"selflowtemp": 50}),
        ],
        [("ems-esp-boiler", "Outside", "temperature", 7.4)],
    ),
    "a device without a block goes by its node": (
        [
            ("homeassistant/sensor/attic/t/config", {**TEMPERATURE, "state_topic": "q/7"}),
            ("homeassistant/sensor/attic/h/config", {**HUMIDITY, "state_topic": "q/8"}),
        ],
        [("q/7", "19"), ("q/8", "55")],
        [("attic", "", "temperature", 19), ("attic", "", "humidity", 55)],
    ),
    # home-assistant.io, MQTT climate
    "a thermostat's room and its setpoint": (
        [
            (
                "homeassistant/climate/hall/config",
                {
                    "name": "Hall",
                    "curr_temp_t": "hall/ac/temp",
                    "curr_temp_tpl": "{{ value_json.now }}",
                    "current_humidity_topic": "hall/ac/humidity",
                    "temp_stat_t": "hall/ac/temperature",
                    "temp_unit": "F",
                    "dev": {"ids": ["ac-1"], "name": "Hall AC"},
                },
            )
        ],
        [("hall/ac/temp", {"now": 68}), ("hall/ac/humidity", "40"), ("hall/ac/temperature", "72")],
        [("ac-1", "", "temperature", 20), ("ac-1", "", "humidity", 40)],
    ),
    "a template that is a program: names tell the values, discovery whose they are": (
        [
            (
                "homeassistant/sensor/k/t/config",
                config(**TEMPERATURE, value_template="{{ (value_json.raw ** 2) | my_filter }}"),
            )
        ],
        [("x/1", {"temperature": 21, "humidity": 40})],
        [("ea334450945afc", "", "temperature", 21), ("ea334450945afc", "", "humidity", 40)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_state_messages_are_read_as_discovery_describes_them(case: str) -> None:
    configs, states, expected = CASES[case]
    assert [(device, probe.lower(), quantity, value) for device, probe, quantity, value in read(configs, states)] == [
        (device, probe.lower(), quantity, pytest.approx(value)) for device, probe, quantity, value in expected
    ]


def test_the_device_s_name_is_the_label_and_the_message_s_own_time_counts() -> None:
    memory = taught(("homeassistant/sensor/k/t/config", config(**TEMPERATURE, value_template=JSON_T)))
    [reading] = decode("x/1", {"temperature": 21, "time": "2024-03-01T12:00:00Z"}, memory).readings
    assert reading.label == "Kitchen"
    assert reading.measured_at is not None


@pytest.mark.parametrize(
    ("topic", "payload", "state"),
    [
        ("homeassistant/number/k/target/config", config(name="Target"), "21"),
        ("homeassistant/switch/k/heater/config", config(state_topic="x/temperature"), "1"),
        ("homeassistant/light/k/lamp/config", config(), "1"),
        ("homeassistant/climate/k/config", {"temperature_state_topic": "x/1", "device": KITCHEN}, "21"),
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, name="Target temperature"), "21"),
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, name="CPU"), "51"),
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, name="Internal temperature"), "51"),
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, entity_category="diagnostic"), "51"),
        ("homeassistant/sensor/k/t/config", config(device_class="power", unit_of_measurement="W"), "21"),
        ("homeassistant/sensor/k/t/config", config(device_class="moisture", unit_of_measurement="%"), "21"),
        ("homeassistant/sensor/k/t/config", config(device_class="humidity", unit_of_measurement="g/m³"), "12"),
        ("homeassistant/sensor/k/t/config", config(device_class="voltage", unit_of_measurement="V"), "12"),
        ("homeassistant/sensor/k/t/config", config(device_class="pressure", unit_of_measurement="bar"), "2.1"),
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE), "warm"),
        (
            "homeassistant/number/k/t/config",
            config(value_template="{{ value_json.temperature }}"),
            {"temperature": 22},
        ),
    ],
)
def test_what_discovery_says_is_no_reading(topic: str, payload: dict[str, Any], state: Any) -> None:
    decoded = decode(payload.get("state_topic", "x/1"), state, taught((topic, payload)))
    assert decoded.kind is Kind.NOISE
    assert decoded.reason


def test_a_failed_read_is_the_probe_s() -> None:
    memory = taught(
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, value_template=JSON_T)),
        ("homeassistant/sensor/k/h/config", config(**HUMIDITY, state_topic="x/2")),
    )
    assert failed(decode("x/1", {"temperature": None}, memory), decode("x/2", "nan", memory)) == [
        ("ea334450945afc", "", "temperature"),
        ("ea334450945afc", "", "humidity"),
    ]


def test_a_message_without_its_topic_is_known_and_teaches_nothing() -> None:
    memory: dict[str, Any] = {}
    assert decode("", config(**TEMPERATURE), memory).kind is Kind.DISCOVERY
    assert memory == {}


def test_a_program_is_said_not_to_be_understood() -> None:
    decoded = decode("homeassistant/sensor/k/t/config", config(**TEMPERATURE, val_tpl="{{ value.split(';')[0] }}"), {})
    assert "not understood" in decoded.reason


def test_what_discovery_refuses_is_not_read_by_its_name_either() -> None:
    memory = taught(
        ("homeassistant/sensor/k/t/config", config(**TEMPERATURE, value_template="{{ value_json.t | my_filter }}")),
        ("homeassistant/number/k/n/config", config(value_template="{{ value_json.temperature }}")),
    )
    assert rows(decode("x/1", {"temperature": 22, "humidity": 40}, memory)) == [("ea334450945afc", "", "humidity", 40)]


def test_attributes_beside_a_state_are_not_counted_again() -> None:
    memory = taught(("homeassistant/sensor/k/t/config", config(**TEMPERATURE, json_attributes_topic="x/attr")))
    assert decode("x/attr", {"temperature": 21, "rssi": -60}, memory).kind is Kind.NOISE


@pytest.mark.parametrize(
    ("keys", "topic", "payload", "online"),
    [
        ({"availability_topic": "x/here"}, "x/here", "online", True),
        ({"avty_t": "x/here", "pl_avail": "1", "pl_not_avail": "dead"}, "x/here", "dead", False),
        (
            {"avty": [{"t": "x/here", "value_template": "{{ value_json.state }}"}]},
            "x/here",
            {"state": "offline"},
            False,
        ),
        ({"~": "x", "availability": {"topic": "~/here"}}, "x/here", "offline", False),
        (
            {"avty": [{"topic": "x/info", "val_tpl": "{{ value_json.up }}", "pl_avail": True}]},
            "x/info",
            {"up": True},
            True,
        ),
    ],
)
def test_the_device_s_availability(keys: dict[str, Any], topic: str, payload: Any, online: bool) -> None:
    memory = taught(("homeassistant/sensor/k/t/config", config(**TEMPERATURE, **keys)))
    assert decode(topic, payload, memory).availability == Availability("ea334450945afc", online)


def test_a_gateway_s_availability_is_no_device_s() -> None:
    configs = [
        (
            f"homeassistant/sensor/{name}/t/config",
            {**TEMPERATURE, "stat_t": f"x/{name}", "avty_t": "x/here", "dev": {"ids": [name]}},
        )
        for name in "ab"
    ]
    decoded = decode("x/here", "offline", taught(*configs))
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, None)


def test_a_bridge_s_availability_is_not_its_only_device_s() -> None:
    topic = "homeassistant/sensor/k/t/config"
    decoded = decode("z/bridge/state", "offline", taught((topic, config(**TEMPERATURE, avty_t="z/bridge/state"))))
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, None)


def test_an_entity_that_is_removed_is_forgotten_with_its_device_s_availability() -> None:
    topic = "homeassistant/sensor/k/t/config"
    memory = taught((topic, config(**TEMPERATURE, avty_t="x/here")))
    assert rows(decode("x/1", "21", memory))
    assert decode(topic, b"", memory).kind is Kind.DISCOVERY
    assert decode("x/1", "21", memory).kind is Kind.UNKNOWN
    assert decode("x/here", "online", memory).availability is None
    assert taught((topic, b"")) == {}


def test_a_component_that_is_gone_from_its_device_is_forgotten() -> None:
    part = {"p": "sensor", "stat_t": "x/1", **TEMPERATURE}
    memory = taught(("homeassistant/device/k/config", {"dev": KITCHEN, "cmps": {"a": part}}))
    assert rows(decode("x/1", "21", memory))
    decode("homeassistant/device/k/config", {"dev": KITCHEN, "cmps": {"a": {"p": "sensor"}}}, memory)
    assert rows(decode("x/1", "21", memory)) == []


def test_esphome_keeps_its_prefix_and_takes_quantity_and_unit() -> None:
    """esphome mqtt_component.cpp's keys; the object id is in a language that sereno does not speak."""
    memory = taught(
        (
            "homeassistant/sensor/porch/tymheredd/config",
            {
                "dev_cla": "temperature",
                "unit_of_meas": "°F",
                "stat_cla": "measurement",
                "name": "Tymheredd",
                "stat_t": "porch/sensor/tymheredd/state",
                "avty_t": "porch/status",
                "uniq_id": "ESPsensortymheredd",
                "dev": {"ids": "84fce6123456", "name": "porch", "sw": "2024.4.1", "mf": "espressif"},
            },
        )
    )
    state = decode("porch/sensor/tymheredd/state", "68", memory)
    assert rows(state) == [("porch", "tymheredd", "temperature", 20)]
    assert decode("porch/status", "offline", memory).availability == Availability("porch", False)
    found = learned(memory, "porch/sensor/tymheredd/state")
    assert found is not None
    assert (found.quantity, found.unit, found.label) == ("temperature", "°F", "porch")


def test_what_is_learned_is_bounded_and_touched_only_by_news() -> None:
    memory: dict[str, Any] = {}
    for index in range(MOST_ENTITIES + 5):
        decode(f"homeassistant/sensor/n{index}/t/config", {**TEMPERATURE, "stat_t": f"y/{index}"}, memory)
    assert len(memory[PART]) == MOST_ENTITIES
    assert learned(memory, "y/0") is None
    assert learned_unit(memory, f"y/{MOST_ENTITIES}") == "°C"
    before = json.dumps(memory[PART])
    decode("homeassistant/sensor/n9/t/config", {**TEMPERATURE, "stat_t": "y/9"}, memory)
    assert json.dumps(memory[PART]) == before


def test_a_hint_beats_what_discovery_says_and_not_what_the_message_says() -> None:
    memory = taught(("homeassistant/sensor/k/t/config", config(**TEMPERATURE)))
    hint = Hint(unit="°F")
    assert rows(decode_mqtt("x/1", b"68", memory, hint)) == [("ea334450945afc", "", "temperature", 20)]
    assert rows(decode_mqtt("x/1", "21 °C".encode(), memory, hint)) == [("ea334450945afc", "", "temperature", 21)]
    assert rows(decode_mqtt("x/1", b"45", memory, Hint("humidity"))) == [("ea334450945afc", "", "humidity", 45)]
    memory = taught(("homeassistant/number/k/n/config", config()))
    assert rows(decode_mqtt("x/1", b"21", memory, Hint("temperature"))) == [("x/1", "", "temperature", 21)]


KEYS = st.sampled_from(
    words(
        """state_topic stat_t ~ device dev ids identifiers cns name dev_cla device_class unit_of_meas val_tpl avty
        avty_t t topic cmps components p platform curr_temp_t temp_stat_t uniq_id json_attr_t ent_cat pl_avail x
        temperature"""
    )
)
VALUES = st.sampled_from(
    ["x/1", "~", "x/~", "°C", "%", "temperature", "humidity", "sensor", "climate", "{{ value_json.temperature }}"]
) | st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8))
CONFIGS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=30,
)


@given(
    st.sampled_from(words("h/sensor/a/config h/climate/n/a/config h/device/a/config h/x/y/z/config")), CONFIGS, VALUES
)
def test_no_config_makes_it_raise(topic: str, document: object, state: object) -> None:
    memory: dict[str, Any] = {}
    decode(topic, document, memory)
    kept = json.loads(json.dumps(memory))
    for known in ("x/1", "~", "x/~"):
        assert decode(known, state, kept) == decode(known, state, memory)
        decode(known, document, kept)
    decode(topic, b"", kept)
    assert not kept.get(PART)


FAHRENHEIT = {"device_class": "temperature", "unit_of_measurement": "°F"}
UPLINK = {
    "end_device_ids": {"device_id": "barn"},
    "uplink_message": {"decoded_payload": {"temperature": 68.0, "humidity": 40}},
}


@pytest.mark.parametrize(
    ("topic", "payload", "template"),
    [
        ("shellies/shellyht-F1/sensor/temperature", "68", ""),
        ("tele/shed/SENSOR", {"AM2301": {"Temperature": 68.0}}, "{{ value_json.AM2301.Temperature }}"),
        ("zigbee2mqtt/attic", {"temperature": 68.0, "linkquality": 9}, JSON_T),
        ("mygateway1-out/12/0/1/0/0", "68", ""),
        ("v3/farm@ttn/devices/barn/up", UPLINK, "{{ value_json.uplink_message.decoded_payload.temperature }}"),
        ("esp/9", {"temperature": 68.0}, JSON_T),
    ],
)
def test_the_unit_it_tells_holds_for_a_message_that_tells_none_of_whatever_family(
    topic: str, payload: Any, template: str
) -> None:
    keys = {**FAHRENHEIT, "state_topic": topic, "value_template": template}
    memory = taught(("homeassistant/sensor/s/config", keys))
    assert [row[3] for row in rows(decode(topic, payload, memory)) if row[2] == "temperature"] == [20.0]


@pytest.mark.parametrize(
    "others",
    [
        # what comes is °C: the template makes °F of it
        [{**FAHRENHEIT, "value_template": "{{ value_json.temperature * 1.8 + 32 }}"}],
        # two of them, and they do not agree
        [
            {**FAHRENHEIT, "value_template": JSON_T},
            {**TEMPERATURE, "value_template": "{{ value_json.temperature_l1 }}"},
        ],
    ],
)
def test_a_unit_is_passed_on_only_where_it_is_that_of_the_figures_as_they_come(others: list[dict[str, Any]]) -> None:
    topic = "zigbee2mqtt/attic"
    memory = taught(
        *((f"homeassistant/sensor/s/{n}/config", {"state_topic": topic, **keys}) for n, keys in enumerate(others))
    )
    assert [row[3] for row in rows(decode(topic, {"temperature": 30.0}, memory))] == [30.0]


def test_what_a_message_says_of_its_unit_and_the_configuration_go_before() -> None:
    topic = "tele/shed/SENSOR"
    keys = {**FAHRENHEIT, "state_topic": topic, "value_template": "{{ value_json.AM2301.Temperature }}"}
    memory = taught(("homeassistant/sensor/s/config", keys))
    body = {"AM2301": {"Temperature": 30.0}}
    assert [row[3] for row in rows(decode(topic, {**body, "TempUnit": "C"}, memory))] == [30.0]
    hinted = decode_mqtt(topic, json.dumps(body).encode(), memory, Hint(unit="°C"))
    assert [row[3] for row in rows(hinted)] == [30.0]


def test_a_template_that_is_a_program_leaves_the_names_to_the_configuration_s_unit() -> None:
    keys = {**FAHRENHEIT, "state_topic": "esp/9", "value_template": "{{ states('x') }}"}
    memory = taught(("homeassistant/sensor/s/config", keys))
    hinted = decode_mqtt("esp/9", b'{"temperature":68}', memory, Hint(unit="°F"))
    assert [row[3] for row in rows(hinted)] == [20.0]


@pytest.mark.parametrize(("first", "second"), [("temperature2", "humidity2"), ("temp_2", "hum_02"), ("T1", "h1")])
def test_a_number_is_nobody_s_name(first: str, second: str) -> None:
    memory = taught(
        ("homeassistant/sensor/k/config", {**TEMPERATURE, "state_topic": "kitchen2/x", "unique_id": first}),
        ("homeassistant/sensor/g/config", {**HUMIDITY, "state_topic": "garage2/x", "unique_id": second}),
    )
    read = rows(decode("kitchen2/x", "21.5", memory), decode("garage2/x", "40", memory))
    assert [(device, value) for device, _, _, value in read] == [("kitchen2/x", 21.5), ("garage2/x", 40)]
    named = taught(
        ("homeassistant/sensor/k/config", {**TEMPERATURE, "state_topic": "a/1", "unique_id": "attic2_temperature"}),
        ("homeassistant/sensor/g/config", {**HUMIDITY, "state_topic": "a/2", "unique_id": "attic2_humidity"}),
    )
    assert {row[0] for row in rows(decode("a/1", "21.5", named), decode("a/2", "40", named))} == {"attic2"}


@pytest.mark.parametrize("payload", ["21.5;40", {"x": 21.5}])
def test_what_is_not_read_for_its_template_says_so(payload: Any) -> None:
    keys = {**TEMPERATURE, "state_topic": "txt/n", "value_template": "{{ value.split(';')[0] }}"}
    decoded = decode("txt/n", payload, taught(("homeassistant/sensor/s/config", keys)))
    assert (decoded.kind, decoded.readings) == (Kind.UNKNOWN, ())
    assert "{{ value.split(';')[0] }}" in decoded.reason
    assert "not understood" in decoded.reason


def test_what_tells_itself_is_read_although_its_template_is_a_program() -> None:
    keys = {**TEMPERATURE, "state_topic": "txt/n", "value_template": "{{ value.split(';')[0] }}", "device": KITCHEN}
    memory = taught(("homeassistant/sensor/s/config", keys))
    assert [row[2:] for row in rows(decode("txt/n", "T: 21.5 °C, H: 40 %", memory))] == [
        ("temperature", 21.5),
        ("humidity", 40),
    ]


@pytest.mark.parametrize(("ids", "whose"), [({"uniq_id": "ac-7"}, "ac-7"), ({}, "hall")])
def test_a_climate_without_a_device_is_one_though_it_tells_on_two_topics(ids: dict[str, str], whose: str) -> None:
    memory: dict[str, Any] = {}
    config = {"curr_temp_t": "c/cur", "current_humidity_topic": "c/hum", "temp_stat_t": "c/set", **ids}
    decode("homeassistant/climate/hall/config", config, memory)
    told = [*rows(decode("c/cur", "21.5", memory)), *rows(decode("c/hum", "40", memory))]
    assert told == [(whose, "", "temperature", 21.5), (whose, "", "humidity", 40)]
