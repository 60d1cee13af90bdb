"""Opening, upgrading, refusing, moving aside and copying a database."""

import random
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from support.recording import NOW, recording

from daemon import migrations, schema, tables
from daemon.backup import backup
from daemon.database import PAGE_SIZE, DatabaseFaultError, resolve
from daemon.repository import anomalies, sensors
from daemon.schema import HEAD, open_database

URL = "sqlite:///sereno.db"
FOLDER = Path(migrations.__file__).parent


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return URL if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


async def fill(url: str, folder: Path, rows: int = 3) -> int:
    """A database with one sensor and some readings; the next reading id it would give at the least."""
    async with recording(url, folder) as running:
        sensor = running.sensor()
        await running.store(*(running.reading(sensor.id, NOW + n) for n in range(rows)), sensors=[sensor])
        return running.recorder.ids.take("reading")


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_relative_path_lies_in_the_state_folder_and_an_absolute_one_where_it_says() -> None:
    assert resolve("sqlite:///a/b.db", Path("/var/lib/sereno")).database == "/var/lib/sereno/a/b.db"
    assert resolve("sqlite:////srv/b.db", Path("/var/lib/sereno")).database == "/srv/b.db"


def test_a_postgresql_url_gets_our_driver_and_the_password_from_elsewhere() -> None:
    found = resolve("postgresql://u@h/db", Path("/x"), "s3cret")
    assert (found.drivername, found.password, found.host) == ("postgresql+psycopg", "s3cret", "h")
    assert "s3cret" not in found.render_as_string()


@pytest.mark.parametrize("bad", ["mysql://h/db", "sqlite://", "sqlite:///:memory:", "nonsense", ""])
def test_other_urls_are_refused_in_a_sentence(bad: str) -> None:
    with pytest.raises(DatabaseFaultError, match=r"database\.url"):
        resolve(bad, Path("/x"))


def test_the_schema_is_what_the_tables_say(url: str, tmp_path: Path) -> None:
    database, prepared = open_database(url, tmp_path)
    with database.writer.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        view = {column["name"] for column in inspect(connection).get_columns("reading_all")}
    database.close()
    assert view == set(tables.reading_all.columns.keys())
    assert prepared == schema.Preparation()
    assert ScriptDirectory(str(FOLDER)).get_current_head() == HEAD


def test_a_new_database_is_what_all_the_steps_together_make(url: str, tmp_path: Path) -> None:
    database, _ = open_database(url, tmp_path)
    with database.writer.connect() as connection:
        made = _shape(connection)
        with connection.begin():
            connection.execute(text(f"DROP VIEW {tables.reading_all.name}"))
            tables.metadata.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
        schema._migrate(connection)
        assert _shape(connection) == made
    database.close()


def _shape(connection: Connection) -> dict[str, object]:
    """All that a database tells of its tables and views; SQLite's own words too."""
    found: dict[str, object] = {}
    seen = inspect(connection)
    for name in [*seen.get_table_names(), *seen.get_view_names()]:
        found[name] = (
            [{**column, "type": str(column["type"])} for column in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            seen.get_foreign_keys(name),
            sorted(seen.get_indexes(name), key=str),
            sorted(seen.get_unique_constraints(name), key=str),
        )
    found["version"] = connection.scalar(text("SELECT version_num FROM alembic_version"))
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
        # A column that a step added stands on the last line, behind the constraints.
        parts = {name: [part.strip(" \t)") for part in re.split(r"[,\n]", sql)] for name, sql in rows}
        found["words"] = {name: sorted(part for part in found if part) for name, found in parts.items()}
    connection.commit()
    return found


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    database, _ = open_database(URL, tmp_path)
    with database.writer.connect() as connection:
        assert connection.scalar(text("PRAGMA page_size")) == PAGE_SIZE
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 1
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    database.close()
    assert modes == dict.fromkeys(("sereno.db", "sereno.db-wal", "sereno.db-shm"), 384)


def test_readers_cannot_write(tmp_path: Path) -> None:
    database, _ = open_database(URL, tmp_path)
    with database.readers.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(text("DELETE FROM sensor"))
    database.close()


async def test_an_older_database_is_copied_then_upgraded(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(url, tmp_path)
    newer = tmp_path / "migrations"
    shutil.copytree(FOLDER, newer, ignore=shutil.ignore_patterns("__pycache__"))
    (newer / "versions" / "v9998_more.py").write_text(
        f"from alembic import op\nrevision = '9998'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n    op.execute('ALTER TABLE sensor ADD COLUMN colour TEXT')\n"
    )
    monkeypatch.setattr(schema, "_folder", lambda: newer)
    monkeypatch.setattr(schema, "HEAD", "9998")
    database, prepared = open_database(url, tmp_path)
    with database.readers.connect() as connection:
        assert connection.execute(text("SELECT id, colour FROM sensor")).all() == [(1, None)]
    database.close()
    assert prepared.upgraded_from == HEAD
    if database.path is not None:
        assert prepared.copied_to is not None
        assert HEAD in prepared.copied_to.name
        with closing(sqlite3.connect(prepared.copied_to)) as copy:
            assert copy.execute("SELECT count(*) FROM reading_recent").fetchone() == (3,)
            assert "colour" not in {row[1] for row in copy.execute("PRAGMA table_info(sensor)")}


async def test_a_database_of_the_foundation_gets_identities_and_verdicts(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = open_database(url, tmp_path)
    with database.writer.connect() as connection, connection.begin():
        connection.execute(text(f"DROP VIEW {tables.reading_all.name}"))
        tables.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    with database.writer.connect() as connection, monkeypatch.context() as patched:
        patched.setattr(schema, "HEAD", "0001")
        schema._migrate(connection)
    with database.writer.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO sensor (id, key, type, model, state, temperature_offset, humidity_offset, created_at, "
                "updated_at) VALUES (1, 'mqtt/s1', 't', 'm', 'active', 0, 0, 1, 1)"
            )
        )
        connection.execute(
            text(
                "INSERT INTO anomaly (id, sensor_id, kind, score, explanation, explanation_en, state, created_at, "
                "updated_at) VALUES (1, 1, 'unusual_pattern', 1, 'e', 'e', 'open', 1, 1)"
            )
        )
    database.close()
    database, prepared = open_database(url, tmp_path)
    assert prepared.upgraded_from == "0001"
    with database.readers.connect() as connection:
        (found,) = sensors.everything(connection)
        (odd,) = anomalies.open_ones(connection)
    assert (found.key, found.ignored, found.other_keys) == ("mqtt/s1", False, ())
    assert (odd.feature, odd.quantities, odd.verdict) == (None, (), None)
    database.close()


async def test_a_failed_upgrade_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await fill(URL, tmp_path)
    newer = tmp_path / "migrations"
    shutil.copytree(FOLDER, newer, ignore=shutil.ignore_patterns("__pycache__"))
    (newer / "versions" / "v9998_more.py").write_text(
        f"from alembic import op\nrevision = '9998'\ndown_revision = '{HEAD}'\n"
        "def upgrade():\n    op.execute('DROP TABLE sensor')\n    raise LookupError('half way')\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_folder", lambda: newer)
        patched.setattr(schema, "HEAD", "9998")
        with pytest.raises(LookupError):
            open_database(URL, tmp_path)
    async with recording(URL, tmp_path) as running:
        assert running.rows("SELECT count(*) FROM sensor") == [(1,)]


async def test_a_newer_database_is_refused_and_untouched(url: str, tmp_path: Path) -> None:
    await fill(url, tmp_path)
    database, _ = open_database(url, tmp_path)
    with database.writer.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(DatabaseFaultError, match=r"newer version \(9999\)"):
        open_database(url, tmp_path)
    assert files(tmp_path) <= {"sereno.db"}


def test_a_strangers_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "sereno.db")) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(DatabaseFaultError, match="did not make"):
        open_database(URL, tmp_path)


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFaultError, match="does not answer") as told:
        open_database(f"postgresql://u:hidden@/db?host={tmp_path}", tmp_path)
    assert "hidden" not in str(told.value)


async def test_a_damaged_file_is_moved_aside_and_its_ids_go_on(tmp_path: Path) -> None:
    next_id = await fill(URL, tmp_path, rows=2000)
    path = tmp_path / "sereno.db"
    pages = path.stat().st_size // PAGE_SIZE
    noise = random.Random(1)
    with path.open("r+b") as file:
        for page in range(pages // 2, pages):
            file.seek(page * PAGE_SIZE)
            file.write(noise.randbytes(PAGE_SIZE))
    damaged = path.read_bytes()
    database, prepared = open_database(URL, tmp_path)
    database.close()
    assert prepared.damage
    assert prepared.moved_aside is not None
    assert prepared.moved_aside.read_bytes() == damaged
    async with recording(URL, tmp_path) as running:
        assert running.rows("SELECT count(*) FROM reading_all") == [(0,)]
        assert running.recorder.ids.take("reading") > next_id


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like something" * 50, b"\0" * 4096 * 4])
def test_a_file_that_is_no_database_is_moved_aside(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sereno.db").write_bytes(content)
    database, prepared = open_database(URL, tmp_path)
    with database.readers.connect() as connection:
        event = connection.scalar(text("SELECT next FROM id_block WHERE name = 'event'"))
    database.close()
    assert prepared.moved_aside is not None
    assert prepared.moved_aside.read_bytes() == content
    assert prepared.moved_aside.name in caplog.text  # whoever reads the log learns it, page or no page
    assert event > 1_700_000_000_000  # nobody knows what was given: go on far beyond


async def test_a_copy_is_whole_while_the_daemon_writes(tmp_path: Path) -> None:
    async with recording(URL, tmp_path) as running:
        sensor = running.sensor()
        await running.store(*(running.reading(sensor.id, NOW + n) for n in range(500)), sensors=[sensor])
        target = tmp_path / "copy.db"
        backup(URL, tmp_path, target)
        await running.store(running.reading(sensor.id, NOW + 1000))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT count(*) FROM reading_all").fetchone() == (500,)
    with pytest.raises(DatabaseFaultError, match="is there already"):
        backup(URL, tmp_path, target)
    assert files(tmp_path) == {"sereno.db", "copy.db"}


async def test_a_postgresql_copy_is_a_dump(postgres_url: str, tmp_path: Path) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed (on Debian: apt install postgresql-client)")
    await fill(postgres_url, tmp_path)
    backup(postgres_url, tmp_path, tmp_path / "copy.dump")
    assert (tmp_path / "copy.dump").read_bytes().startswith(b"PGDMP")


def test_a_copy_of_nothing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFaultError, match="there is no database"):
        backup(URL, tmp_path, tmp_path / "copy.db")
