"""What a decoder gathers from one message, and how it becomes readings: one per device, probe and moment."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading

MOST_VALUES = 256
"""A message with more is a dump, not a report of sensors."""

MOST_PROBES = 32
"""Probes of one record or of one unlabelled array: what has more is no device's report."""

_PREFERENCE = {"°F": 2, "K": 3}
"""Of one value in several units, °C stays: the others repeat it, rounded."""


_FROM_BOTH = ("temperature", "dew_point", "heat_index")
"""What a device reads or reckons together with the humidity."""


LONGEST_NAME = 200
"""Characters of a device's, probe's or value's name: it becomes part of a key that people read."""


def printable(name: str) -> str:
    """A name without control characters (no database takes them all), cut to ``LONGEST_NAME``."""
    if len(name) <= LONGEST_NAME and name.isprintable():
        return name
    return "".join(char if char.isprintable() else " " for char in shorten(name, LONGEST_NAME)).strip()


def shorten(name: str, longest: int) -> str:
    """A name of at most ``longest`` characters. What is cut ends in a hash of the whole: two devices stay two."""
    if len(name) <= longest:
        return name
    end = "~" + blake2b(name.encode(errors="replace"), digest_size=4).hexdigest()
    return name[: longest - len(end)] + end


@dataclass(slots=True)
class _Probe:
    values: dict[str, Measurement] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    model: str | None = None
    sequence: int | None = None
    label: str | None = None


@dataclass(slots=True)
class Collector:
    """Values and failed reads by (device, probe, moment), in the order of their coming."""

    probes: dict[tuple[str | None, str, datetime | None], _Probe] = field(default_factory=dict)
    count: int = 0

    def add(
        self,
        quantity: str,
        value: float | None,
        unit: str,
        *,
        device: str | None,
        probe: str = "",
        name: str | None = None,
        time: datetime | None = None,
        model: str | None = None,
        sequence: int | None = None,
        label: str | None = None,
    ) -> None:
        """Take a value, or (None) the word that it could not be read. "" is the quantity's own unit."""
        self.count += 1
        if self.count > MOST_VALUES:
            return
        key = ((printable(device) or None) if device else None, printable(probe) if probe else "", time)
        found = self.probes.get(key)
        if found is None:
            found = self.probes[key] = _Probe(
                model=printable(model) if model else None,
                sequence=sequence,
                label=printable(label) if label else None,
            )
        if value is None:
            found.failed.append(quantity)
            return
        held = found.values.get(quantity)
        if held is None or _PREFERENCE.get(unit, 0) < _PREFERENCE.get(held.unit, 0):
            found.values[quantity] = Measurement(
                quantity, value, unit or QUANTITIES[quantity], printable(name) if name else None
            )

    def readings(self) -> tuple[Reading, ...]:
        """One reading per device, probe and moment."""
        return tuple([_reading(key, probe) for key, probe in self.probes.items()])

    def decoded(self, format_name: str, reason: str, nothing: Decoded | None = None) -> Decoded:
        """READING with ``reason`` where anything was measured, ERROR where reads only failed, else ``nothing``."""
        readings = self.readings()
        if any(reading.measurements for reading in readings):
            return Decoded(Kind.READING, format_name, readings, None, reason)
        if readings:
            return Decoded(Kind.ERROR, format_name, readings, None, "the device says that it could not read")
        return nothing or Decoded(Kind.UNKNOWN, format_name, reason="no known quantity in it")


def _reading(key: tuple[str | None, str, datetime | None], probe: _Probe) -> Reading:
    failed = tuple([quantity for quantity in dict.fromkeys(probe.failed) if quantity not in probe.values])
    measurements = tuple(probe.values.values())
    reading = Reading(key[0], key[1], measurements, failed, key[2], probe.sequence, probe.model, probe.label)
    return without_false_zeros(reading) if "humidity" in probe.values else reading


def without_false_zeros(reading: Reading) -> Reading:
    """0 %RH beside 0 °C, or beside no temperature, is no weather: a variable that nothing was read into yet."""
    values = {one.quantity: one.value for one in reading.measurements}
    if values.get("humidity") != 0:
        return reading
    if values.get("temperature") != 0 and "temperature" not in reading.failed:
        return reading
    false = [quantity for quantity in ("humidity", *_FROM_BOTH) if quantity in values]
    kept = tuple(one for one in reading.measurements if one.quantity not in false)
    return reading._replace(measurements=kept, failed=tuple(dict.fromkeys((*reading.failed, *false))))


def merged(first: Decoded, second: Decoded) -> Decoded | None:
    """Two lines of one record as one; None where a probe has a quantity in both, so that a new record begins."""
    readings = {(reading.device, reading.probe): reading for reading in first.readings}
    for reading in second.readings:
        key = (reading.device, reading.probe)
        held = readings.get(key)
        if held is None:
            if len(readings) >= MOST_PROBES:
                return None
            readings[key] = reading
            continue
        if not _quantities(held).isdisjoint(_quantities(reading)):
            return None
        joined = held._replace(
            measurements=held.measurements + reading.measurements, failed=held.failed + reading.failed
        )
        readings[key] = without_false_zeros(joined)
    measured = any(reading.measurements for reading in readings.values())
    told = first if first.kind is Kind.READING or second.kind is Kind.ERROR else second
    return Decoded(Kind.READING if measured else Kind.ERROR, first.format, tuple(readings.values()), None, told.reason)


def _quantities(reading: Reading) -> set[str]:
    return {one.quantity for one in reading.measurements} | set(reading.failed)
