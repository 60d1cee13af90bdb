"""Risks: what the sources say of known cases, and that nothing nonsensical is ever said."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.base import Floats, Forecast
from ml.crossing import Path, expected_path
from ml.risks import (
    HOUR,
    Hours,
    Level,
    Mould,
    along_usual_days,
    condensation,
    critical_humidity,
    drought,
    drought_index,
    frost,
    grow,
    mould_risk,
    surface_temperature,
)

END = 480_000  # an hour since 1970, at 00:00 UTC
NOW = float(END * HOUR)
WEEK = np.arange(END - 7 * 24, END)


def swing(mean: float, size: float, coldest_at: int = 5) -> Floats:
    """A week of days that are coldest in an hour (UTC)."""
    return mean - size * np.cos((WEEK - coldest_at) * 2 * np.pi / 24)


def steady(value: float, width: float = 1.0, hours: int = 24) -> Path:
    return expected_path(value, [Forecast("", NOW, hours * HOUR, value, value - width, value + width, "")])


# The path ------------------------------------------------------------------------------------------------------------


def foreseen(now: float, usual: Floats) -> Path:
    """At the default horizons what a week of like days says, straight between them."""

    def at(time: float) -> float:
        return float(np.interp(time / HOUR % 24, np.arange(-1, 26) + 0.5, np.resize(np.roll(usual[:24], 1), 27)))

    ahead = [(h, at(now + h)) for h in (0.25 * HOUR, 1.0 * HOUR, 6.0 * HOUR, 24.0 * HOUR)]
    return expected_path(at(now), [Forecast("", now, h, v, v - 0.5, v + 0.5, "") for h, v in ahead])


def test_a_night_between_two_horizons_is_seen() -> None:
    usual = swing(4, 6)  # -2 °C at 05:30
    straight = foreseen(NOW - 8 * HOUR, usual)  # 16:00
    bent = along_usual_days(straight, usual[:-8], END - 8)
    assert bent is not None
    assert straight.centre.min() > 2
    assert bent.centre.min() == pytest.approx(-2, abs=0.2)
    assert bent.at(13.5 * HOUR)[0] == pytest.approx(-2, abs=0.2)
    assert bent.at(6 * HOUR) == pytest.approx(straight.at(6 * HOUR))
    found = frost(bent, usual)
    assert found is not None
    assert found.level is Level.HIGH


def test_nights_that_differ_widen_it() -> None:
    sizes = np.repeat([6.0, 1.0, 3.0, 6.0, 0.5, 4.0, 2.0], 24)
    mixed = 4 + (swing(4, 1) - 4) * sizes
    bent = along_usual_days(foreseen(NOW - 8 * HOUR, mixed), mixed[:-8], END - 8)
    assert bent is not None
    found = frost(bent, mixed)
    assert found is not None
    assert found.probability is not None
    assert 0.1 < found.probability < 0.8


def test_two_days_are_no_usual_days_and_gaps_are_left_out() -> None:
    usual = swing(4, 6)
    path = foreseen(NOW, usual)
    assert along_usual_days(path, usual[-48:], END) is None
    gappy = usual.copy()
    gappy[100] = math.nan
    bent = along_usual_days(path, gappy, END)
    assert bent is not None
    assert not np.isnan(bent.centre).any()


# Frost ----------------------------------------------------------------------------------------------------------------


def test_frost_is_as_likely_as_the_forecasts_say() -> None:
    found = [frost(steady(value), swing(5, 3)) for value in (0.1, 0.5, 1.0, 3.0, 20.0)]
    chances = [each.probability for each in found if each is not None and each.probability is not None]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] >= 0.6  # a value that wanders about the limit will have been beyond it
    assert 0.05 <= chances[2] <= 0.2  # the interval's end: 5 % at its time, more at some time
    assert chances[-1] == 0.05
    room = found[-1]
    assert room is not None
    assert room.level is Level.NONE


def test_frost_that_is_there_is_certain_and_a_freezer_is_no_news() -> None:
    there = frost(steady(-1), swing(2, 4))
    assert there is not None
    assert there.now
    assert there.probability == 1
    assert there.level is Level.HIGH
    assert frost(steady(-18), np.full(168, -18.0)) is None


def test_nothing_ahead_is_certain() -> None:
    falling = expected_path(3.0, [Forecast("", NOW, 6 * HOUR, -9.0, -9.1, -8.9, "")])
    found = frost(falling, swing(5, 3))
    assert found is not None
    assert found.probability == 0.95
    assert not found.now
    assert 0 < found.lead < 3 * HOUR
    assert found.figure == pytest.approx(-9)


# Condensation ---------------------------------------------------------------------------------------------------------


def test_the_surface_of_the_standard() -> None:
    # DIN 4108-2: 20 °C inside, -5 °C outside, fRsi 0.7 give 12.5 °C
    assert float(surface_temperature(20, -5)) == pytest.approx(12.5)
    assert float(surface_temperature(20)) == 17
    assert float(surface_temperature(20, 30)) == 20


def test_damp_air_wets_a_cold_corner_and_dry_air_does_not() -> None:
    damp = condensation(steady(20), steady(70, 2), steady(-5))  # dew point 14.4 °C
    dry = condensation(steady(20), steady(40, 2), steady(-5))  # dew point 6.0 °C
    assert damp is not None
    assert dry is not None
    assert damp.level is Level.HIGH
    assert damp.now
    assert damp.figure == pytest.approx(12.5)
    assert dry.level is Level.NONE
    even = condensation(steady(20), steady(62, 2), steady(-5))  # DIN: 50 % RH gives 80 % at the surface; 62.0 % wets it
    assert even is not None
    assert even.probability == pytest.approx(0.5, abs=0.1)


def test_without_an_outside_temperature_three_kelvin_count() -> None:
    close, apart = condensation(steady(20), steady(90, 2)), condensation(steady(20), steady(70, 2))
    assert close is not None
    assert apart is not None
    assert close.level is Level.HIGH
    assert apart.level is Level.NONE


@given(st.floats(-60, 80), st.floats(0, 100), st.floats(0, 20), st.floats(0, 40))
def test_a_probability_is_one_and_coarse(celsius: float, percent: float, t_wide: float, h_wide: float) -> None:
    for found in (
        condensation(steady(celsius, t_wide), steady(percent, h_wide)),
        frost(steady(celsius, t_wide), swing(5, 3)),
    ):
        if found is not None:
            assert found.probability is not None
            assert 0.05 <= found.probability <= 1
            assert found.probability * 20 == pytest.approx(round(found.probability * 20))
            assert found.index is None


# Mould ----------------------------------------------------------------------------------------------------------------


def days(mould: Mould, number: float, celsius: float, percent: float) -> Mould:
    for _ in range(round(number * 24)):
        mould = grow(mould, celsius, percent)
    return mould


def test_critical_humidity_is_that_of_the_paper() -> None:
    # Hukka & Viitanen (1999): 80 % from 20 °C up, about 90 at 5 and near 100 at freezing
    assert critical_humidity(20) == pytest.approx(80, abs=0.3)
    assert critical_humidity(30) == 80
    assert critical_humidity(5) == pytest.approx(88.0, abs=0.1)
    assert critical_humidity(0.1) == pytest.approx(99.7, abs=0.1)
    assert critical_humidity(-1) == critical_humidity(60) == 100


def test_first_growth_comes_after_the_weeks_of_the_paper() -> None:
    # t_m = exp(-0.68 ln T - 13.9 ln RH + 66.02) weeks: 1.5 at 20 °C and 97 %, 4.2 at 90 %; the index slows just below 1
    assert days(Mould(), 1.4 * 7, 20, 97).index == pytest.approx(0.95, abs=0.05)
    assert days(Mould(), 4.0 * 7, 20, 90).index == pytest.approx(0.9, abs=0.1)


def test_it_ends_at_the_most_that_the_humidity_feeds() -> None:
    assert days(Mould(), 2000, 22, 100).index == pytest.approx(6, abs=0.01)
    assert days(Mould(), 2000, 22, 90).index == pytest.approx(4.0, abs=0.1)  # 1 + 7/2 - 2/4
    assert days(Mould(), 2000, 22, 79).index == 0


def test_dry_times_let_it_decline_as_the_paper_says() -> None:
    grown = Mould(2.0, 0)
    six = days(grown, 0.25, 20, 50)
    assert six.index == pytest.approx(2 - 0.032 / 4)
    assert days(six, 0.75, 20, 50).index == pytest.approx(six.index)
    assert days(grown, 11, 20, 50).index == pytest.approx(six.index - 10 * 0.016)
    assert days(Mould(0.01), 30, 20, 50).index == 0


def test_an_hour_that_is_not_known_changes_nothing() -> None:
    mould = Mould(1.5, 3)
    assert grow(mould, math.nan, 90) == mould
    assert grow(mould, 20, math.nan) == mould


@given(st.floats(0, 6), st.integers(0, 100), st.floats(-60, 125), st.floats(0, 200))
def test_the_index_stays_on_its_scale(index: float, dry: int, celsius: float, percent: float) -> None:
    assert 0 <= grow(Mould(index, dry), celsius, percent).index <= 6.01


def test_levels_of_mould() -> None:
    humid = np.array([*[82.0] * 12, *[140.0] * 12])  # half of the day it is wet
    found = [mould_risk(Mould(index), humid) for index in (0.2, 0.6, 1.4, 3.1)]
    assert [each.level for each in found] == [Level.NONE, Level.LOW, Level.MEDIUM, Level.HIGH]
    assert all(each.probability is None and each.figure == 91 for each in found)


def test_it_grows_only_where_an_hour_has_let_it_grow() -> None:
    damp = np.full(24, 92.0)
    assert not mould_risk(Mould(), damp).now, "no hour is known yet, or none was wet"
    assert mould_risk(days(Mould(), 1 / 24, 20, 92), damp).now
    assert not mould_risk(days(Mould(1.0), 1 / 24, 20, 50), damp).now


# Drought --------------------------------------------------------------------------------------------------------------


def test_the_index_needs_both_a_deficit_and_its_duration() -> None:
    hard = np.concatenate([np.full(14, 0.8), np.full(10, 2.4)])
    calm = np.full(24, 0.9)
    one, two, week = (np.concatenate([np.tile(calm, 7 - n), np.tile(hard, n)]) for n in (1, 2, 7))
    assert drought_index(np.tile(calm, 7)) == 0
    assert drought_index(one) == pytest.approx(0.33, abs=0.01)
    assert drought_index(two) == pytest.approx(0.56, abs=0.01)
    assert drought_index(week) == pytest.approx(1)
    four = np.concatenate([np.tile(calm, 3), np.tile(hard, 4)])
    assert drought_index(four) == pytest.approx(0.83, abs=0.01)
    assert drought_index(np.full(168, 1.4)) == pytest.approx(0.125, abs=0.01)  # a heated room in winter
    assert drought_index(np.full(168, 1.72)) == pytest.approx(0.475, abs=0.01)  # one of 22 °C and 35 %
    eased = np.concatenate([np.tile(hard, 6), calm])
    assert drought_index(eased) == pytest.approx(0.67, abs=0.01)


def test_the_hours_of_night_do_not_count() -> None:
    day = np.full(10, 1.8)
    dry_night, damp_night = (np.tile(np.concatenate([np.full(14, at), day]), 7) for at in (1.79, 0.4))
    assert drought_index(dry_night) == drought_index(damp_night) == pytest.approx(0.625)
    gappy = damp_night.reshape(7, 24).copy()
    gappy[:, ::2] = math.nan  # of each second hour nothing is known
    assert drought_index(gappy.ravel()) == pytest.approx(0.625)


def test_a_new_sensors_first_day_is_no_drought_and_an_unknown_day_no_index() -> None:
    assert drought_index(np.full(24, 3.0)) == pytest.approx(0.33, abs=0.01)
    assert drought_index(np.full(11, 3.0)) is None
    assert drought_index(np.full(24, math.nan)) is None


def test_it_looks_a_day_ahead_where_the_forecasts_do() -> None:
    hot = Hours(END, np.full(168, 30.0), np.full(168, 30.0))  # 3 kPa
    measured = drought(hot, None, None)
    ahead = drought(hot, steady(20), steady(60))  # 0.9 kPa
    assert measured is not None
    assert ahead is not None
    assert (measured.index, measured.lead) == (1.0, 0)
    assert (ahead.index, ahead.lead) == (0.7, 24 * HOUR)
    assert ahead.probability is None
    assert ahead.figure == 24
    mild = drought(Hours(END, np.full(168, 22.0), np.array([*[70.0] * 159, *[50.0] * 9])), None, None)  # 0.8, 1.3 kPa
    assert mild is not None
    assert mild.figure == 9
    half = drought(hot, steady(20, hours=12), steady(60))  # half of the last day is hot still: more than 8 h
    assert half is not None
    assert (half.index, half.lead) == (1.0, 12 * HOUR)
