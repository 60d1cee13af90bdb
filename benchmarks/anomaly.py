"""What the anomaly detector finds and how often it cries wolf, beside what people use instead, on the same series.

    python benchmarks/anomaly.py --data DIR --scorers DIR [--seeds 1 2 3] [--without] [--quick]

``--data`` holds ``*.csv[.gz]`` of sensors (``timestamp,sensor,quantity,value``) and ``nab/`` with some of NAB's files
and their ``combined_windows.json``; ``--scorers`` holds ``nab_score.py`` and ``faults.py``. Everything is replayed as
``sereno backtest anomaly`` does, one reading at a time. ``--without`` compares the detector with itself instead, one
part left out at a time, on the first seed; ``--quick`` is one seed on the files named ``house*`` and NAB's.

The detector is judged by its own alarms, as the daemon would announce them. The baselines are judged by the one
threshold that is best for them once the faults are known, which nobody knows beforehand. A reading of a series' first
30 % counts neither as a false alarm nor as a time without one.
"""

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

try:
    import pandas as pd
    from baselines import ON_NAB, ON_SENSORS, held_off, score_table
except ImportError as fault:
    sys.exit(f"{fault.name} is missing: pip install -e '.[bench]' brings what the baselines need")
from parts import WITHOUT

from ml.base import Cause
from ml.evaluate import backtest_anomaly

OURS = "sereno"
WARM_UP = 0.3
"""The share of a series in which no alarm counts: faults.py injects none there."""

SHORTEST = 2 * 86_400.0
"""s: faults.py injects nothing into the last day of a series."""

PROFILES = {"standard": "standard", "reward_low_FP_rate": "low FP", "reward_low_FN_rate": "low FN"}
HALF = 1800.0
"""s: a fault that is shorter is found by what is announced within so long of its beginning."""

OF_SENSOR = frozenset({Cause.STUCK, Cause.DRIFTING, Cause.DISCONNECTED, Cause.GLITCHING, Cause.NOISY})

CUTS = (0.3, 0.55)
"""Where files are cut for the prefix test, as shares of their rows."""

Figures = Mapping[str, Any]
"""What faults.py says of a set of alarms."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scorers", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", help="of the injected faults; fresh ones if left out")
    parser.add_argument("--without", action="store_true", help="leave out one part at a time instead")
    parser.add_argument("--quick", action="store_true", help="one seed; of the sensors, the files named house* only")
    options = parser.parse_args()
    sys.path.insert(0, str(options.scorers.resolve()))
    os.environ["OMP_NUM_THREADS"] = "1"  # two processes share the machine
    seeds = options.seeds or random.SystemRandom().sample(range(1, 1_000_000), 3)
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    # A fresh process for each job: what one job changes in a module, no other sees.
    with tempfile.TemporaryDirectory() as place, ProcessPoolExecutor(2, context, max_tasks_per_child=1) as pool:
        run = Run(options.data, Path(place), pool)
        run.prepare(seeds[:1] if options.quick or options.without else seeds, quick=options.quick)
        if options.without:
            run.start_parts()
            run.print_parts()
        else:
            run.start()
            run.print_nab()
            run.print_faults()
            run.print_causes()
            run.print_clean()
            run.print_prefixes()
    print(f"\n{time.monotonic() - began:.0f} s")


class Run:
    """One run: its files below ``place``, the jobs that score them, and the tables made of the scores."""

    def __init__(self, data: Path, place: Path, pool: ProcessPoolExecutor) -> None:
        self.data, self.nab, self.place, self.pool = data, data / "nab", place, pool
        self.keys: list[str] = []
        self.clean: list[Path] = []
        self.faults: dict[int, Path] = {}
        self.events: dict[int, list[Mapping[str, Any]]] = {}
        self.jobs: dict[tuple[str, str], Future[Path]] = {}  # (what was scored, by whom) -> the folder of scores
        self.thresholds: dict[str, list[float]] = {}

    def prepare(self, seeds: Sequence[int], *, quick: bool) -> None:
        """Write the clean series and each seed's faulty ones."""
        from faults import UNCLEAN, make, seconds

        sources = []
        for source in sorted(self.data.glob("house*.csv*" if quick else "*.csv*")):
            table = pd.read_csv(source, dtype={"value": str}, keep_default_na=False)
            times = seconds(table["timestamp"])
            if times.max() - times.min() < SHORTEST:
                print(f"{source.name} is left out: faults need two days")
                continue
            sources.append(source)
            self.clean.append(self.place / "clean" / (source.name.removesuffix(".gz").removesuffix(".csv") + ".csv"))
            self.clean[-1].parent.mkdir(exist_ok=True)
            table[~table["sensor"].isin(UNCLEAN)].to_csv(self.clean[-1], index=False)
        for seed in seeds:
            table, self.events[seed] = make(sources, seed)
            self.faults[seed] = self.place / f"{seed}.csv"
            table.to_csv(self.faults[seed], index=False)
        if self.nab.is_dir():
            self.keys = sorted(json.loads((self.nab / "combined_windows.json").read_text()))
        print(
            f"{len(sources)} files of sensors, {len(self.keys)} of NAB, seeds {' '.join(map(str, seeds))}", flush=True
        )

    def start(self) -> None:
        """Queue every job, in the order of the tables that need them."""
        nab = [self.nab / key for key in self.keys]
        everything = {str(seed): [file] for seed, file in self.faults.items()} | {"clean": self.clean}
        if nab:
            for name in ON_NAB:
                self._submit("nab", name, score_nab, name, nab, self.nab)
            self._submit("nab", OURS, replay, "", nab, self.nab)
        for what, files in everything.items():
            for name in sorted(ON_SENSORS, key="IsolationForest on the value".__ne__):  # the slowest first
                self._submit(what, name, score_sensors, name, files)
            self._submit(what, OURS, replay, "", files)
        for share in CUTS:
            self._submit("cut", f"{share}", replay_cut, share, self._to_cut())

    def start_parts(self) -> None:
        """Queue the detector as it is, then without each part."""
        seed, file = next(iter(self.faults.items()))
        for part in ("", *WITHOUT):
            self._submit(str(seed), part or OURS, replay, part, [file])
            self._submit("clean", part or OURS, replay, part, self.clean)
            if self.keys:
                self._submit("nab", part or OURS, replay, part, [self.nab / key for key in self.keys], self.nab)

    def print_nab(self) -> None:
        if not self.keys:
            return
        rows = [[f"{OURS}, {column}", *self._nab(OURS, column)] for column in ("anomaly_score", "puntuacion")]
        for name in ON_NAB:
            rows += [[name, *self._nab(name, "raw")], [f"{name}, held off", *self._nab(name, "held")]]
        print_table(f"NAB, {len(self.keys)} files, the best threshold of each", ["", *PROFILES.values()], rows)

    def print_faults(self) -> None:
        from faults import KINDS

        found: dict[str, list[Figures]] = {}
        for seed, events in self.events.items():
            for name in (OURS, *ON_SENSORS):
                found.setdefault(name, []).append(self._faults(seed, name))
            rows = [[name, *_fault_cells(figures[-1])] for name, figures in found.items()]
            title = f"Injected faults, seed {seed}, {len(events)} events; baselines at the best threshold for this seed"
            print_table(title, ["", *FAULT_COLUMNS], rows)
            kinds = [
                [name, *(figures[-1]["recall_by_kind"].get(kind, "-") for kind in KINDS)]
                for name, figures in found.items()
            ]
            print_table("  found by kind", ["", *KINDS], kinds)
        if len(self.events) == 1:
            return
        means = [[name, *(_mean(figures, key) for key in MEANS)] for name, figures in found.items()]
        print_table(f"Injected faults, mean of {len(self.events)} seeds", ["", *FAULT_COLUMNS], means)

    def print_causes(self) -> None:
        """What the first alarm of each fault that was found was told to look like; all of them are the sensor's."""
        from faults import KINDS, seconds

        told = {kind: [0, 0, 0] for kind in KINDS}
        for seed, events in self.events.items():
            table = pd.read_csv(self.jobs[str(seed), OURS].result() / self.faults[seed].name)
            table = table[table["alarm"] == 1]
            table = table.assign(t=seconds(table["timestamp"]))
            series = dict(iter(table.groupby(["sensor", "quantity"])))
            for event in events:
                alarms = series.get((event["sensor"], event["quantity"]), table[:0])
                during = alarms[
                    (alarms["t"] >= event["start"]) & (alarms["t"] <= max(event["end"], event["start"] + HALF))
                ]
                if len(during):
                    cause = during["cause"].iloc[0]
                    told[event["kind"]][0 if cause in OF_SENSOR else 2 if cause == Cause.UNCLEAR else 1] += 1
        sums = [sum(counts) for counts in zip(*told.values(), strict=True)]
        rows = [[kind, *map(str, counts)] for kind, counts in [*told.items(), ("all", sums)]]
        print_table("What the faults found were told to be", ["", "of the sensor", "of the room", "unclear"], rows)

    def print_clean(self) -> None:
        rows = []
        for name in (OURS, *ON_SENSORS):
            figures = [self._clean(name, threshold) for threshold in self.thresholds.get(name, [1.0])]
            rows.append([name, *(f"{statistics.mean(one):.2f}" for one in zip(*figures, strict=True))])
        title = "Clean data, false alarms per series-week; baselines at the thresholds above"
        print_table(title, ["", "all", *(file.stem for file in self.clean)], rows)

    def print_prefixes(self) -> None:
        """Every line that is written for a file that was cut must stand in what was written for the whole."""
        same = 0
        cut = {name: job.result() for (what, name), job in self.jobs.items() if what == "cut"}
        for name, folder in cut.items():
            for file in self._to_cut():
                lines = (folder / file.name).read_text().splitlines()
                whole = self._whole(file).read_text().splitlines()
                if lines == whole[: len(lines)]:
                    same += 1
                    continue
                row = next(row for row, line in enumerate(lines) if line != whole[row])
                print(f"{file.name} cut at {name}: row {row} is {lines[row]}, of the whole file {whole[row]}")
        print(
            f"\nPrefix test: {same} of {len(cut) * len(self._to_cut())} cut files score as the whole, bit for bit",
            flush=True,
        )

    def print_parts(self) -> None:
        seed = next(iter(self.faults))
        print(f"\nOne part left out, seed {seed}\n{_line(['', *PART_COLUMNS])}", flush=True)
        for part in (OURS, *WITHOUT):  # each as it ends: the whole takes hours
            nab = self._nab(part, "anomaly_score")[:1] if self.keys else ["-"]
            cells = [*nab, *_fault_cells(self._faults(seed, part)), f"{self._clean(part, 1.0)[0]:.2f}"]
            print(_line([part if part == OURS else f"- {part}", *cells]), flush=True)

    def _submit(self, what: str, who: str, job: Callable[..., Path], *arguments: Any) -> None:
        out = self.place / "scores" / what / who
        self.jobs[what, who] = self.pool.submit(job, out, *arguments)

    def _to_cut(self) -> list[Path]:
        """The first faulty file, whose sensors are interleaved, and three of NAB."""
        return [
            next(iter(self.faults.values())),
            *(self.nab / key for key in self.keys[:: max(1, len(self.keys) // 3)]),
        ]

    def _whole(self, file: Path) -> Path:
        if file.is_relative_to(self.nab):
            return self.jobs["nab", OURS].result() / file.relative_to(self.nab)
        return self.jobs[file.stem, OURS].result() / file.name

    def _nab(self, name: str, column: str) -> list[str]:
        from nab_score import load, score_corpus

        results = self.jobs["nab", name].result()
        files = load([self.nab], self.nab / "combined_windows.json", results, self.keys, column)
        return [f"{score_corpus(files)[profile]['score']:.1f}" for profile in PROFILES]

    def _faults(self, seed: int, name: str) -> Figures:
        """faults.py's figures without the warm-up; ``whole_f1`` is with it."""
        from faults import score

        table = pd.read_csv(self.jobs[str(seed), name].result() / self.faults[seed].name)
        figures = score(self.events[seed], warmed_up(table))
        if "threshold" in figures:
            self.thresholds.setdefault(name, []).append(figures["threshold"])
        return figures | {"whole_f1": score(self.events[seed], table)["f1"]}

    def _clean(self, name: str, threshold: float) -> list[float]:
        """False alarms per series-week: of all files, then of each."""
        from faults import score

        folder = self.jobs["clean", name].result()
        tables = [warmed_up(pd.read_csv(folder / file.name)) for file in self.clean]
        if "alarm" not in tables[0]:
            tables = [table.assign(alarm=(table["score"] >= threshold).astype(int)) for table in tables]
        return [float(score([], table)["false_per_sensor_week"]) for table in (pd.concat(tables), *tables)]


def replay(out: Path, part: str, files: Sequence[Path], root: Path | None = None) -> Path:
    """A job: the detector, without ``part`` unless that is empty."""
    if part:
        WITHOUT[part]()
    for _ in backtest_anomaly(files, out, root):
        pass
    return out


def replay_cut(out: Path, share: float, files: Sequence[Path]) -> Path:
    """A job: the first rows of each file; the cut lies between what was measured at one time, where there is such."""
    places = []
    for file in files:
        lines = file.read_text().splitlines(keepends=True)
        row = round(share * len(lines))
        near = range(row, min(row + 1000, len(lines)))
        row = next((r for r in near if lines[r].split(",")[:2] == lines[r - 1].split(",")[:2]), row)
        places.append(out / "cut" / file.name)
        places[-1].parent.mkdir(parents=True, exist_ok=True)
        places[-1].write_text("".join(lines[:row]))
    return replay(out, "", places)


def score_sensors(out: Path, name: str, files: Sequence[Path]) -> Path:
    """A job: a baseline on sensors."""
    from faults import seconds

    out.mkdir(parents=True)
    for file in files:
        table = pd.read_csv(file)
        scored = score_table(name, table.assign(t=seconds(table["timestamp"])))
        scored[["timestamp", "sensor", "quantity", "score"]].to_csv(out / file.name, index=False)
    return out


def score_nab(out: Path, name: str, files: Sequence[Path], root: Path) -> Path:
    """A job: a baseline on NAB, as it is and held off."""
    for file in files:
        table = pd.read_csv(file)
        raw = ON_NAB[name](table["value"].to_numpy(float))
        target = out / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        table.assign(raw=raw, held=held_off(raw)).to_csv(target, index=False)
    return out


def warmed_up(table: pd.DataFrame) -> pd.DataFrame:
    """The rows after the first 30 % of the time of each series."""
    from faults import seconds

    t = pd.Series(seconds(table["timestamp"]), index=table.index)
    series = t.groupby([table["sensor"], table["quantity"]])
    first, last = series.transform("min"), series.transform("max")
    return table[t >= first + WARM_UP * (last - first)]


MEANS = ("f1", "precision", "recall", "false_per_sensor_week", "whole_f1")
FAULT_COLUMNS = ("F1", "precision", "recall", "FA/wk", "F1 with first 30 %")
PART_COLUMNS = ("  NAB", *FAULT_COLUMNS, "FA/wk clean")


def _fault_cells(figures: Figures) -> list[str]:
    return [_mean([figures], key) for key in MEANS]


def _mean(figures: Sequence[Figures], key: str) -> str:
    return f"{statistics.mean(float(one[key]) for one in figures):.{2 if key.startswith('false') else 3}f}"


def _line(cells: Sequence[str]) -> str:
    return "  ".join(
        [cells[0].ljust(20), *(cell.rjust(len(title)) for cell, title in zip(cells[1:], PART_COLUMNS, strict=True))]
    )


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    print(f"\n{title}")
    for row in (header, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([row[0].ljust(len(first)), *others]).rstrip(), flush=True)


if __name__ == "__main__":
    main()
