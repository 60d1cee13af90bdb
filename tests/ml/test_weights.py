"""What alarms: rare and large enough to matter, as the shipped levels say, and as a person said of this sensor."""

import math

import pytest

from ml.anomaly import ForestDetector
from ml.base import Cause, Score
from ml.cause import cause_of
from ml.episode import ALARM
from ml.forest import ForestBank
from ml.weights import ALARM_AT, ALL_CHANNELS, Weights

STEP = 300.0
DAY = 86_400.0


def cellar(index: int) -> float:
    """Hardly anything happens here."""
    return round(12 + 0.3 * math.sin(2 * math.pi * index * STEP / DAY) + 0.02 * math.sin(index * 12.9898), 2)


def lived(days: float) -> ForestDetector:
    detector = ForestDetector(ForestBank())
    for index in range(int(days * DAY / STEP)):
        detector.observe(index * STEP, {"temperature": cellar(index)})
    return detector


def after(detector: ForestDetector, values: list[float], start: int = int(4 * DAY / STEP)) -> list[Score]:
    return [detector.observe((start + i) * STEP, {"temperature": v})[0] for i, v in enumerate(values)]


def test_what_is_rare_but_too_small_to_matter_alarms_nobody() -> None:
    scores = after(lived(4), [cellar(4 * 288) + 0.5] * 6)
    assert scores[0].likelihood > 0.99, "it is rare here"
    assert not any(score.alarm for score in scores)
    assert any(score.alarm for score in after(lived(4), [cellar(4 * 288) + 2.0] * 6))


def test_a_value_that_rests_for_an_hour_is_no_broken_sensor_and_for_six_it_is() -> None:
    scores = after(lived(4), [cellar(4 * 288)] * 72)
    (found,) = [score for score in scores if score.alarm]
    assert found.feature == "unchanged"
    assert 3 * 3600 <= found.seen < 4 * 3600
    assert found.cause is Cause.STUCK


def test_what_a_person_called_false_is_usual_from_then_on() -> None:
    detector, start = lived(4), 4 * 288
    door = [cellar(start) + 2.0] * 3
    (first,) = [score for score in after(detector, door, start) if score.alarm]
    after(detector, [cellar(start + 3 + i) for i in range(100)], start + 3)
    again, judged = ForestDetector(ForestBank()), ForestDetector(ForestBank())
    again.restore(detector.state())
    judged.restore(detector.state())
    judged.verdict("temperature", first.feature, first.likelihood, genuine=False)
    later = start + 103
    assert [s for s in after(again, [cellar(later) + 2.0] * 2, later) if s.alarm], "without a verdict it alarms again"
    quiet = after(judged, [cellar(later) + 2.0] * 2, later)
    assert not [s for s in quiet if s.alarm]
    assert quiet[0].likelihood < first.likelihood, "it has become usual here"
    assert any(s.alarm for s in after(judged, [cellar(later + 200) + 8.0] * 3, later + 200)), "and is not deaf"


def test_a_verdict_is_part_of_the_state_and_a_true_one_takes_a_false_one_back() -> None:
    weights = Weights("temperature")
    weights.false_alarm("jump", 9.0)
    restored = Weights("temperature")
    restored.restore(weights.state())
    assert restored.tolerance == weights.tolerance
    assert restored.tolerance["jump"] == pytest.approx(1.5 * 9.0 / ALARM_AT["jump"])
    restored.genuine("jump")
    assert restored.tolerance == {}


def test_nobody_makes_a_sensor_deaf() -> None:
    weights = Weights("humidity")
    for _ in range(50):
        weights.false_alarm("away", 30.0)
    assert weights.tolerance == {"away": 4.0}
    weights.false_alarm("impossible", 12.0)
    assert weights.tolerance == {"away": 4.0}, "an impossible value stays one"


def test_an_unnamed_series_has_no_sizes_that_matter() -> None:
    rarities = [0.0] * len(ALL_CHANNELS)
    rarities[ALL_CHANNELS.index("jump")] = 9.0
    weighed = Weights("").weigh(rarities, None, 0.0, 0.0)  # type: ignore[arg-type]
    assert max(weighed) == pytest.approx(9.0 * ALARM / ALARM_AT["jump"])


@pytest.mark.parametrize(
    ("feature", "quantity", "rise", "abrupt", "other_moved", "supported", "cause"),
    [
        ("unchanged", "temperature", 0.0, False, True, True, Cause.STUCK),
        ("jump", "temperature", -4.0, True, True, False, Cause.COLDER),
        ("jump", "temperature", -4.0, True, False, False, Cause.GLITCHING),
        ("jump", "temperature", -4.0, True, None, False, Cause.UNCLEAR),
        ("local", "humidity", 20.0, False, False, False, Cause.WET),
        ("local", "humidity", 20.0, True, False, False, Cause.GLITCHING),  # steam takes longer
        ("local", "humidity", -20.0, False, True, False, Cause.DRY),
        ("away", "temperature", 3.0, False, True, True, Cause.WARMER),
        ("away", "temperature", 3.0, False, False, True, Cause.DRIFTING),
        ("away", "humidity", 9.0, False, None, False, Cause.UNCLEAR),
        ("spike", "humidity", 20.0, True, False, False, Cause.GLITCHING),
        ("spike", "humidity", 20.0, True, True, False, Cause.UNCLEAR),
        ("noise", "temperature", 1.0, False, False, False, Cause.NOISY),
        ("flat", "temperature", -1.0, False, None, True, Cause.STUCK),
    ],
)
def test_a_room_changes_both_quantities_and_a_sensor_fails_alone(
    feature: str, quantity: str, rise: float, abrupt: bool, other_moved: bool | None, supported: bool, cause: Cause
) -> None:
    told = cause_of(
        feature,
        quantity,
        rise,
        abrupt=abrupt,
        interval=60.0,
        other_moved=other_moved,
        other_rise=0.0,
        supported=supported,
    )
    assert told is cause


@pytest.mark.parametrize(
    ("abrupt", "interval", "other_moved", "other_rise", "cause"),
    [
        (True, 60.0, False, 0.0, Cause.GLITCHING),  # steam takes minutes
        (True, 600.0, False, 0.0, Cause.UNCLEAR),  # which are over when such a sensor looks again
        (False, 600.0, False, 0.0, Cause.WET),
        (False, 60.0, True, 0.5, Cause.WET),
        (False, 60.0, True, -3.0, Cause.COLDER),  # a window in winter: the same water, less warmth
    ],
)
def test_humidity_that_rises_is_water_or_a_glitch_or_cold(
    abrupt: bool, interval: float, other_moved: bool, other_rise: float, cause: Cause
) -> None:
    told = cause_of(
        "local",
        "humidity",
        20.0,
        abrupt=abrupt,
        interval=interval,
        other_moved=other_moved,
        other_rise=other_rise,
        supported=False,
    )
    assert told is cause


def test_what_comes_and_goes_within_three_readings_is_a_glitch_where_jumps_alone_are_usual() -> None:
    """A kitchen: its humidity rises with every meal, and takes an hour to come down."""
    detector, steam, found = ForestDetector(ForestBank()), 0.0, list[Score]()
    for index in range(20 * 288):
        steam = 25.0 if index % 288 in (90, 150, 230) else 0.93 * steam
        value = 45 + steam + 0.6 * math.sin(index * 12.9898)
        glitch = 20.0 if index >= 14 * 288 and index % 300 in (10, 11) else 0.0
        (score,) = detector.observe(index * STEP, {"humidity": round(value + glitch, 1)})
        found += [score] if score.alarm and index >= 10 * 288 else []
    assert not [score for score in found if score.time < 14 * DAY], "three meals a day are nothing"
    assert found[0].feature == "spike"
    assert abs(found[0].seen - found[0].expected) > 15
    assert found[0].cause in {Cause.GLITCHING, Cause.UNCLEAR}


def test_a_level_called_false_is_believed_and_what_goes_beyond_it_is_told() -> None:
    detector, start = lived(8), 8 * 288
    found = list[Score]()

    def day(first: int, values: list[float]) -> None:
        for index, value in enumerate(values):
            (score,) = detector.observe((first + index) * STEP, {"temperature": value})
            if score.alarm:
                found.append(score)
                if len(found) == 1:
                    detector.verdict("temperature", score.feature, score.likelihood, genuine=False)

    day(start, [cellar(start + i) + 6.0 for i in range(288)])
    assert len(found) == 1
    day(start + 288, [cellar(start + 288 + i) + 20.0 for i in range(12)])
    assert len(found) == 2
    assert found[1].time == (start + 288) * STEP


def test_what_was_told_of_both_quantities_is_forgiven_in_both() -> None:
    detector = ForestDetector(ForestBank())

    def air(index: int, moved: float) -> dict[str, float]:
        return {"temperature": cellar(index) + moved, "humidity": 55.0 + 3 * (cellar(index) - 15.0) - 4 * moved}

    for index in range(8 * 288):
        detector.observe(index * STEP, air(index, 0.0))
    told = [s for s in detector.observe(8 * 288 * STEP, air(8 * 288, 6.0)) if s.alarm]
    assert {score.quantity for score in told} == {"temperature", "humidity"}
    first, other = told
    detector.verdict(first.quantity, first.feature, first.likelihood, genuine=False, beside=[other.quantity])
    for index in range(8 * 288 + 1, 9 * 288):
        assert not any(score.alarm for score in detector.observe(index * STEP, air(index, 6.0)))
    assert not detector.open_quantities()


def test_the_same_event_each_morning_is_called_false_once() -> None:
    detector, found = lived(6), 0
    for index in range(6 * 288, 12 * 288):
        door = 5.0 if 120 <= index % 288 < 126 else 0.0
        (score,) = detector.observe(index * STEP, {"temperature": cellar(index) + door})
        if score.alarm:
            found += 1
            detector.verdict("temperature", score.feature, score.likelihood, genuine=False)
    assert found == 1
