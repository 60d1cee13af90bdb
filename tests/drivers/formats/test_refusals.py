"""Names, levels, objects and units that make a value no reading, in the words of many languages."""

import pytest
from support.decoding import decode, rows

from drivers.formats.names import read_name


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
    ],
)
def test_wishes_limits_and_statistics_are_known_in_many_languages(name: str) -> None:
    assert read_name(name).refusal


@pytest.mark.parametrize(
    "name", ["media_room_temp", "alarm_room_temperature", "eco house humidity", "Humidité sous-sol"]
)
def test_a_room_may_have_such_a_word_in_its_name(name: str) -> None:
    assert read_name(name).refusal == ""


@pytest.mark.parametrize("payload", [{"eco": {"temperature": 21.5}}, {"Alarm room": {"temperature": 21.5}}])
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
    ["predicted_temp", "tomorrow_temp", "temperatura_prevista", "Temperaturvorhersage", "ssd_temp", "nvme_temp"]
    + ["disk_temp", "psu_temp", "mainboard_temperature", "hdd0_temperature"],
)
def test_what_is_foretold_and_a_machine_s_heat_are_no_reading(name: str) -> None:
    assert read_name(name).refusal


@pytest.mark.parametrize("name", ["humedad_tierra", "humidité_sol", "soil_humidity", "umidita_terreno", "Bodenfeuchte"])
def test_the_moisture_of_the_soil_is_no_humidity_of_the_air(name: str) -> None:
    assert read_name(name).refusal
