"""What a detector promises: causal to the bit, honest warm-up, faults found and explained, nothing learnt from them."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml.anomaly import ForestDetector, observe_many
from ml.base import Readiness, Score
from ml.evaluate import Row, read_series, score_series
from ml.fit import fit
from ml.forest import ForestBank

DATA = Path(__file__).parent.parent / "data" / "dht22_apartment.csv.gz"
STEP = 300.0
DAY = 86_400.0


def room(index: int) -> float:
    """A value each 5 minutes: a day's rhythm, weather, a heater's saw-tooth, in tenths."""
    time = index * STEP
    noise = math.sin(index * 12.9898) * 0.15
    return round(20 + 2 * math.sin(2 * math.pi * time / DAY) + 0.3 * math.sin(time / 5000) + noise, 1)


def lived(days: float, bank: ForestBank | None = None) -> ForestDetector:
    """A detector with a past and a fitted forest."""
    detector = ForestDetector(bank or ForestBank())
    for index in range(int(days * DAY / STEP)):
        detector.observe(index * STEP, {"temperature": room(index)})
        if detector.fit_due():
            training = detector.training(2048)
            assert training is not None
            detector.adopt(fit(training))
    return detector


def follow(detector: ForestDetector, values: list[float], start: int) -> list[Score]:
    return [detector.observe((start + i) * STEP, {"temperature": v})[0] for i, v in enumerate(values)]


def scores_of(rows: Iterator[Row]) -> list[tuple[object, ...]]:
    return [(s.score, s.likelihood, s.held, s.alarm, s.feature, s.seen, s.expected) for _, s in score_series(rows) if s]


def test_a_file_cut_short_has_the_same_scores_bit_for_bit() -> None:
    rows = list(read_series(DATA))
    whole = scores_of(iter(rows))
    for cut in (50, 500, 900):
        assert repr(scores_of(iter(rows[:cut]))) == repr(whole[:cut])


def test_scores_are_the_same_one_at_a_time_and_together() -> None:
    bank = ForestBank()
    alone = [lived(2, bank) for _ in range(3)]
    together = [lived(2, bank) for _ in range(3)]
    start = int(2 * DAY / STEP)
    for i in range(60):
        readings = [{"temperature": room(start + i + 7 * n)} for n in range(3)]
        time = (start + i) * STEP
        one_by_one = [detector.observe(time, values) for detector, values in zip(alone, readings, strict=True)]
        at_once = observe_many(bank, [(d, time, values) for d, values in zip(together, readings, strict=True)])
        assert at_once == one_by_one


def test_after_a_restart_later_scores_are_the_same_to_the_bit() -> None:
    detector = lived(3)
    restored = ForestDetector(ForestBank())
    restored.restore(detector.state())
    start = int(3 * DAY / STEP)
    values = [room(start + i) for i in range(50)] + [35.0] + [room(start + i) for i in range(51, 400)]
    assert repr(follow(restored, values, start)) == repr(follow(detector, values, start))
    assert (restored.rows, restored.fitted_at) == (detector.rows, detector.fitted_at)


def test_ten_minutes_of_history_raise_no_alarm() -> None:
    detector = ForestDetector(ForestBank())
    scores = follow(detector, [20.0, 20.1, 35.0, 3276.7, 20.0], 0)
    assert {score.readiness for score in scores} == {Readiness.WARMING_UP}
    assert not any(score.alarm for score in scores)


def test_a_usual_day_raises_no_alarm_and_scores_low() -> None:
    start = int(4 * DAY / STEP)
    scores = follow(lived(4), [room(start + i) for i in range(288)], start)
    assert not any(score.alarm for score in scores)
    assert max(score.score for score in scores) < 0.5
    assert scores[-1].readiness is Readiness.READY


@pytest.mark.parametrize("days", [0.25, 1.5, 10.0])
def test_the_same_value_after_days_without_a_reading_is_no_standstill(days: float) -> None:
    start = int((4 + days) * DAY / STEP)
    scores = follow(lived(4), [room(4 * 288)] * 2, start)
    assert not any(score.alarm for score in scores), [(score.feature, score.seen) for score in scores]


@pytest.mark.parametrize(
    ("fault", "features"),
    [
        ([30.0, 30.1, 30.0], {"jump", "local", "forest"}),
        ([room(4 * 288)] * 200, {"unchanged"}),
        ([room(4 * 288 + i) + (3 if i % 2 else -3) for i in range(24)], {"jump", "local", "noise"}),
        ([-100.0], {"impossible"}),
        ([85.0], {"impossible"}),
        ([math.nan] * 3, {"failed"}),
    ],
    ids=["offset", "stuck", "noise", "impossible", "sentinel", "failed reads"],
)
def test_a_fault_alarms_once_and_names_what_stands_out(fault: list[float], features: set[str]) -> None:
    scores = follow(lived(4), fault, int(4 * DAY / STEP))
    alarms = [score for score in scores if score.alarm]
    assert len(alarms) == 1
    assert alarms[0].feature in features
    assert alarms[0].score >= 0.5
    assert alarms[0].likelihood > 0.99
    assert scores[-1].anomalous


def test_an_anomaly_ends_when_the_series_is_usual_again() -> None:
    detector, start = lived(4), int(4 * DAY / STEP)
    follow(detector, [35.0] * 4, start)
    assert detector.open_quantities()
    later = follow(detector, [room(start + 4 + i) for i in range(60)], start + 4)
    assert not detector.open_quantities()
    assert not any(score.alarm for score in later)


def test_a_flagged_hour_teaches_the_forest_nothing() -> None:
    detector, start = lived(4), int(4 * DAY / STEP)
    before = detector.training(4096)
    follow(detector, [40.0 + i % 2 for i in range(12)], start)
    after = detector.training(4096)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before["temperature/rows"], after["temperature/rows"])


def test_a_value_that_is_not_newer_has_no_score() -> None:
    detector = lived(1)
    assert detector.observe(0.0, {"temperature": 20.0}) == []
    assert len(detector.observe(DAY, {"temperature": 20.0})) == 1
    assert detector.observe(DAY, {"temperature": 21.0}) == []
    assert len(detector.observe(DAY, {"humidity": 50.0})) == 1, "the other quantity of the same moment is new"


def test_a_fit_of_another_shape_is_refused() -> None:
    detector = lived(2)
    training = detector.training(2048)
    assert training is not None
    fitted = fit(training)
    fitted["temperature/feature"] = fitted["temperature/feature"][:7]
    with pytest.raises(ValueError, match="does not fit"):
        detector.adopt(fitted)


@pytest.mark.parametrize("step", [2.0, 60.0, 1800.0, 3600.0])
def test_any_pace_warms_up_and_finds_a_jump(step: float) -> None:
    detector = ForestDetector(ForestBank())
    count = int(max(1.2 * DAY, 160 * step) / step)
    for index in range(count):
        value = 20 + 2 * math.sin(2 * math.pi * index * step / DAY) + 0.1 * math.sin(index * 12.9)
        detector.observe(index * step, {"temperature": round(value, 1)})
    assert detector.readiness is Readiness.READY
    assert detector.observe(count * step, {"temperature": 60.0})[0].alarm


def test_a_new_level_is_believed_after_three_days_and_is_one_alarm() -> None:
    detector, start = lived(8), 8 * 288
    scores = follow(detector, [room(start + i) + 6 for i in range(5 * 288)], start)
    alarms = [score for score in scores if score.alarm]
    assert [score.feature for score in alarms] == ["jump"]
    assert scores[2 * 288].anomalous
    assert not scores[-1].anomalous


def test_what_stands_still_is_never_believed() -> None:
    detector, start = lived(8), 8 * 288
    scores = follow(detector, [room(start)] * (9 * 288), start)
    assert len([score for score in scores if score.alarm]) == 1, "one anomaly, for as long as it lasts"
    assert scores[-1].anomalous
    alive = follow(detector, [room(start + 9 * 288 + i) for i in range(288)], start + 9 * 288)
    assert not alive[-1].anomalous


def test_calling_an_impossible_value_false_forgives_nothing_else() -> None:
    detector, start = lived(4), 4 * 288
    (told,) = follow(detector, [-100.0], start)
    detector.verdict("temperature", told.feature, told.likelihood, genuine=False)
    later = follow(detector, [room(start + 1 + i) for i in range(30)], start + 1)
    assert not later[-1].anomalous
    assert any(score.alarm for score in follow(detector, [-100.0], start + 31))
