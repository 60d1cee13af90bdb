"""The daemon's own rows: written without anyone waiting, bounded while the database does not answer."""

import asyncio
from typing import Any

import pytest

from daemon import inner_writes
from daemon.entities import Sensor
from daemon.ids import IdBlocks
from daemon.inner_writes import InnerWrites

SENSOR = Sensor(1, "mqtt/kitchen", "temperature", "DHT22", 0, 0)


async def test_what_waits_is_bounded_and_what_goes_beyond_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_writes, "MOST", 3)
    works = asyncio.Event()

    async def change(_: Any, /) -> Any:
        await works.wait()

    writes = InnerWrites(change, IdBlocks(lambda name, count: None, lambda: 0.0), lambda: 0)
    for _ in range(5):
        writes.sensor(SENSOR)
    assert writes.dropped == 2
    works.set()
    await writes.settle()
    writes.sensor(SENSOR)
    assert writes.dropped == 2
    await writes.settle()
