"""``kill -9`` at random moments: what was released is stored exactly once, and no id names two things."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from daemon.schema import open_database

PROCESS = Path(__file__).parent.parent / "support" / "writer_process.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    return "sqlite:///sereno.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def run_and_kill(folder: Path, url: str, first: int, resent: int, lines: int) -> list[str]:
    """Let the process write that many lines; all that it had written when it was killed."""
    command = [sys.executable, "-P", str(PROCESS), str(folder), url, str(first), str(resent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told += process.stdout.readlines()
    return [line.rstrip("\n") for line in told if line.endswith("\n")]


def test_no_kill_loses_or_doubles_what_was_released(url: str, tmp_path: Path) -> None:
    chance = random.Random(4)
    released, seen = 0, set[int]()
    resent = 0
    for _ in range(5):
        told = run_and_kill(tmp_path, url, released, resent, lines=chance.randrange(1, 1500))
        rows = [int(line[2:]) for line in told if line.startswith("C ")]
        assert seen.isdisjoint(rows)  # seen by clients: never used again
        seen.update(rows)
        numbers = [int(line[2:]) for line in told if line.startswith("R ")]
        assert numbers == list(range(released, released + len(numbers)))  # in order, none left out
        released += len(numbers)
        resent = released + 301  # what was under way may have been stored: the source sends it again
        database, prepared = open_database(url, tmp_path)
        with database.readers.connect() as connection:
            stored = connection.execute(
                text("SELECT CAST(temperature AS INTEGER), count(*) FROM reading_all GROUP BY temperature ORDER BY 1")
            ).all()
            ids = set(connection.scalars(text("SELECT id FROM reading_all")))
        database.close()
        assert prepared.moved_aside is None
        assert {count for _, count in stored} <= {1}
        assert [number for number, _ in stored[:released]] == list(range(released))
        assert len(stored) <= released + 301
        assert seen <= ids
    assert released > 500
