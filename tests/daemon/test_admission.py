"""Who is admitted: what registers, what is a row and what is only counted, and what a person may hand in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC

import pytest

from daemon.batches import Batch, Outcome
from daemon.entities import Quality, Sensor, StoredReading
from daemon.ids import IdBlocks
from daemon.intake import Intake, Source
from daemon.sensors import Directory
from daemon.submissions import Submission, SubmitResult
from drivers.base import Decoded, Delivery, Kind, Measurement, Reading
from drivers.formats import NUMBERED

NOW = 1_790_000_000_000_000
SOURCE = Source("house", "mqtt", UTC)
KNOWN = Sensor(id=7, key="mqtt/kitchen", type="temperatura", model="DHT22", created_at=NOW, updated_at=NOW)


class Machine:
    """Clocks that stand still."""

    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 1000.0

    def is_set(self) -> bool:
        return True


class World:
    def __init__(self, limit: int = 10) -> None:
        self.directory = Directory(limit=limit)
        self.directory.load([KNOWN], [])
        self.failed: list[int] = []
        self.stored: list[StoredReading] = []
        self.ids = IdBlocks(lambda name, count: self.ids.grant(name, range(100, 100 + count)), lambda: 0.0)
        self.intake = Intake(
            self.directory, self.ids, Machine(), store=self.store, failed=self.failed.append, available=lambda *_: None
        )

    async def store(self, sensors: Sequence[Sensor], readings: Sequence[StoredReading], source: str) -> list[Outcome]:
        assert (list(sensors), source) == ([], "api")
        self.stored.extend(readings)
        return [Outcome("stored", reading) for reading in readings]

    async def admit(self, *deliveries: Delivery, source: Source = SOURCE) -> Batch:
        return await self.intake.admit(deliveries, source)

    async def submit(self, submission: Submission) -> SubmitResult:
        return (await self.intake.submit([submission], Source("api", "api", None)))[0]


@pytest.fixture
def world() -> World:
    return World()


def delivery(device: str = "kitchen", temperature: float = 21.5, **fields: object) -> Delivery:
    reading = Reading(device, measurements=(Measurement("temperature", temperature, "°C"),))
    given = {"received_at": NOW, "origin": "topic", "receipt": object(), **fields}
    return Delivery(Decoded(Kind.READING, "json", (reading,)), **given)  # type: ignore[arg-type]


def told(given: Delivery, **fields: object) -> Delivery:
    """The same delivery with other fields of its reading."""
    reading = given.decoded.readings[0]._replace(**fields)  # type: ignore[arg-type]
    return replace(given, decoded=given.decoded._replace(readings=(reading,)))


async def test_a_device_that_gives_no_answer_is_a_failed_read_and_no_sign_of_life(world: World) -> None:
    absent = {"measurements": (), "failed": ("temperature",), "absent": True}
    await world.admit(told(delivery(), **absent), told(delivery("stranger"), **absent))
    record = world.directory.record(7)
    assert record is not None
    assert (record.failed_reads, world.failed) == (1, [])
    assert len(world.directory) == 1
    assert not world.directory.refused  # a device that was never heard sent nothing that could be kept out
    assert "not_admitted" not in world.intake.counters["house"]


async def test_what_is_posted_to_an_ignored_sensor_is_refused(world: World) -> None:
    world.directory.load([replace(KNOWN, ignored=True)], [])
    answer = await world.submit(Submission(sensor_id=7, temperature=20.0))
    assert (answer.outcome, answer.reason) == ("rejected", "sensor 7 is ignored: allow it first")


async def test_numbers_of_two_families_on_one_broker_are_two_devices(world: World) -> None:
    def by(family: str) -> Delivery:
        given = delivery("12")
        return replace(given, decoded=given.decoded._replace(format=family))

    batch = await world.admit(*map(by, NUMBERED))
    assert {sensor.key for sensor in batch.sensors} == {f"mqtt/{name}/12" for name in NUMBERED}


async def test_a_known_sensor_gives_a_row_and_the_receipt_goes_with_it(world: World) -> None:
    given = delivery()
    batch = await world.admit(given)
    assert [(row.sensor_id, row.temperature, row.source) for row in batch.readings] == [(7, 21.5, "house")]
    assert list(batch.receipts) == [given.receipt]
    assert not batch.sensors


async def test_an_unknown_device_registers_before_its_row(world: World) -> None:
    batch = await world.admit(told(delivery("attic"), model="SHT3X", probe="outdoor"))
    (sensor,) = batch.sensors
    assert (sensor.key, sensor.model, sensor.name) == ("mqtt/attic#outdoor", "SHT3X", "attic outdoor")
    assert batch.readings[0].sensor_id == sensor.id


async def test_a_closed_source_takes_receipts_but_no_strangers(world: World) -> None:
    batch = await world.admit(delivery("stranger"), delivery(), source=replace(SOURCE, register=False))
    assert [row.sensor_id for row in batch.readings] == [7]
    assert len(batch.receipts) == 2
    assert world.intake.counters["house"]["not_admitted"] == 1


async def test_a_thousand_new_devices_at_once_wait_for_ids_and_respect_the_limit() -> None:
    world = World(limit=500)
    batch = await world.admit(*(delivery(f"d{number}") for number in range(1000)))
    assert len(batch.sensors) == 499
    assert len({row.id for row in batch.readings}) == 499


async def test_a_failed_read_is_counted_and_told_and_makes_no_row(world: World) -> None:
    batch = await world.admit(told(delivery(), measurements=(), failed=("temperature",)))
    assert not batch.readings
    assert world.failed == [7]
    assert world.intake.failed_reads["house"] == 1


async def test_a_failed_read_of_a_recording_is_history(world: World) -> None:
    await world.admit(told(delivery(received_at=NOW - 86_400_000_000), measurements=(), failed=("temperature",)))
    assert world.failed == []
    assert world.intake.failed_reads["house"] == 1


async def test_the_model_of_the_payload_beats_the_configured_one(world: World) -> None:
    configured = replace(SOURCE, model="DS18B20")
    batch = await world.admit(
        delivery(temperature=100.0), told(delivery(temperature=100.0), model="DHT22"), source=configured
    )
    assert [row.quality for row in batch.readings] == [Quality.OK, Quality.INVALID]


class TestByHand:
    async def test_a_reading_of_any_past_is_taken(self, world: World) -> None:
        result = await world.submit(Submission(sensor_id=7, temperature=20.0, time=86_400_000_000))
        assert (result.outcome, world.stored[0].time) == ("stored", 86_400_000_000)

    @pytest.mark.parametrize(("time", "live"), [(None, True), (NOW - 60_000_000, True), (NOW - 3_600_000_000, False)])
    async def test_one_of_now_is_a_sign_of_life_whoever_gives_its_time(
        self, world: World, time: int | None, live: bool
    ) -> None:
        assert (await world.submit(Submission(sensor_id=7, temperature=20.0, time=time))).outcome == "stored"
        assert world.stored[0].live is live

    async def test_the_key_may_stand_for_the_id(self, world: World) -> None:
        assert (await world.submit(Submission(key="mqtt/kitchen", temperature=20.0))).outcome == "stored"
        assert (await world.submit(Submission(key="mqtt/attic", temperature=20.0))).outcome == "unknown_sensor"

    @pytest.mark.parametrize(
        "submission",
        [
            Submission(sensor_id=7, temperature=81.0),
            Submission(sensor_id=7, humidity=120.0),
            Submission(sensor_id=7, temperature=20.0, time=NOW + 600_000_000),
        ],
        ids=["too hot for a DHT22", "wetter than wet", "in the future"],
    )
    async def test_what_cannot_be_is_refused_with_a_reason_and_stored_nowhere(
        self, world: World, submission: Submission
    ) -> None:
        result = await world.submit(submission)
        assert result.outcome == "rejected"
        assert result.reason
        assert world.stored == []

    async def test_quantities_that_only_the_client_knows_are_kept(self, world: World) -> None:
        await world.submit(Submission(sensor_id=7, others={"caudal": 3.5, "pressure": 1013.0}))
        assert world.stored[0].others == {"caudal": 3.5, "pressure": 1013.0}
