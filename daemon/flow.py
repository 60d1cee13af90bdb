"""What follows a commit: the directory learns of it, clients see it, the watch and the models look at it."""

from collections.abc import Callable, Sequence

from daemon.batches import Commit
from daemon.bus import Bus
from daemon.entities import Anomaly, AnomalyKind, Quality, Sensor, StoredReading, Verdict
from daemon.episodes import Episodes
from daemon.events import Action, EntityEvent, Event
from daemon.scoring import Judgement, Scoring
from daemon.sensors import Directory
from daemon.standing import StandingWarnings
from daemon.watch import Watch


class Flow:
    """Called on the loop with every commit, in order. ``scoring`` is None where no model is wanted.

    ``recall(sensor_id)`` reads a sensor's newest rows again, where one of them was deleted or is no longer believed.
    """

    def __init__(
        self,
        directory: Directory,
        bus: Bus,
        episodes: Episodes,
        watch: Watch,
        scoring: Scoring | None,
        standing: StandingWarnings,
        recall: Callable[[int], None],
    ) -> None:
        self._directory = directory
        self._bus = bus
        self._episodes = episodes
        self._watch = watch
        self._scoring = scoring
        self._standing = standing
        self._recall = recall

    def committed(self, commit: Commit) -> None:
        for event in commit.events:
            self._directory.follow(event)
            self._episodes.follow(event)
            self._standing.follow(event)
            changed = _taken_back(event)
            if changed is not None:
                self._recall(changed)
        self._bus.publish(commit.events)
        readings = [o.reading for o in commit.outcomes if o.result in ("stored", "completed")]
        self._watch.stored(readings)
        if self._scoring is not None:
            self._sensors_came_and_went(commit.events, self._scoring)
            for judgement in filter(None, map(_judged, commit.events)):
                self._scoring.heed(judgement)
            self._scoring.offer(readings)

    @staticmethod
    def _sensors_came_and_went(events: Sequence[Event], scoring: Scoring) -> None:
        for event in events:
            if isinstance(event, EntityEvent) and isinstance(event.entity, Sensor):
                if event.action is Action.CREATED:
                    scoring.appeared([event.entity.id])
                elif event.action is Action.DELETED:
                    scoring.deleted([event.entity.id])


def _judged(event: Event) -> Judgement | None:
    """A person's verdict, given or changed, on what a model found."""
    if not isinstance(event, EntityEvent) or not isinstance(event.entity, Anomaly):
        return None
    after, before = event.entity, event.before
    changed = isinstance(before, Anomaly) and before.verdict is not after.verdict
    if not changed or after.kind is not AnomalyKind.UNUSUAL_PATTERN or after.verdict is None:
        return None
    return Judgement(after, corrected=isinstance(before, Anomaly) and before.verdict is Verdict.FALSE)


def _taken_back(event: Event) -> int | None:
    """The sensor whose newest rows may be others now: one was deleted, is no longer believed, or came by a merger."""
    if isinstance(event, EntityEvent) and "merged_into" in event.metadata:
        into: int = event.metadata["merged_into"]
        return into
    if not isinstance(event, EntityEvent) or not isinstance(event.entity, StoredReading):
        return None
    gone = event.action is Action.DELETED
    doubted = event.action is Action.UPDATED and event.entity.quality is Quality.INVALID
    return event.entity.sensor_id if gone or doubted else None
