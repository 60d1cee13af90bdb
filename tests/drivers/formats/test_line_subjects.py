"""Whose a line's values are: a place or sensor that it names is whose they all are, and two of them stay two.

Wordings as sketches in Arduino forum threads, LoRa and ESP-NOW receivers' examples and loggers' firmware print them.
"""

import pytest
from support.decoding import rows

from drivers.base import Kind
from drivers.formats import decode_capture, decode_mqtt


def told(*lines: str) -> list[tuple[str | None, str, str, float]]:
    return rows(*decode_capture("".join(f"{line}\r\n" for line in lines).encode()))


@pytest.mark.parametrize(
    "line",
    [
        "{} Temp: 21.5 Hum: 40",
        "{} T=21.5 H=40",
        "{} temperature 21.5 C humidity 40 %",
        "12:05:33 {} Temp: 21.5 Hum: 40",
        "Temperatura {}: 21.5 Humedad: 40",
        "{}: T=21.5 H=40",
        "{}: Temp: 21.5, Hum: 40",
        "{}: Temp 21.5 Hum 40",
        "{} - Temp: 21.5 C, Hum: 40 %",
        "[{}] Temp: 21.5 Hum: 40",
        "({}) T: 21.5 H: 40",
        "{} -> Temperatura: 21.5 C Humedad: 40 %",
        "{} => Temperatur: 21,5 °C  Luftfeuchte: 40 %",
        "{} | Temp: 21.5 | Hum: 40",
        "{},T=21.5,H=40",
        "{};Temp=21.5;Hum=40",
        "[INFO] {}: Temp: 21.5 Hum: 40",
        "Received from {}: T=21.5 H=40",
        "Room: {}, Temp: 21.5, Hum: 40",
        "Habitación: {}; Temp: 21.5; Hum: 40",
        "Temp: 21.5, Hum: 40, Room: {}",
        "T=21.5;H=40;node={}",
    ],
)
@pytest.mark.parametrize(
    "places", [("Kitchen", "Attic"), ("Küche", "Flur"), ("cocina", "salón"), ("Sensor A", "Sensor B")]
)
def test_two_places_in_turn_are_two_sensors_with_both_values(line: str, places: tuple[str, str]) -> None:
    decoded = decode_capture("".join(line.format(place) + "\r\n" for place in places).encode())
    readings = [reading for one in decoded for reading in one.readings]
    assert [{one.quantity for one in reading.measurements} for reading in readings] == [{"temperature", "humidity"}] * 2
    assert readings[0].probe != readings[1].probe
    assert "" not in (readings[0].probe, readings[1].probe)


@pytest.mark.parametrize(
    "line",
    ["Living Room: T=21.5 H=40", "Room: Living Room, Temp: 21.5, Hum: 40", "Temp: 21.5, Hum: 40, Room: Living Room"],
)
def test_a_place_of_two_words_is_one_name(line: str) -> None:
    assert {row[1] for row in told(line)} == {"Living Room"}


@pytest.mark.parametrize("number", ["3", "12"])
def test_a_numbered_node_is_whose_both_values_are(number: str) -> None:
    for line in ("Node {} temperature 21.5 humidity 40", "Node {}: T=21.5 H=40", "T=21.5, H=40, Node={}"):
        assert [row[2] for row in told(line.format(number))] == ["temperature", "humidity"]
        assert len({row[1] for row in told(line.format(number))}) == 1
        assert number in told(line.format(number))[0][1]


@pytest.mark.parametrize(
    "line",
    [
        "Reading: Temp=21.5 Hum=40",
        "[INFO] Temp: 21.5 Hum: 40",
        "DEBUG: T=21.5 H=40",
        "Sensor data: Temp: 21.5 Hum: 40",
        "Received: T=21.5 H=40",
        "LoRa packet: T=21.5 H=40",
        "Publishing: temp=21.5 hum=40",
        "Packet 12: T=21.5 H=40",
        "Packet 1234: T=21.5 H=40",
        "Sample 343: T=21.5 H=40",
        "Medición 12: Temp: 21.5 Hum: 40",
        "Messung 7: Temperatur: 21.5 Feuchte: 40",
        "Lectura: Temperatura: 21.5 Humedad: 40",
        "Mesures: Température: 21.5 Humidité: 40",
        "[12345] Temp: 21.5 Hum: 40",
        "2024-03-01 12:05:33, Temp: 21.5, Hum: 40",
        "OK, Temp: 21.5, Hum: 40",
        "ON, Temp: 21.5, Hum: 40",
        "Status: Temp: 21.5 Hum: 40",
        "Sensor: OK, Temp: 21.5, Hum: 40",
        "[D][dht:048]: Got Temperature=21.5°C Humidity=40.0%",
    ],
)
def test_what_a_message_says_of_itself_is_no_sensor(line: str) -> None:
    assert [row[1:3] for row in told(line)] == [("", "temperature"), ("", "humidity")]


def test_the_air_s_humidity_is_not_the_water_s_whose_temperature_stands_before_it() -> None:
    assert {row[1:3] for row in told("Water temp: 26.75 C, Humidity: 60 %")} == {
        ("water", "temperature"),
        ("", "humidity"),
    }
    assert {row[1:3] for row in told("Temp ext: 3.0 Temp int: 21.0 Hum: 40")} == {
        ("ext", "temperature"),
        ("int", "temperature"),
        ("", "humidity"),
    }


@pytest.mark.parametrize(
    "line",
    [
        "Max: T=25 H=60",
        "Soil: Humidity: 40 %",
        "Setpoint: Temp: 22",
        "[Forecast] Temp: 22 Hum: 60",
        "Objetivo: T=22 H=50",
    ],
)
def test_what_is_no_measurement_of_the_air_now_is_none_under_a_heading_either(line: str) -> None:
    assert told(line) == []


def test_a_heading_counts_until_the_next() -> None:
    assert [row[2:] for row in told("Now: T=21 H=40 Max: T=25 H=60")] == [("temperature", 21), ("humidity", 40)]


def test_a_line_s_place_names_the_probe_of_a_topic_s_text_too() -> None:
    decoded = decode_mqtt("lora/received", b"Kitchen: T=21.5 H=40", {})
    assert decoded.kind is Kind.READING
    assert {row[1] for row in rows(decoded)} == {"Kitchen"}
