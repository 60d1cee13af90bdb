"""What happened, as frozen values: changes of entities, and the system's own news.

An event has no id and no bytes yet: the bus gives it both, once, when it is published.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from daemon.entities import Entity


class Channel(StrEnum):
    GENERAL = "general"
    SENSORS = "sensors"
    READINGS = "readings"
    LOCATIONS = "locations"
    ANOMALIES = "anomalies"
    PREDICTIONS = "predictions"


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    DETECTED = "detected"  # an anomaly made by a model or a limit
    COMPLETED = "completed"  # a prediction made by a model
    RESOLVED = "resolved"  # an anomaly closed; on the wire an update


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class EntityEvent:
    """``entity`` as it is after the change (for a deletion: as it last was); ``at`` is µs since 1970 UTC.

    ``before`` is the row that a client changed, as it was; no client sees it.
    """

    action: Action
    entity: Entity
    at: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    before: Entity | None = None


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """News of the system itself, Spanish with an English twin.

    ``channel`` is where it goes besides ``general``; None: nowhere else.
    ``sensor_id`` where it is about one sensor. ``kind`` is a stable word for programs (``driver_down``).
    """

    level: Level
    kind: str
    message: str
    message_en: str
    at: int
    data: Mapping[str, Any] = field(default_factory=dict)
    channel: Channel | None = None
    sensor_id: int | None = None


Event = EntityEvent | SystemEvent
