"""The watchman's rules: limits, bad reads, silence - each an episode that is announced once and closed once."""

from dataclasses import dataclass, field, replace

import pytest

from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Quality, Sensor, SensorState, StoredReading
from daemon.episodes import SETTLED_AFTER, Episodes
from daemon.events import Action, EntityEvent, SystemEvent
from daemon.sensors import Directory
from daemon.watch import SHORTEST_SILENCE, Watch

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
        record = self.directory.record(1)
        assert record is not None
        record.hear(self.seconds)
        row = StoredReading(
            self.ids, 1, self.now() - int(late * 1e6), self.now(), "mqtt", temperature=temperature, quality=quality
        )
        self.directory.follow(EntityEvent(Action.CREATED, row, self.now()))
        self.watch.stored([row])

    def fails(self, after: float = 10.0) -> None:
        self.seconds += after
        record = self.directory.record(1)
        assert record is not None
        record.hear(self.seconds)
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

    def test_it_is_told_once_and_told_back_once(self, world: World) -> None:
        self.speaks(world)
        world.waits(2000)
        world.reads(20.0)
        world.waits(10)
        assert [event.kind for event in world.told] == ["sensor_silent", "sensor_back"]
        assert [sensor.state for sensor in world.saved] == [SensorState.SILENT, SensorState.ACTIVE]
        assert world.story()[-1] == (Action.RESOLVED, AnomalyKind.DISCONNECTED)

    def test_a_fast_sensor_is_given_half_a_minute(self, world: World) -> None:
        self.speaks(world, every=2.0)
        world.waits(SHORTEST_SILENCE - 1)
        assert not world.saved
        world.waits(2)
        assert world.saved

    def test_a_sensor_whose_interval_is_not_known_is_never_silent(self, world: World) -> None:
        self.speaks(world, times=3)
        world.waits(5000)
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
