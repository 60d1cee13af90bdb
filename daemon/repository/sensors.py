"""Sensors, and the keys of deleted ones that stay out."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from daemon.entities import Sensor, SensorState, key_without_device
from daemon.repository.paging import Listing, Page, newest
from daemon.tables import anomaly, blocked_key, location, prediction, reading, reading_recent, sensor


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows went with a sensor."""

    readings: int
    locations: int
    anomalies: int
    predictions: int


def sensor_of(row: Row[Any]) -> Sensor:
    data = dict(row._mapping)
    data["state"] = SensorState(data["state"])
    return Sensor(**data)


def _values(entity: Sensor) -> dict[str, Any]:
    return {**asdict(entity), "state": entity.state.value}


def listing(conn: Connection, wanted: Listing) -> Page[Sensor]:
    """Newest first; ``equals`` may name ``state``, ``type``, ``key``."""
    page = newest(conn, sensor, wanted)
    return Page([sensor_of(row) for row in page.rows], page.after)


def everything(conn: Connection) -> list[Sensor]:
    """All of them by id, for the directory at start."""
    return [sensor_of(row) for row in conn.execute(select(sensor).order_by(sensor.c.id))]


def by_id(conn: Connection, sensor_id: int) -> Sensor | None:
    row = conn.execute(select(sensor).where(sensor.c.id == sensor_id)).first()
    return sensor_of(row) if row else None


def by_key(conn: Connection, key: str) -> Sensor | None:
    row = conn.execute(select(sensor).where(sensor.c.key == key)).first()
    return sensor_of(row) if row else None


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
    allow_key(conn, entity.key)
    if entity.key != key_without_device(entity.id):
        conn.execute(insert(blocked_key).values(key=entity.key, created_at=now))
    return counts


def blocked_keys(conn: Connection) -> list[str]:
    """Keys of deleted sensors, oldest deletion first."""
    return list(conn.scalars(select(blocked_key.c.key).order_by(blocked_key.c.created_at, blocked_key.c.key)))


def allow_key(conn: Connection, key: str) -> bool:
    """Let a deleted sensor's key register again; whether it was kept out."""
    return conn.execute(delete(blocked_key).where(blocked_key.c.key == key)).rowcount > 0
