"""Readings: two tables shown as one, each sensor's range read by the clustered key alone.

``Unfolded`` names the rows of a sensor that are not in the clustered table yet, so that the append table is asked by
its key; without it, or where they are many, the append table is scanned: it holds a few minutes.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, delete, func, select, update

from daemon.entities import Quality, StoredReading
from daemon.repository.paging import Listing, Page, below, cut, within
from daemon.tables import NO_SEQUENCE, QUALITY_CODES, reading, reading_recent, sensor, source

Unfolded = Callable[[int], Sequence[int]]

_LONGEST_ID_LIST = 1000  # beyond it a scan is as quick as so many look-ups
_COLUMNS = (
    "id",
    "sensor_id",
    "time",
    "sequence",
    "temperature",
    "humidity",
    "others",
    "quality",
    "received_at",
    "source",
    "raw",
    "device_time",
    "clock_set",
    "updated_at",
)
_QUALITIES = {code: Quality(name) for name, code in QUALITY_CODES.items()}


class Key(NamedTuple):
    """A reading's place in the order of lists, newest first: unique over both tables."""

    time: int
    sensor_id: int
    sequence: int


def key_of(entity: StoredReading) -> Key:
    return Key(entity.time, entity.sensor_id, NO_SEQUENCE if entity.sequence is None else entity.sequence)


def columns_of(table: Table) -> list[Column[Any]]:
    """What makes a reading, in one order for both tables."""
    return [table.c[name] for name in _COLUMNS]


def _key_columns(table: Table) -> list[ColumnElement[Any]]:
    return [table.c.time, table.c.sensor_id, table.c.sequence]


def _numbers(text: str | None) -> Mapping[str, float]:
    return orjson.loads(text) if text else {}


class Sources:
    """Driver names by their small numbers: read once for each piece of work."""

    def __init__(self, conn: Connection) -> None:
        self._names = {row.id: row.name for row in conn.execute(select(source.c.id, source.c.name))}

    def reading_of(self, row: Row[Any]) -> StoredReading:
        return StoredReading(
            id=row.id,
            sensor_id=row.sensor_id,
            time=row.time,
            received_at=row.received_at,
            source=self._names[row.source],
            sequence=None if row.sequence == NO_SEQUENCE else row.sequence,
            temperature=row.temperature,
            humidity=row.humidity,
            others=_numbers(row.others),
            quality=_QUALITIES[row.quality],
            raw=_numbers(row.raw),
            device_time=row.device_time,
            clock_set=bool(row.clock_set),
            updated_at=row.updated_at,
        )


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
    sources = Sources(conn)
    if wanted.sensor_id is None:
        rows = _of_all(conn, wanted)
    else:
        conditions = of_sensor(reading_recent, wanted.sensor_id, wanted.start, wanted.end, ids)
        recent = _newest(conn, reading_recent, wanted, conditions, wanted.limit + 1)
        conditions = of_sensor(reading, wanted.sensor_id, wanted.start, wanted.end)
        clustered = _newest(conn, reading, wanted, conditions, wanted.limit + 1)
        rows = heapq.merge(recent, clustered, key=_row_key, reverse=True)
    found = [sources.reading_of(row) for row, _ in zip(rows, range(wanted.limit + 1), strict=False)]
    return cut(found, wanted.limit, key_of)


def _row_key(row: Row[Any]) -> Key:
    return Key(row.time, row.sensor_id, row.sequence)


def _newest(
    conn: Connection, table: Table, wanted: Listing, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[Row[Any]]:
    key = _key_columns(table)
    query = select(*columns_of(table)).where(*conditions)
    if wanted.after is not None:
        query = query.where(below(key, wanted.after))
    for name, value in wanted.equals.items():
        stored = QUALITY_CODES[value.value] if isinstance(value, Quality) else value
        query = query.where(table.c[name] == stored)
    return conn.execute(query.order_by(*(column.desc() for column in key)).limit(limit)).all()


def _of_all(conn: Connection, wanted: Listing) -> Iterator[Row[Any]]:
    """The newest of every sensor, merged: a sensor is read only once its newest row has come to the front.

    The clustered table has no index by time alone: it would cost every commit a page to answer this question only.
    """
    recent = _newest(
        conn, reading_recent, wanted, within(reading_recent.c.time, wanted.start, wanted.end), wanted.limit + 1
    )
    fronts: list[tuple[int, int, int, int, Row[Any] | None, Iterator[Row[Any]]]] = []
    number = 0  # breaks ties, so that neither rows nor iterators are compared

    def wait(time: int, sensor_id: int, sequence: int, row: Row[Any] | None, more: Iterator[Row[Any]]) -> None:
        nonlocal number
        number += 1
        heapq.heappush(fronts, (-time, -sensor_id, -sequence, number, row, more))

    def wait_for_next(more: Iterator[Row[Any]]) -> None:
        row = next(more, None)
        if row is not None:
            wait(row.time, row.sensor_id, row.sequence, row, more)

    wait_for_next(iter(recent))
    for sensor_id, time in _newest_times(conn, wanted):
        wait(time, sensor_id, 2**63, None, _walk(conn, sensor_id, wanted))
    while fronts:
        *_, row, more = heapq.heappop(fronts)
        if row is not None:
            yield row
        wait_for_next(more)


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
        row = conn.execute(select(*columns_of(table)).where(table.c.id == reading_id)).first()
        if row is not None:
            return Sources(conn).reading_of(row)
    return None


def last_of_each(conn: Connection, rows: int) -> dict[int, list[StoredReading]]:
    """Each sensor's newest ``rows``, newest first, for what the daemon remembers at start."""
    sources = Sources(conn)
    found: dict[int, list[StoredReading]] = {}
    recent: dict[int, list[Row[Any]]] = {}
    for row in conn.execute(select(*columns_of(reading_recent))):
        recent.setdefault(row.sensor_id, []).append(row)
    for sensor_id in conn.scalars(select(sensor.c.id)).all():
        clustered = _newest(conn, reading, Listing(rows), of_sensor(reading, sensor_id, None, None), rows)
        newest = heapq.nlargest(rows, [*recent.get(sensor_id, ()), *clustered], key=_row_key)
        if newest:
            found[sensor_id] = [sources.reading_of(row) for row in newest]
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
