"""The stages between a driver and the recorder: pure functions over one reading of one known sensor.

Each stage takes the draft of a row and what is known of its sensor, and changes the draft or ends it with a named
outcome. No stage waits, logs, or looks at a clock: what they need is handed in.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from daemon.entities import Quality, Sensor
from drivers.base import QUANTITIES, Measurement, Reading
from drivers.formats.units import to_canonical

SECOND = 1_000_000
OLDEST_DEVICE_TIME = 30 * 86_400 * SECOND
NEWEST_DEVICE_TIME = 5 * 60 * SECOND


@dataclass(frozen=True, slots=True)
class Part:
    """What a sensing element can measure, from its datasheet.

    ``temperature`` (°C) and ``humidity`` (%) are the ranges in which it can report at all; ``failures`` are
    temperatures that its driver libraries return instead of an error.
    """

    temperature: tuple[float, float]
    humidity: tuple[float, float]
    failures: frozenset[float] = frozenset()


_ANY_HUMIDITY = (0.0, 100.0)
# Capacitive sensors overshoot in saturated air by their tolerance; such a value is doubted, not thrown away.
HUMIDITY_OVERSHOOT = 5.0

PARTS: Mapping[str, Part] = {
    # Aosong DHT11 (product manual, and the 2018 version with a sign bit): -20..60 °C, 5..95 %
    "DHT11": Part((-20.0, 60.0), _ANY_HUMIDITY),
    # Aosong AM2302/DHT22 and AM2301/DHT21: -40..80 °C, 0..99.9 %
    "DHT22": Part((-40.0, 80.0), _ANY_HUMIDITY),
    # Maxim DS18B20: -55..125 °C; -127 is DallasTemperature's DEVICE_DISCONNECTED_C
    "DS18B20": Part((-55.0, 125.0), _ANY_HUMIDITY, frozenset({-127.0})),
    # Bosch BME280/BMP280/BME680: -40..85 °C
    "BME280": Part((-40.0, 85.0), _ANY_HUMIDITY),
    # Sensirion SHT2x/SHT3x/SHT4x, HTU21D, Si7021: -40..125 °C
    "SHT3X": Part((-40.0, 125.0), _ANY_HUMIDITY),
    # Thermocouples and probes whose part is not known
    "": Part((-100.0, 250.0), _ANY_HUMIDITY),
}

_SAME_PART = {
    "AM2302": "DHT22",
    "AM2301": "DHT22",
    "AM2301B": "SHT3X",
    "DHT21": "DHT22",
    "DHT12": "DHT11",
    "DS1820": "DS18B20",
    "DS18S20": "DS18B20",
    "DS18X20": "DS18B20",
    "BMP280": "BME280",
    "BME680": "BME280",
    "BMP180": "BME280",
    "SHT20": "SHT3X",
    "SHT21": "SHT3X",
    "SHT30": "SHT3X",
    "SHT31": "SHT3X",
    "SHT35": "SHT3X",
    "SHT40": "SHT3X",
    "SHT4X": "SHT3X",
    "HTU21": "SHT3X",
    "HTU21D": "SHT3X",
    "SI7021": "SHT3X",
    "AHT10": "BME280",
    "AHT20": "BME280",
    "AHT2X": "BME280",
}

# How far a value may move in one step before it is doubted, and by how much more for each minute since the last
# one. Air in a room with a DHT22 (time constant 20 s at 1 m/s) does not do more; a hand, a window or a shower does
# less; a flipped bit, a loose contact or a checksum that matched by chance does more.
_STEP = {"temperature": (8.0, 2.0), "humidity": (30.0, 5.0)}
# A doubted value is believed when the next one lies this near to it.
_AGREES = {"temperature": 2.0, "humidity": 8.0}


def part_of(model: str | None) -> Part:
    """The part behind a model's name; an unknown or missing name gives the widest limits."""
    if not model:
        return PARTS[""]
    name = model.upper().split("-", 1)[0].split("_", 1)[0]
    return PARTS.get(_SAME_PART.get(name, name), PARTS[""])


@dataclass(slots=True)
class Trail:
    """What the gate remembers of one sensor: per quantity the last believed value and the one in doubt.

    ``last`` and ``doubted`` hold (time µs, value).
    """

    last: dict[str, tuple[int, float]] = field(default_factory=dict)
    doubted: dict[str, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a reading came in.

    ``received_at`` is µs since 1970 UTC by the machine's clock, which ``clock_set`` says to be right or not;
    ``zone`` is where zone-less device times are read; ``any_past`` takes times of any age (REST, imports).
    """

    received_at: int
    clock_set: bool
    zone: tzinfo | None
    model: str | None = None


@dataclass(slots=True)
class Draft:
    """A row in the making: canonical units, µs."""

    time: int
    values: dict[str, float] = field(default_factory=dict)
    raw: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    quality: Quality = Quality.OK
    device_time: int | None = None
    notes: list[str] = field(default_factory=list)
    """What the stages did that is worth counting, in stable words (``unit_refused``, ``clock_refused``)."""


Stage = Callable[[Draft, Reading, Sensor, Trail, Circumstances], None]


def convert(draft: Draft, reading: Reading, _sensor: Sensor, _trail: Trail, _how: Circumstances) -> None:
    """Every value to its canonical unit; what is no finite number or has a foreign unit is a failed read."""
    draft.failed.update(reading.failed)
    for measurement in reading.measurements:
        value = _canonical(measurement)
        if value is None:
            draft.failed.add(measurement.quantity)
            draft.notes.append("unit_refused")
        elif math.isfinite(value):
            draft.values[measurement.quantity] = value
        else:
            draft.failed.add(measurement.quantity)


def _canonical(measurement: Measurement) -> float | None:
    """The value in its quantity's unit; None: the unit is no unit of that quantity."""
    if measurement.quantity not in QUANTITIES:
        return measurement.value  # a client's own quantity, in a unit that only it knows
    try:
        return to_canonical(measurement.quantity, measurement.value, measurement.unit)
    except ValueError:
        return None


def refuse_failures(draft: Draft, _reading: Reading, _sensor: Sensor, _trail: Trail, how: Circumstances) -> None:
    """Values that the part's own libraries return instead of an error are failed reads."""
    if draft.values.get("temperature") in part_of(how.model).failures:
        del draft.values["temperature"]
        draft.failed.add("temperature")


def believable(model: str | None, temperature: float | None, humidity: float | None) -> bool:
    """Can the part have measured these, °C and %? Without the overshoot of humidity that :func:`gate` takes."""
    part = part_of(model)
    (cold, hot), (dry, wet) = part.temperature, part.humidity
    return (
        (temperature is None or cold <= temperature <= hot)
        and (humidity is None or dry <= humidity <= wet)
        and (temperature, humidity) != (0.0, 0.0)
    )


def beyond(model: str | None) -> str:
    """The sentence for whoever hands in what the part cannot have measured."""
    part = part_of(model)
    (cold, hot), (dry, wet) = part.temperature, part.humidity
    return (
        f"the values are outside what a sensor of model {model!r} can measure: "
        f"temperatura {cold:g}..{hot:g} °C, humedad {dry:g}..{wet:g} %, and not both 0"
    )


def gate(draft: Draft, _reading: Reading, _sensor: Sensor, _trail: Trail, how: Circumstances) -> None:
    """What the part cannot have measured makes the row invalid; a small overshoot of humidity is doubted."""
    part = part_of(how.model)
    values = draft.values
    temperature, humidity = values.get("temperature"), values.get("humidity")
    if temperature is not None and not part.temperature[0] <= temperature <= part.temperature[1]:
        draft.quality = Quality.INVALID
        draft.notes.append("out_of_range")
    if humidity is not None and not part.humidity[0] <= humidity <= part.humidity[1]:
        overshoot = part.humidity[1] < humidity <= part.humidity[1] + HUMIDITY_OVERSHOOT
        if overshoot:
            draft.raw.setdefault("humidity", humidity)
            values["humidity"] = part.humidity[1]
            draft.quality = max_doubt(draft.quality, Quality.SUSPECT)
        else:
            draft.quality = Quality.INVALID
        draft.notes.append("out_of_range")
    if temperature == 0.0 and humidity == 0.0:
        # A frame of nothing but zeros passes the DHT checksum: the line was held low, nothing was measured.
        draft.quality = Quality.INVALID
        draft.notes.append("all_zero")


def calibrate(draft: Draft, _reading: Reading, sensor: Sensor, _trail: Trail, _how: Circumstances) -> None:
    """Add the sensor's offsets; what was received stays in ``raw``."""
    for quantity, offset in (("temperature", sensor.temperature_offset), ("humidity", sensor.humidity_offset)):
        value = draft.values.get(quantity)
        if offset and value is not None:
            draft.raw.setdefault(quantity, value)
            moved = round(value + offset, 6)
            draft.values[quantity] = min(100.0, max(0.0, moved)) if quantity == "humidity" else moved


def doubt_jumps(draft: Draft, _reading: Reading, _sensor: Sensor, trail: Trail, _how: Circumstances) -> None:
    """A jump that air does not make is doubted once, and believed when the next value confirms it."""
    if draft.quality is Quality.INVALID:
        return
    for quantity, (step, per_minute) in _STEP.items():
        value = draft.values.get(quantity)
        if value is None:
            continue
        last = trail.last.get(quantity)
        if last is not None and draft.time >= last[0]:
            minutes = (draft.time - last[0]) / (60 * SECOND)
            if abs(value - last[1]) > step + per_minute * minutes:
                doubted = trail.doubted.get(quantity)
                # The same message come twice confirms nothing.
                agrees = (
                    doubted is not None and draft.time > doubted[0] and abs(value - doubted[1]) <= _AGREES[quantity]
                )
                trail.doubted[quantity] = (draft.time, value)
                if not agrees:
                    draft.quality = max_doubt(draft.quality, Quality.SUSPECT)
                    draft.raw.setdefault(quantity, value)
                    draft.notes.append("jump")
                    continue
        if last is None or draft.time >= last[0]:
            trail.last[quantity] = (draft.time, value)
            trail.doubted.pop(quantity, None)


def tell_time(draft: Draft, reading: Reading, _sensor: Sensor, _trail: Trail, how: Circumstances) -> None:
    """The time of measurement: the device's where it can be believed, else that of receipt, the other kept."""
    if reading.measured_at is None:
        return
    device_time = to_micros(reading.measured_at, how.zone)
    if is_believed(device_time, how):
        draft.time = device_time
    else:
        draft.device_time = device_time
        draft.notes.append("clock_refused")


STAGES: tuple[Stage, ...] = (convert, refuse_failures, gate, calibrate, tell_time, doubt_jumps)


def is_believed(device_time: int, how: Circumstances) -> bool:
    """Whether a device's time (µs) can be that of a measurement received now."""
    oldest, newest = how.received_at - OLDEST_DEVICE_TIME, how.received_at + NEWEST_DEVICE_TIME
    return how.clock_set and oldest <= device_time <= newest


def run(reading: Reading, sensor: Sensor, trail: Trail, how: Circumstances, time: int | None = None) -> Draft:
    """Take a reading through all stages. A draft without values is a failed read: no row is made of it.

    ``time`` (µs) is a time of measurement that is not to be doubted (REST, imports); default: that of receipt.
    """
    draft = Draft(time=how.received_at if time is None else time)
    for stage in STAGES:
        stage(draft, reading, sensor, trail, how)
    return draft


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - subtracted from a time whose offset was taken off


def to_micros(when: datetime, zone: tzinfo | None) -> int:
    """µs since 1970 UTC; a time without a zone is read in ``zone``, None: the machine's own."""
    if when.tzinfo is None:
        try:
            when = when.astimezone() if zone is None else when.replace(tzinfo=zone)
        except (OverflowError, ValueError):
            when = when.replace(tzinfo=UTC)  # a year that the machine's rules do not reach; it is not believed anyway
    delta = when.replace(tzinfo=None) - _EPOCH - (when.utcoffset() or timedelta())
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


_DOUBT = {Quality.OK: 0, Quality.SUSPECT: 1, Quality.INVALID: 2}


def max_doubt(a: Quality, b: Quality) -> Quality:
    """The worse of two verdicts."""
    return a if _DOUBT[a] >= _DOUBT[b] else b


@dataclass(frozen=True, slots=True)
class Breach:
    """A value outside a limit that a person set: ``kind`` in the words of ``AnomalyKind``."""

    kind: str
    value: float
    limit: float


def breaches(sensor: Sensor, temperature: float | None, humidity: float | None) -> list[Breach]:
    """The limits of the sensor that these values break."""
    found = []
    for quantity, value, low, high in (
        ("temperature", temperature, sensor.temperature_min, sensor.temperature_max),
        ("humidity", humidity, sensor.humidity_min, sensor.humidity_max),
    ):
        if value is None:
            continue
        if high is not None and value > high:
            found.append(Breach(f"{quantity}_high", value, high))
        if low is not None and value < low:
            found.append(Breach(f"{quantity}_low", value, low))
    return found
