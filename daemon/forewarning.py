"""Warnings of what is to come: told once when they become probable, not again until they have been improbable.

Whoever foresees something (a limit that will be crossed, a risk of a place) looks at it after each round of forecasts
and says how probable it is; here is decided whether people are told. Everything runs on the loop.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon.entities import Prediction
from daemon.scoring import Predicted

SETTLED_AFTER = 3600 * 1_000_000
"""µs for which it must have been improbable, or over, before it is told again."""

FORGOTTEN_AFTER = 24 * SETTLED_AFTER
"""µs without a look after which a warning is forgotten: its sensor is gone, or its limit was changed."""


class Subject(NamedTuple):
    """What a warning is about. ``words``: how each of its English comments begins, by which it is known again after a
    restart; they name what changes the matter (a limit's value), and nothing that changes with time.
    """

    sensor_id: int
    location_id: int | None
    words: str


@dataclass(slots=True)
class _Standing:
    """What was told, or needs no telling because it is so. Times in µs; ``expected``: when it was said to come;
    ``over_since``: improbable, or over."""

    looked_at: int
    expected: int | None = None
    came: bool = False
    over_since: int | None = None


class Forewarnings:
    """``tell`` stores and announces rows; ``now`` is µs since 1970 UTC; ``level``: the probability that is told, 0..1.

    It is told again once the probability has been below half the level for an hour; or, where it came true, once it
    has been over for an hour; or where it will come an hour sooner than was told, and in less than a third of the time
    that people think they have. ``remembered``: µs for which what a run before this one told counts as told, even where
    the time that it spoke of is long past: what it warned of may last.
    """

    def __init__(
        self,
        tell: Callable[[Sequence[Predicted]], None],
        now: Callable[[], int],
        level: float,
        *,
        remembered: int = 0,
    ) -> None:
        self._tell = tell
        self._now = now
        self.level = level
        self._remembered = remembered
        self._standing: dict[Subject, _Standing] = {}
        self._told_before: dict[tuple[int, int | None], list[Prediction]] = {}

    def load(self, rows: Iterable[Prediction]) -> None:
        """Take over what was told before a restart: rows with a probability and a comment."""
        for row in rows:
            if row.probability is not None and row.comment_en is not None:
                self._told_before.setdefault((row.sensor_id, row.location_id), []).append(row)

    def recall(self, subject: Subject) -> None:
        """It was told before a restart, whoever remembers that."""
        self._standing[subject] = _Standing(self._now())

    def came(self, subject: Subject) -> None:
        """What it warns of is so already, which is no warning any more."""
        now = self._now()
        self._known(subject, now)  # what an earlier run told has come with it
        self._standing[subject] = _Standing(now, came=True)

    def look(
        self,
        subject: Subject,
        probability: float,
        make: Callable[[], Predicted],
        expected: int | None = None,
    ) -> None:
        """``make`` gives the row if it is to be told, with ``probability`` and both comments. ``expected`` (µs): when
        it will come, where that is told.
        """
        now = self._now()
        standing = self._known(subject, now)
        if standing is not None:
            standing.looked_at = now
            if not (standing.came or probability < self.level / 2):
                standing.over_since = None
                if probability >= self.level and _much_sooner(expected, standing.expected, now):
                    standing.expected = expected
                    self._tell([make()])
                return
            if standing.over_since is None:
                standing.over_since = now
            if now - standing.over_since < SETTLED_AFTER:
                return
            del self._standing[subject]
        if probability >= self.level:
            self._standing[subject] = _Standing(now, expected)
            self._tell([make()])

    def _known(self, subject: Subject, now: int) -> _Standing | None:
        self._forget_old(now)
        if subject not in self._standing and (told := self._told_already(subject, now)) is not None:
            self._standing[subject] = _Standing(now, told)
        return self._standing.get(subject)

    def _told_already(self, subject: Subject, now: int) -> int | None:
        """For when (µs) a run before this one told it, lately or of a time not long past; that is asked once."""
        place = subject.sensor_id, subject.location_id
        rows = self._told_before.get(place, [])
        same = [row for row in rows if row.comment_en and row.comment_en.startswith(subject.words)]
        if same:
            self._told_before[place] = [row for row in rows if row not in same]
        oldest, made_since = now - SETTLED_AFTER, now - self._remembered
        standing = [row for row in same if row.predicted_at > oldest or row.created_at > made_since]
        return max(standing, key=lambda row: row.created_at).predicted_at if standing else None

    def _forget_old(self, now: int) -> None:
        old = [subject for subject, standing in self._standing.items() if now - standing.looked_at > FORGOTTEN_AFTER]
        for subject in old:
            del self._standing[subject]


def _much_sooner(expected: int | None, told: int | None, now: int) -> bool:
    if expected is None or told is None:
        return False
    return told - expected >= SETTLED_AFTER and 3 * (expected - now) < told - now
