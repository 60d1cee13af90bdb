"""Opening the database that the URL names: engines, pragmas, schema, copies."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Engine


@dataclass(frozen=True, slots=True)
class Database:
    """``readers`` is for reads: each statement sees its own snapshot (autocommit). ``writer`` is the recorder's.

    ``path`` is the SQLite file, None on PostgreSQL.
    """

    url: URL
    path: Path | None
    readers: Engine
    writer: Engine

    def close(self) -> None:
        """Dispose of every pooled connection; after the recorder has ended."""
        self.readers.dispose()
        self.writer.dispose()
