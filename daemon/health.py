"""Is the daemon well? One sentence per reason why not, for ``GET /health``, ``status`` and the watchdog."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daemon.batches import DatabaseState
from daemon.supervisor import DriverState, Supervisor

HUNG_AFTER = 20.0
"""Seconds that rows may wait for a commit, while the database is said to work, before the pipeline counts as hung."""


class BrokerView(Protocol):
    """What is asked of the embedded broker."""

    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """``ingesting`` is False only where nothing can come in at all, ``hung`` where only a restart helps."""

    ingesting: bool
    hung: bool
    reasons: Sequence[str]

    @property
    def word(self) -> str:
        if not self.ingesting or self.hung:
            return "failed"
        return "degraded" if self.reasons else "ok"


class Health:
    """Judges from what the parts say of themselves. ``monotonic`` is in s."""

    def __init__(
        self,
        supervisors: Sequence[Supervisor],
        database: Callable[[], DatabaseState],
        broker: Callable[[], BrokerView | None],
        monotonic: Callable[[], float],
    ) -> None:
        self._supervisors = supervisors
        self._database = database
        self._broker = broker
        self._monotonic = monotonic
        self._commits = -1
        self._moved_at = monotonic()

    def judge(self) -> Verdict:
        """The verdict now; to be asked at least every few seconds, since it watches the recorder move."""
        database = self._database()
        reasons = []
        if not database.up:
            reasons.append(f"the database does not take rows: {database.reason}")
        broker = self._broker()
        if broker is not None and broker.state != "up":
            reasons.append(f"the embedded broker is down: {broker.reason or 'it is being started'}")
        down = [s for s in self._supervisors if s.connection.state is DriverState.WAITING]
        reasons += [f"driver {s.source.name} is down: {s.connection.reason}" for s in down]
        hung = self._hung(database)
        if hung:
            reasons.append(f"the recorder has not committed for {HUNG_AFTER:.0f} s although rows wait")
        return Verdict(database.up and not hung, hung, reasons)

    def _hung(self, database: DatabaseState) -> bool:
        now = self._monotonic()
        commits = database.counters.get("commits", 0)
        if commits != self._commits or not database.queued or not database.up:
            self._commits, self._moved_at = commits, now
        return now - self._moved_at > HUNG_AFTER
