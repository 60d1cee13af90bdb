"""Sensors, locations, anomalies and predictions as the database keeps them."""

import random
from dataclasses import replace
from math import cos, radians

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from daemon import tables
from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Location, Prediction, Sensor, SensorState, Verdict
from daemon.repository import anomalies, locations, predictions, sensors
from daemon.repository.locations import EARTH_RADIUS_KM, distance_km
from daemon.repository.paging import Listing

SENSOR = Sensor(1, "k1", "t", "m", 5, 6, "n", SensorState.INACTIVE, 7, 0.5, -1.0, 1.0, 2.0, 3.0, 4.0)


def test_a_sensor_comes_back_as_it_was(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    assert sensors.by_id(conn, 1) == sensors.by_key(conn, "k1") == SENSOR
    changed = replace(SENSOR, key="k2", temperature_max=None, state=SensorState.ACTIVE)
    sensors.change(conn, changed)
    assert sensors.everything(conn) == [changed]
    assert sensors.by_key(conn, "k1") is None


def test_a_sensor_of_many_readings_is_deleted_in_pieces(conn: Connection) -> None:
    conn.execute(insert(tables.source).values(id=1, name="s"))
    for number in (1, 2):
        sensors.add(conn, replace(SENSOR, id=number, key=f"k{number}"))
    common = {"temperature": 1.0, "quality": 0, "received_at": 1, "source": 1, "clock_set": 1}
    rows = [{"id": n, "sensor_id": 1 + n % 2, "time": n // 2, "sequence": n % 7, **common} for n in range(1000)]
    conn.execute(insert(tables.reading), rows[:900])
    conn.execute(insert(tables.reading_recent), rows[900:])
    gone = []
    while count := sensors.delete_readings(conn, 1, 100):
        gone.append(count)
    assert sum(gone) == 450
    assert max(gone) <= 100
    counts = sensors.remove(conn, replace(SENSOR, id=1), 9, readings_gone=sum(gone))
    assert counts.readings == 500
    assert [sensor.id for sensor in sensors.everything(conn)] == [2]
    assert sensors.blocked_keys(conn) == ["k1"]
    assert sensors.allow_key(conn, "k1")
    assert not sensors.allow_key(conn, "k1")


def anomaly(number: int, created_at: int, state: AnomalyState = AnomalyState.OPEN) -> Anomaly:
    return Anomaly(number, 1, AnomalyKind.HUMIDITY_HIGH, 0.5, "e", "e", created_at, created_at, state=state)


def test_open_anomalies_are_found_again(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    rows = [anomaly(1, 10), anomaly(2, 5), anomaly(3, 7, AnomalyState.RESOLVED)]
    for made in rows:
        anomalies.add(conn, made)
    assert anomalies.open_ones(conn) == [rows[1], rows[0]]
    assert list(anomalies.listing(conn, Listing(10)).rows) == [rows[0], rows[2], rows[1]]


def test_an_anomaly_keeps_what_the_model_saw_and_what_a_person_says_of_it(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    found = replace(anomaly(1, 10), feature="level", quantities=("humidity", "temperature"))
    anomalies.add(conn, found)
    anomalies.add(conn, anomaly(2, 11))
    assert anomalies.by_id(conn, 1) == found
    assert found.quantity == "humidity"
    for verdict in (Verdict.FALSE, Verdict.TRUE, None):
        anomalies.change(conn, replace(found, verdict=verdict))
        assert anomalies.by_id(conn, 1) == replace(found, verdict=verdict)
    assert anomalies.by_id(conn, 2) == anomaly(2, 11), "one of a limit's has none of it"
    assert [row.id for row in anomalies.listing(conn, Listing(10), "humidity").rows] == [1]
    assert anomalies.listing(conn, Listing(10), "temperature").rows == []


def test_what_a_person_judged_of_a_model_is_found_again_oldest_first(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    odd, verdict = AnomalyKind.UNUSUAL_PATTERN, Verdict.TRUE
    rows = [replace(anomaly(number, 20 - number), kind=odd, verdict=verdict) for number in (1, 2)]
    for row in (*rows, replace(rows[0], id=3, verdict=None), replace(rows[0], id=4, kind=AnomalyKind.HUMIDITY_LOW)):
        anomalies.add(conn, row)
    assert anomalies.judged(conn, 1) == [rows[1], rows[0]]
    assert anomalies.judged(conn, 2) == []


def test_rows_of_one_moment_are_told_apart_by_their_ids(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    for number in range(1, 8):
        anomalies.add(conn, anomaly(number, 5))
    after, found = None, []
    while True:
        page = anomalies.listing(conn, Listing(2, after=after))
        found += [made.id for made in page.rows]
        after = page.after
        if after is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]


def test_the_latest_predictions_are_the_newest_of_each_kind(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    made = [
        Prediction(n, 1, ("temperature", "humidity")[n % 2], (900, 3600)[n // 2 % 2], n, n, n, 0, "m", n // 4, n // 4)
        for n in range(1, 20)
    ]
    predictions.add_many(conn, made)
    predictions.add_many(conn, [])
    assert [found.id for found in predictions.latest(conn, 1)] == [17, 19, 16, 18]
    assert predictions.latest(conn, 2) == []


def test_what_later_rows_have_overtaken_is_no_latest_prediction(conn: Connection) -> None:
    """Horizons that the configuration no longer has leave rows behind."""
    sensors.add(conn, SENSOR)
    minute = 60_000_000
    kept = Prediction(1, 1, "temperature", 900, 1.0, 0.0, 2.0, 0, "mix", 1000 * minute, 0)

    def older(number: int, horizon_s: int, minutes: int, quantity: str = "temperature") -> Prediction:
        made = kept.created_at - minutes * minute
        return replace(kept, id=number, horizon_s=horizon_s, created_at=made, quantity=quantity)

    slow = older(2, 7200, 90)  # 1 h and half an hour later: not more
    gone = older(3, 7260, 92)
    other = older(4, 3600, 900, "humidity")  # nothing newer of its own
    warning = replace(older(5, 3000, 120), comment="Helada …", comment_en="Frost …", probability=0.8)
    standing = replace(older(6, 10_800, 120), comment="Helada …", comment_en="Frost …", probability=0.8)
    predictions.add_many(conn, [kept, slow, gone, other, warning, standing])
    assert predictions.latest(conn, 1) == [other, kept, slow, standing]


def test_a_warning_hides_no_forecast_and_is_found_after_a_restart(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    forecast = Prediction(1, 1, "temperature", 900, 1.0, 0.0, 2.0, 900, "mix", 10, 10)
    told = replace(forecast, id=2, probability=0.8, comment="Helada …", comment_en="Frost …", created_at=20)
    index = replace(told, id=3, probability=None)
    predictions.add_many(conn, [forecast, told, index])
    assert predictions.latest(conn, 1) == [forecast]
    assert predictions.warnings(conn, 20) == [told]
    assert predictions.warnings(conn, 21) == []


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ((40.4168, -3.7038), (48.8566, 2.3522), 1053),  # Madrid, Paris
        ((-18.1416, 178.4419), (-13.8333, -171.7667), 1152),  # Suva, Apia: over the date line
        ((90.0, 0.0), (-90.0, 0.0), 20015),
        ((0.0, 0.0), (0.0, 180.0), 20015),
        ((1.0, 2.0), (1.0, 2.0), 0),
    ],
)
def test_distances_are_those_of_the_globe(a: tuple[float, float], b: tuple[float, float], km: float) -> None:
    assert distance_km(*a, Location(1, 1, *b, 0, 0)) == pytest.approx(km, rel=0.005, abs=1e-6)


def test_near_is_what_the_formula_says_anywhere_on_the_globe(conn: Connection) -> None:
    sensors.add(conn, SENSOR)
    rng = random.Random(7)
    places = []
    for number in range(1, 400):
        latitude = rng.choice([rng.uniform(-90, 90), rng.uniform(85, 90), rng.uniform(-90, -85), rng.uniform(-1, 1)])
        longitude = rng.choice([rng.uniform(-180, 180), rng.uniform(178, 180), rng.uniform(-180, -178), 180.0, -180.0])
        places.append(Location(number, 1, latitude, longitude, 0, 0))
        locations.add(conn, places[-1])
    for _ in range(300):
        centre = rng.choice(places)
        radius = rng.choice([1, 50, 500, 5000, 15000, 20037])
        latitude, longitude = centre.latitude, centre.longitude
        expected = {p.id for p in places if distance_km(latitude, longitude, p) <= radius}
        found = locations.near(conn, latitude, longitude, radius, 1000)
        assert {place.id for place, _ in found} == expected
        distances = [distance for _, distance in found]
        assert distances == sorted(distances)
    assert len(locations.near(conn, 0, 0, 20037, 5)) == 5


@given(st.floats(-80, 80), st.floats(0.001, 1))
def test_a_small_step_is_as_long_as_on_a_plane(latitude: float, step: float) -> None:
    east = distance_km(latitude, 0, Location(1, 1, latitude, step, 0, 0))
    assert east == pytest.approx(radians(step) * EARTH_RADIUS_KM * cos(radians(latitude)), rel=1e-3)
