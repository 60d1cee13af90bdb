"""Figures over a sensor's period, made by the database: rows with impossible values count in none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, union_all

from daemon.repository.readings import Unfolded, believed, of_sensor
from daemon.tables import reading, reading_recent


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one quantity, in its unit; None where no row carries it."""

    minimum: float | None
    mean: float | None
    maximum: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """``start`` is µs since 1970 UTC; ``rows`` counts believed rows, whatever they carry."""

    start: int
    rows: int
    temperature: Figures
    humidity: Figures


@dataclass(frozen=True, slots=True)
class Period:
    """One sensor's rows with ``start`` <= t < ``end`` (µs since 1970 UTC)."""

    sensor_id: int
    start: int | None = None
    end: int | None = None


def stats(conn: Connection, period: Period, unfolded: Unfolded | None = None) -> Summary:
    """Over the whole period."""
    rows = union_all(*_believed_rows(period, unfolded)).subquery()
    found = conn.execute(select(*_aggregates(rows.c)))
    return _summary(found.one(), period.start or 0)


def series(conn: Connection, period: Period, points: int, unfolded: Unfolded | None = None) -> list[Summary]:
    """At most ``points`` buckets of equal width over the part of the period that has rows, oldest first.

    Buckets without a row are left out.
    """
    parts = _believed_rows(period, unfolded)
    edges = _edges(conn, parts)
    if edges is None:
        return []
    start, last = edges
    width = -(-(last + 1 - start) // points)
    data = union_all(*parts).subquery()
    bucket = ((data.c.time - start) // width).label("bucket")
    found = conn.execute(select(bucket, *_aggregates(data.c)).group_by(bucket).order_by(bucket))
    return [_summary(row, start + row.bucket * width) for row in found]


HOUR = 3600 * 1_000_000


class HourlyMeans(NamedTuple):
    """``hour`` counts from 1970 UTC; °C and % of its believed rows, None where none carries the quantity."""

    hour: int
    temperature: float | None
    humidity: float | None


def hourly(conn: Connection, period: Period, unfolded: Unfolded | None = None) -> list[HourlyMeans]:
    """The hours in which something was measured, oldest first."""
    rows = union_all(*_believed_rows(period, unfolded)).subquery()
    hour = (rows.c.time // HOUR).label("hour")
    query = select(hour, func.avg(rows.c.temperature), func.avg(rows.c.humidity)).group_by(hour).order_by(hour)
    return [HourlyMeans(*row) for row in conn.execute(query)]


def _edges(conn: Connection, parts: Sequence[Select[Any]]) -> tuple[int, int] | None:
    """The times of the first and the last row, each found at its end of the key."""
    times = []
    for part in parts:
        time = part.selected_columns["time"]
        for order in (time.asc(), time.desc()):
            row = conn.execute(part.order_by(order).limit(1)).first()
            if row is not None:
                times.append(row.time)
    return (min(times), max(times)) if times else None


def _believed_rows(period: Period, unfolded: Unfolded | None) -> list[Select[Any]]:
    ids = unfolded(period.sensor_id) if unfolded is not None else None
    parts: list[Select[Any]] = []
    for table in (reading_recent, reading):
        conditions = of_sensor(table, period.sensor_id, period.start, period.end, ids)
        parts.append(believed(select(table.c.time, table.c.temperature, table.c.humidity).where(*conditions), table))
    return parts


def _aggregates(columns: Any) -> Sequence[ColumnElement[Any]]:
    wanted: list[ColumnElement[Any]] = [func.count().label("rows")]
    for name in ("temperature", "humidity"):
        column = columns[name]
        wanted += [
            func.min(column).label(f"{name}_min"),
            func.avg(column).label(f"{name}_mean"),
            func.max(column).label(f"{name}_max"),
            func.count(column).label(f"{name}_count"),
        ]
    return wanted


def _summary(row: Row[Any], start: int) -> Summary:
    data = row._mapping

    def figures(name: str) -> Figures:
        return Figures(data[f"{name}_min"], data[f"{name}_mean"], data[f"{name}_max"], data[f"{name}_count"])

    return Summary(start, data["rows"], figures("temperature"), figures("humidity"))
