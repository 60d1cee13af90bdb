"""The process as a whole: a fault of our own ends it, so that whoever started it can start it again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.running import Running, ended, make_daemon
from websockets.sync.client import connect

WRITER = """
from daemon.group import BatchItem, Group

real = Group.run

def run(self, items):
    if any(isinstance(item, BatchItem) and item.batch.readings for item in items):
        raise ZeroDivisionError("a bug in the writer")
    return real(self, items)

Group.run = run
"""

START = """
from daemon.group import Group

def run(self, items):
    raise ZeroDivisionError("a bug in the writer")

Group.run = run
"""

ROUNDS = """
from daemon.clock import MachineClock

real = MachineClock.look

def look(self):
    if (Path(sys.argv[-1]) / "now").exists():
        raise ZeroDivisionError("a bug in the rounds")
    return real(self)

MachineClock.look = look
"""

MAIN = """
import sys
from pathlib import Path
import cli
{bug}
cli.main()
"""


@dataclass
class Buggy(Running):
    """A daemon with a bug that shows itself later."""

    bug: str = ""

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-c", MAIN.format(bug=self.bug), *super().command(*arguments)[1:]]


@pytest.fixture
def buggy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Buggy]:
    made = make_daemon(tmp_path / "sereno", config="broker: {embedded: false}\ndrivers: []\n")
    found = Buggy(made.folder, made.port, made.config, made.environ, bug=request.param)
    yield found
    ended(found)


@pytest.mark.parametrize("buggy", [WRITER], indirect=True)
def test_a_fault_in_the_writer_ends_the_process(buggy: Buggy) -> None:
    buggy.start()
    _, sensor = buggy.request("POST", "sensors", {"tipo": "temperatura", "modelo": "DHT22"})
    status, answer = buggy.request("POST", "readings", {"sensor_id": sensor["id"], "temperatura": 21.5})
    assert status == 503, answer
    assert buggy.process is not None
    assert buggy.process.wait(10) == 1
    assert "a bug in the writer" in buggy.log
    assert "please report it" in buggy.log.splitlines()[-1]


@pytest.mark.parametrize("buggy", [ROUNDS], indirect=True)
def test_a_fault_in_the_watchmans_round_ends_the_process(buggy: Buggy) -> None:
    buggy.start()
    (buggy.folder / "state" / "now").touch()
    assert buggy.process is not None
    assert buggy.process.wait(10) == 1
    assert "a bug in the rounds" in buggy.log
    assert "please report it" in buggy.log.splitlines()[-1]


@pytest.mark.parametrize("buggy", [START], indirect=True)
def test_a_fault_in_the_writer_ends_the_start(buggy: Buggy) -> None:
    environ = os.environ | buggy.environ
    done = subprocess.run(
        buggy.command("run"), env=environ, cwd=buggy.folder, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 1
    assert "a bug in the writer" in done.stderr


def first_of(daemon: Running, query: str, **wanted: str) -> dict[str, Any]:
    with connect(f"{daemon.live}?{query}") as client:
        while True:
            event: dict[str, Any] = json.loads(client.recv(10))
            if all(event.get(key) == value for key, value in wanted.items()):
                return event


@pytest.mark.parametrize("end", [Running.stop, Running.kill], ids=["stopped", "killed"])
def test_who_comes_back_after_a_restart_is_told_from_when_rest_fills_the_gap(
    daemon: Running, end: Callable[[Running], object]
) -> None:
    """Not after the first event that is missing, and not before the run in which it was."""
    started = first_of(daemon, "channel=general", kind="started")
    status, seen = daemon.request("POST", "ws/test-event?message=seen")
    assert status == 200, seen
    last = first_of(daemon, "channel=general", kind="test")["id"]
    begun = datetime.now(UTC)
    daemon.request("POST", "sensors", {"tipo": "temperatura", "modelo": "DHT22"})
    missed = daemon.get("sensors")[0]["created_at"]
    end(daemon)
    daemon.start()
    gap = first_of(daemon, f"channel=sensors&since={last}", kind="events_missed")["data"]["desde"]
    assert started["timestamp"] <= gap <= missed
    assert datetime.fromisoformat(gap) <= begun
