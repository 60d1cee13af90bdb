"""Where a command works that needs no running daemon: the configuration and the state folder, as their owner."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from daemon import state
from daemon.config import Config, load
from daemon.database import Database, DatabaseFaultError, connect, resolve
from daemon.errors import SerenoError
from daemon.schema import Preparation, open_database
from daemon.state import StateFolder


def enter(
    config_path: Path | None, state_dir: Path | None, environ: Mapping[str, str] = os.environ
) -> tuple[Config, StateFolder]:
    """Read the configuration, then become the folder's owner (as root) and open the folder. Raises SerenoError.

    In this order: secrets may be root's to read, while nothing in the folder may become root's.
    """
    config = load(config_path, environ)
    path = state.resolve(state_dir, environ)
    state.take_identity(path)
    return config, state.prepare(path)


@contextmanager
def database(config: Config, folder: StateFolder) -> Iterator[Database]:
    """The database beside a running daemon, or, where none runs, brought to this version's schema first."""
    if state.holder(folder.path) is None:
        opened, _ = prepared(config, folder)
    else:
        opened = connect(resolve(config.database.url, folder.path, password_of(config)))
    try:
        yield opened
    finally:
        opened.close()


def prepared(config: Config, folder: StateFolder) -> tuple[Database, Preparation]:
    """Open the database and upgrade it; raises SerenoError while a daemon runs, or where it cannot be done."""
    with state.lock(folder):
        try:
            return open_database(config.database.url, folder.path, password_of(config))
        except DatabaseFaultError as error:
            raise SerenoError(str(error)) from error


def password_of(config: Config) -> str | None:
    """The database's password."""
    secret = config.database.password
    return secret.get_secret_value() if secret else None
