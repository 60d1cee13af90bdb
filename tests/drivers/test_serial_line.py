"""The serial driver on a real pty: what a plugged, unplugged, mute or talkative device does to it."""

import asyncio
import errno
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from support.cables import LINE, Cable

from drivers.base import Delivery, DriverError, Kind
from drivers.serial_line import SerialDriver, SerialSettings
from drivers.serial_port import find_port


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    cable = Cable(tmp_path / "ttyUSB0")
    yield cable
    cable.unplug()


def make(cable: Cable | str, clock: Callable[[], int] | None = None, **keys: Any) -> SerialDriver:
    port = cable if isinstance(cable, str) else str(cable.path)
    settings = SerialSettings.model_validate({"name": "bench", "type": "serial", "port": port, **keys})
    return SerialDriver("bench", settings, {}, **({"clock": clock} if clock else {}))


async def readings(driver: SerialDriver, count: int) -> list[Delivery]:
    """The next deliveries that carry readings."""
    found: list[Delivery] = []
    while len(found) < count:
        found += [delivery for delivery in await anext(driver) if delivery.decoded.readings]
    return found


def values(delivery: Delivery) -> dict[str, float]:
    return {m.quantity: m.value for r in delivery.decoded.readings for m in r.measurements}


async def test_a_line_becomes_a_delivery_with_the_time_of_its_last_byte(cable: Cable) -> None:
    times = iter([1_000_000, 2_000_000])
    async with make(cable, clock=lambda: next(times)) as driver:
        cable.write(LINE[:20])
        while not driver._payload:
            with suppress(TimeoutError):
                await asyncio.wait_for(anext(driver), 0.01)
        cable.write(LINE[20:])
        [delivery] = await readings(driver, 1)
    assert values(delivery) == {"humidity": 45.2, "temperature": 23.1, "heat_index": 22.65}
    assert delivery.received_at == 2_000_000
    assert delivery.origin == str(cable.path)
    assert delivery.payload == LINE
    assert delivery.receipt is None


async def test_lines_come_in_order_and_all_that_wait_together(cable: Cable) -> None:
    async with make(cable) as driver:
        for tenths in range(30):
            cable.write(LINE.replace(b"23.10", b"%.2f" % (20 + tenths / 10)))
        found = await readings(driver, 30)
    assert [values(d)["temperature"] for d in found] == [20 + tenths / 10 for tenths in range(30)]


async def test_lines_that_were_read_at_once_are_different_moments(cable: Cable) -> None:
    async with make(cable, clock=lambda: 1_000_000) as driver:
        cable.write(LINE * 5 + b"Temperature: 25.30 *C\r\nHumidity: 32.00%\r\n")
        found = await readings(driver, 6)  # the last one when the line has been quiet
    assert [delivery.received_at for delivery in found] == list(range(1_000_000, 1_000_006))


async def test_a_clock_that_is_set_back_is_followed(cable: Cable) -> None:
    times = iter([9_000_000_000, 1_000_000, 2_000_000])
    async with make(cable, clock=lambda: next(times)) as driver:
        for expected in (9_000_000_000, 1_000_000):
            cable.write(LINE)
            [delivery] = await readings(driver, 1)
            assert delivery.received_at == expected


async def test_unplugging_is_noticed_within_a_second_and_what_came_before_is_delivered(cable: Cable) -> None:
    async with make(cable) as driver:
        cable.write(LINE)
        [_] = await readings(driver, 1)
        begun = time.monotonic()
        cable.unplug()
        with pytest.raises(DriverError, match=r"ttyUSB0 is gone.*unplugged") as caught:
            await readings(driver, 1)
        assert time.monotonic() - begun < 1
        assert caught.value.retryable


async def test_half_a_line_never_meets_the_other_half_across_a_replug(cable: Cable) -> None:
    async with make(cable) as driver:
        cable.write(LINE + LINE[:12])  # "Humidity: 45"
        [_] = await readings(driver, 1)
        cable.unplug()
        with pytest.raises(DriverError):
            await readings(driver, 1)
    cable.plug()
    begun = time.monotonic()
    async with make(cable) as driver:
        cable.write(b"9.90%  Temperature: 23.10\xc2\xb0C\r\n" + LINE)
        found = await readings(driver, 1)
        while values(found[-1]).get("humidity") is None:
            found += await readings(driver, 1)
    assert time.monotonic() - begun < 3
    assert {values(d).get("humidity") for d in found} <= {None, 45.2}


@pytest.mark.parametrize("fault", [OSError(errno.EIO, "Input/output error"), OSError(errno.ENXIO, "No such device")])
async def test_a_read_error_ends_the_connection(cable: Cable, fault: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make(cable) as driver:

        def fail(descriptor: int, size: int) -> bytes:
            raise fault

        with monkeypatch.context() as patch:
            patch.setattr("drivers.serial_port.os.read", fail)
            cable.write(LINE)
            with pytest.raises(DriverError, match="unplugged"):
                await anext(driver)


async def test_a_mute_port_is_given_up_and_says_what_to_look_at(cable: Cable) -> None:
    async with make(cable, mute_after="150ms") as driver:
        cable.write(LINE)
        [_] = await readings(driver, 1)
        with pytest.raises(DriverError, match=r"nothing for 0.15 s.*baud rate") as caught:
            await readings(driver, 1)
    assert caught.value.retryable


async def test_bytes_that_make_no_reading_keep_the_watchdog_quiet(cable: Cable) -> None:
    async with make(cable, mute_after="300ms") as driver:
        waiting = asyncio.create_task(readings(driver, 1))
        for _ in range(8):
            cable.write(b".")
            done, _pending = await asyncio.wait([waiting], timeout=0.1)
            assert not done
        cable.write(b"\r\n" + LINE)
        assert len(await waiting) == 1


async def test_a_second_opener_is_refused(cable: Cable) -> None:
    async with make(cable):
        with pytest.raises(DriverError, match="in use by another program"):
            async with make(cable):
                pass


@pytest.mark.parametrize(
    ("port", "sentence", "retryable"),
    [
        ("/dev/serial/by-id/nothing", "is not there: plug", True),
        ("/dev/null", "is no serial port", False),
        ("/dev", "is no serial port", False),
        ("dead:beef", "no USB serial device dead:beef is plugged in", True),
    ],
)
async def test_a_port_that_cannot_be_opened_says_what_to_do(port: str, sentence: str, retryable: bool) -> None:
    with pytest.raises(DriverError, match=sentence) as caught:
        async with make(port):
            pass
    assert caught.value.retryable is retryable


async def test_a_port_without_permission_names_the_group(cable: Cable, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("drivers.serial_port.Serial", refuse)
    with pytest.raises(DriverError, match="usermod -aG dialout") as caught:
        async with make(cable):
            pass
    assert caught.value.retryable


async def test_what_nobody_takes_is_dropped_oldest_first_and_counted(cable: Cable) -> None:
    lines = [b"Humidity: 45.20%%  Temperature: %.2f\xc2\xb0C\r\n" % (number / 100) for number in range(5000)]
    async with make(cable) as driver:
        await asyncio.to_thread(cable.write, b"".join(lines))  # blocks while the port's buffer is full
        batch = await anext(driver)
    dropped = driver.counters["dropped_oldest"]
    assert dropped > 100
    assert [values(delivery)["temperature"] for delivery in batch] == [(dropped + n) / 100 for n in range(1000)]


async def test_a_cancelled_iteration_loses_nothing(cable: Cable) -> None:
    async with make(cable) as driver:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(driver), 0.05)
        cable.write(LINE)
        assert len(await readings(driver, 1)) == 1


async def test_a_cancelled_opening_leaves_the_port_free(cable: Cable) -> None:
    opening = asyncio.create_task(make(cable).__aenter__())
    await asyncio.sleep(0)
    opening.cancel()
    with suppress(asyncio.CancelledError):
        await opening
    async with asyncio.timeout(5):
        while True:
            with suppress(DriverError):
                async with make(cable) as driver:
                    cable.write(LINE)
                    assert len(await readings(driver, 1)) == 1
                    return


async def test_garbage_yields_no_reading_and_the_next_line_is_read(cable: Cable) -> None:
    async with make(cable) as driver:
        cable.write(bytes(range(128, 256)) * 4 + b"\r\n" + LINE)
        [delivery] = await readings(driver, 1)
    assert values(delivery)["humidity"] == 45.2


async def test_a_failed_read_is_delivered_as_such(cable: Cable) -> None:
    async with make(cable) as driver:
        cable.write(b"Failed to read from DHT sensor!\r\n")
        kinds: list[Kind] = []
        while Kind.ERROR not in kinds:
            kinds += [delivery.decoded.kind for delivery in await anext(driver)]


def test_it_reads_and_notices_the_unplugging_on_uvloop_too(cable: Cable) -> None:
    async def session() -> None:
        async with make(cable) as driver:
            cable.write(LINE)
            assert len(await readings(driver, 1)) == 1
            cable.unplug()
            with pytest.raises(DriverError, match="unplugged"):
                async with asyncio.timeout(1):
                    await readings(driver, 1)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(session())


PORTS = [
    SimpleNamespace(device="/dev/ttyUSB0", vid=0x1A86, pid=0x7523, serial_number=None),
    SimpleNamespace(device="/dev/ttyACM0", vid=0x2341, pid=0x0043, serial_number="A1"),
    SimpleNamespace(device="/dev/ttyACM1", vid=0x2341, pid=0x0043, serial_number="B2"),
    SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None, serial_number=None),
]


def test_a_port_is_found_by_its_usb_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.serial_port.list_ports.comports", lambda: PORTS)
    assert find_port("1a86:7523") == "/dev/ttyUSB0"
    assert find_port("2341:0043:B2") == "/dev/ttyACM1"
    assert find_port("/dev/ttyS0") == "/dev/ttyS0"
    with pytest.raises(DriverError, match=r"2 devices are 2341:0043 .*ttyACM0, /dev/ttyACM1.*serial number"):
        find_port("2341:0043")
    with pytest.raises(DriverError, match="plugged in"):
        find_port("2341:0043:C3")
