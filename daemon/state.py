"""The state folder: where it is, who owns it, who runs in it, and the installation's own id.

One daemon runs in one folder: a lock that dies with the process says which. The folder is nobody else's to read.
"""

import fcntl
import os
import pwd
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.durable_files import written_once
from daemon.errors import SerenoError

INSTALLED = Path("/var/lib/sereno")
"""The folder of the systemd service (StateDirectory=sereno)."""


class StateError(SerenoError):
    """The state folder cannot be used."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """An existing folder of our own. ``install_id`` is 8 hex digits, made once."""

    path: Path
    install_id: str


def resolve(option: Path | None, environ: Mapping[str, str], *, installed: Path = INSTALLED) -> Path:
    """``--state-dir``, ``$STATE_DIRECTORY``, the service's folder when run as root, else the user's state folder."""
    if option is not None:
        return option
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    if os.geteuid() == 0 and installed.is_dir():
        return installed
    # XDG base directories: a path that is not absolute is to be ignored.
    base = Path(environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "sereno"


def take_identity(path: Path) -> None:
    """As root, become the owner of ``path``, so that nothing in it ever belongs to root; raises StateError.

    A folder that is not there yet, or belongs to root, changes nothing.
    """
    if os.geteuid() != 0 or not path.exists():
        return
    owner = path.stat()
    if owner.st_uid == 0:
        return
    try:
        name = pwd.getpwuid(owner.st_uid).pw_name
        groups = os.getgrouplist(name, owner.st_gid)
    except KeyError:
        groups = [owner.st_gid]  # a dynamic user of systemd has no entry while its service is down
    os.setgroups(groups)
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StateError(f"{path} belongs to user {owner.st_uid}, who cannot reach it; check the rights of its parents")


def prepare(path: Path) -> StateFolder:
    """Make the folder (0700) if it is missing, and learn or make the install id; raises StateError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
        if status.st_uid != os.geteuid():
            raise StateError(f"{path} belongs to user {status.st_uid}, not to you; run as its owner or as root")
        if status.st_mode & 0o077:
            path.chmod(0o700)
        return StateFolder(path.resolve(), written_once(path / "install_id", secrets.token_hex(4)))
    except OSError as error:
        raise StateError(
            f"the state folder {path} cannot be used: {error.strerror}; give another by --state-dir"
        ) from error


@contextmanager
def lock(folder: StateFolder) -> Iterator[None]:
    """Hold the folder until the block or the process ends; raises StateError that names who holds it."""
    descriptor = os.open(folder.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 32).decode().strip() or "another process"
            raise StateError(
                f"sereno already runs in {folder.path} (pid {pid}); stop it, or give another folder by --state-dir"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> int | None:
    """The pid of the daemon that runs in this folder, None where none does."""
    try:
        with (path / "lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int((path / "lock").read_text().strip() or 0)
    return None
