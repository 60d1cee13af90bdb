"""A real daemon as a process: started with a configuration, asked over HTTP, killed, started again."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.brokers import free_port, until

SERENO = Path(sys.executable).with_name("sereno")


@dataclass
class Running:
    """One daemon and its folder, which outlives its process."""

    folder: Path
    port: int
    config: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def live(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/v1/ws"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def command(self, *arguments: str) -> list[str]:
        return [str(SERENO), *arguments, "--config", str(self.config), "--state-dir", str(self.folder / "state")]

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            environ = os.environ | {"HOME": str(self.folder)} | self.environ
            self.process = subprocess.Popen(self.command("run"), stdout=log, stderr=log, env=environ, cwd=self.folder)
        until(self._answers, f"the daemon answers; its log: {self.log}", 30)

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"the daemon ended with {self.process.returncode}: {self.log}")
        try:
            urllib.request.urlopen(f"{self.address}/health", timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self, patience: float = 10.0) -> int:
        """SIGTERM; the exit code."""
        return self._end(signal.SIGTERM, patience)

    def _end(self, number: int, patience: float = 10.0) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(patience)
        self.process = None
        return code

    def request(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of a REST call below /api/v1, or of an absolute path."""
        address = self.address + (path if path.startswith("/") else f"/api/v1/{path}")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json", **headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text, status = answer.read(), answer.status
        except urllib.error.HTTPError as error:
            text, status = error.read(), error.code
        return status, json.loads(text) if text[:1] in (b"{", b"[") else text

    def get(self, path: str) -> Any:
        status, body = self.request("GET", path)
        assert status == 200, body
        return body

    def readings(self, **filters: object) -> list[dict[str, Any]]:
        """All stored readings, newest first."""
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        found: list[dict[str, Any]] = []
        path: str | None = f"/api/v1/readings?limit=1000&{query}"
        while path:
            with urllib.request.urlopen(self.address + path, timeout=20) as answer:
                found += json.load(answer)
                link = answer.headers.get("Link", "")
            path = link.split(">")[0].removeprefix("<").removeprefix(self.address) if link else None
        return found


def make_daemon(folder: Path, *, config: str, **environ: str) -> Running:
    """A daemon that is not started yet; ``config`` is YAML without ``server.port``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log").touch()
    port = free_port()
    file = folder / "config.yaml"
    file.write_text(config)
    return Running(folder, port, file, {"SERENO__SERVER__PORT": str(port), **environ})


def ended(daemon: Running) -> None:
    """Whatever a test left running."""
    if daemon.process is not None:
        daemon.kill()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    """A daemon with nothing but its REST and WebSocket doors."""
    found = make_daemon(tmp_path / "sereno", config="broker: {embedded: false}\ndrivers: []\n")
    found.start()
    yield found
    ended(found)
