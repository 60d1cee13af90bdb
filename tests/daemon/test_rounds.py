"""What happens by the clock: the watchdog is fed while rows move, steps of the clock are told, old forecasts go."""

from dataclasses import dataclass, field

import pytest

from daemon.clock import RELEASED, MachineClock
from daemon.entities import Anomaly
from daemon.episodes import Episodes
from daemon.events import Action, SystemEvent
from daemon.health import Verdict
from daemon.rounds import HOUSEKEEPING, KEEP_PREDICTIONS, Rounds
from daemon.sensors import Directory
from daemon.watch import Watch


@dataclass
class World:
    wall: int = RELEASED + 10**12
    monotonic: float = 100.0
    hung: bool = False
    reasons: list[str] = field(default_factory=list)
    fed: int = 0
    statuses: list[str] = field(default_factory=list)
    ticks: int = 0
    told: list[SystemEvent] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)
    forgotten: list[int] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = MachineClock(wall=lambda: self.wall, monotonic=lambda: self.monotonic, pending=lambda: False)
        episodes = Episodes(self.write, lambda _: 1, lambda: self.wall, lambda: self.monotonic)
        watch = Watch(
            Directory(limit=1),
            episodes,
            lambda: self.wall,
            lambda: self.monotonic,
            save=lambda _: None,
            publish=self.told.extend,
        )
        self.rounds = Rounds(
            clock,
            watch,
            episodes,
            self,  # type: ignore[arg-type]  # each of the four is asked for a thing or two
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            publish=self.told.extend,
            hourly=lambda: self.hours.append(self.monotonic),
        )

    def write(self, anomaly: Anomaly, action: Action) -> None:
        raise AssertionError((anomaly, action))

    def judge(self) -> Verdict:
        return Verdict(ingesting=True, hung=self.hung, reasons=self.reasons)

    def tick(self) -> None:
        self.ticks += 1

    def watchdog(self) -> None:
        self.fed += 1

    def status(self, text: str) -> None:
        self.statuses.append(text)

    def forget_predictions(self, before: int) -> None:
        self.forgotten.append(before)

    def set_clock_right(self, by: int) -> None:
        self.moved.append(by)

    def walks(self, seconds: float, *, stepped: float = 0.0) -> None:
        self.monotonic += seconds
        self.wall += int((seconds + stepped) * 1e6)
        self.rounds.walk()


@pytest.fixture
def world() -> World:
    return World()


def test_the_watchdog_is_fed_while_the_pipeline_moves_and_not_when_it_hangs(world: World) -> None:
    world.walks(1)
    assert world.fed == 1
    world.hung = True
    world.walks(1)
    assert world.fed == 1


def test_systemd_hears_what_is_wrong_once_and_when_it_is_over(world: World) -> None:
    world.walks(1)
    assert world.statuses == []  # "listening on …" stands
    world.reasons = ["the embedded broker is down: it is being started"]
    world.walks(1)
    world.walks(1)
    world.reasons = []
    world.walks(1)
    assert world.statuses == ["degraded; the embedded broker is down: it is being started", "ok"]


def test_a_step_of_the_clock_is_told(world: World) -> None:
    world.walks(1, stepped=60)
    (event,) = world.told
    assert event.kind == "clock_stepped"
    assert event.data == {"segundos": 60.0}
    assert world.moved == []


def test_rows_taken_before_the_clock_was_known_are_moved_by_the_step() -> None:
    world = World(wall=10**12)
    world.walks(1, stepped=RELEASED / 1e6)
    assert world.moved == [RELEASED]


def test_forecasts_of_a_month_ago_are_forgotten_hourly(world: World) -> None:
    world.walks(HOUSEKEEPING - 1)
    assert world.forgotten == []
    world.walks(1)
    assert world.forgotten == [world.wall - KEEP_PREDICTIONS]


def test_once_an_hour_is_time_for_other_things(world: World) -> None:
    for _ in range(3):
        world.walks(HOUSEKEEPING / 2)
    assert world.hours == [100.0 + HOUSEKEEPING]


def test_nothing_is_thrown_away_by_a_clock_that_is_not_set() -> None:
    world = World(wall=10**12)
    world.walks(HOUSEKEEPING + 1)
    assert world.forgotten == []
