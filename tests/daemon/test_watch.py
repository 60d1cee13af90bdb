"""The watchman's rules: limits, bad reads, silence - each an episode that is announced once and closed once."""

from dataclasses import dataclass, field, replace

import pytest

from daemon.entities import (
    Anomaly,
    AnomalyKind,
    AnomalyState,
    Quality,
    Sensor,
    SensorState,
    StoredReading,
    key_without_device,
)
from daemon.episodes import SETTLED_AFTER, Episodes
from daemon.events import Action, EntityEvent, SystemEvent
from daemon.rhythm import SHORTEST, UNKNOWN
from daemon.sensors import Directory
from daemon.watch import Watch
from drivers.base import Availability

START = 1_790_000_000_000_000
SENSOR = Sensor(
    id=1, key="mqtt/s1", type="temperatura_humedad", model="DHT22", created_at=0, updated_at=0, temperature_max=30.0
)


@dataclass
class World:
    """The watch with everything around it held by hand."""

    seconds: float = 1000.0
    written: list[tuple[Action, Anomaly]] = field(default_factory=list)
    saved: list[Sensor] = field(default_factory=list)
    told: list[SystemEvent] = field(default_factory=list)
    directory: Directory = field(default_factory=lambda: Directory(limit=10))
    ids: int = 0

    def __post_init__(self) -> None:
        self.directory.load([SENSOR], [])
        self.episodes = Episodes(self.write, self.take_id, self.now, lambda: self.seconds)
        self.watch = Watch(
            self.directory,
            self.episodes,
            self.now,
            lambda: self.seconds,
            save=self.saved.append,
            publish=self.told.extend,
        )

    def now(self) -> int:
        return START + int(self.seconds * 1e6)

    def take_id(self, _kind: str) -> int:
        self.ids += 1
        return self.ids

    def write(self, anomaly: Anomaly, action: Action) -> None:
        self.written.append((action, anomaly))

    def reads(self, temperature: float, *, after: float = 10.0, quality: Quality = Quality.OK, late: float = 0) -> None:
        self.seconds += after
        self.ids += 1
        time = self.now() - int(late * 1e6)
        row = StoredReading(self.ids, 1, time, self.now(), "mqtt", temperature=temperature, quality=quality, live=True)
        self.directory.follow(EntityEvent(Action.CREATED, row, self.now()))
        self.watch.stored([row])

    def fails(self, after: float = 10.0) -> None:
        self.seconds += after
        self.watch.failed(1)

    def waits(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.seconds += 1
            self.watch.tick()

    def story(self) -> list[tuple[Action, AnomalyKind]]:
        return [(action, anomaly.kind) for action, anomaly in self.written]


@pytest.fixture
def world() -> World:
    return World()


class TestLimits:
    def test_the_first_value_beyond_a_limit_opens_an_episode_and_the_next_ones_do_not(self, world: World) -> None:
        for temperature in (29.0, 30.5, 31.0, 30.2):
            world.reads(temperature)
        assert world.story() == [(Action.DETECTED, AnomalyKind.TEMPERATURE_HIGH)]
        anomaly = world.written[0][1]
        assert anomaly.value == 30.5
        assert "30.5 °C" in anomaly.explanation_en
        assert "límite" in anomaly.explanation

    def test_it_closes_when_it_has_been_normal_for_a_while(self, world: World) -> None:
        world.reads(31.0)
        world.reads(29.0)
        assert len(world.written) == 1
        world.reads(29.0, after=SETTLED_AFTER)
        assert world.story()[1:] == [(Action.RESOLVED, AnomalyKind.TEMPERATURE_HIGH)]
        assert world.written[1][1].state is AnomalyState.RESOLVED

    def test_a_value_that_dances_on_the_limit_is_one_episode(self, world: World) -> None:
        for _ in range(50):
            world.reads(30.1)
            world.reads(29.9)
        assert len(world.written) == 1

    def test_history_breaks_no_limit(self, world: World) -> None:
        world.reads(35.0, late=86400.0)
        assert not world.written

    def test_what_a_person_resolved_stays_quiet_until_it_was_normal_once(self, world: World) -> None:
        world.reads(31.0)
        resolved = replace(world.written[0][1], state=AnomalyState.RESOLVED)
        world.episodes.follow(EntityEvent(Action.RESOLVED, resolved, world.now()))
        world.reads(31.0)
        assert len(world.written) == 1
        world.reads(25.0, after=SETTLED_AFTER + 1)
        world.reads(31.0)
        assert world.story()[1:] == [(Action.DETECTED, AnomalyKind.TEMPERATURE_HIGH)]


class TestBadReads:
    def test_two_are_bad_luck_three_are_an_episode(self, world: World) -> None:
        world.fails()
        world.fails()
        assert not world.written
        world.reads(3276.7, quality=Quality.INVALID)
        assert world.story() == [(Action.DETECTED, AnomalyKind.INVALID_READINGS)]

    def test_three_good_ones_close_it(self, world: World) -> None:
        for _ in range(4):
            world.fails()
        for _ in range(3):
            world.reads(20.0)
        assert world.story() == [
            (Action.DETECTED, AnomalyKind.INVALID_READINGS),
            (Action.RESOLVED, AnomalyKind.INVALID_READINGS),
        ]

    def test_those_of_a_recording_are_history(self, world: World) -> None:
        for _ in range(5):
            world.reads(3276.7, quality=Quality.INVALID, late=86400.0)
        assert not world.written

    def test_an_impossible_value_breaks_no_limit(self, world: World) -> None:
        world.reads(3276.7, quality=Quality.INVALID)
        assert not world.written


class TestSilence:
    def speaks(self, world: World, times: int = 6, every: float = 60.0) -> None:
        for _ in range(times):
            world.reads(20.0, after=every)

    def test_four_usual_intervals_without_a_word_are_silence(self, world: World) -> None:
        self.speaks(world)
        world.waits(239)
        assert not world.saved
        world.waits(2)
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]
        assert world.story() == [(Action.DETECTED, AnomalyKind.DISCONNECTED)]
        assert [event.kind for event in world.told] == ["sensor_silent"]

    def test_it_is_told_once_and_told_back_once(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", "sereno.sensors")
        self.speaks(world)
        world.waits(2000)
        world.reads(20.0)
        world.waits(10)
        assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
            ("WARNING", "sensor 1 (mqtt/s1) is silent: no data for 240 s; usually one every 60 s"),
            ("INFO", "sensor 1 (mqtt/s1) is sending data again"),
        ]
        assert [event.kind for event in world.told] == ["sensor_silent", "sensor_back"]
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT, SensorState.ACTIVE]
        assert world.story()[-1] == (Action.RESOLVED, AnomalyKind.DISCONNECTED)

    def test_a_fast_sensor_is_given_half_a_minute(self, world: World) -> None:
        self.speaks(world, every=2.0)
        world.waits(SHORTEST - 1)
        assert not world.saved
        world.waits(2)
        assert world.saved

    def test_a_sensor_of_which_little_is_known_is_given_more_than_a_day(self, world: World) -> None:
        self.speaks(world, times=3)
        world.waits(5000)
        assert not world.saved
        world.seconds += UNKNOWN
        world.watch.tick()
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]

    def test_one_that_a_person_made_and_posts_to_is_not_expected_to_speak(self, world: World) -> None:
        world.directory.load([replace(SENSOR, id=2, key=key_without_device(2))], [])
        world.seconds += 10
        world.watch.stored([StoredReading(99, 2, world.now(), world.now(), "api", temperature=20.0, live=True)])
        world.seconds += 2 * UNKNOWN
        world.watch.tick()
        assert not world.saved

    def test_what_is_no_news_is_no_sign_of_life(self, world: World) -> None:
        self.speaks(world)
        for _ in range(30):  # retained, sent again, or of a recording
            world.seconds += 60
            world.watch.stored([StoredReading(99, 1, world.now(), world.now(), "mqtt", temperature=20.0)])
            world.watch.tick()
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]

    def test_a_source_that_is_down_silences_no_sensor_and_leaves_a_limit_when_it_is_back(self, world: World) -> None:
        self.speaks(world)
        world.watch.source("mqtt", up=False)
        world.waits(3000)
        assert not world.saved
        world.watch.source("mqtt", up=True)
        world.waits(230)
        assert not world.saved
        world.waits(500)
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]

    def test_a_device_that_stays_online_is_silent_at_once_by_its_last_will_and_back_by_its_word(
        self, world: World
    ) -> None:
        world.watch.available("mqtt", Availability("s1", online=True))
        self.speaks(world)
        world.watch.available("mqtt", Availability("s1", online=False))
        world.watch.available("mqtt", Availability("s1", online=False))
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]
        assert "last will" in world.written[0][1].explanation_en
        world.watch.available("mqtt", Availability("s1", online=True))
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT, SensorState.ACTIVE]
        assert world.story()[-1] == (Action.RESOLVED, AnomalyKind.DISCONNECTED)

    def test_a_device_that_says_it_is_there_before_its_sensor_is_known_is_believed_too(self, world: World) -> None:
        world.watch.available("mqtt", Availability("s2", online=True))
        world.directory.load([replace(SENSOR, id=2, key="mqtt/s2#probe")], [])
        for _ in range(6):
            world.seconds += 60
            row = StoredReading(99, 2, world.now(), world.now(), "mqtt", temperature=20.0, live=True)
            world.watch.stored([row])
        world.watch.available("mqtt", Availability("s2", online=False))
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]

    def test_a_reading_from_before_the_last_will_does_not_bring_it_back(self, world: World) -> None:
        world.watch.available("mqtt", Availability("s1", online=True))
        self.speaks(world)
        late = StoredReading(99, 1, world.now(), world.now(), "mqtt", temperature=20.0, live=True)
        world.seconds += 0.1
        world.watch.available("mqtt", Availability("s1", online=False))
        world.watch.stored([late])
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]
        world.reads(20.0)
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT, SensorState.ACTIVE]

    def test_a_database_that_stores_nothing_silences_no_sensor(self, world: World) -> None:
        self.speaks(world)
        world.watch.database(up=False)
        world.waits(3000)
        world.watch.database(up=True)
        world.waits(200)
        assert not world.saved

    def test_a_device_that_sleeps_does_not_flap(self, world: World) -> None:
        for _ in range(10):
            world.seconds += 290
            world.watch.available("mqtt", Availability("s1", online=True))
            world.reads(20.0, after=1)
            world.reads(20.0, after=1)
            world.watch.available("mqtt", Availability("s1", online=False))
            world.watch.tick()
        assert not world.saved

    def test_its_word_alone_does_not_bring_back_what_fell_silent_without_one(self, world: World) -> None:
        self.speaks(world)
        world.waits(300)
        world.watch.available("mqtt", Availability("s1", online=True))
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT]
        world.reads(20.0)
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT, SensorState.ACTIVE]

    def test_an_edge_s_word_holds_for_its_devices_and_for_nobody_of_a_like_name(self, world: World) -> None:
        world.directory.load([replace(SENSOR, id=2, key="mqtt/s1/d1"), replace(SENSOR, id=3, key="mqtt/s10")], [])
        for number in (2, 3):
            record = world.directory.record(number)
            assert record is not None
            for moment in range(6):
                record.hear(moment * 60.0)
        world.seconds = 400.0
        world.watch.available("mqtt", Availability("s1", online=True))
        world.watch.available("mqtt", Availability("s10", online=True))
        for number in (2, 3):
            for _ in range(4):
                world.seconds += 60
                row = StoredReading(99, number, world.now(), world.now(), "mqtt", temperature=20.0, live=True)
                world.watch.stored([row])
        world.watch.available("mqtt", Availability("s1", online=False))
        assert [sensor.id for sensor in world.saved] == [2]

    def test_nobody_s_word_changes_nothing_nor_does_it_touch_what_a_person_put_to_rest(self, world: World) -> None:
        world.watch.available("mqtt", Availability("nobody", online=False))
        self.speaks(world)
        record = world.directory.record(1)
        assert record is not None
        record.sensor = replace(record.sensor, state=SensorState.INACTIVE)
        world.watch.available("mqtt", Availability("s1", online=True))
        self.speaks(world)
        world.watch.available("mqtt", Availability("s1", online=False))
        world.waits(1000)
        assert not world.saved

    def test_failed_reads_are_a_sign_of_life(self, world: World) -> None:
        self.speaks(world)
        for _ in range(10):
            world.fails(after=60.0)
            world.waits(1)
        assert not world.saved

    def test_after_a_restart_it_has_one_more_limit_to_speak(self, world: World) -> None:
        rows = [
            StoredReading(n, 1, START + n * 60_000_000, START + n * 60_000_000, "mqtt", temperature=20.0)
            for n in range(8)
        ]
        world.directory.remember({1: rows[::-1]})
        world.watch.start()
        world.waits(239)
        assert not world.saved
        world.waits(2)
        assert world.saved[0].state is SensorState.SILENT


def test_a_device_that_sends_its_quantities_apart_becomes_both() -> None:
    world = World()
    record, _ = world.directory.admit(
        "mqtt/s2", register=True, make=lambda: replace(SENSOR, id=2, key="mqtt/s2", type="temperatura")
    )
    assert record is not None
    world.watch.stored([StoredReading(1, 2, START, START, "mqtt", temperature=20.0)])
    world.watch.stored([StoredReading(2, 2, START, START, "mqtt", humidity=50.0)])
    assert [sensor.type for sensor in world.saved] == ["temperatura_humedad"]
