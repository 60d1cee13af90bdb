"""How commands print: people get tables, scripts JSON; both to stdout, news and errors to stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)

LEAST_NAME = 14
"""Columns that a sensor's name keeps in a narrow terminal: fewer break it into syllables."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}


def print_json(value: Any) -> None:
    """One JSON value, two spaces deep."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_line(value: Any) -> None:
    """One JSON value on one line, at once: somebody may be reading a pipe."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def plain(value: object, style: str = "") -> Text:
    """A value as text that cannot style or move anything: names come from devices."""
    return Text(str(value).translate(_ESCAPES), style=style)


def say(text: object, style: str = "") -> None:
    """One line of news to stderr, never broken in two."""
    err.print(plain(text, style), soft_wrap=True)


def tell(text: object, style: str = "") -> None:
    """One line to stdout, never broken in two."""
    out.print(plain(text, style), soft_wrap=True)


def table(*columns: str, title: str | None = None) -> Table:
    """A quiet table; a column whose name begins with ``>`` is aligned right, one with ``!`` is never wrapped, and that
    of the sensors' names keeps a least width.
    """
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        side: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        least = LEAST_NAME if column == "sensor" else None
        kept = column[:1] in (">", "!")
        made.add_column(column.lstrip(">!"), justify=side, overflow="fold", no_wrap=kept, min_width=least)
    return made


def rows_table(rows: Sequence[Mapping[str, str | Text]]) -> Table:
    """A table of rows that all have the same columns, without the columns in which no row says anything."""
    filled = [column for column in rows[0] if any(str(row[column]) for row in rows)] if rows else []
    made = table(*filled)
    for row in rows:
        made.add_row(*(row[column] for column in filled))
    return made


def number(value: float | None, digits: int = 1) -> str:
    """``21.4``, never ``-0.0``; nothing for None."""
    return "" if value is None else f"{value:z.{digits}f}"


def span(seconds: float | None) -> str:
    """``12 s``, ``3 min``, ``2 h``, ``5 d``; nothing for None."""
    if seconds is None:
        return ""
    for unit, size, limit in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < size * limit:
            return f"{max(seconds, 0) / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def size(count: int | None) -> str:
    """Bytes as ``3.4 MiB``; nothing for None."""
    if count is None:
        return ""
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def local(moment: str | None) -> str:
    """An RFC 3339 moment in this machine's zone, to the second; nothing for None."""
    if not moment:
        return ""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one RFC 3339 moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def now() -> datetime:
    """Wall clock, UTC."""
    return datetime.now(UTC)
