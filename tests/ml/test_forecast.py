"""What a forecaster promises: sane from the first quarter of an hour, better than persistence later, causal."""

import math
import random

import numpy as np
import pytest

from ml.base import Forecast
from ml.boosting import fit_boosting, predict
from ml.features import BIN
from ml.forecast import MixForecaster
from ml.forecast_fit import fit_mix
from ml.peers import Peers

HORIZONS = (900.0, 3600.0, 21_600.0, 86_400.0)
DAY = 96


def room(index: int) -> float:
    return round(21 + 3 * math.sin(2 * math.pi * index / DAY) + math.sin(index / 311) + 0.1 * math.sin(index * 12.9), 1)


def lived(bins: int, *, fitted: bool = True) -> MixForecaster:
    forecaster = MixForecaster("temperature", HORIZONS)
    for index in range(bins):
        forecaster.observe(index * BIN, {"temperature": room(index)})
        if fitted and index > 6 * DAY and forecaster.fit_due():
            training = forecaster.training(4096)
            assert training is not None
            forecaster.adopt(fit_mix(training))
    return forecaster


def test_nothing_is_predicted_before_the_first_bin_is_complete() -> None:
    forecaster = MixForecaster("temperature", HORIZONS)
    assert not forecaster.observe(10.0, {"temperature": 20.0})
    assert forecaster.forecast(20.0) == []
    assert forecaster.observe(BIN, {"temperature": 22.0})
    assert [f.horizon for f in forecaster.forecast(BIN)] == list(HORIZONS)


def test_a_new_series_starts_with_persistence_and_intervals_that_widen() -> None:
    forecaster = MixForecaster("humidity", HORIZONS)
    forecaster.observe(10.0, {"humidity": 50.0})
    forecasts = forecaster.forecast(BIN)
    assert [f.value for f in forecasts] == [50.0] * 4
    assert {f.model for f in forecasts} == {"persistence"}
    widths = [f.upper - f.lower for f in forecasts]
    assert widths == sorted(widths)
    assert widths[0] > 0.1


def test_it_beats_persistence_and_covers_what_comes() -> None:
    forecaster = lived(12 * DAY)
    errors, naive, covered = np.zeros(4), np.zeros(4), np.zeros(4)
    made: dict[int, list[tuple[int, Forecast, float]]] = {}
    for index in range(12 * DAY, 16 * DAY):
        forecaster.observe(index * BIN, {"temperature": room(index)})
        for place, forecast in enumerate(forecaster.forecast(index * BIN)):
            target = index - 1 + round(forecast.horizon / BIN)
            made.setdefault(target, []).append((place, forecast, room(index - 1)))
        for place, forecast, last in made.pop(index, []):
            errors[place] += abs(forecast.value - room(index))
            naive[place] += abs(last - room(index))
            covered[place] += forecast.lower <= room(index) <= forecast.upper
    assert (errors[1:3] < 0.6 * naive[1:3]).all()
    assert errors[3] < 1.1 * naive[3]
    assert (covered / (3 * DAY) > 0.8).all()


def test_an_interval_is_never_finer_than_the_sensor_nor_impossible() -> None:
    wet = MixForecaster("humidity", HORIZONS)
    for index in range(3 * DAY):
        wet.observe(index * BIN, {"humidity": 100.0 if index % 40 else 99.9})
    for forecast in wet.forecast(3 * DAY * BIN):
        assert 0 <= forecast.lower <= forecast.value <= forecast.upper <= 100
        assert forecast.upper - forecast.lower >= 0.1 - 1e-9


def test_irregular_gappy_and_stuck_series_give_no_nonsense() -> None:
    rng = random.Random(4)
    forecaster, time = MixForecaster("temperature", HORIZONS), 0.0
    for _ in range(800):
        time += rng.choice((40.0, 700.0, 4000.0, 60_000.0))
        forecaster.observe(time, {"temperature": 20.0 if rng.random() < 0.7 else rng.uniform(15, 25)})
        if forecaster.fit_due() and (training := forecaster.training(4096)) is not None:
            forecaster.adopt(fit_mix(training))
        for forecast in forecaster.forecast(time):
            assert math.isfinite(forecast.value)
            assert forecast.lower <= forecast.value <= forecast.upper
            assert 0 < forecast.value < 40


def test_a_silent_series_is_not_predicted() -> None:
    forecaster = lived(3 * DAY)
    assert forecaster.forecast(3 * DAY * BIN)
    assert forecaster.forecast((3 * DAY + 40) * BIN) == []


def test_after_a_restart_forecasts_are_the_same_to_the_bit() -> None:
    forecaster, restored = lived(8 * DAY), MixForecaster("temperature", HORIZONS)
    restored.restore(forecaster.state())
    for index in range(8 * DAY, 9 * DAY):
        for one in (forecaster, restored):
            one.observe(index * BIN, {"temperature": room(index)})
    assert restored.forecast(9 * DAY * BIN) == forecaster.forecast(9 * DAY * BIN)
    assert restored.fitted_at == forecaster.fitted_at


def test_a_forecaster_of_other_horizons_is_not_taken_over() -> None:
    with pytest.raises(ValueError, match="other horizons"):
        MixForecaster("temperature", (900.0,)).restore(lived(2 * DAY).state())


def test_boosting_in_numpy_predicts_what_scikit_learn_does() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    from ml import boosting

    rng = np.random.default_rng(3)
    rows = rng.normal(size=(600, 12)).astype(np.float32)
    targets = rows[:, 0] * 2 + np.abs(rows[:, 1]) + rng.normal(size=600) * 0.1
    model = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=boosting.TREES, max_depth=boosting.DEPTH, early_stopping=False
    ).fit(rows, targets)
    asked = rng.normal(size=(1, 200, 12)).astype(np.float32)
    stacked = {name: array[None] for name, array in boosting.flatten(model).items()}
    assert np.abs(predict(stacked, asked)[0] - model.predict(asked[0])).max() < 1e-5
    assert set(fit_boosting(rows, targets, far=True)) == {"feature", "threshold", "leaf", "base"}


def test_what_the_detector_flags_teaches_nothing_and_judges_nobody() -> None:
    clean, faulty = (MixForecaster("temperature", HORIZONS) for _ in range(2))
    for index in range(8 * 96):
        heated = 6 * 96 <= index < 7 * 96
        value = room(index)
        clean.observe(index * BIN, {"temperature": value, "humidity": 50.0})
        flagged = {"temperature"} if heated else set()
        faulty.observe(index * BIN, {"temperature": value + 30 * heated, "humidity": 50.0}, flagged)
        if index == 6 * 96 + 40:
            assert faulty.forecast(index * BIN)[0].value > 40, "yet this is where the series stands"
    training = faulty.training(4096)
    assert training is not None
    spoilt = ~training["known"]
    assert spoilt.sum() == 96
    assert training["values"][spoilt].min() > 40
    assert training["values"][~spoilt].max() < 40
    persistence = [forecaster.state()["errors"][:, 0] for forecaster in (faulty, clean)]
    np.testing.assert_allclose(*persistence, rtol=0.1)


def test_while_an_alarm_lasts_nobody_who_believes_in_yesterday_is_heard() -> None:
    """A freezer thaws, two hours later the detector says so, two days later it is repaired."""
    forecaster, chance = MixForecaster("temperature", HORIZONS), np.random.default_rng(5)

    def heard() -> np.ndarray:
        return forecaster._weights(np.zeros((4, 10)))

    for index in range(9 * DAY):
        hours = (index - 5 * DAY) / 4
        thawing = 0 <= hours < 48
        value = -18 + chance.normal(0, 0.3) + (38 * (1 - math.exp(-hours / 8)) if thawing else 0)
        if 4 < hours < 48:
            assert abs(forecaster.forecast(index * BIN)[0].value - value) < 3.0, f"{hours:g} h"
        forecaster.observe(index * BIN, {"temperature": value}, {"temperature"} if thawing and hours >= 2 else ())
        if hours == 2:
            usual = heard()
        elif hours == 48.25:  # its first usual quarter of an hour is complete
            np.testing.assert_allclose(heard(), usual, atol=0.05)


def wander(seed: int, steps: int) -> list[float]:
    """A walk with a will: what moves goes on moving for an hour or two."""
    chance, speed, value, found = np.random.default_rng(seed), 0.0, 20.0, []
    for _ in range(steps):
        speed += -0.15 * speed + chance.normal(0, 0.02)
        value += speed - 0.002 * (value - 20.0)
        found.append(value)
    return found


def errors(
    forecasters: list[MixForecaster], courses: list[list[float]], fitted_until: int, horizon: int, each: float
) -> tuple[float, float]:
    """(mean error of the first one's forecasts, of persistence) ``horizon`` bins ahead, after all have lived."""
    course, per_bin, told = courses[0], round(BIN / each), list[tuple[int, float, float]]()
    for index in range(len(course)):
        completed = [
            f.observe(index * each, {"temperature": c[index]}) for f, c in zip(forecasters, courses, strict=True)
        ]
        if completed[0] and index // per_bin > 5 * DAY:
            forecaster, now = forecasters[0], index // per_bin
            if now <= fitted_until and forecaster.fit_due() and (training := forecaster.training(4096)) is not None:
                forecaster.adopt(fit_mix(training))
            place = forecaster.horizons.index(horizon)
            told.append((now, forecaster.forecast(index * each)[place].value, forecaster.bins.at(0)))
    means = np.array(course[: len(course) // per_bin * per_bin]).reshape(-1, per_bin).mean(axis=1)
    late = [(now - 1 + horizon, value, level) for now, value, level in told if now - 1 + horizon < len(means)]
    late = late[len(late) // 2 :]
    found = np.array([(abs(value - means[at]), abs(level - means[at])) for at, value, level in late])
    return tuple(found.mean(axis=0).tolist())


def test_where_the_last_reading_stands_is_known_before_the_mean_gets_there() -> None:
    error, naive = errors([MixForecaster("temperature", HORIZONS)], [wander(1, 9 * DAY * 3)], 8 * DAY, 1, BIN / 3)
    assert error < 0.7 * naive


def test_a_neighbour_that_moves_first_helps_and_one_that_is_gone_does_no_harm() -> None:
    leader = wander(2, 10 * DAY)
    follower = [leader[max(0, index - 6)] for index in range(len(leader))]  # an hour and a half later

    def error(*, leaves: bool) -> float:
        peers = Peers()
        pair = [MixForecaster("temperature", HORIZONS, peers, name) for name in ("follower", "leader")]
        if leaves:
            pair[1].close()
        return errors(pair, [follower, leader], 9 * DAY, 4, BIN)[0]

    alone = errors([MixForecaster("temperature", HORIZONS)], [follower], 9 * DAY, 4, BIN)[0]
    assert error(leaves=False) < 0.6 * alone
    assert error(leaves=True) == pytest.approx(alone)


def test_a_new_sensor_is_as_uncertain_as_the_others_have_been() -> None:
    peers = Peers()
    old = MixForecaster("temperature", HORIZONS, peers, "old")
    for index in range(6 * DAY):
        old.observe(index * BIN, {"temperature": 20.0 + 0.01 * (index % 3)})
    new, stranger = MixForecaster("temperature", HORIZONS, peers, "new"), MixForecaster("temperature", HORIZONS)
    for forecaster in (new, stranger):
        forecaster.observe(6 * DAY * BIN, {"temperature": 20.0})
    for known, typical in zip(new.forecast(7 * DAY * BIN), stranger.forecast(7 * DAY * BIN), strict=True):
        assert known.upper - known.lower < 0.5 * (typical.upper - typical.lower)


def test_how_good_forecasts_have_been_is_kept_and_outlives_a_restart() -> None:
    forecaster = lived(14 * DAY)
    skills = forecaster.skills()
    assert [skill.horizon for skill in skills] == list(HORIZONS)
    for skill in skills:
        assert skill.quantity == "temperature"
        assert skill.judged == 14 * DAY - 1 - round(skill.horizon / BIN)
        assert 0.8 < skill.coverage <= 1
        assert skill.error < skill.naive
        assert skill.skill == 1 - skill.error / skill.naive
    restored = MixForecaster("temperature", HORIZONS)
    restored.restore(forecaster.state())
    assert restored.skills() == skills


def test_a_series_that_never_moves_has_no_skill_to_show() -> None:
    forecaster = MixForecaster("temperature", HORIZONS)
    for index in range(2 * DAY):
        forecaster.observe(index * BIN, {"temperature": 20.0})
    first = forecaster.skills()[0]
    assert (first.coverage, first.error, first.naive) == (1.0, 0.0, 0.0)
    assert math.isnan(first.skill)


def test_a_fit_waits_until_each_horizon_has_rows_enough() -> None:
    """What was flagged may leave a near horizon fewer of them than a far one."""
    forecaster = MixForecaster("temperature", HORIZONS)
    for index in range(16 * DAY):
        flagged = {"temperature"} if index > 400 and index % DAY >= 40 else ()
        forecaster.observe(index * BIN, {"temperature": room(index)}, flagged)
        training = forecaster.training(4096)
        assert forecaster.fit_due() == (training is not None)
        if training is not None:
            fit_mix(training)
            return
    pytest.fail("no fit was ever due")


def test_an_interval_is_wide_where_errors_are_large_at_this_time_of_day() -> None:
    """A kitchen: calm at night, and cooked in for three hours a day."""
    chance, forecaster = np.random.default_rng(4), MixForecaster("temperature", HORIZONS)
    covered, widths = list[bool](), dict[bool, list[float]]({True: [], False: []})
    last, told = 20.0, None
    for index in range(14 * DAY):
        cooking = 48 <= index % DAY < 60
        last += -0.3 * (last - 20.0) + chance.normal(0, 0.5 if cooking else 0.02)
        forecaster.observe(index * BIN, {"temperature": last})
        if index > 7 * DAY:
            if told is not None:
                covered.append(told.lower <= forecaster.bins.at(0) <= told.upper)
            told = forecaster.forecast(index * BIN)[0]
            widths[50 <= index % DAY < 59].append(told.upper - told.lower)
    assert np.mean(widths[True]) > 2 * np.mean(widths[False])
    assert 0.86 < np.mean(covered) < 0.95


def test_nothing_is_foretold_from_a_level_that_is_not_known() -> None:
    forecaster = lived(5 * DAY, fitted=False)
    assert forecaster.forecast((5 * DAY + 8) * BIN)
    assert not forecaster.forecast((5 * DAY + 12) * BIN), "three hours of silence"
    later = 60 * DAY * BIN
    forecaster.observe(later, {"humidity": 50.0})  # only the other quantity, after weeks
    forecaster.observe(later + BIN, {"humidity": 50.0})
    assert not forecaster.forecast(later + BIN)
    forecaster.observe(later + BIN + 1, {"temperature": 4.0})
    assert forecaster.forecast(later + 2 * BIN)[0].value == 4.0


def test_a_quiet_sensor_that_begins_to_move_is_soon_as_uncertain_as_one_that_moves() -> None:
    """It lay in a drawer for twelve days, and its errors were nothing."""
    chance, forecaster, told, level = np.random.default_rng(5), MixForecaster("temperature", HORIZONS), [], 20.0
    moved = 12 * DAY
    for index in range(moved + 3 * DAY):
        level += chance.normal(0, 0.2) if index >= moved else 0.0
        forecaster.observe(index * BIN, {"temperature": round(level, 2)})
        if index > moved:
            told.append(forecaster.forecast(index * BIN)[:2])
    for place, horizon in ((0, 1), (1, 4)):
        came = np.array([forecaster.bins.at(len(told) - 1 - index - horizon) for index in range(len(told) - horizon)])
        covered = np.array(
            [f[place].lower <= value <= f[place].upper for f, value in zip(told, came, strict=False)], np.float64
        )
        assert covered[DAY // 2 : DAY].mean() > 0.7
        assert covered[DAY:].mean() > 0.8


def test_an_ordinary_past_is_looked_for_before_a_flagged_one() -> None:
    """Yesterday a door stood open; what today will be is what the days before were."""
    forecaster = MixForecaster("temperature", HORIZONS)
    for index in range(8 * DAY + 48):
        open_door = 7 * DAY <= index < 7 * DAY + 60
        value = 5.0 if open_door else round(20 + 5 * math.sin(2 * math.pi * index / DAY), 2)
        forecaster.observe(index * BIN, {"temperature": value}, {"temperature"} if open_door else ())
        if index == 8 * DAY + 20:
            six_hours = forecaster.forecast(index * BIN)[2]
            assert six_hours.value == pytest.approx(20 + 5 * math.sin(2 * math.pi * (20 + 23) / DAY), abs=1)
            assert forecaster.bins.usual_day().min() > 14


def test_a_quantity_may_be_large() -> None:
    """Bytes a second, lux: its last reading may lie a million beside its bin's mean."""
    forecaster, chance = MixForecaster("net", HORIZONS), np.random.default_rng(3)
    for index in range(7 * DAY):
        for part in (0, 300, 600):
            forecaster.observe(index * BIN + part, {"net": 5e6 + chance.normal(0, 1e6)})
    training = forecaster.training(4096)
    assert training is not None
    forecaster.adopt(fit_mix(training))
    assert all(1e6 < f.lower < f.value < f.upper < 9e6 for f in forecaster.forecast(7 * DAY * BIN))


def test_two_days_ahead_are_foretold_and_no_more() -> None:
    with pytest.raises(ValueError, match="173700 s is too long; at most 172800 s"):
        MixForecaster("temperature", (900.0, 173_700.0))
    forecaster = MixForecaster("temperature", (900.0, 172_800.0))
    for index in range(15 * DAY):
        forecaster.observe(index * BIN, {"temperature": room(index)})
        if index > 12 * DAY and forecaster.fit_due() and (training := forecaster.training(4096)) is not None:
            forecaster.adopt(fit_mix(training))
    assert forecaster.fitted_at is not None
    far = forecaster.forecast(15 * DAY * BIN)[1]
    assert far.lower < far.value < far.upper
    assert far.value == pytest.approx(room(17 * DAY - 1), abs=1)


def test_the_order_in_which_horizons_are_configured_changes_nothing() -> None:
    one, other = (MixForecaster("temperature", horizons) for horizons in (HORIZONS, HORIZONS[::-1]))
    for index in range(4 * DAY):
        for forecaster in (one, other):
            forecaster.observe(index * BIN, {"temperature": room(index)})
    assert one.forecast(4 * DAY * BIN) == other.forecast(4 * DAY * BIN)


def test_a_late_reading_is_in_no_later_bin() -> None:
    forecaster = MixForecaster("temperature", HORIZONS)
    for index in range(4):
        forecaster.observe(index * BIN, {"temperature": 20.0, "humidity": 50.0})
    forecaster.observe(BIN + 1, {"temperature": 90.0, "humidity": 5.0})
    forecaster.observe(4 * BIN, {"temperature": 20.0, "humidity": 50.0})
    values, companion, _ = forecaster.bins.tail(4)
    assert values.tolist() == [20.0] * 4
    assert companion.tolist() == [50.0] * 4
