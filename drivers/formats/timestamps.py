"""Times as devices write them: epochs in four scales, ISO 8601 and its cousins. Zone-less text stays zone-less."""

import re
from datetime import UTC, datetime, timedelta, timezone

_MOMENT = re.compile(
    r"([0-9]{4})[-./]?([0-9]{2})[-./]?([0-9]{2})[T ]{1,2}([0-9]{2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,12}))?)?"
    r"\s?(Z|z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_EPOCH = re.compile(r"[0-9]{9,20}(?:\.[0-9]{1,9})?")
_OLDEST = 946_684_800  # 2000-01-01: a smaller figure is an uptime or a counter, not a time
_LONGEST = 48


def parse_time(raw: object) -> datetime | None:
    """The moment a JSON value or text names; None where it names none (an uptime, an offset into a file)."""
    if isinstance(raw, str):
        return _parse_text(raw.strip()) if len(raw) <= _LONGEST else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return parse_epoch(raw)


def parse_epoch(value: float) -> datetime | None:
    """An epoch in s, ms, µs or ns, told apart by size: from 2000 to 2100 the four ranges do not touch."""
    if not _OLDEST <= value < 4.2e18:
        return None
    if value < 4.2e9:
        microseconds = round(value * 1_000_000)
    elif value < 4.2e12:
        microseconds = round(value * 1_000)
    elif value < 4.2e15:
        microseconds = int(value)
    else:
        microseconds = int(value) // 1_000
    seconds, rest = divmod(microseconds, 1_000_000)
    if not _OLDEST <= seconds < 4_200_000_000:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def _parse_text(text: str) -> datetime | None:
    match = _MOMENT.fullmatch(text)
    if match is None:
        if _EPOCH.fullmatch(text) is None:
            return None
        return parse_epoch(float(text) if "." in text else int(text))
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, zone = match[7], match[8]
    microsecond = int(fraction[:6].ljust(6, "0")) if fraction else 0
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=_zone(zone))
    except ValueError:
        return None  # a date that does not exist: the clock was never set ("0000-00-00")


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[3:].lstrip(":") or 0))
    return timezone(-offset if text[0] == "-" else offset)


def format_time(moment: datetime | None) -> str | None:
    """RFC 3339 with ``Z`` for UTC; zone-less stays zone-less; no fraction where it is whole seconds."""
    if moment is None:
        return None
    spec = "seconds" if not moment.microsecond else "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")
