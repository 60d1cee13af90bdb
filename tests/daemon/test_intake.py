"""What is made of a driver's deliveries: which messages give rows, and how a row is known when it comes again."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from daemon.batches import Outcome
from daemon.entities import Sensor, StoredReading
from daemon.ids import IdBlocks
from daemon.intake import Intake, Source
from daemon.sensors import Directory
from drivers.base import Decoded, Delivery, Kind, Measurement, Reading

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
SOURCE = Source("mqtt", "mqtt", UTC)


class Machine:
    """Clocks that stand still."""

    clock_set = True

    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 100.0

    def is_set(self) -> bool:
        return self.clock_set


async def no_store(_sensors: Sequence[Sensor], _rows: Sequence[StoredReading], _source: str) -> list[Outcome]:
    raise AssertionError("a driver's rows are not stored from here")


class House:
    """An intake with ids at hand."""

    def __init__(self) -> None:
        self.machine = Machine()
        ids = IdBlocks(lambda _name, _count: None, lambda: 0.0)
        for name in ("sensor", "reading"):
            ids.grant(name, range(1, 1001))
        self.directory = Directory(limit=10)
        self.intake = Intake(
            self.directory, ids, self.machine, store=no_store, failed=lambda _: None, available=lambda *_: None
        )

    async def rows(
        self, measured_at: int | None, *, retained: bool = False, redelivered: bool = False
    ) -> Sequence[StoredReading]:
        """The rows that one message gives; ``measured_at`` is the device's own time in µs."""
        when = None if measured_at is None else datetime.fromtimestamp(measured_at / 1e6, UTC)
        reading = Reading("kitchen", measurements=(Measurement("temperature", 20.0, "°C"),), measured_at=when)
        decoded = Decoded(Kind.READING, "json", (reading,))
        delivery = Delivery(
            decoded, NOW, "a/b", receipt=object(), token="t", redelivered=redelivered, retained=retained
        )
        return (await self.intake.admit([delivery], SOURCE)).readings


@pytest.fixture
def house() -> House:
    return House()


class TestRetained:
    async def test_a_last_known_state_without_a_time_is_no_measurement(self, house: House) -> None:
        assert not await house.rows(None, retained=True)
        assert house.intake.counters["mqtt"]["retained"] == 1

    async def test_one_with_a_time_of_its_own_is_known_by_it(self, house: House) -> None:
        (row,) = await house.rows(NOW - 3600 * SECOND, retained=True)
        assert row.time == NOW - 3600 * SECOND

    @pytest.mark.parametrize("measured_at", [NOW - 31 * DAY, 10 * SECOND, NOW + DAY])
    async def test_one_whose_time_cannot_be_believed_is_not_stored_anew_at_each_start(
        self, house: House, measured_at: int
    ) -> None:
        assert not await house.rows(measured_at, retained=True)
        assert len(house.directory) == 0

    async def test_nothing_retained_is_stored_by_a_clock_that_is_not_set(self, house: House) -> None:
        house.machine.clock_set = False
        assert not await house.rows(NOW - 60 * SECOND, retained=True)


class TestTokens:
    async def test_a_row_without_a_believed_time_is_known_by_its_transmission(self, house: House) -> None:
        for measured_at in (None, NOW - 31 * DAY):
            (row,) = await house.rows(measured_at)
            assert row.token == "t"

    async def test_a_believed_time_makes_the_key_and_costs_no_token(self, house: House) -> None:
        (row,) = await house.rows(NOW - SECOND)
        assert row.token is None

    async def test_what_comes_again_is_looked_up_since_its_time_may_not_have_been_believed_then(
        self, house: House
    ) -> None:
        (row,) = await house.rows(NOW - SECOND, redelivered=True)
        assert row.token == "t"
