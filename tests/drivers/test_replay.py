"""The replay driver: recordings of every form, at every pace, from where it stopped."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Delivery, DriverError, Kind
from drivers.replay import ReplayDriver, ReplaySettings

NOON = 1_750_000_000_000_000 // 3_600_000_000 * 3_600_000_000  # a whole hour in June 2025, µs
LONG = """\
timestamp,sensor,quantity,value
2016-01-11 17:00:00,kitchen,humidity,47.6
2016-01-11 17:00:00,kitchen,temperature,19.89
2016-01-11 17:00:00,living,temperature,20.1
2016-01-11 17:10:00,kitchen,humidity,
2016-01-11 17:10:00,kitchen,temperature,
2016-01-11 17:20:00,kitchen,temperature,19.9
"""
FIRST = 1_452_531_600_000_000  # 2016-01-11 17:00:00 UTC


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str | bytes, name: str = "past.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


class Pace:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def make(path: Path, memory: dict[str, Any] | None = None, pace: Pace | None = None, **keys: Any) -> ReplayDriver:
    pace = pace or Pace()
    settings = ReplaySettings.model_validate(
        {"name": "past", "type": "replay", "path": str(path), "timezone": "UTC"} | keys
    )
    return ReplayDriver("past", settings, memory or {}, clock=lambda: NOON, monotonic=pace.monotonic, sleep=pace.sleep)


async def play(driver: ReplayDriver) -> list[Delivery]:
    async with driver:
        return [delivery async for batch in driver for delivery in batch]


def rows(deliveries: list[Delivery]) -> list[tuple[int, str | None, dict[str, float]]]:
    return [
        (d.received_at, r.device, {m.quantity: m.value for m in r.measurements})
        for d in deliveries
        for r in d.decoded.readings
    ]


async def test_long_rows_of_one_sensor_and_moment_are_one_reading(recording: Callable[..., Path]) -> None:
    deliveries = await play(make(recording(LONG)))
    assert rows(deliveries) == [
        (FIRST, "kitchen", {"humidity": 47.6, "temperature": 19.89}),
        (FIRST, "living", {"temperature": 20.1}),
        (FIRST + 600_000_000, "kitchen", {}),
        (FIRST + 1_200_000_000, "kitchen", {"temperature": 19.9}),
    ]
    failed = deliveries[2].decoded
    assert (failed.kind, failed.readings[0].failed) == (Kind.ERROR, ("humidity", "temperature"))
    assert deliveries[0].decoded.readings[0].measured_at == datetime(2016, 1, 11, 17, tzinfo=UTC)


async def test_a_zone_less_time_is_read_in_the_settings_zone(recording: Callable[..., Path]) -> None:
    [first, *_] = await play(make(recording(LONG), timezone="Europe/Madrid"))
    assert first.received_at == FIRST - 3_600_000_000


async def test_wide_rows_and_a_zone_of_their_own(recording: Callable[..., Path]) -> None:
    text = 'Timestamp,sensor,Temperature,humidity,note\n2025-06-15T15:00:00+02:00,attic,21.5,nan,"a, b"\n'
    [delivery] = await play(make(recording(text)))
    assert delivery.decoded.readings[0].failed == ("humidity",)
    assert rows([delivery]) == [(1_749_992_400_000_000, "attic", {"temperature": 21.5})]


async def test_an_empty_cell_of_what_a_sensor_never_gives_is_no_failed_read(recording: Callable[..., Path]) -> None:
    table = [
        ("12:00", "both", "21", "50"),
        ("12:00", "cellar", "12", ""),  # has no humidity
        ("12:01", "both", "", "51"),
        ("12:02", "both", "", ""),
        ("12:03", "apart", "20", ""),  # sends them one after the other
        ("12:04", "apart", "", "40"),
        ("12:05", "mute", "", ""),
    ]
    lines = [f"2025-06-15T{time}:00Z,{','.join(cells)}" for time, *cells in table]
    deliveries = await play(make(recording("\n".join(["timestamp,sensor,temperature,humidity", *lines]))))
    readings = [reading for delivery in deliveries for reading in delivery.decoded.readings]
    assert [set(reading.failed) for reading in readings] == [
        *(set(), set(), {"temperature"}, {"temperature", "humidity"}),
        *(set(), set(), {"temperature", "humidity"}),
    ]


@pytest.mark.parametrize(
    ("columns", "first", "second"),
    [("temperature", "21", "22"), ("quantity,value", "temperature,21", "humidity,50")],
)
async def test_a_devices_own_count_is_read_from_tables_too(
    recording: Callable[..., Path], columns: str, first: str, second: str
) -> None:
    moment = "2025-06-15T12:00:00Z,a"
    text = f"timestamp,sensor,{columns},sequence\n{moment},{first},7\n{moment},{second},\n"
    deliveries = await play(make(recording(text)))
    assert [reading.sequence for delivery in deliveries for reading in delivery.decoded.readings] == [7, None]


async def test_gzip_is_known_by_its_bytes(recording: Callable[..., Path]) -> None:
    assert len(await play(make(recording(gzip.compress(LONG.encode()), "past.bin")))) == 4


async def test_captured_messages_go_through_the_real_formats(recording: Callable[..., Path]) -> None:
    tasmota = {"Time": "2025-06-15T15:00:00", "AM2301": {"Temperature": 24.6, "Humidity": 58.2}, "TempUnit": "C"}
    lines = [
        {"t": NOON, "topic": "tele/attic/SENSOR", "payload": json.dumps(tasmota)},
        {"t": NOON + 1_000_000, "topic": "porch/sensor/humidity/state", "payload": "45.2", "retained": True},
    ]
    first, second = await play(make(recording("\n".join(map(json.dumps, lines)), "past.ndjson")))
    assert rows([first]) == [(NOON, "attic", {"temperature": 24.6, "humidity": 58.2})]
    assert (first.origin, first.retained) == ("tele/attic/SENSOR", False)
    assert json.loads(first.payload) == tasmota
    assert rows([second]) == [(NOON + 1_000_000, "porch", {"humidity": 45.2})]
    assert second.retained


async def test_captured_lines_go_through_the_real_formats(recording: Callable[..., Path]) -> None:
    lines = [
        {"t": NOON, "port": "/dev/ttyUSB0", "line": "DHTxx test!"},
        {"t": NOON + 2_000_000, "port": "/dev/ttyUSB0", "line": "Humidity: 45.20%  Temperature: 23.10°C 73.58°F"},
        {"t": NOON + 4_000_000, "port": "/dev/ttyUSB0", "line": "Failed to read from DHT sensor!\r\n"},
    ]
    deliveries = await play(make(recording("\n".join(map(json.dumps, lines)), "past.ndjson")))
    assert rows(deliveries)[0] == (NOON + 2_000_000, None, {"humidity": 45.2, "temperature": 23.1})
    assert deliveries[-1].decoded.kind is Kind.ERROR
    assert deliveries[-1].received_at == NOON + 4_000_000


async def test_json_readings(recording: Callable[..., Path]) -> None:
    item = {"timestamp": NOON // 1_000_000, "device": "a", "probe": "x", "humidity": 40, "temperature": None}
    line = json.dumps(item | {"sequence": 7, "model": "SHT31"})
    [delivery] = await play(make(recording(line, "r.ndjson")))
    [reading] = delivery.decoded.readings
    assert (reading.device, reading.probe, reading.sequence, reading.model) == ("a", "x", 7, "SHT31")
    assert reading.failed == ("temperature",)
    assert rows([delivery]) == [(NOON, "a", {"humidity": 40.0})]


async def test_the_last_row_can_become_now_with_all_times_moved_alike(recording: Callable[..., Path]) -> None:
    deliveries = await play(make(recording(LONG), shift="now"))
    assert [d.received_at for d in deliveries] == [
        NOON - 1_200_000_000,
        NOON - 1_200_000_000,
        NOON - 600_000_000,
        NOON,
    ]
    tasmota = '{"Time":"2025-06-15T15:00:00Z","AM2301":{"Temperature":24.6,"Humidity":58.2}}'
    line = json.dumps({"t": NOON - 86_400_000_000, "topic": "tele/attic/SENSOR", "payload": tasmota})
    [moved] = await play(make(recording(line, "past.ndjson"), shift="now"))
    assert moved.received_at == NOON
    assert moved.decoded.readings[0].measured_at == datetime(2025, 6, 16, 15, tzinfo=UTC)


async def test_it_keeps_the_recorded_pace_times_the_speed(recording: Callable[..., Path]) -> None:
    pace = Pace()
    async with make(recording(LONG), pace=pace, speed=60) as driver:
        seen = [(pace.now - 100, len(batch)) async for batch in driver]
    assert seen == [(0, 2), (10, 1), (20, 1)]


async def test_a_restart_goes_on_where_the_last_batch_ended(recording: Callable[..., Path]) -> None:
    text = LONG.splitlines()[0] + "\n"
    text += "".join(f"2016-01-11T17:00:00.{n:06d},s,temperature,{n / 10}\n" for n in range(1000))
    path = recording(text)
    async with make(path) as driver:
        first = list(await anext(driver))
        memory = json.loads(json.dumps(driver.memory))
        unseen = await anext(driver)
    rest = await play(make(path, memory))
    assert 0 < len(first) < 1000
    assert rest[: len(unseen)] == unseen
    assert [values["temperature"] for *_, values in rows(first + rest)] == [n / 10 for n in range(1000)]


async def test_a_grown_file_gives_only_its_new_rows_and_the_same_shift(recording: Callable[..., Path]) -> None:
    driver = make(path := recording(LONG), shift="now")
    await play(driver)
    assert await play(make(path, driver.memory, shift="now")) == []
    path.write_text(LONG + "2016-01-11 17:30:00,kitchen,temperature,18\n")
    assert rows(await play(make(path, driver.memory, shift="now"))) == [
        (NOON + 600_000_000, "kitchen", {"temperature": 18.0})
    ]


async def test_another_file_of_the_same_name_is_read_from_its_beginning(recording: Callable[..., Path]) -> None:
    driver = make(path := recording(LONG))
    await play(driver)
    path.write_text(LONG.replace("2016", "2017"))
    assert len(await play(make(path, driver.memory))) == 4


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"2016-01-11 18:00:00,kitchen,temperature,warm", "'warm' is not a number of °C"),
        (b"2016-01-11 18:00:00,kitchen,temperature,1_0", "is not a number"),
        (b"yesterday,kitchen,temperature,20", "'yesterday' is not a time"),
        (b"0001-01-01 00:00:00,kitchen,temperature,20", "is not a time"),
        (b"2016-01-11 18:00:00,kitchen,colour,20", "'colour' is not a quantity"),
        (b"2016-01-11 18:00:00,kitchen", "2 values where the header has 4"),
        (b"2016-01-11 18:00:00,k\xffchen,temperature,20", "utf-8"),
        (b"2016-01-11 18:00:00," + b"k" * 200_000 + b",temperature,20", "longer than 65536 bytes"),
    ],
    ids=["word", "underscore", "yesterday", "year 1", "colour", "short", "not utf-8", "long"],
)
async def test_a_malformed_row_is_counted_named_and_skipped(
    recording: Callable[..., Path], line: bytes, reason: str
) -> None:
    driver = make(recording(LONG.encode() + line + b"\n2016-01-11 18:10:00,kitchen,temperature,20\n"))
    deliveries = await play(driver)
    assert rows(deliveries)[-1] == (FIRST + 4_200_000_000, "kitchen", {"temperature": 20.0})
    assert len(deliveries) == 5
    assert driver.counters == {"malformed": 1}
    last = str(driver.details()["last_malformed"])
    assert last.startswith("past.csv:8: ")
    assert reason in last


@pytest.mark.parametrize(
    "line",
    ['{"t": 1', "[" * 100_000, "[1]", '{"t": true, "topic": "a", "payload": "1"}', '{"t": 1e999, "topic": "a"}']
    + [json.dumps({"t": NOON} | rest) for rest in ({}, {"topic": 1}, {"topic": "a"}, {"line": "x"}, {"humidity": [1]})]
    + [
        json.dumps({"t": NOON, "topic": "a", "payload_b64": "*"}),
        f'{{"t": {NOON}, "topic": "a", "payload": "\\ud800"}}',
    ],
    ids=lambda line: line[-30:],
)
async def test_a_malformed_object_is_counted_and_skipped(recording: Callable[..., Path], line: str) -> None:
    good = json.dumps({"t": NOON, "device": "a", "temperature": 20})
    driver = make(recording(f"{good}\n{line}\n{good}\n", "past.ndjson"))
    assert len(await play(driver)) == 2
    assert driver.counters == {"malformed": 1}


@pytest.mark.parametrize(
    ("name", "content", "sentence", "retryable"),
    [
        ("absent.csv", None, "is not there: correct `path`", True),
        ("prose.csv", b"Dear diary,\ntoday it was warm\n", "line 1 is neither a CSV header", False),
        ("columns.csv", b"timestamp,colour\n", "line 1 is neither a CSV header", False),
        ("binary.csv", bytes(range(128, 256)), "cannot be read", False),
        ("cut.csv.gz", gzip.compress(LONG.encode())[:15], "cannot be read", False),
    ],
    ids=["absent", "prose", "columns", "binary", "cut"],
)
async def test_what_is_no_recording_is_refused_with_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str, retryable: bool
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DriverError, match=sentence) as caught:
        await play(make(tmp_path / name))
    assert caught.value.retryable is retryable


async def test_a_folder_or_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="it is not a file"):
        await play(make(tmp_path))


async def test_what_comes_before_the_damage_is_handed_over_first(recording: Callable[..., Path]) -> None:
    text = LONG.splitlines()[0] + "\n"
    text += "".join(f"2016-01-11T17:00:00.{n:06d},s,temperature,{n * 7919 % 1009 / 10}\n" for n in range(5000))
    path = recording(gzip.compress(text.encode())[:-9000], "past.csv.gz")
    driver = make(path)
    seen: list[Delivery] = []

    async def collect() -> None:
        async with driver:
            async for batch in driver:
                seen.extend(batch)

    with pytest.raises(DriverError, match=r"cannot be read after line \d{4}"):
        await collect()
    assert len(seen) > 1000
    assert driver.memory["place"]["line"] == len(seen) + 1


async def test_an_empty_file_ends_at_once(recording: Callable[..., Path]) -> None:
    assert await play(make(recording(""))) == []
