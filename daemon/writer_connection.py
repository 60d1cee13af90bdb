"""The writer's one connection: transactions that are certain to have happened or not, and how a fault ends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from daemon.database import Database
from daemon.database_faults import outage
from daemon.ledger import Ledger
from daemon.reading_store import load_ledger

_KEPT = ("locked", "full")
"""Troubles after which the connection is as good as before."""

_WRITER_LOCK = 0x5E7E41  # PostgreSQL's advisory lock: what the ledger knows is true for one writer alone


_MARK = text(
    "INSERT INTO property (name, value) VALUES ('last_commit', :mark) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_MARKED = text("SELECT value FROM property WHERE name = 'last_commit'")


class OtherWriterError(SQLAlchemyError):
    """Another daemon writes to this database."""


class WriterConnection:
    """Belongs to the writer's thread.

    ``unresolved`` is called with an error while a commit's fate is being found out: it pauses, and returns False
    when it is time to give up.
    """

    def __init__(self, database: Database, unresolved: Callable[[Exception], bool]) -> None:
        self._database = database
        self._unresolved = unresolved
        self._connection: Connection | None = None
        self.ledger = Ledger()

    @property
    def is_sqlite(self) -> bool:
        return self._database.path is not None

    def open(self) -> None:
        """Connect and load the ledger."""
        connection = self._connect()
        with connection.begin():
            self.ledger = load_ledger(connection)
        connection.info["ledger"] = self.ledger

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Connection:
        if self._connection is None:
            connection = self._database.writer.connect()
            try:
                self._be_the_only_one(connection)
            except BaseException:
                connection.invalidate()
                connection.close()
                raise
            connection.info["ledger"] = self.ledger
            self._connection = connection
        return self._connection

    def _be_the_only_one(self, connection: Connection) -> None:
        """On SQLite the state folder is locked already."""
        if self.is_sqlite:
            return
        with connection.begin():
            alone = connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _WRITER_LOCK})
        if not alone:
            raise OtherWriterError("another daemon writes to this database; stop it, or name another in database.url")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at the end; on an exception nothing has happened, in the database and in the ledger."""
        try:
            connection = self._connect()
            transaction = connection.begin()
            yield connection
            mark = None if self.is_sqlite else self._mark(connection)
            try:
                transaction.commit()
            except Exception as error:
                if mark is None or not self._did_commit(mark, error):
                    raise
        except BaseException as error:
            self.ledger.undo()
            self._clear(error)
            raise
        self.ledger.commit()

    def changes(self) -> int:
        """SQLite's count of changed rows since the connection was opened."""
        driver = self._connect().connection.driver_connection
        return int(driver.total_changes) if driver is not None else 0

    def checkpoint(self) -> bool:
        """Copy the whole log into the database file and begin it anew; False where a reader or a fault is in the way.

        Raises what an outage raises.
        """
        connection = self._connect()
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - an open connection has one
        busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def _clear(self, error: BaseException) -> None:
        """Bring the connection back to where a transaction can begin, or let it go."""
        connection = self._connection
        if connection is None:
            return
        known = outage(error)
        keep = known is None or (self.is_sqlite and known.trouble in _KEPT)
        try:
            if not keep:
                connection.invalidate()
            connection.rollback()
        except SQLAlchemyError:
            keep = False
        if not keep:
            self._connection = None
            connection.close()

    def _mark(self, connection: Connection) -> str:
        """Leave a mark in the transaction, by which it is known later. PostgreSQL's own transaction ids do not
        serve: after a crash one that was not written yet is given again."""
        mark = uuid4().hex
        connection.execute(_MARK, {"mark": mark})
        return mark

    def _did_commit(self, mark: str, error: Exception) -> bool:
        """Ask the server, once it is back, what became of a transaction whose commit got no answer.

        To be connected means to hold the writer's lock, so the session that was to commit has ended.
        """
        while True:
            self._clear(error)
            try:
                connection = self._connect()
                with connection.begin():
                    return bool(connection.scalar(_MARKED) == mark)
            except SQLAlchemyError as again:
                error = again
            if not self._unresolved(error):
                raise error
