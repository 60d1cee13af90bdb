"""The one writer: batches in, commits out, receipts released once the rows are on the disk."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy import Connection

from daemon.batches import Batch, Commit, DatabaseState, DatabaseUnavailable, Outcome
from daemon.database import Database
from daemon.entities import Sensor, StoredReading
from daemon.events import Event
from daemon.ids import IdBlocks

__all__ = ["Batch", "Commit", "DatabaseState", "DatabaseUnavailable", "Outcome", "Recorder"]

T = TypeVar("T")


class Recorder:
    """An async context manager around one writer thread.

    ``on_commit`` and ``on_state`` are called on the event loop, in order; set them before entering.
    """

    ids: IdBlocks
    on_commit: Callable[[Commit], None]
    on_state: Callable[[DatabaseState], None]

    def __init__(self, database: Database, *, sync_interval: float = 5.0) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit and sync what waits, release its receipts, close."""
        raise NotImplementedError

    async def put(self, batch: Batch) -> None:
        """Returns when the batch is queued; waits while 5,000 rows wait for the writer."""
        raise NotImplementedError

    async def store(self, sensors: Sequence[Sensor], readings: Sequence[StoredReading], source: str) -> list[Outcome]:
        """Returns after commit and sync, an outcome for each reading. Raises DatabaseUnavailable."""
        raise NotImplementedError

    async def change(self, work: Callable[[Connection], tuple[T, Sequence[Event]]]) -> T:
        """Run ``work`` in a savepoint of the writer's transaction; returns after commit and sync.

        ``work`` runs in the writer's thread and may run again after an outage. What it raises is raised here and
        harms nothing else. Raises DatabaseUnavailable.
        """
        raise NotImplementedError

    def sync_soon(self) -> None:
        """Do not wait for the interval: a source's window of unacknowledged messages is half full."""
        raise NotImplementedError

    async def memory(self, source: str) -> dict[str, Any]:
        """What was last kept as ``Batch.memory`` for this source; empty where there is none."""
        raise NotImplementedError

    def state(self) -> DatabaseState:
        raise NotImplementedError

    def unfolded(self, sensor_id: int) -> Sequence[int]:
        """Ids of this sensor's rows in ``reading_recent``; ask before the statement that reads them.

        May be called from any thread.
        """
        raise NotImplementedError
