"""What one transaction of the writer does with the items that waited: insert, complete, change, reserve."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Table, select
from sqlalchemy import update as sql_update

from daemon.batches import Batch, Outcome
from daemon.database_faults import outage, refusal
from daemon.decisions import Decisions, Fresh, Offered
from daemon.entities import Sensor, StoredReading
from daemon.events import Action, EntityEvent, Event
from daemon.ledger import Ledger
from daemon.reading_rows import insert, key_of
from daemon.reading_store import overwrite
from daemon.tables import blocked_key, id_block, sensor, source

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


@dataclass(frozen=True, slots=True, eq=False)
class BatchItem:
    batch: Batch
    asked_at: float
    answer: asyncio.Future[list[Outcome]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChangeItem:
    work: Callable[[Connection], tuple[Any, Sequence[Event]]]
    asked_at: float
    answer: asyncio.Future[Any]


@dataclass(frozen=True, slots=True, eq=False)
class ReserveItem:
    name: str
    count: int


Item = BatchItem | ChangeItem | ReserveItem
"""What waits for the writer; ``asked_at`` is monotonic seconds, ``answer`` is set on the loop after the sync."""


@dataclass(slots=True)
class Done:
    """What a group did, once it is committed. ``results``: per item its outcomes, its result or exception, its ids."""

    outcomes: list[Outcome] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)


class RefusedRowError(Exception):
    """The database refuses a row of the group for itself: begin again, carefully."""


class Group:
    """One attempt. ``careful``: each row in a savepoint of its own, so that a refused one fails alone."""

    def __init__(self, connection: Connection, ledger: Ledger, *, careful: bool) -> None:
        self._connection = connection
        self._ledger = ledger
        self._careful = careful
        self._done = Done()

    def run(self, items: Sequence[Item]) -> Done:
        """Raises RefusedRowError unless careful, and whatever an outage raises."""
        for _, run in groupby(items, key=lambda item: isinstance(item, BatchItem)):
            together = list(run)
            batches = [item.batch for item in together if isinstance(item, BatchItem)]
            if batches:
                self._batches(batches)
                continue
            for item in together:
                if isinstance(item, ChangeItem):
                    self._change(item)
                elif isinstance(item, ReserveItem):
                    self._done.results.append(reserve(self._connection, item.name, item.count))
        return self._done

    def _change(self, item: ChangeItem) -> None:
        mark = self._ledger.mark()
        savepoint = self._connection.begin_nested()
        try:
            result, events = item.work(self._connection)
            savepoint.commit()
        except Exception as error:
            if outage(error):
                raise
            savepoint.rollback()
            self._ledger.undo(mark)
            self._done.results.append(error)
        else:
            self._forget_deleted(events)
            self._done.results.append(result)
            self._done.events.extend(events)

    def _forget_deleted(self, events: Sequence[Event]) -> None:
        """Whoever deletes announces it: that keeps the ledger right, whichever statement was used."""
        for event in events:
            if not isinstance(event, EntityEvent) or event.action is not Action.DELETED:
                continue
            if isinstance(event.entity, Sensor):
                self._ledger.remove_sensor(event.entity.id)
            elif isinstance(event.entity, StoredReading):
                self._ledger.remove_row(event.entity.sensor_id, key_of(event.entity))

    # -- batches

    def _batches(self, batches: Sequence[Batch]) -> None:
        decisions = Decisions(self._connection, self._ledger)
        offers = []
        for batch in batches:
            source_id = self._source(batch)
            self._done.events.extend(self._sensors(batch.sensors))
            again = batch.redelivered
            offers.append([Offered(self._renamed(row), source_id, row.id in again) for row in batch.readings])
        decisions.look_up([offer for part in offers for offer in part])
        outcomes = [[decisions.decide(offer) for offer in part] for part in offers]
        refused = self._write(decisions)
        self._done.events.extend(event for event in decisions.events if event.entity.id not in refused)
        for part in outcomes:
            if refused:
                part[:] = [Outcome("refused", o.reading) if o.reading.id in refused else o for o in part]
            self._done.outcomes.extend(part)
            self._done.results.append(part)

    def _source(self, batch: Batch) -> int:
        found = self._ledger.sources.get(batch.source)
        memory = None if batch.memory is None else orjson.dumps(batch.memory).decode()
        if found is None:
            found = max(self._ledger.sources.values(), default=0) + 1
            self._connection.execute(source.insert().values(id=found, name=batch.source, memory=memory))
            self._ledger.add_source(batch.source, found)
        elif memory is not None:
            self._connection.execute(sql_update(source).where(source.c.id == found).values(memory=memory))
        return found

    def _sensors(self, sensors: Sequence[Sensor]) -> list[EntityEvent]:
        events: list[EntityEvent] = []
        for new in sensors:
            blocked = self._connection.scalar(select(blocked_key.c.key).where(blocked_key.c.key == new.key))
            if blocked is None:
                self._attempt(partial(self._sensor, new, events))
        return events

    def _sensor(self, new: Sensor, events: list[EntityEvent]) -> None:
        values = {column.name: getattr(new, column.name) for column in sensor.columns}
        statement = insert_where_missing(self._connection, sensor).values(values).returning(sensor.c.id)
        if self._connection.scalar(statement) is not None:
            self._ledger.add_sensor(new.id)
            events.append(EntityEvent(Action.CREATED, new, new.created_at))
            return
        existing = self._connection.scalar(select(sensor.c.id).where(sensor.c.key == new.key))
        if existing is not None and existing != new.id:
            self._ledger.add_alias(new.id, existing)

    def _renamed(self, row: StoredReading) -> StoredReading:
        existing = self._ledger.aliases.get(row.sensor_id)
        return row if existing is None else replace(row, sensor_id=existing)

    def _write(self, decisions: Decisions) -> set[int]:
        """Insert and complete; the ids of rows that the database refused."""
        overwrite(self._connection, list(decisions.completed.values()))
        kept = self._insert(decisions.fresh)
        self._ledger.add_rows([(item.row.sensor_id, key_of(item.row), item.row.id) for item in kept])
        for item in kept:
            if item.row.token is not None:
                self._ledger.add_token(item.source_id, (item.row.token, item.row.sensor_id), item.row.id)
            if not item.row.clock_set:
                self._ledger.note_unsure(item.row.id)
        return {item.row.id for item in decisions.fresh} - {item.row.id for item in kept}

    def _insert(self, fresh: list[Fresh]) -> list[Fresh]:
        if self._careful:
            return [item for item in fresh if self._attempt(partial(insert, self._connection, [item.encoded]))]
        self._attempt(partial(insert, self._connection, [item.encoded for item in fresh]))
        return fresh

    def _attempt(self, statement: Callable[[], object]) -> bool:
        """Run it; False where the database refuses the row for itself. Raises RefusedRowError unless careful."""
        savepoint = self._connection.begin_nested() if self._careful else None
        mark = self._ledger.mark()
        try:
            statement()
        except Exception as error:
            if not refusal(error):
                raise
            if savepoint is None:
                raise RefusedRowError from error
            savepoint.rollback()
            self._ledger.undo(mark)
            return False
        if savepoint is not None:
            savepoint.commit()
        return True


def insert_where_missing(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that leaves an existing row alone, whichever unique column it shares."""
    return _own_insert(connection, table).on_conflict_do_nothing()


def _own_insert(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """The INSERT of the database in use, with its ON CONFLICT; the other one is not imported (20 ms)."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)


def reserve(connection: Connection, name: str, count: int) -> range:
    """Ids that nobody else gets: to be given out once this is synced."""
    values = _own_insert(connection, id_block).values(name=name, next=1 + count)
    taken = values.on_conflict_do_update(index_elements=["name"], set_={"next": id_block.c.next + count})
    following: int = connection.execute(taken.returning(id_block.c.next)).scalar_one()
    return range(following - count, following)


def give_back(ids: range, name: str, connection: Connection) -> tuple[None, Sequence[Event]]:
    """Undo the reservation of ids that nobody was given; nothing happens where others were reserved since."""
    last = (id_block.c.name == name) & (id_block.c.next == ids.stop)
    connection.execute(sql_update(id_block).where(last).values(next=ids.start))
    return None, ()
