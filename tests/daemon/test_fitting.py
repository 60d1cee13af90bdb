"""The fitting process: its answers, its deaths, and that it never outlives the daemon."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.fitting import FitChildError, Fitter, fewer_rows
from ml.base import FitError


def job(rows: int) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    values = np.random.default_rng(1).normal(size=(rows, 10)).astype(np.float32)
    return {"detector/temperature/rows": values, "detector/temperature/as_of": np.array([5.0, float(rows)])}


async def test_rows_go_out_and_a_forest_comes_back() -> None:
    fitter = Fitter()
    fitted = await fitter.fit(job(300))
    again = await fitter.fit(job(300))
    await fitter.close()
    assert fitted["detector/temperature/as_of"].tolist() == [5.0, 300.0]
    for name, array in fitted.items():
        np.testing.assert_array_equal(array, again[name])


async def test_the_files_of_the_folder_it_was_started_in_are_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "statistics.py").write_text("print('not the one of the standard library')")
    (tmp_path / "sklearn.py").write_text("print('not that one either')")
    monkeypatch.chdir(tmp_path)
    fitter = Fitter()
    assert await fitter.fit(job(100))
    await fitter.close()


async def test_rows_that_fit_no_model_are_told_and_the_child_lives_on() -> None:
    fitter = Fitter()
    with pytest.raises(FitError, match="3 rows are too few"):
        await fitter.fit(job(3))
    assert await fitter.fit(job(100))
    await fitter.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("raise SystemExit(3)", "ended with status 3"),
        ("import sys; sys.stdin.buffer.read(8); sys.stdout.buffer.write(b'\\0' * 7 + b'\\3bad')", "nonsense"),
        ("import sys; sys.stdout.buffer.write(b'\\xff' * 100)", "an answer of|ended with status|killed"),
    ],
)
async def test_a_child_that_fails_is_told_by_how(code: str, said: str) -> None:
    fitter = Fitter((sys.executable, "-c", code))
    with pytest.raises(FitChildError, match=said):
        await fitter.fit(job(20))


def test_a_killed_daemon_takes_its_fit_with_it(tmp_path: Path) -> None:
    """``kill -9`` leaves no process behind, however long the fit would have run."""
    (tmp_path / "child.py").write_text(
        "import os, sys, time\n"
        "from ml.fit import become_background_process\n"
        "become_background_process()\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}} {{os.nice(0)}}')\n"
        "time.sleep(600)\n"
    )
    daemon = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import asyncio, sys; from daemon.fitting import Fitter; import numpy as np\n"
                f"asyncio.run(Fitter((sys.executable, {str(tmp_path / 'child.py')!r})).fit({{'x/rows': np.zeros(1)}}))"
            ),
        ]
    )
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert daemon.poll() is None
        os.sched_yield()
    pid, niceness = map(int, (tmp_path / "pid").read_text().split())
    assert niceness >= 10
    daemon.send_signal(signal.SIGKILL)
    daemon.wait()
    while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        os.sched_yield()


def test_a_killed_fit_is_given_up_when_few_rows_are_left() -> None:
    assert fewer_rows(4096) == 2048
    assert fewer_rows(512) == 256
    assert fewer_rows(511) is None


async def test_closing_without_a_child_is_nothing() -> None:
    await asyncio.wait_for(Fitter().close(), 1)
