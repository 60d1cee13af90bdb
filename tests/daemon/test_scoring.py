"""Scoring over a real worker thread and a real fitting process; history and clock are handed in."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from daemon.entities import Anomaly, AnomalyKind, Quality, StoredReading, Verdict
from daemon.episodes import Finding
from daemon.fits import Trained
from daemon.fitting import Fitter
from daemon.scoring import HISTORY, OLD_QUIET, ROOM, WAITING, Judgement, Outlets, Predicted, Scoring
from daemon.sensor_models import History, Outlook, SensorModels, by_second
from ml.base import Readiness

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = 1_790_000_000 * SECOND
HORIZONS = (900.0, 3600.0)


def room(minutes: int) -> tuple[float, float]:
    """A room's temperature and humidity, rounded as a DHT22 reports them: a day's rhythm and a little noise."""
    day = math.sin(2 * math.pi * minutes / 1440)
    noise = math.sin(minutes * 12.9898) * 0.15 + math.sin(minutes * 0.7) * 0.1
    return round(21 + 1.5 * day + noise, 1), round(50 - 4 * day + 3 * noise, 1)


def reading(sensor_id: int, minutes: float, number: int = 0, **values: float) -> StoredReading:
    at = START + int(minutes * MINUTE)
    measured = values or dict(zip(("temperature", "humidity"), room(int(minutes)), strict=True))
    return StoredReading(number or int(minutes) + 1, sensor_id, at, at, "test", **measured)  # type: ignore[arg-type]


def past(minutes: int, step: int = 5) -> History:
    """What the database holds of a sensor: a reading each ``step`` minutes."""
    at = range(0, minutes, step)
    temperature, humidity = zip(*(room(m) for m in at), strict=True)
    return History(np.array([START + m * MINUTE for m in at]), np.array(temperature), np.array(humidity))


async def none(_: int) -> Sequence[Anomaly]:
    return []


EMPTY = History(np.empty(0, np.int64), np.empty(0), np.empty(0))


@dataclass
class Told:
    """What scoring told the others."""

    found: list[Sequence[Finding]] = field(default_factory=list)
    normal: list[tuple[int, str]] = field(default_factory=list)
    predicted: list[Predicted] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    outlooks: list[Outlook] = field(default_factory=list)

    def outlets(self) -> Outlets:
        return Outlets(
            self.found.append,
            lambda sensor_id, quantity: self.normal.append((sensor_id, quantity)),
            self.predicted.extend,
            self.trained.append,
            self.outlooks.extend,
        )


@dataclass
class Asked:
    """A history that remembers what it was asked."""

    history: History = EMPTY
    since: list[int] = field(default_factory=list)

    async def __call__(self, sensor_id: int, since: int) -> History:
        self.since.append(since)
        new = self.history.times > since
        return History(self.history.times[new], self.history.temperature[new], self.history.humidity[new])


@asynccontextmanager
async def running(
    folder: Path,
    told: Told,
    asked: Asked,
    sensors: Sequence[int] = (),
    fitter: Fitter | None = None,
    now: int = START + 4 * 1440 * MINUTE,
) -> AsyncIterator[Scoring]:
    models = SensorModels(folder, HORIZONS, detecting=True)
    scoring = Scoring(models, asked, none, told.outlets(), fitter or Fitter(), now=lambda: now, gather=0.0)
    task = asyncio.create_task(scoring.run(sensors))
    try:
        yield scoring
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true: Callable[[], object]) -> None:
    """Wait for an outcome; the test's own time limit ends a wait in vain."""
    while not true():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.01)


async def test_a_fault_is_found_explained_and_over(tmp_path: Path) -> None:
    told = Told()
    days = 4 * 1440
    async with running(tmp_path, told, Asked(past(days)), [7]) as scoring:
        await until(lambda: told.trained)
        scoring.offer([reading(7, days + 1)])
        scoring.offer([reading(7, days + 6, 99, temperature=35.0, humidity=20.0)])
        await until(lambda: told.found)
        first, second = told.found[0]
        assert {first.quantity, second.quantity} == {"temperature", "humidity"}, "one reading shows both: told together"
        assert 0.99 < second.score <= first.score <= 1, "a likelihood, and the oddest leads"
        finding = first if first.quantity == "temperature" else second
        assert (finding.sensor_id, finding.kind, finding.reading_id) == (7, AnomalyKind.UNUSUAL_PATTERN, 99)
        assert finding.value == 35.0
        assert finding.feature
        assert finding.explanation.startswith("La temperatura ")
        assert "35,0 °C" in finding.explanation
        assert "35.0 °C" in finding.explanation_en
        told.normal.clear()
        scoring.offer([reading(7, days + 10 + 5 * i) for i in range(40)])
        await until(lambda: len(told.normal) == 2)
        assert set(told.normal) == {(7, "temperature"), (7, "humidity")}
        assert len(told.found) == 1, "an episode is announced once"


@dataclass
class Pupil(SensorModels):
    """Models that remember what they were taught."""

    taught: list[tuple[object, ...]]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, (), detecting=True)
        self.taught = []

    def verdict(
        self, sensor_id: int, quantities: Sequence[str], feature: str, likelihood: float, *, genuine: bool
    ) -> None:
        self.taught.append((sensor_id, *quantities, feature, likelihood, genuine))


def judged(verdict: Verdict, **changes: object) -> Anomaly:
    anomaly = Anomaly(5, 7, AnomalyKind.UNUSUAL_PATTERN, 0.9, "e", "e", 0, 0, feature="level", quantities=("humidity",))
    return replace(anomaly, verdict=verdict, **changes)  # type: ignore[arg-type]


async def test_a_persons_verdict_reaches_the_model_and_is_on_the_disk_at_once(tmp_path: Path) -> None:
    models, told = Pupil(tmp_path), Told()
    scoring = Scoring(models, Asked(past(60)), none, told.outlets(), Fitter(), now=lambda: START, gather=0.0)
    task = asyncio.create_task(scoring.run([7]))
    await until(lambda: told.normal)
    scoring.heed(Judgement(judged(Verdict.FALSE), corrected=False))
    scoring.heed(Judgement(judged(Verdict.TRUE, quantities=("temperature", "humidity")), corrected=False))
    unsaid = judged(Verdict.TRUE, feature=None, quantities=())
    scoring.heed(Judgement(unsaid, corrected=False))  # of a model that did not say what it saw
    scoring.heed(Judgement(judged(Verdict.TRUE, sensor_id=8), corrected=False))  # of a sensor that is gone
    await until(lambda: len(models.taught) == 2 and (tmp_path / "7.npz").exists())
    assert models.taught == [(7, "humidity", "level", 0.9, False), (7, "temperature", "humidity", "level", 0.9, True)]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_verdict_that_is_corrected_takes_back_what_was_learnt_from_it(tmp_path: Path) -> None:
    """The model lives through its past again, and hears what is true of it now."""
    models, told, asked, now = Pupil(tmp_path), Told(), Asked(past(60)), [judged(Verdict.FALSE)]

    async def verdicts(_: int) -> Sequence[Anomaly]:
        return now

    scoring = Scoring(models, asked, verdicts, told.outlets(), Fitter(), now=lambda: START, gather=0.0)
    task = asyncio.create_task(scoring.run([7]))
    await until(lambda: told.normal)
    first = models.get(7)
    now[:] = [judged(Verdict.TRUE)]
    scoring.heed(Judgement(now[0], corrected=True))
    await until(lambda: len(models.taught) == 2 and (tmp_path / "7.npz").exists())
    assert models.taught == [(7, "humidity", "level", 0.9, False), (7, "humidity", "level", 0.9, True)]
    assert len(asked.since) == 2
    assert models.get(7) is not first
    assert models.get(7).detector.rows == first.detector.rows  # type: ignore[union-attr]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_model_that_is_made_anew_heeds_what_was_said_before(tmp_path: Path) -> None:
    async def verdicts(sensor_id: int) -> Sequence[Anomaly]:
        return [judged(Verdict.FALSE)] if sensor_id == 7 else []

    async def lives(until_minute: int) -> list[tuple[object, ...]]:
        models, told = Pupil(tmp_path), Told()
        scoring = Scoring(models, Asked(past(60)), verdicts, told.outlets(), Fitter(), now=lambda: START, gather=0.0)
        task = asyncio.create_task(scoring.run([7]))
        await until(lambda: told.normal)
        scoring.offer([reading(7, until_minute)])
        await until(lambda: scoring.counters.scored)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return models.taught

    assert await lives(100) == [(7, "humidity", "level", 0.9, False)]
    assert await lives(105) == [], "it stands in the model that was saved"
    (tmp_path / "7.npz").write_bytes(b"damaged")
    assert await lives(110) == [(7, "humidity", "level", 0.9, False)]


async def test_forecasts_need_no_detector(tmp_path: Path) -> None:
    """``anomaly: {enabled: false}``: fitted, foretold, and gone on with after a restart."""
    days, now = 7 * 1440, START + 7 * 1440 * MINUTE

    async def lives(asked: Asked, minute: int) -> Told:
        told, models = Told(), SensorModels(tmp_path, HORIZONS, detecting=False)
        scoring = Scoring(models, asked, none, told.outlets(), Fitter(), now=lambda: now, gather=0.0)
        task = asyncio.create_task(scoring.run([7]))
        scoring.offer([reading(7, minute), reading(7, minute + 15)])
        await until(lambda: told.predicted)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    first = await lives(Asked(past(days)), days)
    assert {predicted.quantity for predicted in first.predicted} == {"temperature", "humidity"}
    again = Asked(past(days))
    await lives(again, days + 30)
    assert again.since[0] > START + (days - 60) * MINUTE, "what it has seen is not asked for again"


async def test_a_model_that_cannot_be_read_is_made_anew_and_scoring_goes_on(tmp_path: Path) -> None:
    (tmp_path / "7.npz").mkdir()
    told, asked = Told(), Asked(past(60))
    async with running(tmp_path, told, asked, [7]) as scoring:
        await until(lambda: told.normal)
        scoring.offer([reading(7, 100)])
        await until(lambda: scoring.counters.scored)
        assert len(asked.since) == 1
        assert scoring.status(7).rows > 2  # type: ignore[union-attr]


async def test_impossible_values_of_a_sensor_that_is_new_are_no_news_of_its_model(tmp_path: Path) -> None:
    """The watch tells of them, and limits hold; a model that knows nothing yet says nothing."""
    told = Told()
    async with running(tmp_path, told, Asked(), now=START + 30 * MINUTE) as scoring:
        scoring.appeared([7])
        scoring.offer([reading(7, minute, temperature=130.0 if 5 <= minute < 8 else 21.0) for minute in range(30)])
        await until(lambda: scoring.counters.scored == 30)
        assert not told.found


async def test_what_is_long_past_teaches_and_raises_no_alarm(tmp_path: Path) -> None:
    told, days = Told(), 4 * 1440
    async with running(tmp_path, told, Asked(past(days)), [7], now=START + 2 * days * MINUTE) as scoring:
        await until(lambda: told.normal)
        scoring.offer([reading(7, days + 6, temperature=35.0, humidity=20.0)])
        await until(lambda: scoring.counters.scored)
        assert scoring.status(7).anomalous  # type: ignore[union-attr]
        assert not told.found
        assert not told.predicted


async def test_a_fault_that_began_in_the_past_and_still_lasts_is_told_once(tmp_path: Path) -> None:
    told, days = Told(), 4 * 1440
    history = past(days)
    history.temperature[-8 * 12 :] = 21.3  # stuck for the last eight hours, when nobody listened
    async with running(tmp_path, told, Asked(history), [7]) as scoring:
        await until(lambda: told.trained)
        assert not told.found
        for minutes in (1, 6, 11):
            scoring.offer([reading(7, days + minutes, temperature=21.3, humidity=room(days + minutes)[1])])
        await until(lambda: told.found)
        await until(lambda: scoring.counters.scored >= 6)
        ((finding,),) = told.found
        assert (finding.quantity, finding.feature) == ("temperature", "unchanged")


async def test_a_past_that_comes_after_the_present_is_learned_too(tmp_path: Path) -> None:
    """As from an import, or from the demo's recordings: the sensor had sent its first readings already."""
    told, asked, days, clock = Told(), Asked(), 4 * 1440, [0.0]
    models, now = SensorModels(tmp_path, HORIZONS, detecting=True), START + days * MINUTE
    scoring = Scoring(
        models, asked, none, told.outlets(), Fitter(), now=lambda: now, monotonic=lambda: clock[0], gather=0.0
    )
    task = asyncio.create_task(scoring.run([7]))
    scoring.offer([reading(7, days)])
    await until(lambda: scoring.counters.scored)
    asked.history = past(days)
    scoring.offer([reading(7, minutes) for minutes in range(0, days, 5)])
    later = days
    while len(asked.since) < 2:
        clock[0] += OLD_QUIET
        later += 5
        scoring.offer([reading(7, later)])
        await asyncio.sleep(0.01)
    await until(lambda: told.trained and told.predicted)
    status = scoring.status(7)
    assert status is not None
    assert status.detector is Readiness.READY
    assert status.rows >= 2 * len(asked.history.times)
    assert not told.found
    assert len(asked.since) == 2, "at the start, and once more"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_past_that_cannot_be_read_is_asked_for_again(tmp_path: Path) -> None:
    class Broken(Asked):
        async def __call__(self, sensor_id: int, since: int) -> History:
            if not self.since:
                self.since.append(since)
                raise OSError("the database is away")
            return await super().__call__(sensor_id, since)

    told, asked = Told(), Broken(past(4 * 1440))
    models = SensorModels(tmp_path, HORIZONS, detecting=True)
    scoring = Scoring(models, asked, none, told.outlets(), Fitter(), now=lambda: START + 4 * 1440 * MINUTE, gather=0.0)
    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        await scoring.run([1])
    assert scoring.status(1) is None, "a model without its past is not used"
    task = asyncio.create_task(scoring.run([1]))
    await until(lambda: scoring.status(1) is not None and told.normal)
    assert scoring.status(1).rows == 2 * len(asked.history.times)  # type: ignore[union-attr]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_new_sensor_warms_up_and_predicts_from_its_first_quarter_of_an_hour(tmp_path: Path) -> None:
    told, asked = Told(), Asked()
    async with running(tmp_path, told, asked, now=START + 31 * MINUTE) as scoring:
        scoring.appeared([3])
        scoring.offer([reading(3, minutes, temperature=20.0 + minutes % 2, humidity=50.0) for minutes in range(31)])
        await until(lambda: told.predicted)
        assert asked.since == [], "a sensor that was just created has no history to ask for"
        assert not told.found
        status = scoring.status(3)
        assert status is not None
        assert status.detector is Readiness.WARMING_UP
        assert status.warm_up == (0, 24 * 3600), "a day is what it takes"
        first = told.predicted[0]
        assert first.lower < first.value < first.upper
        for row in told.predicted:
            assert row.lower <= row.value <= row.upper
            assert [row.value, row.lower, row.upper] == [round(each, 2) for each in (row.value, row.lower, row.upper)]
        assert {p.quantity for p in told.predicted} == {"temperature", "humidity"}
        assert {p.horizon_s for p in told.predicted} == {900, 3600}
        assert (first.predicted_at - START) // SECOND > 900


async def test_forecasts_are_held_against_what_came(tmp_path: Path) -> None:
    told, days = Told(), 4 * 1440
    async with running(tmp_path, told, Asked(past(days)), [1]) as scoring:
        assert scoring.skills(9) == [], "nobody has heard of it"
        await until(lambda: scoring.status(1) is not None and scoring.skills(1))
        await until(lambda: told.trained)
        found = scoring.skills(1)
    assert [(s.quantity, s.horizon_s) for s in found] == [
        (q, h) for q in ("temperature", "humidity") for h in (900, 3600)
    ]
    for skill in found:
        assert skill.judged > 300, "one each quarter of an hour for four days"
        assert 0.8 < skill.coverage <= 1.0
        assert skill.skill == pytest.approx(1 - skill.error / skill.naive)


async def test_where_nothing_ever_changes_nothing_is_better_than_no_change(tmp_path: Path) -> None:
    async with running(tmp_path, Told(), Asked()) as scoring:
        scoring.appeared([3])
        scoring.offer([reading(3, minutes, temperature=20.0) for minutes in range(61)])
        await until(lambda: scoring.skills(3))
        assert {(s.naive, s.error, s.skill, s.coverage) for s in scoring.skills(3)} == {(0.0, 0.0, None, 1.0)}


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    days = 4 * 1440
    told, asked = Told(), Asked(past(days))
    async with running(tmp_path, told, asked, [1]) as scoring:
        await until(lambda: told.trained)
        before = scoring.status(1)
        assert before is not None
        assert before.warm_up == (24 * 3600, 24 * 3600), "and it says no more than that"
    asked.since.clear()
    async with running(tmp_path, Told(), asked, [1]) as scoring:
        await until(lambda: asked.since and scoring.status(1) is not None)
        after = scoring.status(1)
    assert after == before, "no cold start: the same rows, the same fit"
    assert asked.since == [int(asked.history.times[-1])], "only what came after the last state is read"


async def test_a_model_that_is_to_be_saved_before_its_forecasters_caught_up_loses_nothing(tmp_path: Path) -> None:
    """Readings come as fast as they are judged (an import), and a person's verdict has the model saved meanwhile."""
    now, models = START + 8 * 1440 * MINUTE, SensorModels(tmp_path, HORIZONS, detecting=True)
    scoring = Scoring(models, Asked(), none, Told().outlets(), Fitter(), now=lambda: now, gather=0.0)
    scoring.appeared([7])
    scoring.offer([reading(7, minute) for minute in range(0, 8 * 1440, 5)])
    await scoring.drain()
    scoring.heed(Judgement(judged(Verdict.TRUE), corrected=False))
    await scoring.drain()
    assert models.unseen
    assert not (tmp_path / "7.npz").exists(), "what is on the disk is of one moment"
    while not (tmp_path / "7.npz").exists():
        await scoring.drain()
    foretold = [skill.judged for skill in scoring.skills(7)]
    assert min(foretold) > 700
    again = SensorModels(tmp_path, HORIZONS, detecting=True)
    assert again.load(7) == START + (8 * 1440 - 5) * MINUTE
    assert [skill.judged for f in again.get(7).forecasters.values() for skill in f.skills()] == foretold  # type: ignore[union-attr]


async def test_a_damaged_model_is_made_anew_from_history(tmp_path: Path) -> None:
    (tmp_path / "1.npz").write_bytes(b"PK\x03\x04 half a file")
    told, asked = Told(), Asked(past(2 * 1440))
    async with running(tmp_path, told, asked, [1]) as scoring:
        await until(lambda: told.normal)
        status = scoring.status(1)
    assert status is not None
    assert status.rows == 2 * len(asked.history.times)
    assert asked.since == [START + 4 * 1440 * MINUTE - HISTORY]


async def test_a_killed_fit_is_tried_again_with_fewer_rows(tmp_path: Path) -> None:
    (tmp_path / "fit.py").write_text(
        "import os, signal, sys\n"
        "from ml import fit, store\n"
        "real = fit.fit\n"
        "def greedy(job):\n"
        "    if len(job['forecast/temperature/values']) > 1000:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(job)\n"
        "fit.fit = greedy\n"
        "fit.main()\n"
    )
    told = Told()
    fitter = Fitter((sys.executable, str(tmp_path / "fit.py")))
    async with running(tmp_path / "models", told, Asked(past(12 * 1440, 15)), [1], fitter) as scoring:
        await until(lambda: told.trained)
        assert scoring.fits.failed == 1
        assert scoring.fits.done == 1
        assert scoring.status(1).error is None  # type: ignore[union-attr]


async def test_a_fit_that_never_ends_is_cut_off_and_told(tmp_path: Path) -> None:
    told = Told()
    fitter = Fitter((sys.executable, "-c", "import sys; sys.stdin.read()"), timeout=0.2)
    async with running(tmp_path, told, Asked(past(4 * 1440)), [1], fitter) as scoring:
        await until(lambda: told.normal)
        trained = await scoring.fits.train([1])
        assert trained.failed == [1]
        status = scoring.status(1)
        assert status is not None
        assert status.error is not None
        assert "no answer within" in status.error


async def test_training_by_hand_answers_when_the_fit_is_in_use(tmp_path: Path) -> None:
    told = Told()
    async with running(tmp_path, told, Asked(past(4 * 1440)), [1]) as scoring:
        await until(lambda: told.trained)
        trained = await scoring.fits.train([1, 404])
        assert trained.sensor_ids == [1]
        assert trained.failed == [404], "nothing is known of it"
        assert trained.seconds > 0


async def test_offering_never_blocks_and_drops_the_oldest(tmp_path: Path) -> None:
    models = SensorModels(tmp_path, (), detecting=True)
    scoring = Scoring(models, Asked(), none, Told().outlets(), Fitter(), now=lambda: START)
    batch = [reading(1, minutes) for minutes in range(1000)]
    for _ in range(WAITING // 1000 + 3):
        scoring.offer(batch)
    assert scoring.counters.dropped == 3000
    assert scoring.waiting == WAITING


async def test_a_deleted_sensor_takes_its_models_with_it(tmp_path: Path) -> None:
    told = Told()
    async with running(tmp_path, told, Asked(past(4 * 1440)), [1]) as scoring:
        await until(lambda: told.trained)
        assert (tmp_path / "1.npz").exists()
        scoring.deleted([1])
        await until(lambda: not (tmp_path / "1.npz").exists())
        assert scoring.status(1) is None


def test_a_fast_sensor_is_scored_on_means_of_a_second() -> None:
    fast = [reading(1, i / 600, i + 1, temperature=float(i)) for i in range(20)]
    first, second = by_second(fast)
    assert (first.values, first.reading_id) == ({"temperature": 4.5}, 10)
    assert (second.values, second.reading_id) == ({"temperature": 14.5}, 20)


def test_what_is_invalid_is_in_no_mean_and_what_no_sensor_can_measure_is_told_the_detector() -> None:
    at = START
    doubted = StoredReading(1, 1, at, at, "test", temperature=85.0, quality=Quality.INVALID)
    early = StoredReading(2, 1, at, at, "test", temperature=20.0, clock_set=False)
    absurd = StoredReading(3, 1, at, at, "test", temperature=3276.7, humidity=50.0, quality=Quality.INVALID)
    good = StoredReading(4, 1, at, at, "test", temperature=20.0)
    assert by_second([doubted, early]) == []
    (told,) = by_second([absurd])
    assert (told.values, told.valid) == ({"temperature": 3276.7}, False)
    (mean,) = by_second([absurd, good])
    assert (mean.values, mean.valid) == ({"temperature": 20.0}, True)


async def test_how_long_rows_wait_for_their_score_is_counted(tmp_path: Path) -> None:
    async with running(tmp_path, Told(), Asked()) as scoring:
        scoring.appeared([1])
        scoring.offer([reading(1, minutes) for minutes in range(3)])
        await until(lambda: scoring.counters.scored)
        assert scoring.counters.waits.within()["+Inf"] == 3


def test_forecasters_see_everything_in_slices(tmp_path: Path) -> None:
    models = SensorModels(tmp_path, HORIZONS, detecting=True)
    models.introduce(1)
    models.judge([reading(1, minutes) for minutes in range(0, 120, 5)])
    assert models.unseen == 24
    assert models.foresee(0.0).due == [], "no time, nothing seen"
    assert models.unseen == 24
    foreseen = models.foresee(math.inf)
    assert models.unseen == 0
    assert {forecast.quantity for _, forecast in foreseen.due} == {"temperature", "humidity"}
    assert len(foreseen.outlooks) == 2 * 8, "each series' at each quarter of an hour, published or not"
    last = foreseen.outlooks[-1]
    assert (last.sensor_id, last.quantity, last.made_at) == (1, "humidity", last.forecasts[0].made_at)
    assert [forecast.horizon for forecast in last.forecasts] == list(HORIZONS)
    assert last.level == last.day[-1], "eight quarters are all that is usual"
    assert np.isnan(last.day).sum() == 96 - 8


def test_a_forecast_that_does_not_hold_any_more_is_told_anew_at_once(tmp_path: Path) -> None:
    models = SensorModels(tmp_path, (900.0, 86_400.0), detecting=False)
    models.introduce(1)

    def told(minutes: int, temperature: float) -> list[float]:
        """The horizons."""
        models.judge([reading(1, minutes, temperature=temperature)])
        return [forecast.horizon for _, forecast in models.foresee(math.inf).due]

    told(0, 20.0)
    assert told(15, 20.0) == [900.0, 86_400.0]
    assert told(30, 20.1) == [900.0]
    told(45, 35.0)
    assert told(60, 35.0) == [900.0, 86_400.0], "nobody expected that"


async def test_a_source_that_can_wait_waits_for_the_models(tmp_path: Path) -> None:
    models = SensorModels(tmp_path, (), detecting=True)
    scoring = Scoring(models, Asked(), none, Told().outlets(), Fitter(), now=lambda: START)
    scoring.appeared([1])
    await scoring.room()
    scoring.offer([reading(1, minutes) for minutes in range(ROOM + 1)])
    waits = asyncio.create_task(scoring.room())
    await asyncio.wait([waits], timeout=0.05)
    assert not waits.done()
    await scoring.drain()
    await waits
    assert scoring.waiting == 0
