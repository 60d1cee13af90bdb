"""What the API is handed: everything it knows of the rest of the daemon, as values and callables.

The composition root makes one ``Services``; tests make one of real parts and small ones of their own.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from daemon.api.auth import Authenticator
from daemon.api.connections import Hub
from daemon.bus import Bus
from daemon.config import Config
from daemon.derived import Derivations
from daemon.entities import Sensor
from daemon.events import Event
from daemon.status_report import StatusReport
from daemon.submissions import Submission, SubmitResult

T = TypeVar("T")
WEB = Path(__file__).parent.parent / "web"


class LatestValues(Protocol):
    """The newest values of one sensor: °C, %, further quantities; ``time`` in µs."""

    @property
    def time(self) -> int: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def humidity(self) -> float | None: ...
    @property
    def others(self) -> Mapping[str, float]: ...


class Sensors(Protocol):
    """The sensors in memory: as they are after the last commit."""

    def by_id(self, sensor_id: int, /) -> Sensor | None: ...
    def by_key(self, key: str, /) -> Sensor | None: ...
    def all(self) -> Sequence[Sensor]: ...
    def latest(self, sensor_id: int, /) -> LatestValues | None: ...


class Change(Protocol):
    """Runs ``work`` in the writer's transaction; returns after commit and sync, then the events are published."""

    async def __call__(self, work: Callable[[Connection], tuple[T, Sequence[Event]]], /) -> T: ...


class Read(Protocol):
    """Runs ``work`` on a connection of its own, beside the writer and off the event loop."""

    async def __call__(self, work: Callable[[Connection], T], /) -> T: ...


class Ids(Protocol):
    """Ids of rows: ``ready`` waits until one can be taken, which is at once but in a burst."""

    async def ready(self, name: str, count: int = 1) -> None: ...
    def take(self, name: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Health:
    """``reasons`` are one English sentence each; ``ingesting`` is False only where nothing can come in at all."""

    ingesting: bool = True
    reasons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Services:
    """``ids`` gives those of a new ``sensor``, ``location``, ``anomaly`` or ``prediction``.

    ``now`` is wall-clock µs; ``clock_set`` says whether it can be believed. ``train`` starts a fit of one sensor's
    models, or of all (None), and says in one sentence what was started; None where there are no models.
    ``metrics`` is the text that Prometheus reads. ``refuse(door, reason)`` counts refused input. ``unfolded`` gives
    the ids of a sensor's rows that are not in the clustered table yet (``Recorder.unfolded``).
    """

    config: Config
    bus: Bus
    hub: Hub
    sensors: Sensors
    read: Read
    change: Change
    ids: Ids
    submit: Callable[[Sequence[Submission]], Awaitable[Sequence[SubmitResult]]]
    authenticator: Authenticator
    derivations: Derivations
    health: Callable[[], Health]
    status: Callable[[], StatusReport]
    metrics: Callable[[], Awaitable[bytes]]
    now: Callable[[], int]
    clock_set: Callable[[], bool]
    refuse: Callable[[str, str], None]
    unfolded: Callable[[int], Sequence[int]] | None = None
    train: Callable[[int | None], Awaitable[str]] | None = None
    web: Path = field(default=WEB)
