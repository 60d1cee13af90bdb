"""Whether warnings that a limit will be crossed come true, on replayed series: never looking ahead.

    python benchmarks/threshold.py --data DIR [--sensors NAME ...] [--level 0.8]

``--data`` holds ``*.csv[.gz]`` of sensors (``timestamp,sensor,quantity,value``). Each series' limits are its 5 % and
95 % quantiles of the first half; in the second it is warned of them as the daemon does, through the same hysteresis. A
warning comes true if a 15-minute mean is beyond the limit within the horizon that the warning names. A crossing is one
that follows an hour within the limit; it was warned of if a warning stood. The Brier score is that of the probability
within the longest horizon at every quarter of an hour within the limit, beside that of always saying how often it came.

Then what never happened before: from one moment a week on the series goes 2 °C (8 %) an hour up, or down, from what it
really was, towards a limit three hours' worth of that beyond all of the week before. Told are those of which a warning
came before the limit was passed, and how long before.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np

from daemon.forewarning import Forewarnings, Subject
from daemon.scoring import Predicted
from ml.base import Arrays, Floats, Forecast
from ml.crossing import crossing, expected_path
from ml.evaluate import FIT_ROWS, HORIZONS, Row, read_series
from ml.features import BIN
from ml.forecast import MixForecaster
from ml.forecast_fit import fit_mix
from ml.peers import Peers

PER_HOUR = round(3600 / BIN)
LEAST = 8 * 96
"""Bins of a series below which it is left out: four days to set limits by, four to be warned in."""

WEEK = 7 * 96

RATES = {"temperature": 2.0, "humidity": 8.0}
"""°C and % an hour: a freezer that thaws, a heating that fails, a pipe that leaks."""

SHARES = (0.05, 0.2, 0.4, 0.6, 0.75, 0.85, 0.95)
"""Between which probabilities are put together, to be held against what came."""


@dataclass(slots=True)
class Origin:
    """What was known at the end of a bin: its number since 1970, its mean, the usual day, the forecasts; weekly the
    forecaster's whole state."""

    bin: int
    level: float
    day: Floats
    forecasts: Sequence[Forecast]
    state: Arrays | None


@dataclass(slots=True)
class Tally:
    """Of one series, or of many. Bins count time."""

    warnings: int = 0
    true: int = 0
    crossings: int = 0
    warned: int = 0
    leads: list[int] = field(default_factory=list)
    said: list[float] = field(default_factory=list)
    came: list[bool] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.warnings += other.warnings
        self.true += other.true
        self.crossings += other.crossings
        self.warned += other.warned
        self.leads += other.leads
        self.said += other.said
        self.came += other.came

    def line(self, name: str) -> str:
        said, came = np.array(self.said), np.array(self.came, np.float64)
        brier = float(((said - came) ** 2).mean()) if len(said) else float("nan")
        base = float(came.mean() * (1.0 - came.mean())) if len(said) else float("nan")
        quartiles = np.quantile(self.leads, [0.25, 0.5, 0.75]) * BIN / 3600 if self.leads else [float("nan")] * 3
        lead = " ".join(f"{hours:5.2f}" for hours in quartiles)
        return (
            f"{name:34} {self.warnings:5} {_share(self.true, self.warnings)} {self.crossings:6} "
            f"{_share(self.warned, self.crossings)}  {lead}   {brier:.3f} {base:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sensors", nargs="+", help="these alone")
    parser.add_argument("--level", type=float, default=0.8, help="the probability that is told (forecast.warn_at)")
    options = parser.parse_args()
    files = sorted(path for path in options.data.glob("*.csv*") if path.is_file())
    if not files:
        sys.exit(f"{options.data}: no *.csv or *.csv.gz there")
    print(f"warnings at {options.level:g}\n{'series':34} told  true cross. warned  lead 25 50 75 % (h)  Brier  base")
    everything, failed, leads = Tally(), 0, list[float]()
    for path in files:
        for (sensor, quantity), origins in replayed(read_series(path), options.sensors).items():
            if len(origins) >= LEAST:
                tally = judged(origins, quantity, options.level)
                print(tally.line(f"{sensor} {quantity}"), flush=True)
                everything.add(tally)
                for lead in failures(origins, quantity, options.level):
                    failed += 1
                    leads += [] if lead is None else [lead]
    print(everything.line("all"))
    said, came = np.array(everything.said), np.array(everything.came)
    print("of what was given so probable, so much came:")
    for low, high in zip((0.0, *SHARES), (*SHARES, 1.01), strict=True):
        there = (said >= low) & (said < high)
        if there.any():
            print(f"  {said[there].mean():.2f} {came[there].mean():.2f}  ({there.sum()})")
    if leads:
        quartiles = " ".join(f"{lead:.2f}" for lead in np.quantile(leads, [0.25, 0.5, 0.75]))
        print(f"failures {failed}, told before {len(leads)}, lead 25 50 75 % (h) {quartiles}")


def replayed(rows: Iterator[Row], sensors: Sequence[str] | None) -> Mapping[tuple[str, str], list[Origin]]:
    """Each series' forecasts at the end of each bin, by the daemon's forecasters, fitted when they want to be."""
    found: dict[tuple[str, str], list[Origin]] = {}
    forecasters: dict[tuple[str, str], MixForecaster] = {}
    peers = Peers()
    for (sensor, time), together in groupby(rows, key=lambda row: (row.sensor, row.time)):
        if sensors is not None and sensor not in sensors:
            continue
        values = {row.quantity: row.value for row in together}
        for quantity in values:
            if (sensor, quantity) not in forecasters:
                forecasters[sensor, quantity] = MixForecaster(quantity, HORIZONS, peers, sensor)
                found[sensor, quantity] = []
        for key, forecaster in forecasters.items():
            if key[0] != sensor:
                continue
            bins = forecaster.bins
            if forecaster.observe(time, values) and (forecasts := forecaster.forecast(time)):
                state = forecaster.state() if len(found[key]) % WEEK == WEEK - 1 else None
                found[key].append(Origin(bins.newest, bins.at(0), bins.usual_day(), forecasts, state))
            if forecaster.fit_due() and (training := forecaster.training(FIT_ROWS)) is not None:
                forecaster.adopt(fit_mix(training))
    return found


def judged(origins: Sequence[Origin], quantity: str, level: float) -> Tally:
    """The second half of a series, warned of both limits."""
    middle = len(origins) // 2
    limits = np.quantile([origin.level for origin in origins[:middle]], [0.05, 0.95])
    tally = Tally()
    for limit, upper in zip(limits.tolist(), (False, True), strict=True):
        tally.add(_one_limit(origins[middle:], quantity, limit, upper=upper, level=level))
    return tally


def failures(origins: Sequence[Origin], quantity: str, level: float) -> Iterator[float | None]:
    """How long before its limit was passed each failure was told (h); None where it was not."""
    for start, origin in enumerate(origins):
        for sign in (1.0, -1.0):
            if origin.state is not None:
                week = [sign * earlier.level for earlier in origins[start + 1 - WEEK : start + 1]]
                limit = sign * (max(week) + 3.0 * RATES[quantity])
                after = [
                    (o.bin, o.level + sign * RATES[quantity] * (o.bin - origin.bin) / 4) for o in origins[start + 1 :]
                ]
                passed = next((at for at, value in after if sign * (value - limit) > 0), None)
                if passed is not None:
                    told = _first_told(origin.state, quantity, after, limit, upper=sign > 0, level=level)
                    yield None if told is None or told >= passed else (passed - told) / PER_HOUR


def _first_told(
    state: Arrays, quantity: str, after: Sequence[tuple[int, float]], limit: float, *, upper: bool, level: float
) -> int | None:
    """The bin at whose end it is told that ``after`` (bins and their means) passes the limit."""
    forecaster = MixForecaster(quantity, HORIZONS)
    forecaster.restore(state)
    bins = forecaster.bins
    for number, value in after:
        forecaster.observe((number + 0.5) * BIN, {quantity: value})
        if forecasts := forecaster.forecast((number + 1) * BIN):
            ahead = crossing(expected_path(bins.at(0), forecasts, bins.usual_day()), limit, upper=upper)
            if ahead is None:
                return None
            if ahead.within(max(HORIZONS)) >= level:
                return bins.newest
    return None


def _one_limit(origins: Sequence[Origin], quantity: str, limit: float, *, upper: bool, level: float) -> Tally:
    tally = Tally()
    value_of = {origin.bin: origin.level for origin in origins}
    beyond = {number: (value > limit) if upper else (value < limit) for number, value in value_of.items()}
    last, longest = origins[-1].bin, round(max(HORIZONS) / BIN)
    told: list[Predicted] = []
    standing: list[int] = []  # bins in which each warning was told
    clock = [0]
    warnings = Forewarnings(told.extend, lambda: clock[0], level)
    subject = Subject(1, None, "limit")
    for origin in origins:
        clock[0] = round(origin.bin * BIN * 1e6)
        path = expected_path(origin.level, origin.forecasts, origin.day)
        ahead = crossing(path, limit, upper=upper)
        if ahead is None:
            if not any(beyond.get(origin.bin - back) for back in range(1, PER_HOUR + 1)):
                tally.crossings += 1
                tally.warned += any(origin.bin - longest <= number < origin.bin for number in standing)
            standing.clear()
            warnings.came(subject)
            continue
        row = Predicted(1, quantity, 0, 0.0, 0.0, 0.0, clock[0], "")
        horizons = [bins * BIN for bins in path.horizons]
        within = [ahead.within(horizon) for horizon in horizons]
        place = next((i for i, probability in enumerate(within) if probability >= level), -1)
        told.clear()
        warnings.look(subject, within[place], lambda row=row: row)  # type: ignore[misc]
        if told:
            standing.append(origin.bin)
        if origin.bin + longest > last:
            continue  # what comes after the end is not known
        first = next((n for n in range(1, longest + 1) if beyond.get(origin.bin + n)), longest + 1)
        tally.said.append(within[-1])
        tally.came.append(first <= longest)
        if told:
            tally.warnings += 1
            if first <= path.horizons[place]:
                tally.true += 1
                tally.leads.append(first)
    return tally


def _share(part: int, whole: int) -> str:
    return f"{part / whole:5.2f}" if whole else "    -"


if __name__ == "__main__":
    main()
