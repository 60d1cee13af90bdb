"""Scoring: committed readings in, findings and predictions out; it knows neither SQL nor the web.

Nothing here delays a row: readings are offered after their commit, wait in a bounded queue, and are judged together
twice a second in one worker thread, which alone touches the models. What is due to be fitted goes to ``daemon.fits``.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from daemon.derived import ForecastSkill
from daemon.entities import Anomaly, AnomalyKind, StoredReading, Verdict
from daemon.episodes import Finding
from daemon.explaining import explain
from daemon.fits import Fits, Trained
from daemon.fitting import Fitter
from daemon.score_waits import Waits
from daemon.sensor_models import (
    MICROSECONDS,
    SCORED,
    Foreseen,
    History,
    Judged,
    Observation,
    Outlook,
    SensorModel,
    SensorModels,
)
from ml.base import Arrays, Forecast, Readiness, Score, Skill

log = logging.getLogger("sereno.scoring")

_T = TypeVar("_T")

GATHER = 0.5
"""Seconds in which committed readings gather before they are judged: every score is there within a second."""

FORESEE = 0.05
"""Seconds for the forecasters at a time, and then as long for the rest of the daemon: no score waits for a forecast."""

WAITING = 50_000
"""Readings that may wait: a burst of ten seconds; beyond that the oldest are dropped and counted."""

ROOM, ROOM_PATIENCE = 500, 10.0
"""Rows that may wait before a recording does, and the seconds that it waits at most: two weeks of past would else be
held in memory (450 bytes a row), and more than WAITING dropped."""

HISTORY = 28 * 86_400 * MICROSECONDS
"""How far back (µs) a sensor without a stored model is replayed."""

FRESH = 3600 * MICROSECONDS
"""Readings older than this (µs) are history: they teach, and raise no alarm now."""

OLD_ROWS, OLD_QUIET = 100, 5.0
"""Rows of a sensor's past that came after newer ones, and seconds since the last, before its models live it again."""

SAVE_AT_STOP = 3.0
"""Seconds that the last save may take; what is not saved is replayed from history at the next start."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """One forecast: ``value`` is the mean of the 15 minutes that end at ``predicted_at`` (µs); 90 % interval.

    One that warns has a ``probability`` (0..1) and comments in both languages, that of a place its ``location_id``.
    """

    sensor_id: int
    quantity: str
    horizon_s: int
    value: float
    lower: float
    upper: float
    predicted_at: int
    model: str
    location_id: int | None = None
    probability: float | None = None
    comment: str | None = None
    comment_en: str | None = None


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One sensor's models, for ``sereno status``. Times in µs.

    ``warm_up``: seconds of history that its detector has behind it, and that it takes to be ready.
    """

    sensor_id: int
    detector: Readiness
    warm_up: tuple[float, float]
    rows: int
    detector_fitted_at: int | None
    forecast_fitted_at: int | None
    anomalous: bool
    error: str | None


@dataclass(slots=True)
class Counters:
    scored: int = 0
    skipped: int = 0  # late, or of a sensor that is gone
    dropped: int = 0  # the worker was behind
    predictions: int = 0
    waits: Waits = field(default_factory=Waits)


@dataclass(frozen=True, slots=True)
class Judgement:
    """An anomaly that a person has judged; ``corrected``: it had been called false, which the model has learnt from."""

    anomaly: Anomaly
    corrected: bool


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom scoring tells; all are called on the loop and must not block.

    ``found`` takes what one reading shows of a sensor's quantities, the oddest first; ``normal`` the quantity of a
    sensor whose anomaly is over; ``outlooks`` all that is expected of some series, published or not.
    """

    found: Callable[[Sequence[Finding]], None]
    normal: Callable[[int, str], None]
    predicted: Callable[[Sequence[Predicted]], None]
    trained: Callable[[Trained], None]
    outlooks: Callable[[Sequence[Outlook]], None]


class Scoring:
    """``history(sensor_id, since)`` gives a sensor's valid readings after ``since`` (µs), oldest first.

    ``verdicts(sensor_id)`` gives its anomalies that a person has judged, oldest first: a model that is made anew heeds
    them again.
    """

    def __init__(
        self,
        models: SensorModels,
        history: Callable[[int, int], Awaitable[History]],
        verdicts: Callable[[int], Awaitable[Sequence[Anomaly]]],
        outlets: Outlets,
        fitter: Fitter,
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
        gather: float = GATHER,
    ) -> None:
        self._models = models
        self._history = history
        self._verdicts = verdicts
        self._outlets = outlets
        self._now = now
        self._monotonic = monotonic
        self._gather = gather
        self._worker = ThreadPoolExecutor(1, "scoring")
        self._queue: deque[tuple[float, Sequence[StoredReading]]] = deque()
        self._waiting = 0
        self._offered = asyncio.Event()
        self._progress = asyncio.Event()
        self._fresh: set[int] = set()
        self._gone: set[int] = set()
        self._old: dict[int, tuple[int, float]] = {}
        self._unsaved: set[int] = set()
        self._to_keep: set[int] = set()  # once their forecasters have caught up
        self._judged: list[Judgement] = []
        self._saving = asyncio.Lock()
        self.counters = Counters()
        self.fits = Fits(models, fitter, self._in_worker, self._adopted, outlets.trained, now, monotonic)

    def offer(self, readings: Sequence[StoredReading]) -> None:
        """Committed rows, in commit order. Never blocks: beyond WAITING the oldest rows are dropped and counted."""
        if not readings:
            return
        self._queue.append((self._monotonic(), readings))
        self._waiting += len(readings)
        while self._waiting > WAITING and len(self._queue) > 1:
            _, oldest = self._queue.popleft()
            self._waiting -= len(oldest)
            self.counters.dropped += len(oldest)
        self._offered.set()

    async def room(self) -> None:
        """Until the models have almost caught up: for sources that can wait. A fault in the models holds none up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_PATIENCE):
                while self._waiting + self._models.unseen > ROOM:
                    self._progress.clear()
                    await self._progress.wait()

    def appeared(self, sensor_ids: Iterable[int]) -> None:
        """Sensors that were created just now: they have no history to look for."""
        self._fresh.update(sensor_ids)

    def deleted(self, sensor_ids: Iterable[int]) -> None:
        """Sensors that are gone: their models go too."""
        self._gone.update(sensor_ids)
        self._offered.set()

    def heed(self, judgement: Judgement) -> None:
        """A person has judged an anomaly that a model found: the sensor's model alarms accordingly from now on."""
        self._judged.append(judgement)
        self._offered.set()

    @property
    def waiting(self) -> int:
        """Committed readings that have no score yet."""
        return self._waiting

    @property
    def lag(self) -> float:
        """Seconds that the oldest of them has waited."""
        return self._monotonic() - self._queue[0][0] if self._queue else 0.0

    async def run(self, sensor_ids: Iterable[int]) -> None:
        """Score until cancelled. ``sensor_ids`` are those known at start: their models are loaded and caught up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.fits.run(), name="fitting")
                for sensor_id in sensor_ids:
                    if sensor_id not in self._models:
                        await self._open(sensor_id)
                while True:
                    await self._offered.wait()
                    await self._gathered()
                    await self.drain()
        finally:
            await self.fits.close()
            await self._in_worker(self._save_all)

    async def _gathered(self) -> None:
        """Until the oldest that waits has waited long enough; what the forecasters have not seen they see meanwhile."""
        while (self._queue or self._models.unseen) and (rest := self._gather - self.lag) > 0:
            if not self._models.unseen:
                await asyncio.sleep(rest)
                continue
            self._predict(await self._in_worker(lambda: self._models.foresee(FORESEE)))
            self._progress.set()
            await asyncio.sleep(min(FORESEE, max(0.0, self._gather - self.lag)))

    async def drain(self) -> None:
        """Judge all that waits."""
        self._offered.clear()
        queue, self._queue, self._waiting = self._queue, deque(), 0
        gone, self._gone = self._gone, set()
        readings = [reading for _, batch in queue for reading in batch if reading.sensor_id not in gone]
        for sensor_id in gone:
            await self._forget(sensor_id)
        await self._open_all({reading.sensor_id for reading in readings})
        await self._heed_all()
        if readings:
            judged = await self._in_worker(lambda: self._models.judge(readings))
            self._tell(judged)
            await self._relive(judged.old)
            self._unsaved.update(reading.sensor_id for reading in readings)
            judged_at = self._monotonic()
            for offered_at, batch in queue:
                self.counters.waits.add(judged_at - offered_at, len(batch))
        self._predict(await self._in_worker(lambda: self._models.foresee(FORESEE)))
        self._progress.set()
        if self._models.unseen:
            self._offered.set()
        else:
            to_keep, self._to_keep = self._to_keep, set()
            for sensor_id in to_keep:
                await self._keep(sensor_id)

    def status(self, sensor_id: int) -> ModelStatus | None:
        """None for a sensor that no reading has been seen of."""
        model = self._models.get(sensor_id)
        return None if model is None else _status(sensor_id, model, self.fits.errors.get(sensor_id))

    def skills(self, sensor_id: int) -> list[ForecastSkill]:
        """How good its forecasts have been, quantity by quantity; [] where none was judged yet."""
        model = self._models.get(sensor_id)
        if model is None:
            return []
        forecasters = [model.forecasters[quantity] for quantity in SCORED if quantity in model.forecasters]
        return [_skill(skill) for forecaster in forecasters for skill in forecaster.skills()]

    async def _open_all(self, sensor_ids: set[int]) -> None:
        """Make these sensors' models ready: those of new sensors at once, a thousand may appear together."""
        unknown = [sensor_id for sensor_id in sensor_ids if sensor_id not in self._models]
        fresh = self._fresh.intersection(unknown)
        if fresh:
            self._fresh -= fresh
            await self._in_worker(lambda: self._introduce(fresh))
        for sensor_id in unknown:
            if sensor_id not in fresh:
                await self._open(sensor_id)

    def _introduce(self, sensor_ids: Iterable[int]) -> None:
        for sensor_id in sensor_ids:
            self._models.introduce(sensor_id)

    async def _open(self, sensor_id: int) -> None:
        """Make a known sensor's models ready: stored ones caught up with what was committed since, or new ones."""
        try:
            seen = await self._in_worker(lambda: self._models.load(sensor_id))
            history = await self._history(sensor_id, self._now() - HISTORY if seen is None else seen)
            verdicts = await self._verdicts(sensor_id) if seen is None else ()
            model = await self._in_worker(lambda: self._caught_up(sensor_id, history, verdicts))
        except BaseException:
            self._models.forget(sensor_id)  # one that lacks its past must not pass for one that has it
            raise
        self._opened(sensor_id, model)

    def _opened(self, sensor_id: int, model: SensorModel) -> None:
        for quantity in sorted(set(SCORED) - model.anomalous):
            self._outlets.normal(sensor_id, quantity)
        if model.fit_due():
            self.fits.want([sensor_id])

    async def _relive(self, old: Sequence[int]) -> None:
        """Models only go forward: those of sensors whose past came late (an import) are made anew from all of it."""
        now = self._monotonic()
        for sensor_id in old:
            self._old[sensor_id] = (self._old.get(sensor_id, (0, now))[0] + 1, now)
        for sensor_id, (rows, last) in list(self._old.items()):
            if rows >= OLD_ROWS and now - last >= OLD_QUIET:
                await self._remake(sensor_id)
                del self._old[sensor_id]

    async def _remake(self, sensor_id: int) -> None:
        history = await self._history(sensor_id, self._now() - HISTORY)
        verdicts = await self._verdicts(sensor_id)
        self._opened(sensor_id, await self._in_worker(lambda: self._anew(sensor_id, history, verdicts)))

    def _anew(self, sensor_id: int, history: History, verdicts: Sequence[Anomaly]) -> SensorModel:
        self._models.introduce(sensor_id)
        return self._caught_up(sensor_id, history, verdicts)

    def _caught_up(self, sensor_id: int, history: History, verdicts: Sequence[Anomaly]) -> SensorModel:
        self._models.replay(sensor_id, history)
        for anomaly in verdicts:
            self._teach(anomaly)
        model = self._models.get(sensor_id)
        assert model is not None  # noqa: S101 - loaded before, and forgotten in this thread only
        return model

    async def _heed_all(self) -> None:
        """What a person said is saved at once: nobody says it twice. What is learnt from a false alarm cannot be taken
        out again, so a correction makes the model anew.
        """
        judged, self._judged = self._judged, []
        for anomaly, corrected in ((judgement.anomaly, judgement.corrected) for judgement in judged):
            if anomaly.sensor_id not in self._models:
                continue
            if corrected:
                await self._remake(anomaly.sensor_id)
            else:
                await self._in_worker(lambda: self._teach(anomaly))  # noqa: B023
            await self._keep(anomaly.sensor_id)

    def _teach(self, anomaly: Anomaly) -> None:
        quantities, feature = anomaly.quantities, anomaly.feature
        if quantities and feature is not None and anomaly.verdict is not None:
            genuine = anomaly.verdict is Verdict.TRUE
            self._models.verdict(anomaly.sensor_id, quantities, feature, anomaly.score, genuine=genuine)

    async def _forget(self, sensor_id: int) -> None:
        await self._in_worker(lambda: self._models.forget(sensor_id, for_good=True))
        self.fits.forget(sensor_id)
        self._old.pop(sensor_id, None)
        self._unsaved.discard(sensor_id)
        self._to_keep.discard(sensor_id)

    def _tell(self, judged: Judged) -> None:
        self.counters.scored += len(judged.scores)
        self.counters.skipped += judged.skipped
        for sensor_id, quantity in judged.recovered:
            self._outlets.normal(sensor_id, quantity)
        fresh = self._now() - FRESH
        alarms = [
            (o, score)
            for o, score in judged.scores
            if o.time >= fresh
            and score.readiness is Readiness.READY  # until then the watch tells of what cannot be, and limits hold
            and (score.alarm or self._models.still_to_tell(o.sensor_id, score))
        ]
        for _, together in groupby(alarms, key=lambda alarm: id(alarm[0])):
            findings = [_finding(observation, score) for observation, score in together]
            self._outlets.found(sorted(findings, key=lambda finding: finding.score, reverse=True))
        self.fits.want(judged.due)

    def _predict(self, foreseen: Foreseen) -> None:
        """Tell what has not come yet: a prediction of what is known already is none."""
        now = self._now()
        ahead = [p for sensor_id, forecast in foreseen.due if (p := _predicted(sensor_id, forecast)).predicted_at > now]
        if ahead:
            self.counters.predictions += len(ahead)
            self._outlets.predicted(ahead)
        fresh = [outlook for outlook in foreseen.outlooks if outlook.made_at * MICROSECONDS >= now - FRESH]
        if fresh:
            self._outlets.outlooks(fresh)

    async def _adopted(self, sensor_id: int) -> None:
        """A fit is in use: what it foretells is told, and it is saved."""
        self._offered.set()
        await self._keep(sensor_id)

    async def _keep(self, sensor_id: int) -> None:
        """Save a sensor's models, at once or when its forecasters have caught up; the disk may take its time, so the
        worker does not wait for it."""
        async with self._saving:  # of two that save one sensor, the later has the later state
            state = await self._in_worker(lambda: self._models.state(sensor_id))
            if state is None:
                if sensor_id in self._models:
                    self._to_keep.add(sensor_id)
                return
            self._unsaved.discard(sensor_id)
            await asyncio.to_thread(self._save, sensor_id, state)
        if sensor_id not in self._models:  # deleted meanwhile
            await self._forget(sensor_id)

    def _save(self, sensor_id: int, state: Arrays) -> None:
        try:
            self._models.save(sensor_id, state)
        except OSError as error:
            log.warning("the models of sensor %d could not be saved: %s", sensor_id, error)

    def _save_all(self) -> None:
        deadline = self._monotonic() + SAVE_AT_STOP
        self._models.foresee(SAVE_AT_STOP / 3)
        for sensor_id in list(self._unsaved):
            if self._monotonic() > deadline:
                return
            state = self._models.state(sensor_id)
            if state is not None:
                self._save(sensor_id, state)
                self._unsaved.discard(sensor_id)

    async def _in_worker(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


def _finding(observation: Observation, score: Score) -> Finding:
    spanish, english = explain(score)
    return Finding(
        observation.sensor_id,
        AnomalyKind.UNUSUAL_PATTERN,
        score.likelihood,
        spanish,
        english,
        value=score.value,
        reading_id=observation.reading_id,
        quantity=score.quantity,
        feature=score.feature,
    )


def _predicted(sensor_id: int, forecast: Forecast) -> Predicted:
    return Predicted(
        sensor_id,
        forecast.quantity,
        round(forecast.horizon),
        round(float(forecast.value), 2),  # what float32 adds to 54.4 no sensor has measured
        round(float(forecast.lower), 2),
        round(float(forecast.upper), 2),
        round((forecast.made_at + forecast.horizon) * MICROSECONDS),
        forecast.model,
    )


def _skill(skill: Skill) -> ForecastSkill:
    return ForecastSkill(
        skill.quantity,
        round(skill.horizon),
        skill.judged,
        skill.coverage,
        skill.error,
        skill.naive,
        None if math.isnan(skill.skill) else skill.skill,
    )


def _status(sensor_id: int, model: SensorModel, error: str | None) -> ModelStatus:
    forecasts = [f.fitted_at for f in model.forecasters.values() if f.fitted_at is not None]
    detected = model.detector.fitted_at
    return ModelStatus(
        sensor_id,
        model.detector.readiness,
        model.detector.warm_up,
        model.detector.rows,
        None if detected is None else round(detected * MICROSECONDS),
        round(max(forecasts) * MICROSECONDS) if forecasts else None,
        bool(model.anomalous),
        error,
    )
