"""A wall clock is believed when it can be right, and a step of it is told once."""

from daemon.clock import RELEASED, MachineClock, Step


class Machine:
    """A wall and a monotonic clock to turn by hand."""

    def __init__(self, wall: int) -> None:
        self.wall = wall
        self.monotonic = 100.0
        self.pending = False

    def clock(self) -> MachineClock:
        return MachineClock(wall=lambda: self.wall, monotonic=lambda: self.monotonic, pending=lambda: self.pending)

    def passes(self, seconds: float, stepped: float = 0.0) -> None:
        self.monotonic += seconds
        self.wall += int((seconds + stepped) * 1e6)


def test_a_clock_at_1970_is_not_set_and_becomes_set_by_the_step() -> None:
    machine = Machine(wall=5_000_000)
    clock = machine.clock()
    assert not clock.is_set()
    machine.passes(1.0)
    assert clock.look() is None
    machine.passes(1.0, stepped=RELEASED / 1e6)
    assert clock.look() == Step(by=RELEASED, now_set=True)
    assert clock.is_set()
    machine.passes(1.0)
    assert clock.look() is None


def test_a_clock_that_resumed_at_the_last_shutdown_waits_for_the_time_service() -> None:
    machine = Machine(wall=RELEASED + 1)
    machine.pending = True
    clock = machine.clock()
    assert not clock.is_set()
    machine.pending = False
    machine.passes(1.0, stepped=3600.0)
    assert clock.look() == Step(by=3_600_000_000, now_set=True)


def test_a_clock_before_the_newest_row_is_not_set() -> None:
    machine = Machine(wall=RELEASED + 1_000_000)
    clock = machine.clock()
    assert clock.is_set()
    clock.passed(RELEASED + 2_000_000)
    assert not clock.is_set()


def test_slewing_is_no_step() -> None:
    machine = Machine(wall=RELEASED + 1)
    clock = machine.clock()
    for _ in range(100):
        machine.passes(1.0, stepped=0.0005)
        assert clock.look() is None


def test_a_step_back_is_told_once() -> None:
    machine = Machine(wall=RELEASED + 10_000_000_000)
    clock = machine.clock()
    machine.passes(1.0, stepped=-60.0)
    assert clock.look() == Step(by=-60_000_000, now_set=False)
    machine.passes(1.0)
    assert clock.look() is None
