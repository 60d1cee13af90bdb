"""What an error of the database means: it does not work now, it refuses this row, or the statement is wrong."""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from daemon.batches import Trouble

_SQLITE: dict[str, tuple[Trouble, str]] = {
    "BUSY": ("locked", "another process holds the database locked; end it"),
    "LOCKED": ("locked", "the database is locked"),
    "PROTOCOL": ("locked", "another process holds the database locked; end it"),
    "FULL": ("full", "the disk is full; free some space"),
    "READONLY": ("read_only", "the database cannot be written: a read-only disk or wrong permissions"),
    "PERM": ("read_only", "the database may not be written; look at the file's permissions"),
    "IOERR": ("io_error", "the disk reports an error; look at the kernel's log and save a backup"),
    "CANTOPEN": ("io_error", "the database file cannot be opened"),
    "NOMEM": ("io_error", "out of memory"),
    "INTERRUPT": ("other", "the statement was interrupted"),
    "CORRUPT": ("corrupt", "the database file is damaged; a restart moves it aside and begins a new one"),
    "NOTADB": ("corrupt", "the database file is damaged; a restart moves it aside and begins a new one"),
}

_POSTGRESQL: dict[str, tuple[Trouble, str]] = {  # by class of SQLSTATE
    "08": ("unreachable", "the database server does not answer"),
    "25": ("read_only", "the database server takes no writes"),
    "28": ("unreachable", "the database server refuses our credentials"),
    "40": ("locked", "another transaction was in the way"),
    "53": ("full", "the database server is out of disk, memory or connections"),
    "55": ("locked", "another session holds a lock"),
    "57": ("unreachable", "the database server is stopping, starting or ended our statement"),
    "58": ("io_error", "the database server reports an error of its disk"),
    "XX": ("corrupt", "the database server reports an internal error"),
}

_REFUSALS = ("22", "23")  # data exceptions, integrity constraints


@dataclass(frozen=True, slots=True)
class Outage:
    """The database does not work now: nothing is wrong with what was asked of it."""

    trouble: Trouble
    reason: str


def outage(error: BaseException) -> Outage | None:
    """What keeps the database from working, None where the statement or its values are at fault."""
    cause = _driver_error(error)
    if name := _sqlite_name(cause):
        primary = name.removeprefix("SQLITE_").split("_")[0]
        known = _SQLITE.get(primary)
        return Outage(known[0], f"{known[1]} ({cause})") if known else None
    if _is_postgresql(cause):
        state = getattr(cause, "sqlstate", None)
        if state is None and type(cause).__name__ not in ("OperationalError", "ConnectionTimeout", "InterfaceError"):
            return None
        known = _POSTGRESQL.get(state[:2] if state else "08")
        return Outage(known[0], f"{known[1]} ({_one_line(cause)})") if known else None
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Outage("unreachable", f"the connection was lost ({_one_line(cause)})")
    return None


def is_database_error(error: BaseException) -> bool:
    """True for whatever SQLAlchemy or a driver raises."""
    return isinstance(error, SQLAlchemyError) or type(error).__module__.split(".")[0] in ("sqlite3", "psycopg")


def refusal(error: BaseException) -> bool:
    """True where the database refuses the values for themselves: an integrity constraint, a bad value."""
    cause = _driver_error(error)
    if name := _sqlite_name(cause):
        return name.startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG"))
    state = getattr(cause, "sqlstate", None)
    return _is_postgresql(cause) and state is not None and state[:2] in _REFUSALS


def _driver_error(error: BaseException) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _sqlite_name(error: BaseException) -> str | None:
    return getattr(error, "sqlite_errorname", None)


def _is_postgresql(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] == "psycopg"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
