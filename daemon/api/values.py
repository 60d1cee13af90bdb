"""The kinds of value that clients send, in bodies and in queries: checked here, once, whatever field they fill."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from daemon.api import words
from daemon.entities import AnomalyKind, AnomalyState, Quality, SensorState, Verdict

W = TypeVar("W", bound=str)

LARGEST_ID = 2**53 - 1  # what a JavaScript client can hold exactly
MOST_QUANTITIES = 32  # a device that measures more is several devices

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - arithmetic without zones; the offset is applied apart
_MICROSECOND = timedelta(microseconds=1)
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999, which RFC 3339 can word
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,20}))?(?:([Zz])|([+ -])(\d\d):?(\d\d))?)?", re.ASCII
)
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:\.\d{0,30})?", re.ASCII)
_QUANTITY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)


def parse_time(value: object) -> int:
    """RFC 3339 to µs since 1970 UTC. Without a zone it is UTC, a date alone its midnight; raises ValueError.

    A space for the ``+`` of an offset is what a query makes of one that was not encoded.
    """
    matched = _TIME.fullmatch(value) if isinstance(value, str) else None
    if matched is None:
        raise ValueError("must be a time like 2025-07-20T10:30:00Z")
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = matched.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))  # noqa: DTZ001
    except ValueError as error:
        raise ValueError(f"is no time: {error}") from error
    time = (moment - _EPOCH) // _MICROSECOND + int((fraction or "").ljust(6, "0")[:6])
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError("has an offset that is none")
        offset = (int(hours) * 60 + int(minutes)) * 60_000_000
        time += offset if sign == "-" else -offset
    if not EARLIEST <= time <= LATEST:
        raise ValueError("must lie in the years 1 to 9999")
    return time


def _clean(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the character NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("must not contain half of a surrogate pair")
    return text


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must be one line, without control characters")
    return text


def _degrees(limit: int) -> BeforeValidator:
    def parse(value: object) -> object:
        if isinstance(value, str) and _DEGREES.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
            raise ValueError(f"must be degrees from -{limit} to {limit}, as a number or as text")
        return float(value) or 0.0  # there is no -0

    return BeforeValidator(parse)


def _word(meanings: Mapping[W, str]) -> tuple[BeforeValidator, WithJsonSchema]:
    known = {spanish: english for english, spanish in meanings.items()}

    def parse(value: object) -> object:
        if isinstance(value, str) and value in known:
            return known[value]
        raise ValueError(f"must be one of {', '.join(known)}")

    return BeforeValidator(parse), WithJsonSchema({"type": "string", "enum": list(known)})


def _quantities(given: dict[str, float]) -> dict[str, float]:
    if len(given) > MOST_QUANTITIES:
        raise ValueError(f"must have at most {MOST_QUANTITIES} quantities")
    named: dict[str, float] = {}
    for word, value in given.items():
        name = words.QUANTITIES_IN.get(word, word)
        if not _QUANTITY.fullmatch(word):
            raise ValueError("must name each quantity with 1 to 64 letters, digits and _, a letter first")
        if name in {"temperature", "humidity", "temperatura", "humedad"}:
            raise ValueError("must not hold temperatura or humedad, which are fields of their own")
        if name in named:
            raise ValueError(f"names {word} twice, in two languages")
        named[name] = value
    return named


_Line = StringConstraints(strip_whitespace=True, min_length=1, max_length=255)
Text = Annotated[str, _Line, AfterValidator(_clean), AfterValidator(_one_line)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_clean)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e12, le=1e12)]
Temperature = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-273.15, le=2000)]
Humidity = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=100)]
Offset = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-100, le=100)]
Fraction = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]
Id = Annotated[int, Field(strict=True, ge=1, le=LARGEST_ID)]
Count = Annotated[int, Field(strict=True, ge=0, le=LARGEST_ID)]
Horizon = Annotated[int, Field(strict=True, ge=1, le=10 * 366 * 86_400)]
Quantities = Annotated[dict[str, Number], AfterValidator(_quantities)]
_moment = WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2025-07-20T10:30:00Z"]})
Moment = Annotated[int, BeforeValidator(parse_time), _moment]


def _degrees_schema(limit: int) -> WithJsonSchema:
    number: dict[str, Any] = {"type": "number", "minimum": -limit, "maximum": limit}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": r"^[+-]?\d{1,3}(\.\d*)?$"}]})


Latitude = Annotated[float, _degrees(90), _degrees_schema(90)]
Longitude = Annotated[float, _degrees(180), _degrees_schema(180)]

SensorStateWord = Annotated[SensorState, *_word(words.SENSOR_STATES)]
QualityWord = Annotated[Quality, *_word(words.QUALITIES)]
AnomalyKindWord = Annotated[AnomalyKind, *_word(words.ANOMALY_KINDS)]
AnomalyStateWord = Annotated[AnomalyState, *_word(words.ANOMALY_STATES)]
VerdictWord = Annotated[Verdict, *_word(words.VERDICTS)]
MagnitudeWord = Annotated[str, *_word(words.MAGNITUDES)]
