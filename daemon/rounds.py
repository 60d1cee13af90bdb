"""The watchman's round: once a second, everything that happens by the clock and not by a message."""

import asyncio
from collections.abc import Callable, Sequence

from daemon import news
from daemon.clock import MachineClock, Step
from daemon.episodes import Episodes
from daemon.events import SystemEvent
from daemon.health import Health
from daemon.inner_writes import InnerWrites
from daemon.notify import Notifier
from daemon.report import Reporter
from daemon.watch import Watch

EVERY = 1.0
HOUSEKEEPING = 3600.0
KEEP_PREDICTIONS = 30 * 86_400 * 1_000_000
"""µs after which nobody asks any more what was expected."""


class Rounds:
    """``publish`` takes what the rounds have to tell; ``hourly`` is called hourly, first an hour after the start."""

    def __init__(
        self,
        clock: MachineClock,
        watch: Watch,
        episodes: Episodes,
        health: Health,
        reporter: Reporter,
        notifier: Notifier,
        writes: InnerWrites,
        *,
        publish: Callable[[Sequence[SystemEvent]], None],
        hourly: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._watch = watch
        self._episodes = episodes
        self._health = health
        self._reporter = reporter
        self._notifier = notifier
        self._writes = writes
        self._publish = publish
        self._hourly = hourly
        self._housekept = clock.monotonic()
        self._reasons: Sequence[str] = ()

    async def run(self) -> None:
        """For ever."""
        while True:
            self.walk()
            await asyncio.sleep(EVERY)

    def walk(self) -> None:
        """One round. The watchdog is fed only while the pipeline moves: a hang is for systemd to end.

        ``systemctl status`` shows what is wrong as soon as that changes.
        """
        step = self._clock.look()
        if step is not None:
            self._stepped(step)
        self._watch.tick()
        self._episodes.tick()
        self._reporter.tick()
        verdict = self._health.judge()
        if not verdict.hung:
            self._notifier.watchdog()
        if list(verdict.reasons) != list(self._reasons):
            self._reasons = verdict.reasons
            self._notifier.status("; ".join([verdict.word, *verdict.reasons]))
        if self._clock.monotonic() - self._housekept >= HOUSEKEEPING:
            self._housekept = self._clock.monotonic()
            self._hourly()
            if self._clock.is_set():  # nothing is thrown away by a clock that may be wrong
                self._writes.forget_predictions(self._clock.now() - KEEP_PREDICTIONS)

    def _stepped(self, step: Step) -> None:
        self._publish([news.clock_stepped(step, self._clock.now())])
        if step.now_set:
            self._writes.set_clock_right(step.by)
