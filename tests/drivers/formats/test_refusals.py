"""Names, levels, objects and units that make a value no reading, in the words of many languages."""

import pytest
from support.decoding import decode, rows

from drivers.base import Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint
from drivers.formats.names import read_name, refusal_around


@pytest.mark.parametrize(
    "name",
    [
        "aHumidity",
        "abs_humidity",
        "hum_abs",
        "absHumidity",
        "humidity_g_m3",
        "humidity (g/m³)",
        "humidity_gm3",
        "absolute_luftfeuchte",
        "humedad_absoluta",
        "Umidità assoluta",
        "specific_humidity",
    ],
)
def test_grams_of_water_are_no_relative_humidity(name: str) -> None:
    assert read_name(name).refusal


def test_an_absolute_pressure_is_the_barometer_s() -> None:
    assert read_name("abs_pressure").refusal == ""


@pytest.mark.parametrize(
    "name",
    [
        "temperatura_objetivo",
        "temperatura_deseada",
        "temperatura ajustada",
        "temperaturaProgramada",
        "température cible",
        "Wunschtemperatur",
        "Zieltemperatur",
        "temperatura_desejada",
        "temperatura_impostata",
        "temperatura_zadana",
        "gewenste_temperatuur",
        "Önskad temperatur",
        "eco_temp",
        "away_temperature",
        "boost_temp",
        "frost_temperature",
        "requested_temp",
        "ideal_temp",
        "temperatura_media",
        "temp_moyenne",
        "mittlere_temperatur",
        "Durchschnittstemperatur",
        "Höchsttemperatur",
        "gemiddelde_temperatuur",
        "previous_temperature",
        "umbral_humedad",
        "Raumsolltemperatur",
        "goal_temp",
        "temp_peak",
        "next_temp",
        "windchill_temp",
    ],
)
def test_wishes_limits_and_statistics_are_known_in_many_languages(name: str) -> None:
    assert read_name(name).refusal


@pytest.mark.parametrize(
    "name", ["media_room_temp", "alarm_room_temperature", "eco house humidity", "Humidité sous-sol"]
)
def test_a_room_may_have_such_a_word_in_its_name(name: str) -> None:
    assert read_name(name).refusal == ""


@pytest.mark.parametrize(
    "payload",
    [
        {"eco": {"temperature": 21.5}},
        {"Alarm room": {"temperature": 21.5}},
        {"name": "Max", "temperature": 21.5},
        {"sensor": "eco", "temperature": 21.5},
    ],
)
def test_a_probe_may_have_such_a_word_for_a_name(payload: object) -> None:
    assert rows(decode("a/n", payload))[0][2:] == ("temperature", 21.5)


def test_one_payload_with_a_wish_beside_the_measurement() -> None:
    payload = {"temperatura": 20, "temperatura_objetivo": 22, "temperatura_deseada": 22}
    assert rows(decode("casa/salon", payload)) == [("casa/salon", "", "temperature", 20)]


@pytest.mark.parametrize("name", ["temp_raw", "temperature_raw", "rawTemperature", "temp_adc", "temp_mv", "hum_ohms"])
def test_a_raw_or_electrical_value_is_no_reading(name: str) -> None:
    assert read_name(name).refusal


def test_a_battery_s_millivolts_are_its_voltage() -> None:
    name = read_name("battery_mv")
    assert (name.quantity, name.unit, name.refusal) == ("battery_voltage", "mV", "")


@pytest.mark.parametrize(
    "name",
    [
        "predicted_temp",
        "tomorrow_temp",
        "temperatura_prevista",
        "Temperaturvorhersage",
        "ssd_temp",
        "nvme_temp",
        "disk_temp",
        "psu_temp",
        "mainboard_temperature",
        "hdd0_temperature",
    ],
)
def test_what_is_foretold_and_a_machine_s_heat_are_no_reading(name: str) -> None:
    assert read_name(name).refusal


@pytest.mark.parametrize("name", ["humedad_tierra", "humidité_sol", "soil_humidity", "umidita_terreno", "Bodenfeuchte"])
def test_the_moisture_of_the_soil_is_no_humidity_of_the_air(name: str) -> None:
    assert read_name(name).refusal


@pytest.mark.parametrize(
    "topic",
    [
        "x/target/temperature",
        "x/desired/temperature",
        "setpoints/kitchen/temperature",
        "casa/salon/consigna/temperatura",
        "x/min/temperature",
        "x/max/temperature/state",
        "x/thresholds/humidity",
        "x/limits/temperature",
        "x/alarm/temperature",
        "x/previous/temperature",
        "x/raw/temperature",
        "weather/forecast/temperature",
        "weather/tomorrow/temperature",
        "forecast/berlin/humidity",
        "server/gpu0/temperature",
        "nas/disk 2/temperature",
        "pi/system/temp",
        "casa/suelo/humedad",
        "greenhouse/soil/humidity",
        "garden/soil_2/humidity/state",
        "home/weather_forecast/temperature",
        "home/set point/temperature",
        "server/cpu_core_0/temperature",
        "server/coretemp-isa-0000/temperature",
    ],
)
def test_a_level_above_says_that_it_is_no_reading(topic: str) -> None:
    decoded = decode(topic, "22")
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded
    assert any(repr(level) in decoded.reason for level in topic.split("/"))


@pytest.mark.parametrize(
    "topic",
    [
        "house/Alarm room/temperature",
        "haus/Alarmzentrale/temperature",
        "alarm/kitchen/temperature",
        "eco/temperature",
        "home/thermostat/temperature",
        "home/light/temperature",
        "esp32/temperature",
        "greenhouse/soil/temperature",
        "garden/soil-north/humidity",
        "sous-sol/humidité",
        "system/kitchen/temperature",
        "max/kitchen/temperature",
        "room/set1/temperature",
        "boat/delta/temperature",
        "sauna/keski/lampotila",
        "casa/media/temperatura",
    ],
)
def test_a_level_above_that_names_a_place_or_a_thing_refuses_nothing(topic: str) -> None:
    assert [row[3] for row in rows(decode(topic, "22"))] == [22]


@pytest.mark.parametrize("topic", ["node7/raw", "node7/alarm"])
def test_a_level_that_says_how_a_message_is_told_refuses_none(topic: str) -> None:
    assert [row[3] for row in rows(decode(topic, {"temperature": 21}))] == [21]


def test_the_configuration_s_word_goes_before_a_level_s() -> None:
    decoded = decode_mqtt("house/max/temperature", b"21.5", {}, Hint("temperature"))
    assert rows(decoded) == [("house/max", "", "temperature", 21.5)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("x/setpoint", {"temperature": 22}),
        ("x/desired/state", {"temperature": 22}),
        ("weather/forecast", {"temperature": 22}),
        ("garden/soil", {"humidity": 33}),
        ("a/n", {"soil": {"humidity": 33}}),
        ("a/n", {"wanted": {"temperature": 22}}),
        ("a/n", {"previous": {"temperature": 22}}),
        ("a/n", {"max values": {"temperature": 22}}),
        ("a/n", {"hdd": {"temperature": 38}}),
        ("a/n", {"mainboard": {"temp": 38}}),
        ("a/n", {"raw": {"temperature": 2150}}),
        ("a/n", {"high_limit": {"temperature": 30}}),
        ("a/n", {"name": "setpoint", "temperature": 22}),
        ("a/n", {"sensor": "target", "temperature": 22}),
        ("a/n", {"name": "CPU", "temperature": 50}),
        ("a/n", {"sensor": "soil", "humidity": 33}),
        ("telegraf/x", "setpoints,device=a temperature=22"),
        ("telegraf/x", "soil,device=a humidity=33"),
        ("frigate/stats", {"service": {"temperatures": {"coral": 44}}}),
    ],
)
def test_an_object_around_says_that_it_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded


def test_what_is_wished_and_what_was_before_stand_beside_what_is() -> None:
    payload = {"desired": {"temperature": 25}, "reported": {"temperature": 21}}
    assert rows(decode("a/n", payload)) == [("a/n", "", "temperature", 21)]
    payload = {"last": {"temperature": 19, "humidity": 50}, "current": {"temperature": 21}}
    assert rows(decode("a/n", payload)) == [("a/n", "", "temperature", 21), ("a/n", "", "humidity", 50)]


def test_a_soil_probe_s_own_temperature_and_air_are_read() -> None:
    payload = {"soil": {"temperature": 12, "humidity": 33}, "humidity": 60}
    assert rows(decode("a/n", payload)) == [("a/n", "", "humidity", 60), ("a/n", "soil", "temperature", 12)]
    payload = {"temperature": 20, "humidity": 55, "moisture": 33}
    assert [row[2:] for row in rows(decode("garden/soil", payload))] == [("temperature", 20), ("humidity", 55)]


def test_the_whole_name_around_has_to_say_so() -> None:
    assert refusal_around("setpoints", "temperature")
    assert refusal_around("gpu 0", "temperature", far=True)
    assert not refusal_around("alarm", "temperature", far=True)
    assert not refusal_around("Alarm room", "temperature")
    assert not refusal_around("soil", "temperature")


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("$aws/things/d/shadow/update/delta", {"version": 3, "state": {"temperature": 25}}),
        ("$aws/things/d/shadow/name/hall/update/delta", {"state": {"temperature": 25}}),
        ("$aws/things/d/shadow/update", {"state": {"desired": {"temperature": 25}}}),
        ("$aws/things/d/shadow/update/rejected", {"code": 400, "temperature": 25}),
        ("$iothub/twin/PATCH/properties/desired/?$version=4", {"temperature": 25}),
        ("$iothub/methods/POST/setTemperature/?$rid=1", {"temperature": 25}),
        ("devices/d/messages/devicebound/%24.to=x", {"temperature": 25}),
        ("casa/salon/comando", {"temperatura": 22}),
        ("casa/salon/orden/temperatura", "22"),
        ("haus/wohnzimmer/befehl/temperatur", "22"),
        ("home/ac/control", {"temperature": 22}),
        ("homeassistant/climate/hall/temperature", "22"),
        ("ha/statestream/climate/hall/temperature", "22"),
        ("homeassistant/humidifier/hall/humidity", "55"),
    ],
)
def test_a_topic_of_wishes_and_commands_carries_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded


@pytest.mark.parametrize(
    ("topic", "payload", "row"),
    [
        (
            "$aws/things/d/shadow/update",
            {"state": {"reported": {"temperature": 21}, "desired": {"temperature": 25}}},
            ("d", "", "temperature", 21),
        ),
        (
            "$aws/things/d/shadow/update/accepted",
            {"state": {"reported": {"temperature": 21}}, "metadata": {"reported": {"temperature": {"timestamp": 17}}}},
            ("d", "", "temperature", 21),
        ),
        (
            "$aws/things/d/shadow/update/documents",
            {
                "previous": {"state": {"desired": {"temperature": 24}, "reported": {"temperature": 20}}, "version": 1},
                "current": {"state": {"desired": {"temperature": 25}, "reported": {"temperature": 21}}, "version": 2},
                "timestamp": 1700000000,
            },
            ("d", "", "temperature", 21),
        ),
        ("$iothub/twin/PATCH/properties/reported/?$rid=1", {"temperature": 21}, (None, "", "temperature", 21)),
        ("devices/d/messages/events/", {"temperature": 21}, ("d", "", "temperature", 21)),
        ("homeassistant/climate/hall/current_temperature", "21", ("homeassistant/climate/hall", "", "temperature", 21)),
        ("home/climate/hall/temperature", "21", ("home/climate/hall", "", "temperature", 21)),
    ],
)
def test_what_a_device_reports_to_a_cloud_is_its_reading(
    topic: str, payload: object, row: tuple[str | None, str, str, float]
) -> None:
    assert rows(decode(topic, payload)) == [row]


@pytest.mark.parametrize(
    "payload",
    [
        {"cmd": "set", "temperature": 30},
        {"method": "setTemperature", "params": {"temperature": 22}},
        {"method": "thing.service.property.set", "params": {"temperature": 22}},
        {"type": "config", "temperature": 22},
        {"type": "setpoint", "temperature": 22},
        {"kind": "forecast", "temperature": 22},
        {"comando": "fijar", "temperatura": 22},
        {"cmd": {"temperature": 22}},
        {"type": "soil", "humidity": 33},
    ],
)
def test_a_message_that_says_that_it_is_a_command_is_no_reading(payload: object) -> None:
    decoded = decode("a/n", payload)
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded


@pytest.mark.parametrize("purpose", ["report", "reading", "update", "alarm", "DHT22", "telemetry", "settled"])
def test_any_other_word_of_a_message_s_purpose_refuses_nothing(purpose: str) -> None:
    assert [row[2:] for row in rows(decode("a/n", {"type": purpose, "temperature": 22}))] == [("temperature", 22)]


@pytest.mark.parametrize(
    "payload",
    [
        {"temperature": {"value": 300, "unit": "mV"}, "humidity": {"value": 9.1, "unit": "g/m³"}},
        {"metric": "humidity", "value": 9.1, "unit": "g/m3"},
        {"metric": "temperature", "value": 300, "unit": "%"},
        {"temperature": 300, "unit": "mV"},
        {"humidity": 9.1, "humidity_unit": "g/kg"},
        {"temperature": {"unit": "counts", "kitchen": 512}},
        "hygro,device=a,quantity=humidity,unit=g/m3 value=9.1",
    ],
)
def test_a_unit_that_the_quantity_has_not_is_another_quantity_s(payload: object) -> None:
    decoded = decode("a/n", payload)
    assert (decoded.kind, rows(decoded)) == (Kind.NOISE, []), decoded


@pytest.mark.parametrize(
    "unit",
    ["", "°", "degrees", "Grad C", "Deg.C", "degrees Celsius", "metric", "Celsius", "\ufffdC", "-", "none", None, 0],
)
def test_a_vague_unit_refuses_nothing(unit: object) -> None:
    assert rows(decode("a/n", {"metric": "temperature", "value": 21, "unit": unit}))[0][2:] == ("temperature", 21)
    assert rows(decode("a/n", {"temperature": {"value": 21, "unit": unit}}))[0][2:] == ("temperature", 21)


@pytest.mark.parametrize("unit", ["degrees Fahrenheit", "TEMP_FAHRENHEIT", "Deg.F", "&deg;F", "°Fahrenheit", "F°"])
def test_fahrenheit_is_known_however_it_is_written(unit: str) -> None:
    assert rows(decode("a/n", {"metric": "temperature", "value": 68, "unit": unit}))[0][3] == 20


def test_percent_is_the_humidity_s_however_it_is_written() -> None:
    for unit in ("percent RH", "%rel", "% r.H.", "Prozent"):
        assert rows(decode("a/n", {"humidity": {"value": 50, "unit": unit}}))[0][3] == 50


def test_a_unit_beside_several_values_is_not_each_one_s() -> None:
    payload = {"temperature": 21, "humidity": 50, "power": 12, "unit": "W"}
    assert [row[3] for row in rows(decode("a/n", payload))] == [21, 50]
    assert [row[3] for row in rows(decode("a/n", {"temperature": 21, "power": 12, "unit": "W"}))] == [21]
    assert rows(decode("a/n", {"battery": {"value": 3.01, "unit": "V"}}))[0][2:] == ("battery_voltage", 3.01)


def test_what_a_shadow_tells_on_several_topics_is_counted_once() -> None:
    memory: dict[str, object] = {}
    payload = {"state": {"reported": {"temperature": 21, "humidity": 50}}}
    told = [decode(f"$aws/things/d/shadow/update{end}", payload, memory) for end in ("", "/accepted")]
    assert [one.kind for one in told] == [Kind.READING, Kind.NOISE]
    assert len(rows(*told, decode("$aws/things/d/shadow/update", payload, memory))) == 4
