"""Shelly Gen2 to Gen4, by the Gen2 API reference, a Plus H&T's gist (NelsonMinar), ioBroker.shelly issues 813, 896,
1592, node-red-contrib-shelly 200, ha-shellies-discovery-gen2 282, Home Assistant's thread on the BLU TRV (777837)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint

HT = "shellyplusht-b8d61a8b17cc"
FULL: dict[str, Any] = {
    "ts": 1680962879.62,
    "ble": {},
    "cloud": {"connected": False},
    "devicepower:0": {"id": 0, "battery": {"V": 5.32, "percent": 81}, "external": {"present": False}},
    "ht_ui": {},
    "humidity:0": {"id": 0, "rh": 42.2},
    "mqtt": {"connected": True},
    "sys": {"mac": "B8D61A8B17CC", "time": None, "unixtime": None, "uptime": 3, "wakeup_period": 600},
    "temperature:0": {"id": 0, "tC": 19.8, "tF": 67.6},
    "wifi": {"sta_ip": "192.168.3.183", "status": "got ip", "rssi": -58},
}
VALUES = [
    (HT, "", "battery", 81),
    (HT, "", "battery_voltage", 5.32),
    (HT, "", "humidity", 42.2),
    (HT, "", "temperature", 19.8),
]


def notification(params: dict[str, Any], method: str = "NotifyStatus", source: str = HT) -> dict[str, Any]:
    return {"src": source, "dst": "x/events", "method": method, "params": params}


def test_a_full_status_is_one_reading_with_the_time_of_its_measurement() -> None:
    decoded = decode(f"{HT}/events/rpc", notification(FULL, "NotifyFullStatus"))
    (reading,) = decoded.readings
    assert rows(decoded) == VALUES
    assert reading.measured_at == datetime(2023, 4, 8, 14, 7, 59, 620000, UTC)
    assert {one.name for one in reading.measurements} == {"temperature:0", "humidity:0", "devicepower:0"}


def test_on_external_power_the_battery_is_nobody_s() -> None:
    power = {"id": 0, "battery": {"V": 0.43, "percent": 0}, "external": {"present": True}}
    assert decode(f"{HT}/status/devicepower:0", power).kind is Kind.NOISE
    told = decode(f"{HT}/events/rpc", notification(FULL | {"devicepower:0": power}))
    assert rows(told) == VALUES[2:]


@pytest.mark.parametrize(
    "prefix", ["shellyhtg3-e4b323306910", "shellyhtg3/Keller_2878", "house/Wohnzimmer", "shellies/ht"]
)
@pytest.mark.parametrize(
    ("component", "status", "expected"),
    [
        ("temperature:0", {"id": 0, "tC": 27.5, "tF": 81.6}, ("", "temperature", 27.5)),
        ("temperature:0", {"id": 0, "tC": -10.0, "tF": 50.1}, ("", "temperature", -10)),
        ("temperature:100", {"id": 100, "tC": 54.3, "tF": 129.7}, ("100", "temperature", 54.3)),
        ("temperature:101", {"id": 101, "tC": 4, "tF": 39.2}, ("101", "temperature", 4)),
        ("humidity:0", {"id": 0, "rh": 62.9}, ("", "humidity", 62.9)),
        ("humidity:100", {"id": 100, "rh": 62.9}, ("100", "humidity", 62.9)),
        ("illuminance:0", {"id": 0, "lux": 44, "illumination": "dim"}, ("", "illuminance", 44)),
        ("temperature:100", {"id": 100, "tC": 21.5, "tF": 70.7, "errors": ["disabled"]}, ("100", "temperature", 21.5)),
    ],
)
def test_a_component_s_topic(prefix: str, component: str, status: dict[str, object], expected: tuple[object]) -> None:
    decoded = decode(f"{prefix}/status/{component}", status)
    assert [row[1:] for row in rows(decoded)] == [expected]
    assert decoded.readings[0].device == prefix
    assert decoded.readings[0].measurements[0].name == component


def test_a_device_first_known_by_its_prefix_stays_one_sensor_under_it() -> None:
    memory: dict[str, Any] = {}
    prefix = "cellar/ht"
    first = decode(f"{prefix}/status/temperature:0", {"id": 0, "tC": 21.4, "tF": 70.5}, memory)
    assert [row[0] for row in rows(first)] == [prefix]
    told = decode(f"{prefix}/events/rpc", notification({"ts": 1.0, "temperature:0": {"id": 0, "tC": 21.4}}), memory)
    assert not rows(told)  # the same measurement
    kept = json.loads(json.dumps({key: part for key, part in memory.items() if key[0] != "_"}))
    later = decode(f"{prefix}/events/rpc", notification({"ts": 2.0, "temperature:0": {"id": 0, "tC": 21.9}}), kept)
    assert [row[0] for row in rows(later)] == [prefix]
    before = json.dumps(kept["shelly_gen2"])
    decode(f"{prefix}/status/temperature:0", {"id": 0, "tC": 22.0}, kept)
    assert json.dumps(kept["shelly_gen2"]) == before
    # its own name for a prefix is nothing to remember
    own: dict[str, Any] = {}
    decode(f"{HT}/status/temperature:0", {"id": 0, "tC": 21.4}, own)
    assert "shelly_gen2" not in own


def test_the_device_is_src_whatever_prefix_its_user_gave_it() -> None:
    memory: dict[str, Any] = {}
    prefix = "SH-ShellyPHT-002"
    first = decode(f"{prefix}/events/rpc", notification(FULL), memory)
    later = decode(f"{prefix}/status/temperature:0", {"id": 0, "tC": 20.1, "tF": 68.2}, memory)
    assert {row[0] for row in rows(first, later)} == {HT}
    assert {reading.label for each in (first, later) for reading in each.readings} == {prefix}
    assert decode(f"{prefix}/online", "false", memory).availability == Availability(HT, False)
    # replaced by another device under the same prefix
    decode(f"{prefix}/events/rpc", notification({"ts": 1680962999.1, "mqtt": {"connected": True}}, source="b"), memory)
    assert rows(decode(f"{prefix}/status/temperature:0", {"id": 0, "tC": 20.1}, memory)) == [
        ("b", "", "temperature", 20.1)
    ]


def test_each_measurement_is_counted_once_whichever_topic_comes_first() -> None:
    for order in (("events", "status"), ("status", "events")):
        memory: dict[str, Any] = {}
        for _ in range(2):  # the same value again is a new measurement
            told = {
                "events": lambda memory=memory: [decode(f"{HT}/events/rpc", notification(FULL), memory)],
                "status": lambda memory=memory: [
                    decode(f"{HT}/status/{key}", FULL[key], memory)
                    for key in ("devicepower:0", "humidity:0", "temperature:0")
                ],
            }
            first, second = (told[channel]() for channel in order)
            assert sorted(rows(*first)) == VALUES
            assert not rows(*second)
            assert {each.kind for each in second} == {Kind.NOISE}


@pytest.mark.parametrize(
    "status",
    [
        {"id": 100, "tC": None, "tF": None, "errors": ["read"]},
        {"id": 100, "tC": None, "tF": None},
        {"id": 100, "errors": ["out_of_range"]},
        {"id": 100, "tC": 85.0, "tF": 185.0, "errors": ["read"]},
    ],
)
def test_a_failed_read_is_told_as_such(status: dict[str, object]) -> None:
    for decoded in (
        decode("shellyplus1-a8032ab12345/status/temperature:100", status),
        decode("x/events/rpc", notification({"ts": 1.5, "temperature:100": status}, source="shellyplus1-a8032ab12345")),
    ):
        assert decoded.kind is Kind.ERROR
        assert failed(decoded) == [("shellyplus1-a8032ab12345", "100", "temperature")]


def test_one_failed_probe_leaves_the_others() -> None:
    statuses = {
        "temperature:100": {"id": 100, "tC": None, "errors": ["read"]},
        "temperature:101": {"id": 101, "tC": 5.5},
    }
    decoded = decode(f"{HT}/events/rpc", notification({"ts": 1680962879.62, **statuses}))
    assert rows(decoded) == [(HT, "101", "temperature", 5.5)]
    assert failed(decoded) == [(HT, "100", "temperature")]


def test_replies_to_who_asked_for_a_status() -> None:
    asked = {"id": 1, "src": HT, "dst": "home/asker"}
    system = {"unixtime": 1680962880}
    listed = [
        {"key": "temperature:0", "status": FULL["temperature:0"], "config": {"report_thr_C": 0.5}},
        {"key": "wifi"},
    ]
    expected = [(HT, "", "temperature", 19.8)]
    for result in (
        {"temperature:0": FULL["temperature:0"], "sys": system},
        {"id": 0, "tC": 19.8, "tF": 67.6},
        {"components": listed, "cfg_rev": 4, "offset": 0, "total": 2},
    ):
        assert rows(decode("home/asker/rpc", asked | {"result": result})) == expected
    assert rows(decode(f"{HT}/status/rpc", asked | {"result": FULL}))[-1:] == expected
    assert rows(decode(f"{HT}/status/rpc", FULL))[-1:] == expected


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{HT}/events/rpc", notification({"ts": 1701105095.28, "mqtt": {"connected": True}})),
        (
            f"{HT}/events/rpc",
            notification({"ts": 1.2, "events": [{"component": "sys", "event": "sleep"}]}, "NotifyEvent"),
        ),
        (f"{HT}/status/mqtt", {"connected": True}),
        (f"{HT}/status/sys", {"mac": "B8D61A8B17CC", "unixtime": 1680962880, "uptime": 3}),
        (f"{HT}/status/ht_ui", {}),
        (f"{HT}/status/wifi", {"sta_ip": "192.168.3.183", "rssi": -58}),
        ("plug/status/switch:0", {"id": 0, "output": True, "voltage": 229.1, "temperature": {"tC": 34.8, "tF": 94.7}}),
        ("plug/status/cover:0", {"id": 0, "state": "open", "temperature": {"tC": 44.8, "tF": 112.6}}),
        ("plug/status/light:0", {"id": 0, "output": True, "temperature": {"tC": 44.8, "tF": 112.6}}),
        ("plug/events/rpc", notification({"ts": 1698999954.77, "switch:0": {"id": 0, "temperature": {"tC": 34.8}}})),
        ("plug/status/input:100", {"id": 100, "percent": 44.0, "xpercent": 44.0}),
        ("plug/status/voltmeter:100", {"id": 100, "voltage": 3.304}),
        ("gw/status/bthomesensor:202", {"id": 202, "value": 17.2, "last_updated_ts": 1737674475}),
        ("gw/events/rpc", notification({"ts": 1737674475.1, "bthomesensor:202": {"id": 202, "value": 17.2}})),
        ("gw/status/bthomedevice:200", {"id": 200, "rssi": -60, "battery": 100, "packet_id": 4}),
        ("wall/status/thermostat:0", {"id": 0, "enable": True, "target_C": 21.0, "current_C": 19.3}),
        ("shellypro3em-a0b1/status/temperature:0", {"id": 0, "tC": 46.1, "tF": 115.0}),
        ("em/events/rpc", notification({"ts": 1.2, "em:0": {"id": 0}, "temperature:0": {"id": 0, "tC": 46.1}})),
        ("em/events/rpc", notification({"ts": 1.2, "temperature:0": {"id": 0, "tC": 46.1}}, source="shelly3em63g3-a0")),
        (
            "home/asker/rpc",
            {
                "id": 1,
                "src": HT,
                "dst": "x",
                "result": {"temperature:0": {"id": 0, "report_thr_C": 0.5, "offset_C": 0}},
            },
        ),
        ("home/asker/rpc", {"id": 1, "src": HT, "dst": "home/asker", "error": {"code": 404, "message": "No handler"}}),
        (f"{HT}/rpc", {"id": 1, "src": "home/asker", "method": "Shelly.GetStatus"}),
        (
            f"{HT}/rpc",
            {"id": 1, "src": "asker", "method": "Thermostat.SetConfig", "params": {"config": {"target_C": 21}}},
        ),
        (f"{HT}/command", "status_update"),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())
    assert decoded.reason


def test_an_add_on_s_probe_at_an_energy_meter_is_read() -> None:
    decoded = decode("shellypro3em-a0b1/status/temperature:100", {"id": 100, "tC": 21.5, "tF": 70.7})
    assert rows(decoded) == [("shellypro3em-a0b1", "100", "temperature", 21.5)]


def test_a_radiator_valve_tells_the_room_s_temperature_and_when_it_was_heard() -> None:
    status = {"id": 200, "target_C": 4, "current_C": 21.5, "pos": 0, "rssi": -55, "battery": 98, "packet_id": 12}
    decoded = decode("shellyblugwg3-aacdb0784278/status/blutrv:200", status | {"last_updated_ts": 1737674475})
    assert [row[1:] for row in rows(decoded)] == [("blutrv:200", "temperature", 21.5), ("blutrv:200", "battery", 98)]
    assert decoded.readings[0].measured_at == datetime(2025, 1, 23, 23, 21, 15, tzinfo=UTC)


def test_a_hint_names_what_a_bthome_sensor_measures() -> None:
    payload = b'{"id":202,"value":17.2,"last_updated_ts":1737674475}'
    decoded = decode_mqtt("gw/status/bthomesensor:202", payload, {}, Hint(quantity="temperature"))
    assert rows(decoded) == [("gw", "bthomesensor:202", "temperature", 17.2)]
    assert decoded.readings[0].measurements[0].unit == "°C"


def test_a_script_s_blu_sensor_goes_by_its_own_address() -> None:
    data = {"encryption": False, "BTHome_version": 2, "pid": 118, "battery": 100, "humidity": 51, "temperature": 21.4}
    event = {"component": "script:1", "id": 1, "event": "shelly-blu", "ts": 1680962879.62}
    params = {"ts": 1680962879.63, "events": [event | {"data": data | {"address": "7c:c6:b6:65:2d:87", "rssi": -52}}]}
    memory: dict[str, Any] = {}
    decoded = decode("a/events/rpc", notification(params, "NotifyEvent", "a"), memory)
    assert sorted(rows(decoded)) == [
        ("7c:c6:b6:65:2d:87", "", "battery", 100),
        ("7c:c6:b6:65:2d:87", "", "humidity", 51),
        ("7c:c6:b6:65:2d:87", "", "temperature", 21.4),
    ]
    assert decode("b/events/rpc", notification(params, "NotifyEvent", "b"), memory).kind is Kind.NOISE


@pytest.mark.parametrize("word", ["true", "false"])
def test_the_last_will_says_whether_a_device_is_there(word: str) -> None:
    for prefix in (HT, "house/boiler"):
        assert decode(f"{prefix}/online", word).availability == Availability(prefix, word == "true")


def test_elsewhere_and_without_a_topic_the_shape_tells() -> None:
    for topic in ("", "home/shelly", "bridge/shelly/notify"):
        decoded = decode(topic, notification(FULL))
        assert rows(decoded) == VALUES
        assert decoded.readings[0].label is None
    assert rows(decode("home/x", {"id": 3, "src": HT, "dst": "x", "result": {"id": 0, "tC": 19.8}})) == VALUES[3:]
    assert rows(decode("", {"id": 0, "tC": 21.5, "tF": 70.7})) == [(None, "", "temperature", 21.5)]


def test_what_is_learned_stays_small() -> None:
    memory: dict[str, Any] = {}
    for number in range(1_500):
        decode(f"p{number}/events/rpc", notification({"ts": 1.0}), memory)
    assert len(memory["shelly_gen2"]) == 1_000


def test_a_notification_cut_short_is_an_error() -> None:
    decoded = decode(f"{HT}/events/rpc", '{"src":"shellyplusht-b8d61a8b17cc","method":"NotifyStatus","params":{"ts":1')
    assert (decoded.kind, decoded.readings) == (Kind.ERROR, ())
