"""A damaged SQLite file at start: found, moved aside with its date, never deleted; its ids are not given again."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from daemon.backup import COMPANIONS
from daemon.database import DatabaseFaultError
from daemon.database_faults import outage
from daemon.durable_files import sync_folder
from daemon.ids import BLOCKS

CHECK_TIME = 0.5
"""Seconds that the search may take: all of a small file, a part of a large one."""


def find_damage(path: Path) -> str | None:
    """What is wrong with the file, None where nothing was found in time.

    Raises DatabaseFaultError where it cannot be read at all: a permission, a lock, an error of the disk.
    """
    if path.stat().st_size == 0:
        return None
    deadline = time.monotonic() + CHECK_TIME
    try:
        with closing(sqlite3.connect(path)) as connection:
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()  # noqa: S608 - the file's own names
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return None if verdict == "ok" else verdict
    except sqlite3.DatabaseError as error:
        known = outage(error)
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            return None
        if known and known.trouble == "corrupt":
            return str(error)
        raise DatabaseFaultError(f"{path}: {known.reason if known else error}") from error


def read_ids(path: Path) -> Mapping[str, int]:
    """Where the ids had come to. Where that cannot be read: milliseconds since 1970, beyond any id ever given."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = dict(connection.execute("SELECT name, next FROM id_block").fetchall())
    except sqlite3.DatabaseError:
        found = {}
    beyond = int(max(time.time(), path.stat().st_mtime) * 1000)
    return {name: found[name] if isinstance(found.get(name), int) else beyond for name in BLOCKS}


def move_aside(path: Path) -> Path:
    """Give the file and its log a name with the date; the new name."""
    target = dated_name(path, "damaged")
    for ending in COMPANIONS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.replace(target.with_name(target.name + ending))
    sync_folder(path.parent)
    return target


def dated_name(path: Path, note: str) -> Path:
    """A name beside ``path`` with the date and a note, that nothing has."""
    stem = f"{path.stem}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{note}"
    wanted, number = path.with_name(f"{stem}{path.suffix}"), 1
    while wanted.exists():
        number += 1
        wanted = path.with_name(f"{stem}-{number}{path.suffix}")
    return wanted
