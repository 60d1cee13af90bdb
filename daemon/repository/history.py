"""One sensor's believed values as columns, oldest first: what the models are replayed from."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from daemon.repository.readings import believed, of_sensor
from daemon.tables import reading, reading_recent


class Columns(NamedTuple):
    """µs since 1970 UTC, °C, %; None where a row lacks the quantity."""

    times: Sequence[int]
    temperature: Sequence[float | None]
    humidity: Sequence[float | None]


def after(conn: Connection, sensor_id: int, since: int, unfolded: Sequence[int] | None = None) -> Columns:
    """Every believed reading of a sensor that is newer than ``since`` (µs)."""
    rows: list[Row[Any]] = []
    for table in (reading, reading_recent):
        query = select(table.c.time, table.c.temperature, table.c.humidity)
        rows += conn.execute(believed(query, table).where(*of_sensor(table, sensor_id, since + 1, None, unfolded)))
    rows.sort(key=lambda row: row.time)
    return Columns([row.time for row in rows], [row.temperature for row in rows], [row.humidity for row in rows])
