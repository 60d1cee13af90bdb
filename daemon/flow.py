"""What follows a commit: the directory learns of it, clients see it, the watch and the models look at it."""

from collections.abc import Sequence

from daemon.batches import Commit
from daemon.bus import Bus
from daemon.entities import Sensor
from daemon.episodes import Episodes
from daemon.events import Action, EntityEvent, Event, SystemEvent
from daemon.scoring import Scoring
from daemon.sensors import Directory
from daemon.watch import Watch


class Flow:
    """Called on the loop with every commit, in order. ``scoring`` is None where no model is wanted."""

    def __init__(
        self, directory: Directory, bus: Bus, episodes: Episodes, watch: Watch, scoring: Scoring | None
    ) -> None:
        self._directory = directory
        self._bus = bus
        self._episodes = episodes
        self._watch = watch
        self._scoring = scoring

    def committed(self, commit: Commit) -> None:
        for event in commit.events:
            self._directory.follow(event)
            self._episodes.follow(event)
        self._bus.publish(commit.events)
        readings = [o.reading for o in commit.outcomes if o.result in ("stored", "completed")]
        self._watch.stored(readings)
        if self._scoring is not None:
            self._sensors_came_and_went(commit.events, self._scoring)
            self._scoring.offer(readings)

    def tell(self, events: Sequence[SystemEvent]) -> None:
        """The system's own news."""
        self._bus.publish(events)

    @staticmethod
    def _sensors_came_and_went(events: Sequence[Event], scoring: Scoring) -> None:
        for event in events:
            if isinstance(event, EntityEvent) and isinstance(event.entity, Sensor):
                if event.action is Action.CREATED:
                    scoring.appeared([event.entity.id])
                elif event.action is Action.DELETED:
                    scoring.deleted([event.entity.id])
