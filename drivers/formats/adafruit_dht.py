"""Adafruit's DHT examples: DHTtester, and DHT_Unified_Sensor with its start-up description.

Wire: ``Humidity: 45.20%  Temperature: 23.10°C 73.58°F  Heat index: 22.65°C 72.76°F`` (older: tabs and ``*C``); the
Unified example prints one line a quantity. ``DHTxx test!`` and the description between dashes (``Max Value: 125.00°C``)
are no readings.
Units: °C; the °F beside it repeats it.
Failure: ``Failed to read from DHT sensor!``, ``Error reading temperature!``, ``nan``.
Source: adafruit/DHT-sensor-library examples; its issues 48, 84, 182.

Sample: ``Humidity: 45.20%  Temperature: 23.10°C 73.58°F  Heat index: 22.65°C 72.76°F``
Config: ``{type: serial, port: /dev/ttyACM0, baudrate: 9600}``
"""

import re

from drivers.base import Decoded, Kind, Reading
from drivers.formats.line import LineState
from drivers.formats.record import Collector

NAME = "adafruit-dht"

_FIGURE = r"(-?[0-9]{1,4}\.[0-9]{1,2}|nan)"
_DEGREES = rf"{_FIGURE}\s?[°*]?C(?:\s{_FIGURE}\s?[°*]?F)?"
_TESTER = re.compile(
    rf"Humidity:\s{_FIGURE}\s?%\s+Temperature:\s{_DEGREES}(?:\s+Heat index:\s{_DEGREES})?\s*", re.IGNORECASE
)
_UNIFIED = re.compile(rf"(?:Temperature:\s+{_FIGURE}\s?[°*]?C|Humidity:\s+{_FIGURE}\s?%)\s*")
_FAILED = {
    "failed to read from dht sensor!": ("temperature", "humidity"),
    "error reading temperature!": ("temperature",),
    "error reading humidity!": ("humidity",),
}
_DESCRIPTION = re.compile(
    r"(?:(?:Temperature|Humidity) Sensor|"
    r"Sensor(?: Type)?:\s*\S+|(?:Driver Ver|Unique ID|Max Value|Min Value|Resolution):.*)\s*"
)
_BANNER = re.compile(r"(?:DHT(?:xx|11|21|22) test!|DHTxx Unified Sensor Example)\s*")


def decode(line: str, state: LineState) -> Decoded | None:
    """Read a line of Adafruit's examples; None where it is worded otherwise."""
    failed = _FAILED.get(line.strip().lower())
    if failed is not None:
        return Decoded(
            Kind.ERROR, NAME, (Reading(None, failed=failed),), reason="the device says that it could not read"
        )
    if _DESCRIPTION.fullmatch(line) or _BANNER.fullmatch(line):
        return Decoded(Kind.NOISE, NAME, reason="the sketch introduces itself")
    if state.sensor is not None:
        return None  # a sensor was named on a line before: labelled text knows what to make of that
    match = _TESTER.fullmatch(line)
    if match is not None:
        return _collect(("humidity", match[1]), ("temperature", match[2]), ("heat_index", match[4]))
    match = _UNIFIED.fullmatch(line)
    return _collect(("temperature", match[1]), ("humidity", match[2])) if match else None


def _collect(*figures: tuple[str, str | None]) -> Decoded:
    collector = Collector()
    for quantity, text in figures:
        if text is not None:
            collector.add(quantity, None if text == "nan" else float(text), "", device=None)
    return collector.decoded(NAME, "worded as Adafruit's DHT examples are")
