"""Readings: two tables shown as one, each sensor's range read by the clustered key alone.

``Unfolded`` names the rows of a sensor that are not in the clustered table yet, so that the append table is asked by
its key; without it, or where they are many, the append table is scanned: it holds a few minutes.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, delete, func, select, update

from daemon.entities import Quality, StoredReading
from daemon.reading_rows import SHARED_COLUMNS, decode
from daemon.repository.paging import Listing, Page, below, cut, within
from daemon.tables import NO_SEQUENCE, QUALITY_CODES, reading, reading_recent, sensor, source

Unfolded = Callable[[int], Sequence[int]]

_LONGEST_ID_LIST = 1000  # beyond it a scan is as quick as so many look-ups


class Key(NamedTuple):
    """A reading's place in the order of lists, newest first: unique over both tables."""

    time: int
    sensor_id: int
    sequence: int


def key_of(entity: StoredReading) -> Key:
    return Key(entity.time, entity.sensor_id, NO_SEQUENCE if entity.sequence is None else entity.sequence)


def _rows(table: Table) -> Select[Any]:
    """What makes a reading, in one order for both tables."""
    shared = [table.c[name] for name in SHARED_COLUMNS]
    return select(*shared, source.c.name.label("source_name")).join(source, source.c.id == table.c.source, isouter=True)


def _reading_of(row: Row[Any]) -> StoredReading:
    return decode(row._mapping)


def _key_columns(table: Table) -> list[ColumnElement[Any]]:
    return [table.c.time, table.c.sensor_id, table.c.sequence]


def of_sensor(
    table: Table, sensor_id: int, start: int | None, end: int | None, unfolded: Sequence[int] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions of one sensor's period in one of the tables; ``unfolded`` belongs to the append table."""
    conditions = [table.c.sensor_id == sensor_id, *within(table.c.time, start, end)]
    if table is reading_recent and unfolded is not None and len(unfolded) <= _LONGEST_ID_LIST:
        conditions.append(table.c.id.in_(unfolded))
    return conditions


def listing(conn: Connection, wanted: Listing, unfolded: Unfolded | None = None) -> Page[StoredReading]:
    """Newest first by time of measurement; ``equals`` may name ``quality`` (a Quality). Key: :class:`Key`."""
    ids = unfolded(wanted.sensor_id) if unfolded is not None and wanted.sensor_id is not None else None
    if wanted.sensor_id is None:
        rows = _of_all(conn, wanted)
    else:
        conditions = of_sensor(reading_recent, wanted.sensor_id, wanted.start, wanted.end, ids)
        recent = _newest(conn, reading_recent, wanted, conditions, wanted.limit + 1)
        conditions = of_sensor(reading, wanted.sensor_id, wanted.start, wanted.end)
        clustered = _newest(conn, reading, wanted, conditions, wanted.limit + 1)
        rows = heapq.merge(recent, clustered, key=_row_key, reverse=True)
    found = [_reading_of(row) for row, _ in zip(rows, range(wanted.limit + 1), strict=False)]
    return cut(found, wanted.limit, key_of)


def _row_key(row: Row[Any]) -> Key:
    return Key(row.time, row.sensor_id, row.sequence)


def _newest(
    conn: Connection, table: Table, wanted: Listing, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    key = _key_columns(table)
    query = _rows(table).where(*conditions)
    if wanted.after is not None:
        query = query.where(below(key, wanted.after))
    for name, value in wanted.equals.items():
        stored = QUALITY_CODES[value.value] if isinstance(value, Quality) else value
        query = query.where(table.c[name] == stored)
    return conn.execute(query.order_by(*(column.desc() for column in key)).limit(limit)).all()


@dataclass(order=True, slots=True)
class _Front:
    """The next row of one source of rows; where ``row`` is None, the source is not asked yet and none ranks before."""

    rank: tuple[int, ...]
    row: Row[Any] | None = field(compare=False)
    more: Iterator[Row[Any]] = field(compare=False)


def _of_all(conn: Connection, wanted: Listing) -> Iterator[Row[Any]]:
    """The newest of every sensor, merged: a sensor is read only once its newest row has come to the front.

    The clustered table has no index by time alone: it would cost every commit a page to answer this question only.
    """
    conditions = within(reading_recent.c.time, wanted.start, wanted.end)
    recent = _newest(conn, reading_recent, wanted, conditions, wanted.limit + 1)
    fronts = [
        _Front((-time, -sensor_id), None, _walk(conn, sensor_id, wanted))
        for sensor_id, time in _newest_times(conn, wanted)
    ]
    fronts += [_Front(_rank(row), row, iter(())) for row in recent]
    heapq.heapify(fronts)
    while fronts:
        front = heapq.heappop(fronts)
        if front.row is not None:
            yield front.row
        following = next(front.more, None)
        if following is not None:
            heapq.heappush(fronts, _Front(_rank(following), following, front.more))


def _rank(row: Row[Any]) -> tuple[int, ...]:
    return -row.time, -row.sensor_id, -row.sequence


def _newest_times(conn: Connection, wanted: Listing) -> list[tuple[int, int]]:
    """(sensor, time of its newest clustered row in the period), one index look-up each."""
    last = wanted.end if wanted.after is None else min(wanted.after[0] + 1, wanted.end or 2**62)
    time = (
        select(func.max(reading.c.time))
        .where(reading.c.sensor_id == sensor.c.id, *within(reading.c.time, wanted.start, last))
        .scalar_subquery()
    )
    rows = conn.execute(select(sensor.c.id, time.label("time"))).all()
    return [(row.id, row.time) for row in rows if row.time is not None]


def _walk(conn: Connection, sensor_id: int, wanted: Listing) -> Iterator[Row[Any]]:
    """One sensor's clustered rows, newest first, in pieces that grow."""
    piece, after = 4, wanted.after
    while True:
        part = Listing(piece, sensor_id, wanted.start, wanted.end, wanted.equals, after)
        rows = _newest(conn, reading, part, of_sensor(reading, sensor_id, wanted.start, wanted.end), piece)
        yield from rows
        if len(rows) < piece:
            return
        after = _row_key(rows[-1])
        piece = min(piece * 4, wanted.limit + 1)


def by_id(conn: Connection, reading_id: int) -> StoredReading | None:
    """A row of either table."""
    for table in (reading_recent, reading):
        row = conn.execute(_rows(table).where(table.c.id == reading_id)).first()
        if row is not None:
            return _reading_of(row)
    return None


def last_of_each(conn: Connection, rows: int) -> dict[int, list[StoredReading]]:
    """Each sensor's newest ``rows``, newest first, for what the daemon remembers at start."""
    found: dict[int, list[StoredReading]] = {}
    recent: dict[int, list[Row[Any]]] = {}
    for row in conn.execute(_rows(reading_recent)):
        recent.setdefault(row.sensor_id, []).append(row)
    for sensor_id in conn.scalars(select(sensor.c.id)).all():
        clustered = _newest(conn, reading, Listing(rows), of_sensor(reading, sensor_id, None, None), rows)
        newest = heapq.nlargest(rows, [*recent.get(sensor_id, ()), *clustered], key=_row_key)
        if newest:
            found[sensor_id] = [_reading_of(row) for row in newest]
    return found


def _text(values: Mapping[str, float]) -> str | None:
    return orjson.dumps(values).decode() if values else None


def change(conn: Connection, entity: StoredReading) -> None:
    """Write a row's values, quality and ``updated_at``; its key and its receipt stay as they are."""
    values = {
        "temperature": entity.temperature,
        "humidity": entity.humidity,
        "others": _text(entity.others),
        "raw": _text(entity.raw),
        "quality": QUALITY_CODES[entity.quality.value],
        "updated_at": entity.updated_at,
    }
    for table in (reading_recent, reading):
        conn.execute(update(table).where(*_this_row(table, entity)).values(values))


def remove(conn: Connection, entity: StoredReading) -> None:
    for table in (reading_recent, reading):
        conn.execute(delete(table).where(*_this_row(table, entity)))


def _this_row(table: Table, entity: StoredReading) -> list[ColumnElement[bool]]:
    if table is reading_recent:
        return [table.c.id == entity.id]
    key = key_of(entity)
    return [table.c.sensor_id == key.sensor_id, table.c.time == key.time, table.c.sequence == key.sequence]


def believed(query: Select[Any], table: Table) -> Select[Any]:
    """Without the rows whose values are impossible: they count in no statistic."""
    return query.where(table.c.quality != QUALITY_CODES[Quality.INVALID.value])
