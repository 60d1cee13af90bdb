"""The five things sereno knows, as frozen values in English.

Times are integers, µs since 1970 UTC. The Spanish names of the wire live in ``daemon.api.schemas`` alone, the
tables' in ``daemon.tables``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SensorState(StrEnum):
    ACTIVE = "active"
    SILENT = "silent"
    INACTIVE = "inactive"  # set by a person: nothing is expected of it


class Quality(StrEnum):
    """``SUSPECT``: believed so far, odd. ``INVALID``: in lists, but in no statistic, chart, model or latest value."""

    OK = "ok"
    SUSPECT = "suspect"
    INVALID = "invalid"


class AnomalyKind(StrEnum):
    TEMPERATURE_HIGH = "temperature_high"
    TEMPERATURE_LOW = "temperature_low"
    HUMIDITY_HIGH = "humidity_high"
    HUMIDITY_LOW = "humidity_low"
    DISCONNECTED = "disconnected"
    INVALID_READINGS = "invalid_readings"
    UNUSUAL_PATTERN = "unusual_pattern"


class AnomalyState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class Verdict(StrEnum):
    """What a person says of an anomaly: there was nothing, or there was."""

    FALSE = "false"
    TRUE = "true"


UNKNOWN_MODEL = "desconocido"
"""``model`` of a sensor whose part nobody has told."""


def key_without_device(sensor_id: int) -> str:
    """The key of a sensor that a person or a program made without one: no device ever registers under it."""
    return f"api/{sensor_id}"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One probe. ``key`` is unique: made from (source, device, probe) when it appears by itself.

    Offsets (K, % points) are added to what it reports; limits are in °C and %, None: no limit. ``other_keys`` are those
    of sensors that were merged into it, oldest first. While it is ``ignored`` nothing of its devices is taken.
    """

    id: int
    key: str
    type: str
    model: str
    created_at: int
    updated_at: int
    name: str | None = None
    state: SensorState = SensorState.ACTIVE
    last_reading_at: int | None = None
    temperature_offset: float = 0.0
    humidity_offset: float = 0.0
    temperature_min: float | None = None
    temperature_max: float | None = None
    humidity_min: float | None = None
    humidity_max: float | None = None
    ignored: bool = False
    other_keys: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that its devices go by."""
        return self.key, *self.other_keys


@dataclass(frozen=True, slots=True)
class StoredReading:
    """One stored row: °C, %, and further quantities in the units of ``drivers.base.QUANTITIES``.

    The key is (sensor_id, time, sequence). ``raw`` holds the values as received where a stage changed or doubted
    them. ``clock_set`` is False for a row taken before the machine knew the time. ``device_time`` is the device's
    own time where it was not believed. ``token`` names the transmission (see ``drivers.base.Delivery``). ``live`` is
    not stored: the device has just sent it, so that it is a sign of life once it proves to be news.
    """

    id: int
    sensor_id: int
    time: int
    received_at: int
    source: str
    sequence: int | None = None
    temperature: float | None = None
    humidity: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)
    quality: Quality = Quality.OK
    raw: Mapping[str, float] = field(default_factory=dict)
    device_time: int | None = None
    clock_set: bool = True
    token: str | None = None
    updated_at: int | None = None
    live: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Location:
    """Degrees, WGS 84."""

    id: int
    sensor_id: int
    latitude: float
    longitude: float
    created_at: int
    updated_at: int
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An episode: open until it has been normal for a while or a person resolves it. ``score`` is 0..1.

    Of a model's: ``feature`` is what stood out, as the model calls it; ``quantities`` are those that it tells of, the
    one that ``feature`` and ``score`` belong to first.
    """

    id: int
    sensor_id: int
    kind: AnomalyKind
    score: float
    explanation: str
    explanation_en: str
    created_at: int
    updated_at: int
    reading_id: int | None = None
    value: float | None = None
    state: AnomalyState = AnomalyState.OPEN
    resolved_at: int | None = None
    feature: str | None = None
    quantities: tuple[str, ...] = ()
    verdict: Verdict | None = None

    @property
    def quantity(self) -> str | None:
        """What it tells of first; None where no model made it."""
        return self.quantities[0] if self.quantities else None


@dataclass(frozen=True, slots=True)
class Prediction:
    """``value`` is the mean of the 15 minutes that end at ``predicted_at``; ``lower``..``upper`` a 90 % interval."""

    id: int
    sensor_id: int
    quantity: str  # temperature | humidity
    horizon_s: int
    value: float
    lower: float
    upper: float
    predicted_at: int
    model: str
    created_at: int
    updated_at: int
    location_id: int | None = None
    probability: float | None = None
    comment: str | None = None
    comment_en: str | None = None


Entity = Sensor | StoredReading | Location | Anomaly | Prediction
