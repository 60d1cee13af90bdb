"""Pages by key: what a list is asked for, and how one table's newest rows are found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, or_, select

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``after`` is the key of the last row where more follow, else None."""

    rows: Sequence[T]
    after: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """``start`` <= t < ``end`` (µs since 1970 UTC); ``equals``: column name and value; ``after``: the page before's."""

    limit: int
    sensor_id: int | None = None
    start: int | None = None
    end: int | None = None
    equals: Mapping[str, object] = field(default_factory=dict)
    after: tuple[int, ...] | None = None


def within(column: ColumnElement[Any], start: int | None, end: int | None) -> list[ColumnElement[bool]]:
    """The conditions of a period, where it is bounded."""
    bounds = []
    if start is not None:
        bounds.append(column >= start)
    if end is not None:
        bounds.append(column < end)
    return bounds


def below(columns: Sequence[ColumnElement[Any]], key: Sequence[int]) -> ColumnElement[bool]:
    """Rows whose key lies before ``key`` in ascending order; the first column's bound alone can use an index."""
    first, *rest = columns
    if not rest:
        return first < key[0]
    return and_(first <= key[0], or_(first < key[0], below(rest, key[1:])))


def newest(conn: Connection, table: Table, listing: Listing, *further: ColumnElement[bool]) -> Page[Row[Any]]:
    """Rows of a table with ``created_at`` and ``id``, newest first. Key: (created_at, id)."""
    key = (table.c.created_at, table.c.id)
    query: Select[Any] = select(table).where(*within(table.c.created_at, listing.start, listing.end), *further)
    if listing.sensor_id is not None:
        owner = table.c.sensor_id if "sensor_id" in table.c else table.c.id
        query = query.where(owner == listing.sensor_id)
    for name, value in listing.equals.items():
        query = query.where(table.c[name] == value)
    if listing.after is not None:
        query = query.where(below(key, listing.after))
    query = query.order_by(*(column.desc() for column in key)).limit(listing.limit + 1)
    rows = conn.execute(query).all()
    return cut(rows, listing.limit, lambda row: (row.created_at, row.id))


def cut(rows: Sequence[T], limit: int, key: Any) -> Page[T]:
    """One row more than the limit was asked for, to know whether more follow."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], key(rows[limit - 1]))
