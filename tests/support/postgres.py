"""A real PostgreSQL server on a Unix socket in a temporary folder, one per test process."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

HOW_TO_GET = "PostgreSQL's server is not installed (on Debian: apt install postgresql)"
ACCOUNT = "postgres"
_numbers = count(1)


def find_binaries() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, the newest where there are several."""
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """``folder`` holds the data and the socket. The server refuses to run as root: ``account`` is then its user."""

    binaries: Path
    folder: Path
    account: str | None

    def create(self) -> None:
        """Make the cluster; nothing in it is worth a sync."""
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={ACCOUNT}", "--encoding=UTF8")
        settings = [
            "listen_addresses=''",
            f"unix_socket_directories='{self.folder}'",
            "fsync=off",
            "max_connections=50",
        ]
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write("\n".join(settings) + "\n")

    def start(self) -> None:
        self._run("pg_ctl", "start", "--wait", f"--log={self.folder}/log")

    def stop(self, mode: str = "fast") -> None:
        """``immediate`` is a crash: every session is cut, and the next start recovers."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def create_database(self) -> str:
        """A fresh database; its URL."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self._run(
            "psql", "--quiet", f"--host={self.folder}", f"--username={ACCOUNT}", "--command", f"CREATE DATABASE {name}"
        )
        return f"postgresql://{ACCOUNT}@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        data = [f"--pgdata={self.folder}/data"] if program in ("initdb", "pg_ctl") else []
        done = subprocess.run(
            [*self._as_account(), str(self.binaries / program), *data, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would keep a pipe open
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, (
            f"{program} {' '.join(arguments)}: {done.stderr or (self.folder / 'log').read_text()}"
        )

    def _as_account(self) -> list[str]:
        if self.account is None:
            return []
        return ["setpriv", f"--reuid={self.account}", f"--regid={self.account}", "--clear-groups"]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Running; a test that stops it starts it again."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(HOW_TO_GET)
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has room for 107 bytes
    account = None
    if os.geteuid() == 0:
        try:
            owner = pwd.getpwnam(ACCOUNT)
        except KeyError:
            shutil.rmtree(folder)
            pytest.skip(f"PostgreSQL does not run as root and there is no user {ACCOUNT}: useradd --system {ACCOUNT}")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        account = ACCOUNT
    server = PostgresServer(binaries, folder, account)
    try:
        server.create()
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of a fresh, empty database."""
    return postgres_server.create_database()
