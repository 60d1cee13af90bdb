"""ESPHome's state topics, its words for a failed read, and the unit that only discovery tells."""

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind


def test_the_prefix_is_the_device_and_the_object_id_names_quantity_and_probe() -> None:
    assert rows(decode("weather/sensor/temperature/state", "-4.5")) == [("weather", "", "temperature", -4.5)]
    assert rows(decode("home/attic/sensor/outdoor_humidity/state", "45.2")) == [
        ("home/attic", "outdoor", "humidity", 45.2)
    ]


@pytest.mark.parametrize("word", ["nan", "None", "NaN"])
def test_a_failed_read(word: str) -> None:
    decoded = decode("weather/sensor/humidity/state", word)
    assert (decoded.kind, failed(decoded)) == (Kind.ERROR, [("weather", "", "humidity")])


def test_the_unit_comes_from_discovery_and_outlives_the_message() -> None:
    memory: dict[str, object] = {}
    state = "attic/sensor/temperature/state"
    config = {"dev_cla": "temperature", "unit_of_meas": "°F", "stat_t": state, "uniq_id": "x"}
    assert decode("homeassistant/sensor/attic/temperature/config", config, memory).kind is Kind.DISCOVERY
    assert rows(decode(state, "68", memory)) == [("attic", "", "temperature", 20)]
    assert rows(decode(state, "68")) == [("attic", "", "temperature", 68)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("weather/debug", "\x1b[0;36m[D][dht:048]: Got Temperature=21.7°C Humidity=45.2%\x1b[0m"),
        ("weather/binary_sensor/temperature/state", "21"),
        ("weather/sensor/internal_temperature/state", "51.2"),
        ("weather/sensor/temperature/state", "warm"),
    ],
)
def test_what_is_no_reading(topic: str, payload: str) -> None:
    assert decode(topic, payload).kind is Kind.NOISE


def test_status_is_availability_and_the_announcement_discovery() -> None:
    assert decode("weather/status", "online").availability == Availability("weather", True)
    assert decode("esphome/discover/x", {"name": "x", "port": 6053}).kind is Kind.DISCOVERY


def test_a_climate_measures_and_wants() -> None:
    """esphome mqtt_climate.cpp: each of its values has a topic below its own."""
    assert rows(decode("hall/climate/thermostat/current_temperature/state", "20.5")) == [
        ("hall", "thermostat", "temperature", 20.5)
    ]
    for topic in ("target_temperature", "mode"):
        assert decode(f"hall/climate/thermostat/{topic}/state", "21").kind is Kind.NOISE
    assert rows(decode("house/climate/kitchen/temperature/state", "21"))  # a house that calls its sensors so


def test_a_state_beside_home_assistant_s_discovery_is_no_esphome_s() -> None:
    assert rows(decode("homeassistant/sensor/kitchen_temperature/state", "20.5"))[0][0] != "homeassistant"


def test_the_air_s_and_the_bare_temperature_of_one_device_are_two() -> None:
    memory: dict[str, object] = {}
    topics = ["e/sensor/temperature/state", "e/sensor/air_temperature/state"] * 2
    assert [rows(decode(topic, "21.5", memory))[0][:2] for topic in topics] == [("e", ""), ("e", "air")] * 2
    assert rows(decode("e/sensor/air_temperature/state", "21.5")) == [("e", "", "temperature", 21.5)]
