"""What a decoder gathers from one message, and how it becomes readings: one per device, probe and moment."""

from dataclasses import dataclass, field
from datetime import datetime

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading

MOST_VALUES = 512
"""A message with more is a dump, not a report of sensors."""

_PREFERENCE = {"°F": 2, "K": 3}
"""Of one value in several units, °C stays: the others repeat it, rounded."""


_FROM_BOTH = ("temperature", "dew_point", "heat_index")
"""What a device reads or reckons together with the humidity."""


@dataclass(slots=True)
class _Probe:
    values: dict[str, Measurement] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    model: str | None = None
    sequence: int | None = None


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
    ) -> None:
        """Take a value, or (None) the word that it could not be read. "" is the quantity's own unit."""
        self.count += 1
        if self.count > MOST_VALUES:
            return
        key = (device, probe, time)
        found = self.probes.get(key)
        if found is None:
            found = self.probes[key] = _Probe(model=model, sequence=sequence)
        if value is None:
            found.failed.append(quantity)
            return
        held = found.values.get(quantity)
        if held is None or _PREFERENCE.get(unit, 0) < _PREFERENCE.get(held.unit, 0):
            found.values[quantity] = Measurement(quantity, value, unit or QUANTITIES[quantity], name)

    def readings(self) -> tuple[Reading, ...]:
        """One reading per device, probe and moment."""
        return tuple([_reading(key, probe) for key, probe in self.probes.items()])

    def decoded(self, format_name: str, nothing: Decoded | None = None) -> Decoded:
        """READING where anything was measured, ERROR where reads only failed, else ``nothing``."""
        readings = self.readings()
        if any(reading.measurements for reading in readings):
            return Decoded(Kind.READING, format_name, readings, None, "values found under names of known quantities")
        if readings:
            return Decoded(Kind.ERROR, format_name, readings, None, "the device says that it could not read")
        return nothing or Decoded(Kind.UNKNOWN, format_name, reason="no known quantity in it")


def _reading(key: tuple[str | None, str, datetime | None], probe: _Probe) -> Reading:
    values = probe.values
    humidity, temperature = values.get("humidity"), values.get("temperature")
    if humidity and humidity.value == 0 and (temperature.value == 0 if temperature else "temperature" in probe.failed):
        # 0 %RH beside 0 °C, or beside no temperature, is no weather: a variable that nothing was read into yet
        probe.failed.extend(quantity for quantity in ("humidity", *_FROM_BOTH) if values.pop(quantity, None))
    failed = tuple([quantity for quantity in dict.fromkeys(probe.failed) if quantity not in values])
    return Reading(key[0], key[1], tuple(values.values()), failed, key[2], probe.sequence, probe.model)
