"""Power cuts, played from the log of a real run: what was released is there, and no id seen before is given again.

The same cuts are the control: rows that were committed but not yet released are lost in many of them, so the method
does see losses.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from support.power_cut import cuts, read_calls

PROCESS = Path(__file__).parent.parent / "support" / "writer_process.py"
TRACED = "openat,close,pwrite64,write,ftruncate,fsync,fdatasync,unlink,rename"
CUTS = 120


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a run and the log of its system calls."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (on Debian: apt install strace)")
    folder, log = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("log") / "strace"
    trace = ["strace", "-f", "-xx", "-s", "1000000", "-e", "signal=none", "-e", f"trace={TRACED}", "-o", str(log)]
    writer = [sys.executable, "-P", str(PROCESS), str(folder), "sqlite:///sereno.db", "0", "0"]
    with subprocess.Popen([*trace, *writer], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        released = 0
        for line in process.stdout:
            released += line.startswith("R ")
            if released == 1500:
                break
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)  # strace then ends by itself, its log complete
        process.stdout.read()
    return folder, log


def numbers(said: bytes, letter: bytes) -> list[int]:
    """Those of the whole lines that begin with a letter."""
    whole = said[: said.rfind(b"\n") + 1].splitlines()
    return [int(line[2:]) for line in whole if line.startswith(letter)]


@pytest.mark.timeout(120)
def test_no_cut_loses_what_was_released(run: tuple[Path, Path], tmp_path: Path) -> None:
    folder, log = run
    calls = read_calls(log)
    started = next(place for place, call in enumerate(calls) if call.name == "write" and b"C " in call.texts()[0][:2])
    chance = random.Random(11)
    places = sorted(chance.sample(range(started, len(calls)), CUTS))
    lost_committed, checkpoints, folded = 0, set[bytes](), 0
    for place, disk, said in cuts(calls, str(folder), places):
        released, seen = numbers(said, b"R "), numbers(said, b"C ")
        for choose in (None, random.Random(place)):
            after = tmp_path / f"{place}-{choose is None}"
            disk.write_to(after, choose)
            checkpoints.add((after / "sereno.db-wal").read_bytes()[12:16])  # grows when the log begins anew
            with closing(sqlite3.connect(after / "sereno.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                rows = connection.execute("SELECT id, temperature FROM reading_all").fetchall()
                following = dict(connection.execute("SELECT name, next FROM id_block").fetchall())
                folded = max(folded, connection.execute("SELECT count(*) FROM reading").fetchone()[0])
            stored = [int(number) for _, number in rows]
            assert len(stored) == len(set(stored))
            assert set(released) <= set(stored)
            assert following["reading"] > max(seen)
            lost_committed += not set(seen) <= {row_id for row_id, _ in rows}
            shutil.rmtree(after)
    assert lost_committed > CUTS / 4  # the control: a receipt given at the commit would have been a lie
    assert len(checkpoints) > 2
    assert folded > 150
