"""Copies of a database: consistent while it is in use, complete under their name or not there at all."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from daemon.database import DatabaseFaultError, resolve
from daemon.durable_files import sync_folder

COMPANIONS = ("", "-wal", "-shm")
"""The files of a SQLite database, by what follows its name."""


def backup(url: str, folder: Path, target: Path, password: str | None = None) -> None:
    """Copy the database that ``url`` names to the new file ``target``; the daemon may go on meanwhile.

    A SQLite copy is a SQLite file, a PostgreSQL one what ``pg_restore`` reads. Raises DatabaseFaultError.
    """
    resolved = resolve(url, folder, password)
    if target.exists():
        raise DatabaseFaultError(f"{target} is there already and stays as it is; give another path")
    try:
        if resolved.get_backend_name() == "sqlite":
            source = Path(str(resolved.database))
            if not source.exists():
                raise DatabaseFaultError(f"there is no database at {source} yet; look at database.url and --state-dir")
            copy_sqlite(source, target)
        else:
            _dump_postgresql(resolved, target)
    except sqlite3.Error as error:
        raise DatabaseFaultError(f"the copy failed: {error}") from error
    except OSError as error:
        raise DatabaseFaultError(
            f"{target} could not be written: {error.strerror}; check path, rights and space"
        ) from error


def copy_sqlite(source: Path, target: Path) -> None:
    """Raises sqlite3.Error and OSError."""
    partial = target.with_name(target.name + ".partial")
    os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    try:
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(partial)) as copy:
            original.backup(copy)  # in one step: one snapshot, whoever writes meanwhile
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole in itself
        _finish(partial, target)
    finally:
        for ending in COMPANIONS:
            partial.with_name(partial.name + ending).unlink(missing_ok=True)


def _dump_postgresql(url: URL, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise DatabaseFaultError("pg_dump is not installed (on Debian: apt install postgresql-client)")
    partial = target.with_name(target.name + ".partial")
    os.close(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environment = dict(os.environ) if url.password is None else os.environ | {"PGPASSWORD": str(url.password)}
    command = [program, "--format=custom", "--no-password", f"--file={partial}", f"--dbname={plain}"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
        if done.returncode != 0:
            raise DatabaseFaultError(f"pg_dump failed: {' '.join(done.stderr.split())}")
        _finish(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _finish(partial: Path, target: Path) -> None:
    """Sync the copy before it gets its name. Nothing else has the file open any more."""
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(target)
    sync_folder(target.parent)
