"""The backtest flags the rows on which the daemon announces: one file through both, with faults of every sort in it."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from daemon.entities import Anomaly, AnomalyKind, Quality, Sensor, StoredReading
from daemon.episodes import Episodes
from daemon.events import Action
from daemon.fitting import Fitter
from daemon.scoring import Outlets, Scoring
from daemon.sensor_models import History, SensorModels
from daemon.sensors import Directory
from daemon.watch import Watch
from ml.base import Arrays
from ml.evaluate import backtest_anomaly, read_series
from ml.fit import fit

STEP, PER_DAY = 600, 144
START = 1_790_035_200
ABSENT = "absent"


def a_house_with_faults(path: Path) -> None:
    """Three rooms, nine days, a reading each ten minutes: what a DHT22 says, and what it says when it fails."""
    random = np.random.default_rng(11)
    weather, own = 0.0, [0.0, 0.0, 0.0]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["timestamp", "sensor", "quantity", "value"])
        for index in range(9 * PER_DAY):
            weather += -0.005 * weather + random.normal(0, 0.12)
            for room in (1, 2, 3):
                own[room - 1] += -0.05 * own[room - 1] + random.normal(0, 0.04)
                sun = math.sin(2 * math.pi * index / PER_DAY)
                temperature = 20 + room + (0.5 + 0.1 * room) * weather + 0.6 * sun + own[room - 1]
                humidity = 50 - 3 * weather - 2 * sun + random.normal(0, 0.4)
                values = {"humidity": f"{humidity:.1f}", "temperature": f"{temperature:.1f}"}
                values |= fault(room, index, temperature, humidity)
                for quantity, text in values.items():
                    if text == ABSENT:
                        continue
                    time = np.datetime64(START + index * STEP + room, "s")
                    writer.writerow([str(time).replace("T", " "), f"room {room}", quantity, text])


def fault(room: int, index: int, temperature: float, humidity: float) -> dict[str, str]:
    hours = (index - 5 * PER_DAY) / 6
    match room:
        case 1 if 0 <= hours < 8:
            return {"temperature": "21.4"}  # stuck
        case 1 if 30 <= hours < 31:
            return {"temperature": ""}  # its element cannot be read
        case 1 if 50 <= hours < 90:
            return {"humidity": f"{humidity + 0.5 * (hours - 50):.1f}"}  # drifts
        case 2 if 10 <= hours < 20:
            return {"temperature": f"{temperature + 4:.1f}", "humidity": f"{humidity - 15:.1f}"}  # heated
        case 2 if hours == 60:
            return {"temperature": "3276.7"}
        case 3 if 40 <= hours < 43:
            return {"temperature": "-60.1", "humidity": ABSENT}
    return {}


class InThisProcess(Fitter):
    async def fit(self, training: Arrays) -> Arrays:
        return fit(training)


@pytest.mark.timeout(120)
async def test_the_daemon_announces_where_the_backtest_flags(tmp_path: Path) -> None:
    source = tmp_path / "house.csv"
    a_house_with_faults(source)
    with next(backtest_anomaly([source], tmp_path / "out")).open(newline="") as file:
        flagged = {(r["timestamp"], r["sensor"], r["quantity"]) for r in csv.DictReader(file) if r["alarm"] == "1"}
    assert len(flagged) >= 6
    assert await announced(source, tmp_path / "models") == flagged


async def announced(source: Path, models: Path) -> set[tuple[str, str, str]]:
    """(timestamp, sensor, quantity) of what opened an episode when the file's readings were committed one by one."""
    readings: dict[tuple[float, str], dict[str, float]] = defaultdict(dict)
    stamps: dict[float, str] = {}
    for row in read_series(source):
        readings[row.time, row.sensor][row.quantity] = row.value
        stamps[row.time] = row.timestamp
    now, found = [0.0], set[tuple[str, str, str]]()

    def written(anomaly: Anomaly, action: Action) -> None:
        if action is Action.DETECTED:
            quantities = ("temperature",) if anomaly.kind is AnomalyKind.INVALID_READINGS else anomaly.quantities
            found.update((stamps[now[0]], f"room {anomaly.sensor_id}", q) for q in quantities if q in fresh)

    ids = iter(range(1, 100_000))
    episodes = Episodes(written, lambda _: next(ids), lambda: int(now[0] * 1e6), lambda: now[0])
    directory = Directory(limit=10)
    directory.load([Sensor(n, f"mqtt/{n}", "temperatura_humedad", "DHT22", 0, 0) for n in (1, 2, 3)], [])
    watch = Watch(
        directory,
        episodes,
        lambda: int(now[0] * 1e6),
        lambda: now[0],
        save=lambda _: None,
        publish=lambda _: None,
    )
    fresh: set[str] = set()

    def tell(findings: object) -> None:
        fresh.clear()
        fresh.update(finding.quantity for finding in findings)  # type: ignore[attr-defined]
        episodes.found(*findings)  # type: ignore[misc]

    async def nothing(*_: int) -> History:
        return History(np.empty(0, np.int64), np.empty(0), np.empty(0))

    async def no_verdicts(_: int) -> list[Anomaly]:
        return []

    known = SensorModels(models, (), detecting=True)
    outlets = Outlets(
        tell,
        lambda sensor, quantity: episodes.normal(sensor, AnomalyKind.UNUSUAL_PATTERN, quantity, at_once=True),
        lambda _: None,
        lambda _: None,
        lambda _: None,
    )
    scoring = Scoring(known, nothing, no_verdicts, outlets, InThisProcess(), lambda: int(now[0] * 1e6), gather=0.0)
    scoring.appeared([1, 2, 3])
    for (time, name), values in readings.items():
        now[0], sensor_id = time, int(name.removeprefix("room "))
        measured = {q: v for q, v in values.items() if v == v}
        if len(measured) < len(values):
            fresh.clear()
            fresh.add("temperature")
            watch.failed(sensor_id)
        absurd = measured.get("temperature", 0.0) > 125 or measured.get("temperature", 0.0) < -60
        at = int(time * 1e6)
        quality = Quality.INVALID if absurd else Quality.OK
        row = StoredReading(next(ids), sensor_id, at, at, "mqtt", quality=quality, **measured)  # type: ignore[arg-type]
        fresh.clear()
        fresh.add("temperature")
        watch.stored([row])
        scoring.offer([row])
        await scoring.drain()
        model = known.get(sensor_id)
        if model is not None and model.fit_due():
            await scoring.fits.train([sensor_id])
    return found
