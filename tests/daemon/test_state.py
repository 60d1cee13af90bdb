"""The state folder: found where a person expects it, private, and one daemon's at a time."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import state
from daemon.state import StateError

ROOT = Path(__file__).parent.parent.parent

HOLD = """
import sys, time
from pathlib import Path
from daemon import state
with state.lock(state.prepare(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""


def python(*arguments: str, **options: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Everyone may pass through it; pytest keeps the parents of its own folders to itself."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    given = {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "XDG_STATE_HOME": "/xdg"}
    assert state.resolve(Path("/here"), given) == Path("/here")
    assert state.resolve(None, given) == Path("/var/lib/a")
    assert state.resolve(None, {"XDG_STATE_HOME": "/xdg"}, installed=tmp_path) == Path("/xdg/sereno")
    assert state.resolve(None, {"XDG_STATE_HOME": "relative"}) == Path("/home/ana/.local/state/sereno")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state.resolve(None, {}, installed=tmp_path) == tmp_path
    assert state.resolve(None, {}, installed=tmp_path / "none") == Path("/home/ana/.local/state/sereno")


def test_it_is_nobody_elses_to_read(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    for path in (old, tmp_path / "deep" / "new"):
        folder = state.prepare(path)
        assert folder.path.stat().st_mode & 0o777 == 0o700
        assert (folder.path / "install_id").stat().st_mode & 0o777 == 0o600


def test_the_install_id_is_made_once(tmp_path: Path) -> None:
    first = state.prepare(tmp_path / "a").install_id
    assert len(first) == 8
    assert int(first, 16) >= 0
    assert state.prepare(tmp_path / "a").install_id == first
    assert state.prepare(tmp_path / "b").install_id != first
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["install_id"]


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"cannot be used.*--state-dir"):
        state.prepare(tmp_path / "file")


def test_a_second_daemon_is_told_the_first_ones_pid(tmp_path: Path) -> None:
    assert state.holder(tmp_path) is None
    with python("-c", HOLD, str(tmp_path)) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert state.holder(tmp_path) == first.pid
        with (
            pytest.raises(StateError, match=rf"already runs in .*\(pid {first.pid}\)"),
            state.lock(state.prepare(tmp_path)),
        ):
            pass
        first.send_signal(signal.SIGKILL)
    # Nothing is left to clean up after a kill -9.
    assert state.holder(tmp_path) is None
    with state.lock(state.prepare(tmp_path)):
        assert state.holder(tmp_path) == os.getpid()


def test_a_child_that_outlives_the_daemon_does_not_hold_the_folder(tmp_path: Path) -> None:
    with state.lock(state.prepare(tmp_path)):
        child = python("-c", "input()", stdin=subprocess.PIPE)
    try:
        assert state.holder(tmp_path) is None
    finally:
        child.communicate("\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; run the tests as root to see it")
def test_root_becomes_the_folders_owner(open_folder: Path) -> None:
    folder = open_folder / "state"
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)
    script = (
        "import os, sys; from pathlib import Path; from daemon import state; path = Path(sys.argv[1]);"
        "state.take_identity(path); state.prepare(path); print(os.getresuid(), os.getresgid(), os.getgroups())"
    )
    with python("-c", script, str(folder)) as child:
        assert child.communicate()[0].strip() == "(12345, 12345, 12345) (12345, 12345, 12345) [12345]"
    assert (folder / "install_id").stat().st_uid == 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; run the tests as root to see it")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    with pytest.raises(StateError, match="belongs to user 12345, not to you"):
        state.prepare(folder)
