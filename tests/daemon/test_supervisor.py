"""A driver is kept running: opened, read, given its receipts back, and opened again when it is lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC
from types import TracebackType
from typing import Any, Self

import pytest

from daemon.batches import Batch
from daemon.intake import Source
from daemon.supervisor import DriverState, Supervisor
from drivers.base import Backoff, Decoded, Delivery, Driver, DriverError, Kind

SOURCE = Source("bench", "bench", UTC)


class Machine:
    """Clocks that stand still until told."""

    seconds = 100.0

    def now(self) -> int:
        return int(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    def is_set(self) -> bool:
        return True


class Scripted(Driver):
    """Plays a script: ``refuse`` and ``break`` faults, deliveries with receipts, memory changes; then waits."""

    backoff = Backoff(1.0, 8.0)
    window = 4

    def __init__(self, name: str, memory: Mapping[str, Any], script: Sequence[object]) -> None:
        super().__init__(name, memory)
        self.script = script
        self.acknowledged: list[object] = []
        self.closed = False

    async def __aenter__(self) -> Self:
        if self.script and isinstance(self.script[0], DriverError):
            raise self.script[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed = True

    async def __aiter__(self) -> AsyncIterator[Sequence[Delivery]]:
        for step in self.script:
            if isinstance(step, DriverError):
                raise step
            if isinstance(step, dict):
                self.memory.update(step)
            elif step == "end":
                return
            else:
                self.count("seen")
                yield [Delivery(Decoded(Kind.NOISE), 1, "t", receipt=step)]
        await asyncio.Event().wait()

    def acknowledge(self, receipts: Sequence[object]) -> None:
        self.acknowledged.extend(receipts)


class Store:
    """Keeps batches, and releases receipts when told."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.hurried = 0
        self.arrived = asyncio.Event()

    async def put(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.arrived.set()

    def sync_soon(self) -> None:
        self.hurried += 1

    async def memory(self, source: str) -> dict[str, Any]:
        return {"kept": source}

    def release(self, index: int) -> None:
        batch = self.batches[index]
        assert batch.release is not None
        batch.release(batch.receipts)


class World:
    """A supervisor over scripted drivers; each connection takes the next script."""

    def __init__(self, *scripts: Sequence[object]) -> None:
        self.machine = Machine()
        self.store = Store()
        self.scripts = list(scripts)
        self.drivers: list[Scripted] = []
        self.waits: list[float] = []
        self.attempts: list[tuple[DriverState, int]] = []
        self.changes: list[tuple[DriverState, str]] = []
        self.exhausted = asyncio.Event()
        self.supervisor = Supervisor(
            SOURCE,
            "scripted",
            self.make,
            self.admit,
            self.store,
            self.machine,
            changed=lambda s: self.changes.append((s.connection.state, s.connection.reason)),
            sleep=self.sleep,
            jitter=lambda: 1.0,
        )

    def make(self, memory: Mapping[str, Any]) -> Driver:
        self.attempts.append((self.supervisor.connection.state, self.supervisor.connection.since))
        driver = Scripted("bench", memory, self.scripts.pop(0) if self.scripts else [])
        self.drivers.append(driver)
        if not self.scripts:
            self.exhausted.set()
        return driver

    async def admit(self, deliveries: Sequence[Delivery], source: Source) -> Batch:
        self.machine.seconds += 2.0
        return Batch(source.name, receipts=[d.receipt for d in deliveries if d.receipt is not None])

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.machine.seconds += seconds

    async def plays(self, *, batches: int = 0) -> asyncio.Task[None]:
        task = asyncio.create_task(self.supervisor.run())
        await self.exhausted.wait()
        while len(self.store.batches) < batches:
            self.store.arrived.clear()
            await self.store.arrived.wait()
        await asyncio.sleep(0)
        return task


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_receipts_come_back_only_when_they_are_released() -> None:
    world = World(["a", "b"])
    task = await world.plays(batches=2)
    assert world.drivers[0].acknowledged == []
    world.store.release(0)
    world.store.release(1)
    assert world.drivers[0].acknowledged == ["a", "b"]
    await stop(task)
    assert world.drivers[0].closed


async def test_receipts_of_a_lost_connection_are_never_given_to_the_next() -> None:
    world = World(["a", DriverError("cable pulled")], ["b"])
    task = await world.plays(batches=2)
    world.store.release(0)
    world.store.release(1)
    assert world.drivers[0].acknowledged == []
    assert world.drivers[1].acknowledged == ["b"]
    await stop(task)


async def test_attempts_are_further_and_further_apart_up_to_the_ceiling() -> None:
    world = World(*[[DriverError("no such port")] for _ in range(6)], [])
    task = await world.plays()
    assert world.waits == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    await stop(task)


async def test_what_only_the_configuration_can_mend_is_tried_at_the_slowest_pace_and_said_once() -> None:
    refused = DriverError("the broker refused user x; check password", retryable=False)
    world = World([refused], [refused], [])
    task = await world.plays()
    assert world.waits == [8.0, 8.0]
    assert world.changes[0] == (DriverState.WAITING, str(refused))
    await stop(task)


async def test_an_outage_is_told_once_however_often_it_is_tried() -> None:
    absent = DriverError("no such port")
    world = World(["a", DriverError("unplugged")], [absent], [absent], [absent], ["b"])
    task = await world.plays(batches=2)
    assert world.changes == [
        (DriverState.UP, ""),
        (DriverState.WAITING, "unplugged"),
        (DriverState.WAITING, "no such port"),
        (DriverState.UP, ""),
    ]
    await stop(task)


async def test_a_driver_that_is_down_stays_down_while_it_tries_and_tells_since_when() -> None:
    world = World(["a", DriverError("gone")], [DriverError("gone")], [])
    task = await world.plays(batches=1)
    (first, began), (second, down), (third, still_down) = world.attempts
    assert (first, second, third) == (DriverState.STARTING, DriverState.WAITING, DriverState.WAITING)
    assert began < down == still_down
    await stop(task)


async def test_a_half_full_window_asks_for_an_early_sync() -> None:
    world = World(["a", "b", "c"])
    task = await world.plays(batches=3)
    assert world.store.hurried == 2
    await stop(task)


async def test_what_a_driver_learned_is_kept_and_handed_to_its_successor() -> None:
    world = World([{"unit": "°F"}, "a", DriverError("gone")], [])
    task = await world.plays(batches=1)
    assert world.drivers[0].memory == {"kept": "bench", "unit": "°F"}
    assert world.store.batches[0].memory == {"kept": "bench", "unit": "°F"}
    assert world.drivers[1].memory == {"kept": "bench", "unit": "°F"}
    await stop(task)


async def test_the_last_thing_learned_is_kept_when_the_source_ends() -> None:
    world = World(["a", {"place": 7}, "end"])
    await (await world.plays(batches=1))
    assert world.store.batches[-1].memory == {"kept": "bench", "place": 7}


async def test_a_finite_source_ends_the_supervisor() -> None:
    world = World(["a", "end"])
    await (await world.plays(batches=1))
    assert world.supervisor.connection.state is DriverState.FINISHED


async def test_counters_outlive_the_connection() -> None:
    world = World(["a", DriverError("gone")], ["b", "c"])
    task = await world.plays(batches=3)
    assert world.supervisor.counters() == {"seen": 3}
    await stop(task)


async def test_stopping_waits_for_the_last_receipts_so_that_nothing_comes_twice() -> None:
    world = World(["a"])
    task = await world.plays(batches=1)
    task.cancel()
    await asyncio.sleep(0)
    assert not world.drivers[0].closed
    world.store.release(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.drivers[0].acknowledged == ["a"]
    assert world.drivers[0].closed


async def test_a_store_that_takes_nothing_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.supervisor.SETTLE", 0.01)
    world = World(["a"])
    task = await world.plays(batches=1)
    world.drivers[0].memory["learned"] = "just now"
    world.machine.seconds += 2.0
    never = asyncio.Event()

    async def full(_batch: Batch) -> None:
        await never.wait()

    monkeypatch.setattr(world.store, "put", full)
    await stop(task)
    assert world.drivers[0].closed
