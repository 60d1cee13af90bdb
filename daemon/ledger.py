"""What the writer knows of the database without asking it: unfolded keys, tokens, sensors, sources.

Belongs to the writer's thread and follows its transaction: every change notes how it is undone, so a rolled back
savepoint leaves no trace. Only :meth:`Ledger.unfolded` is called from other threads.
"""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

RECEIPT_WINDOW = 2000
"""Tokens kept per source: the most messages that a source may still send again after a lost connection. We ask
brokers for 1,000 unacknowledged ones; Mosquitto 2.0.11 reached 1,270."""

Key = tuple[int, int]
"""(time, sequence) of one sensor's reading."""

TokenKey = tuple[str, int]
"""(token, sensor): one message may give rows of several sensors."""


@dataclass(slots=True)
class Ledger:
    """``keys``: per sensor, key -> id of its rows in ``reading_recent``, in the order they came.
    ``newest_folded``: per sensor, an upper bound of ``reading``'s times. ``tokens``: per source, newest last.
    ``aliases``: ids of sensors that were to be inserted while their key had been taken, or that were merged into
    another -> the id that has it.
    ``first_unsure``: the lowest id of this run taken while the clock was not set.
    """

    keys: dict[int, dict[Key, int]] = field(default_factory=dict)
    newest_folded: dict[int, int] = field(default_factory=dict)
    tokens: dict[int, dict[TokenKey, int]] = field(default_factory=dict)
    sensors: set[int] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    aliases: dict[int, int] = field(default_factory=dict)
    first_unsure: int | None = None
    size: int = 0
    _undo: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def unfolded(self, sensor_id: int) -> Sequence[int]:
        """Ids of a sensor's rows in ``reading_recent``; from any thread."""
        with self._lock:
            return list(self.keys.get(sensor_id, {}).values())

    # -- transactions

    def mark(self) -> int:
        """Where a savepoint begins."""
        return len(self._undo)

    def undo(self, mark: int = 0) -> None:
        """Forget what was noted since ``mark``."""
        with self._lock:
            while len(self._undo) > mark:
                self._undo.pop()()

    def commit(self) -> None:
        """What was noted is now so; tokens beyond the window are let go."""
        self._undo.clear()
        for tokens in self.tokens.values():
            while len(tokens) > RECEIPT_WINDOW:
                del tokens[next(iter(tokens))]

    # -- notes

    def add_rows(self, rows: Sequence[tuple[int, Key, int]]) -> None:
        """(sensor, key, id) of rows inserted into ``reading_recent``."""
        added = 0
        with self._lock:
            for sensor_id, key, row_id in rows:
                keys = self.keys.setdefault(sensor_id, {})
                added += key not in keys  # it is there where a row was deleted without a word
                keys[key] = row_id
            self.size += added
        self._undo.append(lambda: self._drop_rows(rows, added))

    def _drop_rows(self, rows: Sequence[tuple[int, Key, int]], added: int) -> None:
        for sensor_id, key, _ in rows:
            del self.keys[sensor_id][key]
        self.size -= added

    def remove_row(self, sensor_id: int, key: Key) -> None:
        """A row is gone; nothing happens where it was folded already."""
        with self._lock:
            keys = self.keys.get(sensor_id, {})
            if key not in keys:
                return
            row_id = keys.pop(key)
            self.size -= 1

        def undo() -> None:
            self.keys.setdefault(sensor_id, {})[key] = row_id
            self.size += 1

        self._undo.append(undo)

    def remove_sensor(self, sensor_id: int) -> None:
        """A sensor is gone with all its rows."""
        with self._lock:
            keys = self.keys.pop(sensor_id, {})
            self.size -= len(keys)
            known = sensor_id in self.sensors
            self.sensors.discard(sensor_id)

        def undo() -> None:
            self.keys[sensor_id] = keys
            self.size += len(keys)
            if known:
                self.sensors.add(sensor_id)

        self._undo.append(undo)

    def add_sensor(self, sensor_id: int) -> None:
        if sensor_id not in self.sensors:
            self.sensors.add(sensor_id)
            self._undo.append(lambda: self.sensors.discard(sensor_id))

    def add_source(self, name: str, source_id: int) -> None:
        self.sources[name] = source_id
        self._undo.append(lambda: self.sources.__delitem__(name))

    def add_alias(self, sensor_id: int, existing: int) -> None:
        """What comes for ``sensor_id``, or came for whoever led there, is for ``existing`` from now on."""
        before = dict(self.aliases)
        self.aliases |= {led: existing for led, there in before.items() if there == sensor_id}
        self.aliases[sensor_id] = existing

        def undo() -> None:
            self.aliases = before

        self._undo.append(undo)

    def merge(self, sensor_id: int, into: int, discarded: Collection[Key]) -> None:
        """All of a sensor's rows but those of ``discarded`` keys are another's, and so is what is still to come."""
        for key, row_id in list(self.keys.get(sensor_id, {}).items()):
            self.remove_row(sensor_id, key)
            if key not in discarded:
                self.add_rows([(into, key, row_id)])
        before = self.tokens
        self.tokens = {source_id: _merged(tokens, sensor_id, into) for source_id, tokens in before.items()}

        def undo() -> None:
            self.tokens = before

        self._undo.append(undo)
        self.add_alias(sensor_id, into)

    def note_folded(self, sensor_id: int, newest: int) -> None:
        """``reading`` may now hold rows of a sensor up to this time; too late a bound does no harm."""
        self.newest_folded[sensor_id] = max(newest, self.newest_folded.get(sensor_id, newest))

    def add_token(self, source_id: int, token: TokenKey, row_id: int) -> None:
        """The newest transmission of this name gave row ``row_id``."""
        tokens = self.tokens.setdefault(source_id, {})
        before = tokens.pop(token, None)
        tokens[token] = row_id

        def undo() -> None:
            del tokens[token]
            if before is not None:
                tokens[token] = before

        self._undo.append(undo)

    def note_unsure(self, row_id: int | None) -> None:
        """A row was taken without a clock (its id), or such rows have been re-based (None)."""
        before = self.first_unsure
        if row_id is not None and before is not None:
            return
        self.first_unsure = row_id

        def undo() -> None:
            self.first_unsure = before

        self._undo.append(undo)

    # -- folding, each chunk in a transaction of its own

    def newest_up_to(self, last_id: int) -> dict[int, int]:
        """Per sensor, the newest time among its unfolded rows with ids up to ``last_id``."""
        newest = {}
        for sensor_id, keys in self.keys.items():
            times = [key[0] for key, row_id in keys.items() if row_id <= last_id]
            if times:
                newest[sensor_id] = max(times)
        return newest

    def empty(self) -> None:
        """The append table holds no row."""
        with self._lock:
            self.keys.clear()
            self.size = 0

    def fold(self, last_id: int, newest: dict[int, int]) -> None:
        """After the commit that folded the rows up to ``last_id``."""
        with self._lock:
            for sensor_id, time in newest.items():
                keys = self.keys[sensor_id]
                left = {key: row_id for key, row_id in keys.items() if row_id > last_id}
                self.size -= len(keys) - len(left)
                if left:
                    self.keys[sensor_id] = left
                else:
                    del self.keys[sensor_id]
                self.note_folded(sensor_id, time)


def _merged(tokens: dict[TokenKey, int], sensor_id: int, into: int) -> dict[TokenKey, int]:
    """One sensor's tokens as another's, each in its place; where both had the same message, that one's stays."""
    return {
        (token, into if owner == sensor_id else owner): row_id
        for (token, owner), row_id in tokens.items()
        if owner != sensor_id or (token, into) not in tokens
    }
