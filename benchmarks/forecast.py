"""How good the forecasts are, beside what people set up by hand, on the same series and origins.

    python benchmarks/forecast.py --data DIR --scorers DIR [--step-h 13] [--ours-only]

``--data`` holds ``*.csv[.gz]`` of sensors (``timestamp,sensor,quantity,value``), ``--scorers`` ``fc_score.py``, which
also says what is scored: the second half of each series, an origin every 13 hours. Ours is what ``sereno backtest
forecast`` writes. The others are given the 15-minute means of the 14 days before each origin: persistence with the
90 % quantile of its own past errors, AutoETS, and MSTL with a season of a day and AutoETS for the rest, both by
statsforecast with its 90 % interval.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

try:
    import pandas as pd
    from statsforecast.models import MSTL, AutoETS
except ImportError as fault:
    sys.exit(f"{fault.name} is missing: pip install -e '.[bench]' brings what the baselines need")

from ml.evaluate import backtest_forecast

DAY = 96
KNOWN = 14 * DAY
"""Bins that the baselines are fitted to."""

OTHERS = ("persistence", "AutoETS", "MSTL + ETS")
COLUMNS = ("rMAE", "cover", "worst", "winkler")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorers", type=Path, required=True)
    parser.add_argument("--step-h", type=float, default=13.0, help="hours between origins")
    parser.add_argument("--ours-only", action="store_true", help="leave the others out")
    options = parser.parse_args()
    sys.path.insert(0, str(options.scorers.resolve()))
    import fc_score

    os.environ["OMP_NUM_THREADS"] = "1"  # two processes share the machine
    began = time.monotonic()
    files = sorted(options.data.glob("*.csv*"))
    scored = {file: bins for file in files if (bins := fc_score.series([file], UNCLEAN))}
    data = {key: bins for found in scored.values() for key, bins in found.items()}
    print(f"{len(data)} series of {len(scored)} files", flush=True)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(2, context) as pool:
        origins = Path(place) / "origins.csv"
        rows = [(*key, bins.index[i]) for key, bins in data.items() for i in fc_score.origins(bins, options.step_h)]
        pd.DataFrame(rows, columns=["sensor", "quantity", "origin"]).to_csv(origins, index=False)
        ours = [pool.submit(replay, file, origins, Path(place) / f"{number}.csv") for number, file in enumerate(scored)]
        others = {
            name: [
                pool.submit(foretell, name, key, bins, fc_score.origins(bins, options.step_h), fc_score.HORIZONS)
                for key, bins in data.items()
            ]
            for name in (() if options.ours_only else OTHERS)
        }
        tables = {"sereno": pd.concat([pd.read_csv(job.result()) for job in ours])}
        tables |= {name: pd.concat([job.result() for job in jobs]) for name, jobs in others.items()}
    for column in COLUMNS:
        print(f"\n{TITLES[column]}\n{'':16}" + "".join(f"{_span(minutes):>9}" for minutes in fc_score.HORIZONS))
        for name, table in tables.items():
            summary = fc_score.summary(fc_score.score(data, table, options.step_h))
            cells = "".join(f"{summary.loc[minutes, column]:9.3f}" for minutes in fc_score.HORIZONS)
            print(f"{name:16}{cells}", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


UNCLEAN = ("house_north_outdoor", "house_airport")
"""A sensor that really fails, and a series that is none of a sensor: fc_score.py leaves them out, too."""

TITLES = {
    "rMAE": "Error relative to persistence, geometric mean over the series",
    "cover": "Coverage of the 90 % interval, mean over the series",
    "worst": "Coverage of the worst series with 80 origins",
    "winkler": "Interval score relative to persistence with a static band",
}


def replay(file: Path, origins: Path, out: Path) -> Path:
    """A job: ours."""
    backtest_forecast([file], origins, out)
    return out


def foretell(name: str, key: tuple[str, str], bins: Any, at: Sequence[int], horizons: dict[int, int]) -> Any:
    """A job: a baseline on one series, ``bins`` its 15-minute means; forecasts in fc_score.py's form."""
    values = bins.to_numpy(float)
    rows = []
    for origin in at:
        known = values[max(0, origin + 1 - KNOWN) : origin + 1]
        if name == "persistence":
            ahead = {h: persistence(values[: origin + 1], h) for h in horizons.values()}
        else:
            model = AutoETS(season_length=1) if name == "AutoETS" else MSTL(season_length=DAY)
            told = model.forecast(y=known, h=max(horizons.values()), level=[90])
            ahead = {h: tuple(told[part][h - 1] for part in ("mean", "lo-90", "hi-90")) for h in horizons.values()}
        rows += [(*key, bins.index[origin], minutes, *ahead[h]) for minutes, h in horizons.items()]
    return pd.DataFrame(rows, columns=["sensor", "quantity", "origin", "horizon_min", "mean", "lower", "upper"])


def persistence(past: Any, horizon: int) -> tuple[float, float, float]:
    radius = float(np.quantile(np.abs(past[horizon:] - past[:-horizon]), 0.9))
    return past[-1], past[-1] - radius, past[-1] + radius


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


if __name__ == "__main__":
    main()
