"""Moments as people type them: ``2h`` (ago), ``2025-07-20``, ``2025-07-20T10:30``, with or without a zone."""

from datetime import UTC, datetime

from daemon.errors import UsageError
from drivers.settings import parse_duration


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
        raise UsageError(f"{text!r} is not a time; write 2h (ago), 2025-07-20 or 2025-07-20T10:30:00Z") from None


def _wire(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
