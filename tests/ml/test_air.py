"""Moist air against published tables, its own inverses, and the edges where a formula ends."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.air import (
    absolute_humidity,
    dew_point,
    frost_point,
    humidity_at,
    saturation_over_ice,
    saturation_over_water,
    vapour_pressure,
    vapour_pressure_deficit,
)

OVER_WATER = {
    # R. J. List, Smithsonian Meteorological Tables, 6th ed. (1951), table 94: hPa
    -40: 0.1891,
    -30: 0.5088,
    -20: 1.2540,
    -10: 2.8627,
    0: 6.1078,
    10: 12.272,
    20: 23.373,
    30: 42.430,
    40: 73.777,
    50: 123.40,
    60: 199.26,
}
OVER_ICE = {-60: 0.01080, -50: 0.03935, -40: 0.1283, -30: 0.3798, -20: 1.032, -10: 2.597, 0: 6.1078}  # table 96: hPa

temperatures = st.floats(-40, 60)
humidities = st.floats(1, 100)


@pytest.mark.parametrize(("celsius", "hectopascal"), OVER_WATER.items())
def test_saturation_over_water_is_that_of_the_tables(celsius: float, hectopascal: float) -> None:
    assert float(saturation_over_water(celsius)) == pytest.approx(hectopascal, rel=0.006)


@pytest.mark.parametrize(("celsius", "hectopascal"), OVER_ICE.items())
def test_saturation_over_ice_is_that_of_the_tables(celsius: float, hectopascal: float) -> None:
    assert float(saturation_over_ice(celsius)) == pytest.approx(hectopascal, rel=0.01)


@pytest.mark.parametrize(
    ("celsius", "percent", "expected"),
    [(20, 50, 9.3), (25, 60, 16.7), (10, 80, 6.7), (30, 30, 10.5)],
)
def test_dew_points_as_building_physics_tables_give_them(celsius: float, percent: float, expected: float) -> None:
    # DIN 4108-3, table of dew points of air
    assert float(dew_point(celsius, percent)) == pytest.approx(expected, abs=0.1)


def test_a_cubic_metre_of_saturated_air_holds_what_the_tables_say() -> None:
    # Smithsonian Meteorological Tables, table 108: g/m³ over water
    for celsius, grams in {0: 4.847, 10: 9.399, 20: 17.30, 30: 30.38}.items():
        assert float(absolute_humidity(celsius, 100)) == pytest.approx(grams, rel=0.006)


def test_the_deficit_of_a_warm_dry_day() -> None:
    # FAO Irrigation and Drainage Paper 56, annex 2, table 2.3: 3.168 kPa at 25 °C
    assert float(vapour_pressure_deficit(25, 40)) == pytest.approx(0.6 * 3.168, rel=0.005)
    assert float(vapour_pressure_deficit(25, 100)) == 0


@given(temperatures, humidities)
def test_air_cooled_to_its_dew_point_is_saturated(celsius: float, percent: float) -> None:
    dew = float(dew_point(celsius, percent))
    if math.isnan(dew):
        assert float(vapour_pressure(celsius, percent)) < float(saturation_over_water(-45)) * (1 + 1e-9)
        return
    assert dew <= celsius + 1e-9
    assert float(saturation_over_water(min(60.0, max(-45.0, dew)))) == pytest.approx(
        float(vapour_pressure(celsius, percent)), rel=1e-9
    )
    assert float(humidity_at(celsius, percent, min(60.0, max(-45.0, dew)))) == pytest.approx(100, rel=1e-9)


@given(temperatures, humidities)
def test_rime_comes_before_dew(celsius: float, percent: float) -> None:
    dew, frost = float(dew_point(celsius, percent)), float(frost_point(celsius, percent))
    assert math.isnan(frost) or math.isnan(dew) or dew <= frost <= 1e-9
    if dew > 1e-6:
        assert math.isnan(frost)


@given(temperatures, st.floats(1, 99), st.floats(0.1, 1))
def test_more_humid_air_has_a_higher_dew_point_and_lacks_less(celsius: float, percent: float, more: float) -> None:
    first, second = float(dew_point(celsius, percent)), float(dew_point(celsius, percent + more))
    assert math.isnan(first) or first < second
    assert vapour_pressure_deficit(celsius, percent) > vapour_pressure_deficit(celsius, percent + more) >= 0
    assert absolute_humidity(celsius, percent) < absolute_humidity(celsius, percent + more)


def test_absolutely_dry_air_has_no_dew_point() -> None:
    assert math.isnan(float(dew_point(20, 0)))
    assert math.isnan(float(frost_point(20, 0)))
    assert float(absolute_humidity(20, 0)) == 0
    assert float(vapour_pressure_deficit(20, 0)) == pytest.approx(2.337, rel=0.005)


@pytest.mark.parametrize(
    ("celsius", "percent"), [(20, -1), (20, 100.1), (61, 50), (-46, 50), (math.nan, 50), (20, math.nan), (20, math.inf)]
)
def test_what_no_formula_covers_is_nan(celsius: float, percent: float) -> None:
    for function in (dew_point, frost_point, absolute_humidity, vapour_pressure_deficit, vapour_pressure):
        assert math.isnan(float(function(celsius, percent)))


def test_one_bad_hour_costs_no_other() -> None:
    dew = dew_point(np.array([20.0, math.nan, 20.0]), np.array([50.0, 50.0, 120.0]))
    assert dew[0] == pytest.approx(9.3, abs=0.1)
    assert np.isnan(dew[1:]).all()
