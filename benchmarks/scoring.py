"""What scoring costs: µs per reading one at a time and in batches, against scikit-learn's own score_samples in the
same run, refits, and memory per further sensor.

    python benchmarks/scoring.py [--sensors 1000]

Readings carry temperature and humidity, so a reading is two values: two series' features, two forests, two tails.
"""

import argparse
import gc
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.anomaly import ForestDetector, observe_many
from ml.features import CHANNELS
from ml.fit import fit
from ml.forecast import MixForecaster
from ml.forecast_fit import fit_mix
from ml.forest import SAMPLES, TREES, ForestBank, fit_forest, flatten
from ml.peers import Peers

STEP = 60.0
HORIZONS = (900.0, 3600.0, 21_600.0, 86_400.0)
DAYS = 28
"""The past that a forecaster is fitted to: its longest."""

WARM = 2 * 1440
"""Readings of each sensor before the measurement: two days at one a minute."""


def room(index: int, sensor: int) -> Mapping[str, float]:
    day = math.sin(2 * math.pi * (index * STEP / 86_400 + sensor / 50))
    noise = math.sin(index * 12.9898 + sensor) * 0.15
    return {"temperature": round(21 + 1.5 * day + noise, 1), "humidity": round(50 - 4 * day + 3 * noise, 1)}


def lived(bank: ForestBank, sensor: int) -> ForestDetector:
    detector = ForestDetector(bank)
    for index in range(WARM):
        detector.observe(index * STEP, room(index, sensor))
    return detector


def best(work: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of some runs (s): what the machine's other tenants took is left out."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def crowd(count: int) -> tuple[ForestBank, list[ForestDetector]]:
    """``count`` sensors, each with a state and forests of its own (copies of one that has lived)."""
    bank = ForestBank(limit=4 * count + 8)
    model = lived(bank, 0)
    training = model.training(2048)
    assert training is not None
    model.adopt(fit(training))
    state = model.state()
    detectors = [ForestDetector(bank) for _ in range(count)]
    for detector in detectors:
        detector.restore(state)
    return bank, detectors


def scoring(count: int) -> None:
    bank, detectors = crowd(count)
    clock = iter(range(WARM, 10**9))

    def one_at_a_time() -> None:
        index = next(clock)
        for sensor, detector in enumerate(detectors[:200]):
            detector.observe(index * STEP, room(index, sensor))

    def together(size: int) -> Callable[[], None]:
        def work() -> None:
            index = next(clock)
            observe_many(bank, [(d, index * STEP, room(index, n)) for n, d in enumerate(detectors[:size])])

        return work

    def made_up(size: int) -> float:
        """Making the readings is not scoring them."""
        return best(lambda: [room(1, n) for n in range(size)])

    one = (best(one_at_a_time) - made_up(200)) / 200
    print(f"one reading at a time                {one * 1e6:8.1f} µs per reading (temperature and humidity)")
    for size in sorted({256, count}):
        cost = (best(together(size)) - made_up(size)) / size
        print(f"{size:5d} sensors in one batch          {cost * 1e6:8.1f} µs per reading")


def against_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1024, len(CHANNELS))).astype(np.float32)
    model = IsolationForest(n_estimators=TREES, max_samples=SAMPLES, random_state=0).fit(rows)
    bank = ForestBank()
    slot = bank.put(flatten(model))
    for size in (1, 256):
        asked, slots = rows[:size], np.full(size, slot, np.intp)
        ours = best(lambda a=asked, s=slots: bank.score(s, a), 30)  # type: ignore[misc]
        theirs = best(lambda a=asked: model.score_samples(a), 10)  # type: ignore[misc]
        difference = np.abs(bank.score(slots, asked) + model.score_samples(asked)).max()
        print(
            f"forest alone, {size:4d} rows a call      {ours / size * 1e6:8.1f} µs per row; "
            f"scikit-learn {theirs / size * 1e6:.1f} µs ({theirs / ours:.0f} times), difference {difference:.1e}"
        )


def refits() -> None:
    rows = np.random.default_rng(2).normal(size=(1024, len(CHANNELS))).astype(np.float32)
    fit_forest(rows)  # scikit-learn's import is the child's, once
    print(f"refit and flatten a forest           {best(lambda: fit_forest(rows)) * 1e3:8.1f} ms")
    peers = Peers()
    forecasters = [MixForecaster("temperature", HORIZONS, peers, str(sensor)) for sensor in range(4)]
    for index in range(DAYS * 96):
        for sensor, forecaster in enumerate(forecasters):
            forecaster.observe(index * 900.0, room(index * 15, sensor))
    forecaster, *neighbours = forecasters
    training = forecaster.training(4096)
    assert training is not None
    assert len(training["names"]) == len(neighbours)
    fit_mix(training)
    print(
        f"refit a forecaster, four horizons    {best(lambda: fit_mix(training), 3) * 1e3:8.1f} ms ({DAYS} days, 3 near)"
    )
    forecaster.adopt(fit_mix(training))
    at = iter(range(DAYS * 96, 10**9))

    def predict() -> None:
        index = next(at)
        for neighbour in neighbours:
            neighbour.bins.add(index * 900.0, 20.0, flagged=False)
        forecaster.observe(index * 900.0, room(index * 15, 0))
        forecaster.forecast(index * 900.0)

    print(f"predict four horizons with intervals {best(predict, 50) * 1e3:8.2f} ms")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def memory(count: int) -> None:
    """Printed by a process of its own: kept models of ``count`` sensors with two series each, forecasters included."""
    bank = ForestBank(limit=4 * count + 8)
    model, forecasters = lived(bank, 0), [MixForecaster(q, HORIZONS) for q in ("temperature", "humidity")]
    for index in range(14 * 96):
        for forecaster in forecasters:
            forecaster.observe(index * 900.0, room(index * 15, 0))
    training = model.training(2048)
    assert training is not None
    model.adopt(fit(training))
    for forecaster in forecasters:
        rows = forecaster.training(4096)
        assert rows is not None
        forecaster.adopt(fit_mix(rows))
    states = model.state(), [forecaster.state() for forecaster in forecasters]
    kept: list[object] = []
    peers = Peers()

    def one_more() -> None:
        detector = ForestDetector(bank)
        detector.restore(states[0])
        mixes = []
        for forecaster, state in zip(forecasters, states[1], strict=True):
            mix = MixForecaster(forecaster.quantity, HORIZONS, peers, str(len(kept)))
            mix.restore({name: array.copy() for name, array in state.items()})
            mixes.append(mix)
        kept.append((detector, mixes))

    one_more()
    gc.collect()
    before = resident()
    for _ in range(count - 1):
        one_more()
    gc.collect()
    grown = (resident() - before) / (count - 1) / 2
    print(f"memory per further series            {grown / 1024:8.0f} KiB (detector, forest and forecaster)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--memory-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_only:
        memory(250)
        return
    scoring(arguments.sensors)
    against_scikit_learn()
    refits()
    subprocess.run([sys.executable, __file__, "--memory-only"], check=True)


if __name__ == "__main__":
    main()
