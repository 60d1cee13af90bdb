"""The probability of crossing a limit: a probability, never falling with the horizon nor rising with the distance."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.base import Floats, Forecast
from ml.crossing import Crossing, crossing, expected_path

HOUR = 3600.0
HORIZONS = (900.0, HOUR, 6 * HOUR, 24 * HOUR)


def forecasts(
    values: Sequence[float], below: Sequence[float], above: Sequence[float], horizons: Sequence[float] = HORIZONS
) -> list[Forecast]:
    columns = zip(horizons, values, below, above, strict=True)
    return [Forecast("temperature", 1e9, h, value, value - low, value + high, "mix") for h, value, low, high in columns]


def crossed(
    level: float, made: Sequence[Forecast], limit: float, *, upper: bool = False, day: Floats | None = None
) -> Crossing:
    found = crossing(expected_path(level, made, day), limit, upper=upper)
    assert found is not None
    return found


ROOM = forecasts([20.0, 20.0, 20.0, 20.0], [0.2, 0.5, 1.0, 1.5], [0.2, 0.5, 1.0, 1.5])
SWING: Floats = 20 + 2 * np.cos(np.linspace(0, 2 * np.pi, 96, endpoint=False))
"""A day's means; now is its warmest, twelve hours from now it was coldest."""

numbers = st.floats(-40, 60)
widths = st.lists(st.floats(0.05, 30), min_size=4, max_size=4).map(sorted)


@settings(max_examples=200, deadline=None)
@given(
    numbers,
    st.lists(numbers, min_size=4, max_size=4),
    widths,
    widths,
    st.lists(numbers, min_size=2, max_size=2),
    st.booleans(),
    st.booleans(),
)
def test_it_is_a_probability_that_grows_with_time_and_shrinks_with_distance(
    level: float,
    values: list[float],
    below: list[float],
    above: list[float],
    limits: list[float],
    upper: bool,
    bent: bool,
) -> None:
    path = expected_path(level, forecasts(values, below, above), SWING if bent else None)
    near, far = sorted(limits, reverse=not upper)
    here, there = crossing(path, near, upper=upper), crossing(path, far, upper=upper)
    if here is None:
        assert (level > near) if upper else (level < near)
        return
    assert there is not None
    for horizon in HORIZONS:
        assert 0.0 <= there.within(horizon) <= here.within(horizon) + 1e-9 <= 1.0 + 1e-9
    for found in (here, there):
        assert all(a <= b for a, b in pairwise(found.crossed.tolist()))
        for horizon in HORIZONS:
            likely = found.likely(horizon)
            assert (likely is None) == (found.within(horizon) < 0.5)
            if likely is not None:
                assert 900.0 <= likely <= horizon
                assert likely % 900.0 == 0.0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([900.0 * n for n in range(1, 673)]), min_size=1, max_size=6, unique=True).map(sorted))
def test_any_horizons_will_do(horizons: list[float]) -> None:
    count = len(horizons)
    made = forecasts([20.0] * count, [1.0] * count, [1.0] * count, horizons)
    found = crossed(20.0, made, 19.0, day=SWING)
    assert all(a <= b for a, b in pairwise(found.within(horizon) for horizon in horizons))
    assert found.times[-1] == horizons[-1]


def test_beyond_the_limit_already_is_no_warning() -> None:
    path = expected_path(20.0, ROOM)
    assert crossing(path, 20.5, upper=False) is None
    assert crossing(path, 19.5, upper=True) is None
    assert crossing(path, 20.0, upper=True) is not None, "on the limit is not beyond it"


def test_a_path_has_more_chances_to_cross_than_its_end() -> None:
    found = crossed(20.0, ROOM, 18.5)
    assert found.within(24 * HOUR) > 0.06, "its end alone is below the 90 % interval with 5 %"
    assert found.within(24 * HOUR) < 0.25
    assert found.within(900.0) == pytest.approx(0.0, abs=1e-3)


def test_a_steady_fall_is_foreseen_and_when() -> None:
    """A freezer that thaws, upside down: a degree an hour, known to a few tenths."""
    falling = forecasts([19.75, 19.0, 14.0, 10.0], [0.05, 0.2, 1.0, 3.0], [0.05, 0.2, 1.0, 3.0])
    found = crossed(20.0, falling, 19.3)
    assert found.within(HOUR) > 0.95
    assert found.within(900.0) < 0.01
    assert found.likely(HOUR) == 45 * 60.0
    assert found.likely(900.0) is None


def test_above_and_below_are_mirror_images() -> None:
    below = crossed(20.0, forecasts([19, 18, 17, 18], [1, 2, 3, 4], [0.5, 1, 2, 3]), 16.0)
    above = crossed(20.0, forecasts([21, 22, 23, 22], [0.5, 1, 2, 3], [1, 2, 3, 4]), 24.0, upper=True)
    assert above.crossed == pytest.approx(below.crossed)


def test_the_side_that_is_less_certain_is_crossed_more_easily() -> None:
    """Humidity leaps up and creeps down."""
    skewed = forecasts([50.0] * 4, [1.0, 2.0, 3.0, 4.0], [2.0, 6.0, 10.0, 15.0])
    up, down = crossed(50.0, skewed, 56.0, upper=True), crossed(50.0, skewed, 44.0)
    assert up.within(6 * HOUR) > 5 * down.within(6 * HOUR)


def test_what_the_night_did_yesterday_is_expected_between_two_horizons() -> None:
    """In six hours and in twenty-four it is as warm as now; yesterday it was not so in between."""
    straight, bent = crossed(22.0, ROOM, 19.2), crossed(22.0, ROOM, 19.2, day=SWING)
    assert bent.within(24 * HOUR) > straight.within(24 * HOUR) + 0.1
    assert bent.within(6 * HOUR) == pytest.approx(straight.within(6 * HOUR), abs=0.05)


def test_the_path_tells_value_and_interval_of_any_quarter_of_an_hour() -> None:
    path = expected_path(20.0, forecasts([20, 21, 22, 22], [0.2, 1.0, 2.0, 3.0], [0.4, 2.0, 2.0, 3.0]))
    assert path.at(HOUR) == pytest.approx((21.0, 20.0, 23.0))
    value, lower, upper = path.at(0.5 * HOUR)
    assert value == pytest.approx(20.0 + 1 / 3)
    assert (value - lower, upper - value) == (pytest.approx(0.6, abs=0.05), pytest.approx(1.2, abs=0.05))


def test_nothing_impossible_is_told_of_a_path() -> None:
    made = [Forecast("humidity", 1e9, h, 99.0, 95.0, 100.0, "mix") for h in HORIZONS]
    damp: Floats = 90 + 5 * SWING
    assert max(expected_path(99.0, made, damp).at(12 * HOUR)) <= 100.0


def test_the_order_of_horizons_does_not_matter() -> None:
    once = crossed(20.0, ROOM, 18.5)
    again = crossed(20.0, [ROOM[2], ROOM[0], ROOM[3], ROOM[1]], 18.5)
    assert again.crossed.tolist() == once.crossed.tolist()


def test_what_cannot_be_is_not_probable() -> None:
    columns = zip((0.25, 1, 6, 24), (98.0, 98.0, 97.0, 96.0), strict=True)
    damp = [Forecast("humidity", 1e9, hours * HOUR, value, value - 4, 100.0, "mix") for hours, value in columns]
    full = crossing(expected_path(99.0, damp), 100.0, upper=True)
    assert full is not None
    assert full.within(24 * HOUR) == 0.0
    less = crossing(expected_path(99.0, damp), 99.5, upper=True)
    assert less is not None
    assert less.within(24 * HOUR) > 0.2
