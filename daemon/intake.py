"""From what a driver or a client hands over to rows for the recorder: names the sensor, runs the stages, counts.

A batch of 1,000 deliveries is one call, and one turn of the loop.
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Protocol

from daemon import pipeline
from daemon.batches import Batch, Outcome
from daemon.entities import UNKNOWN_MODEL, Quality, Sensor, StoredReading
from daemon.ids import IdBlocks
from daemon.sensors import Directory, Record, key_of, type_of
from daemon.submissions import Submission, SubmitResult
from drivers.base import QUANTITIES, Availability, Delivery, Measurement, Reading
from drivers.formats import NUMBERED

LIVE = 300 * pipeline.SECOND
"""µs: what was received longer ago comes from a recording, what was measured longer ago from a log that somebody hands
in: neither is a sign of life."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the configuration says of a driver's readings.

    ``name`` is the driver (``fuente``), ``word`` the source word of its sensors' keys, ``zone`` where zone-less
    device times are read (None: the machine's), ``model`` what its sensors are where payloads do not tell.
    """

    name: str
    word: str
    zone: tzinfo | None
    register: bool = True
    model: str | None = None


class Clock(Protocol):
    """The machine's clocks."""

    def now(self) -> int:
        """Wall clock, µs since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds, never stepping."""

    def is_set(self) -> bool:
        """Whether the wall clock is known to be right."""


@dataclass(slots=True)
class _Admission:
    """One batch in the making."""

    source: Source
    now: int
    clock_set: bool
    sensors: list[Sensor] = field(default_factory=list)
    rows: list[StoredReading] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    redelivered: list[int] = field(default_factory=list)


class Intake:
    """Admits deliveries and submissions. ``counters`` counts by driver what was seen and refused, in stable words.

    ``store`` is the recorder's; ``failed`` is told the id of a sensor each time it could not read just now,
    ``available`` what a device of a source (its word) says of itself.
    """

    def __init__(
        self,
        directory: Directory,
        ids: IdBlocks,
        clock: Clock,
        *,
        store: Callable[[Sequence[Sensor], Sequence[StoredReading], str], Awaitable[list[Outcome]]],
        failed: Callable[[int], None],
        available: Callable[[str, Availability], None],
    ) -> None:
        self._directory = directory
        self._ids = ids
        self._clock = clock
        self._store = store
        self._failed = failed
        self._available = available
        self.counters: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.failed_reads: Counter[str] = Counter()
        """By driver: readings in which the device itself said that it could not read something."""

    async def admit(self, deliveries: Sequence[Delivery], source: Source) -> Batch:
        """The rows, new sensors and receipts of a driver's deliveries, in their order.

        Waits only where ids have to be reserved on the disk first.
        """
        named = [
            (delivery, reading, key_of(source.word, _device_of(delivery, reading), reading.probe))
            for delivery in deliveries
            for reading in delivery.decoded.readings
        ]
        await self._reserve(named)
        counters = self.counters[source.name]
        for delivery in deliveries:
            counters[delivery.decoded.kind] += 1
            if delivery.decoded.availability is not None and abs(self._clock.now() - delivery.received_at) < LIVE:
                self._available(source.word, delivery.decoded.availability)
        admission = _Admission(source, self._clock.now(), self._clock.is_set())
        for delivery, reading, key in named:
            self._admit(delivery, reading, key, admission)
        for sensor_id in admission.failed:
            self._failed(sensor_id)
        receipts = [d.receipt for d in deliveries if d.receipt is not None]
        return Batch(source.name, admission.sensors, admission.rows, receipts, redelivered=admission.redelivered)

    async def _reserve(self, named: Sequence[tuple[Delivery, Reading, str]]) -> None:
        unknown = {key for _, _, key in named if self._directory.record_by_key(key) is None}
        if unknown:
            await self._ids.ready("sensor", len(unknown))
        if named:
            await self._ids.ready("reading", len(named))

    def _admit(self, delivery: Delivery, reading: Reading, key: str, admission: "_Admission") -> None:
        source, counters = admission.source, self.counters[admission.source.name]
        if delivery.retained and not _tells_its_time(delivery, reading, admission):
            counters["retained"] += 1  # its last known state, not a new measurement
            return
        if reading.absent and self._directory.record_by_key(key) is None:
            return  # a device that was never heard: its driver says so, and nothing came that could be kept out
        record, new = self._directory.admit(
            key, register=source.register, make=lambda: self._new_sensor(key, reading, source)
        )
        if record is None:
            counters["not_admitted"] += 1
            return
        if new:
            admission.sensors.append(record.sensor)
        live = not delivery.retained and abs(admission.now - delivery.received_at) < LIVE
        model = reading.model or source.model or record.model
        how = pipeline.Circumstances(delivery.received_at, admission.clock_set, source.zone, model)
        draft = pipeline.run(reading, record.sensor, record.trail, how)
        for note in draft.notes:
            counters[note] += 1
        if draft.failed:
            record.failed_reads += 1
            self.failed_reads[source.name] += 1
            if live and not delivery.redelivered and not reading.absent:
                admission.failed.append(record.sensor.id)
        if draft.values:
            record.readings += 1
            # A row with a believed time of its own is known by its key when it comes again. Whether it was believed
            # the first time is not certain, so what does come again is looked up by its token too.
            dated = reading.measured_at is not None and draft.device_time is None
            token = None if dated and not delivery.redelivered else delivery.token
            fresh = live and not delivery.redelivered
            row = self._stored(draft, record, how, source.name, reading.sequence, token, live=fresh)
            admission.rows.append(row)
            if delivery.redelivered:
                admission.redelivered.append(row.id)

    def _new_sensor(self, key: str, reading: Reading, source: Source) -> Sensor:
        quantities = {m.quantity for m in reading.measurements} | set(reading.failed)
        now = self._clock.now()
        called = reading.label or reading.device or source.word
        name = " ".join(part for part in (called, reading.probe) if part)
        return Sensor(
            id=self._ids.take("sensor"),
            key=key,
            type=type_of(quantities),
            model=reading.model or source.model or UNKNOWN_MODEL,
            name=name[:255],
            created_at=now,
            updated_at=now,
        )

    def _stored(
        self,
        draft: pipeline.Draft,
        record: Record,
        how: pipeline.Circumstances,
        source: str,
        sequence: int | None,
        token: str | None,
        *,
        live: bool,
    ) -> StoredReading:
        values = draft.values
        temperature, humidity = values.pop("temperature", None), values.pop("humidity", None)
        return StoredReading(
            id=self._ids.take("reading"),
            sensor_id=record.sensor.id,
            time=draft.time,
            received_at=how.received_at,
            source=source,
            sequence=sequence,
            temperature=temperature,
            humidity=humidity,
            others=values,
            quality=draft.quality,
            raw=draft.raw,
            device_time=draft.device_time,
            clock_set=how.clock_set,
            token=token,
            live=live,
        )

    async def submit(self, submissions: Sequence[Submission], source: Source) -> list[SubmitResult]:
        """Readings by hand or import, through the same stages; answers after commit and sync.

        What a person sends is refused outright where a driver's would be kept as invalid: they can correct it.
        """
        await self._ids.ready("reading", len(submissions))
        results: dict[int, SubmitResult] = {}
        rows: list[tuple[int, StoredReading]] = []
        for index, submission in enumerate(submissions):
            answer = self._submitted(submission, source)
            if isinstance(answer, SubmitResult):
                results[index] = answer
            else:
                rows.append((index, answer))
        outcomes = await self._store((), [row for _, row in rows], source.name) if rows else []
        for (index, _), outcome in zip(rows, outcomes, strict=True):
            if outcome.result == "refused":
                results[index] = SubmitResult("rejected", reason="its sensor was deleted meanwhile")
            else:
                results[index] = SubmitResult(outcome.result, outcome.reading)
        return [results[index] for index in range(len(submissions))]

    def _submitted(self, submission: Submission, source: Source) -> StoredReading | SubmitResult:
        record = self._directory.record(submission.sensor_id) if submission.sensor_id is not None else None
        if submission.key is not None:
            record = self._directory.record_by_key(submission.key)
        if record is None:
            return SubmitResult("unknown_sensor", reason=_unknown(submission))
        if record.sensor.ignored:
            return SubmitResult("rejected", reason=f"sensor {record.sensor.id} is ignored: allow it first")
        now, clock_set = self._clock.now(), self._clock.is_set()
        time = now if submission.time is None else submission.time
        if clock_set and time > now + pipeline.NEWEST_DEVICE_TIME:
            return SubmitResult("rejected", reason="timestamp lies more than 5 minutes in the future")
        how = pipeline.Circumstances(now, clock_set, source.zone, record.sensor.model)
        measurements = _measurements(submission)
        draft = pipeline.run(Reading(None, measurements=measurements), record.sensor, record.trail, how, time)
        if draft.failed or draft.quality is Quality.INVALID:
            return SubmitResult("rejected", reason=_impossible(draft, record.sensor))
        record.readings += 1
        live = abs(now - time) < LIVE
        return self._stored(draft, record, how, source.name, submission.sequence, None, live=live)


def _device_of(delivery: Delivery, reading: Reading) -> str | None:
    """The device's name within the source: a bare number is its family's own, and another family may use it too."""
    family = delivery.decoded.format
    return f"{family}/{reading.device}" if reading.device and family in NUMBERED else reading.device


def _tells_its_time(delivery: Delivery, reading: Reading, admission: _Admission) -> bool:
    """Whether it has a time of its own that can be believed: only then is a reading known by it when it comes again."""
    if reading.measured_at is None:
        return False
    how = pipeline.Circumstances(delivery.received_at, admission.clock_set, admission.source.zone)
    return pipeline.is_believed(pipeline.to_micros(reading.measured_at, how.zone), how)


def _measurements(submission: Submission) -> tuple[Measurement, ...]:
    given = {"temperature": submission.temperature, "humidity": submission.humidity, **submission.others}
    return tuple(
        Measurement(quantity, value, QUANTITIES.get(quantity, ""))
        for quantity, value in given.items()
        if value is not None
    )


def _unknown(submission: Submission) -> str:
    if submission.key is not None:
        return f"no sensor has the clave {submission.key!r}"
    return f"no sensor has the id {submission.sensor_id}"


def _impossible(draft: pipeline.Draft, sensor: Sensor) -> str:
    if draft.failed:
        return f"{', '.join(sorted(draft.failed))} is a code for a failed read, not a value"
    return pipeline.beyond(sensor.model)
