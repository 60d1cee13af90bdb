"""Assesses what threatens each sensor's place after each round of forecasts, and warns of it.

Hourly means come from the database, forecasts from the models; the arithmetic is ``ml.risks``'. The mould index adds up
over months, so it is kept in a file; what it lacks (at a first start, or of a past that was imported) is read from the
stored readings of the last four weeks.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import orjson
from sqlalchemy.exc import SQLAlchemyError

from daemon.api.words import RISKS
from daemon.derived import PlaceRisk
from daemon.durable_files import replaced
from daemon.entities import Location, Sensor
from daemon.forewarning import Forewarnings, Subject
from daemon.repository import locations, predictions, statistics
from daemon.repository.readings import Unfolded
from daemon.repository.reads import Reads
from daemon.repository.statistics import Period
from daemon.risk_words import heads, say
from daemon.scoring import Predicted
from daemon.sensor_models import Outlook
from ml import air, crossing, risks
from ml.base import Floats
from ml.features import BIN
from ml.risks import LIMITS, Assessment, Hours, Level, Mould, Risk

log = logging.getLogger("sereno.risks")

EVERY = 60.0
"""Seconds between two looks for new forecasts: they come with each quarter of an hour."""

HOUR = 3600 * 1_000_000  # µs

WEEK, FOUR_WEEKS = 7 * 24, 28 * 24  # hours

FRESH = 2 * HOUR
"""µs after which a forecast, or a sensor's last reading, tells nothing of now."""

TOLD_WITHIN = 48 * HOUR
"""µs before a start in which a warning was told that may still stand."""

VERSION = 1
"""Of the file; an index that another version has kept is made anew."""

Expected = Mapping[str, crossing.Path | None]
"""What is expected of a sensor's temperature and humidity; None: nothing now."""


class Sensors(Protocol):
    """The directory."""

    def all(self) -> Sequence[Sensor]: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """``watch``: which risks are assessed; ``outside``: key or name of the sensor that hangs outdoors; ``path``: the
    file of the mould indices.
    """

    watch: frozenset[Risk]
    outside: str | None
    path: Path


@dataclass(frozen=True, slots=True)
class Grown:
    """The mould index of the hours from ``since`` to before ``until`` (both counted from 1970)."""

    since: int
    until: int
    mould: Mould


@dataclass(slots=True)
class _Place:
    """What is known of one sensor's place; ``seen`` (µs): when what was looked at last came to be."""

    hours: Hours
    seen: int = 0
    found: Sequence[PlaceRisk] = ()


class Risks:
    """``now`` is µs since 1970 UTC, ``clock_set`` says whether to believe it."""

    def __init__(
        self,
        settings: Settings,
        *,
        sensors: Sensors,
        reads: Reads,
        unfolded: Unfolded | None,
        warnings: Forewarnings,
        now: Callable[[], int],
        clock_set: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._sensors = sensors
        self._reads = reads
        self._unfolded = unfolded
        self._warnings = warnings
        self._now = now
        self._clock_set = clock_set
        self._outlooks: dict[int, dict[str, Outlook]] = {}
        self._places: dict[int, _Place] = {}
        self._grown: dict[int, Grown] = {}
        self._told: set[Subject] = set()
        """Indices that were told, whose rows have no probability by which ``warnings`` would know them again."""
        self._changed = False

    def foreseen(self, outlooks: Sequence[Outlook]) -> None:
        """All that the models expect of some series."""
        for outlook in outlooks:
            self._outlooks.setdefault(outlook.sensor_id, {})[outlook.quantity] = outlook

    def of(self, sensor_id: int) -> Sequence[PlaceRisk]:
        """As assessed last; empty for a sensor that says nothing now."""
        place = self._places.get(sensor_id)
        return place.found if place is not None else ()

    async def run(self) -> None:
        """For ever, beside everything else: nothing waits for it."""
        loaded = False
        while True:
            await asyncio.sleep(EVERY)
            if self._clock_set():
                try:
                    if not loaded:
                        await self.load()
                        loaded = True
                    await self.look()
                except SQLAlchemyError as error:
                    log.warning("risks are assessed again when the database answers: %s", error)

    async def look(self) -> None:
        """Assess every sensor of which there are new forecasts, or a new hour."""
        now = self._now()
        heard = [s for s in self._sensors.all() if not s.ignored and (s.last_reading_at or 0) > now - FRESH]
        for gone in self._places.keys() - {sensor.id for sensor in heard}:
            del self._places[gone]
            self._outlooks.pop(gone, None)
        outside = self._outdoors(heard)
        where = await self._reads(locations.of_each_sensor)
        for sensor in sorted(heard, key=lambda each: each.id != outside):  # the one outside first: others need it
            newest = self._newest(sensor.id, now)
            place = self._places.get(sensor.id)
            if place is None or newest > place.seen:
                place = await self._read_up(sensor.id, outside, now)
                self._assess(sensor, place, outside, where.get(sensor.id), now)
                place.seen = newest
                await asyncio.sleep(0)  # a few milliseconds each: readings come between
        if self._changed:
            self._changed = False
            known = {sensor.id for sensor in self._sensors.all()}
            self._grown = {sensor_id: grown for sensor_id, grown in self._grown.items() if sensor_id in known}
            self._told = {subject for subject in self._told if subject.sensor_id in known}
            await asyncio.to_thread(self._save, self._file())

    def _outdoors(self, heard: Iterable[Sensor]) -> int | None:
        wanted = self._settings.outside
        return next((s.id for s in heard if wanted is not None and wanted in (*s.keys, s.name)), None)

    def _newest(self, sensor_id: int, now: int) -> int:
        """When this hour began, or the forecasts were made, whichever came last (µs)."""
        made = (round(outlook.made_at * 1e6) for outlook in self._outlooks.get(sensor_id, {}).values())
        return max([now - now % HOUR, *made])

    # -- the past

    async def _read_up(self, sensor_id: int, outside: int | None, now: int) -> _Place:
        """The last week's hourly means, and the mould index up to this hour."""
        end = now // HOUR
        place = self._places.get(sensor_id)
        if place is not None and place.hours.end == end:
            return place
        hours = await self._hours(sensor_id, end, WEEK)
        if place is None:
            place = self._places[sensor_id] = _Place(hours)
        else:
            place.hours = hours
        if Risk.MOULD in self._settings.watch and sensor_id != outside:
            self._grown[sensor_id] = await self._grow(sensor_id, hours, outside)
            self._changed = True
        return place

    async def _grow(self, sensor_id: int, hours: Hours, outside: int | None) -> Grown:
        grown, first, end = self._grown.get(sensor_id), _first_known(hours), hours.end
        if grown is None or (first is not None and first < grown.since):  # nothing is kept, or a past was imported
            hours = await self._hours(sensor_id, end, FOUR_WEEKS)
            first = _first_known(hours)
            grown = Grown(end if first is None else first, end - FOUR_WEEKS, Mould())
        elif grown.until < end - WEEK:
            hours = await self._hours(sensor_id, end, FOUR_WEEKS)
        without = None if outside is None else await self._hours(outside, end, len(hours.temperature))
        surface, humidity = _at_surface(hours, without)
        unseen = max(0, grown.until - (end - len(surface)))
        mould = grown.mould
        for t, h in zip(surface[unseen:].tolist(), humidity[unseen:].tolist(), strict=True):
            mould = risks.grow(mould, t, h)
        return Grown(grown.since, end, mould)

    async def _hours(self, sensor_id: int, end: int, count: int) -> Hours:
        start = end - count
        period = Period(sensor_id, start * HOUR, end * HOUR)
        means = await self._reads(lambda conn: statistics.hourly(conn, period, self._unfolded))
        found = Hours(end, np.full(count, math.nan), np.full(count, math.nan))
        for mean in means:
            found.temperature[mean.hour - start] = math.nan if mean.temperature is None else mean.temperature
            found.humidity[mean.hour - start] = math.nan if mean.humidity is None else mean.humidity
        return found

    # -- what is to come

    def _assess(self, sensor: Sensor, place: _Place, outside: int | None, where: Location | None, now: int) -> None:
        expected = {
            quantity: self._path(sensor.id, quantity, place.hours, now) for quantity in ("temperature", "humidity")
        }
        name = (where and where.description) or sensor.name or sensor.key
        about = Subject(sensor.id, where.id if where is not None else None, name)
        found = list(self._found(sensor.id, place.hours, expected, outside, now))
        place.found = [_shown(each, about, now) for each in found]
        for each in found:
            path = expected["temperature" if each.risk is Risk.FROST else "humidity"]
            if path is not None:
                self._warn(each, about, path)

    def _path(self, sensor_id: int, quantity: str, hours: Hours, now: int) -> crossing.Path | None:
        outlook = self._outlooks.get(sensor_id, {}).get(quantity)
        if outlook is None or outlook.made_at * 1e6 < now - FRESH:
            return None
        level, past = outlook.level, hours.temperature if quantity == "temperature" else hours.humidity
        usual = risks.along_usual_days(crossing.expected_path(level, outlook.forecasts), past, hours.end)
        return crossing.expected_path(level, outlook.forecasts, outlook.day) if usual is None else usual

    def _found(
        self, sensor_id: int, hours: Hours, expected: Expected, outside: int | None, now: int
    ) -> Iterable[Assessment]:
        watch, temperature, humidity = self._settings.watch, expected["temperature"], expected["humidity"]
        out = self._places.get(outside) if outside is not None else None
        if Risk.FROST in watch and temperature is not None:
            yield from _some(risks.frost(temperature, hours.temperature))
        if sensor_id != outside and temperature is not None and humidity is not None and Risk.CONDENSATION in watch:
            without = None if out is None or outside is None else self._path(outside, "temperature", out.hours, now)
            yield from _some(risks.condensation(temperature, humidity, without))
        grown = self._grown.get(sensor_id)  # also of a file that was kept while mould was watched
        if Risk.MOULD in watch and sensor_id != outside and grown is not None and _first_known(hours) is not None:
            _, humidity_there = _at_surface(hours, out.hours if out is not None else None)
            yield risks.mould_risk(grown.mould, humidity_there)
        if Risk.DROUGHT in watch:
            yield from _some(risks.drought(hours, temperature, humidity))

    # -- warnings

    def _warn(self, found: Assessment, about: Subject, path: crossing.Path) -> None:
        """Tell it where it has become probable enough; an index, where it reaches MEDIUM and again at HIGH."""

        def make() -> Predicted:
            return _row(found, about, path)

        if found.index is None:
            subject = about._replace(words=heads(found.risk, found.level, about.words)[1])
            self._warnings.look(subject, found.degree, make)
            if found.now:  # what nobody foresaw is told, too; after that it must be over before it is told again
                self._warnings.came(subject)
            return
        for level in (Level.MEDIUM, Level.HIGH):
            self._warn_index(found, about._replace(words=heads(found.risk, level, about.words)[1]), level, make)

    def _warn_index(self, found: Assessment, subject: Subject, level: Level, make: Callable[[], Predicted]) -> None:
        def told() -> Predicted:
            self._told.add(subject)
            self._changed = True
            return make()

        share = found.degree / LIMITS[found.risk][level - 1]
        if share < 0.5 and subject in self._told:
            self._told.discard(subject)
            self._changed = True
        if level < found.level:  # a higher one tells it
            self._warnings.came(subject)
        else:
            self._warnings.look(subject, min(1.0, share * self._warnings.level), told)

    # -- the file

    async def load(self) -> None:
        """Take over what was kept, and what was told before a restart."""
        since = self._now() - TOLD_WITHIN
        self._warnings.load(await self._reads(lambda conn: predictions.warnings(conn, since)))
        await asyncio.to_thread(self._load)
        for subject in self._told:
            self._warnings.recall(subject)

    def _load(self) -> None:
        try:
            stored: Any = orjson.loads(self._settings.path.read_bytes())
            if stored["version"] != VERSION:
                return
            self._grown = {
                each["sensor_id"]: Grown(each["since"], each["until"], Mould(**each["mould"]))
                for each in stored["grown"]
            }
            self._told = {Subject(*each) for each in stored["told"]}
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s cannot be used, mould indices begin anew: %s", self._settings.path, error)

    def _file(self) -> bytes:
        grown = [{"sensor_id": sensor_id, **asdict(each)} for sensor_id, each in self._grown.items()]
        return orjson.dumps({"version": VERSION, "grown": grown, "told": [list(subject) for subject in self._told]})

    def _save(self, content: bytes) -> None:
        try:
            replaced(self._settings.path, content)
        except OSError as error:
            log.warning("the mould indices could not be saved: %s", error)


def _some(found: Assessment | None) -> Iterable[Assessment]:
    return () if found is None else (found,)


def _first_known(hours: Hours) -> int | None:
    known = np.flatnonzero(~np.isnan(hours.temperature) & ~np.isnan(hours.humidity))
    return hours.end - len(hours.temperature) + int(known[0]) if len(known) else None


def _at_surface(hours: Hours, outside: Hours | None) -> tuple[Floats, Floats]:
    """°C of, and % at, the coldest surface in each hour."""
    surface = risks.surface_temperature(hours.temperature, math.nan if outside is None else outside.temperature)
    return surface, air.humidity_at(hours.temperature, hours.humidity, surface)


def _shown(found: Assessment, about: Subject, now: int) -> PlaceRisk:
    spanish, english = say(found, about.words)
    return PlaceRisk(
        risk=found.risk.value,
        level=found.level.name.lower(),
        probability=found.probability,
        index=found.index,
        horizon_s=round(found.lead),
        comment=spanish,
        comment_en=english,
        location_id=about.location_id,
        assessed_at=now,
    )


def _row(found: Assessment, about: Subject, path: crossing.Path) -> Predicted:
    """A prediction of the quantity where the risk is greatest: of what is so already the next quarter of an hour, of
    an index what it looks ahead to.
    """
    farthest = round(len(path.centre) * BIN)
    lead = round(found.lead or (BIN if found.index is None else farthest))
    value, lower, upper = path.at(lead)
    spanish, english = say(found, about.words)
    return Predicted(
        sensor_id=about.sensor_id,
        quantity="temperature" if found.risk is Risk.FROST else "humidity",
        horizon_s=lead,
        value=round(value, 2),
        lower=round(lower, 2),
        upper=round(upper, 2),
        predicted_at=round((path.made_at + lead) * 1e6),
        model=RISKS[found.risk],
        location_id=about.location_id,
        probability=found.probability,
        comment=spanish,
        comment_en=english,
    )
