"""The directory: who may register, what a sensor said last, how often it speaks."""

from dataclasses import replace

import pytest

from daemon.entities import Quality, Sensor, StoredReading
from daemon.events import Action, EntityEvent
from daemon.sensors import Directory, Record, key_of, type_of

NOW = 1_790_000_000_000_000


def sensor(number: int, key: str | None = None) -> Sensor:
    key = key or f"mqtt/s{number}"
    return Sensor(id=number, key=key, type="temperatura", model="DHT22", created_at=0, updated_at=0)


def row(number: int, seconds: float, **values: object) -> StoredReading:
    at = NOW + int(seconds * 1e6)
    given = {"temperature": 20.0, **values}
    return StoredReading(id=number, sensor_id=1, time=at, received_at=at, source="mqtt", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "probe", "key"),
    [
        ("kitchen", "", "mqtt/kitchen"),
        ("home/kitchen", "AM2301", "mqtt/home/kitchen#AM2301"),
        (None, "outdoor", "mqtt#outdoor"),
        (None, "", "mqtt"),
        ("a#b", "", "mqtt/a%23b"),
    ],
)
def test_a_key_is_made_of_source_device_and_probe(device: str | None, probe: str, key: str) -> None:
    assert key_of("mqtt", device, probe) == key


def test_two_devices_never_share_a_key() -> None:
    assert key_of("m", "a#b", "") != key_of("m", "a", "b")
    assert key_of("m", "a%23b", "") != key_of("m", "a#b", "")
    long = [key_of("m", "d" * 200, "p" * 199 + end) for end in "12"]
    assert long[0] != long[1]
    assert {len(key) for key in long} == {255}


@pytest.mark.parametrize(
    ("quantities", "word"),
    [
        ({"temperature"}, "temperatura"),
        ({"humidity", "temperature", "battery"}, "temperatura_humedad"),
        ({"humidity"}, "humedad"),
        ({"pressure"}, "otros"),
    ],
)
def test_a_type_is_named_after_what_is_measured(quantities: set[str], word: str) -> None:
    assert type_of(quantities) == word


class TestAdmission:
    def test_an_unknown_device_registers_once(self) -> None:
        directory = Directory(limit=10)
        record, new = directory.admit("mqtt/s1", register=True, make=lambda: sensor(1))
        again, new_again = directory.admit("mqtt/s1", register=True, make=lambda: sensor(2))
        assert record is again
        assert (new, new_again) == (True, False)

    def test_the_limit_holds_and_is_counted(self) -> None:
        directory = Directory(limit=2)
        admitted = [
            directory.admit(f"mqtt/s{n}", register=True, make=lambda n=n: sensor(n))[0] is not None for n in range(1, 5)
        ]
        assert admitted == [True, True, False, False]
        assert directory.refused == {"limit": 2}

    def test_a_closed_source_admits_only_known_ones(self) -> None:
        directory = Directory(limit=10)
        directory.load([sensor(1)], [])
        assert directory.admit("mqtt/s1", register=False, make=lambda: sensor(9))[0] is not None
        assert directory.admit("mqtt/s2", register=False, make=lambda: sensor(9))[0] is None
        assert directory.refused == {"not_registered": 1}

    def test_a_deleted_key_stays_out_until_it_is_allowed_again(self) -> None:
        directory = Directory(limit=10)
        directory.load([sensor(1)], [])
        directory.follow(EntityEvent(Action.DELETED, sensor(1), NOW))
        assert directory.admit("mqtt/s1", register=True, make=lambda: sensor(2))[0] is None
        assert directory.refused == {"deleted": 1}
        directory.allow("mqtt/s1")
        assert directory.admit("mqtt/s1", register=True, make=lambda: sensor(2))[1]

    def test_a_key_that_no_device_has_is_not_kept_out(self) -> None:
        directory = Directory(limit=10)
        made_by_hand = sensor(1, "api/1")
        directory.load([made_by_hand], [])
        directory.follow(EntityEvent(Action.DELETED, made_by_hand, NOW))
        assert directory.blocked == set()

    def test_a_changed_key_is_found_under_its_new_name_only(self) -> None:
        directory = Directory(limit=10)
        directory.load([sensor(1)], [])
        directory.follow(EntityEvent(Action.UPDATED, sensor(1, "mqtt/other"), NOW))
        assert directory.by_key("mqtt/s1") is None
        assert directory.by_key("mqtt/other") is not None


class TestLatest:
    def directory(self) -> Directory:
        directory = Directory(limit=10)
        directory.load([sensor(1)], [])
        return directory

    def commit(self, directory: Directory, *rows: StoredReading) -> None:
        for each in rows:
            directory.follow(EntityEvent(Action.CREATED, each, NOW))

    def test_a_late_row_does_not_move_it_back(self) -> None:
        directory = self.directory()
        self.commit(directory, row(1, 60, temperature=22.0), row(2, 0, temperature=18.0, humidity=40.0))
        latest = directory.latest(1)
        assert latest is not None
        assert (latest.temperature, latest.humidity, latest.time) == (22.0, 40.0, NOW + 60_000_000)

    def test_an_invalid_row_is_never_the_latest(self) -> None:
        directory = self.directory()
        self.commit(directory, row(1, 0), row(2, 1, temperature=3276.7, quality=Quality.INVALID))
        latest = directory.latest(1)
        assert latest is not None
        assert latest.temperature == 20.0

    def test_the_sensor_tells_when_it_last_spoke(self) -> None:
        directory = self.directory()
        self.commit(directory, row(1, 5))
        found = directory.by_id(1)
        assert found is not None
        assert found.last_reading_at == NOW + 5_000_000

    def test_a_restart_remembers_values_and_intervals(self) -> None:
        directory = self.directory()
        directory.remember({1: [row(n, n * 60.0, temperature=20.0 + n) for n in (4, 3, 2, 1)]})
        record = directory.record(1)
        assert record is not None
        assert record.latest.temperature == 24.0
        assert record.rhythm.usual == 60.0
        assert record.trail.last["temperature"] == (NOW + 240_000_000, 24.0)

    def test_a_restart_does_not_believe_what_was_doubted_before_it(self) -> None:
        directory = self.directory()
        spike = row(2, 60, temperature=60.0, quality=Quality.SUSPECT, raw={"temperature": 60.0})
        directory.remember({1: [spike, row(1, 0, temperature=21.0)]})
        record = directory.record(1)
        assert record is not None
        assert record.trail.last["temperature"] == (NOW, 21.0)
        assert record.trail.doubted["temperature"] == (NOW + 60_000_000, 60.0)


def test_temperature_and_humidity_sent_apart_are_one_message_to_the_interval() -> None:
    record = Record(sensor(1))
    for minute in range(5):
        record.hear(minute * 60.0)
        record.hear(minute * 60.0 + 0.02)
    assert record.rhythm.usual == pytest.approx(60.0, abs=0.1)


def test_one_late_message_does_not_move_the_usual_interval() -> None:
    record = Record(sensor(1))
    moment = 0.0
    for gap in [0, 10, 10, 10, 300, 10, 10]:
        moment += gap
        record.hear(moment)
    assert record.rhythm.usual == 10.0


def test_a_deleted_newest_row_gives_way_to_the_one_before() -> None:
    directory = Directory(limit=10)
    directory.load([sensor(1)], [])
    directory.remember({1: [row(2, 60, temperature=99.0), row(1, 0, temperature=20.0)]})
    directory.relearn(1, [row(1, 0, temperature=20.0)])
    latest = directory.latest(1)
    assert latest is not None
    assert (latest.temperature, latest.time) == (20.0, NOW)


def test_nothing_is_told_of_a_sensor_that_is_ignored_or_unknown() -> None:
    directory = Directory(limit=5)
    directory.load([sensor(1), replace(sensor(2), ignored=True)], [])
    assert [directory.hears(number) for number in (1, 2, 3)] == [True, False, False]
