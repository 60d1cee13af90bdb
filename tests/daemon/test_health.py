"""Health is judged from what the parts say: degraded with a reason, failed only where nothing can come in."""

from dataclasses import dataclass, field
from datetime import UTC
from types import SimpleNamespace

import pytest

from daemon.batches import DatabaseState
from daemon.health import HUNG_AFTER, Health
from daemon.intake import Source
from daemon.supervisor import Connection, DriverState


@dataclass
class World:
    database: DatabaseState = field(default_factory=lambda: DatabaseState(True, None, None, 0, counters={"commits": 1}))
    broker: SimpleNamespace | None = None
    seconds: float = 0.0
    drivers: list[SimpleNamespace] = field(default_factory=list)

    def health(self) -> Health:
        return Health(self.drivers, lambda: self.database, lambda: self.broker, lambda: self.seconds)  # type: ignore[arg-type]

    def driver(self, state: DriverState, reason: str = "") -> None:
        self.drivers.append(
            SimpleNamespace(source=Source("bench", "bench", UTC), connection=Connection(state=state, reason=reason))
        )


@pytest.fixture
def world() -> World:
    return World()


def test_all_well(world: World) -> None:
    world.driver(DriverState.UP)
    verdict = world.health().judge()
    assert (verdict.word, list(verdict.reasons)) == ("ok", [])


def test_a_driver_that_is_down_degrades_and_says_why(world: World) -> None:
    world.driver(DriverState.WAITING, "no such port /dev/ttyUSB0")
    verdict = world.health().judge()
    assert verdict.word == "degraded"
    assert "no such port /dev/ttyUSB0" in verdict.reasons[0]


def test_a_database_that_takes_no_rows_is_a_failure(world: World) -> None:
    world.database = DatabaseState(False, "full", "the disk is full", 0)
    verdict = world.health().judge()
    assert (verdict.word, verdict.hung) == ("failed", False)
    assert "the disk is full" in verdict.reasons[0]


def test_a_broker_that_is_down_degrades(world: World) -> None:
    world.broker = SimpleNamespace(state="down", reason="port 1883 is taken")
    assert "port 1883 is taken" in world.health().judge().reasons[0]


def test_rows_that_wait_while_nothing_is_committed_are_a_hang(world: World) -> None:
    world.database = DatabaseState(True, None, None, 0, queued=5, counters={"commits": 7})
    health = world.health()
    assert not health.judge().hung
    world.seconds = HUNG_AFTER + 1
    assert health.judge().hung


def test_commits_or_an_empty_queue_are_no_hang(world: World) -> None:
    health = world.health()
    for second in range(100):
        world.seconds = float(second)
        busy = second % 2 == 0
        world.database = DatabaseState(True, None, None, 0, queued=5, counters={"commits": second if busy else 0})
        assert not health.judge().hung
    world.database = DatabaseState(True, None, None, 0, queued=0, counters={"commits": 0})
    world.seconds += 1000
    assert not health.judge().hung
