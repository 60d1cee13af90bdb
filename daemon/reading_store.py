"""The SQL of stored readings: look them up, change them, delete them, load what the writer must know of them.

Functions that change rows belong inside ``Recorder.change``: they keep the writer's ledger right, which forgets
its notes when the savepoint or the transaction is rolled back.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, bindparam, delete, func, select, tuple_, union_all
from sqlalchemy import update as sql_update

from daemon.entities import StoredReading
from daemon.ledger import Ledger
from daemon.reading_rows import COLUMNS, SHARED_COLUMNS, decode, encode, insert, key_of
from daemon.tables import folded_token, reading, reading_all, reading_recent, sensor, source

FullKey = tuple[int, int, int]
"""(sensor, time, sequence as stored)."""

LOOKUP = 500
"""Keys or ids in one look-up: 1,500 values, where the smallest limit of a supported SQLite is 32,766."""

MANY_UNFOLDED = 1000
"""Unfolded rows of one sensor beyond which reading the append table as a whole is cheaper than naming them."""

_CHANGING = ("temperature", "humidity", "others", "quality", "raw", "device_time", "clock_set", "updated_at")


class KeyTakenError(Exception):
    """Another reading of the sensor has this time and sequence; ``existing`` is its id."""

    def __init__(self, existing: int) -> None:
        super().__init__(f"reading {existing} of this sensor has the same time and sequence")
        self.existing = existing


# -- look-ups, on any connection


def sensor_range(
    sensor_id: int, unfolded: Sequence[int], *, since: int | None = None, until: int | None = None
) -> CompoundSelect[Any]:
    """Rows of one sensor with ``since`` <= time < ``until``, newest first, without touching another sensor's.

    Columns of ``reading_all``; add ``.limit()``, or ``.subquery()`` for more conditions. ``unfolded`` comes from
    ``Recorder.unfolded``, asked before the statement runs.
    """
    parts = []
    for table in (reading, reading_recent):
        part = select(*(table.c[name] for name in SHARED_COLUMNS)).where(table.c.sensor_id == sensor_id)
        if since is not None:
            part = part.where(table.c.time >= since)
        if until is not None:
            part = part.where(table.c.time < until)
        parts.append(part)
    if len(unfolded) <= MANY_UNFOLDED:
        parts[1] = parts[1].where(reading_recent.c.id.in_(unfolded))
    both = union_all(*parts)
    return both.order_by(both.selected_columns.time.desc(), both.selected_columns.sequence.desc())


def find(connection: Connection, reading_id: int) -> StoredReading | None:
    """One reading by its id."""
    return find_many(connection, [reading_id]).get(reading_id)


def find_many(connection: Connection, ids: Collection[int]) -> dict[int, StoredReading]:
    """Readings by id; those that are not there are left out."""
    found = {}
    for part in _parts(list(ids)):
        for row in connection.execute(_with_source(reading_all).where(reading_all.c.id.in_(part))).mappings():
            found[row["id"]] = decode(row)
    return found


def find_folded(connection: Connection, keys: Collection[FullKey]) -> dict[FullKey, StoredReading]:
    """Rows of ``reading`` by their keys."""
    found = {}
    key = tuple_(reading.c.sensor_id, reading.c.time, reading.c.sequence)
    for part in _parts(list(keys)):
        for row in connection.execute(_with_source(reading).where(key.in_(part))).mappings():
            found[row["sensor_id"], row["time"], row["sequence"]] = decode(row)
    return found


def _with_source(table: Any) -> Select[Any]:
    columns = [table.c[name] for name in SHARED_COLUMNS]
    named = select(*columns, source.c.name.label("source_name"))
    return named.outerjoin_from(table, source, source.c.id == table.c.source)


def _parts(values: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(values), LOOKUP):
        yield values[start : start + LOOKUP]


# -- changes, inside Recorder.change


def ledger_of(connection: Connection) -> Ledger:
    """The writer's ledger. Raises RuntimeError outside of its transaction."""
    found = connection.info.get("ledger")
    if isinstance(found, Ledger):
        return found
    raise RuntimeError("readings are changed inside Recorder.change alone")


def update(connection: Connection, row: StoredReading) -> bool:
    """Write a reading as it is given, found by its id; False where there is none. A new key moves the row.

    Raises KeyTakenError where another reading has that key.
    """
    before = find(connection, row.id)
    if before is None:
        return False
    key = (row.sensor_id, *key_of(row))
    if (before.sensor_id, *key_of(before)) == key:
        overwrite(connection, [row])
        return True
    ledger = ledger_of(connection)
    taken = _id_at(connection, ledger, key)
    if taken is not None:
        raise KeyTakenError(taken)
    delete_reading(connection, row.id)
    insert(connection, [encode(row, ledger.sources[before.source])])
    ledger.add_rows([(row.sensor_id, key_of(row), row.id)])
    return True


def _id_at(connection: Connection, ledger: Ledger, key: FullKey) -> int | None:
    recent = ledger.keys.get(key[0], {}).get(key[1:])
    if recent is not None:
        return recent
    folded = find_folded(connection, [key]).get(key)
    return folded.id if folded else None


def overwrite(connection: Connection, rows: Sequence[StoredReading]) -> None:
    """Write the values of rows whose keys stay; each is in one of the two tables."""
    if not rows:
        return
    values = [_changing(row) for row in rows]
    for table in (reading_recent, reading):
        statement = sql_update(table).where(table.c.id == bindparam("row_id"))
        connection.execute(statement.values({name: bindparam(f"new_{name}") for name in _CHANGING}), values)


def _changing(row: StoredReading) -> dict[str, object]:
    encoded = dict(zip(COLUMNS, encode(row, 0), strict=True))
    return {"row_id": row.id} | {f"new_{name}": encoded[name] for name in _CHANGING}


def delete_reading(connection: Connection, reading_id: int) -> StoredReading | None:
    """Delete one reading; what it was, None where there was none."""
    found = find(connection, reading_id)
    if found is None:
        return None
    for table in (reading_recent, reading):
        connection.execute(delete(table).where(table.c.id == reading_id))
    ledger_of(connection).remove_row(found.sensor_id, key_of(found))
    return found


def delete_sensor_readings(connection: Connection, sensor_id: int) -> int:
    """Delete all readings of a sensor that is about to be deleted itself; how many there were."""
    ledger = ledger_of(connection)
    count = 0
    for part in _parts(list(ledger.unfolded(sensor_id))):
        count += connection.execute(delete(reading_recent).where(reading_recent.c.id.in_(part))).rowcount
    count += connection.execute(delete(reading).where(reading.c.sensor_id == sensor_id)).rowcount
    connection.execute(delete(folded_token).where(folded_token.c.sensor_id == sensor_id))
    ledger.remove_sensor(sensor_id)
    return count


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


def _rebase(connection: Connection, ledger: Ledger, row: StoredReading, shift: int) -> StoredReading | None:
    after = replace(row, time=row.time + shift, received_at=row.received_at + shift, clock_set=True)
    if _id_at(connection, ledger, (after.sensor_id, *key_of(after))) is not None:
        return None
    values = {"time": after.time, "received_at": after.received_at, "clock_set": 1}
    connection.execute(sql_update(reading_recent).where(reading_recent.c.id == row.id).values(values))
    ledger.remove_row(row.sensor_id, key_of(row))
    ledger.add_rows([(after.sensor_id, key_of(after), after.id)])
    return after


# -- what the writer knows


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
