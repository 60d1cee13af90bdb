"""Everything that the project claims about its speed, printed by one command, one benchmark after another.

    python benchmarks/all.py [--folder /var/tmp] [--data DIR --scorers DIR]

Takes some fifteen minutes; with the two folders that ``anomaly.py`` and ``forecast.py`` ask for three times as long,
and ``.[bench]`` installed.
Ratios of one run can be compared, figures of different runs cannot: beside each benchmark stands the load that the
machine had when it began and ended.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def programs(folder: Path, replayed: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """``replayed``: how the models' benchmarks are called, nothing where their data are not at hand."""
    return (
        ("cli_start.py",),
        ("end_to_end.py", "start", "latency", "drain", "bytes", "--folder", str(folder)),
        ("memory.py",),
        ("fanout.py",),
        ("storage.py", "--rows", "1e4", "1e6", "1e7", "--folder", str(folder)),
        ("scoring.py",),
        ("decoding.py",),
        ("mqtt_in.py",),
        *((name, *replayed) for name in ("anomaly.py", "forecast.py") if replayed),
        *([("threshold.py", *replayed[:2])] if replayed else []),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="on a real disk")
    parser.add_argument("--data", type=Path, help="series of sensors and NAB's, as anomaly.py reads them")
    parser.add_argument("--scorers", type=Path, help="the folder of nab_score.py, faults.py and fc_score.py")
    options = parser.parse_args()
    if (options.data is None) != (options.scorers is None):
        parser.error("--data and --scorers are given together or not at all")
    replayed = [] if options.data is None else ["--data", str(options.data), "--scorers", str(options.scorers)]
    failed = []
    for program, *arguments in programs(options.folder, replayed):
        began, load = time.monotonic(), os.getloadavg()[0]
        print(f"== {' '.join([program, *arguments])}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / program), *arguments], check=False)
        if done.returncode:
            failed.append(program)
        print(f"   {time.monotonic() - began:.0f} s, load {load:.1f} to {os.getloadavg()[0]:.1f}", flush=True)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
