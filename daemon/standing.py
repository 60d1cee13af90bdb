"""Warnings of limits that stand: told, and neither past nor come true. Kept in memory, for whoever looks later."""

from collections.abc import Callable, Iterable, Iterator

from daemon.api.words import RISKS
from daemon.entities import Prediction, Sensor, StoredReading
from daemon.events import Action, EntityEvent, Event
from daemon.limit_warnings import LimitWarnings
from daemon.sensors import Record

LINGERS = 3600 * 1_000_000
"""µs after its moment in which a warning still stands: it may come late."""

TOLD_WITHIN = 49 * 3600 * 1_000_000
"""µs before a start in which a warning was told that may still stand: forecasts look 48 h ahead."""


class StandingWarnings:
    """``record(sensor_id)`` is what the directory knows of a sensor, None where it is gone; ``now`` in µs."""

    def __init__(self, limits: LimitWarnings, record: Callable[[int], Record | None], now: Callable[[], int]) -> None:
        self._limits = limits
        self._record = record
        self._now = now
        self._rows: dict[int, list[Prediction]] = {}
        """By sensor, one of each matter."""

    def load(self, rows: Iterable[Prediction]) -> None:
        """Take over what was told before a restart."""
        for row in sorted(rows, key=lambda each: (each.created_at, each.id)):
            self._take(row)

    def all(self) -> list[Prediction]:
        """Those that stand now, the soonest first."""
        oldest = self._now() - LINGERS
        for sensor_id in list(self._rows):
            self._keep(sensor_id, lambda row: row.predicted_at > oldest)
        return sorted((row for rows in self._rows.values() for row in rows), key=lambda row: (row.predicted_at, row.id))

    def follow(self, event: Event) -> None:
        """Take over what a commit changed, after the directory did."""
        if not isinstance(event, EntityEvent):
            return
        entity = event.entity
        if isinstance(entity, StoredReading):
            if entity.sensor_id in self._rows:
                self._keep(entity.sensor_id, lambda _: True)
        elif isinstance(entity, Prediction):
            if entity.sensor_id in self._rows:
                self._keep(entity.sensor_id, lambda row: row.id != entity.id)
            if event.action is not Action.DELETED:
                self._take(entity)
        elif isinstance(entity, Sensor) and entity.id in self._rows:
            before = event.before
            # Of a limit that was changed nothing stands any more.
            self._keep(
                entity.id,
                lambda row: (
                    not (
                        isinstance(before, Sensor)
                        and self._limits.limit_of(row, before) is not None
                        and self._limits.limit_of(row, entity) is None
                    )
                ),
            )

    def _take(self, row: Prediction) -> None:
        """A warning replaces an older one of the same matter. Risks of a place are told with its air."""
        warns = row.probability is not None and row.comment is not None and row.model not in RISKS.values()
        if warns and row.predicted_at > self._now() - LINGERS:
            matter = self._matter(row)
            others = [other for other in self._rows.get(row.sensor_id, []) if self._matter(other) != matter]
            self._rows[row.sensor_id] = [*others, row]
            self._keep(row.sensor_id, lambda _: True)

    def _matter(self, row: Prediction) -> object:
        """What it is about: the limit, or a person's own words."""
        record = self._record(row.sensor_id)
        limit = self._limits.limit_of(row, record.sensor) if record is not None else None
        return (row.quantity, limit) if limit is not None else row.comment

    def _keep(self, sensor_id: int, wanted: Callable[[Prediction], bool]) -> None:
        """Of a sensor's rows those that are wanted and have not come true: a value beyond its limit is an anomaly."""
        record = self._record(sensor_id)
        kept = list(self._foretold(record, filter(wanted, self._rows[sensor_id]))) if record is not None else []
        if kept:
            self._rows[sensor_id] = kept
        else:
            del self._rows[sensor_id]

    def _foretold(self, record: Record, rows: Iterable[Prediction]) -> Iterator[Prediction]:
        for row in rows:
            limit, latest = self._limits.limit_of(row, record.sensor), getattr(record.latest, row.quantity)
            if not record.sensor.ignored and (limit is None or latest is None or not limit.broken(latest)):
                yield row
