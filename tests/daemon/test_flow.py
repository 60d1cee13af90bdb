"""What a commit sets going: whom a person's verdict reaches, whatever way it was given."""

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from daemon.batches import Commit
from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Entity, Verdict
from daemon.events import Action, EntityEvent
from daemon.flow import Flow
from daemon.scoring import Judgement

ODD = Anomaly(1, 1, AnomalyKind.UNUSUAL_PATTERN, 0.99, "e", "e", 0, 0, feature="level", quantities=("humidity",))
CLOSED = replace(ODD, state=AnomalyState.RESOLVED, resolved_at=1)
FALSE, TRUE = replace(CLOSED, verdict=Verdict.FALSE), replace(CLOSED, verdict=Verdict.TRUE)


@dataclass
class Everyone:
    """Whom a commit is told; only verdicts are kept."""

    heeded: list[Judgement] = field(default_factory=list)

    def heed(self, judgement: Judgement) -> None:
        self.heeded.append(judgement)

    def __getattr__(self, _: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize(
    ("before", "after", "action", "heeded"),
    [
        (ODD, FALSE, Action.RESOLVED, True),
        (ODD, TRUE, Action.RESOLVED, True),
        (CLOSED, FALSE, Action.UPDATED, True),  # a verdict that comes later
        (TRUE, FALSE, Action.UPDATED, True),  # another one
        (FALSE, TRUE, Action.UPDATED, True),
        (ODD, CLOSED, Action.RESOLVED, False),
        (FALSE, replace(FALSE, explanation="El horno."), Action.UPDATED, False),
        (FALSE, replace(FALSE, state=AnomalyState.OPEN), Action.UPDATED, False),
        (None, FALSE, Action.RESOLVED, False),  # the daemon closed it
        (FALSE, FALSE, Action.DELETED, False),
        (replace(ODD, kind=AnomalyKind.HUMIDITY_HIGH), replace(TRUE, kind=AnomalyKind.HUMIDITY_HIGH), None, False),
    ],
)
def test_a_verdict_on_what_a_model_found_reaches_it_once(
    before: Entity | None, after: Anomaly, action: Action | None, heeded: bool
) -> None:
    everyone = Everyone()
    other = cast("Any", everyone)
    flow = Flow(other, other, other, other, other, other, lambda _: None)
    flow.committed(Commit([], [EntityEvent(action or Action.RESOLVED, after, 0, before=before)]))
    assert everyone.heeded == ([Judgement(after, corrected=before is FALSE)] if heeded else [])
