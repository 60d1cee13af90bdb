"""Anomalies as episodes: one row per sensor and kind, announced once, closed when it has been normal for a while.

Who finds something calls :meth:`Episodes.found`; who sees it gone calls :meth:`Episodes.normal`. What happens
between opening and closing adds no row. Everything here runs on the loop; the rows are written by the recorder.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Sensor
from daemon.events import Action, EntityEvent, Event
from daemon.ids import IdsExhaustedError

SETTLED_AFTER = 300.0
"""An episode closes after so many seconds without a sign of it: a value that dances on its limit is one episode."""

POSTPONED = 10_000
"""Findings that may wait for ids while the database does not answer: ten for each of a thousand sensors."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong with a sensor: ``score`` 0..1, the explanation in Spanish and English."""

    sensor_id: int
    kind: AnomalyKind
    score: float
    explanation: str
    explanation_en: str
    value: float | None = None
    reading_id: int | None = None


class Writer(Protocol):
    """How an anomaly reaches the database."""

    def __call__(self, anomaly: Anomaly, action: Action, /) -> None: ...


@dataclass(slots=True)
class _Episode:
    anomaly: Anomaly
    last_sign: float  # monotonic, s
    closed_by_hand: bool = False


class Episodes:
    """The open episodes. ``write`` stores one change; ``take_id`` gives the id of a new anomaly."""

    def __init__(
        self,
        write: Writer,
        take_id: Callable[[str], int],
        now: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        self._write = write
        self._take_id = take_id
        self._now = now
        self._monotonic = monotonic
        self._open: dict[tuple[int, AnomalyKind], _Episode] = {}
        self._postponed: deque[Finding] = deque(maxlen=POSTPONED)

    def load(self, anomalies: Iterable[Anomaly]) -> None:
        """Take over the episodes that are open in the database, at start."""
        for anomaly in anomalies:
            self._open[anomaly.sensor_id, anomaly.kind] = _Episode(anomaly, self._monotonic())

    def found(self, finding: Finding) -> None:
        """A sign of something wrong: opens an episode, or keeps the open one open."""
        key = (finding.sensor_id, finding.kind)
        episode = self._open.get(key)
        if episode is not None:
            episode.last_sign = self._monotonic()
            return
        try:
            number = self._take_id("anomaly")
        except IdsExhaustedError:
            self._postponed.append(finding)
            return
        now = self._now()
        anomaly = Anomaly(
            id=number,
            sensor_id=finding.sensor_id,
            kind=finding.kind,
            score=min(1.0, max(0.0, finding.score)),
            explanation=finding.explanation,
            explanation_en=finding.explanation_en,
            created_at=now,
            updated_at=now,
            reading_id=finding.reading_id,
            value=finding.value,
        )
        self._open[key] = _Episode(anomaly, self._monotonic())
        self._write(anomaly, Action.DETECTED)

    def tick(self) -> None:
        """Once a second: open what had to wait for ids."""
        for _ in range(len(self._postponed)):
            self.found(self._postponed.popleft())

    def normal(self, sensor_id: int, kind: AnomalyKind, *, at_once: bool = False) -> None:
        """No sign of it now: the episode closes when the last sign is old enough, or ``at_once``."""
        episode = self._open.get((sensor_id, kind))
        if episode is None:
            return
        if not at_once and self._monotonic() - episode.last_sign < SETTLED_AFTER:
            return
        del self._open[sensor_id, kind]
        if not episode.closed_by_hand:
            now = self._now()
            resolved = replace(episode.anomaly, state=AnomalyState.RESOLVED, resolved_at=now, updated_at=now)
            self._write(resolved, Action.RESOLVED)

    def open_kinds(self, sensor_id: int, kinds: Sequence[AnomalyKind]) -> list[AnomalyKind]:
        """Which of these are open for a sensor."""
        return [kind for kind in kinds if (sensor_id, kind) in self._open]

    def follow(self, event: Event) -> None:
        """What clients did: an episode that a person resolved stays quiet until it has been normal once."""
        if not isinstance(event, EntityEvent):
            return
        entity = event.entity
        if isinstance(entity, Anomaly):
            episode = self._open.get((entity.sensor_id, entity.kind))
            if episode is None or episode.anomaly.id != entity.id:
                return
            if event.action is Action.DELETED:
                episode.closed_by_hand = True
            else:
                episode.anomaly = entity
                episode.closed_by_hand = entity.state is AnomalyState.RESOLVED
        elif isinstance(entity, Sensor) and (event.action is Action.DELETED or entity.ignored):
            for key in [key for key in self._open if key[0] == entity.id]:
                del self._open[key]

    def open_for(self, sensor_id: int) -> int:
        """How many are open for a sensor."""
        return sum(key[0] == sensor_id and not episode.closed_by_hand for key, episode in self._open.items())

    def __len__(self) -> int:
        return sum(not episode.closed_by_hand for episode in self._open.values())
