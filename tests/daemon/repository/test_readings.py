"""Readings in their two tables, shown as one."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, insert, select

from daemon import tables
from daemon.database import Database
from daemon.entities import Quality, Sensor, StoredReading
from daemon.repository import readings, sensors, statistics
from daemon.repository.paging import Listing
from daemon.repository.reads import Reads
from daemon.repository.statistics import Period

SOURCE = 1


def add_sensors(conn: Connection, count: int) -> None:
    conn.execute(insert(tables.source).values(id=SOURCE, name="mqtt"))
    for number in range(1, count + 1):
        sensors.add(conn, Sensor(number, f"k{number}", "t", "m", 0, 0))


def row(id_: int, sensor_id: int, time: int, sequence: int = -1, **values: object) -> dict[str, object]:
    base = {"id": id_, "sensor_id": sensor_id, "time": time, "sequence": sequence, "source": SOURCE}
    return {**base, "temperature": 20.0, "quality": 0, "received_at": time, "clock_set": 1, **values}


def store(conn: Connection, rows: Sequence[dict[str, object]], folded: Sequence[bool]) -> None:
    for made, is_folded in zip(rows, folded, strict=True):
        conn.execute(insert(tables.reading if is_folded else tables.reading_recent).values(made))


def pages(conn: Connection, wanted: Listing, unfolded: readings.Unfolded | None = None) -> list[StoredReading]:
    found: list[StoredReading] = []
    while True:
        page = readings.listing(conn, wanted, unfolded)
        found += page.rows
        if page.after is None:
            return found
        assert len(page.rows) == wanted.limit
        wanted = Listing(wanted.limit, wanted.sensor_id, wanted.start, wanted.end, wanted.equals, page.after)


def unfolded_of(conn: Connection) -> readings.Unfolded:
    recent = tables.reading_recent
    return lambda sensor_id: list(conn.scalars(select(recent.c.id).where(recent.c.sensor_id == sensor_id)))


ROWS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(-1, 1), st.booleans(), st.sampled_from([0, 1, 2])),
    max_size=30,
    unique_by=lambda made: made[:3],
)
BOUND = st.none() | st.integers(0, 20)


@given(
    rows=ROWS,
    limit=st.integers(1, 8),
    sensor_id=st.none() | st.integers(1, 4),
    start=BOUND,
    end=BOUND,
    quality=st.none() | st.sampled_from(Quality),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_page_together_is_what_a_scan_would_find(
    database: Database,
    rows: list[tuple[int, int, int, bool, int]],
    limit: int,
    sensor_id: int | None,
    start: int | None,
    end: int | None,
    quality: Quality | None,
) -> None:
    with database.writer.connect() as conn, conn.begin() as transaction:
        add_sensors(conn, 3)
        made = [row(n, s, t, q, quality=c) for n, (s, t, q, _, c) in enumerate(rows, 1)]
        store(conn, made, [folded for *_, folded, _ in rows])
        code = None if quality is None else tables.QUALITY_CODES[quality.value]
        expected = [
            (t, s, q)
            for s, t, q, _, c in rows
            if sensor_id in (None, s)
            and (start is None or t >= start)
            and (end is None or t < end)
            and code in (None, c)
        ]
        wanted = Listing(limit, sensor_id, start, end, {} if quality is None else {"quality": quality})
        for unfolded in (None, unfolded_of(conn)):
            found = pages(conn, wanted, unfolded)
            assert [tuple(readings.key_of(reading)) for reading in found] == sorted(expected, reverse=True)
        transaction.rollback()


@given(
    rows=ROWS,
    sensor_id=st.integers(1, 3),
    start=BOUND,
    end=BOUND,
    points=st.integers(1, 25),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_figures_are_those_of_the_rows(
    database: Database,
    rows: list[tuple[int, int, int, bool, int]],
    sensor_id: int,
    start: int | None,
    end: int | None,
    points: int,
) -> None:
    with database.writer.connect() as conn, conn.begin() as transaction:
        add_sensors(conn, 3)
        made = [
            row(n, s, t, q, quality=c, temperature=float(n), humidity=None) for n, (s, t, q, _, c) in enumerate(rows, 1)
        ]
        store(conn, made, [folded for *_, folded, _ in rows])
        values = {
            (t, q): float(n)
            for n, (s, t, q, _, c) in enumerate(rows, 1)
            if s == sensor_id and c != 2 and (start is None or t >= start) and (end is None or t < end)
        }
        period = Period(sensor_id, start, end)
        summary = statistics.stats(conn, period, unfolded_of(conn))
        assert summary.rows == summary.temperature.count == len(values)
        assert (summary.temperature.minimum, summary.temperature.maximum) == (
            min(values.values(), default=None),
            max(values.values(), default=None),
        )
        assert (summary.humidity.mean, summary.humidity.count) == (None, 0)
        series = statistics.series(conn, period, points, unfolded_of(conn))
        assert len(series) <= points
        assert sum(bucket.rows for bucket in series) == len(values)
        starts = [bucket.start for bucket in series]
        assert starts == sorted(set(starts))
        total = sum((bucket.temperature.mean or 0) * bucket.rows for bucket in series)
        assert total == pytest.approx(sum(values.values()))
        for time, _ in values:
            bucket = max(bucket.start for bucket in series if bucket.start <= time)
            assert bucket in starts
        transaction.rollback()


def test_a_row_comes_back_whole_from_either_table(conn: Connection) -> None:
    add_sensors(conn, 1)
    values = {
        "temperature": None,
        "humidity": 40.5,
        "others": '{"pressure":1013.2}',
        "quality": 1,
        "raw": '{"humidity":40.1}',
        "device_time": 5,
        "clock_set": 0,
        "updated_at": 9,
    }
    store(conn, [row(7, 1, 10, 3, **values), row(8, 1, 11, -1, **values)], [True, False])
    for id_, time, sequence in ((7, 10, 3), (8, 11, None)):
        assert readings.by_id(conn, id_) == StoredReading(
            id=id_,
            sensor_id=1,
            time=time,
            received_at=time,
            source="mqtt",
            sequence=sequence,
            humidity=40.5,
            others={"pressure": 1013.2},
            quality=Quality.SUSPECT,
            raw={"humidity": 40.1},
            device_time=5,
            clock_set=False,
            updated_at=9,
        )
    assert readings.by_id(conn, 9) is None


def test_a_row_is_changed_and_removed_in_either_table(conn: Connection) -> None:
    add_sensors(conn, 1)
    store(conn, [row(7, 1, 10), row(8, 1, 11)], [True, False])
    for id_ in (7, 8):
        before = readings.by_id(conn, id_)
        assert before is not None
        after = StoredReading(
            id_,
            1,
            before.time,
            before.received_at,
            "mqtt",
            None,
            None,
            50.0,
            {"co2": 400.0},
            Quality.INVALID,
            updated_at=99,
        )
        readings.change(conn, after)
        assert readings.by_id(conn, id_) == after
        readings.remove(conn, after)
        assert readings.by_id(conn, id_) is None


def test_the_last_rows_of_each_sensor_are_remembered(conn: Connection) -> None:
    add_sensors(conn, 3)
    store(conn, [row(n, 1 + n % 2, n) for n in range(1, 11)], [n % 3 == 0 for n in range(1, 11)])
    found = readings.last_of_each(conn, 2)
    assert {sensor: [reading.id for reading in rows] for sensor, rows in found.items()} == {1: [10, 8], 2: [9, 7]}


def test_a_long_list_of_unfolded_rows_is_scanned_instead(conn: Connection) -> None:
    add_sensors(conn, 1)
    store(conn, [row(n, 1, n) for n in range(1, 1103)], [False] * 1102)
    assert len(pages(conn, Listing(1000, 1), unfolded_of(conn))) == 1102


async def test_one_piece_of_work_sees_one_moment(database: Database) -> None:
    with database.writer.begin() as conn:
        add_sensors(conn, 1)
        store(conn, [row(1, 1, 1)], [False])

    def fold_meanwhile(conn: Connection) -> tuple[int, int]:
        before = len(readings.listing(conn, Listing(10, 1)).rows)
        with database.writer.begin() as writer:
            writer.execute(delete(tables.reading_recent))
            store(writer, [row(1, 1, 1)], [True])
        return before, len(readings.listing(conn, Listing(10, 1)).rows)

    reads = Reads(database.readers)
    try:
        assert await reads(fold_meanwhile) == (1, 1)
    finally:
        reads.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL chooses its plans by its statistics
@pytest.mark.parametrize("query", ["page", "far page", "period", "stats", "series"])
def test_one_sensors_range_reads_no_others_rows(database: Database, query: str) -> None:
    rng = random.Random(1)
    asked: list[tuple[str, object]] = []
    with database.writer.begin() as conn:
        add_sensors(conn, 5)
        store(conn, [row(n, rng.randrange(1, 6), n) for n in range(1, 500)], [True] * 499)
        event.listen(conn, "before_cursor_execute", lambda c, cur, sql, args, ctx, many: asked.append((sql, args)))
        match query:
            case "page":
                readings.listing(conn, Listing(10, 3), lambda _: [10_000])
            case "far page":
                readings.listing(conn, Listing(10, 3, after=(250, 3, -1)), lambda _: [10_000])
            case "period":
                readings.listing(conn, Listing(10, 3, 100, 400), lambda _: [10_000])
            case "stats":
                statistics.stats(conn, Period(3, 100, 400), lambda _: [10_000])
            case "series":
                statistics.series(conn, Period(3, 100, 400), 10, lambda _: [10_000])
        statements = asked.copy()  # what follows is heard too
        for sql, args in statements:
            plan = [step[3] for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", args)]  # type: ignore[arg-type]
            touched = [step for step in plan if "reading" in step]
            assert touched, plan
            for step in touched:
                assert step.startswith(
                    ("SEARCH reading USING PRIMARY KEY (sensor_id=?", "SEARCH reading_recent USING")
                ), step
            if "page" in query:
                assert not any("TEMP B-TREE" in step for step in plan if "reading_recent" not in sql), plan
