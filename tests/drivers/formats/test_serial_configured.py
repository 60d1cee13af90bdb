"""What a serial line cannot tell and the configuration does: the columns of a CSV without a header, text in °F."""

from typing import Any

import pytest
from pydantic import ValidationError
from support.decoding import failed, rows

from drivers.base import Decoded
from drivers.formats import SerialDecoder
from drivers.serial_line import SerialSettings

BOTH = [("", "humidity", 45.2), ("", "temperature", 23.1)]


def settings(**keys: Any) -> SerialSettings:
    return SerialSettings.model_validate({"name": "bench", "type": "serial", "port": "/dev/ttyUSB0", **keys})


def decode(text: str, **keys: Any) -> list[Decoded]:
    """The lines behind a first one, whose beginning may be missing."""
    told = settings(**keys)
    decoder = SerialDecoder(told.format, {}, told.columns, told.temperature_unit)
    decoder.feed(b"DHT test\r\n")
    return decoder.feed(text.encode()) + decoder.end()


def values(text: str, **keys: Any) -> list[tuple[str, str, float]]:
    return [row[1:] for row in rows(*decode(text, **keys))]


@pytest.mark.parametrize(
    "line", ["45.2,23.1\r\n", "45.2; 23.1\r\n", "45,2;23,1\r\n", "45.2\t23.1\r\n", "45.2 23.1\r\n"]
)
@pytest.mark.parametrize("format_name", ["auto", "csv"])
def test_columns_of_a_csv_without_a_header(line: str, format_name: str) -> None:
    assert values(line) == []
    assert values(line, format=format_name, columns=["humidity", "temperature"]) == BOTH


def test_a_column_is_skipped_or_names_its_probe_and_unit() -> None:
    columns = ["-", "attic temperature (F)", "cellar temperature", "-"]
    assert values("12345,68.0,11.5,\r\n", columns=columns) == [
        ("attic", "temperature", 20.0),
        ("cellar", "temperature", 11.5),
    ]
    assert values("21.5\r\n", columns=["temperature"]) == [("", "temperature", 21.5)]


def test_a_row_that_failed_or_is_none() -> None:
    columns = ["humidity", "temperature"]
    assert {one[2] for one in failed(*decode("nan,nan\r\n", columns=columns))} == {"humidity", "temperature"}
    assert values("hello, world\r\n45.2\r\n45.2,23.1,7\r\n", columns=columns) == []


def test_the_first_row_of_a_connection_may_be_cut() -> None:
    decoder = SerialDecoder("auto", {}, ("humidity", "temperature"))
    assert rows(*decoder.feed(b"5.2,23.1\r\n")) == []
    assert len(rows(*decoder.feed(b"45.2,23.1\r\n"))) == 2


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Temp: 68 Hum: 45.2\r\n", {}),
        ("Temp: 20 C Hum: 45.2\r\n", {}),  # a unit that is told counts
        ("Temperature,Humidity\r\n68,45.2\r\n", {}),
        ("68,45.2\r\n", {"columns": ["temperature", "humidity"]}),
        ("DHT22 #1: T=68 H=45.2\r\n", {}),
    ],
)
def test_temperatures_without_a_unit(text: str, keys: dict[str, Any]) -> None:
    told = [(quantity, value) for _, quantity, value in values(text, temperature_unit="°F", **keys)]
    assert told == [("temperature", 20.0), ("humidity", 45.2)]


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"columns": ["humidity", "foo"]}, "'foo' is no column that is read"),
        ({"columns": ["temperature", "setpoint temperature"]}, "'setpoint temperature' is no column"),
        ({"columns": ["-", "time"]}, "no column is a quantity"),
        ({"columns": ["temperature"], "format": "json"}, "columns are a CSV's, and format is json"),
        ({"temperature_unit": "%"}, "'%' is no unit of temperature"),
        ({"temperature_unit": "warm"}, "'warm' is no unit of temperature"),
    ],
)
def test_a_fault_is_said_in_a_sentence(keys: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        settings(**keys)


def test_a_unit_may_be_spelt_as_people_do() -> None:
    assert settings(temperature_unit="F").temperature_unit == "°F"
