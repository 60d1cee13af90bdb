"""The Modbus driver on a pty: what a transmitter that answers, refuses, garbles or is dead becomes."""

import asyncio
import os
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


@pytest.mark.parametrize("sign", [0x7FFF, 0x8000])
async def test_a_transmitter_without_its_probe_has_failed_in_both(tmp_path: Path, sign: int) -> None:
    [decoded] = await first(tmp_path, lambda request: registers(request, sign, sign), ONE)
    assert decoded.kind is Kind.ERROR
    assert decoded.readings[0].failed == ("temperature", "humidity")


async def test_32767_lx_are_a_sunny_day(tmp_path: Path) -> None:
    lamp = {"unit": 1, "registers": {"illuminance": {"function": 4, "register": 1, "scale": 1, "signed": False}}}
    [decoded] = await first(tmp_path, lambda request: registers(request, 0x7FFF), lamp)
    assert values(decoded) == {"illuminance": 32767}


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


MAP = {
    "unit": 9,
    "registers": {
        "temperature": {"function": 3, "register": 10, "type": "float32", "word_order": "little", "scale": 1},
        "humidity": {"function": 3, "register": 12, "scale": 0.01, "signed": False},
        "pressure": {"function": 4, "register": 200, "type": "int32", "scale": 0.1, "unit": "Pa"},
    },
}


def words_of(request: Request) -> list[int]:
    """21.5 °C as a float, its low word first; 48.25 %; 101,325.0 Pa."""
    held = {10: 0x0000, 11: 0x41AC, 12: 4825, 200: 0x000F, 201: 0x7602}
    return [held[request.register + at] for at in range(request.quantity)]


async def test_any_register_map_is_read_neighbours_at_once(tmp_path: Path) -> None:
    asked: list[tuple[int, int, int]] = []

    def answer(request: Request) -> bytes:
        asked.append((request.function, request.register, request.quantity))
        return registers(request, *words_of(request))

    [decoded] = await first(tmp_path, answer, MAP)
    assert values(decoded) == {"temperature": 21.5, "humidity": 48.25, "pressure": 101325.0}
    assert asked[:2] == [(3, 10, 3), (4, 200, 2)]
    assert decoded.readings[0].measurements[2].unit == "Pa"


async def test_what_one_request_fails_to_tell_costs_the_others_nothing(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        return registers(request, *words_of(request)) if request.function == 3 else sealed(bytes((9, 0x84, 2)))

    [decoded] = await first(tmp_path, answer, MAP)
    assert values(decoded) == {"temperature": 21.5, "humidity": 48.25}
    assert decoded.readings[0].failed == ("pressure",)
    assert "no such register" in decoded.reason


async def test_a_late_answer_is_not_taken_for_the_next_one_s(tmp_path: Path) -> None:
    two = {
        "unit": 9,
        "registers": {
            "temperature": {"function": 4, "register": 1},
            "humidity": {"function": 4, "register": 50, "signed": False},
        },
    }
    seen = 0

    def answer(request: Request) -> bytes:
        nonlocal seen
        seen += 1
        true = registers(request, 215 if request.register == 1 else 480)
        late = 0.09 if seen == 1 else 0.04 if request.register == 50 else 0.0  # s; the driver waits 0.06
        asyncio.get_running_loop().call_later(late, os.write, bus.master, true)
        return b""

    bus = Bus(tmp_path / "tty", answer)
    bus.listen()
    async with asyncio.timeout(5), ModbusDriver("bus", settings(str(bus.path), two), {}) as driver:
        found = [delivery.decoded for delivery in await anext(driver)]
    bus.unplug()
    assert values(found[0]) == {"temperature": 21.5, "humidity": 48.0}


async def test_a_slow_neighbour_s_late_answer_costs_the_next_device_nothing(tmp_path: Path) -> None:
    def answer(request: Request) -> bytes:
        late = 0.08 if request.unit == 2 else 0.04  # s; the driver waits 0.06
        reply = registers(request, 305 if request.unit == 1 else 111, 546)
        asyncio.get_running_loop().call_later(late, os.write, bus.master, reply)
        return b""

    bus = Bus(tmp_path / "tty", answer)
    bus.listen()
    found: list[Decoded] = []
    slow = {"unit": 2, "model": "xy-md02"}
    async with asyncio.timeout(5), ModbusDriver("bus", settings(str(bus.path), slow, ONE), {}) as driver:
        while len(found) < 6:
            found += [delivery.decoded for delivery in await anext(driver)]
        assert "unit 2) does not answer" in str(driver.details()["trouble"])
    bus.unplug()
    assert {values(one)["temperature"] for one in found if one.readings[0].device == "1"} == {30.5}
    assert all(one.readings[0].absent for one in found if one.readings[0].device == "2")


async def test_an_answer_behind_noise_that_looks_like_a_start_is_found(tmp_path: Path) -> None:
    [decoded] = await first(tmp_path, lambda r: b"\x01\x03\x40" + registers(r, 305, 546), ONE)
    assert values(decoded) == {"temperature": 30.5, "humidity": 54.6}


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
