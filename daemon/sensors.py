"""The sensors as the daemon holds them in memory: who they are, what they said last, how often they speak.

The database is the truth; the directory is loaded from it at start and follows every commit. It decides which
unknown devices may register, and knows nothing of storage or the web.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from daemon.entities import Quality, Sensor, StoredReading, key_without_device
from daemon.events import Action, EntityEvent, Event
from daemon.pipeline import Trail
from daemon.rhythm import BURST, Rhythm
from drivers.formats.record import shorten

LONGEST_KEY = 255
"""Characters of a key, as its column holds."""


def key_of(source: str, device: str | None, probe: str) -> str:
    """The unique device key: ``source/device#probe``; a part that is missing leaves no trace.

    ``#`` and ``%`` in a device's own name are escaped, so that two devices never share a key.
    """
    key = source
    if device:
        key += "/" + device.replace("%", "%25").replace("#", "%23")
    if probe:
        key += "#" + probe
    return shorten(key, LONGEST_KEY)


def source_of(key: str) -> str:
    """The first word of a key: the source that its device speaks through."""
    return key.partition("/")[0].partition("#")[0]


def type_of(quantities: Collection[str]) -> str:
    """The word for a sensor that measures these (``tipo``; free text that a person may change)."""
    named = (("temperature", "temperatura"), ("humidity", "humedad"))
    words = [word for quantity, word in named if quantity in quantities]
    return "_".join(words) or "otros"


@dataclass(slots=True)
class Latest:
    """The newest values of one sensor, each with its time (µs): rows may carry one quantity only."""

    time: int = 0
    sequence: int | None = None
    temperature: float | None = None
    humidity: float | None = None
    others: dict[str, float] = field(default_factory=dict)
    temperature_at: int = 0
    humidity_at: int = 0

    def take(self, reading: StoredReading) -> None:
        """A row of any age; one that is older than what stands changes nothing."""
        if reading.temperature is not None and reading.time >= self.temperature_at:
            self.temperature, self.temperature_at = reading.temperature, reading.time
        if reading.humidity is not None and reading.time >= self.humidity_at:
            self.humidity, self.humidity_at = reading.humidity, reading.time
        if reading.time >= self.time:
            self.time, self.sequence = reading.time, reading.sequence
            self.others.update(reading.others)


@dataclass(slots=True)
class Online:
    """A device's time online: since when (monotonic, s), and how often its sensor spoke in it."""

    since: float
    heard: int = 0


@dataclass(slots=True)
class Record:
    """Everything the daemon keeps of one sensor. Times are µs; ``heard_at`` is on the monotonic clock (s)."""

    sensor: Sensor
    model: str | None = None
    latest: Latest = field(default_factory=Latest)
    trail: Trail = field(default_factory=Trail)
    heard_at: float | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    online: "Online | None" = None
    """Since the device last said that it is there; None where it never did, or said that it is not."""
    gone_at: int | None = None
    """Since when (µs) it is silent by its own word."""
    failed_reads: int = 0
    readings: int = 0
    invalid: int = 0
    quality: Quality | None = None
    """Of the last row, believed or not."""
    registering: set[str] | None = None
    """Quantities seen so far of a sensor that registered itself in this run: they name its type."""

    def hear(self, monotonic: float, *, backlog: bool = False) -> None:
        """It spoke now, perhaps of the past (``backlog``). Messages of one moment (T and H apart) count as one."""
        if self.heard_at is not None:
            gap = monotonic - self.heard_at
            if gap < BURST:
                return
            self.rhythm.learn(gap, backlog=backlog)
        self.heard_at = monotonic
        if self.online is not None:
            self.online.heard += 1

    def view(self) -> Sensor:
        """The sensor as clients see it, with the time of its last reading."""
        time = self.latest.time or None
        return self.sensor if self.sensor.last_reading_at == time else replace(self.sensor, last_reading_at=time)


class Directory:
    """Sensors by id and by key. ``limit`` bounds how many may register themselves."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._by_id: dict[int, Record] = {}
        self._by_key: dict[str, Record] = {}
        self.blocked: set[str] = set()
        """Keys of deleted sensors, which stay out until they are allowed again."""
        self.refused: Counter[str] = Counter()
        """Devices' messages that were not admitted: ``limit``, ``not_registered``, ``deleted``, ``ignored``."""

    def load(self, sensors: Iterable[Sensor], blocked: Iterable[str]) -> None:
        """Take over what the database knows, at start."""
        for sensor in sensors:
            self._add(Record(sensor, model=sensor.model))
        self.blocked.update(blocked)

    def remember(self, newest_first: Mapping[int, list[StoredReading]]) -> None:
        """Latest values and usual intervals from each sensor's last stored rows."""
        for sensor_id, rows in newest_first.items():
            record = self._by_id.get(sensor_id)
            if record is None:
                continue
            self._learn(record, rows)
            heard = sorted({row.received_at for row in rows})
            gaps = [(b - a) / 1e6 for a, b in pairwise(heard)]
            record.rhythm.remember(gaps)

    def relearn(self, sensor_id: int, newest_first: Sequence[StoredReading]) -> None:
        """A row that may have been the newest is gone or no longer believed: begin again from these."""
        record = self._by_id.get(sensor_id)
        if record is not None:
            record.latest, record.trail = Latest(), Trail()
            self._learn(record, newest_first)

    def by_id(self, sensor_id: int) -> Sensor | None:
        record = self._by_id.get(sensor_id)
        return record.view() if record else None

    def by_key(self, key: str) -> Sensor | None:
        record = self._by_key.get(key)
        return record.view() if record else None

    def all(self) -> list[Sensor]:
        return [record.view() for record in self._by_id.values()]

    def hears(self, sensor_id: int) -> bool:
        """Whether anything is told of a sensor: it is there, and not ignored."""
        record = self._by_id.get(sensor_id)
        return record is not None and not record.sensor.ignored

    def latest(self, sensor_id: int) -> Latest | None:
        record = self._by_id.get(sensor_id)
        return record.latest if record else None

    def record(self, sensor_id: int) -> Record | None:
        return self._by_id.get(sensor_id)

    def record_by_key(self, key: str) -> Record | None:
        return self._by_key.get(key)

    def records(self) -> Iterable[Record]:
        return self._by_id.values()

    def __len__(self) -> int:
        return len(self._by_id)

    def admit(self, key: str, *, register: bool, make: Callable[[], Sensor]) -> tuple[Record | None, bool]:
        """The record behind a key, and whether it is new. None: not admitted, counted in ``refused``."""
        record = self._by_key.get(key)
        if record is not None and record.sensor.ignored:
            self.refused["ignored"] += 1
            return None, False
        if record is not None:
            return record, False
        if key in self.blocked:
            self.refused["deleted"] += 1
        elif not register:
            self.refused["not_registered"] += 1
        elif len(self._by_id) >= self._limit:
            self.refused["limit"] += 1
        else:
            record = Record(make(), registering=set())
            self._add(record)
            return record, True
        return None, False

    def forget(self, sensor_id: int) -> None:
        """Undo a registration that did not reach the database."""
        record = self._by_id.pop(sensor_id, None)
        if record is not None:
            self._drop_keys(record)

    def allow(self, key: str) -> None:
        """A deleted key may register again."""
        self.blocked.discard(key)

    def follow(self, event: Event) -> None:
        """Take over what a commit changed."""
        if not isinstance(event, EntityEvent):
            return
        entity = event.entity
        if isinstance(entity, StoredReading):
            record = self._by_id.get(entity.sensor_id)
            if record is not None and event.action is not Action.DELETED:
                self._follow_reading(record, entity)
        elif isinstance(entity, Sensor):
            self._follow_sensor(event, entity)

    @staticmethod
    def _follow_reading(record: Record, reading: StoredReading) -> None:
        record.quality = reading.quality
        if reading.quality is Quality.INVALID:
            record.invalid += 1
        else:
            record.latest.take(reading)

    def _follow_sensor(self, event: EntityEvent, sensor: Sensor) -> None:
        record = self._by_id.get(sensor.id)
        if event.action is Action.DELETED:
            self.forget(sensor.id)
            if "merged_into" not in event.metadata:
                self.blocked.update(key for key in sensor.keys if key != key_without_device(sensor.id))
            return
        if record is None:
            record = Record(sensor)
        else:
            self._drop_keys(record)
            record.sensor = sensor
        self._add(record)
        self.blocked.difference_update(sensor.keys)

    def _add(self, record: Record) -> None:
        """Under every key that its devices go by: its own and those of sensors merged into it."""
        self._by_id[record.sensor.id] = record
        for key in record.sensor.keys:
            self._by_key[key] = record

    def _drop_keys(self, record: Record) -> None:
        for key in record.sensor.keys:
            if self._by_key.get(key) is record:
                del self._by_key[key]

    @staticmethod
    def _learn(record: Record, newest_first: Sequence[StoredReading]) -> None:
        for row in reversed(newest_first):
            if row.quality is Quality.INVALID:
                continue
            record.latest.take(row)
            for quantity, value in (("temperature", row.temperature), ("humidity", row.humidity)):
                if value is None:
                    continue
                if row.quality is Quality.SUSPECT and quantity in row.raw:
                    record.trail.doubted[quantity] = (row.time, value)
                else:
                    record.trail.last[quantity] = (row.time, value)
                    record.trail.doubted.pop(quantity, None)
