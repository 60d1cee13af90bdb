"""What goes into the recorder and what comes out of it, as frozen values."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from daemon.entities import Sensor, StoredReading
from daemon.events import Event

Result = Literal["stored", "duplicate", "completed", "conflict", "refused"]

Trouble = Literal["locked", "full", "read_only", "io_error", "corrupt", "unreachable", "other"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a supervisor hands over at once; at most 1,000 readings is usual.

    ``sensors`` are new and inserted first. ``readings`` carry ids taken from ``Recorder.ids`` in the order of the
    queue. ``receipts`` are owed once the batch is synced; ``release`` is then called with them on the event loop,
    in the order in which batches were put. ``memory`` is the driver's memory to keep with the batch, None where it
    did not change. ``redelivered`` holds the ids of readings whose message the source flagged as sent again:
    only for those is ``StoredReading.token`` looked up, because some brokers reuse message ids at once.
    """

    source: str
    sensors: Sequence[Sensor] = ()
    readings: Sequence[StoredReading] = ()
    receipts: Sequence[object] = ()
    release: Callable[[Sequence[object]], None] | None = None
    memory: Mapping[str, Any] | None = None
    redelivered: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one reading; ``reading`` is the row as it now stands in the database.

    ``stored``: new. ``duplicate``: it was there. ``completed``: the row lacked these quantities and has them now.
    ``conflict``: the row says otherwise and was kept. ``refused``: nothing is stored, because its sensor is not
    there (any more) or the database refuses the row for itself; ``reading`` is then what was handed in.
    """

    result: Result
    reading: StoredReading


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction did. ``events`` are in the order of what happened."""

    outcomes: Sequence[Outcome]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """How the database is. ``since`` is wall-clock µs; ``reason`` one English sentence, None while it is up.

    ``queued`` counts rows that wait for the writer, ``unsynced`` committed rows that a power cut could take,
    ``unfolded`` rows in the append table. ``counters`` count since the start: ``stored duplicate completed
    conflict refused commits syncs folded checkpoints``.
    """

    up: bool
    trouble: Trouble | None
    reason: str | None
    since: int
    queued: int = 0
    unsynced: int = 0
    unfolded: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)


class DatabaseUnavailableError(Exception):
    """Nothing was written: the database does not work now. The sentence says why."""
