"""Rows of a table that say whose they are: each name is a sensor of its own."""

import pytest

from drivers.base import Decoded
from drivers.formats import csv_lines
from drivers.formats.line import LineState


def rows(header: str, *lines: str) -> list[Decoded]:
    state = LineState({})
    found = []
    for line in ("boot", header, *lines):
        decoded = csv_lines.decode(line, state)
        if decoded is not None and decoded.readings:
            found.append(decoded)
        state.first = False
    return found


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("sensor,temp,hum", ("A", "B")),
        ("nodo;temperatura;humedad", ("3", "4")),
        ("habitacion,temp,hum", ("cocina", "salon")),
        ("mac,temp,hum", ("aa:bb:cc:dd:ee:01", "aa:bb:cc:dd:ee:02")),
        ("temp,hum,zimmer", ("Bad", "Flur")),
    ],
)
def test_a_column_that_names_the_sensor_does_so(header: str, names: tuple[str, str]) -> None:
    separator = ";" if ";" in header else ","
    last = header.startswith("temp,")
    lines = [separator.join(("21.5", "40", name) if last else (name, "21.5", "40")) for name in names]
    assert tuple(reading.device for decoded in rows(header, *lines) for reading in decoded.readings) == names


@pytest.mark.parametrize("line", ["1,21.5,40", "DHT22,21.5,40"])
def test_a_rows_number_or_a_part_names_no_sensor(line: str) -> None:
    (decoded,) = rows("id,temp,hum", line)
    assert [reading.device for reading in decoded.readings] == [None]
