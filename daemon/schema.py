"""Bringing a database to the schema of this version before anything reads it.

An older one is copied, then upgraded; a newer one is refused; a damaged SQLite file is moved aside, never deleted.
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from daemon import migrations
from daemon.database import Database, DatabaseFaultError, connect, resolve
from daemon.database_faults import outage
from daemon.ids import BLOCKS

CHECK_TIME = 0.5
"""Seconds that the search for damage may take at start: all of a small file, a part of a large one."""

_COMPANIONS = ("", "-wal", "-shm")
_UPGRADE_LOCK = 0x5E7E40  # PostgreSQL's advisory lock, so that two daemons never upgrade at once


@dataclass(frozen=True, slots=True)
class Preparation:
    """What had to be done at start. ``damage`` says what was wrong with the file now at ``moved_aside``.

    ``upgraded_from`` is the revision found, None where nothing was upgraded; ``copied_to`` the copy made before.
    """

    moved_aside: Path | None = None
    damage: str | None = None
    upgraded_from: str | None = None
    copied_to: Path | None = None


def open_database(url: str, folder: Path, password: str | None = None) -> tuple[Database, Preparation]:
    """The database that ``url`` names, at this version's schema. Blocks; seconds where a large one is upgraded.

    Raises DatabaseFaultError: an unsupported URL, a newer schema, a file or server that cannot be used.
    """
    database = connect(resolve(url, folder, password))
    try:
        damage = _damage(database.path) if database.path else None
        if not (damage and database.path):
            return database, _upgrade(database)
        ids = _ids_of_damaged(database.path)
        aside = _move_aside(database.path)
        database = connect(database.url)
        _upgrade(database)
        _continue_ids(database, ids)
        return database, Preparation(moved_aside=aside, damage=damage)
    except DBAPIError as error:
        database.close()
        known = outage(error)
        raise DatabaseFaultError(f"{_name(database)}: {known.reason if known else error.orig}") from error
    except OSError as error:
        database.close()
        raise DatabaseFaultError(
            f"{_name(database)}: {error.strerror}; look at the folder's owner and free space"
        ) from error
    except DatabaseFaultError:
        database.close()
        raise


def _name(database: Database) -> str:
    return str(database.path) if database.path else database.url.render_as_string()


def _upgrade(database: Database) -> Preparation:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    with database.writer.connect() as connection:
        if database.path is None:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            connection.commit()
        found = _revision(connection, database, {step.revision for step in scripts.walk_revisions()})
        if found == scripts.get_current_head():
            return Preparation()
        copy = _copy_before(database.path, found) if found and database.path else None
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
        return Preparation(upgraded_from=found, copied_to=copy)


def _revision(connection: Connection, database: Database, known: set[str]) -> str | None:
    with connection.begin():
        found = MigrationContext.configure(connection).get_current_revision()
        if found is None and "sensor" in inspect(connection).get_table_names():
            raise DatabaseFaultError(f"{_name(database)} was not made by sereno; name another one in database.url")
    if found is not None and found not in known:
        raise DatabaseFaultError(
            f"{_name(database)} has the schema of a newer version ({found}); install that version, or restore the "
            "copy made before its upgrade"
        )
    return found


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def _free_name(path: Path, note: str) -> Path:
    """A name beside ``path`` that nothing has."""
    wanted = path.with_name(f"{path.stem}-{_stamp()}-{note}{path.suffix}")
    number = 1
    while wanted.exists():
        number += 1
        wanted = path.with_name(f"{path.stem}-{_stamp()}-{note}-{number}{path.suffix}")
    return wanted


def _copy_before(path: Path, revision: str) -> Path:
    target = _free_name(path, revision)
    copy_sqlite(path, target)
    return target


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use; complete under its name or not there at all.

    Raises sqlite3.Error and OSError.
    """
    partial = target.with_name(target.name + ".partial")
    descriptor = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(partial)) as copy:
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole in itself
        os.fsync(descriptor)
        partial.replace(target)
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damage(path: Path) -> str | None:
    """What is wrong with the file, None where nothing was found in ``CHECK_TIME``."""
    if path.stat().st_size == 0:
        return None
    deadline = time.monotonic() + CHECK_TIME
    try:
        with closing(sqlite3.connect(path)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()  # noqa: S608 - the name is the file's
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


def _ids_of_damaged(path: Path) -> Mapping[str, int]:
    """Where its ids had come to. Where that cannot be read: milliseconds since 1970, beyond any id ever given."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = dict(connection.execute("SELECT name, next FROM id_block").fetchall())
    except sqlite3.DatabaseError:
        found = {}
    beyond = int(max(time.time(), path.stat().st_mtime) * 1000)
    return {name: found[name] if isinstance(found.get(name), int) else beyond for name in BLOCKS}


def _move_aside(path: Path) -> Path:
    target = _free_name(path, "damaged")
    for ending in _COMPANIONS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.replace(target.with_name(target.name + ending))
    sync_folder(path.parent)
    return target


def _continue_ids(database: Database, ids: Mapping[str, int]) -> None:
    rows = [{"name": name, "next": following} for name, following in ids.items()]
    with database.writer.begin() as connection:
        connection.execute(text("INSERT INTO id_block (name, next) VALUES (:name, :next)"), rows)
