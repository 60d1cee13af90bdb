"""A whole daemon as a process of its own, started as a person starts it."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.brokers import free_port, until

ROOT = Path(__file__).parent.parent.parent
STARTS_WITHIN = 30.0
STOPS_WITHIN = 10.0


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
        until(lambda: _answers(process, url, folder / "log"), "the daemon answers", STARTS_WITHIN)
        yield RunningDaemon(process, url, path, folder / "state", environ)
    finally:
        log.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def _answers(process: "subprocess.Popen[bytes]", url: str, log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the daemon did not start:\n{log.read_text()}")
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False
