"""Two sensors that are one: what is stored of the one becomes the other's, in pieces, inside ``Recorder.change``.

The clustered rows go first, piece by piece, while both sensors live on; :func:`finish` does the rest at once. Whatever
ends the work in between leaves two sensors that share the history, and the same pieces and the same end complete it.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from daemon.decisions import complete, measured
from daemon.entities import Sensor, StoredReading
from daemon.events import Action, EntityEvent, Event
from daemon.ledger import Key
from daemon.reading_rows import key_of
from daemon.reading_store import find_folded, find_many, ledger_of, overwrite
from daemon.repository import anomalies, sensors
from daemon.tables import anomaly, folded_token, location, prediction, reading, reading_recent, sensor, sensor_key

PIECE = 2_000
"""Clustered rows in one piece: they are written anew, some 30 ms of the writer's time."""


@dataclass(frozen=True, slots=True)
class Moved:
    """``readings`` are the other sensor's now. ``discarded`` are gone: its own reading of the same moment says
    otherwise, and stays."""

    readings: int = 0
    discarded: int = 0

    def __add__(self, other: "Moved") -> "Moved":
        return Moved(self.readings + other.readings, self.discarded + other.discarded)

    def __bool__(self) -> bool:
        return bool(self.readings or self.discarded)


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a sensor that is another now. Its predictions are gone: the other has its own."""

    readings: int
    discarded: int
    locations: int
    anomalies: int
    predictions: int


def move_readings(conn: Connection, source: int, target: int, rows: int = PIECE) -> Moved:
    """Make about ``rows`` clustered readings of one sensor another's, oldest first; nothing when none are left."""
    mine = reading.c.sensor_id == source
    times = select(reading.c.time).where(mine).order_by(reading.c.time).limit(rows).subquery()
    newest: int | None = conn.scalar(select(func.max(times.c.time)))
    if newest is None:
        return Moved()
    ledger = ledger_of(conn)
    keys = conn.execute(select(reading.c.time, reading.c.sequence).where(mine, reading.c.time <= newest))
    unfolded = ledger.keys.get(target, {})
    taken: set[Key] = {key for key in map(tuple, keys) if key in unfolded} | _taken(conn, source, target, newest)
    discarded = _settle(conn, find_folded(conn, [(source, *key) for key in taken]).values(), target)
    gone = delete(reading).where(mine, reading.c.time == bindparam("at"), reading.c.sequence == bindparam("number"))
    if taken:
        conn.execute(gone, [{"at": time, "number": sequence} for time, sequence in taken])
    piece = update(reading).where(mine, reading.c.time <= newest).values(sensor_id=target)
    moved = conn.execute(piece).rowcount
    ledger.note_folded(target, newest)
    return Moved(moved + len(taken) - discarded, discarded)


def _taken(conn: Connection, source: int, target: int, newest: int) -> set[Key]:
    """Keys that both sensors have in the clustered table."""
    from_, into = reading.alias("from_"), reading.alias("into")
    both = select(from_.c.time, from_.c.sequence).where(
        from_.c.sensor_id == source,
        from_.c.time <= newest,
        into.c.sensor_id == target,
        into.c.time == from_.c.time,
        into.c.sequence == from_.c.sequence,
    )
    return {(row.time, row.sequence) for row in conn.execute(both)}


def _settle(conn: Connection, theirs: Collection[StoredReading], target: int) -> int:
    """Let the target's readings of the same moments take the quantities that they lack; how many say otherwise."""
    if not theirs:
        return 0
    unfolded = ledger_of(conn).keys.get(target, {})
    ours = {
        key_of(row): row
        for row in find_many(conn, [unfolded[k] for k in map(key_of, theirs) if k in unfolded]).values()
    }
    ours |= {key[1:]: row for key, row in find_folded(conn, [(target, *key_of(row)) for row in theirs]).items()}
    completed, discarded = [], 0
    for row in theirs:
        there = ours[key_of(row)]
        known, said = measured(there), measured(row)
        discarded += any(known.get(name, value) != value for name, value in said.items())
        if said.keys() - known.keys():
            completed.append(complete(there, row))
    overwrite(conn, completed)
    return discarded


def finish(conn: Connection, source: Sensor, target: Sensor, moved: Moved, now: int) -> tuple[Merged, Sequence[Event]]:
    """Move all that is left at once, and let ``source`` end: its keys are the target's from now on.

    ``moved`` is what :func:`move_readings` did before. Its open anomalies are closed.
    """
    while piece := move_readings(conn, source.id, target.id):
        moved += piece
    moved += _move_unfolded(conn, source.id, target.id)
    conn.execute(update(folded_token).where(folded_token.c.sensor_id == source.id).values(sensor_id=target.id))
    resolved = anomalies.resolve_open(conn, source.id, now)

    def move(table: object) -> int:
        return conn.execute(update(table).where(table.c.sensor_id == source.id).values(sensor_id=target.id)).rowcount  # type: ignore[arg-type, attr-defined]

    merged = Merged(
        readings=moved.readings,
        discarded=moved.discarded,
        locations=move(location),
        anomalies=move(anomaly),
        predictions=conn.execute(delete(prediction).where(prediction.c.sensor_id == source.id)).rowcount,
    )
    move(sensor_key)
    last = max((at for at in (source.last_reading_at, target.last_reading_at) if at is not None), default=None)
    conn.execute(delete(sensor).where(sensor.c.id == source.id))
    conn.execute(insert(sensor_key).values(key=source.key, sensor_id=target.id, created_at=now))
    conn.execute(update(sensor).where(sensor.c.id == target.id).values(last_reading_at=last, updated_at=now))
    after = sensors.by_id(conn, target.id)
    assert after is not None  # noqa: S101 - the same transaction found it
    gone = {"merged_into": target.id, **asdict(merged)}
    return merged, [
        *(EntityEvent(Action.RESOLVED, episode, now) for episode in resolved),
        EntityEvent(Action.DELETED, source, now, gone),
        EntityEvent(Action.UPDATED, after, now),
    ]


def _move_unfolded(conn: Connection, source: int, target: int) -> Moved:
    """The rows that are not in the clustered table yet, and what the writer knows of both sensors."""
    ledger = ledger_of(conn)
    keys, theirs = ledger.keys.get(source, {}), ledger.keys.get(target, {})
    folded = find_folded(
        conn, [(target, *key) for key in keys if key[0] <= ledger.newest_folded.get(target, key[0] - 1)]
    )
    taken = {key for key in keys if key in theirs} | {key[1:] for key in folded}
    ids = [keys[key] for key in taken]
    discarded = _settle(conn, find_many(conn, ids).values(), target)
    if ids:
        conn.execute(delete(reading_recent).where(reading_recent.c.id == bindparam("row")), [{"row": i} for i in ids])
    conn.execute(update(reading_recent).where(reading_recent.c.sensor_id == source).values(sensor_id=target))
    moved = Moved(len(keys) - discarded, discarded)
    ledger.merge(source, target, taken)
    return moved
