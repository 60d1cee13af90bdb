"""Where sensors are, and which of them are near a place."""

from dataclasses import asdict
from math import asin, cos, degrees, pi, radians, sin, sqrt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from daemon.entities import Location
from daemon.repository.paging import Listing, Page, newest
from daemon.tables import location

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of WGS 84 (IUGG)."""
HALF_WAY_ROUND_KM = pi * EARTH_RADIUS_KM


def location_of(row: Row[Any]) -> Location:
    return Location(**row._mapping)


def listing(conn: Connection, wanted: Listing) -> Page[Location]:
    """Newest first."""
    page = newest(conn, location, wanted)
    return Page([location_of(row) for row in page.rows], page.after)


def of_each_sensor(conn: Connection) -> dict[int, Location]:
    """Where each sensor is: of several locations the one it was given last."""
    return {
        place.sensor_id: place for place in map(location_of, conn.execute(select(location).order_by(location.c.id)))
    }


def by_id(conn: Connection, location_id: int) -> Location | None:
    row = conn.execute(select(location).where(location.c.id == location_id)).first()
    return location_of(row) if row else None


def add(conn: Connection, entity: Location) -> None:
    conn.execute(insert(location).values(asdict(entity)))


def change(conn: Connection, entity: Location) -> None:
    """Write every column of a location that is there."""
    conn.execute(update(location).where(location.c.id == entity.id).values(asdict(entity)))


def remove(conn: Connection, entity: Location) -> None:
    conn.execute(delete(location).where(location.c.id == entity.id))


def distance_km(latitude: float, longitude: float, other: Location) -> float:
    """Along the sphere, by the haversine formula (R. W. Sinnott, 1984); at most 0.6 % off the ellipsoid."""
    south, north = radians(latitude), radians(other.latitude)
    across = radians(other.longitude - longitude)
    chord = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))


def near(
    conn: Connection, latitude: float, longitude: float, radius_km: float, limit: int
) -> list[tuple[Location, float]]:
    """Locations within the radius and their distances in km, nearest first. A box round the circle is read."""
    query = select(location).where(*_box(latitude, longitude, radius_km))
    found = [(place, distance_km(latitude, longitude, place)) for place in map(location_of, conn.execute(query))]
    inside = [(place, distance) for place, distance in found if distance <= radius_km]
    inside.sort(key=lambda pair: (pair[1], pair[0].id))
    return inside[:limit]


def _box(latitude: float, longitude: float, radius_km: float) -> list[ColumnElement[bool]]:
    angle = radius_km / EARTH_RADIUS_KM
    # Slightly wide, so that rounding leaves out no place on the rim.
    reach = degrees(angle) + 1e-9
    south, north = latitude - reach, latitude + reach
    bounds: list[ColumnElement[bool]] = [location.c.latitude >= south, location.c.latitude <= north]
    if south <= -90 or north >= 90:
        return bounds  # a pole lies inside: every longitude does
    # The circle's widest parallel is not its centre's: sin(width) = sin(angle) / cos(latitude).
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(latitude))))) + 1e-9
    west, east = longitude - width, longitude + width
    if west < -180:
        bounds.append(or_(location.c.longitude >= west + 360, location.c.longitude <= east))
    elif east > 180:
        bounds.append(or_(location.c.longitude >= west, location.c.longitude <= east - 360))
    else:
        bounds += [location.c.longitude >= west, location.c.longitude <= east]
    return bounds
