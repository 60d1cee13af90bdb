"""Hourly means over both tables, and where each sensor is."""

from sqlalchemy import Connection, insert

from daemon import tables
from daemon.entities import Location, Sensor
from daemon.repository import locations, sensors, statistics
from daemon.repository.statistics import HOUR, HourlyMeans, Period


def add(conn: Connection, table: object, number: int, time: int, **values: object) -> None:
    row = {"id": number, "sensor_id": 1, "time": time, "sequence": -1, "source": 1, "quality": 0}
    conn.execute(insert(table).values({**row, "received_at": time, "clock_set": 1, **values}))  # type: ignore[arg-type]


def test_hourly_means_of_what_is_believed(conn: Connection) -> None:
    conn.execute(insert(tables.source).values(id=1, name="mqtt"))
    sensors.add(conn, Sensor(1, "k", "t", "m", 0, 0))
    start = 480_000 * HOUR
    add(conn, tables.reading, 1, start, temperature=20.0, humidity=50.0)
    add(conn, tables.reading, 2, start + HOUR // 2, temperature=21.0)
    add(conn, tables.reading_recent, 3, start + HOUR - 1, temperature=22.0)
    add(conn, tables.reading_recent, 4, start + 3 * HOUR, humidity=40.0)
    add(conn, tables.reading_recent, 5, start + 3 * HOUR + 1, temperature=99.0, quality=2)
    add(conn, tables.reading_recent, 6, start + 4 * HOUR, temperature=1.0)
    period = Period(1, start, start + 4 * HOUR)
    found = statistics.hourly(conn, period)
    assert found == [HourlyMeans(480_000, 21.0, 50.0), HourlyMeans(480_003, None, 40.0)]


def test_a_sensor_is_where_it_was_put_last(conn: Connection) -> None:
    for number in (1, 2):
        sensors.add(conn, Sensor(number, f"k{number}", "t", "m", 0, 0))
    for number, sensor_id in ((5, 1), (6, 2), (7, 1)):
        locations.add(conn, Location(number, sensor_id, 40.0, -3.0, 0, 0))
    assert {sensor_id: place.id for sensor_id, place in locations.of_each_sensor(conn).items()} == {1: 7, 2: 6}
