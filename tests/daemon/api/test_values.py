from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from daemon.api.values import Latitude, Quantities, Text, parse_time

AT = 1_753_007_400_000_000


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-07-20T10:30:00Z", AT),
        ("2025-07-20t10:30:00z", AT),
        ("2025-07-20T12:30:00+02:00", AT),
        ("2025-07-20T12:30:00 02:00", AT),  # a query that did not encode the plus
        ("2025-07-20T06:00:00-04:30", AT),
        ("2025-07-20 10:30:00", AT),
        ("2025-07-20T10:30:00.5Z", AT + 500_000),
        ("2025-07-20T10:30:00.123456789Z", AT + 123_456),
        ("2025-07-20", AT - (10 * 3600 + 30 * 60) * 1_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
    ],
)
def test_a_time_is_read_as_rfc_3339_says(text: str, time: int) -> None:
    assert parse_time(text) == time


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ayer",
        "2025-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-07-20T24:00:00Z",
        "2025-07-20T10:30:00+24:00",
        "2025-07-20T10:30Z",
        "20250720T103000Z",
        "2025-W29-7",
        "٢٠٢٥-07-20T10:30:00Z",
        "2025-07-20T10:30:00Z\n",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        1753007400,
        1.5,
        True,
        None,
        [],
    ],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must|no time|offset"):
        parse_time(value)


@given(st.datetimes(timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))))
def test_any_moment_of_any_zone_is_understood(moment: datetime) -> None:
    try:
        expected = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except OverflowError:
        return
    assert parse_time(moment.isoformat()) == expected


@pytest.mark.parametrize(
    ("value", "degrees"), [("40.4168", 40.4168), (" -3.7 ", -3.7), (90, 90.0), ("-0", 0.0), ("+5.", 5.0)]
)
def test_degrees_are_numbers_or_text(value: object, degrees: float) -> None:
    assert TypeAdapter(Latitude).validate_python(value) == degrees


@pytest.mark.parametrize("value", ["90.1", -91, "NaN", "inf", "1e1", "1_0", "٣", "", True, None, float("nan"), [1]])
def test_what_is_no_latitude_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Latitude).validate_python(value)


@pytest.mark.parametrize(
    "value",
    [
        {"temperatura": 1.0},
        {"humidity": 1.0},
        {"presion": 1.0, "pressure": 2.0},
        {"": 1.0},
        {"1a": 1.0},
        {"a b": 1.0},
        {"a": "1"},
        {"a": True},
        {"a": float("nan")},
        {"a": 1e300},
        {f"q{n}": 1.0 for n in range(33)},
        [],
    ],
)
def test_odd_quantities_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Quantities).validate_python(value)


def test_quantities_are_kept_by_the_names_that_formats_use() -> None:
    named = TypeAdapter(Quantities).validate_python({"presion": 1013, "bateria": 80.5, "radon": 40})
    assert named == {"pressure": 1013.0, "battery": 80.5, "radon": 40.0}


@pytest.mark.parametrize("value", ["", "   ", "a\0b", "\ud800", "x" * 256, 5, None])
def test_text_that_no_database_keeps_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Text).validate_python(value)
