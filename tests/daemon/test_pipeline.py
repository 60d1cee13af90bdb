"""What becomes of a reading between the wire and the database: values in, a row or a named outcome out."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from daemon import pipeline
from daemon.entities import Quality, Sensor
from drivers.base import Measurement, Reading

MINUTE = 60_000_000
NOW = 1_790_000_000_000_000
SENSOR = Sensor(id=1, key="mqtt/kitchen", type="temperatura", model="DHT22", created_at=NOW, updated_at=NOW)
HOW = pipeline.Circumstances(received_at=NOW, clock_set=True, zone=UTC, model="DHT22")


def reading(temperature: float | None = None, humidity: float | None = None, *, unit: str = "°C") -> Reading:
    given = [
        (q, v, u) for q, v, u in (("temperature", temperature, unit), ("humidity", humidity, "%")) if v is not None
    ]
    return Reading("kitchen", measurements=tuple(Measurement(*g) for g in given))


def run(
    given: Reading, *, sensor: Sensor = SENSOR, trail: pipeline.Trail | None = None, how: pipeline.Circumstances = HOW
) -> pipeline.Draft:
    return pipeline.run(given, sensor, trail or pipeline.Trail(), how)


def test_a_plain_reading_passes_unchanged() -> None:
    draft = run(reading(21.5, 48.2))
    assert draft.values == {"temperature": 21.5, "humidity": 48.2}
    assert (draft.quality, draft.raw, draft.time) == (Quality.OK, {}, NOW)


@pytest.mark.parametrize(
    ("value", "unit", "celsius"), [(212.0, "°F", 100.0), (300.0, "K", 26.85), (-40.0, "°F", -40.0)]
)
def test_temperatures_are_stored_in_celsius(value: float, unit: str, celsius: float) -> None:
    how = replace(HOW, model=None)
    assert run(reading(value, unit=unit), how=how).values["temperature"] == pytest.approx(celsius)


def test_a_unit_of_another_quantity_is_a_failed_read_and_harms_nothing_else() -> None:
    given = Reading("k", measurements=(Measurement("temperature", 20.0, "lx"), Measurement("humidity", 40.0, "%")))
    draft = run(given)
    assert draft.values == {"humidity": 40.0}
    assert draft.failed == {"temperature"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_is_a_failed_read(value: float) -> None:
    draft = run(reading(value, 50.0))
    assert draft.failed == {"temperature"}
    assert draft.values == {"humidity": 50.0}


def test_what_the_device_calls_failed_gives_no_row() -> None:
    draft = run(Reading("kitchen", failed=("temperature", "humidity")))
    assert not draft.values
    assert draft.failed == {"temperature", "humidity"}


@pytest.mark.parametrize(
    ("model", "temperature", "quality"),
    [
        ("DHT22", 80.0, Quality.OK),
        ("DHT22", 80.1, Quality.INVALID),
        ("AM2301", -3276.8, Quality.INVALID),
        ("DHT11", 60.1, Quality.INVALID),
        ("DS18B20", 124.9, Quality.OK),
        ("DS18B20-2", 125.1, Quality.INVALID),
        ("SHT3X-0x44", 124.9, Quality.OK),
        (None, 150.0, Quality.OK),
        ("a part nobody knows", 251.0, Quality.INVALID),
    ],
)
def test_the_gate_knows_what_each_part_can_measure(model: str | None, temperature: float, quality: Quality) -> None:
    draft = run(reading(temperature), how=replace(HOW, model=model))
    assert draft.quality is quality
    assert draft.values == {"temperature": temperature}


def test_a_disconnected_ds18b20_is_a_failed_read() -> None:
    draft = run(reading(-127.0), how=replace(HOW, model="DS18B20"))
    assert not draft.values
    assert draft.failed == {"temperature"}


def test_a_frame_of_zeros_is_invalid() -> None:
    assert run(reading(0.0, 0.0)).quality is Quality.INVALID
    assert run(reading(0.0, 40.0)).quality is Quality.OK


@pytest.mark.parametrize(
    ("humidity", "quality"), [(100.0, Quality.OK), (103.0, Quality.SUSPECT), (106.0, Quality.INVALID)]
)
def test_a_small_overshoot_of_humidity_is_cut_and_doubted(humidity: float, quality: Quality) -> None:
    draft = run(reading(humidity=humidity))
    assert draft.quality is quality
    if quality is Quality.SUSPECT:
        assert draft.values == {"humidity": 100.0}
        assert draft.raw == {"humidity": humidity}


def test_calibration_is_added_and_the_raw_value_kept() -> None:
    sensor = replace(SENSOR, temperature_offset=-1.2, humidity_offset=5.0)
    draft = run(reading(21.5, 98.0), sensor=sensor)
    assert draft.values == {"temperature": 20.3, "humidity": 100.0}
    assert draft.raw == {"temperature": 21.5, "humidity": 98.0}


class TestJumps:
    def step(self, trail: pipeline.Trail, minute: float, temperature: float) -> Quality:
        how = replace(HOW, received_at=NOW + int(minute * MINUTE))
        return run(reading(temperature), trail=trail, how=how).quality

    def test_a_lone_spike_is_doubted_and_the_return_is_not(self) -> None:
        trail = pipeline.Trail()
        verdicts = [self.step(trail, i, t) for i, t in enumerate([21.0, 21.1, 46.7, 21.2, 21.1])]
        assert verdicts == [Quality.OK, Quality.OK, Quality.SUSPECT, Quality.OK, Quality.OK]

    def test_a_new_level_is_believed_when_it_repeats(self) -> None:
        trail = pipeline.Trail()
        verdicts = [self.step(trail, i, t) for i, t in enumerate([21.0, 5.0, 5.2, 5.1])]
        assert verdicts == [Quality.OK, Quality.SUSPECT, Quality.OK, Quality.OK]

    def test_a_message_that_comes_twice_does_not_confirm_itself(self) -> None:
        trail = pipeline.Trail()
        verdicts = [self.step(trail, minute, t) for minute, t in ((0, 21.0), (1, 60.0), (1, 60.0), (2, 21.1))]
        assert verdicts == [Quality.OK, Quality.SUSPECT, Quality.SUSPECT, Quality.OK]

    def test_two_spikes_to_different_places_are_both_doubted(self) -> None:
        trail = pipeline.Trail()
        assert [self.step(trail, i, t) for i, t in enumerate([21.0, 60.0, -20.0, 21.0])] == [
            Quality.OK,
            Quality.SUSPECT,
            Quality.SUSPECT,
            Quality.OK,
        ]

    def test_after_a_long_gap_any_level_is_possible(self) -> None:
        trail = pipeline.Trail()
        assert self.step(trail, 0, 21.0) is Quality.OK
        assert self.step(trail, 60, -5.0) is Quality.OK

    def test_a_late_row_does_not_move_the_trail_back(self) -> None:
        trail = pipeline.Trail()
        for minute, temperature in ((0, 20.0), (10, 21.0), (1, 20.1), (11, 21.1)):
            assert self.step(trail, minute, temperature) is Quality.OK
        assert trail.last["temperature"] == (NOW + 11 * MINUTE, 21.1)

    def test_an_impossible_value_teaches_nothing(self) -> None:
        trail = pipeline.Trail()
        for i, t in enumerate([21.0, 3276.7, 3276.7]):
            self.step(trail, i, t)
        assert self.step(trail, 3, 21.0) is Quality.OK


class TestTime:
    def at(self, when: datetime, **how: object) -> pipeline.Draft:
        given = reading(20.0)._replace(measured_at=when)
        return run(given, how=replace(HOW, **how))  # type: ignore[arg-type]

    def test_a_device_time_near_receipt_is_the_time_of_measurement(self) -> None:
        when = datetime.fromtimestamp(NOW / 1e6 - 3600, UTC)
        draft = self.at(when)
        assert draft.time == NOW - 3600 * 1_000_000
        assert draft.device_time is None

    def test_a_time_without_a_zone_is_read_in_the_drivers_zone(self) -> None:
        madrid = ZoneInfo("Europe/Madrid")
        local = datetime.fromtimestamp(NOW / 1e6, madrid).replace(tzinfo=None)
        assert self.at(local, zone=madrid).time == NOW

    @pytest.mark.parametrize("seconds", [-31 * 86400, 301, -1_790_000_000])
    def test_a_device_whose_clock_is_wrong_is_not_believed_but_kept(self, seconds: int) -> None:
        draft = self.at(datetime.fromtimestamp(NOW / 1e6 + seconds, UTC))
        assert draft.time == NOW
        assert draft.device_time == NOW + seconds * 1_000_000
        assert "clock_refused" in draft.notes

    def test_nothing_is_judged_by_a_clock_that_is_not_set(self) -> None:
        draft = self.at(datetime(2026, 9, 21, tzinfo=UTC), received_at=5_000_000, clock_set=False)
        assert draft.time == 5_000_000
        assert draft.device_time is not None

    def test_the_year_one_is_no_reason_to_fail(self) -> None:
        first = datetime.min  # noqa: DTZ901 - a device without a zone may well send it
        assert self.at(first, zone=ZoneInfo("Asia/Tokyo")).time == NOW


@pytest.mark.parametrize(
    ("temperature", "humidity", "kinds"),
    [
        (30.1, 50.0, ["temperature_high"]),
        (30.0, 50.0, []),
        (4.9, 90.1, ["temperature_low", "humidity_high"]),
        (None, 19.0, ["humidity_low"]),
        (None, None, []),
    ],
)
def test_limits_are_broken_beyond_them_not_at_them(
    temperature: float | None, humidity: float | None, kinds: list[str]
) -> None:
    sensor = replace(SENSOR, temperature_min=5.0, temperature_max=30.0, humidity_min=20.0, humidity_max=90.0)
    assert [breach.kind for breach in pipeline.breaches(sensor, temperature, humidity)] == kinds
