"""The models of each sensor and what they make of readings; lives in the scoring worker's thread, no asyncio here."""

import logging
import math
import time as clock
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.entities import Quality, StoredReading
from ml import store
from ml.anomaly import VERSION, ForestDetector, observe_many
from ml.base import Arrays, Floats, Forecast, Score, named, part
from ml.features import BIN
from ml.forecast import MixForecaster
from ml.forest import ForestBank
from ml.gate import POSSIBLE
from ml.peers import Peers
from ml.slow import Place

MICROSECONDS = 1_000_000
SCORED = ("temperature", "humidity")

_AT_ONCE = 512
"""Readings judged in one pass: the arrays of a pass stay within a processor's cache."""

log = logging.getLogger("sereno.scoring")

OLD = 3600.0
"""Seconds behind a sensor's newest reading: no delay of the network, a past that comes afterwards."""

UNSEEN = 50_000
"""Observations that the forecasters may be behind the detectors: minutes of a thousand sensors, some 10 MB."""


@dataclass(frozen=True, slots=True)
class History:
    """Readings of one sensor, oldest first: µs since 1970 UTC, °C, %; NaN where a row lacks the quantity."""

    times: NDArray[np.int64]
    temperature: Floats
    humidity: Floats


@dataclass(frozen=True, slots=True)
class Observation:
    """What one sensor measured within one second: mean values, the last reading's id and time (µs).

    Not ``valid``: no sensor can have measured it; the detector says so, and nothing else sees it.
    """

    sensor_id: int
    reading_id: int
    time: int
    values: Mapping[str, float]
    valid: bool = True


@dataclass(slots=True)
class SensorModel:
    """``anomalous``: the quantities that have an anomaly open; ``published``: the forecasts told last.

    ``untold``: those whose anomaly began in a past that was replayed silently, and is to be told if it still lasts.
    ``adopted``: forecasters were fitted for the first time, and what they say now has not been asked for yet.
    ``unseen``: observations that the detector has seen and the forecasters have not.
    """

    detector: ForestDetector
    forecasters: dict[str, MixForecaster] = field(default_factory=dict)
    anomalous: frozenset[str] = frozenset()
    untold: set[str] = field(default_factory=set)
    published: dict[tuple[str, float], Forecast] = field(default_factory=dict)
    adopted: bool = False
    unseen: int = 0

    @property
    def last_time(self) -> float:
        """Of the newest value seen (s), -inf before the first; where no detector looks, its quarter of an hour."""
        opened = [f.bins.open * BIN for f in self.forecasters.values() if f.bins.open is not None]
        return max(self.detector.last_time, *opened, -math.inf)

    def fit_due(self) -> bool:
        return self.detector.fit_due() or any(f.fit_due() for f in self.forecasters.values())


@dataclass(slots=True)
class Judged:
    """What came of a batch."""

    scores: list[tuple[Observation, Score]] = field(default_factory=list)
    skipped: int = 0
    old: list[int] = field(default_factory=list)  # whose past came, once for each observation
    recovered: list[tuple[int, str]] = field(default_factory=list)  # (sensor, quantity)
    due: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is expected of a series, one forecast per horizon, each time that a quarter of an hour is complete.

    ``level``: the newest quarter's mean, which ends at ``made_at`` (s), when all forecasts were made; ``day``: what is
    usual at each time of day (:meth:`ml.bins.Bins.usual_day`).
    """

    sensor_id: int
    quantity: str
    made_at: float
    level: float
    day: Floats
    forecasts: Sequence[Forecast]


@dataclass(slots=True)
class Foreseen:
    """``due``: what is to be published, with its sensor."""

    due: list[tuple[int, Forecast]] = field(default_factory=list)
    outlooks: list[Outlook] = field(default_factory=list)


class SensorModels:
    """All sensors' models. ``horizons`` in s, empty: no forecasts; ``detecting`` False: no scores."""

    def __init__(self, folder: Path, horizons: Sequence[float], *, detecting: bool) -> None:
        self._folder = folder
        self._horizons = tuple(horizons)
        self._detecting = detecting
        self._bank = ForestBank()
        self._place = Place()  # a daemon's sensors stand in one place, and are each other's reference
        self._peers = Peers()
        self._models: dict[int, SensorModel] = {}
        self._unseen: deque[tuple[int, SensorModel, float, Mapping[str, float], frozenset[str]]] = deque()

    def __contains__(self, sensor_id: int) -> bool:
        return sensor_id in self._models

    def get(self, sensor_id: int) -> SensorModel | None:
        return self._models.get(sensor_id)

    def introduce(self, sensor_id: int) -> SensorModel:
        """A sensor without a past."""
        self.forget(sensor_id)
        model = self._models[sensor_id] = SensorModel(ForestDetector(self._bank, self._place, str(sensor_id)))
        return model

    def load(self, sensor_id: int) -> int | None:
        """Take over what was saved; returns up to when (µs) it has seen the sensor, None if nothing usable is there.

        A model of another version, or a file that is damaged or cannot be read, counts as nothing: it is made anew
        from history.
        """
        model = self.introduce(sensor_id)
        try:
            state = store.load(self._path(sensor_id), VERSION)
            if state is None:
                return None
            self._restore(sensor_id, model, state)
        except (store.StaleModelError, KeyError, ValueError):
            self.introduce(sensor_id)
            return None
        except OSError as error:
            log.warning("the models of sensor %d could not be read and are made anew: %s", sensor_id, error)
            self.introduce(sensor_id)
            return None
        seen = model.last_time
        return None if seen == -math.inf else int(seen * MICROSECONDS)

    def state(self, sensor_id: int) -> Arrays | None:
        """What :meth:`save` keeps of a sensor; None for one that is gone, and for one whose forecasters have not seen
        what its detector has: :meth:`load` gives one moment, from which on history is replayed to both.
        """
        model = self._models.get(sensor_id)
        if model is None or model.unseen:
            return None
        state = named(model.detector.state(), "detector")
        for quantity, forecaster in model.forecasters.items():
            state |= named(forecaster.state(), f"forecast/{quantity}")
        return state

    def save(self, sensor_id: int, state: Arrays) -> None:
        """Write a state to the disk, and wait for it: in any thread. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        store.save(self._path(sensor_id), VERSION, state)

    def forget(self, sensor_id: int, *, for_good: bool = False) -> None:
        model = self._models.pop(sensor_id, None)
        if model is not None:
            model.detector.close()
            for forecaster in model.forecasters.values():
                forecaster.close()
        if for_good:
            self._path(sensor_id).unlink(missing_ok=True)

    def replay(self, sensor_id: int, history: History) -> None:
        """Let a sensor's models live through its past, silently."""
        model = self._models[sensor_id]
        told = model.anomalous - model.untold
        columns = zip(
            (history.times / MICROSECONDS).tolist(),
            history.temperature.tolist(),
            history.humidity.tolist(),
            strict=True,
        )
        for time, temperature, humidity in columns:
            values = {q: v for q, v in zip(SCORED, (temperature, humidity), strict=True) if v == v}
            if values:
                self._detect([(model, time, values)])
                model.anomalous = frozenset(model.detector.open_quantities())
                for forecaster in self._forecasters(sensor_id, model, values).values():
                    forecaster.observe(time, values, model.anomalous)
                told &= model.anomalous
        model.untold = set(model.anomalous - told)

    def verdict(
        self,
        sensor_id: int,
        quantities: Sequence[str],
        feature: str,
        likelihood: float,
        *,
        genuine: bool,
    ) -> None:
        """What a person said of an alarm: see :meth:`ml.anomaly.ForestDetector.verdict`."""
        model = self._models.get(sensor_id)
        if model is not None:
            first, *beside = quantities
            model.detector.verdict(first, feature, likelihood, genuine=genuine, beside=beside)

    def still_to_tell(self, sensor_id: int, score: Score) -> bool:
        """Whether this reading shows an anomaly that began in the replayed past; asking makes it told."""
        model = self._models.get(sensor_id)
        if model is None or not score.anomalous or score.quantity not in model.untold:
            return False
        model.untold.discard(score.quantity)
        return True

    def judge(self, readings: Iterable[StoredReading]) -> Judged:
        """Score committed readings of known sensors, one-second means where a sensor is faster.

        The forecasters see them in :meth:`foresee`, which should follow soon.
        """
        judged = Judged()
        touched: dict[int, SensorModel] = {}
        for batch in _passes(by_second(readings)):
            known = [(o, m) for o in batch if (m := self._models.get(o.sensor_id)) is not None]
            judged.skipped += len(batch) - len(known)
            judged.old += [o.sensor_id for o, m in known if o.time / MICROSECONDS < m.last_time - OLD]
            scored = self._detect([(model, o.time / MICROSECONDS, o.values) for o, model in known])
            for (observation, model), scores in zip(known, scored, strict=True):
                touched[observation.sensor_id] = model
                self._conclude(observation, model, scores, judged)
                if self._horizons and observation.valid:
                    time = observation.time / MICROSECONDS
                    self._unseen.append((observation.sensor_id, model, time, observation.values, model.anomalous))
                    model.unseen += 1
        judged.due = [sensor_id for sensor_id, model in touched.items() if model.fit_due()]
        return judged

    @property
    def unseen(self) -> int:
        """Observations that the forecasters have not seen yet."""
        return len(self._unseen)

    def foresee(self, seconds: float) -> Foreseen:
        """Let the forecasters see what was judged, for so long, or until they are no more than UNSEEN behind.

        At a quarter of an hour all forecasters predict: a millisecond each, which
        no score should wait for.
        """
        foreseen = Foreseen()
        until = clock.monotonic() + seconds
        while self._unseen and (len(self._unseen) > UNSEEN or clock.monotonic() < until):
            sensor_id, model, time, values, flagged = self._unseen.popleft()
            model.unseen -= 1
            if self._models.get(sensor_id) is model:  # one that was made anew has read it in its history
                self._forecast(sensor_id, model, (time, values, flagged), foreseen)
        return foreseen

    def training(self, sensor_id: int, max_rows: int) -> Arrays | None:
        """What a fit of all of a sensor's models needs; None: nothing to fit yet, or the sensor is gone."""
        model = self._models.get(sensor_id)
        if model is None:
            return None
        found = named(model.detector.training(max_rows) or {}, "detector")
        for quantity, forecaster in model.forecasters.items():
            found |= named(forecaster.training(max_rows) or {}, f"forecast/{quantity}")
        return found or None

    def adopt(self, sensor_id: int, fitted: Arrays) -> None:
        """Use a fit from now on; the forecasts that it makes possible come with the next :meth:`foresee`."""
        model = self._models.get(sensor_id)
        if model is None:
            return
        model.detector.adopt(part(fitted, "detector"))
        for quantity, forecaster in model.forecasters.items():
            first = forecaster.fitted_at is None
            forecaster.adopt(part(fitted, f"forecast/{quantity}"))
            if first and forecaster.fitted_at is not None:
                model.adopted = True
        if model.adopted:
            model.published.clear()
            self._unseen.append((sensor_id, model, model.last_time, {}, frozenset()))
            model.unseen += 1

    def _detect(self, readings: Sequence[tuple[SensorModel, float, Mapping[str, float]]]) -> list[list[Score]]:
        if not self._detecting:
            return [[] for _ in readings]
        return observe_many(self._bank, [(model.detector, time, values) for model, time, values in readings])

    def _conclude(self, observation: Observation, model: SensorModel, scores: list[Score], judged: Judged) -> None:
        judged.skipped += len(observation.values) - len(scores) if self._detecting else 0
        judged.scores += [(observation, score) for score in scores]
        if scores:
            model.untold -= {score.quantity for score in scores if score.alarm or not score.anomalous}
            was, model.anomalous = model.anomalous, frozenset(model.detector.open_quantities())
            judged.recovered += [(observation.sensor_id, quantity) for quantity in sorted(was - model.anomalous)]

    def _forecast(
        self,
        sensor_id: int,
        model: SensorModel,
        observed: tuple[float, Mapping[str, float], frozenset[str]],
        foreseen: Foreseen,
    ) -> None:
        """Feed the forecasters. A horizon is due to be published each quarter of itself, and at once where what is
        expected now lies outside of what was told."""
        time, values, flagged = observed
        for quantity, forecaster in self._forecasters(sensor_id, model, values).items():
            if not (forecaster.observe(time, values, flagged) or model.adopted):
                continue
            forecasts = forecaster.forecast(time)
            if forecasts:
                bins, made_at = forecaster.bins, forecasts[0].made_at
                outlook = Outlook(sensor_id, quantity, made_at, bins.at(0), bins.usual_day(), forecasts)
                foreseen.outlooks.append(outlook)
            foreseen.due += [(sensor_id, forecast) for forecast in forecasts if self._publish(model, forecast)]
        model.adopted = False

    def _forecasters(
        self, sensor_id: int, model: SensorModel, values: Mapping[str, float]
    ) -> Mapping[str, MixForecaster]:
        """Those of a sensor that has measured ``values``; new ones where it has not done so before."""
        if self._horizons:
            for quantity in values:
                if quantity not in model.forecasters:
                    model.forecasters[quantity] = MixForecaster(quantity, self._horizons, self._peers, str(sensor_id))
        return model.forecasters

    def _publish(self, model: SensorModel, forecast: Forecast) -> bool:
        key = forecast.quantity, forecast.horizon
        told = model.published.get(key)
        if (
            told is not None
            and forecast.made_at - told.made_at < forecast.horizon / 4
            and told.lower <= forecast.value <= told.upper
        ):
            return False
        model.published[key] = forecast
        return True

    def _restore(self, sensor_id: int, model: SensorModel, state: Arrays) -> None:
        model.detector.restore(part(state, "detector"))
        for quantity in SCORED:
            stored = part(state, f"forecast/{quantity}")
            if stored and self._horizons:
                forecaster = MixForecaster(quantity, self._horizons, self._peers, str(sensor_id))
                forecaster.restore(stored)
                model.forecasters[quantity] = forecaster
        model.anomalous = frozenset(model.detector.open_quantities())

    def _path(self, sensor_id: int) -> Path:
        return self._folder / f"{sensor_id}.npz"


def by_second(readings: Iterable[StoredReading]) -> list[Observation]:
    """Means over each second of each sensor's time, in order of arrival.

    What is invalid is in no mean; where a second has nothing else, what no sensor can have measured is passed on as it
    is, so that the detector says so.
    """
    groups: dict[tuple[int, int], list[StoredReading]] = {}
    for reading in readings:
        if reading.clock_set:
            groups.setdefault((reading.sensor_id, reading.time // MICROSECONDS), []).append(reading)
    found = []
    for group in groups.values():
        last = group[-1]
        valid = [reading for reading in group if reading.quality is not Quality.INVALID]
        values = {quantity: mean for quantity in SCORED if (mean := _mean(valid, quantity)) is not None}
        if not valid:
            values = _impossible(last)
        if values:
            found.append(Observation(last.sensor_id, last.id, last.time, values, bool(valid)))
    return found


def _impossible(reading: StoredReading) -> dict[str, float]:
    values = {quantity: getattr(reading, quantity) for quantity in SCORED}
    return {q: v for q, v in values.items() if v is not None and not POSSIBLE[q][0] <= v <= POSSIBLE[q][1]}


def _mean(readings: Sequence[StoredReading], quantity: str) -> float | None:
    """None where none has the quantity."""
    values = [value for reading in readings if (value := getattr(reading, quantity)) is not None]
    return sum(values) / len(values) if values else None


def _passes(observations: Sequence[Observation]) -> Iterator[list[Observation]]:
    """Split into passes in which each sensor occurs once, in its own order, of at most _AT_ONCE."""
    waiting: Sequence[Observation] = observations
    while waiting:
        chosen: dict[int, Observation] = {}
        later: list[Observation] = []
        for observation in waiting:
            if observation.sensor_id in chosen:
                later.append(observation)
            else:
                chosen[observation.sensor_id] = observation
        rest = iter(chosen.values())
        while batch := list(islice(rest, _AT_ONCE)):
            yield batch
        waiting = later
