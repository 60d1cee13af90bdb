"""A whole daemon as a process of its own, started as a person starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STARTS_WITHIN = 30.0
STOPS_WITHIN = 10.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class RunningDaemon:
    """``environ`` is what commands about it are run with; ``config`` and ``state`` are its own."""

    process: "subprocess.Popen[bytes]"
    url: str
    config: Path
    state: Path
    environ: dict[str, str]

    def sereno(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command with this daemon's configuration in its environment."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def stop(self) -> int:
        """SIGTERM, and the exit code; raises TimeoutExpired where it does not drain in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPS_WITHIN)


@contextmanager
def running(folder: Path, config: str, arguments: Sequence[str] = ()) -> Iterator[RunningDaemon]:
    """A daemon with this configuration (``{port}`` is replaced) in ``folder``, ready inside the block."""
    port = free_port()
    path = folder / "config.yaml"
    path.write_text(config.replace("{port}", str(port)))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SERENO", "WEBSOCKET_"))}
    environ |= {"SERENO_CONFIG": str(path), "STATE_DIRECTORY": str(folder / "state"), "COLUMNS": "160"}
    log = (folder / "log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "cli", "run", *arguments], cwd=ROOT, env=environ, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, folder / "log")
        yield RunningDaemon(process, url, path, folder / "state", environ)
    finally:
        log.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the daemon did not start:\n{log.read_text()}")
