"""The backtest: stored series replayed through the daemon's own models, one reading at a time, never looking ahead.

Reads ``timestamp,value`` (NAB) or ``timestamp,sensor,quantity,value`` (an empty value is a failed read), plain or
gzipped, and writes what the scorers read.
"""

import csv
import gzip
import io
import math
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TextIO

from ml.anomaly import ForestDetector
from ml.base import UNNAMED, Detector, Forecast, Forecaster, Score
from ml.features import BIN, DAY, HOUR, MINUTE
from ml.fit import fit
from ml.forecast import MixForecaster
from ml.forecast_fit import fit_mix
from ml.forest import ForestBank
from ml.peers import Peers
from ml.slow import Place

FIT_ROWS = 4096
"""At most so many rows go into a fit, here as in the daemon."""

HORIZONS = (15 * MINUTE, HOUR, 6 * HOUR, DAY)

SeriesKey = tuple[str, str]
"""(sensor, quantity)"""


class DataError(Exception):
    """A file that is no series: the sentence names file and line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One reading of a file; ``time`` in s, ``value`` NaN for a failed read, ``text`` the value as written."""

    timestamp: str
    time: float
    sensor: str
    quantity: str
    value: float
    text: str


@contextmanager
def _whole(target: Path) -> Iterator[TextIO]:
    """A file that is written whole or not at all."""
    part = target.with_name(target.name + ".part")
    try:
        with part.open("w", newline="") as file:
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read_series(path: Path) -> Iterator[Row]:
    """The readings of a file in order of arrival; infinite values count as failed reads. Raises DataError, and OSError
    where the file cannot be opened."""
    with _open_text(path) as file:
        yield from _rows(path, _lines(path, file))


def _lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a file, with its name where it is no text, or damaged."""
    try:
        yield from file
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: {error}; UTF-8 text, or such text packed by gzip, is read") from error


def _rows(path: Path, lines: Iterator[str]) -> Iterator[Row]:
    reader = csv.reader(lines)
    header = next(reader, [])
    try:
        timestamp, value = header.index("timestamp"), header.index("value")
    except ValueError:
        known = "timestamp,value or timestamp,sensor,quantity,value"
        raise DataError(f"{path}:1: the header is {','.join(header)!r}; {known} is read") from None
    named = "sensor" in header and "quantity" in header
    sensor, quantity = (header.index("sensor"), header.index("quantity")) if named else (-1, -1)
    for cells in filter(None, reader):  # a blank line is no row
        try:
            seconds = _seconds(cells[timestamp])
            number = float(cells[value]) if cells[value].strip() else math.nan
            names = (cells[sensor], cells[quantity]) if named else (UNNAMED, UNNAMED)
        except (ValueError, IndexError) as error:
            raise DataError(f"{path}:{reader.line_num}: {error}") from error
        yield Row(cells[timestamp], seconds, *names, number if math.isfinite(number) else math.nan, cells[value])


def score_series(rows: Iterator[Row]) -> Iterator[tuple[Row, Score | None]]:
    """Each row with its score, None where it is not newer than the last of its series.

    Rows of one sensor and time that follow each other are one reading, as the daemon would have received it.
    """
    bank, place = ForestBank(), Place()
    detectors: dict[str, Detector] = {}
    for (sensor, time), together in groupby(rows, key=lambda row: (row.sensor, row.time)):
        detector = detectors.get(sensor)
        if detector is None:
            detector = detectors[sensor] = ForestDetector(bank, place, sensor)
        reading: dict[str, Row] = {}
        for row in together:
            if row.quantity in reading:
                yield from _scored(detector, time, reading)
                reading = {}
            reading[row.quantity] = row
        yield from _scored(detector, time, reading)
        if detector.fit_due() and (training := detector.training(FIT_ROWS)) is not None:
            detector.adopt(fit(training))


def _scored(detector: Detector, time: float, reading: Mapping[str, Row]) -> Iterator[tuple[Row, Score | None]]:
    scores = detector.observe(time, {quantity: row.value for quantity, row in reading.items()})
    by_quantity = {score.quantity: score for score in scores}
    for quantity, row in reading.items():
        yield row, by_quantity.get(quantity)


COLUMNS = (
    *("timestamp", "sensor", "quantity", "value"),
    *("anomaly_score", "puntuacion", "alarm", "feature", "cause"),
)


def backtest_anomaly(files: Sequence[Path], out: Path, root: Path | None = None) -> Iterator[Path]:
    """Score each file into ``out``, at its path below ``root`` (default: its name), ending ``.csv``.

    Writes COLUMNS, one row per input row, in order: the held-off score, the likelihood, and 1 where the daemon would
    announce an anomaly, with the feature that shows it and what it looks like. Yields each file written. Raises
    DataError, and ValueError for a file that is not below ``root``.
    """
    for path in files:
        below = path.resolve().relative_to(root.resolve()) if root else Path(path.name)
        name = below.name.removesuffix(".gz").removesuffix(".csv") + ".csv"
        target = out / below.with_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.resolve() == path.resolve():
            raise ValueError(f"{path} would be written over by its own scores; choose another folder for them")
        with _whole(target) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for row, score in score_series(read_series(path)):
                held, likelihood, alarm = (score.held, score.likelihood, score.alarm) if score else (0.0, 0.0, False)
                scores = [f"{number:.17g}" for number in (held, likelihood)]
                why = [score.feature, score.cause.value] if score and alarm else ["", ""]
                writer.writerow([row.timestamp, row.sensor, row.quantity, row.text, *scores, int(alarm), *why])
        yield target


def backtest_forecast(files: Sequence[Path], origins: Path, out: Path, horizons: Sequence[float] = HORIZONS) -> int:
    """Forecast each series at its origins, from the readings before origin + 15 min alone.

    ``origins`` is ``sensor,quantity,origin`` with the start of the last complete bin. Writes
    ``sensor,quantity,origin,horizon_min,mean,lower,upper``; returns the number of forecasts. Raises DataError.
    """
    wanted = _read_origins(origins)
    written = 0
    with _whole(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["sensor", "quantity", "origin", "horizon_min", "mean", "lower", "upper"])
        for path in files:
            for (sensor, quantity), origin, made in forecast_series(read_series(path), wanted, horizons):
                for f in made:
                    numbers = [f"{number:.6g}" for number in (f.value, f.lower, f.upper)]
                    writer.writerow([sensor, quantity, origin, round(f.horizon / MINUTE), *numbers])
                    written += 1
    return written


def forecast_series(
    rows: Iterator[Row], wanted: Mapping[SeriesKey, Sequence[tuple[float, str]]], horizons: Sequence[float]
) -> Iterator[tuple[SeriesKey, str, Sequence[Forecast]]]:
    """(series, origin as it was written, forecasts) for each wanted origin, as soon as its bin is complete.

    The detector runs beside: what it flags teaches the forecasters nothing, here as in the daemon.
    """
    forecasters: dict[SeriesKey, Forecaster] = {}
    peers = Peers()
    ahead = {key: deque(origins) for key, origins in wanted.items()}
    for row, score in score_series(rows):
        key = row.sensor, row.quantity
        if key not in forecasters:
            forecasters[key] = MixForecaster(row.quantity, horizons, peers, row.sensor)
        flagged = {row.quantity} if score is None or score.anomalous else ()
        for other, forecaster in forecasters.items():
            if other[0] == row.sensor:
                waiting = ahead.get(other, deque())
                while waiting and waiting[0][0] + BIN <= row.time:
                    at, text = waiting.popleft()
                    yield other, text, forecaster.forecast(at + BIN)
                forecaster.observe(row.time, {row.quantity: row.value}, flagged)
                if forecaster.fit_due() and (training := forecaster.training(FIT_ROWS)) is not None:
                    forecaster.adopt(fit_mix(training))
    for key, forecaster in forecasters.items():
        for at, text in ahead.get(key, ()):
            yield key, text, forecaster.forecast(at + BIN)


def _read_origins(path: Path) -> dict[SeriesKey, list[tuple[float, str]]]:
    found: dict[SeriesKey, list[tuple[float, str]]] = {}
    with _open_text(path) as file:
        for line, cells in enumerate(csv.DictReader(file), 2):
            try:
                key, text = (cells["sensor"], cells["quantity"]), cells["origin"]
                found.setdefault(key, []).append((_seconds(text), text))
            except (KeyError, ValueError) as error:
                raise DataError(f"{path}:{line}: {error}; sensor,quantity,origin is read") from error
    return {key: sorted(origins) for key, origins in found.items()}


def _seconds(timestamp: str) -> float:
    """RFC 3339 or ISO 8601; without a zone the wall clock is taken as it is."""
    at = datetime.fromisoformat(timestamp)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _open_text(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
