"""Slow faults: found by a series' own past, by its neighbours and by its other quantity; weather is none."""

import math
from collections.abc import Callable, Mapping
from itertools import count

import numpy as np
import pytest

from ml.anomaly import ForestDetector
from ml.base import Cause, Score
from ml.features import BIN, SPAN_BINS, Bin
from ml.forest import ForestBank
from ml.slow import NEIGHBOURS, Place, Slow, nats

STEP = 900.0
DAY = 86_400.0
PER_DAY = int(DAY / STEP)


class House:
    """Rooms under one weather: each follows it in its own way, with noise of its own; tenths, as a DHT22 reports."""

    def __init__(self, rooms: int, seed: int = 5) -> None:
        self.place = Place()
        bank = ForestBank()
        self.rooms = [ForestDetector(bank, self.place, f"room {n}") for n in range(rooms)]
        self._random = np.random.default_rng(seed)
        self._weather = self._trend = 0.0
        self._own = [0.0] * rooms
        self._at = count()

    def warm_spell(self) -> None:
        """From now on it gets warmer by 0.2 K an hour."""
        self._trend = 0.05

    def weather(self) -> float:
        if self._trend:
            self._weather += self._trend
            return self._weather
        self._weather += -0.005 * self._weather + self._random.normal(0, 0.18)
        return self._weather

    def live(self, days: float, fault: Callable[[int, int, float], float] | None = None) -> list[list[Score]]:
        """The scores of each room; ``fault(room, step, temperature)`` is what the sensor makes of its room."""
        found: list[list[Score]] = [[] for _ in self.rooms]
        for step in range(int(days * PER_DAY)):
            index, weather = next(self._at), self.weather()
            for n, detector in enumerate(self.rooms):
                self._own[n] += -0.05 * self._own[n] + self._random.normal(0, 0.04)
                sun = (0.6 + 0.1 * n) * math.sin(2 * math.pi * index / PER_DAY)
                true = 20 + n + (0.5 + 0.1 * n) * weather + sun + self._own[n]
                value = round(true if fault is None else fault(n, step, true), 1)
                found[n] += detector.observe(index * STEP, {"temperature": value})
        return found


def alarms(scores: list[Score]) -> list[Score]:
    return [score for score in scores if score.alarm]


def test_a_drift_that_the_neighbours_do_not_share_is_found_and_called_one() -> None:
    house = House(4)
    house.live(12)
    rooms = house.live(2, lambda n, step, t: t + (4.5 * min(1.0, step / 130) if n == 1 else 0.0))
    found = alarms(rooms[1])
    assert found
    assert found[0].feature in {"away", "apart"}
    assert found[0].cause is Cause.DRIFTING
    assert found[0].seen > found[0].expected + 1
    assert 0 < found[0].time - found[0].since < 2 * DAY
    assert not alarms(rooms[0] + rooms[2] + rooms[3]), "one that fails says nothing of the others"


def test_weather_that_moves_every_room_is_no_fault_of_any() -> None:
    alone, together = House(1), House(4)
    for house in (alone, together):
        house.live(12)
        house.warm_spell()
    assert alarms(alone.live(2)[0]), "a sensor alone cannot know"
    assert not any(alarms(scores) for scores in together.live(2))


def test_a_day_without_its_swing_is_found() -> None:
    house, before = House(4), dict[int, float]()
    house.live(12)

    def flattened(n: int, _: int, t: float) -> float:
        begun = before.setdefault(n, t)
        return begun + 0.1 * (t - begun) if n == 2 else t

    rooms = house.live(1.2, flattened)
    (found, *_) = alarms(rooms[2])
    assert found.feature in {"flat", "unchanged"}
    assert found.cause is Cause.STUCK


def test_after_a_restart_slow_scores_are_the_same_to_the_bit() -> None:
    house, again = House(3), House(3)
    house.live(6)
    again.live(6)
    for n, detector in enumerate(again.rooms):
        state = detector.state()
        detector.close()
        again.rooms[n] = ForestDetector(ForestBank(), again.place, f"room {n}")
        again.rooms[n].restore(state)

    def drift(n: int, step: int, t: float) -> float:
        return t + (0.03 * step if n == 0 else 0.0)

    # Neighbours are asked in the order in which they came; the restored ones came in the same order.
    assert repr(again.live(3, drift)) == repr(house.live(3, drift))


def test_the_other_quantity_explains_what_a_heater_does() -> None:
    """Relative humidity falls when a room is heated: where it always does, it is no surprise that it does again."""

    def humidity_alone(*, with_pair: bool) -> float:
        detector, random, heat = ForestDetector(ForestBank()), np.random.default_rng(3), 0.0
        worst = 0.0
        for index in range(16 * PER_DAY):
            target = 4.0 if index > 14 * PER_DAY else 1.5 * math.sin(index / 140)
            heat += 0.02 * (target - heat) + random.normal(0, 0.05)
            values = {"humidity": round(50 - 3 * heat + random.normal(0, 0.3), 1)}
            if with_pair:
                values = {"temperature": round(20 + heat, 1), **values}
            score = detector.observe(index * STEP, values)[-1]
            if index > 14 * PER_DAY:
                series = score
                worst = max(worst, series.score if series.feature == "away" else 0.0)
        return worst

    assert humidity_alone(with_pair=True) < humidity_alone(with_pair=False)


@pytest.mark.parametrize("phase", [0.0, 900.0, 1800.0])
def test_sensors_that_speak_once_an_hour_are_each_others_reference_whenever_they_do(phase: float) -> None:
    place, bank, random = Place(), ForestBank(), np.random.default_rng(2)
    ours, theirs = (ForestDetector(bank, place, name) for name in ("ours", "theirs"))
    weather, found = 0.0, list[Score]()
    for hour in range(24 * 16):
        weather += -0.02 * weather + random.normal(0, 0.35)
        drift = 0.12 * max(0, hour - 24 * 14)
        theirs.observe(hour * 3600.0, {"temperature": round(21 + weather + random.normal(0, 0.1), 1)})
        value = round(19 + weather + drift + random.normal(0, 0.1), 1)
        found += ours.observe(hour * 3600.0 + phase, {"temperature": value})
    (first, *_) = alarms(found)
    assert first.time > 14 * DAY
    assert first.cause is Cause.DRIFTING


def test_a_sensor_that_speaks_every_two_seconds_has_quiet_days_too() -> None:
    detector, random = ForestDetector(ForestBank()), np.random.default_rng(4)
    noise = random.normal(0, 0.04, 70_000)
    for index in range(len(noise)):
        time = 2.0 * index
        value = 20 + math.sin(2 * math.pi * time / DAY) + noise[index]
        (score,) = detector.observe(time, {"temperature": round(value, 1)})
        assert not score.alarm, (time, score)


def bin_of(at: float, mean: float) -> Bin:
    return Bin(at, mean, [mean] * SPAN_BINS, BIN, usual=True)


def test_of_many_neighbours_a_few_are_listened_to_and_the_least_telling_goes() -> None:
    place, random = Place(), np.random.default_rng(1)
    rooms = [Slow("temperature", f"room {n}") for n in range(NEIGHBOURS + 4)]
    for room in rooms:
        place.join(room)
    walk = np.cumsum(random.normal(0, 0.2, 20 * PER_DAY))
    for at, weather in enumerate(walk):
        for n, room in enumerate(rooms):
            follows = weather if n % 2 == 0 else 0.0  # every second one stands in a cellar
            room.close(bin_of(float(at), 20 + follows + random.normal(0, 0.1)), place, None)
    heard = set(rooms[0].state()["others"].tolist())
    assert len(heard) <= NEIGHBOURS
    kin = {f"temperature/room {n}" for n in range(2, len(rooms), 2)}
    assert len(kin - heard) <= 1, "those that move with it were kept"


def test_a_sensor_that_leaves_is_no_reference_any_more() -> None:
    place = Place()
    stays, goes = Slow("humidity", "a"), Slow("humidity", "b")
    place.join(stays)
    place.join(goes)
    place.leave(goes)
    assert list(place.of("humidity")) == [stays]
    assert list(place.of("temperature")) == []


@pytest.mark.parametrize(("multiple", "share"), [(0.0, 1.0), (1.0, 0.425), (2.0, 0.111), (3.0, 0.0167)])
def test_multiples_of_the_mean_size_are_rare_as_those_of_a_normal_variable_are(multiple: float, share: float) -> None:
    assert math.exp(-nats(multiple)) == pytest.approx(share, rel=0.02)


def test_a_multiple_beyond_every_number_is_still_one() -> None:
    assert math.isfinite(nats(1e9))


def test_a_gap_of_days_begins_anew_and_blames_nobody() -> None:
    place = Place()
    slow = Slow("temperature", "a")
    place.join(slow)
    values: Mapping[int, float] = {at: 20 + math.sin(at / 15) for at in range(5 * PER_DAY)}
    for at, value in values.items():
        slow.close(bin_of(float(at), value), place, None)
    later = 9 * PER_DAY
    for at in range(later, later + PER_DAY // 2):
        slow.close(bin_of(float(at), 30.0), place, None)
    assert max(slow.nats[:2]) == 0.0
