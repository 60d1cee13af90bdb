"""Emulated devices: what they render decodes to what was meant, and they speak like devices on real wires."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.brokers import Broker, until

from drivers.base import Delivery, DriverError, Kind
from drivers.emulate.__main__ import format_fault, parse_fault
from drivers.emulate.climate import Place, air, outdoors, saturation
from drivers.emulate.devices import Arduino, EspHome, HomeMade, Publisher, Tasmota
from drivers.emulate.faults import Fault, FaultKind, Sample, apply, chance_faults
from drivers.emulate.history import history
from drivers.emulate.household import Emulated, crowd, demo_household
from drivers.emulate.live import Emulator
from drivers.formats import SerialDecoder, decode_mqtt
from drivers.serial_line import SerialDriver, SerialSettings

SUMMER = 1_782_000_000  # 2026-06-21, s
WINTER = 1_798_000_000  # 2026-12-23, s
NOW = SUMMER * 1_000_000
DAY = 86_400_000_000
PLACES = [emulated.place for emulated in demo_household(1)]


def measured(decoded: list[Any]) -> dict[str, float]:
    return {m.quantity: m.value for one in decoded for r in one.readings for m in r.measurements}


class TestClimate:
    def test_it_is_a_function_of_seed_place_and_time(self) -> None:
        assert air(1, PLACES[0], SUMMER) == air(1, PLACES[0], SUMMER)
        assert air(1, PLACES[0], SUMMER) != air(2, PLACES[0], SUMMER)
        assert air(1, PLACES[0], SUMMER) != air(1, PLACES[1], SUMMER)

    def test_afternoons_are_warmer_than_nights_and_summer_than_winter(self) -> None:
        days = range(14)
        afternoon = sum(outdoors(1, SUMMER + 86_400 * (d + 0.6))[0] for d in days) / 14
        night = sum(outdoors(1, SUMMER + 86_400 * (d + 0.1))[0] for d in days) / 14
        winter = sum(outdoors(1, WINTER + 86_400 * (d + 0.6))[0] for d in days) / 14
        assert 4 < afternoon - night < 14
        assert 10 < afternoon - winter < 22

    @pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
    @pytest.mark.parametrize("start", [SUMMER, WINTER])
    def test_air_is_possible_and_changes_as_slowly_as_air(self, place: Place, start: int) -> None:
        curve = [air(3, place, start + 60 * minute) for minute in range(2 * 1440)]
        assert all(-15 < t < 45 and 12 <= h <= 99.5 for t, h in curve)
        steps = [(abs(b[0] - a[0]), abs(b[1] - a[1])) for a, b in pairwise(curve)]
        assert max(step[0] for step in steps) < 0.35
        assert max(step[1] for step in steps) < 9

    def test_saturation_pressure_at_known_points(self) -> None:
        assert saturation(0) == pytest.approx(6.112)
        assert saturation(20) == pytest.approx(23.37, abs=0.05)  # WMO-No. 8, table


class TestFaults:
    @staticmethod
    def sound(time: int) -> Sample:
        return Sample(20 + time / 1000, 50 + time / 1000)

    def spoilt(self, kind: FaultKind, time: int) -> Sample:
        return apply([Fault(kind, "d", 100, 200, size=20)], time, self.sound)

    @pytest.mark.parametrize("kind", FaultKind)
    def test_outside_its_time_a_fault_changes_nothing(self, kind: FaultKind) -> None:
        assert self.spoilt(kind, 99) == self.sound(99)
        assert self.spoilt(kind, 200) == self.sound(200)

    def test_each_kind_does_what_it_says(self) -> None:
        assert self.spoilt(FaultKind.STUCK, 150) == self.sound(100)
        assert self.spoilt(FaultKind.DROPOUT, 150) == Sample(None, None)
        assert self.spoilt(FaultKind.SILENCE, 150).silent
        assert self.spoilt(FaultKind.OFFSET, 150) == Sample(25.15, 70.15)
        assert self.spoilt(FaultKind.DRIFT, 150).humidity == pytest.approx(60.15)
        endless = Fault(FaultKind.DRIFT, "d", 0, 365 * DAY, size=20)
        assert apply([endless], DAY, lambda _: Sample(20, 50)) == Sample(25, 70)
        spikes = sum(self.spoilt(FaultKind.SPIKE, time) != self.sound(time) for time in range(100, 200))
        assert 10 < spikes < 45

    def test_chance_strikes_on_some_days_and_always_the_same(self) -> None:
        struck = [bool(chance_faults(5, "d", NOW + hour * DAY // 24)) for hour in range(24 * 365)]
        assert 20 < sum(struck) < 500
        assert chance_faults(5, "d", NOW) == chance_faults(5, "d", NOW)

    def test_a_fault_survives_the_command_line(self) -> None:
        fault = Fault(FaultKind.DRIFT, "d", 100, 200, -12.5)
        assert parse_fault(format_fault(fault)) == fault


class TestWording:
    """What a device renders is what the real formats read."""

    sample = Sample(21.43, 58.26)
    failed = Sample(None, None)

    def decode(self, device: Publisher, sample: Sample) -> list[Any]:
        memory: dict[str, Any] = {}
        messages = [*device.start(), *device.chatter(sample, NOW), *device.report(sample, NOW)]
        return [decode_mqtt(message.topic, message.payload, memory) for message in messages]

    @pytest.mark.parametrize(
        ("device", "digits"), [(Tasmota("cocina"), 1), (EspHome("porch", 10), 1), (HomeMade("den"), 2)]
    )
    def test_a_publisher(self, device: Publisher, digits: int) -> None:
        decoded = self.decode(device, self.sample)
        values = measured(decoded)
        assert values["temperature"] == round(21.43, digits)
        assert values["humidity"] == round(58.26, digits)
        assert {r.device for one in decoded for r in one.readings} == {device.name}
        assert all(one.kind is not Kind.UNKNOWN for one in decoded), decoded

    @pytest.mark.parametrize("device", [Tasmota("cocina"), EspHome("porch", 10), HomeMade("den")])
    def test_a_publisher_that_could_not_read(self, device: Publisher) -> None:
        decoded = self.decode(device, self.failed)
        assert measured(decoded) == {}
        assert Kind.ERROR in {one.kind for one in decoded}

    def test_tasmota_tells_local_time(self) -> None:
        [reading] = self.decode(Tasmota("cocina"), self.sample)[-1].readings
        assert reading.measured_at is not None
        assert reading.measured_at.astimezone().timestamp() == SUMMER

    def test_a_home_made_device_counts(self) -> None:
        device = HomeMade("den")
        sequences = [self.decode(device, self.sample)[-1].readings[0].sequence for _ in range(3)]
        assert sequences == [1, 2, 3]

    def test_an_arduino(self) -> None:
        decoder = SerialDecoder("auto", {})
        device = Arduino("arduino", 2)
        stream = device.start() + device.report(self.sample) + device.report(self.failed)
        decoded = [*decoder.feed(stream), *decoder.idle()]
        values = measured(decoded)
        assert (values["temperature"], values["humidity"]) == (21.4, 58.3)
        assert decoded[-1].kind is Kind.ERROR


class TestHistory:
    def test_it_is_in_order_within_its_bounds_and_of_moderate_size(self) -> None:
        records = list(history(demo_household(1), NOW - 14 * DAY, NOW, port="/dev/arduino"))
        times = [record["t"] for record in records]
        assert times == sorted(times)
        assert times[0] >= NOW - 14 * DAY
        assert times[-1] < NOW
        assert NOW - times[-1] < 600_000_000
        assert 20_000 < len(records) < 30_000

    def test_it_does_not_hang_on_where_it_begins(self) -> None:
        def told(begins_at: int) -> list[dict[str, Any]]:
            uncounted = [e for e in demo_household(1) if not isinstance(e.device, HomeMade)]
            records = history(uncounted, begins_at, NOW, port="/dev/arduino")
            return [record for record in records if record["t"] > NOW - DAY]

        assert told(NOW - DAY) == told(NOW - 2 * DAY - 1234)

    def test_the_past_had_faults(self) -> None:
        struck = {
            (fault.device, fault.begins_at)
            for emulated in demo_household(1)
            for tick in range(14 * 24 * 4)
            for fault in chance_faults(1, emulated.device.name, NOW - tick * DAY // 96)
        }
        assert len(struck) >= 2

    def test_it_meets_the_present_without_a_step(self) -> None:
        for emulated in demo_household(1):
            past = air(1, emulated.place, SUMMER - 1)
            present = air(1, emulated.place, SUMMER + 1)
            assert present == pytest.approx(past, abs=0.3)


@contextmanager
def running(emulator: Emulator) -> Iterator[Emulator]:
    stop = threading.Event()
    with emulator:
        thread = threading.Thread(target=emulator.run, args=(stop,))
        thread.start()
        try:
            yield emulator
        finally:
            stop.set()
            thread.join()


class Listener:
    """Everything that a broker hands a new subscriber."""

    def __init__(self, broker: Broker) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _client, _data, message: self.messages.append(message)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.connect("127.0.0.1", broker.port)

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def topics(self, *, retained: bool = False) -> set[str]:
        return {m.topic for m in self.messages if bool(m.retain) is retained}


class TestLive:
    def test_the_household_speaks_over_a_broker(self, broker: Broker) -> None:
        household = [e for e in demo_household(1, speed=20) if isinstance(e.device, Publisher)]
        spoken = {"tele/cocina/SENSOR", "tele/dormitorio/SENSOR", "invernadero/sensor/humidity/state", "bodega/state"}
        with Listener(broker) as early, running(Emulator(household, url=broker.url)) as emulator:
            until(lambda: early.topics() >= spoken, "every device is heard")
            with Listener(broker) as late:
                kept = {"tele/cocina/LWT", "invernadero/status", "invernadero/sensor/humidity/state"}
                until(lambda: late.topics(retained=True) >= kept, "what is retained is heard")
            assert not late.topics(retained=True) & {"tele/cocina/SENSOR", "bodega/state"}
            assert emulator.outlook().sent > 0
        assert all(m.qos == (1 if m.topic == "bodega/state" else 0) for m in early.messages)

    def test_a_broker_that_comes_late_is_found(self, broker: Broker) -> None:
        broker.kill()
        with running(Emulator(crowd(3, 1, 0.2), url=broker.url)):
            broker.start()
            with Listener(broker) as listener:
                until(lambda: len(listener.topics()) >= 3, "the devices are heard")

    def test_a_crowd_shares_one_connection(self, broker: Broker) -> None:
        with Listener(broker) as listener, running(Emulator(crowd(60, 1, 0.5), url=broker.url)) as emulator:
            until(lambda: emulator.outlook().samples >= 60, "each has its turn")
            until(lambda: len(listener.topics()) >= 60, "all are heard")

    def test_a_device_that_is_silent_by_fault_says_nothing(self, mosquitto: Broker) -> None:
        quiet = Fault(FaultKind.SILENCE, "sim-0001", 0, 1 << 62)
        reports = {f"{{}}/{end}" for end in ("sensor/humidity/state", "state")}
        with Listener(mosquitto) as listener, running(Emulator(crowd(2, 1, 0.05, [quiet]), url=mosquitto.url)):
            until(
                lambda: any(report.format("sim-0002") in listener.topics() for report in reports), "the other is heard"
            )
        assert not listener.topics() & {report.format("sim-0001") for report in reports}

    def test_quick_crowds_have_no_device_whose_clock_is_too_coarse(self) -> None:
        assert {e.device.kind for e in crowd(9, 1, 1)} == {"tasmota", "esphome", "home-made"}
        assert {e.device.kind for e in crowd(9, 1, 0.5)} == {"esphome", "home-made"}

    async def test_the_arduino_speaks_over_a_pty_and_its_cable_can_be_pulled(self, tmp_path: Path) -> None:
        link = tmp_path / "arduino"
        arduino = Emulated(Arduino("arduino", 0.05), PLACES[0], 1, chance=0.0)
        settings = SerialSettings.model_validate({"name": "usb", "type": "serial", "port": str(link)})
        found: list[Delivery] = []

        async def listen(driver: SerialDriver) -> None:
            async for batch in driver:
                found.extend(delivery for delivery in batch if delivery.decoded.kind is Kind.READING)

        async with AsyncExitStack() as stack:
            with running(Emulator([arduino], link=link)):
                driver = await stack.enter_async_context(SerialDriver("usb", settings, {}))
                listening = asyncio.create_task(listen(driver))
                await asyncio.to_thread(until, lambda: len(found) >= 5, "five lines are read")
            with pytest.raises(DriverError, match="unplugged"):
                await listening
        expected = air(1, PLACES[0], found[-1].received_at / 1e6)
        assert measured([found[-1].decoded])["temperature"] == pytest.approx(expected.temperature, abs=1)
        assert not link.is_symlink()

    def test_a_device_without_its_wire_is_refused(self) -> None:
        with pytest.raises(ValueError, match="is no broker"), Emulator(crowd(1, 1, 1)):
            pass
        with pytest.raises(ValueError, match="needs a path"), Emulator(demo_household(1)[:1]):
            pass


PARENT = """
import subprocess, sys, os
child = subprocess.Popen([sys.executable, "-m", "drivers.emulate", "--broker", sys.argv[1], "--link", sys.argv[2],
                          "--parent", str(os.getpid())])
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_the_process_ends_with_its_parent_even_if_that_is_killed(mosquitto: Broker, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, mosquitto.url, str(tmp_path / "arduino")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until(lambda: os.path.lexists(tmp_path / "arduino"), "the port appears")
        parent.send_signal(signal.SIGKILL)
        until(lambda: not os.path.lexists(tmp_path / "arduino"), "the child cleans up")
        until(lambda: not Path(f"/proc/{child}/fd").exists() or _zombie(child), "the child ends")


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
