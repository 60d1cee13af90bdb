"""Stored readings by id or key, their values overwritten, their times set right, and what the writer must know of them.

:func:`rebase` belongs inside ``Recorder.change``: it keeps the writer's ledger right, which forgets its notes when the
savepoint or the transaction is rolled back. Lists and deletions: ``daemon.repository.readings``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, tuple_, update

from daemon.entities import StoredReading
from daemon.ledger import Ledger
from daemon.reading_rows import COLUMNS, decode, encode, key_of, select_readings
from daemon.tables import folded_token, reading, reading_all, reading_recent, sensor, source

FullKey = tuple[int, int, int]
"""(sensor, time, sequence as stored)."""

LOOKUP = 500
"""Keys or ids in one look-up: 1,500 values, where the smallest limit of a supported SQLite is 32,766."""

_CHANGING = ("temperature", "humidity", "others", "quality", "raw", "device_time", "clock_set", "updated_at")


def find_many(connection: Connection, ids: Collection[int]) -> dict[int, StoredReading]:
    """Readings by id; those that are not there are left out."""
    found = {}
    for part in _parts(list(ids)):
        for row in connection.execute(select_readings(reading_all).where(reading_all.c.id.in_(part))).mappings():
            found[row["id"]] = decode(row)
    return found


def find_folded(connection: Connection, keys: Collection[FullKey]) -> dict[FullKey, StoredReading]:
    """Rows of ``reading`` by their keys."""
    found = {}
    key = tuple_(reading.c.sensor_id, reading.c.time, reading.c.sequence)
    for part in _parts(list(keys)):
        for row in connection.execute(select_readings(reading).where(key.in_(part))).mappings():
            found[row["sensor_id"], row["time"], row["sequence"]] = decode(row)
    return found


def _parts(values: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(values), LOOKUP):
        yield values[start : start + LOOKUP]


def overwrite(connection: Connection, rows: Sequence[StoredReading]) -> None:
    """Write the values of rows whose keys stay; each is in one of the two tables."""
    if not rows:
        return
    values = [_changing(row) for row in rows]
    for table in (reading_recent, reading):
        statement = update(table).where(table.c.id == bindparam("row_id"))
        connection.execute(statement.values({name: bindparam(f"new_{name}") for name in _CHANGING}), values)


def _changing(row: StoredReading) -> dict[str, object]:
    encoded = dict(zip(COLUMNS, encode(row, 0), strict=True))
    return {"row_id": row.id} | {f"new_{name}": encoded[name] for name in _CHANGING}


def rebase(connection: Connection, shift: int) -> list[StoredReading]:
    """Move the unfolded rows that this run took while the clock was not set by ``shift`` µs, and mark them as known.

    A row whose new key is taken stays as it is. Returns the moved rows as they now are.
    """
    ledger = ledger_of(connection)
    if ledger.first_unsure is None:
        return []
    columns = reading_recent.c
    unsure = select(columns.id).where(columns.clock_set == 0, columns.id >= ledger.first_unsure)
    rows = find_many(connection, connection.execute(unsure.order_by(columns.id)).scalars().all())
    moved = [after for row in rows.values() if (after := _rebase(connection, ledger, row, shift))]
    ledger.note_unsure(None)
    return moved


def ledger_of(connection: Connection) -> Ledger:
    """The writer's ledger. Raises RuntimeError outside of its transaction."""
    found = connection.info.get("ledger")
    if isinstance(found, Ledger):
        return found
    raise RuntimeError("readings are re-based and merged inside Recorder.change alone")


def _rebase(connection: Connection, ledger: Ledger, row: StoredReading, shift: int) -> StoredReading | None:
    after = replace(row, time=row.time + shift, received_at=row.received_at + shift, clock_set=True)
    if _id_at(connection, ledger, (after.sensor_id, *key_of(after))) is not None:
        return None
    values = {"time": after.time, "received_at": after.received_at, "clock_set": 1}
    connection.execute(update(reading_recent).where(reading_recent.c.id == row.id).values(values))
    ledger.remove_row(row.sensor_id, key_of(row))
    ledger.add_rows([(after.sensor_id, key_of(after), after.id)])
    return after


def _id_at(connection: Connection, ledger: Ledger, key: FullKey) -> int | None:
    recent = ledger.keys.get(key[0], {}).get(key[1:])
    if recent is not None:
        return recent
    folded = find_folded(connection, [key]).get(key)
    return folded.id if folded else None


def load_ledger(connection: Connection) -> Ledger:
    """The ledger of a database that nobody else writes; milliseconds, whatever the number of folded rows."""
    ledger = Ledger()
    ledger.sources = {row.name: row.id for row in connection.execute(select(source.c.name, source.c.id))}
    newest = select(func.max(reading.c.time)).where(reading.c.sensor_id == sensor.c.id).scalar_subquery()
    for row in connection.execute(select(sensor.c.id, newest.label("newest"))):
        ledger.sensors.add(row.id)
        if row.newest is not None:
            ledger.newest_folded[row.id] = row.newest
    tokens = folded_token.c
    kept = select(tokens.source, tokens.token, tokens.sensor_id, tokens.reading_id).order_by(tokens.reading_id)
    for token in connection.execute(kept):
        ledger.tokens.setdefault(token.source, {})[token.token, token.sensor_id] = token.reading_id
    columns = reading_recent.c
    recent = select(columns.id, columns.sensor_id, columns.time, columns.sequence, columns.source, columns.token)
    for unfolded in connection.execute(recent.order_by(columns.id)):
        ledger.keys.setdefault(unfolded.sensor_id, {})[unfolded.time, unfolded.sequence] = unfolded.id
        ledger.size += 1
        if unfolded.token is not None:
            ledger.tokens.setdefault(unfolded.source, {})[unfolded.token, unfolded.sensor_id] = unfolded.id
    ledger.commit()
    return ledger
