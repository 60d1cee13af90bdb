"""What looks like a temperature and is none: wishes, limits, machines' heat, repeats in another unit."""

import pytest
from support.decoding import decode, rows

from drivers.base import Kind


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("home/kitchen/temperature/setpoint", "21"),
        ("home/kitchen/temperature/max", "30"),
        ("home/kitchen/temperature/lastchange", "1700000000"),
        ("x/cmd/temperature", "21"),
        ("home/pi/cpu/temperature", "50"),
        ("home/nas/hdd/temperature", "38"),
        ("home/printer3d/nozzle/temperature", "205"),
        ("home/ups/battery.temperature", "30"),
        ("eu868/gateway/0016c001f156d7e5/event/stats", {"metadata": {"temperature": "45"}}),
        ("frigate/stats", {"cpu_temp": 50, "detectors": {"coral": {"temperature": 45}}}),
        ("x/senml", [{"n": "target_temperature", "u": "Cel", "v": 23.1}]),
        ("x/senml", [{"n": "setpoint", "u": "Cel", "v": 23.1}]),
        ("x/codec", {"temperature_mutation": 3.5}),
        ("domoticz/out", {"idx": 7, "dtype": "Temp", "stype": "", "name": "Internal Temperature", "svalue1": "51.5"}),
        ("tele/watch/SENSOR", {"Time": "2024-01-01T00:00:00", "AXP192": {"Temperature": 41}}),
        ("telegraf/x", "climate,room=a,type=setpoint temperature=22"),
        ("telegraf/x", "disk_temp,disk=sda value=33"),
    ],
)
def test_it_is_no_reading_and_no_failed_read(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded
    assert decoded.reason


def test_degrees_by_their_letter_are_one_value() -> None:
    payload = {"temperature": {"c": 21.5, "f": 70.7}, "humidity": 44}
    assert rows(decode("switchbot/x", payload)) == [
        ("switchbot/x", "", "humidity", 44.0),
        ("switchbot/x", "", "temperature", 21.5),
    ]
    assert rows(decode("switchbot/x", {"temperature": {"f": 68.0}})) == [("switchbot/x", "", "temperature", 20.0)]


def test_a_battery_of_a_temperature_sensor_is_a_battery() -> None:
    assert rows(decode("home/temperature_sensor_battery", "85"))[0][2:] == ("battery", 85.0)


def test_a_place_below_the_quantity_and_a_board_s_name_above_it_are_no_refusal() -> None:
    assert rows(decode("temperature/kitchen", "21.5"))[0][2:] == ("temperature", 21.5)
    assert rows(decode("esp32/temperature", "21.5"))[0][2:] == ("temperature", 21.5)


def test_the_air_s_temperature_and_the_humidity_are_one_sensor() -> None:
    told = [
        decode(f"zwave/kitchen/49/0/{name}", {"value": value})
        for name, value in (("Air_temperature", 21.5), ("Humidity", 44))
    ]
    assert {row[:2] for row in rows(*told)} == {("zwave/kitchen/49/0", "")}


def test_a_value_in_quotes_is_a_value() -> None:
    assert rows(decode("home/x/temperature", '"21.5"')) == [("home/x", "", "temperature", 21.5)]


def test_names_and_not_ids_tell_homie_s_quantities_of_one_node_apart() -> None:
    memory: dict[str, object] = {}
    nodes = {
        "bme": {
            "properties": {
                "t": {"name": "Temperature", "datatype": "float"},
                "h": {"name": "Humidity", "datatype": "float"},
            }
        }
    }
    decode("homie/5/hut/$description", {"homie": "5.0", "nodes": nodes}, memory)
    told = [decode(f"homie/5/hut/bme/{key}", value, memory) for key, value in (("t", "21.5"), ("h", "44"))]
    assert {row[:2] for row in rows(*told)} == {("hut", "bme")}


def test_rtl_433_s_other_word_for_an_id_tells_two_devices_apart() -> None:
    events = [
        {"time": "2024-01-01 00:00:00", "model": "Honeywell-CM921", "ids": ids, "temperature_C": 20.0}
        for ids in ("01", "02")
    ]
    assert len({row[0] for event in events for row in rows(decode("rtl_433/x/events", event))}) == 2
