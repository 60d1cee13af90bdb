"""Sensors, their further keys, and the keys that stay out: of deleted ones, and such as a person ignored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from daemon.entities import Sensor, SensorState, key_without_device
from daemon.repository.paging import Listing, Page, newest
from daemon.tables import anomaly, blocked_key, location, prediction, reading, reading_recent, sensor, sensor_key


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows went with a sensor."""

    readings: int
    locations: int
    anomalies: int
    predictions: int


def _sensors(conn: Connection, rows: Sequence[Row[Any]]) -> list[Sensor]:
    """Rows of the table with their further keys, which few have: read together."""
    keys: dict[int, list[str]] = {}
    aliases = select(sensor_key.c.sensor_id, sensor_key.c.key).order_by(sensor_key.c.created_at, sensor_key.c.key)
    if len(rows) == 1:
        aliases = aliases.where(sensor_key.c.sensor_id == rows[0].id)
    for alias in conn.execute(aliases) if rows else ():
        keys.setdefault(alias.sensor_id, []).append(alias.key)
    return [_sensor_of(row, keys.get(row.id, ())) for row in rows]


def _sensor_of(row: Row[Any], other_keys: Sequence[str]) -> Sensor:
    data = dict(row._mapping)
    data["state"] = SensorState(data["state"])
    return Sensor(**data, other_keys=tuple(other_keys))


def _values(entity: Sensor) -> dict[str, Any]:
    return {column.name: getattr(entity, column.name) for column in sensor.columns}


def listing(conn: Connection, wanted: Listing) -> Page[Sensor]:
    """Newest first; ``equals`` may name ``state``, ``type``, ``key``: any key that the sensor goes by."""
    key = wanted.equals.get("key")
    if key is not None and (owner := _owner_of_alias(conn, str(key))) is not None:
        if wanted.sensor_id not in (None, owner):
            return Page([])
        others = {name: value for name, value in wanted.equals.items() if name != "key"}
        wanted = replace(wanted, sensor_id=owner, equals=others)
    page = newest(conn, sensor, wanted)
    return Page(_sensors(conn, page.rows), page.after)


def everything(conn: Connection) -> list[Sensor]:
    """All of them by id, for the directory at start."""
    return _sensors(conn, conn.execute(select(sensor).order_by(sensor.c.id)).all())


def by_id(conn: Connection, sensor_id: int) -> Sensor | None:
    found = _sensors(conn, conn.execute(select(sensor).where(sensor.c.id == sensor_id)).all())
    return found[0] if found else None


def by_key(conn: Connection, key: str) -> Sensor | None:
    """The sensor that goes by this key, be it its own or that of one merged into it."""
    owner = _owner_of_alias(conn, key)
    if owner is not None:
        return by_id(conn, owner)
    found = _sensors(conn, conn.execute(select(sensor).where(sensor.c.key == key)).all())
    return found[0] if found else None


def _owner_of_alias(conn: Connection, key: str) -> int | None:
    return conn.scalar(select(sensor_key.c.sensor_id).where(sensor_key.c.key == key))


def add(conn: Connection, entity: Sensor) -> None:
    """Insert a sensor; its key, should it be blocked, is allowed again: somebody wants it back."""
    allow_key(conn, entity.key)
    conn.execute(insert(sensor).values(_values(entity)))


def change(conn: Connection, entity: Sensor) -> None:
    """Write every column of a sensor that is there but ``last_reading_at``, which follows its readings."""
    values = {name: value for name, value in _values(entity).items() if name != "last_reading_at"}
    conn.execute(update(sensor).where(sensor.c.id == entity.id).values(values))


def delete_readings(conn: Connection, sensor_id: int, rows: int) -> int:
    """Delete about ``rows`` of a sensor's clustered rows, oldest first; how many went, 0 when none are left.

    A sensor of ten million rows is deleted in pieces, so that others' readings are written in between.
    """
    times = select(reading.c.time).where(reading.c.sensor_id == sensor_id).order_by(reading.c.time).limit(rows)
    newest_time = conn.execute(select(func.max(times.subquery().c.time))).scalar()
    if newest_time is None:
        return 0
    piece = delete(reading).where(reading.c.sensor_id == sensor_id, reading.c.time <= newest_time)
    return conn.execute(piece).rowcount


def remove(conn: Connection, entity: Sensor, now: int, *, readings_gone: int = 0) -> Deleted:
    """Delete a sensor and all that is its own, and keep a device's key out until it is allowed again.

    ``readings_gone`` counts what :meth:`delete_readings` took before.
    """

    def drop(table: Any) -> int:
        return conn.execute(delete(table).where(table.c.sensor_id == entity.id)).rowcount

    counts = Deleted(
        readings=readings_gone + drop(reading) + drop(reading_recent),
        locations=drop(location),
        anomalies=drop(anomaly),
        predictions=drop(prediction),
    )
    conn.execute(delete(sensor).where(sensor.c.id == entity.id))
    for key in entity.keys:
        if key != key_without_device(entity.id):
            block_key(conn, key, now)
    return counts


def remove_alias(conn: Connection, key: str) -> None:
    """A further key of a sensor is its own no longer; what came by it stays."""
    conn.execute(delete(sensor_key).where(sensor_key.c.key == key))


def block_key(conn: Connection, key: str, now: int) -> None:
    """Keep out what comes by this key, until it is allowed again."""
    allow_key(conn, key)
    conn.execute(insert(blocked_key).values(key=key, created_at=now))


def blocked_keys(conn: Connection) -> list[str]:
    """Keys of deleted sensors, and such as were ignored before a sensor had them; oldest first."""
    return list(conn.scalars(select(blocked_key.c.key).order_by(blocked_key.c.created_at, blocked_key.c.key)))


def allow_key(conn: Connection, key: str) -> bool:
    """Let a key register again; whether it was kept out."""
    return conn.execute(delete(blocked_key).where(blocked_key.c.key == key)).rowcount > 0
