"""A serial cable pulled and plugged in again under a supervisor: how soon it is noticed, and read again."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from support.cables import LINE, Cable

from daemon.batches import Batch
from daemon.clock import MachineClock
from daemon.intake import Source
from daemon.supervisor import DriverState, Supervisor
from drivers.base import Delivery
from drivers.serial_line import SerialDriver, SerialSettings

NOTICED = 1.0  # seconds after the cable is pulled
READ_AGAIN = 3.0  # seconds after it is plugged in


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path / "ttyUSB0")
    yield cable
    cable.unplug()


class Forgetful:
    """A storage that keeps nothing."""

    async def put(self, batch: Batch) -> None: ...

    def sync_soon(self) -> None: ...

    async def memory(self, source: str) -> dict[str, Any]:
        return {}


class Port:
    """A supervised port, and what was read from it; its waits are the longest that the jitter can make."""

    def __init__(self, cable: Cable) -> None:
        self.seen: list[Delivery] = []
        self._news = asyncio.Event()
        settings = SerialSettings.model_validate({"name": "usb", "type": "serial", "port": str(cable.path)})

        def make(memory: Mapping[str, Any]) -> SerialDriver:
            self._news.set()  # an attempt at a port that is gone is told to nobody
            return SerialDriver("usb", settings, memory)

        async def admit(deliveries: Sequence[Delivery], source: Source) -> Batch:
            self.seen += deliveries
            self._news.set()
            return Batch(source.name, [], [])

        self.supervisor = Supervisor(
            Source("usb", "usb", UTC),
            "serial",
            make,
            admit,
            Forgetful(),
            MachineClock(),
            changed=lambda _: self._news.set(),
            jitter=lambda: 1.0,
        )

    async def until(self, state: DriverState, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while self.supervisor.connection.state is not state:
                self._news.clear()
                await self._news.wait()

    async def read(self, count: int, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while len(self.seen) < count:
                self._news.clear()
                await self._news.wait()

    async def attempts(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.supervisor.connection.attempts < count:
                self._news.clear()
                await self._news.wait()


async def test_a_pulled_cable_is_noticed_and_read_again_in_time(cable: Cable) -> None:
    port = Port(cable)
    running = asyncio.create_task(port.supervisor.run())
    await port.until(DriverState.UP, 5)
    cable.write(LINE + LINE[:12])
    await port.read(1, 5)

    cable.unplug()
    await port.until(DriverState.WAITING, NOTICED)
    assert "unplugged" in port.supervisor.connection.reason
    await port.attempts(4)  # by now it waits as long as it ever will

    begun = time.monotonic()
    cable.plug()
    cable.write(LINE[12:])
    await port.until(DriverState.UP, READ_AGAIN)
    cable.write(LINE)
    await port.read(2, READ_AGAIN - (time.monotonic() - begun))
    values = [{m.quantity: m.value for r in d.decoded.readings for m in r.measurements} for d in port.seen]
    assert all(value.get("humidity") in (None, 45.2) for value in values)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
