"""What leaves its usual ways is followed: a freezer whose cooling fails is told of before its limit is passed."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from ml.base import Forecast
from ml.bins import Bins
from ml.crossing import crossing, expected_path
from ml.features import BIN
from ml.forecast import MixForecaster
from ml.forecast_fit import fit_mix
from ml.trend import excursion

HORIZONS = (900.0, 3600.0, 21_600.0, 86_400.0)
DAY = 96


def course(values: list[float]) -> Bins:
    bins = Bins()
    for index, value in enumerate(values):
        bins.add(index * BIN, value, flagged=False)
        bins.close()
    return bins


def failing(failed_for: int, rate: float, swing: float) -> Iterator[tuple[MixForecaster, Sequence[Forecast]]]:
    """A freezer in each quarter of an hour after its cooling failed at the end of the tenth day."""
    chance, forecaster = np.random.default_rng(7), MixForecaster("temperature", HORIZONS)
    for index in range(10 * DAY + failed_for):
        hours = max(0, index - 10 * DAY) / 4
        usual = -18.0 + swing * math.sin(index * 2.1) + chance.normal(0, 0.1)
        forecaster.observe(index * BIN, {"temperature": round(usual + rate * hours, 1)})
        if index == 8 * DAY and (training := forecaster.training(4096)) is not None:
            forecaster.adopt(fit_mix(training))
        if hours:
            yield forecaster, forecaster.forecast(index * BIN)


def probabilities(failed_for: int, rate: float, swing: float) -> list[float]:
    """Of passing -15 °C within a day, as long as it is not passed."""
    found = []
    for forecaster, made in failing(failed_for, rate, swing):
        ahead = crossing(expected_path(forecaster.bins.at(0), made), -15.0, upper=True)
        if ahead is None:
            break
        found.append(ahead.within(86_400))
    return found


@pytest.mark.parametrize(("rate", "swing"), [(2.0, 0.0), (0.7, 0.0), (0.7, 0.7)], ids=["fast", "slow", "cycling"])
def test_a_failing_freezer_is_told_of_before_it_is_too_warm(rate: float, swing: float) -> None:
    found = probabilities(40, rate, swing)
    assert max(found[:-1]) >= 0.8, "a quarter of an hour before, or earlier"


def test_a_working_freezer_is_told_of_never() -> None:
    assert max(probabilities(DAY, 0.0, 0.7)) < 0.3


@pytest.mark.parametrize("rate", [2.0, 0.7, -1.0])
def test_where_it_may_go_is_in_the_interval(rate: float) -> None:
    """It may also come back, or slow down: nobody can know, and the interval says so."""
    *_, (forecaster, made) = failing(14, rate, 0.0)
    level, day = forecaster.bins.at(0), made[3]
    assert made[2].lower < level + 4 * rate < made[2].upper
    assert day.lower < level + 6 * rate < day.upper


def test_of_one_that_works_intervals_reach_nowhere() -> None:
    assert all(
        abs(bound + 18.0) < 1.5 for _, made in failing(DAY, 0.0, 0.0) for bound in (made[3].lower, made[3].upper)
    )


def test_what_stays_in_its_range_or_comes_back_is_no_excursion() -> None:
    wave = [math.sin(index / 15) for index in range(8 * DAY)]
    assert excursion(course(wave), 0) is None
    rising = [1.1 + 0.1 * step for step in range(6)]
    found = excursion(course([*wave, *rising]), 0)
    assert found is not None
    assert found.slope == pytest.approx(0.1, rel=0.05)
    assert found.beyond == pytest.approx(0.6, abs=0.05), "the range ends at 1"
    assert excursion(course([*wave, *rising, *reversed(rising)]), 0) is None
    assert excursion(course([*wave[: 3 * DAY], *rising]), 0) is None, "three days are no usual range"


def test_three_surprises_on_one_side_are_an_excursion_within_the_range() -> None:
    wave = [math.sin(index / 15) for index in range(8 * DAY)]
    falling = [0.5, 0.4, 0.3, 0.2]
    assert excursion(course([*wave, *falling]), -2) is None
    found = excursion(course([*wave, *falling]), -3)
    assert found == (pytest.approx(-0.1, rel=0.05), 0.0)
    assert excursion(course([*wave, *falling]), 3) is None, "it goes the other way"
