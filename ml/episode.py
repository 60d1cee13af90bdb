"""When an anomaly begins and when it has passed, from a stream of surprises (nats).

An episode opens at ``ALARM`` and closes after the series has been usual for a while. A level that has stayed odd for
three days is accepted as the new usual one, unless it stands still: a broken sensor does not become usual.
"""

import math
from collections import deque

import numpy as np

from ml.base import Arrays
from ml.features import DAY, HOUR

ALARM = 6.0
"""Nats: odder than all but one in 400 two-hour blocks (five weeks). Channels are weighed against this level."""

USUAL = 4.8
"""Nats below which it counts as usual again: clearly below ALARM, so that a level on the edge is one episode."""

_CLEARLY = 1.1
"""How many times the record before makes a new one."""

_ACCEPT = 3 * DAY
"""Seconds that a level stays odd before it is the new usual one."""

_RECORDS = 256
"""Each is the highest since its time, so few stand at once; beyond that the oldest is forgotten."""


class Episode:
    __slots__ = ("_records", "first", "lives_since", "open", "quiet_since", "since")

    def __init__(self) -> None:
        self.open = False
        self.since = math.inf
        self.quiet_since = math.inf
        self.lives_since = -math.inf
        self.first = math.nan
        self._records: deque[tuple[float, float]] = deque(maxlen=_RECORDS)

    @staticmethod
    def score(surprise: float) -> float:
        """Nats -> 0..1, 0.5 at ALARM."""
        return surprise / (surprise + ALARM)

    def judge(self, time: float, step: float, surprise: float, beginning: float, *, ready: bool) -> tuple[bool, float]:
        """Take the next surprise, and the part of it that tells a beginning.

        Returns (whether an anomaly begins here, ``beginning`` where it is a record, else 0).
        """
        held = self._hold(time, step, beginning)
        if self.open:
            self._pass(time, step, surprise)
            return False, held
        if surprise < ALARM or not ready:
            return False, held
        self.open, self.since, self.quiet_since = True, time, math.inf
        return True, held

    def accepted(self, time: float, *, stands_still: bool) -> bool:
        """Whether the new level has lasted; closes the episode if so. What stands still is no level, however long."""
        if stands_still:
            self.lives_since = time
        if not self.open or time - max(self.since, self.lives_since) < _ACCEPT:
            return False
        self.end()
        return True

    def end(self) -> None:
        """It is none any more."""
        self.open, self.since, self.quiet_since = False, math.inf, math.inf

    def state(self) -> Arrays:
        scalars = [float(self.open), self.since, self.quiet_since, self.first, self.lives_since]
        records = np.array(self._records, np.float64).reshape(-1, 2)
        return {"episode": np.array(scalars, np.float64), "records": records}

    def restore(self, state: Arrays) -> None:
        is_open, self.since, self.quiet_since, self.first, self.lives_since = state["episode"].tolist()
        self.open = bool(is_open)
        self._records = deque(map(tuple, state["records"].tolist()), maxlen=_RECORDS)

    def _pass(self, time: float, step: float, surprise: float) -> None:
        if surprise >= USUAL:
            self.quiet_since = math.inf
        elif self.quiet_since == math.inf:
            self.quiet_since = time
        elif time - self.quiet_since >= max(HOUR, 6 * step):
            self.end()

    def _hold(self, time: float, step: float, surprise: float) -> float:
        """The surprise if it clearly exceeds all of the last 8 % of the series (100 readings to a week).

        "Clearly", so that the slope of one event is not a row of records.
        """
        if self.first != self.first:
            self.first = time
        memory = min(7 * DAY, max(100 * step, 0.08 * (time - self.first)))
        records = self._records  # decreasing: each is the highest since its time
        while records and time - records[0][0] > memory:
            records.popleft()
        record = not records or surprise > _CLEARLY * records[0][1]
        while records and records[-1][1] <= surprise:
            records.pop()
        records.append((time, surprise))
        return surprise if record else 0.0
