"""How often a sensor speaks, learned from the gaps between its messages; and after what time it counts as silent.

Pure: seconds in, seconds out. What a gap is (and what teaches none) is the intake's and the watch's business.

Why these rules. A device on a fixed interval loses a message now and then; one that reports on change speaks every 10 s
under a shower and once an hour at night; a sleeper sends three topics in two seconds and is gone for six hours; another
hands over its day once a day. So gaps that are alike are believed soon, others only when many are known, and the
longest gap of the last day or two is remembered however many short ones came since.
"""

from collections import deque
from collections.abc import Iterable
from statistics import median

SHORTEST = 30.0
"""Seconds: no sensor is silent sooner, a busy radio is no fault."""

UNKNOWN = 26 * 3600.0
"""Seconds after which a sensor is silent of which little is known: a daily report may be late by an hour or two."""

INTERVALS = 4.0
"""Usual intervals that make silence."""

LONGEST = 2.5
"""Times the longest gap of late: twice, and room for jitter."""

LONGEST_IRREGULAR = 4.0
"""The same where gaps are not alike, or few: the longest that was seen is then not the longest there is."""

FEW, ENOUGH, ENOUGH_IRREGULAR = 3, 5, 24
"""Gaps that must be known before their rhythm is believed: alike (a limit three times as wide), alike, not alike."""

WIDER = 3.0
ALIKE = 1.6
"""Gaps are alike where they lie within this factor of their median; one in six may be off, a message lost."""
OFF = 6

REMEMBERED = 32
"""Gaps held of each sensor, beside the longest of late."""

DAY = 86_400.0
BURST = 0.5
"""Seconds: what comes closer together is one message (temperature and humidity sent apart)."""

BACKLOG = 300.0
"""Seconds: messages whose measurements are older are a backlog, which comes at its own pace. Only a gap longer than
this between two of them tells how often the device hands them over."""


class Rhythm:
    """The gaps of one sensor, s. ``usual`` is None until one is known; ``limit`` is the silence allowed."""

    __slots__ = ("_count", "_day_began", "_gaps", "_heard", "_longest", "_longest_before", "limit", "usual")

    def __init__(self) -> None:
        self._gaps: deque[float] = deque(maxlen=REMEMBERED)
        self._longest = self._longest_before = 0.0
        self._day_began = self._heard = 0.0
        self._count = 0
        self.usual: float | None = None
        self.limit = UNKNOWN

    def learn(self, gap: float, *, backlog: bool = False) -> None:
        """It spoke ``gap`` s after it spoke last.

        What was silence counts for no more than the limit it broke: an outage of a week widens the limit once and by
        little, a device that was set to a longer interval has its own after a few alarms.
        """
        if gap < BURST or (backlog and gap < BACKLOG):
            return
        self._heard += gap
        if self._heard - self._day_began >= DAY:
            self._longest, self._longest_before, self._day_began = 0.0, self._longest, self._heard
        if gap <= self.limit:
            self._longest = max(self._longest, gap)
        self._gaps.append(min(gap, self.limit))
        self._count += 1
        self._reckon()

    def remember(self, gaps: Iterable[float]) -> None:
        """Begin with the gaps of the last stored rows, oldest first. Some may be the daemon's own downtimes: where
        two of three gaps are alike, those that would have been silence count for nothing; else the longest does.
        """
        known = [gap for gap in gaps if gap >= BURST]
        bound = UNKNOWN
        if len(known) > FEW:
            middle = median(known)
            alike = sum(middle / ALIKE <= gap <= middle * ALIKE for gap in known)
            bound = INTERVALS * middle if 3 * alike >= 2 * len(known) else sorted(known)[-2]
        usual = [gap for gap in known if gap <= bound]
        for gap in usual:
            self.learn(gap)

    def _reckon(self) -> None:
        ordered = sorted(self._gaps)
        middle, longest = median(ordered), max(ordered[-1], self._longest, self._longest_before)
        off = sum(not middle / ALIKE <= gap <= middle * ALIKE for gap in ordered)
        if off <= len(ordered) // OFF:
            self.usual = middle
            wider = 1.0 if self._count >= ENOUGH else WIDER
            believed = self._count >= FEW
            limit = wider * max(INTERVALS * middle, LONGEST * longest)
        else:
            self.usual = _at_half_the_time(ordered)
            believed = self._count >= ENOUGH_IRREGULAR
            limit = max(INTERVALS * self.usual, LONGEST_IRREGULAR * longest)
        self.limit = max(SHORTEST, limit) if believed else max(UNKNOWN, LONGEST_IRREGULAR * longest)


def _at_half_the_time(ordered: list[float]) -> float:
    """The gap into which a moment picked at random falls, of gaps in order of length: bursts take hardly any time."""
    left = sum(ordered) / 2
    for gap in ordered:
        left -= gap
        if left <= 0:
            return gap
    return ordered[-1]
