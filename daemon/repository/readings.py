"""Readings: two tables shown as one, each sensor's range read by the clustered key alone.

``Unfolded`` names the rows of a sensor that are not in the clustered table yet, so that the append table is asked by
its key; without it, or where they are many, the append table is scanned: it holds a few minutes.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
)

from daemon.entities import Quality, StoredReading
from daemon.reading_rows import decode, select_readings
from daemon.reading_rows import key_of as stored_key
from daemon.reading_store import find_many, overwrite
from daemon.repository.paging import Listing, Page, below, cut, within
from daemon.tables import QUALITY_CODES, reading, reading_recent, sensor

Unfolded = Callable[[int], Sequence[int]]

_END = 2**62  # beyond every time and sequence
_LONGEST_ID_LIST = 1000  # beyond it a scan is as quick as so many look-ups


class Key(NamedTuple):
    """A reading's place in the order of lists, newest first: unique over both tables."""

    time: int
    sensor_id: int
    sequence: int


def key_of(entity: StoredReading) -> Key:
    time, sequence = stored_key(entity)
    return Key(time, entity.sensor_id, sequence)


def _reading_of(row: Row[Any]) -> StoredReading:
    return decode(row._mapping)


def of_sensor(
    table: Table, sensor_id: int, start: int | None, end: int | None, unfolded: Sequence[int] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions of one sensor's period in one of the tables; ``unfolded`` belongs to the append table."""
    conditions = [table.c.sensor_id == sensor_id, *within(table.c.time, start, end)]
    if table is reading_recent and unfolded is not None and len(unfolded) <= _LONGEST_ID_LIST:
        conditions.append(table.c.id.in_(unfolded))
    return conditions


def listing(conn: Connection, wanted: Listing, unfolded: Unfolded | None = None) -> Page[StoredReading]:
    """Newest first by time of measurement; ``equals`` may name ``quality`` (a Quality). Key: :class:`Key`.

    Over all sensors their newest rows are merged, and a sensor is read only once its newest has come to the front:
    an index by time alone would cost every commit a page to answer this one question.
    """
    ids = unfolded(wanted.sensor_id) if unfolded is not None and wanted.sensor_id is not None else None
    fronts = [_Front(_rank(row), row, iter(())) for row in _recent(conn, wanted, ids)]
    clustered = _Clustered(conn, wanted)
    if wanted.sensor_id is not None:
        fronts.append(_Front((), None, clustered.of(wanted.sensor_id, wanted.limit + 1)))
    else:
        fronts += [_Front((-time, -id_), None, clustered.of(id_, 4)) for id_, time in _newest_times(conn, wanted)]
    found = [_reading_of(row) for row in islice(_merged(fronts), wanted.limit + 1)]
    return cut(found, wanted.limit, key_of)


@dataclass(order=True, slots=True)
class _Front:
    """The next row of one source of rows; where ``row`` is None, the source is not asked yet and none ranks before."""

    rank: tuple[int, ...]
    row: Row[Any] | None = field(compare=False)
    more: Iterator[Row[Any]] = field(compare=False)


def _rank(row: Row[Any]) -> tuple[int, ...]:
    return -row.time, -row.sensor_id, -row.sequence


def _merged(fronts: list[_Front]) -> Iterator[Row[Any]]:
    heapq.heapify(fronts)
    while fronts:
        front = heapq.heappop(fronts)
        if front.row is not None:
            yield front.row
        following = next(front.more, None)
        if following is not None:
            heapq.heappush(fronts, _Front(_rank(following), following, front.more))


def _recent(conn: Connection, wanted: Listing, ids: Sequence[int] | None) -> Sequence[Row[Any]]:
    """The append table's newest, of one sensor or of all."""
    table = reading_recent
    query = _filtered(table, wanted)
    if wanted.sensor_id is not None:
        query = query.where(*of_sensor(table, wanted.sensor_id, None, None, ids))
    key = [table.c.time, table.c.sensor_id, table.c.sequence]
    if wanted.after is not None:
        query = query.where(below(key, wanted.after))
    return conn.execute(query.order_by(*(column.desc() for column in key)).limit(wanted.limit + 1)).all()


def _filtered(table: Table, wanted: Listing) -> Select[Any]:
    query = select_readings(table).where(*within(table.c.time, wanted.start, wanted.end))
    for name, value in wanted.equals.items():
        stored = QUALITY_CODES[value.value] if isinstance(value, Quality) else value
        query = query.where(table.c[name] == stored)
    return query


class _Clustered:
    """The clustered table's rows, a sensor at a time; one statement, made once, serves them all."""

    def __init__(self, conn: Connection, wanted: Listing) -> None:
        self._conn = conn
        self._most = wanted.limit + 1
        self._after = wanted.after
        key = [reading.c.time, reading.c.sequence]
        self._query = (
            _filtered(reading, wanted)
            .where(reading.c.sensor_id == bindparam("sensor", type_=BigInteger))
            .where(key[0] <= bindparam("time", type_=BigInteger))
            .where(or_(key[0] < bindparam("time"), key[1] < bindparam("sequence", type_=BigInteger)))
            .order_by(*(column.desc() for column in key))
            .limit(bindparam("piece", type_=Integer))
        )

    def of(self, sensor_id: int, piece: int) -> Iterator[Row[Any]]:
        """One sensor's, newest first, in pieces that grow."""
        time, sequence = self._beginning(sensor_id)
        while True:
            bounds = {"sensor": sensor_id, "time": time, "sequence": sequence, "piece": piece}
            rows = self._conn.execute(self._query, bounds).all()
            yield from rows
            if len(rows) < piece:
                return
            time, sequence = rows[-1].time, rows[-1].sequence
            piece = min(piece * 4, self._most)

    def _beginning(self, sensor_id: int) -> tuple[int, int]:
        if self._after is None:
            return _END, _END
        time, last_sensor, sequence = self._after
        if sensor_id == last_sensor:
            return time, sequence
        return time, _END if sensor_id < last_sensor else -_END


def _newest_times(conn: Connection, wanted: Listing) -> list[tuple[int, int]]:
    """(sensor, time of its newest clustered row in the period), one index look-up each."""
    last = _END if wanted.end is None else wanted.end
    if wanted.after is not None:
        last = min(last, wanted.after[0] + 1)
    time = (
        select(func.max(reading.c.time))
        .where(reading.c.sensor_id == sensor.c.id, *within(reading.c.time, wanted.start, last))
        .scalar_subquery()
    )
    rows = conn.execute(select(sensor.c.id, time.label("time"))).all()
    return [(row.id, row.time) for row in rows if row.time is not None]


def by_id(conn: Connection, reading_id: int) -> StoredReading | None:
    """A row of either table."""
    return find_many(conn, [reading_id]).get(reading_id)


def last_of_each(conn: Connection, rows: int) -> dict[int, list[StoredReading]]:
    """Each sensor's newest ``rows``, newest first, for what the daemon remembers at start."""
    recent: dict[int, list[Row[Any]]] = {}
    for row in conn.execute(select_readings(reading_recent)):
        recent.setdefault(row.sensor_id, []).append(row)
    clustered = _Clustered(conn, Listing(rows))
    found: dict[int, list[StoredReading]] = {}
    for sensor_id in conn.scalars(select(sensor.c.id)).all():
        older = islice(clustered.of(sensor_id, rows), rows)
        newest = heapq.nsmallest(rows, [*recent.get(sensor_id, ()), *older], key=_rank)
        if newest:
            found[sensor_id] = [_reading_of(row) for row in newest]
    return found


def change(conn: Connection, entity: StoredReading) -> None:
    """Write a row's values, quality and ``updated_at``; its key and its receipt stay as they are."""
    overwrite(conn, [entity])


def remove(conn: Connection, entity: StoredReading) -> None:
    """Delete a row; whoever does announces it by an event, which tells the writer too."""
    for table in (reading_recent, reading):
        conn.execute(delete(table).where(table.c.id == entity.id))


def believed(query: Select[Any], table: Table) -> Select[Any]:
    """Without the rows whose values are impossible: they count in no statistic."""
    return query.where(table.c.quality != QUALITY_CODES[Quality.INVALID.value])
