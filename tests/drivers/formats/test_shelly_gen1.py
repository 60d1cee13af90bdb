"""Shelly Gen1, by the Gen1 API reference, Home Assistant issue 49415, ha-shellies-discovery issues 38 and 523,
homebridge-shelly 111, ioBroker.shelly 160 and 648, shellyteacher4domo 18, 57, a packet dump (pastebin vjJubCm9)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint

HT = "shellyht-CC2D76"
INFO: dict[str, Any] = {
    "wifi_sta": {"connected": True, "ssid": "x", "ip": "192.168.1.42", "rssi": -70},
    "time": "16:43",
    "unixtime": 1720449781,
    "mac": "98F4ABCC2D76",
    "is_valid": True,
    "tmp": {"value": 22.62, "units": "C", "tC": 22.62, "tF": 72.72, "is_valid": True},
    "hum": {"value": 39.5, "is_valid": True},
    "bat": {"value": 97, "voltage": 2.95},
    "act_reasons": ["sensor"],
}
FAHRENHEIT = INFO | {"tmp": {"value": 72.72, "units": "F", "tC": 22.62, "tF": 72.72, "is_valid": True}}
RELAY: dict[str, Any] = {
    "unixtime": 1590853456,
    "relays": [{"ison": False, "overpower": False}],
    "meters": [{"power": 0.0, "is_valid": True}],
    "ext_sensors": {"temperature_unit": "C"},
    "ext_temperature": {"0": {"tC": 17.9, "tF": 64.22}},
    "ext_humidity": {"0": {"hum": 38.2}},
    "temperature": 32.59,
    "overtemperature": False,
    "tmp": {"tC": 32.59, "tF": 90.66, "is_valid": "true"},
}


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("shellyht-CC2D76/sensor/temperature", "24.75", ("", "temperature", 24.75)),
        ("shellyht-CC2D76/sensor/temperature", "-4.5", ("", "temperature", -4.5)),
        ("shellyht-CC2D76/sensor/humidity", "43.5", ("", "humidity", 43.5)),
        ("shellyht-CC2D76/sensor/battery", "100", ("", "battery", 100)),
        ("greenhouse/sensor/temperature", "24.75", ("", "temperature", 24.75)),
        ("shellydw2-1A2B3C/sensor/lux", "112", ("", "illuminance", 112)),
        ("shelly1-1170C1/ext_temperature/0", "47.69", ("ext", "temperature", 47.69)),
        ("shelly1-1170C1/ext_temperature/1", "35.75", ("ext/1", "temperature", 35.75)),
        ("shellyuni-98CDAC/ext_humidity/0", "42.7", ("ext", "humidity", 42.7)),
    ],
)
def test_a_plain_value(topic: str, payload: str, expected: tuple[object]) -> None:
    for before in ("", "house2/"):
        decoded = decode(f"{before}shellies/{topic}", payload)
        assert [row[1:] for row in rows(decoded)] == [expected]
        assert decoded.readings[0].device == topic.split("/")[0]


@pytest.mark.parametrize(
    ("topic", "payload", "expected"),
    [
        ("sensor/temperature", "999", [("", "temperature")]),
        ("sensor/temperature", "999.00", [("", "temperature")]),
        ("sensor/humidity", "999", [("", "humidity")]),
        ("sensor/battery", "-1", [("", "battery")]),
        ("ext_temperature/2", "999", [("ext/2", "temperature")]),
        ("ext_temperatures", {"0": {"hwID": "28ff", "tC": 999}}, [("ext", "temperature")]),
        ("sensor/error", "1", [("", "temperature"), ("", "humidity")]),
        ("info", {"tmp": {"value": 22.6, "units": "C", "is_valid": False}}, [("", "temperature")]),
    ],
)
def test_a_failed_read(topic: str, payload: object, expected: list[tuple[str, str]]) -> None:
    decoded = decode(f"shellies/{HT}/{topic}", payload)
    assert decoded.kind is Kind.ERROR
    assert [row[1:] for row in failed(decoded)] == expected


def test_one_failure_told_in_two_ways_is_one() -> None:
    memory: dict[str, Any] = {}
    told = [
        decode(f"shellies/{HT}/sensor/{sensor}", value, memory)
        for sensor, value in (("temperature", "999"), ("humidity", "999"), ("error", "1"))
    ]
    assert [row[2] for row in failed(*told)] == ["temperature", "humidity"]


def test_what_info_tells_of_a_battery_device() -> None:
    decoded = decode(f"shellies/{HT}/info", INFO)
    assert rows(decoded) == [
        (HT, "", "temperature", 22.62),
        (HT, "", "humidity", 39.5),
        (HT, "", "battery", 97),
        (HT, "", "battery_voltage", 2.95),
    ]
    assert decoded.readings[0].measured_at == datetime(2024, 7, 8, 14, 43, 1, tzinfo=UTC)


def test_the_heat_of_a_relay_is_no_room_s_but_its_add_on_s_probes_are_read() -> None:
    decoded = decode("shellies/shelly1pm-F2FA49/info", RELAY)
    assert [row[1:] for row in rows(decoded)] == [("ext", "temperature", 17.9), ("ext", "humidity", 38.2)]


def test_a_status_elsewhere_is_known_by_its_shape() -> None:
    about = {"wifi_sta": {"connected": True}, "mac": "98F4ABF2FA49"}
    assert {row[0] for row in rows(decode("", INFO))} == {"98F4ABCC2D76"}
    assert {row[0] for row in rows(decode("attic/ht/info", INFO))} == {"attic/ht"}
    assert [row[1:3] for row in rows(decode("", RELAY | about))] == [("ext", "temperature"), ("ext", "humidity")]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        # Motion 2, shellyteacher4domo 57
        (
            {"lux": {"value": 216, "illumination": "bright", "is_valid": True}, "tmp": {"value": 37.9, "units": "C"}},
            [("", "temperature", 37.9), ("", "illuminance", 216)],
        ),
        ({"motion": False, "active": True, "lux": 4, "bat": 85}, [("", "illuminance", 4), ("", "battery", 85)]),
        # TRV, the API reference
        (
            {
                "thermostats": [
                    {"pos": 10, "target_t": {"value": 21, "units": "C"}, "tmp": {"value": 19.8, "units": "C"}}
                ]
            },
            [("", "temperature", 19.8)],
        ),
        ({"target_t": {"value": 70, "units": "F"}, "tmp": {"value": 68, "units": "F"}}, [("", "temperature", 20)]),
    ],
)
def test_what_a_status_tells(status: dict[str, object], expected: list[tuple[object]]) -> None:
    for last in ("/status", "/info", ""):
        assert [row[1:] for row in rows(decode(f"shellies/shellyx-1{last}", status))] == expected


def test_fahrenheit_is_learned_of_info_for_that_device_alone_and_forgotten_when_set_back() -> None:
    memory: dict[str, Any] = {}
    topic = f"shellies/{HT}/sensor/temperature"
    assert rows(decode(topic, "71.6", memory)) == [(HT, "", "temperature", 71.6)]
    assert rows(decode(f"shellies/{HT}/info", FAHRENHEIT, memory))[0] == (HT, "", "temperature", 22.62)
    assert rows(decode(topic, "71.6", memory)) == [(HT, "", "temperature", 22)]
    assert rows(decode(f"shellies/{HT}/ext_temperature/0", "21.5", memory))[0][3] == 21.5
    assert rows(decode("shellies/other/sensor/temperature", "21.5", memory))[0][3] == 21.5
    decode(f"shellies/{HT}/info", INFO, memory)
    assert rows(decode(topic, "21.5", memory)) == [(HT, "", "temperature", 21.5)]
    assert memory["shelly_gen1"] == {}


def test_the_unit_of_a_hint_wins() -> None:
    decoded = decode_mqtt(f"shellies/{HT}/sensor/temperature", b"71.6", {}, Hint(unit="°F"))
    assert rows(decoded) == [(HT, "", "temperature", 22)]


def test_each_measurement_is_counted_once_whichever_topic_comes_first() -> None:
    plain = [("temperature", "22.62"), ("humidity", "39.5"), ("battery", "97")]
    for info_first in (True, False):
        memory: dict[str, Any] = {}
        for _ in range(2):  # the same value again is a new measurement
            told = []
            if info_first:
                told.append(decode(f"shellies/{HT}/info", INFO, memory))
            told += [decode(f"shellies/{HT}/sensor/{sensor}", value, memory) for sensor, value in plain]
            if not info_first:
                told.append(decode(f"shellies/{HT}/info", INFO, memory))
            assert sorted(row[2] for row in rows(*told)) == ["battery", "battery_voltage", "humidity", "temperature"]


def test_an_add_on_s_probes_come_plain_and_together() -> None:
    memory: dict[str, Any] = {}
    probes = {"0": {"hwID": "28a1", "tC": 20.5}, "1": {"hwID": "28a2", "tC": 21.5}}
    told = [
        decode("shellies/shelly1-1/ext_temperature/0", "20.50", memory),
        decode("shellies/shelly1-1/ext_temperature_f/0", "68.90", memory),
        decode("shellies/shelly1-1/ext_temperatures", probes, memory),
        decode("shellies/shelly1-1/ext_temperatures_f", {"0": {"hwID": "28a1", "tF": 68.9}}, memory),
        decode("shellies/shelly1-1/ext_humidities", {"0": {"hwID": "28a1", "hum": 50}}, memory),
        decode("shellies/shelly1-1/ext_temperature/1", "21.50", memory),
    ]
    assert [row[1:] for row in rows(*told)] == [
        ("ext", "temperature", 20.5),
        ("ext/1", "temperature", 21.5),
        ("ext", "humidity", 50),
    ]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("shellyht-CC2D76/sensor/error", "0"),
        ("shellyht-CC2D76/sensor/ext_power", "false"),
        ("shellyht-CC2D76/sensor/act_reasons", '["sensor"]'),
        ("shellyflood-1/sensor/flood", "false"),
        ("shellyht-CC2D76/sensor/temperature", ""),
        ("shellydimmer2-4C7525336380/temperature", "51.62"),
        ("shellydimmer2-4C7525336380/temperature_f", "124.91"),
        ("shellydimmer2-4C7525336380/overtemperature", "0"),
        ("shellyswitch25-1/temperature_status", "Normal"),
        ("shellydimmer2-4C7525336380/light/0/status", '{"ison":false,"source":"http","brightness":100}'),
        ("shelly-plug-s1/relay/0", "on"),
        ("shelly-plug-s1/relay/0/power", "20.58"),
        ("shelly-plug-s1/relay/0/energy", "1234"),
        ("shellyem3-1/emeter/0/voltage", "231.05"),
        ("shelly1-1/input/0", "0"),
        ("shelly1-1/input_event/0", '{"event":"S","event_cnt":2}'),
        ("shelly1-1/relay/0/command", "on"),
        ("shellytrv-1/thermostat/0/command/target_t", "21"),
        ("shellyuni-1/adc/0", "4.44"),
        ("command", "announce"),
    ],
)
def test_what_is_no_reading(topic: str, payload: str) -> None:
    decoded = decode(f"shellies/{topic}", payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())
    assert decoded.reason


def test_announcements_and_the_last_will() -> None:
    about = {"id": HT, "mac": "98F4ABCC2D76", "ip": "10.0.0.2", "fw_ver": "v1.14.0", "model": "SHHT-1", "new_fw": False}
    for topic in ("shellies/announce", f"shellies/{HT}/announce"):
        assert decode(topic, about).kind is Kind.DISCOVERY
    assert decode(f"shellies/{HT}/online", "true").availability == Availability(HT, True)
    assert decode(f"shellies/{HT}/online", "false").availability == Availability(HT, False)


def test_what_is_learned_stays_small() -> None:
    memory: dict[str, Any] = {}
    for number in range(1_500):
        decode(f"shellies/ht{number}/info", FAHRENHEIT, memory)
    assert len(memory["shelly_gen1"]) == 1_000
