"""What a row refers to must be there."""

from sqlalchemy import Connection

from daemon.api.errors import NotFound
from daemon.repository import locations, readings, sensors


def check_sensor(conn: Connection, sensor_id: int) -> None:
    """Raises NotFound."""
    if sensors.by_id(conn, sensor_id) is None:
        raise NotFound("sensor", sensor_id)


def check_reading(conn: Connection, reading_id: int | None) -> None:
    """Raises NotFound; None refers to nothing."""
    if reading_id is not None and readings.by_id(conn, reading_id) is None:
        raise NotFound("reading", reading_id)


def check_location(conn: Connection, location_id: int | None) -> None:
    """Raises NotFound; None refers to nothing."""
    if location_id is not None and locations.by_id(conn, location_id) is None:
        raise NotFound("location", location_id)
