"""The models among the other parts: where their history comes from, and what becomes of what they say."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from daemon import news
from daemon.bus import Bus
from daemon.clock import MachineClock
from daemon.config import Config
from daemon.entities import Anomaly, AnomalyKind, Prediction
from daemon.episodes import Episodes, Finding
from daemon.fits import Trained
from daemon.fitting import Fitter
from daemon.inner_writes import InnerWrites
from daemon.recorder import Recorder
from daemon.repository import anomalies, history
from daemon.repository.reads import Reads
from daemon.scoring import Outlets, Scoring
from daemon.sensor_models import History, Outlook, SensorModels
from daemon.sensors import Directory
from ml.features import BIN
from ml.forecast import MEMBERS, whole_bins


def make_scoring(
    config: Config,
    folder: Path,
    *,
    recorder: Recorder,
    reads: Reads,
    directory: Directory,
    episodes: Episodes,
    writes: InnerWrites,
    bus: Bus,
    clock: MachineClock,
    outlooks: Callable[[Sequence[Outlook]], None],
) -> Scoring | None:
    """None where the configuration wants no models."""
    if not (config.anomaly.enabled or config.forecast.enabled):
        return None

    async def since(sensor_id: int, time: int) -> History:
        columns = await reads(lambda conn: history.after(conn, sensor_id, time, recorder.unfolded(sensor_id)))
        return History(
            np.array(columns.times, dtype=np.int64),
            np.array(columns.temperature, dtype=np.float64),  # None becomes NaN
            np.array(columns.humidity, dtype=np.float64),
        )

    def trained(done: Trained) -> None:
        records = [directory.record(sensor_id) for sensor_id in done.sensor_ids]
        names = [r.sensor.name or r.sensor.key for r in records if r is not None]
        bus.publish([news.trained(names, done.seconds, clock.now())])

    async def verdicts(sensor_id: int) -> Sequence[Anomaly]:
        return await reads(lambda conn: anomalies.judged(conn, sensor_id))

    def found(findings: Sequence[Finding]) -> None:
        episodes.found(*findings)

    def normal(sensor_id: int, quantity: str) -> None:
        # The detector has waited until it was sure.
        episodes.normal(sensor_id, AnomalyKind.UNUSUAL_PATTERN, quantity, at_once=True)

    return Scoring(
        SensorModels(folder / "models", horizons(config), detecting=config.anomaly.enabled),
        since,
        verdicts,
        Outlets(found, normal, writes.predictions, trained, outlooks),
        Fitter(),
        clock.now,
        clock.monotonic,
    )


def horizons(config: Config) -> Sequence[float]:
    """Of the forecasts, s; none where nothing is forecast."""
    return [horizon.total_seconds() for horizon in config.forecast.horizons] if config.forecast.enabled else []


def is_dropped(config: Config, row: Prediction) -> bool:
    """Whether a row was forecast for a horizon that the configuration no longer has. A warning, or what a person or
    another model foretold, is none of them."""
    if row.comment is not None or row.model not in MEMBERS:
        return False
    return row.horizon_s not in {whole_bins(horizon) * BIN for horizon in horizons(config)}


def sensors_to_train(directory: Directory, sensor_id: int | None) -> Sequence[int]:
    """One sensor, or all."""
    return [sensor.id for sensor in directory.all()] if sensor_id is None else [sensor_id]
