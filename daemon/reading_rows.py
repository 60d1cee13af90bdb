"""A reading as a row: encoded, inserted in bulk, decoded; on SQLite and PostgreSQL."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, Select, Table, select

from daemon.entities import Quality, StoredReading
from daemon.ledger import Key
from daemon.tables import NO_SEQUENCE, QUALITY_CODES, reading_recent, source

COLUMNS = tuple(column.name for column in reading_recent.columns)
SHARED_COLUMNS = tuple(name for name in COLUMNS if name != "token")
"""Columns of ``reading_recent``, and those that ``reading`` has too."""

Encoded = tuple[int | float | str | None, ...]

_QUALITIES = {code: Quality(name) for name, code in QUALITY_CODES.items()}
_LARGEST = 2**63 - 1
_PLACES = ", ".join("?" * len(COLUMNS))
_INSERT = f"INSERT INTO reading_recent ({', '.join(COLUMNS)}) VALUES ({_PLACES})"  # noqa: S608 - our own names
_COPY = f"COPY reading_recent ({', '.join(COLUMNS)}) FROM STDIN"


def key_of(row: StoredReading) -> Key:
    """(time, sequence as stored)."""
    return row.time, NO_SEQUENCE if row.sequence is None else row.sequence


def encode(row: StoredReading, source_id: int) -> Encoded:
    """A row of ``reading_recent``. Raises ValueError for what no database could give back as it was."""
    time, sequence = key_of(row)
    for number in (row.id, row.sensor_id, time, sequence, row.received_at, row.device_time, row.updated_at):
        if number is not None and not -_LARGEST <= number <= _LARGEST:
            raise ValueError(f"{number} does not fit 64 bits")
    if row.sequence is not None and row.sequence == NO_SEQUENCE:
        raise ValueError(f"sequence {NO_SEQUENCE} stands for none")
    return (
        row.id,
        row.sensor_id,
        time,
        sequence,
        _finite(row.temperature),
        _finite(row.humidity),
        _json(row.others),
        QUALITY_CODES[row.quality],
        row.received_at,
        source_id,
        _json(row.raw),
        row.device_time,
        int(row.clock_set),
        row.updated_at,
        _text(row.token),
    )


def _finite(value: float | None) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")
    return float(value)


def _json(values: Mapping[str, float]) -> str | None:
    if not values:
        return None
    return orjson.dumps({name: _finite(value) for name, value in values.items()}, option=orjson.OPT_SORT_KEYS).decode()


def _text(value: str | None) -> str | None:
    if value is not None and "\0" in value.encode().decode():  # encode() raises UnicodeError, a ValueError
        raise ValueError("text with a NUL cannot be stored")
    return value


def select_readings(table: Table) -> Select[Any]:
    """Every row of ``reading``, ``reading_recent`` or ``reading_all`` as :func:`decode` takes it."""
    columns = [table.c[name] for name in SHARED_COLUMNS]
    named = select(*columns, source.c.name.label("source_name"))
    return named.outerjoin_from(table, source, source.c.id == table.c.source)


def decode(row: RowMapping) -> StoredReading:
    """The reading in a row of :func:`select_readings`; its ``token`` is not given back."""
    return StoredReading(
        id=row["id"],
        sensor_id=row["sensor_id"],
        time=row["time"],
        received_at=row["received_at"],
        source=row["source_name"] or "",
        sequence=None if row["sequence"] == NO_SEQUENCE else row["sequence"],
        temperature=row["temperature"],
        humidity=row["humidity"],
        others=orjson.loads(row["others"]) if row["others"] else {},
        quality=_QUALITIES[row["quality"]],
        raw=orjson.loads(row["raw"]) if row["raw"] else {},
        device_time=row["device_time"],
        clock_set=bool(row["clock_set"]),
        updated_at=row["updated_at"],
    )


def insert(connection: Connection, rows: Sequence[Encoded]) -> None:
    """Append rows to ``reading_recent`` in the driver's own fastest way; the ledger is the caller's business."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT, list(rows))
        return
    cursor: Any = connection.connection.cursor()  # psycopg's, which alone knows COPY
    with cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)
