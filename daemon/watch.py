"""The watchman's own rules: limits that a person set, three bad reads in a row, silence. No model takes part.

It follows what was committed and what drivers heard, and opens and closes episodes. Everything runs on the loop.
"""

import heapq
import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from daemon.entities import AnomalyKind, Quality, Sensor, SensorState, StoredReading, key_without_device
from daemon.episodes import Episodes, Finding
from daemon.events import Level, SystemEvent
from daemon.pipeline import Breach, breaches
from daemon.rhythm import BACKLOG
from daemon.sensors import Directory, Online, Record, key_of, source_of, type_of
from drivers.base import Availability
from ml.gate import BAD_READS

log = logging.getLogger("sereno.sensors")

STAYS_INTERVALS, STAYS_SECONDS = 1.5, 60.0
"""For so many usual intervals and seconds a device was online, and spoke three times, before its "offline" means that
it is gone: one that sleeps says so after every reading, some seconds after it woke."""

MOST_PRESENT = 4_000
"""Devices remembered that said they are there."""

FRESH = 600 * 1_000_000
"""Rows older than this (µs) are history: limits and bad reads are about now."""

_LIMIT_KINDS = (
    AnomalyKind.TEMPERATURE_HIGH,
    AnomalyKind.TEMPERATURE_LOW,
    AnomalyKind.HUMIDITY_HIGH,
    AnomalyKind.HUMIDITY_LOW,
)
_LOGGED = {Level.INFO: logging.INFO, Level.WARNING: logging.WARNING, Level.ERROR: logging.ERROR}
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
        self._down: set[str] = set()
        self._stored_nothing = False
        self._present: dict[str, float] = {}
        self._deadlines: list[tuple[float, int]] = []
        self._deadline_of: dict[int, float] = {}

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
            before_its_last_will = record.gone_at is not None and reading.received_at <= record.gone_at
            if reading.live and not before_its_last_will:
                record.online = record.online or self._online_since(record)
                record.hear(self._monotonic(), backlog=reading.received_at - reading.time > BACKLOG * 1e6)
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
            record.hear(self._monotonic())  # the device is there: its probe is what fails
            self._heard(record)

    def available(self, source: str, said: Availability) -> None:
        """A device's own word, or its last will; of a device that is not known it changes nothing."""
        monotonic = self._monotonic()
        device = key_of(source, said.device, "")
        self._present.pop(device, None)
        if said.online:
            while len(self._present) >= MOST_PRESENT:
                del self._present[next(iter(self._present))]
            self._present[device] = monotonic
        for record in self._directory.records():
            if not any(_is_of(key, device) for key in record.sensor.keys):
                continue
            if said.online:
                record.online = record.online or Online(monotonic)
                if record.gone_at is not None and record.sensor.state is SensorState.SILENT:
                    record.heard_at = monotonic
                    self._back(record)
            else:
                online, record.online = record.online, None
                if (
                    record.sensor.state is SensorState.ACTIVE
                    and online
                    and _stays(record, monotonic - online.since, online)
                ):
                    record.gone_at = self._now()
                    self._fell_silent(record, *_last_will())

    def _online_since(self, record: Record) -> Online | None:
        """Of a sensor that registers after its device said that it is there."""
        device = record.sensor.key.partition("#")[0] if self._present else ""
        while device:
            if device in self._present:
                return Online(self._present[device])
            device = device.rpartition("/")[0]
        return None

    def database(self, *, up: bool) -> None:
        """The database stopped or came back: what is not stored is no sign of life, and nobody is to blame for it."""
        if self._stored_nothing and up:
            monotonic = self._monotonic()
            for record in self._directory.records():
                if record.heard_at is not None:
                    record.heard_at = monotonic
        self._stored_nothing = not up

    def source(self, source: str, *, up: bool) -> None:
        """A driver came up or went down. While it is down nobody can be heard, which is told of the driver and of no
        sensor; after that each has one limit of time to speak.
        """
        if not up:
            self._down.add(source)
        elif source in self._down:
            self._down.discard(source)
            monotonic = self._monotonic()
            for record in self._directory.records():
                if record.heard_at is not None and source_of(record.sensor.key) == source:
                    record.heard_at = monotonic

    def tick(self) -> None:
        """Once a second: who has been silent for too long?"""
        monotonic = self._monotonic()
        while self._deadlines and self._deadlines[0][0] <= monotonic:
            deadline, sensor_id = heapq.heappop(self._deadlines)
            if self._deadline_of.get(sensor_id) != deadline:
                continue  # an earlier one took its place
            del self._deadline_of[sensor_id]
            record = self._directory.record(sensor_id)
            limit = silent_after(record) if record is not None else None
            if record is None or limit is None or record.heard_at is None:
                continue
            if record.heard_at + limit > monotonic:
                self._watch_for(record, record.heard_at + limit)
            elif self._stored_nothing or source_of(record.sensor.key) in self._down:
                self._watch_for(record, monotonic + limit)
            elif record.sensor.state is SensorState.ACTIVE:
                self._fell_silent(record, *_no_data(monotonic - record.heard_at, record.rhythm.usual), monotonic)

    def start(self) -> None:
        """After a restart every sensor that ever spoke has one silence limit of time to speak again."""
        monotonic = self._monotonic()
        for record in self._directory.records():
            limit = silent_after(record)
            if limit is not None and record.latest.time and record.sensor.state is SensorState.ACTIVE:
                record.heard_at = monotonic
                self._watch_for(record, monotonic + limit)

    def _heard(self, record: Record) -> None:
        if record.heard_at is None:
            return
        if record.sensor.state is SensorState.SILENT:
            self._back(record)
        limit = silent_after(record)
        if limit is not None:
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
        """Look at it then, unless that is done sooner anyway: a word puts a deadline off only when it comes."""
        if deadline < self._deadline_of.get(record.sensor.id, math.inf):
            self._deadline_of[record.sensor.id] = deadline
            heapq.heappush(self._deadlines, (deadline, record.sensor.id))

    def _fell_silent(self, record: Record, spanish: str, english: str, now: float | None = None) -> None:
        silence = None if now is None or record.heard_at is None else round(now - record.heard_at, 1)
        self._change_state(record, SensorState.SILENT)
        self._episodes.found(Finding(record.sensor.id, AnomalyKind.DISCONNECTED, 1.0, spanish, english, value=silence))
        self._tell(record, Level.WARNING, "sensor_silent", f"sin señal: {spanish}", f"is silent: {english}")

    def _back(self, record: Record) -> None:
        record.gone_at = None
        self._change_state(record, SensorState.ACTIVE)
        self._episodes.normal(record.sensor.id, AnomalyKind.DISCONNECTED, at_once=True)
        self._tell(record, Level.INFO, "sensor_back", "vuelve a enviar datos", "is sending data again")

    def _change_state(self, record: Record, state: SensorState) -> None:
        record.sensor = replace(record.sensor, state=state, updated_at=self._now())
        self._save(record.view())

    def _tell(self, record: Record, level: Level, kind: str, spanish: str, english: str) -> None:
        sensor = record.sensor
        name = sensor.name or sensor.key
        log.log(_LOGGED[level], "sensor %d (%s) %s", sensor.id, sensor.key, english)
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
    """Seconds without a word after which a sensor counts as silent; None where nothing is expected of it: a person
    made it and posts its readings.
    """
    made_by_hand = record.sensor.key == key_without_device(record.sensor.id)
    return None if made_by_hand and record.rhythm.usual is None else record.rhythm.limit


def _is_of(key: str, device: str) -> bool:
    """Whether a sensor's key is of a device, or of a device behind it."""
    return key == device or key.startswith((device + "#", device + "/"))


def _stays(record: Record, seconds: float, online: Online) -> bool:
    """Whether a device that was online for so long stays so between its readings."""
    usual = record.rhythm.usual
    return usual is not None and online.heard >= 3 and seconds >= max(STAYS_SECONDS, STAYS_INTERVALS * usual)


def _no_data(silence: float, usual: float | None) -> tuple[str, str]:
    if usual is None:
        return f"sin datos desde hace {silence:.0f} s", f"no data for {silence:.0f} s"
    return (
        f"sin datos desde hace {silence:.0f} s; lo habitual es uno cada {usual:.0f} s",
        f"no data for {silence:.0f} s; usually one every {usual:.0f} s",
    )


def _last_will() -> tuple[str, str]:
    return (
        "el propio dispositivo, o su última voluntad, dice que se ha desconectado",
        "the device itself, or its last will, says that it has gone offline",
    )


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
