"""Lines that abbreviate, elide or put the percent sign first."""

import pytest

from drivers.base import Decoded
from drivers.formats import labelled_text
from drivers.formats.line import LineState


def values(line: str) -> dict[tuple[str, str], float | None]:
    decoded: Decoded | None = labelled_text.decode(line, LineState({}, first=False))
    readings = decoded.readings if decoded is not None else ()
    return {(r.probe or "", m.quantity): m.value for r in readings for m in r.measurements}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Nem: %40 Sicaklik: 21.5 C", {("", "humidity"): 40.0, ("", "temperature"): 21.5}),
        ("Humidity: %40.5, Temperature: 21.5 C", {("", "humidity"): 40.5, ("", "temperature"): 21.5}),
        ("L'humidité: 40 %", {("", "humidity"): 40.0}),
        ("Temp *C = 21.50\t\tHum. % = 40.00", {("", "temperature"): 21.5, ("", "humidity"): 40.0}),
        ("Max. Temp: 25.0 C", {}),
    ],
)
def test_a_line_is_read_as_it_is_meant(line: str, told: dict[tuple[str, str], float]) -> None:
    assert values(line) == told
