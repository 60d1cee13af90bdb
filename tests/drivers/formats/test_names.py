"""Names: quantity, unit and probe, as makers all over the world write them."""

import pytest

from drivers.formats.names import LONGEST_NAME, derive_probe, read_letter, read_model, read_name


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("temperature", "temperature"),
        ("Temp", "temperature"),
        ("tempc", "temperature"),
        ("outTemp", "temperature"),
        ("Raumtemperatur", "temperature"),
        ("Außentemperatur", "temperature"),
        ("température", "temperature"),
        ("lämpötila", "temperature"),
        ("温度", "temperature"),
        ("hum", "humidity"),
        ("RH", "humidity"),
        ("Humedad relativa", "humidity"),
        ("humidité", "humidity"),
        ("Luftfeuchtigkeit", "humidity"),
        ("влажность", "humidity"),
        ("dewPoint", "dew_point"),
        ("Punto de Rocío", "dew_point"),
        ("dew_point_temperature", "dew_point"),
        ("feels_like", "heat_index"),
        ("SeaPressure", "pressure_sea_level"),
        ("barometric_pressure", "pressure"),
        ("battery_level", "battery"),
        ("humidity_sensor_battery", "battery"),
        ("Bat_mV", "battery_voltage"),
        ("CO2", "co2"),
        ("carbonDioxide", "co2"),
        ("illuminance_lux", "illuminance"),
    ],
)
def test_a_name_tells_its_quantity(name: str, quantity: str) -> None:
    read = read_name(name)
    assert (read.quantity, read.refusal) == (quantity, "")


@pytest.mark.parametrize(
    "name", ["template", "attempt", "volume", "pH", "eCO2", "tvoc", "status", "kitchen", "AM2301", "", "x" * 500]
)
def test_a_name_of_nothing_ours_tells_none(name: str) -> None:
    assert read_name(name).quantity is None


@pytest.mark.parametrize(
    "name",
    [
        "temperature_setpoint",
        "target_temperature",
        "cpu_temp",
        "chip_temperature",
        "device_temperature",
        "internal_temperature",
        "max_temperature",
        "temperature_offset",
        "temperature_unit",
        "color_temperature",
        "soil_humidity",
        "absolute_humidity",
        "humidity_alarm",
    ],
)
def test_a_name_that_is_no_reading_says_why(name: str) -> None:
    assert read_name(name).refusal


def test_soil_has_a_temperature_though_its_moisture_is_no_humidity() -> None:
    assert read_name("soil_temperature").refusal == ""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("temperature_F", "°F"),
        ("tempf", "°F"),
        ("tempinf", "°F"),
        ("Temperature (C)", "°C"),
        ("temp_k", "K"),
        ("temp", ""),
    ],
)
def test_a_name_tells_its_unit(name: str, unit: str) -> None:
    assert read_name(name).unit == unit


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        (None, ""),
        ("temperature", ""),
        ("temperature:0", ""),
        ("humidity:0", ""),
        ("temperature:1", "1"),
        ("outdoor_humidity", "outdoor"),
        ("outdoorTemperature", "outdoor"),
        ("ext_temperature/0", "ext"),
        ("ext_temperature/1", "ext/1"),
        ("temperatureSensor/1", "1"),
        ("tempc2", "2"),
        ("TempC_SHT", "sht"),
        ("Living Room Temperature", "living_room"),
        ("currentTemperature", ""),
        ("AM2301", "AM2301"),
        ("DS18B20-2", "DS18B20-2"),
        ("SHT3X-0x44", "SHT3X-0x44"),
        ("00000566CC39", "00000566CC39"),
    ],
)
def test_the_probe_is_what_remains(name: str | None, probe: str) -> None:
    assert derive_probe(name) == probe


@pytest.mark.parametrize(
    ("names", "probes"),
    [
        (("C1_temperature", "F1_temperature", "K1_temperature"), ("c1", "f1", "k1")),
        (("temperature_C1", "temperature_F1"), ("c1", "f1")),
        (("28AA1122334455C6_temp", "28AA1122334455F6_temp"), ("28aa1122334455c6", "28aa1122334455f6")),
        (("temp_28ffde641e0455c", "temp_28ffde641e0455f"), ("28ffde641e0455c", "28ffde641e0455f")),
        (("Rack C1 Temp", "Rack F1 Temp"), ("rack_c1", "rack_f1")),
        (("Sensor C Temp", "Sensor F Temp"), ("c", "f")),
        (("F1_Raumtemperatur", "C1_Raumtemperatur"), ("f1_raum", "c1_raum")),
    ],
)
def test_a_letter_that_tells_two_apart_is_no_unit(names: tuple[str, ...], probes: tuple[str, ...]) -> None:
    assert tuple(map(derive_probe, names)) == probes
    assert [read_name(name).unit for name in names] == [""] * len(names)


@pytest.mark.parametrize(
    ("name", "probe", "unit"),
    [
        ("temp1F", "1", "°F"),
        ("temp_1_F", "1", "°F"),
        ("temp_outdoor_f", "outdoor", "°F"),
        ("28AA1122334455C6 Temp F", "28aa1122334455c6", "°F"),
        ("tempF_2", "2", "°F"),
        ("F Temp", "", "°F"),
    ],
)
def test_a_letter_behind_the_quantity_or_alone_before_it_is_its_unit(name: str, probe: str, unit: str) -> None:
    assert (derive_probe(name), read_name(name).unit) == (probe, unit)


def test_one_letter_is_read_where_asked_for() -> None:
    assert read_name("DHT11#1 H").quantity is None
    read = read_letter("DHT11#1 H")
    assert (read.quantity, read.remainder) == ("humidity", "DHT11#1")


def test_a_name_longer_than_any_is_none() -> None:
    assert read_name("temperature " * 10).quantity is None
    assert len("temperature " * 10) > LONGEST_NAME


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("DHT22", "DHT22"),
        ("dht22", "DHT22"),
        ("SHT3X-0x44", "SHT3X"),
        ("AM2301", "AM2301"),
        ("kitchen", None),
        ("dht", None),
    ],
)
def test_a_part_is_known_by_its_name(text: str, model: str | None) -> None:
    assert read_model(text) == model


@pytest.mark.parametrize(
    "name",
    [
        *("Erdfeuchte", "Blattfeuchte", "Holzfeuchte", "Pflanzenfeuchte", "humedad_maceta", "humedad_planta"),
        *("umidita_suolo", "humidite_terre", "wilgotnosc_gleby", "vlhkost_pudy", "plant_humidity", "plant 2 humidity"),
        "wood_humidity",
    ],
)
def test_the_moisture_of_soil_plants_and_wood_is_none_of_the_air(name: str) -> None:
    assert read_name(name).refusal == "it is another quantity"


@pytest.mark.parametrize(
    ("name", "probe"),
    [
        ("plant_room_humidity", "plant_room"),
        ("humedad_planta_baja", "planta_baja"),
        ("humedad planta 1", "planta_1"),
        ("plant_temp", "plant"),
        ("Erdtemperatur", "erd"),
        ("temp_planta_media", "planta_media"),
        ("shelf_high_temp", "shelf_high"),
        ("tank_low_temp", "tank_low"),
        ("temp_board_room", "board_room"),
        ("temp_raw_milk", "raw_milk"),
    ],
)
def test_places_that_hold_such_a_word_are_places(name: str, probe: str) -> None:
    assert (read_name(name).refusal, read_name(name).probe) == ("", probe)


@pytest.mark.parametrize("name", ["temp_high", "high_temp", "room_max_temp", "temp_media", "board_temp", "temp_raw"])
def test_alone_such_a_word_refuses(name: str) -> None:
    assert read_name(name).refusal
