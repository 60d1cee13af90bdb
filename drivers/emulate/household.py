"""Which devices are emulated, where each stands, and what its sensor gives at a moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from drivers.emulate.climate import Place, air, named, uniform
from drivers.emulate.devices import Arduino, Device, EspHome, HomeMade, Tasmota
from drivers.emulate.faults import Fault, Sample, apply, chance_faults


@dataclass(frozen=True, slots=True)
class Emulated:
    """One device at one place. ``faults`` are scripted; chance adds its own, ``chance`` of them a day."""

    device: Device
    place: Place
    seed: int
    faults: tuple[Fault, ...] = ()
    chance: float = 0.1

    def sample(self, time: int) -> Sample:
        """What its sensor gives at ``time`` (µs since 1970 UTC), faults included; the same for the same time."""
        by_chance = chance_faults(self.seed, self.device.name, time, self.chance) if self.chance else []
        return apply([*by_chance, *self.faults], time, self.measure)

    def measure(self, time: int) -> Sample:
        """What a sound sensor gives: the air, its own offset and noise, now and then a failed read."""
        own = named(self.seed, self.device.name)
        if uniform(own, time, 0) < self.device.failure_rate:
            return Sample(None, None)
        temperature, humidity = air(self.seed, self.place, time / 1e6)
        noise_temperature, noise_humidity = self.device.noise
        temperature += 0.8 * (uniform(own, 1) - 0.5) + noise_temperature * _spread(own, time, 1)
        humidity += 4 * (uniform(own, 2) - 0.5) + noise_humidity * _spread(own, time, 2)
        return Sample(temperature, min(99.9, max(0.0, humidity)))

    def with_faults(self, faults: Sequence[Fault]) -> Self:
        """The same device with those of the faults that are its own."""
        return replace(self, faults=tuple(fault for fault in faults if fault.device == self.device.name))


def _spread(own: int, time: int, quantity: int) -> float:
    """Noise of standard deviation 1: three uniform numbers are normal enough."""
    return 2 * (sum(uniform(own, time, quantity, number) for number in range(3)) - 1.5)


def demo_household(seed: int, faults: Sequence[Fault] = (), speed: float = 1) -> list[Emulated]:
    """The demo's five devices; ``speed`` divides the seconds between their reports.

    A Tasmota stays at one in two seconds: its clock tells whole ones.
    """
    living = Place("salon", 20.5, steam=0.6)
    kitchen = Place("cocina", 21, people=1.8, steam=3)
    bedroom = Place("dormitorio", 19, coupling=0.2, people=0.4, steam=0.4)
    greenhouse = Place("invernadero", 17, coupling=0.6, lag=1800, sun=9, people=0, vapour=4, steam=0.5)
    cellar = Place("bodega", 15, coupling=0.1, lag=172_800, sun=0, people=0, exchange=0.6, vapour=3.5, steam=0)
    devices: list[tuple[Device, Place]] = [
        (Arduino("arduino", 2 / speed), living),
        (Tasmota("cocina", max(2.0, 10 / speed)), kitchen),
        (Tasmota("dormitorio", max(2.0, 10 / speed)), bedroom),
        (EspHome("invernadero", 10 / speed), greenhouse),
        (HomeMade("bodega", 5 / speed), cellar),
    ]
    return [Emulated(device, place, seed).with_faults(faults) for device, place in devices]


def crowd(count: int, seed: int, interval: float, faults: Sequence[Fault] = ()) -> list[Emulated]:
    """``count`` publishing devices of the three kinds in turn, sim-0001 onwards, each reporting every ``interval`` s.

    Nothing goes wrong with them but the given faults. Below a second there is no Tasmota: its clock tells whole
    seconds, and two readings of one moment would contradict each other.
    """
    kinds: tuple[type[Tasmota | EspHome | HomeMade], ...] = (Tasmota, EspHome, HomeMade)
    kinds = kinds if interval >= 1 else kinds[1:]
    found: list[Emulated] = []
    for number in range(1, count + 1):
        name = f"sim-{number:04d}"
        own = named(seed, name)
        place = Place(name, 16 + 8 * uniform(own, 1), coupling=0.3 * uniform(own, 2), sun=2 * uniform(own, 3))
        found.append(Emulated(kinds[number % len(kinds)](name, interval), place, seed, chance=0.0).with_faults(faults))
    return found
