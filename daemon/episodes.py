"""Anomalies as episodes: one open row per sensor and kind, announced once, closed when it has been normal for a while.

Who finds something calls :meth:`Episodes.found`; who sees it gone calls :meth:`Episodes.normal`. What happens
between opening and closing adds no row, but for one thing: a model that finds a second quantity of a sensor closes the
open row and opens one that tells both. Everything here runs on the loop; the rows are written by the recorder.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Sensor
from daemon.events import Action, EntityEvent, Event
from daemon.ids import IdsExhaustedError

SETTLED_AFTER = 300.0
"""An episode closes after so many seconds without a sign of it: a value that dances on its limit is one episode."""

POSTPONED = 10_000
"""Findings that may wait for ids while the database does not answer: ten for each of a thousand sensors."""

AND, AND_EN = " Además: ", " Also: "
STILL, STILL_EN = " Además sigue: ", " Also still so: "
_JOINT = re.compile(f"{STILL}|{AND}|{STILL_EN}|{AND_EN}")
"""Between the sentences of a row that tells of several quantities, in the order of its ``quantities``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is wrong with a sensor: ``score`` 0..1, the explanation in Spanish and English.

    A model's has the ``quantity`` that it is about and the ``feature`` that stood out.
    """

    sensor_id: int
    kind: AnomalyKind
    score: float
    explanation: str
    explanation_en: str
    value: float | None = None
    reading_id: int | None = None
    quantity: str | None = None
    feature: str | None = None


class Writer(Protocol):
    """How an anomaly reaches the database."""

    def __call__(self, anomaly: Anomaly, action: Action, /) -> None: ...


@dataclass(slots=True)
class _Row:
    """A row that signs stand in. One that was closed by hand is kept until all that it told is normal."""

    anomaly: Anomaly
    closed_by_hand: bool = False


@dataclass(slots=True)
class _Sign:
    """What is wrong now, of one quantity or of the sensor as a whole; seen last at ``last_at`` (monotonic, s)."""

    row: _Row
    explanation: str
    explanation_en: str
    last_at: float


Key = tuple[int, AnomalyKind]


class Episodes:
    """The open episodes. ``write`` stores one change; ``take_id`` gives the id of a new anomaly.

    ``heard(sensor_id)`` is False for a sensor that nothing is told of: it is ignored, or gone.
    """

    def __init__(
        self,
        write: Writer,
        take_id: Callable[[str], int],
        now: Callable[[], int],
        monotonic: Callable[[], float],
        heard: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self._write = write
        self._take_id = take_id
        self._now = now
        self._monotonic = monotonic
        self._heard = heard
        self._signs: dict[Key, dict[str | None, _Sign]] = {}
        self._postponed: deque[Sequence[Finding]] = deque(maxlen=POSTPONED)

    def load(self, anomalies: Iterable[Anomaly]) -> None:
        """Take over the episodes that are open in the database, at start: each row says which quantities it tells of.

        Those that were normal again before stand in it, too: whoever found them says anew what is normal.
        """
        for anomaly in anomalies:
            row, quantities = _Row(anomaly), anomaly.quantities or (None,)
            spanish = _sentences(anomaly.explanation, len(quantities))
            english = _sentences(anomaly.explanation_en, len(quantities))
            signs = self._signs.setdefault(_key(anomaly), {})
            for quantity, texts in zip(quantities, zip(spanish, english, strict=True), strict=True):
                signs[quantity] = _Sign(row, *texts, self._monotonic())

    def found(self, *findings: Finding) -> None:
        """Signs of something wrong, several where a sensor's quantities show it at once, all of one kind: opens an
        episode, or keeps the open one open.
        """
        first = findings[0]
        key = first.sensor_id, first.kind
        signs, now = self._signs.get(key, {}), self._monotonic()
        for finding in findings:
            if sign := signs.get(finding.quantity):
                sign.last_at = now
        new = [finding for finding in findings if finding.quantity not in signs]
        if not new or not self._heard(first.sensor_id):
            return
        try:
            number = self._take_id("anomaly")
        except IdsExhaustedError:
            self._postponed.append(findings)
            return
        open_before = {quantity: sign for quantity, sign in signs.items() if not sign.row.closed_by_hand}
        for row in {id(sign.row): sign.row for sign in open_before.values()}.values():
            self._close(row)
        row = _Row(self._made(number, new, open_before))
        self._write(row.anomaly, Action.DETECTED)
        for sign in open_before.values():
            sign.row = row
        signs = self._signs.setdefault(key, {})
        for finding in new:
            signs[finding.quantity] = _Sign(row, finding.explanation, finding.explanation_en, now)

    def _made(self, number: int, findings: Sequence[Finding], still: dict[str | None, _Sign]) -> Anomaly:
        """The row that tells what was found, and what is still so of the row before."""
        first, *others = findings
        now = self._now()
        spanish = "".join([first.explanation, *(AND + finding.explanation for finding in others)])
        english = "".join([first.explanation_en, *(AND_EN + finding.explanation_en for finding in others)])
        quantities = [*(finding.quantity for finding in findings), *still]
        return Anomaly(
            id=number,
            sensor_id=first.sensor_id,
            kind=first.kind,
            score=round(min(1.0, max(0.0, first.score)), 4),
            explanation="".join([spanish, *(STILL + sign.explanation for sign in still.values())]),
            explanation_en="".join([english, *(STILL_EN + sign.explanation_en for sign in still.values())]),
            created_at=now,
            updated_at=now,
            reading_id=first.reading_id,
            value=first.value,
            feature=first.feature,
            quantities=tuple(quantity for quantity in quantities if quantity is not None),
        )

    def tick(self) -> None:
        """Once a second: open what had to wait for ids."""
        for _ in range(len(self._postponed)):
            self.found(*self._postponed.popleft())

    def normal(self, sensor_id: int, kind: AnomalyKind, quantity: str | None = None, *, at_once: bool = False) -> None:
        """No sign of it now: it leaves the episode when the last sign is old enough, or ``at_once``; the episode closes
        when none is left. A row that does not tell its quantities is taken to be about the one that is normal.
        """
        signs = self._signs.get((sensor_id, kind), {})
        for known in {quantity, None}:
            sign = signs.get(known)
            if sign is None or not (at_once or self._monotonic() - sign.last_at >= SETTLED_AFTER):
                continue
            del signs[known]
            if not sign.row.closed_by_hand and all(other.row is not sign.row for other in signs.values()):
                self._close(sign.row)
        if not signs:
            self._signs.pop((sensor_id, kind), None)

    def _close(self, row: _Row) -> None:
        now = self._now()
        resolved = replace(row.anomaly, state=AnomalyState.RESOLVED, resolved_at=now, updated_at=now)
        self._write(resolved, Action.RESOLVED)

    def open_kinds(self, sensor_id: int, kinds: Sequence[AnomalyKind]) -> list[AnomalyKind]:
        """Which of these are open for a sensor."""
        return [kind for kind in kinds if (sensor_id, kind) in self._signs]

    def follow(self, event: Event) -> None:
        """What clients did: what a person resolved stays quiet until it has been normal once."""
        if not isinstance(event, EntityEvent):
            return
        entity = event.entity
        if isinstance(entity, Anomaly):
            for sign in self._signs.get(_key(entity), {}).values():
                if sign.row.anomaly.id != entity.id:
                    continue
                if event.action is Action.DELETED:
                    sign.row.closed_by_hand = True
                else:
                    sign.row.anomaly = entity
                    sign.row.closed_by_hand = entity.state is AnomalyState.RESOLVED
        elif isinstance(entity, Sensor) and (event.action is Action.DELETED or entity.ignored):
            for key in [key for key in self._signs if key[0] == entity.id]:
                del self._signs[key]

    def open_for(self, sensor_id: int) -> int:
        """How many are open for a sensor."""
        return sum(_is_open(signs) for key, signs in self._signs.items() if key[0] == sensor_id)

    def __len__(self) -> int:
        return sum(map(_is_open, self._signs.values()))


def _key(anomaly: Anomaly) -> Key:
    return anomaly.sensor_id, anomaly.kind


def _sentences(explanation: str, count: int) -> list[str]:
    """What a row tells of each of its quantities; a person may have put it in other words."""
    found = _JOINT.split(explanation, maxsplit=count - 1)
    return found + found[-1:] * (count - len(found))


def _is_open(signs: dict[str | None, _Sign]) -> bool:
    return any(not sign.row.closed_by_hand for sign in signs.values())
