"""The unit is valid and hardened; the broker's configuration is tested beside the broker driver."""

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent / "systemd"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing; apt install systemd"
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with the one path changed that exists only where sereno is installed."""
    text = (SYSTEMD / "sereno.service").read_text()
    assert "/opt/sereno/bin/sereno run" in text
    unit = tmp_path / "sereno.service"
    unit.write_text(text.replace("/opt/sereno/bin/sereno run", "/bin/true"))
    return unit


def test_systemd_understands_every_line(unit: Path) -> None:
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)], capture_output=True, text=True, check=False
    )
    # verify exits 0 on a key that it does not know, so silence is what counts; about our own file alone.
    assert [line for line in checked.stderr.splitlines() if "sereno" in line] == []
    assert checked.returncode == 0


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


def test_a_bad_configuration_is_not_restarted() -> None:
    text = (SYSTEMD / "sereno.service").read_text()
    assert "RestartPreventExitStatus=2 78" in text
    assert "OOMPolicy=continue" in text
