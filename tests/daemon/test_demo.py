"""The demo's ports, past, script and process."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.brokers import Broker, free_port, until

from daemon.config import Broker as BrokerSection
from daemon.config import Config, Server
from daemon.demo import PAST_DAYS, Demo, default_folder, prepare, script, write_past
from daemon.errors import SerenoError
from drivers.base import Delivery, Kind
from drivers.emulate.faults import FaultKind
from drivers.replay import ReplayDriver, ReplaySettings

NOW = 1_782_000_000_000_000
MINUTE = 60_000_000


def config(server: int, broker: int) -> Config:
    return Config(server=Server(port=server), broker=BrokerSection(port=broker))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the past up to NOW, to be copied."""
    folder = tmp_path_factory.mktemp("told")
    write_past(folder, NOW)
    return folder


@pytest.fixture
def demo(told: Path, tmp_path: Path) -> Demo:
    folder = tmp_path / "demo"
    shutil.copytree(told, folder)
    return prepare(folder, NOW, config(free_port(), free_port()))


async def play(driver: ReplayDriver) -> list[Delivery]:
    async with driver:
        return [delivery async for batch in driver for delivery in batch]


def replays(demo: Demo) -> Iterator[ReplayDriver]:
    for settings in demo.config.drivers:
        if isinstance(settings, ReplaySettings):
            yield ReplayDriver(settings.name, settings, {})


class TestPorts:
    def test_free_ports_are_kept(self, demo: Demo) -> None:
        server, broker = free_port(), free_port()
        chosen = prepare(demo.folder, NOW, config(server, broker)).config
        assert (chosen.server.port, chosen.broker.port) == (server, broker)

    def test_a_taken_port_gives_way_to_the_next_free_one(self, demo: Demo) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            chosen = prepare(demo.folder, NOW, config(port, port)).config
        assert port < chosen.server.port < chosen.broker.port <= port + 100

    def test_a_folder_that_cannot_be_written_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SerenoError, match="cannot write below"):
            prepare(tmp_path / "file", NOW)

    def test_its_folder_is_not_the_real_one(self) -> None:
        folder = default_folder({"XDG_STATE_HOME": "/home/ana/.local/state"})
        assert folder.name == "sereno-demo"


class TestPast:
    async def test_fourteen_days_are_read_by_the_real_drivers(self, demo: Demo) -> None:
        sensors: dict[tuple[str, str | None], list[int]] = {}
        unknown: list[Delivery] = []
        for driver in replays(demo):
            for delivery in await play(driver):
                unknown += [delivery] if delivery.decoded.kind is Kind.UNKNOWN else []
                for reading in delivery.decoded.readings:
                    sensors.setdefault((driver.name, reading.device), []).append(delivery.received_at)
            assert driver.counters == {}
        assert not unknown
        assert len(sensors) == 5
        for times in sensors.values():
            assert NOW - times[0] > (PAST_DAYS - 1) * 1440 * MINUTE
            assert 0 < NOW - times[-1] < 100 * MINUTE  # a chance silence lasts 90 min
            assert len(times) > 3500

    async def test_past_and_present_are_one_source(self, demo: Demo) -> None:
        sources = {settings.name: settings.source for settings in demo.config.drivers}
        assert sources == {"mqtt": "mqtt", "arduino": "arduino", "past-mqtt": "mqtt", "past-arduino": "arduino"}
        models = {settings.source: settings.model for settings in demo.config.drivers}
        assert models["arduino"] == "DHT22"

    async def test_the_next_run_adds_only_what_is_missing(self, demo: Demo) -> None:
        [driver, _] = replays(demo)
        first = await play(driver)
        write_past(demo.folder, NOW + 60 * MINUTE)
        settings = driver._settings
        added = await play(ReplayDriver("past-mqtt", settings, driver.memory))
        assert 0 < len(added) < 100 < len(first)
        assert all(NOW <= delivery.received_at < NOW + 60 * MINUTE for delivery in added)
        write_past(demo.folder, NOW + 60 * MINUTE)
        assert await play(ReplayDriver("past-mqtt", settings, driver.memory)) != first

    async def test_a_line_that_a_killed_run_left_unfinished_harms_no_other(self, demo: Demo) -> None:
        path = demo.folder / "past-messages.ndjson"
        with path.open("ab") as file:
            file.write(b'{"t": 17820')
        os.utime(path, ns=(NOW * 1000, NOW * 1000))
        [driver, _] = replays(demo)
        before = len(await play(driver))
        write_past(demo.folder, NOW + 60 * MINUTE)
        [driver, _] = replays(demo)
        assert len(await play(driver)) > before
        assert driver.counters == {"malformed": 1}

    async def test_a_long_rest_begins_the_past_anew(self, demo: Demo) -> None:
        later = NOW + 30 * 1440 * MINUTE
        write_past(demo.folder, later)
        [driver, _] = replays(demo)
        times = [delivery.received_at for delivery in await play(driver)]
        assert later - times[0] <= PAST_DAYS * 1440 * MINUTE


def test_a_fault_is_seen_within_five_minutes() -> None:
    faults = script(NOW)
    assert {fault.kind for fault in faults} == {FaultKind.DROPOUT, FaultKind.OFFSET}
    assert all(NOW < fault.begins_at < NOW + 4 * MINUTE for fault in faults)


class TestProcess:
    @pytest.fixture
    def live(self, tmp_path: Path) -> Demo:
        return Demo(Config(), tmp_path, script(NOW), speed=20)

    @staticmethod
    def children(demo: Demo) -> list[int]:
        """Processes whose command line names this demo's port."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(demo.link).encode() in path.read_bytes():
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    async def test_it_speaks_is_started_again_and_ends_with_the_demo(self, live: Demo, mosquitto: Broker) -> None:
        async with live.devices(mosquitto.url):
            assert live.link.is_symlink()
            [first] = self.children(live)
            assert os.getpgid(first) != os.getpgid(0), "Ctrl-C at the terminal is not for the devices"
            os.kill(first, signal.SIGKILL)
            live.link.unlink()
            await asyncio.to_thread(until, live.link.is_symlink, "the port appears again")
            [second] = self.children(live)
            assert second != first
            await asyncio.to_thread(until, lambda: "bodega" in mosquitto.log, "a device connects")
        assert self.children(live) == []
        assert not live.link.is_symlink()

    async def test_how_far_the_past_has_come_is_noted_at_the_end(self, live: Demo, mosquitto: Broker) -> None:
        yesterday = datetime.now(UTC) - timedelta(days=1)
        write_past(live.folder, int(yesterday.timestamp() * 1e6))
        async with live.devices(mosquitto.url):
            pass
        changed = live.folder.joinpath("past-messages.ndjson").stat().st_mtime
        assert datetime.now(UTC).timestamp() - changed < 60
