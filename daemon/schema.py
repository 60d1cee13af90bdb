"""Bringing a database to the schema of this version before anything reads it.

An older one is copied, then upgraded; a newer one is refused; a damaged SQLite file is moved aside, never deleted.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, insert, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from daemon import migrations
from daemon.backup import copy_sqlite
from daemon.damage import dated_name, find_damage, move_aside, read_ids
from daemon.database import Database, DatabaseFaultError, NewerSchemaError, connect, resolve
from daemon.database_faults import outage
from daemon.tables import metadata, reading, reading_all, reading_recent

log = logging.getLogger("sereno.database")

HEAD = "0003"
"""The newest step of ``daemon.migrations``: where a database has it, or is new, Alembic (150 ms, 11 MB) is not even
imported."""

_STEPS_DONE = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as it makes it."""

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
    resolved = resolve(url, folder, password)
    name = resolved.database if resolved.get_backend_name() == "sqlite" else resolved.render_as_string()
    database: Database | None = None
    try:
        database = connect(resolved)
        return database, _prepare(database)
    except BaseException as error:
        if database is not None:
            database.close()
        if isinstance(error, DBAPIError):
            known = outage(error)
            raise DatabaseFaultError(f"{name}: {known.reason if known else error.orig}") from error
        if isinstance(error, OSError):
            raise DatabaseFaultError(f"{name}: {error.strerror}; look at its owner and at the free space") from error
        raise


def _prepare(database: Database) -> Preparation:
    damage = find_damage(database.path) if database.path else None
    if damage is None or database.path is None:
        return _upgrade(database)
    ids = read_ids(database.path)
    aside = move_aside(database.path)
    log.error("the database was damaged (%s): it is kept as %s, and a new one is begun", damage, aside)
    database.create_file()
    _upgrade(database)
    _continue_ids(database, ids)
    return Preparation(moved_aside=aside, damage=damage)


def _upgrade(database: Database) -> Preparation:
    with database.writer.connect() as connection, _alone(connection):
        with connection.begin():
            found = _revision(connection)
        if found == HEAD:
            return Preparation()
        if found is None:
            _create(connection)
            return Preparation()
        _refuse_newer(found)
        copy = None
        if database.path is not None:
            copy = dated_name(database.path, found)
            copy_sqlite(database.path, copy)
        _migrate(connection)
        if found is not None:
            kept = f"; the older one is kept as {copy}" if copy else ""
            log.warning("the database was upgraded from schema %s to %s%s", found, HEAD, kept)
        return Preparation(upgraded_from=found, copied_to=copy)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Hold PostgreSQL's lock; on SQLite the state folder is locked already."""
    if connection.dialect.name == "sqlite":
        yield
        return
    with connection.begin():
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _UPGRADE_LOCK})
    try:
        yield
    finally:
        with connection.begin():
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _UPGRADE_LOCK})


def _revision(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    found: str | None = None
    if "alembic_version" in tables:
        found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if found is None and tables:
        raise DatabaseFaultError("the database holds tables that sereno did not make; name another in database.url")
    return found


def _refuse_newer(found: str) -> None:
    from alembic.script import ScriptDirectory

    known = {step.revision for step in ScriptDirectory(str(_folder())).walk_revisions()}
    if found not in known:
        raise NewerSchemaError(
            f"the database has the schema of a newer version ({found}); install that version, or restore the copy "
            "that was made before its upgrade"
        )


def _create(connection: Connection) -> None:
    """Make what all the steps together would make, and note the newest as done."""
    columns = ", ".join(reading_all.columns.keys())
    with connection.begin():
        metadata.create_all(connection, checkfirst=False)
        connection.execute(
            text(
                f"CREATE VIEW {reading_all.name} AS SELECT {columns} FROM {reading.name} "  # noqa: S608 - our own names
                f"UNION ALL SELECT {columns} FROM {reading_recent.name}"
            )
        )
        connection.execute(CreateTable(_STEPS_DONE))
        connection.execute(insert(_STEPS_DONE).values(version_num=HEAD))


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of its own plugins at info
    with connection.begin():
        if connection.dialect.name != "sqlite":
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a large table takes its time
        command.upgrade(config, HEAD)


def _folder() -> Path:
    return Path(migrations.__file__).parent


def _continue_ids(database: Database, ids: Mapping[str, int]) -> None:
    rows = [{"name": name, "next": following} for name, following in ids.items()]
    with database.writer.begin() as connection:
        connection.execute(text("INSERT INTO id_block (name, next) VALUES (:name, :next)"), rows)
