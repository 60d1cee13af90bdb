"""What becomes of each reading, given what is stored and what came before it in the same transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from daemon.batches import Outcome
from daemon.entities import Quality, StoredReading
from daemon.events import Action, EntityEvent
from daemon.ledger import Key, Ledger
from daemon.reading_rows import Encoded, encode, key_of
from daemon.reading_store import FullKey, find_folded, find_many
from daemon.tables import sensor

_FROM_BEST = (Quality.OK, Quality.SUSPECT, Quality.INVALID)


@dataclass(frozen=True, slots=True)
class Offered:
    """A reading as it comes to the database. ``redelivered``: its message was flagged as sent again."""

    row: StoredReading
    source_id: int
    redelivered: bool = False


@dataclass(slots=True)
class Fresh:
    """A row to be inserted."""

    row: StoredReading
    source_id: int
    encoded: Encoded


class Decisions:
    """``fresh`` are rows to insert, ``completed`` stored rows to overwrite, by id; ``events`` what that means."""

    def __init__(self, connection: Connection, ledger: Ledger) -> None:
        self._connection = connection
        self._ledger = ledger
        self._stored: dict[FullKey, StoredReading] = {}
        self._sent: Mapping[int, StoredReading] = {}
        self._staged: dict[FullKey, Fresh] = {}
        self._staged_tokens: dict[tuple[int, str, int], Fresh] = {}
        self.fresh: list[Fresh] = []
        self.completed: dict[int, StoredReading] = {}
        self.events: list[EntityEvent] = []

    def look_up(self, offers: Sequence[Offered]) -> None:
        """Read what :meth:`decide` must know of all offers, in a handful of statements at most."""
        self._find_sensors({offer.row.sensor_id for offer in offers} - self._ledger.sensors)
        recent: list[int] = []
        folded: list[FullKey] = []
        for row in (offer.row for offer in offers):
            key = key_of(row)
            unfolded = self._unfolded(row.sensor_id, key)
            if unfolded is not None:
                recent.append(unfolded)
            elif row.time <= self._ledger.newest_folded.get(row.sensor_id, row.time - 1):
                folded.append((row.sensor_id, *key))
        sent = [earlier for offer in offers if (earlier := self._earlier(offer)) is not None]
        if folded:
            self._stored.update(find_folded(self._connection, folded))
        if recent or sent:
            self._sent = find_many(self._connection, {*recent, *sent})
            self._stored.update({_full_key(self._sent[i]): self._sent[i] for i in recent if i in self._sent})

    def _find_sensors(self, ids: Collection[int]) -> None:
        if not ids:
            return
        for sensor_id in self._connection.scalars(select(sensor.c.id).where(sensor.c.id.in_(ids))):
            self._ledger.add_sensor(sensor_id)

    def _unfolded(self, sensor_id: int, key: Key) -> int | None:
        return self._ledger.keys.get(sensor_id, {}).get(key)

    def _earlier(self, offer: Offered) -> int | None:
        """The row that an earlier transmission of the same message gave."""
        if not offer.redelivered or offer.row.token is None:
            return None
        return self._ledger.tokens.get(offer.source_id, {}).get((offer.row.token, offer.row.sensor_id))

    def decide(self, offer: Offered) -> Outcome:
        """Stage the reading, or say what else it is."""
        row = offer.row
        if row.sensor_id not in self._ledger.sensors:
            return Outcome("refused", row)
        if again := self._sent_before(offer):
            return Outcome("duplicate", again)
        full_key = _full_key(row)
        staged = self._staged.get(full_key)
        there = staged.row if staged else self._stored.get(full_key)
        if there is not None and there.id == row.id:
            return Outcome("duplicate", there)
        try:
            return self._stage(offer, full_key) if there is None else self._compare(offer, there, staged)
        except (ValueError, TypeError):  # what no database could give back as it was
            return Outcome("refused", row)

    def _sent_before(self, offer: Offered) -> StoredReading | None:
        if not offer.redelivered or offer.row.token is None:
            return None
        staged = self._staged_tokens.get((offer.source_id, offer.row.token, offer.row.sensor_id))
        if staged is not None:
            return staged.row
        earlier = self._earlier(offer)
        return None if earlier is None else self._sent.get(earlier, offer.row)  # it may have been deleted since

    def _stage(self, offer: Offered, full_key: FullKey) -> Outcome:
        row = offer.row
        fresh = Fresh(row, offer.source_id, encode(row, offer.source_id))
        self.fresh.append(fresh)
        self._staged[full_key] = fresh
        if row.token is not None:
            self._staged_tokens[offer.source_id, row.token, row.sensor_id] = fresh
        self.events.append(EntityEvent(Action.CREATED, row, row.received_at))
        return Outcome("stored", row)

    def _compare(self, offer: Offered, there: StoredReading, staged: Fresh | None) -> Outcome:
        row = offer.row
        known, said = measured(there), measured(row)
        if any(known.get(name, value) != value for name, value in said.items()):
            return Outcome("conflict", there)
        if said.keys() <= known.keys():
            return Outcome("duplicate", there)
        whole = complete(there, row)
        encoded = encode(whole, staged.source_id if staged else offer.source_id)
        if staged:
            staged.row, staged.encoded = whole, encoded
        else:
            self.completed[whole.id] = whole
            self._stored[_full_key(whole)] = whole
        self.events.append(EntityEvent(Action.UPDATED, whole, row.received_at))
        return Outcome("completed", whole)


def _full_key(row: StoredReading) -> FullKey:
    return row.sensor_id, *key_of(row)


def measured(row: StoredReading) -> dict[str, float]:
    """What the device said, before calibration: the same measurement stays the same when an offset changes."""
    values = dict(row.others)
    if row.temperature is not None:
        values["temperature"] = row.temperature
    if row.humidity is not None:
        values["humidity"] = row.humidity
    return values | {name: value for name, value in row.raw.items() if name in values}


def complete(there: StoredReading, row: StoredReading) -> StoredReading:
    """``there`` with the quantities that only ``row`` has; of the qualities the worse."""
    return replace(
        there,
        temperature=row.temperature if there.temperature is None else there.temperature,
        humidity=row.humidity if there.humidity is None else there.humidity,
        others={**row.others, **there.others},
        raw={**row.raw, **there.raw},
        quality=max(there.quality, row.quality, key=_FROM_BEST.index),
        updated_at=row.received_at,
    )
