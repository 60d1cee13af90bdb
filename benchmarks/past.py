"""Gives sensors of a stopped daemon the models that a week of readings would have left them.

``--kinds`` rooms live their week (a reading each five minutes) in the daemon's own models and are fitted as its fitting
process does; each sensor then gets one of them as its own file, which the daemon takes over when it starts.
"""

import argparse
import random
import shutil
import time
from pathlib import Path

import numpy as np
from publisher import temperature

from daemon.sensor_models import MICROSECONDS, History, SensorModels
from ml.fit import fit

HORIZONS = (900.0, 3600.0, 21_600.0, 86_400.0)
STEP = 300
WEEK = 7 * 86_400


def live(models: SensorModels, sensor_id: int, now: int) -> None:
    """One room's week up to ``now`` (s), fitted and saved."""
    noise = random.Random(sensor_id)
    times = np.arange(now - WEEK, now, STEP)
    values = np.array([temperature(second, noise) for second in times.tolist()])
    models.introduce(sensor_id)
    models.replay(sensor_id, History(times * MICROSECONDS, values, np.full(len(times), np.nan)))
    training = models.training(sensor_id, 4096)
    if training is None:
        raise SystemExit("a week was too little to fit to")
    models.adopt(sensor_id, fit(training))
    state = models.state(sensor_id)
    assert state is not None
    models.save(sensor_id, state)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="the folder models below the daemon's state")
    parser.add_argument("--sensors", required=True, help="their ids, separated by commas")
    parser.add_argument("--kinds", type=int, default=25)
    options = parser.parse_args()
    sensor_ids = [int(sensor_id) for sensor_id in options.sensors.split(",")]
    now = int(time.time()) - 600
    models = SensorModels(options.models, HORIZONS, detecting=True)
    lived = sensor_ids[: options.kinds]
    for sensor_id in lived:
        live(models, sensor_id, now)
    for place, sensor_id in enumerate(sensor_ids[options.kinds :]):
        shutil.copy(options.models / f"{lived[place % len(lived)]}.npz", options.models / f"{sensor_id}.npz")


if __name__ == "__main__":
    main()
