"""Moments as people type them: ``2h`` (ago), ``2025-07-20``, ``2025-07-20T10:30``, with or without a zone."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from daemon.errors import UsageError
from drivers.settings import parse_duration


def between(since: str | None, until: str | None) -> tuple[str | None, str | None]:
    """Both ends of a period, as the daemon takes them."""
    now = datetime.now(UTC)
    return moment(since, now), moment(until, now)


def zone(name: str | None) -> tzinfo | None:
    """A time zone by name; None is this machine's. Raises UsageError."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UsageError(f"{name!r} is not a time zone; write Europe/Madrid or UTC") from None


def moment(text: str | None, now: datetime) -> str | None:
    """RFC 3339 in UTC; a time without a zone is this machine's. Raises UsageError; None stays None."""
    if text is None:
        return None
    try:
        return _wire(now - parse_duration(text))
    except (ValueError, OverflowError):
        pass  # not a duration, so a date
    try:
        return _wire(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time; write 10min, 2h or 3d (ago), 2025-07-20 or 2025-07-20T10:30:00Z"
        ) from None


def _wire(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
