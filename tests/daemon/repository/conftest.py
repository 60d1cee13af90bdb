from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from daemon.database import Database
from daemon.schema import open_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Empty, at the newest schema, of either kind."""
    url = "sqlite:///test.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    opened, _ = open_database(url, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    """In one transaction."""
    with database.writer.begin() as connection:
        yield connection
