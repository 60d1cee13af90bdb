"""From the wire to a WebSocket client, side by side with the naive version: throughput, latency, start, memory, wear.

    python benchmarks/end_to_end.py drain latency start bytes

Each peer gets a fresh database and a Mosquitto of its own. Figures of one run are comparable with each other only.
``drain``: as fast as it goes, 1,000 sensors, every message stored and delivered. Each of sereno's sensors has lived a
week and has a fitted forest and forecaster of its own; its scores, and how long rows waited for them, are the daemon's
own counts of the drain. Beside it the naive version scores with one forest for all.
``latency``: 50 messages/s, publish -> receive, matched by sequence number. ``start``: process start -> ready.
``bytes``: what the process tells the disk to write per reading, at 10 readings/s for ``--seconds``.
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
COUNTS = {"naive": 1_000, "naive-noml-wal": 5_000, "sereno": 60_000}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[Any], seconds: float = 30) -> None:
    """Until something listens on ``port``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        if process.poll() is not None:
            raise SystemExit(f"{process.args} ended with {process.returncode}")
        time.sleep(0.005)
    raise SystemExit(f"nothing listens on {port}")


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int]:
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\nmax_queued_messages 0\n"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = subprocess.Popen([program, "-c", str(conf)])
    try:
        wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


@dataclass
class Peer:
    """A program under test. ``ready_s``: seconds from its start until it serves; ``ready_cpu_s``: of the processor."""

    name: str
    process: subprocess.Popen[Any]
    port: int
    path: str
    mqtt_port: int
    folder: Path
    ready_s: float = 0.0
    ready_cpu_s: float = 0.0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{self.path}"

    def status(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/status") as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def written(self) -> int:
        """Bytes that the process has told the disk to write."""
        for line in Path(f"/proc/{self.process.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        raise SystemExit("no /proc/PID/io")

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def running(name: str, mqtt_port: int, folder: Path) -> Iterator[Peer]:
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environ = dict(os.environ)
    if name == "sereno":
        config = folder / "config.yaml"
        config.write_text(
            f"server: {{port: {port}}}\nbroker: {{embedded: false}}\nlog: {{level: warning}}\n"
            f'drivers: [{{name: bench, type: mqtt, url: "mqtt://127.0.0.1:{mqtt_port}", topics: ["sensors/#"]}}]\n'
            "sensors: {max: 100000}\n"
        )
        command = [str(Path(sys.executable).with_name("sereno")), "run", "--config", str(config)]
        command += ["--state-dir", str(folder / "state")]
        path = "/api/v1/ws?channel=readings"
    else:
        command, path = [sys.executable, str(HERE / "naive_app.py")], "/ws"
        environ |= {"DB": f"sqlite:///{folder}/naive.db", "PORT": str(port), "MQTT_PORT": str(mqtt_port)}
        if name != "naive":
            environ |= {"NOML": "1", "WAL": "FULL"}
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(folder / "notices"))
    notices.settimeout(30)
    environ["NOTIFY_SOCKET"] = str(folder / "notices")
    began = time.monotonic()
    process = subprocess.Popen(command, env=environ, cwd=folder)
    peer = Peer(name, process, port, path, mqtt_port, folder)
    try:
        if name == "sereno":  # it binds its port first of all; when it serves it says so, as to systemd
            while b"READY=1" not in notices.recv(4096):
                pass
        else:
            wait_for(port, process)
        peer.ready_s = time.monotonic() - began
        peer.ready_cpu_s = peer.processor_seconds()
        while name == "sereno" and peer.status()["drivers"][0]["state"] != "up":
            time.sleep(0.02)
        yield peer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        notices.close()
        (folder / "notices").unlink()


@dataclass
class Passage:
    """What went through. ``latencies`` in ms."""

    count: int
    seen: int
    duplicates: int
    seconds: float
    latencies: list[float]


def helper(script: str, **options: object) -> list[str]:
    """The command line of one of the programs beside this one."""
    return [sys.executable, str(HERE / script), *(f"--{name}={value}" for name, value in options.items())]


def passage(peer: Peer, count: int, *, rate: float = 0, first: int = 0, sensors: int = 1000) -> Passage:
    """Publish ``count`` messages and wait for them at one WebSocket client."""
    sent, received = peer.folder / "sent", peer.folder / "received"
    listener = subprocess.Popen(
        helper("listener.py", url=peer.url, count=count, first=first, log=received),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert listener.stdout is not None
    if listener.stdout.readline().strip() != "ready":
        raise SystemExit("the listener did not connect")
    subprocess.run(
        helper("publisher.py", port=peer.mqtt_port, count=count, rate=rate, first=first, sensors=sensors, log=sent),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    out, _ = listener.communicate()
    seen, duplicates = map(int, out.split())
    starts, ends = array("d", sent.read_bytes()), array("d", received.read_bytes())
    latencies = [(b - a) * 1000 for a, b in zip(starts, ends, strict=True) if not math.isnan(b)]
    seconds = max(b for b in ends if not math.isnan(b)) - starts[0]
    return Passage(count, seen, duplicates, seconds, latencies)


def drain(folder: Path, peers: list[str], factor: float) -> None:
    rates: dict[str, float] = {}
    for name in peers:
        place = folder / f"drain-{name}"
        with broker(folder) as mqtt_port:
            if name == "sereno":
                prepare(mqtt_port, place)
            with running(name, mqtt_port, place) as peer:
                before = ready(peer) if name == "sereno" else None
                with Probe(peer) if name == "sereno" else contextlib.nullcontext() as probe:
                    done = passage(peer, int(COUNTS[name] * factor), first=2_000)
                rates[name] = done.seen / done.seconds
                lost = f"{done.count - done.seen} lost, {done.duplicates} twice"
                print(f"drain {name}: {rates[name]:,.0f} msg/s, {done.count:,} sent, {lost}")
                if before is not None and probe is not None:
                    print_scores(before, scored(peer, before, done.seen), done.seconds)
                    print_resting(probe.seconds)
    for name in peers:
        if name != "sereno" and "sereno" in rates:
            print(f"drain ratio sereno / {name}: {rates['sereno'] / rates[name]:.1f}")


def prepare(mqtt_port: int, folder: Path) -> None:
    """Let a thousand sensors register, and give each the models of a room that it has lived in for a week."""
    with running("sereno", mqtt_port, folder) as peer:
        passage(peer, 2_000)
        sensor_ids = [sensor["id"] for sensor in peer.status()["sensors"]]
    models = folder / "state" / "models"
    subprocess.run(helper("past.py", models=models, sensors=",".join(map(str, sensor_ids))), check=True)


def ready(peer: Peer) -> dict[str, Any]:
    """The models' report once all are loaded and fitted, and nothing waits."""
    while True:
        report = peer.status()
        models: dict[str, Any] = report["models"]
        if all(s["forecast_model"] == "ready" for s in report["sensors"]) and models["ready"] and not models["lag_s"]:
            return models
        time.sleep(0.5)


def scored(peer: Peer, before: dict[str, Any], rows: int) -> dict[str, Any]:
    """The models' report once all ``rows`` rows are judged or given up, ten seconds later at most."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        models = peer.status()["models"]
        judged = models["waits"]["+Inf"] - before["waits"]["+Inf"] + models["skipped"] - before["skipped"]
        if judged >= rows:
            break
        time.sleep(0.1)
    found: dict[str, Any] = models
    return found


def print_scores(before: dict[str, Any], after: dict[str, Any], seconds: float) -> None:
    scores, skipped = after["scored"] - before["scored"], after["skipped"] - before["skipped"]
    waits = {bound: count - before["waits"][bound] for bound, count in after["waits"].items()}
    rows, within = waits["+Inf"], waits["1.0"]
    bound = next(bound for bound, count in waits.items() if count == rows)
    print(
        f"  {after['ready']:,} fitted models made {scores:,} scores of one-second means ({scores / seconds:,.0f}/s), "
        f"{skipped} skipped"
    )
    print(f"  {within / rows:.2%} of {rows:,} rows had their score within 1 s of the commit, all within {bound} s")


def print_resting(seconds: list[float]) -> None:
    quantiles = statistics.quantiles(seconds, n=100)
    print(f"  REST meanwhile: p50 {quantiles[49] * 1000:.0f} ms, p99 {quantiles[98] * 1000:.0f} ms of {len(seconds)}")


class Probe(threading.Thread):
    """Asks for a page of sensors twenty times a second while inside; how long each answer took."""

    def __init__(self, peer: Peer) -> None:
        super().__init__(daemon=True)
        self._url = f"http://127.0.0.1:{peer.port}/api/v1/sensors?limit=20"
        self._ended = threading.Event()
        self.seconds: list[float] = []

    def run(self) -> None:
        while not self._ended.wait(0.05):
            began = time.monotonic()
            with urllib.request.urlopen(self._url) as answer:
                answer.read()
            self.seconds.append(time.monotonic() - began)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def latency(folder: Path, peers: list[str], _factor: float) -> None:
    medians: dict[str, float] = {}
    for name in peers:
        with broker(folder) as mqtt_port, running(name, mqtt_port, folder / f"latency-{name}") as peer:
            done = passage(peer, 500, rate=50, sensors=10)
            quantiles = statistics.quantiles(done.latencies, n=100)
            medians[name] = quantiles[49]
            print(
                f"latency {name}: p50 {quantiles[49]:.2f} ms, p99 {quantiles[98]:.2f} ms, {done.seen} of {done.count}"
            )
    for name in peers:
        if name != "sereno" and "sereno" in medians:
            print(f"latency ratio sereno / {name}: {medians['sereno'] / medians[name]:.2f}")


def start(folder: Path, peers: list[str], _factor: float) -> None:
    tries: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for number in range(5):  # in turns: what the machine's other tenants do then meets all alike
        for name in peers:
            with broker(folder) as mqtt_port, running(name, mqtt_port, folder / f"start-{name}-{number}") as peer:
                tries[name].append((peer.ready_s, peer.ready_cpu_s))
    least = {name: (min(t for t, _ in found), min(cpu for _, cpu in found)) for name, found in tries.items()}
    for name, (seconds, cpu) in least.items():
        print(f"start {name}: {seconds:.2f} s, of them {cpu:.2f} s of the processor (the least of 5)")
    for name in peers:
        if name != "sereno" and "sereno" in least:
            (ours, our_cpu), (theirs, their_cpu) = least["sereno"], least[name]
            print(f"start ratio sereno / {name}: {ours / theirs:.2f}, of the processor {our_cpu / their_cpu:.2f}")


def written(folder: Path, peers: list[str], factor: float) -> None:
    each: dict[str, float] = {}
    seconds = int(60 * factor)
    for name in peers:
        with broker(folder) as mqtt_port, running(name, mqtt_port, folder / f"bytes-{name}") as peer:
            before = peer.written()
            done = passage(peer, 10 * seconds, rate=10, sensors=10)
            time.sleep(6)  # the last sync
            each[name] = (peer.written() - before) / done.count
            print(f"bytes {name}: {each[name]:,.0f} per reading at 10/s")
    for name in peers:
        if name != "sereno" and "sereno" in each:
            print(f"bytes ratio sereno / {name}: {each['sereno'] / each[name]:.3f}")


TESTS = {"drain": drain, "latency": latency, "start": start, "bytes": written}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", choices=list(TESTS), default=list(TESTS))
    parser.add_argument("--peers", nargs="*", default=list(COUNTS), choices=list(COUNTS))
    parser.add_argument("--factor", type=float, default=1.0, help="scales how much is sent")
    parser.add_argument(
        "--folder", type=Path, help="where the databases lie: a real disk for bytes; default: a temporary"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for test in options.tests:
            TESTS[test](Path(folder), options.peers, options.factor)


if __name__ == "__main__":
    main()
