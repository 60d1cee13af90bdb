"""Moving rows from the append table into the clustered one, sorted, in short transactions.

A chunk is a range of ids, so that whole pages of the append table become free; each sensor's rows of a chunk land
beside each other. Readers see a row in one table or the other, never in both or neither.
"""

import time

from sqlalchemy import Connection, bindparam, func, text
from sqlalchemy import update as sql_update

from daemon.ledger import Ledger
from daemon.reading_rows import SHARED_COLUMNS
from daemon.tables import sensor

FOLD_INTERVAL = 300.0
"""Seconds between folds."""

MOST_UNFOLDED = 20_000
"""Rows in the append table that call for a fold at once: what the ledger holds in memory (about 5 MB), and what a
reader of many sensors has to sort."""

MOST_UNSURE = 50_000
"""Rows kept back because the clock is not set, so that they can be re-based; beyond, they are folded as they are."""

LONGEST_CHUNK = 0.03
"""Seconds that a chunk should hold the writer."""

FIRST_CHUNK, LARGEST_CHUNK = 500, 20_000
"""Rows in a chunk: doubled while it stays well below ``LONGEST_CHUNK``, halved when it takes longer."""

_COLUMNS = ", ".join(SHARED_COLUMNS)
_LAST = text("SELECT max(id) FROM (SELECT id FROM reading_recent ORDER BY id LIMIT :count) AS chunk")
_INSERT = text(
    f"INSERT INTO reading ({_COLUMNS}) SELECT {_COLUMNS} FROM reading_recent "  # noqa: S608 - our own names
    "WHERE id <= :last ORDER BY sensor_id, time, sequence ON CONFLICT DO NOTHING"
)
_KEEP_TOKENS = text(
    "INSERT INTO folded_token (reading_id, sensor_id, source, token) SELECT id, sensor_id, source, token "
    "FROM reading_recent WHERE id <= :last AND id >= :oldest AND source = :source AND token IS NOT NULL"
)
_DROP_TOKENS = text("DELETE FROM folded_token WHERE source = :source AND reading_id < :oldest")
_DELETE = text("DELETE FROM reading_recent WHERE id <= :last")
_LAST_READING = (
    sql_update(sensor)
    .where(sensor.c.id == bindparam("sensor"), func.coalesce(sensor.c.last_reading_at, -1) < bindparam("newest"))
    .values(last_reading_at=bindparam("newest"))
)


class Folding:
    """When to fold, and how much at once."""

    def __init__(self, now: float) -> None:
        self._due = now + FOLD_INTERVAL
        self._active = False
        self._chunk = FIRST_CHUNK

    def wait(self, ledger: Ledger, now: float) -> float:
        """Seconds until a chunk should be folded; 0: now."""
        if ledger.size > MOST_UNFOLDED or now >= self._due:
            self._active = True
        if self._active and self._count(ledger):
            return 0.0
        if self._active:
            self._active, self._due = False, now + FOLD_INTERVAL
        return self._due - now

    def postpone(self, now: float) -> None:
        """After a fault: the rows are safe where they are."""
        self._active, self._due = False, now + FOLD_INTERVAL

    def _count(self, ledger: Ledger) -> int:
        if ledger.first_unsure is not None and ledger.size <= MOST_UNSURE:
            return 0
        return min(self._chunk, ledger.size)

    def chunk(self, connection: Connection, ledger: Ledger) -> tuple[int, dict[int, int]] | None:
        """Fold one chunk in the connection's transaction; what :meth:`Ledger.fold` must know after its commit.

        None where the append table is empty.
        """
        began = time.monotonic()
        last: int | None = connection.scalar(_LAST, {"count": self._count(ledger)})
        if last is None:
            return None
        newest = ledger.newest_up_to(last)
        connection.execute(_INSERT, {"last": last})
        for source_id, tokens in ledger.tokens.items():
            if tokens:
                window = {"source": source_id, "oldest": min(tokens.values()), "last": last}
                connection.execute(_KEEP_TOKENS, window)
                connection.execute(_DROP_TOKENS, window)
        connection.execute(_DELETE, {"last": last})
        rows = [{"sensor": sensor_id, "newest": at} for sensor_id, at in newest.items()]
        if rows:
            connection.execute(_LAST_READING, rows)
        self._adapt(time.monotonic() - began)
        return last, newest

    def _adapt(self, took: float) -> None:
        if took > LONGEST_CHUNK:
            self._chunk = max(100, self._chunk // 2)
        elif took < LONGEST_CHUNK / 3:
            self._chunk = min(LARGEST_CHUNK, self._chunk * 2)
