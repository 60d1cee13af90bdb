"""The watchman's own rules: limits that a person set, three bad reads in a row, silence. No model takes part.

It follows what was committed and what drivers heard, and opens and closes episodes. Everything runs on the loop.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from daemon.entities import AnomalyKind, Quality, Sensor, SensorState, StoredReading
from daemon.episodes import Episodes, Finding
from daemon.events import Level, SystemEvent
from daemon.pipeline import Breach, breaches
from daemon.sensors import Directory, Record, type_of

BAD_READS = 3
"""Failed or impossible readings in a row that make an episode; as many good ones end it."""

SILENT_INTERVALS = 4
SHORTEST_SILENCE = 30.0
"""A sensor is silent after four of its usual intervals, and never sooner than this (s): a busy radio is no fault."""

FRESH = 600 * 1_000_000
"""Rows older than this (µs) are history: limits and bad reads are about now."""

_LIMIT_KINDS = (
    AnomalyKind.TEMPERATURE_HIGH,
    AnomalyKind.TEMPERATURE_LOW,
    AnomalyKind.HUMIDITY_HIGH,
    AnomalyKind.HUMIDITY_LOW,
)
_WORDS = {
    "temperature": ("la temperatura", "the temperature", "°C"),
    "humidity": ("la humedad", "the humidity", "%"),
}


class Watch:
    """``save`` stores a changed sensor; ``publish`` sends system events."""

    def __init__(
        self,
        directory: Directory,
        episodes: Episodes,
        now: Callable[[], int],
        monotonic: Callable[[], float],
        *,
        save: Callable[[Sensor], None],
        publish: Callable[[Sequence[SystemEvent]], None],
    ) -> None:
        self._directory = directory
        self._episodes = episodes
        self._now = now
        self._monotonic = monotonic
        self._save = save
        self._publish = publish
        self._bad: Counter[int] = Counter()
        self._good: Counter[int] = Counter()
        self._deadlines: list[tuple[float, int]] = []
        self._watched: set[int] = set()

    def stored(self, readings: Sequence[StoredReading]) -> None:
        """Rows that were committed."""
        now = self._now()
        for reading in readings:
            record = self._directory.record(reading.sensor_id)
            if record is None:
                continue
            if record.registering is not None:
                self._widen(record, reading)
            if now - reading.time < FRESH:
                self._judge(record, reading)
            self._heard(record)

    def _judge(self, record: Record, reading: StoredReading) -> None:
        if reading.quality is Quality.INVALID:
            self._bad_read(record, reading.id, "valores imposibles", "impossible values")
        else:
            self._good_read(reading.sensor_id)
            self._limits(record.sensor, reading)

    def failed(self, sensor_id: int) -> None:
        """A sensor said that it could not read."""
        record = self._directory.record(sensor_id)
        if record is not None:
            self._bad_read(record, None, "lecturas fallidas", "failed reads")
            self._heard(record)

    def tick(self) -> None:
        """Once a second: who has been silent for too long?"""
        monotonic = self._monotonic()
        while self._deadlines and self._deadlines[0][0] <= monotonic:
            _, sensor_id = heapq.heappop(self._deadlines)
            self._watched.discard(sensor_id)
            record = self._directory.record(sensor_id)
            limit = silent_after(record) if record is not None else None
            if record is None or limit is None or record.heard_at is None:
                continue
            if record.heard_at + limit > monotonic:
                self._watch_for(record, record.heard_at + limit)
            elif record.sensor.state is SensorState.ACTIVE:
                self._fell_silent(record, monotonic - record.heard_at)

    def start(self) -> None:
        """After a restart every sensor with a known interval has one silence limit of time to speak."""
        monotonic = self._monotonic()
        for record in self._directory.records():
            limit = silent_after(record)
            if limit is not None and record.sensor.state is SensorState.ACTIVE:
                record.heard_at = monotonic
                self._watch_for(record, monotonic + limit)

    def _heard(self, record: Record) -> None:
        if record.heard_at is None:
            return
        if record.sensor.state is SensorState.SILENT:
            self._back(record)
        limit = silent_after(record)
        if limit is not None and record.sensor.id not in self._watched:
            self._watch_for(record, record.heard_at + limit)

    def _widen(self, record: Record, reading: StoredReading) -> None:
        """Devices that send T and H apart register with the first and are both once the second came."""
        known = record.registering or set()
        seen = {q for q in ("temperature", "humidity") if getattr(reading, q) is not None}
        if known and not seen <= known and record.sensor.type == type_of(known):
            record.sensor = replace(record.sensor, type=type_of(known | seen), updated_at=self._now())
            self._save(record.view())
        record.registering = known | seen if len(known | seen) < 2 else None

    def _watch_for(self, record: Record, deadline: float) -> None:
        self._watched.add(record.sensor.id)
        heapq.heappush(self._deadlines, (deadline, record.sensor.id))

    def _fell_silent(self, record: Record, silence: float) -> None:
        usual = record.interval() or 0.0
        self._change_state(record, SensorState.SILENT)
        spanish = f"sin datos desde hace {silence:.0f} s; lo habitual es uno cada {usual:.0f} s"
        english = f"no data for {silence:.0f} s; usually one every {usual:.0f} s"
        self._episodes.found(
            Finding(record.sensor.id, AnomalyKind.DISCONNECTED, 1.0, spanish, english, value=round(silence, 1))
        )
        self._tell(record, Level.WARNING, "sensor_silent", f"sin señal: {spanish}", f"is silent: {english}")

    def _back(self, record: Record) -> None:
        self._change_state(record, SensorState.ACTIVE)
        self._episodes.normal(record.sensor.id, AnomalyKind.DISCONNECTED, at_once=True)
        self._tell(record, Level.INFO, "sensor_back", "vuelve a enviar datos", "is sending data again")

    def _change_state(self, record: Record, state: SensorState) -> None:
        record.sensor = replace(record.sensor, state=state, updated_at=self._now())
        self._save(record.view())

    def _tell(self, record: Record, level: Level, kind: str, spanish: str, english: str) -> None:
        sensor = record.sensor
        name = sensor.name or sensor.key
        event = SystemEvent(
            level,
            kind,
            f"El sensor {name} {spanish}",
            f"Sensor {name} {english}",
            self._now(),
            {"sensor_id": sensor.id, "clave": sensor.key},
            sensor_id=sensor.id,
        )
        self._publish([event])

    def _bad_read(self, record: Record, reading_id: int | None, spanish: str, english: str) -> None:
        sensor_id = record.sensor.id
        self._good.pop(sensor_id, None)
        self._bad[sensor_id] += 1
        if self._bad[sensor_id] >= BAD_READS:
            self._episodes.found(
                Finding(
                    sensor_id,
                    AnomalyKind.INVALID_READINGS,
                    1.0,
                    f"{BAD_READS} lecturas seguidas sin valor útil ({spanish})",
                    f"{BAD_READS} readings in a row without a usable value ({english})",
                    reading_id=reading_id,
                )
            )

    def _good_read(self, sensor_id: int) -> None:
        if sensor_id not in self._bad:
            return
        self._good[sensor_id] += 1
        if self._good[sensor_id] >= BAD_READS:
            del self._bad[sensor_id], self._good[sensor_id]
            self._episodes.normal(sensor_id, AnomalyKind.INVALID_READINGS, at_once=True)

    def _limits(self, sensor: Sensor, reading: StoredReading) -> None:
        broken = breaches(sensor, reading.temperature, reading.humidity)
        for breach in broken:
            self._episodes.found(_limit_finding(reading, breach))
        open_ones = self._episodes.open_kinds(sensor.id, _LIMIT_KINDS)
        if open_ones:
            kinds = {breach.kind for breach in broken}
            for kind in open_ones:
                quantity = kind.split("_")[0]
                if kind not in kinds and getattr(reading, quantity) is not None:
                    self._episodes.normal(sensor.id, kind)


def silent_after(record: Record) -> float | None:
    """Seconds without a word after which a sensor counts as silent; None while its interval is not known."""
    interval = record.interval()
    return None if interval is None else max(SHORTEST_SILENCE, SILENT_INTERVALS * interval)


def _limit_finding(reading: StoredReading, breach: Breach) -> Finding:
    spanish, english, unit = _WORDS[breach.kind.split("_")[0]]
    above = breach.kind.endswith("_high")
    return Finding(
        reading.sensor_id,
        AnomalyKind(breach.kind),
        1.0,
        f"{spanish} es {breach.value:g} {unit}, {'por encima' if above else 'por debajo'} "
        f"del límite de {breach.limit:g} {unit}",
        f"{english} is {breach.value:g} {unit}, {'above' if above else 'below'} the limit of {breach.limit:g} {unit}",
        value=breach.value,
        reading_id=reading.id,
    )
