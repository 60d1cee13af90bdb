"""Resident memory after the same number of readings: the demo, its devices reporting faster, and the naive version.

    python benchmarks/memory.py [--readings 20000]

The demo begins with its two weeks of past, so its models are fitted and forecasts run. Counted is the daemon's process
alone; the broker, the emulated devices and the fitting process are processes of their own, printed beside it. Of the
naive version its NOML form is taken, which has fitted its model all the same: scoring would take it minutes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from end_to_end import broker, free_port, passage, running, wait_for

QUIET = 10.0
"""Seconds after the last reading in which the models catch up and fits end."""


def megabytes(pid: int) -> float:
    """Resident memory of one process, 10^6 bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def children(pid: int) -> dict[str, float]:
    """What the processes below one hold, by the words of their command lines that tell them apart."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        name = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
        found[name] = megabytes(int(child))
    return found


def naive(folder: Path, readings: int) -> float:
    with broker(folder) as mqtt_port, running("naive-noml-wal", mqtt_port, folder / "naive") as peer:
        done = passage(peer, readings, sensors=9)
        if done.seen < readings:
            raise SystemExit(f"the naive version lost {readings - done.seen} readings")
        return peer.resident() / 1e6


def demo(folder: Path, readings: int, speed: float) -> tuple[float, float]:
    """What the daemon holds after its past was told (some 24,000 readings), and after as many more came live."""
    port = free_port()
    config = folder / "demo.yaml"
    config.write_text(f"server: {{port: {port}}}\nbroker: {{port: {free_port()}}}\nlog: {{level: warning}}\n")
    command = [str(Path(sys.executable).with_name("sereno")), "run", "--demo", "--speed", str(speed)]
    command += ["--config", str(config), "--state-dir", str(folder / "demo")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        past = live_after_past(port)
        first = megabytes(process.pid)
        print(f"memory sereno: {first:.0f} MB when {past:,} readings were stored, most of them of the past")
        while (report := status(port))["database"]["stored"] < past + readings:
            time.sleep(1)
        time.sleep(QUIET)
        report = status(port)
        models = report["models"]
        print(
            f"  after {report['database']['stored'] - past:,} more: {models['fits']} fits, "
            f"{models['predictions']} predictions, {models['anomalies_open']} anomalies open"
        )
        beside = ", ".join(f"{name} {size:.0f} MB" for name, size in children(process.pid).items())
        print(f"  beside it: {beside}")
        return first, megabytes(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def live_after_past(port: int) -> int:
    """Wait until the recordings are told and first models fitted; how many rows are stored then."""
    while True:
        report = status(port)
        replays = [driver for driver in report["drivers"] if driver["type"] == "replay"]
        told = all(driver["state"] != "up" or driver["reason"] for driver in replays)
        stored: int = report["database"]["stored"]
        if told and stored and report["models"]["fits"]:
            return stored
        time.sleep(0.5)


def status(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--speed", type=float, default=300, help="how many times faster the demo's devices report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        first, ours = demo(folder, options.readings, options.speed)
        print(f"memory sereno: {ours:.0f} MB")
        theirs = naive(folder, options.readings)
        print(f"memory naive: {theirs:.0f} MB after {options.readings:,} readings")
        print(f"memory ratio sereno / naive: {first / theirs:.2f} after the past, {ours / theirs:.2f} after more")


if __name__ == "__main__":
    main()
