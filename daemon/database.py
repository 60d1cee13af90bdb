"""Opening the database that a URL names: SQLite with our pragmas, or PostgreSQL.

Nothing but SQLite itself may open or close the database file or its ``-shm`` in this process: closing any
descriptor of a file drops the locks that SQLite holds on it (https://sqlite.org/howtocorrupt.html, 2.2).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

PAGE_SIZE = 1024
"""Bytes. A reading committed alone writes a page: 1,161 bytes of log here, 4,233 at SQLite's default of 4,096, while
range reads and bulk inserts take the same time (``benchmarks/storage.py``)."""

WAL_CHECKPOINT = 16 * 1024 * 1024
"""Bytes of write-ahead log after which SQLite copies it into the database, once, at the end of a commit."""

BUSY_TIMEOUT = 2.0
"""Seconds to wait for another process's lock before the writer says so and tries again."""

PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "NORMAL",
    "foreign_keys": "ON",
    "temp_store": "MEMORY",  # a sort must not wear the card
    "secure_delete": "OFF",  # Debian's default writes zeros over what is deleted: twice the wear
    "busy_timeout": str(int(BUSY_TIMEOUT * 1000)),
    "journal_size_limit": str(WAL_CHECKPOINT),
}


class DatabaseFaultError(Exception):
    """The database cannot be used as it is: one sentence that says what is wrong and what to do."""


class NewerSchemaError(DatabaseFaultError):
    """The database belongs to a newer version: starting again would change nothing."""


@dataclass(frozen=True, slots=True)
class Database:
    """``readers`` is for reads: each statement sees its own snapshot (autocommit). ``writer`` is the recorder's.

    ``path`` is the SQLite file, None on PostgreSQL.
    """

    url: URL
    path: Path | None
    readers: Engine
    writer: Engine

    def create_file(self) -> None:
        """Make the SQLite file, mode 0600, if it is missing: before SQLite has it; its companions get the same mode."""
        if self.path is not None and not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))

    def close(self) -> None:
        """Dispose of every pooled connection; after the recorder has ended."""
        self.readers.dispose()
        self.writer.dispose()


def resolve(url: str, folder: Path, password: str | None = None) -> URL:
    """The URL with its driver, its password and, on SQLite, an absolute path: a relative one lies in ``folder``.

    Raises DatabaseFaultError for anything but ``sqlite:///…`` and ``postgresql://…``.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseFaultError("database.url is not a URL; write sqlite:///sereno.db or postgresql://…") from error
    match parsed.get_backend_name():
        case "sqlite":
            if not parsed.database or parsed.database == ":memory:":
                raise DatabaseFaultError("database.url names no file; write sqlite:///sereno.db")
            return URL.create("sqlite", database=str(folder / parsed.database))
        case "postgresql":
            named = parsed.set(drivername="postgresql+psycopg")
            return named if password is None else named.set(password=password)
        case other:
            raise DatabaseFaultError(f"database.url: {other} is not supported; use sqlite:///… or postgresql://…")


def connect(url: URL) -> Database:
    """Engines for a resolved URL. Nothing is opened yet, but a SQLite file is made if it is missing."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    options: dict[str, Any] = {
        "connect_timeout": 5,
        "tcp_user_timeout": 10_000,  # ms: a server that vanished is noticed, not waited for
        "application_name": "sereno",
        "options": "-c lock_timeout=5s -c statement_timeout=60s -c timezone=UTC",
    }
    readers = create_engine(
        url, connect_args=options, pool_size=4, max_overflow=4, pool_pre_ping=True, isolation_level="AUTOCOMMIT"
    )
    return Database(url, None, readers, create_engine(url, connect_args=options, pool_size=1, max_overflow=0))


def _sqlite(url: URL) -> Database:
    readers = create_engine(url, pool_size=4, max_overflow=4, isolation_level="AUTOCOMMIT")
    event.listen(readers, "connect", _prepare_reader)
    writer = create_engine(url, pool_size=1, max_overflow=0)
    event.listen(writer, "connect", _prepare_writer)
    event.listen(writer, "begin", _begin_immediate)
    database = Database(url, Path(str(url.database)), readers, writer)
    database.create_file()
    return database


def _prepare_reader(connection: Any, _record: object) -> None:
    _set_pragmas(connection, PRAGMAS | {"wal_autocheckpoint": "0", "cache_size": "-1000", "query_only": "ON"})


def _prepare_writer(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin when we say so
    checkpoint = WAL_CHECKPOINT // PAGE_SIZE
    first = {"page_size": str(PAGE_SIZE)}  # takes effect on an empty file alone, and before WAL is set
    _set_pragmas(connection, first | PRAGMAS | {"wal_autocheckpoint": str(checkpoint), "cache_size": "-2000"})


def _set_pragmas(connection: Any, pragmas: dict[str, str]) -> None:
    cursor = connection.cursor()
    for name, value in pragmas.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
