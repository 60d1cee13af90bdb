"""The unit is valid and hardened, and the daemon speaks to systemd as the unit expects."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.brokers import free_port
from support.running import ended, make_daemon

SYSTEMD = Path(__file__).parent.parent / "systemd"
UNIT = (SYSTEMD / "sereno.service").read_text()

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; apt install systemd"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the one path changed that exists only where sereno is installed."""
    assert "/opt/sereno/bin/sereno run" in UNIT
    unit = tmp_path / "sereno.service"
    unit.write_text(UNIT.replace("/opt/sereno/bin/sereno run", "/bin/true"))
    return unit


@needs_systemd
def test_systemd_understands_every_line(unit: Path) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)], capture_output=True, text=True, check=False
    )
    # verify exits 0 on a key that it does not know, so silence is what counts; about our own file alone.
    assert [line for line in checked.stderr.splitlines() if "sereno" in line] == []
    assert checked.returncode == 0


@needs_systemd
@pytest.mark.parametrize(("drop_in", "threshold"), [(False, 13), (True, 14)], ids=["loopback", "lan"])
def test_the_exposure_stays_low(unit: Path, drop_in: bool, threshold: int) -> None:
    if drop_in:
        unit.write_text(unit.read_text() + (SYSTEMD / "lan.conf").read_text())
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout.splitlines()[-1]


def test_a_bad_configuration_is_not_restarted(tmp_path: Path) -> None:
    daemon = make_daemon(tmp_path, config="server: {port: 80000}\n")
    ended = subprocess.run(daemon.command("run"), cwd=tmp_path, capture_output=True, timeout=50, check=False)
    assert str(ended.returncode) in _value("RestartPreventExitStatus").split()


def test_a_stop_waits_for_the_daemon_alone() -> None:
    """The unit's ExecStop, with a daemon that takes its time to drain."""
    program, *arguments = shlex.split(_value("ExecStop").removeprefix("-"))
    slow = "import signal, time; signal.signal(15, lambda *_: (time.sleep(0.5), exit(7))); print(1, flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", slow + "signal.pause()"], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        stop = subprocess.Popen([program, *arguments], env=os.environ | {"MAINPID": str(daemon.pid)})
        assert daemon.wait(10) == 7
        assert stop.wait(10) == 0


def test_a_stop_after_a_crash_waits_for_nobody() -> None:
    program, *arguments = shlex.split(_value("ExecStop").removeprefix("-"))
    environ = {name: value for name, value in os.environ.items() if name != "MAINPID"}
    subprocess.run([program, *arguments], env=environ, timeout=10, check=True)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(30)
        yield listener


def test_the_daemon_tells_systemd_when_it_is_ready_alive_and_going(tmp_path: Path, manager: socket.socket) -> None:
    config = f"""broker: {{embedded: false}}
drivers: [{{name: house, type: mqtt, url: "mqtt://127.0.0.1:{free_port()}"}}]
"""
    daemon = make_daemon(tmp_path / "sereno", config=config)
    environ = os.environ | daemon.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")}
    # Not by start(), which waits until it answers: that it does so once systemd is told is what is tested.
    daemon.process = subprocess.Popen(daemon.command("run"), env=environ, cwd=daemon.folder, stderr=subprocess.DEVNULL)
    try:
        assert manager.recv(1000).decode() == f"READY=1\nSTATUS=listening on 127.0.0.1:{daemon.port}"
        with urllib.request.urlopen(daemon.address, timeout=5) as answer:
            assert answer.status == 200
        heard: list[str] = []
        while heard.count("WATCHDOG=1") < 3 or not any(line.startswith("STATUS=") for line in heard):
            heard.append(manager.recv(1000).decode())
        assert {line.split(";")[0] for line in heard} == {"WATCHDOG=1", "STATUS=degraded"}
        assert any("driver house is down" in line for line in heard)
        assert daemon.stop() == 0
        rest = iter(lambda: manager.recv(1000).decode(), "STOPPING=1\nSTATUS=draining")
        assert set(rest) <= set(heard)
    finally:
        ended(daemon)


def _value(key: str) -> str:
    (value,) = [line.partition("=")[2] for line in UNIT.splitlines() if line.startswith(f"{key}=")]
    return value
