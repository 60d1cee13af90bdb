"""The silence that is allowed: no device that is well is announced, and one that is gone is, soon enough."""

import random
from collections.abc import Iterator

import pytest

from daemon.rhythm import SHORTEST, UNKNOWN, Rhythm

SEEDS = range(5)


def fixed(interval: float, source: random.Random) -> Iterator[float]:
    """On a clock with some jitter; one message in twenty is lost."""
    while True:
        gap = interval * source.uniform(0.95, 1.05)
        while source.random() < 0.05:
            gap += interval
        yield gap


def on_change(source: random.Random) -> Iterator[float]:
    """Zigbee: at least 10 s and at most an hour apart, by what the room does; talkative when it joins."""
    yield from (1.0, 1.5, 4.0, 2.0)
    while True:
        busy = source.random() < 0.3
        for _ in range(source.randrange(2, 15)):
            yield min(3600.0, source.uniform(10, 60) if busy else source.expovariate(1 / 2000.0) + 60)


def deep_sleep(source: random.Random) -> Iterator[float]:
    """Three topics in two seconds, then six hours of sleep by a clock that drifts."""
    while True:
        yield from (1.0, 0.9, 6 * 3600 * source.uniform(0.9, 1.1))


def daily(source: random.Random) -> Iterator[float]:
    while True:
        yield 86_400 + source.uniform(-900, 900)


def false_alarms(gaps: Iterator[float], times: int) -> tuple[int, Rhythm]:
    rhythm, alarms = Rhythm(), 0
    for _, gap in zip(range(times), gaps, strict=False):
        alarms += gap > rhythm.limit
        rhythm.learn(gap)
    return alarms, rhythm


@pytest.mark.parametrize("interval", [2.0, 10.0, 60.0, 300.0, 3600.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fixed_interval_with_losses_is_no_silence_and_its_end_is_told_soon(interval: float, seed: int) -> None:
    alarms, rhythm = false_alarms(fixed(interval, random.Random(seed)), 2_000)
    assert alarms <= 1  # four in a row may be lost by chance
    assert rhythm.limit <= max(SHORTEST, 12 * interval)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("device", [on_change, deep_sleep, daily])
def test_devices_with_a_rhythm_of_their_own_are_no_silence(device: object, seed: int) -> None:
    alarms, rhythm = false_alarms(device(random.Random(seed)), 2_000)  # type: ignore[operator]
    assert alarms == 0
    assert rhythm.limit <= 5 * 86_400


def test_a_steady_device_is_believed_after_three_gaps_and_at_its_word_after_five() -> None:
    rhythm = Rhythm()
    limits = []
    for _ in range(6):
        limits.append(rhythm.limit)
        rhythm.learn(60.0)
    assert limits == [UNKNOWN, UNKNOWN, UNKNOWN, 720.0, 720.0, 240.0]


def test_an_outage_widens_the_limit_by_little_and_a_longer_interval_is_learned() -> None:
    rhythm = Rhythm()
    for _ in range(20):
        rhythm.learn(60.0)
    rhythm.learn(7 * 86_400.0)
    assert rhythm.limit <= 700.0
    alarms = 0
    for _ in range(60):
        alarms += rhythm.limit < 1800.0
        rhythm.learn(1800.0)
    assert alarms < 12
    assert 1800.0 < rhythm.limit < 5 * 3600


def test_a_backlog_handed_over_at_once_teaches_nothing() -> None:
    rhythm = Rhythm()
    for _ in range(20):
        rhythm.learn(600.0)
    before = (rhythm.limit, rhythm.usual)
    for _ in range(50):
        rhythm.learn(1.0, backlog=True)
    assert (rhythm.limit, rhythm.usual) == before


def test_of_the_last_stored_rows_the_daemon_s_own_downtime_counts_for_little() -> None:
    rhythm = Rhythm()
    rhythm.remember([60.0] * 10 + [50_000.0] + [60.0] * 3)
    assert (rhythm.usual, rhythm.limit) == (60.0, 240.0)
