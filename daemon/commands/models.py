"""``sereno train`` and ``sereno backtest``: fits now, and series replayed through the real models."""

from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from daemon.client import Client
from daemon.commands.console import err, tell
from daemon.commands.listing import find_sensor
from daemon.errors import SerenoError


def train(client: Client, sensor: str | None) -> None:
    """Ask the daemon to fit the models of one sensor, or of all; it goes on in the background."""
    sensor_id = find_sensor(client, sensor)["id"] if sensor else None
    tell(client.post("/api/v1/train", sensor_id=sensor_id)["detail"])


def backtest_anomaly(files: Sequence[Path], folder: Path, root: Path | None) -> None:
    """Score every file into ``folder``; raises SerenoError for one that cannot be read."""
    from ml.evaluate import DataError, backtest_anomaly

    try:
        written = backtest_anomaly(files, folder, root)
        for target in track(written, "scoring", len(files), console=err, disable=not err.is_terminal):
            tell(target)
    except (DataError, ValueError) as error:
        raise SerenoError(str(error)) from error
    except OSError as error:
        raise SerenoError(f"{error.filename or folder}: {error.strerror}; check path and rights") from error


def backtest_forecast(files: Sequence[Path], origins: Path, target: Path) -> None:
    """Forecast from every origin into ``target``; raises SerenoError."""
    from ml.evaluate import DataError, backtest_forecast

    try:
        with err.status(f"forecasting {len(files)} files"):
            count = backtest_forecast(files, origins, target)
    except (DataError, ValueError) as error:
        raise SerenoError(str(error)) from error
    except OSError as error:
        raise SerenoError(f"{error.filename or target}: {error.strerror}; check path and rights") from error
    tell(f"{target} ({count} forecasts)")
