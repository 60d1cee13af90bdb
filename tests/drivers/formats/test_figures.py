"""Units, values and times: what devices write becomes a number, a moment, or the word that there is none."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from drivers.base import QUANTITIES
from drivers.formats.timestamps import format_time, parse_time
from drivers.formats.units import read_unit, to_canonical
from drivers.formats.values import FAILED, parse_number, read_value, settle


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "expected"),
    [
        ("temperature", 68.6, "°F", 20.33),
        ("temperature", -40.0, "°F", -40.0),
        ("dew_point", 273.15, "K", 0.0),
        ("temperature", 27.200000762939453, "°C", 27.200000762939453),
        ("pressure", 101325.0, "Pa", 1013.25),
        ("pressure", 29.92, "inHg", 1013.21),
        ("pressure", 760.0, "mmHg", 1013.25),
        ("battery_voltage", 2995.0, "mV", 2.995),
        ("humidity", 45.2, "", 45.2),
    ],
)
def test_every_unit_comes_to_the_one_that_is_stored(quantity: str, value: float, unit: str, expected: float) -> None:
    assert to_canonical(quantity, value, unit) == expected


def test_a_unit_that_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'hPa' is not a unit of humidity"):
        to_canonical("humidity", 1.0, "hPa")


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_stored_unit_is_a_unit_of_its_quantity(quantity: str) -> None:
    assert read_unit(QUANTITIES[quantity]) == QUANTITIES[quantity]
    assert to_canonical(quantity, 1.5, QUANTITIES[quantity]) == 1.5


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("C", "°C"),
        ("°C", "°C"),
        ("celcius", "°C"),
        ("*F", "°F"),
        ("fahrenheit", "°F"),
        ("%RH", "%"),
        ("mbar", "hPa"),
        ("mmHg", "mmHg"),
        ("lux", "lx"),
        ("parsec", None),
        ("", None),
        ("C" * 99, None),
    ],
)
def test_units_are_read_as_they_are_written(text: str, unit: str | None) -> None:
    assert read_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("21.5", 21.5),
        (" -4.5 ", -4.5),
        ("21,5", 21.5),
        ("+.5", 0.5),
        ("1e1", 10.0),
        ("1_000", None),
        ("٢١", None),
        ("２１", None),
        ("1e999", None),
        ("nan", None),
        ("0x15", None),
        ("", None),
        ("1" * 99, None),
    ],
)
def test_only_plain_ascii_numbers_are_numbers(text: str, number: float | None) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "nan",
        "NaN",
        "None",
        "unavailable",
        "ERROR",
        "",
        "--",
        -127,
        -999.0,
        2146959360,
        10**40,
        1e300,
        float("nan"),
    ],
)
def test_what_means_no_value_is_a_failed_read(raw: object) -> None:
    assert read_value(raw, "temperature") == (FAILED, "")


@pytest.mark.parametrize("raw", [True, False, [21.5], {"v": 21.5}, "warm", "1_000", "21.5 parsec"])
def test_what_is_no_value_at_all_is_none(raw: object) -> None:
    assert read_value(raw, "temperature") == (None, "")


def test_a_unit_in_the_text_counts() -> None:
    assert read_value("70 °F", "temperature") == (70.0, "°F")
    assert read_value("45 %", "humidity") == (45.0, "%")


@pytest.mark.parametrize(
    ("quantity", "value", "settled"),
    [
        ("pressure", 1013.2, ("pressure", "hPa")),
        ("pressure", 101325.0, ("pressure", "Pa")),
        ("pressure", 2.1, None),
        ("battery", 75.0, ("battery", "%")),
        ("battery", 3.01, ("battery_voltage", "V")),
        ("battery_voltage", 2995.0, ("battery_voltage", "mV")),
        ("battery_voltage", 230.0, None),
    ],
)
def test_size_tells_the_unit_where_nothing_else_does(
    quantity: str, value: float, settled: tuple[str, str] | None
) -> None:
    assert settle(quantity, value, "") == settled


NOON = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw", [1700000000, 1700000000.0, 1700000000000, 1700000000000000, 1700000000000000000, "1700000000"]
)
def test_an_epoch_is_known_by_its_size(raw: object) -> None:
    assert parse_time(raw) == NOON


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2019-01-01T00:00:00", datetime(2019, 1, 1)),  # noqa: DTZ001 - zone-less stays zone-less
        ("2018.02.01 22:52:09", datetime(2018, 2, 1, 22, 52, 9)),  # noqa: DTZ001
        ("2021-06-27T15:03:44+02:00", datetime(2021, 6, 27, 15, 3, 44, tzinfo=timezone(timedelta(hours=2)))),
        (
            "2016-08-23T22:51:06.455-0600",
            datetime(2016, 8, 23, 22, 51, 6, 455000, tzinfo=timezone(timedelta(hours=-6))),
        ),
        ("2020-02-12T15:15:46.014773143Z", datetime(2020, 2, 12, 15, 15, 46, 14773, tzinfo=UTC)),
    ],
)
def test_times_in_text(text: str, moment: datetime) -> None:
    parsed = parse_time(text)
    assert parsed is not None
    assert (parsed, parsed.utcoffset()) == (moment, moment.utcoffset())


@pytest.mark.parametrize(
    "raw", [12, 0, -1, True, None, "@0.084672s", "0000-00-00 00:00:00", "2021-13-40 00:00:00", 1e300, "x" * 99]
)
def test_what_is_no_time_is_none(raw: object) -> None:
    assert parse_time(raw) is None


def test_a_float_epoch_keeps_its_microseconds() -> None:
    assert format_time(parse_time(1669541352.21)) == "2022-11-27T09:29:12.210Z"


def test_zone_less_stays_zone_less_when_written() -> None:
    assert format_time(parse_time("2019-01-01T00:00:00")) == "2019-01-01T00:00:00"
