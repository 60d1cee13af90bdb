"""What every driver promises, over the registry: a new driver is tested here by its line there."""

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from support.brokers import Broker, free_port, publish
from support.modbus_device import registers

from drivers import DRIVERS, load
from drivers.base import Backoff, Delivery, Driver, DriverError
from drivers.modbus_frames import BusFramer, Request

VALUES = [20 + number / 10 for number in range(25)]


@dataclass(frozen=True)
class Source:
    """A real source: the settings that reach it, how it sends values, settings that reach nothing."""

    type: str
    settings: Mapping[str, Any]
    send: Callable[[list[float]], Awaitable[None]]
    nowhere: Mapping[str, Any]
    finite: bool = False


@contextlib.contextmanager
def _mqtt(broker: Broker) -> Iterator[Source]:

    async def send(values: list[float]) -> None:
        messages = [("porch/temperature", f"{value:.1f}") for value in values]
        await asyncio.to_thread(publish, broker, *messages)

    yield Source("mqtt", {"url": broker.url, "topics": ["#"]}, send, {"url": f"mqtt://127.0.0.1:{free_port()}"})


@contextlib.contextmanager
def _serial() -> Iterator[Source]:
    master, slave = os.openpty()
    tty.setraw(slave)

    async def send(values: list[float]) -> None:
        lines = (f"Humidity: 45.00%  Temperature: {value:.2f}°C\r\n" for value in values)
        await asyncio.to_thread(os.write, master, "".join(lines).encode())

    yield Source("serial", {"port": os.ttyname(slave)}, send, {"port": "/dev/serial/by-id/nothing"})
    os.close(master)
    os.close(slave)


@contextlib.contextmanager
def _modbus() -> Iterator[Source]:
    master, slave = os.openpty()
    tty.setraw(slave)

    def answer(values: list[float]) -> None:
        framer, left = BusFramer(), list(values)
        while left:
            for heard in framer.feed(os.read(master, 4096)):
                if isinstance(heard, Request) and left:
                    os.write(master, registers(heard, round(left.pop(0) * 10), 450))

    async def send(values: list[float]) -> None:
        await asyncio.to_thread(answer, values)

    settings = {"devices": [{"unit": 1, "model": "xy-md02"}], "every": "10ms", "timeout": "10s"}
    yield Source(
        "modbus", {"port": os.ttyname(slave)} | settings, send, {"port": "/dev/serial/by-id/nothing"} | settings
    )
    os.close(master)
    os.close(slave)


@contextlib.contextmanager
def _replay(folder: Path) -> Iterator[Source]:
    path = folder / "past.csv"

    async def send(values: list[float]) -> None:
        rows = (
            f"2025-06-15T12:00:{number:02d}Z,porch,temperature,{value:.1f}\n" for number, value in enumerate(values)
        )
        await asyncio.to_thread(path.write_text, "timestamp,sensor,quantity,value\n" + "".join(rows))

    yield Source("replay", {"path": str(path)}, send, {"path": "/nowhere/past.csv"}, finite=True)


SOURCES: Mapping[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Source]]] = {
    "mqtt over mosquitto": lambda request: _mqtt(request.getfixturevalue("mosquitto")),
    "mqtt over nats": lambda request: _mqtt(request.getfixturevalue("nats")),
    "serial over a pty": lambda _: _serial(),
    "modbus over a pty": lambda _: _modbus(),
    "replay of a file": lambda request: _replay(request.getfixturevalue("tmp_path")),
}


@pytest.fixture(params=sorted(DRIVERS))
def type_(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    with SOURCES[request.param](request) as source:
        yield source


def make(type_: str, settings: Mapping[str, Any], memory: Mapping[str, Any] | None = None) -> Driver:
    entry = {"name": "one", "type": type_} | dict(settings)
    return load(type_)("one", load(type_).Settings.model_validate(entry), memory or {})


@asynccontextmanager
async def opened(source: Source) -> AsyncIterator[Driver]:
    """A driver that listens; a finite source is written first."""
    if source.finite:
        await source.send(VALUES)
    async with make(source.type, source.settings) as driver:
        yield driver


async def collect(driver: Driver, count: int) -> list[list[Delivery]]:
    """Batches until they hold ``count`` readings."""
    batches: list[list[Delivery]] = []
    async with asyncio.timeout(20):
        async for batch in driver:
            batches.append(list(batch))
            if sum(bool(delivery.decoded.readings) for each in batches for delivery in each) >= count:
                break
    return batches


def temperatures(batches: list[list[Delivery]]) -> list[float]:
    return [
        measurement.value
        for batch in batches
        for delivery in batch
        for reading in delivery.decoded.readings
        for measurement in reading.measurements
        if measurement.quantity == "temperature"
    ]


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_every_driver_is_tested_here() -> None:
    assert {name.split()[0] for name in SOURCES} == DRIVERS.keys()


def test_an_unknown_type_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no driver of type 'canbus'; there are mqtt, serial, modbus, replay"):
        load("canbus")


def test_the_sample_is_a_valid_entry(type_: str) -> None:
    settings = load(type_).Settings
    [entry] = yaml.safe_load(settings.SAMPLE)
    assert entry["type"] == type_
    assert settings.model_validate(entry).name == entry["name"]
    assert all("#" in line for line in settings.SAMPLE.splitlines()[2:]), "each key is explained"


def test_an_unknown_key_is_refused(type_: str) -> None:
    settings = load(type_).Settings
    [entry] = yaml.safe_load(settings.SAMPLE)
    with pytest.raises(ValidationError) as caught:
        settings.model_validate(entry | {"colour": "red"})
    assert [error["loc"] for error in caught.value.errors()] == [("colour",)]


def test_the_common_keys_are_there(type_: str) -> None:
    settings = load(type_).Settings
    [entry] = yaml.safe_load(settings.SAMPLE)
    given = settings.model_validate(entry | {"source": "house", "register": False, "timezone": "UTC", "model": "SHT31"})
    assert (given.source, given.admits_unknown, given.timezone, given.model) == ("house", False, "UTC", "SHT31")
    assert settings.model_validate(entry).source == entry["name"]


def test_a_constructor_only_stores(type_: str, tmp_path: Path) -> None:
    [entry] = yaml.safe_load(load(type_).Settings.SAMPLE)
    before = descriptors()
    driver = make(type_, entry, {"learned": 1})
    assert driver.memory == {"learned": 1}
    assert descriptors() == before
    assert isinstance(driver.backoff, Backoff)
    assert driver.counters == {}


async def test_what_is_not_there_is_a_sentence(source: Source) -> None:
    driver = make(source.type, source.nowhere)
    with pytest.raises(DriverError) as caught:
        async with driver:
            pass
    sentence = str(caught.value)
    assert len(sentence) > 20
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    assert caught.value.retryable


async def test_what_is_sent_arrives_in_order_in_lists_of_1_to_1000(source: Source) -> None:
    async with opened(source) as driver:
        if not source.finite:
            await source.send(VALUES)
        batches = await collect(driver, len(VALUES))
    assert temperatures(batches) == VALUES
    assert all(1 <= len(batch) <= 1000 for batch in batches)
    times = [delivery.received_at for batch in batches for delivery in batch]
    assert times == sorted(times)
    assert all(delivery.origin for batch in batches for delivery in batch)


async def test_a_cancelled_iteration_loses_nothing(source: Source) -> None:
    async with opened(source) as driver:
        for _ in range(3):
            waiting = asyncio.ensure_future(anext(aiter(driver)))
            await asyncio.sleep(0)
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        if not source.finite:
            await source.send(VALUES)
        assert temperatures(await collect(driver, len(VALUES))) == VALUES


async def test_leaving_frees_everything_whatever_was_going_on(source: Source) -> None:
    async with opened(source):  # what a first time loads and keeps is not a leak
        pass
    before = descriptors()
    for fault in (None, RuntimeError("of the one who listens"), asyncio.CancelledError()):
        driver = make(source.type, source.settings)
        await driver.__aenter__()
        await driver.__aexit__(type(fault) if fault else None, fault, None)
    with contextlib.suppress(DriverError):
        await make(source.type, source.nowhere).__aenter__()
    async with asyncio.timeout(5):
        while descriptors() > before:  # noqa: ASYNC110 - a broker's end of a socket closes in its own time
            await asyncio.sleep(0.01)


async def test_leaving_what_was_never_entered_is_fine(source: Source) -> None:
    await make(source.type, source.settings).__aexit__(None, None, None)


async def test_acknowledging_nothing_and_telling_details_is_fine(source: Source) -> None:
    async with opened(source) as driver:
        driver.acknowledge([])
        assert all(isinstance(value, str | int | bool) for value in driver.details().values())


async def test_receipts_are_given_back_in_order(source: Source) -> None:
    async with opened(source) as driver:
        if not source.finite:
            await source.send(VALUES)
        batches = await collect(driver, len(VALUES))
        receipts = [d.receipt for batch in batches for d in batch if d.receipt is not None]
        assert bool(receipts) is (driver.window is not None)
        driver.acknowledge(receipts)
