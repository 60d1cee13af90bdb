"""What goes wrong with sensors: faults as values, and what a sensor with one reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from drivers.emulate.climate import named, uniform

_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_GROWN_US = 8 * 60 * _MINUTE_US  # a drift that lasts longer has come to its size by then


class FaultKind(StrEnum):
    """``DROPOUT``: it says that it could not read. ``SILENCE``: it says nothing at all."""

    STUCK = "stuck"
    SPIKE = "spike"
    OFFSET = "offset"
    DRIFT = "drift"
    DROPOUT = "dropout"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one device, µs since 1970 UTC.

    ``size`` is what is added to the humidity in % points (a quarter of it to the temperature, in K): at once
    (offset), growing to it (drift), or for one reading in four (spike).
    """

    kind: FaultKind
    device: str
    begins_at: int
    ends_at: int
    size: float = 25.0

    def covers(self, time: int) -> bool:
        return self.begins_at <= time < self.ends_at


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sensor gives at a moment: None is a failed read; ``silent``: nothing is sent."""

    temperature: float | None
    humidity: float | None
    silent: bool = False


def apply(faults: Sequence[Fault], time: int, measure: Callable[[int], Sample]) -> Sample:
    """The sample at ``time`` as a sensor with these faults reports it; ``measure`` is what a sound one would."""
    sample = measure(time)
    for fault in faults:
        if fault.covers(time):
            sample = _spoil(sample, fault, time, measure)
    return sample


def _spoil(sample: Sample, fault: Fault, time: int, measure: Callable[[int], Sample]) -> Sample:
    match fault.kind:
        case FaultKind.STUCK:
            return measure(fault.begins_at)
        case FaultKind.DROPOUT:
            return Sample(None, None)
        case FaultKind.SILENCE:
            return replace(sample, silent=True)
        case FaultKind.OFFSET:
            return _add(sample, fault.size)
        case FaultKind.DRIFT:
            grown = (time - fault.begins_at) / min(fault.ends_at - fault.begins_at, _GROWN_US)
            return _add(sample, fault.size * min(1.0, grown))
        case FaultKind.SPIKE:
            return _add(sample, fault.size) if uniform(named(0, fault.device), time) < 0.25 else sample


def _add(sample: Sample, size: float) -> Sample:
    temperature = None if sample.temperature is None else sample.temperature + size / 4
    humidity = None if sample.humidity is None else min(100.0, max(0.0, sample.humidity + size))
    return Sample(temperature, humidity, sample.silent)


_LENGTHS_US = {  # how long a chance fault of a kind lasts
    FaultKind.STUCK: 150 * _MINUTE_US,
    FaultKind.SPIKE: 45 * _MINUTE_US,
    FaultKind.OFFSET: 60 * _MINUTE_US,
    FaultKind.DRIFT: 8 * 60 * _MINUTE_US,
    FaultKind.DROPOUT: 20 * _MINUTE_US,
    FaultKind.SILENCE: 90 * _MINUTE_US,
}


def chance_faults(seed: int, device: str, time: int, per_day: float = 0.1) -> list[Fault]:
    """Faults that befall a device by chance and cover ``time``: one on a tenth of the days, the same ones always."""
    day = time // _DAY_US
    found = (_fault_of_day(seed, device, number, per_day) for number in (day - 1, day))
    return [fault for fault in found if fault is not None and fault.covers(time)]


@lru_cache(maxsize=4096)  # two days for 2,000 devices
def _fault_of_day(seed: int, device: str, day: int, per_day: float) -> Fault | None:
    own = named(seed, device)
    if uniform(own, day) >= per_day:
        return None
    kinds = list(FaultKind)
    kind = kinds[int(uniform(own, day, 1) * len(kinds)) % len(kinds)]
    begins_at = day * _DAY_US + int(uniform(own, day, 2) * _DAY_US)
    return Fault(kind, device, begins_at, begins_at + _LENGTHS_US[kind])
