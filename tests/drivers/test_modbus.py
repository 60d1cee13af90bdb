"""The Modbus driver on a pty: what a transmitter that answers, refuses, garbles or is dead becomes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.modbus_device import Bus, registers

from drivers.base import Decoded, DriverError, Kind
from drivers.modbus import ModbusDriver, ModbusSettings
from drivers.modbus_frames import Request, sealed

ONE = {"unit": 1, "model": "xy-md02"}


def settings(port: str, *devices: dict[str, Any]) -> ModbusSettings:
    entry = {"name": "bus", "port": port, "every": "20ms", "timeout": "60ms", "devices": list(devices)}
    return ModbusSettings.model_validate(entry)


async def first(path: Path, answer: Callable[[Request], bytes], *devices: dict[str, Any]) -> list[Decoded]:
    """What the first round delivers, one for each device."""
    bus = Bus(path / "tty", answer)
    bus.listen()
    found: list[Decoded] = []
    async with asyncio.timeout(5), ModbusDriver("bus", settings(str(bus.path), *devices), {}) as driver:
        while len(found) < len(devices):
            found += [delivery.decoded for delivery in await anext(driver)]
    bus.unplug()
    return found


def values(decoded: Decoded) -> dict[str, float]:
    return {m.quantity: m.value for r in decoded.readings for m in r.measurements}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((0x0131, 0x0222), {"temperature": 30.5, "humidity": 54.6}),  # the XY-MD02 manual's answer
        ((0xFFCD, 0x0222), {"temperature": -5.1, "humidity": 54.6}),
        ((0xFFFF, 0x0222), {"temperature": -0.1, "humidity": 54.6}),
        ((0x7FFF, 0x0222), {"humidity": 54.6}),
    ],
)
async def test_values(tmp_path: Path, words: tuple[int, int], expected: dict[str, float]) -> None:
    [decoded] = await first(tmp_path, lambda request: registers(request, *words), ONE)
    assert values(decoded) == expected
    assert decoded.readings[0].device == "1"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda _: b"", "does not answer"),
        (lambda r: registers(r, 305, 546)[:-1] + b"\0", "no whole frame"),
        (lambda _: b"\xaa\x55\x00garbage", "no whole frame"),
        (lambda r: sealed(bytes((r.unit, 0x84, 2))), "no such register"),
    ],
)
async def test_a_failure_is_counted_and_explained(
    tmp_path: Path, answer: Callable[[Request], bytes], sentence: str
) -> None:
    [decoded] = await first(tmp_path, answer, ONE)
    assert decoded.kind is Kind.ERROR
    assert decoded.readings[0].failed == ("temperature", "humidity")
    assert sentence in decoded.reason


async def test_an_echo_is_no_answer(tmp_path: Path) -> None:
    [decoded] = await first(tmp_path, lambda r: r.to_bytes() + registers(r, 305, 546), ONE)
    assert values(decoded)["temperature"] == 30.5


async def test_a_dead_device_leaves_the_other_alone(tmp_path: Path) -> None:
    dead = {"unit": 2, "model": "srth100", "name": "attic"}
    found = await first(tmp_path, lambda r: registers(r, 305, 546) if r.unit == 1 else b"", dead, ONE)
    assert [(d.kind, d.readings[0].device) for d in found] == [(Kind.READING, "1"), (Kind.ERROR, "attic")]


async def test_a_port_that_is_gone_ends_it(tmp_path: Path) -> None:
    bus = Bus(tmp_path / "tty", lambda _: b"")
    bus.listen()
    async with asyncio.timeout(5), ModbusDriver("bus", settings(str(bus.path), ONE), {}) as driver:
        bus.unplug()
        with pytest.raises(DriverError, match="gone") as caught:  # noqa: PT012 - a failed read may come first
            while True:
                await anext(driver)
    assert caught.value.retryable


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(ValidationError, match="no known registers"):
        settings("/dev/ttyUSB0", {"unit": 1, "model": "dht22"})
