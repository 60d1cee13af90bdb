"""The fit queue: which sensors' models are due, one at a time in the child process, with what becomes of each.

It knows no readings. The models are touched through ``in_worker`` alone, in the thread that they belong to.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from daemon.fitting import FitChildError, Fitter, fewer_rows
from daemon.sensor_models import SensorModels
from ml.base import FitError

log = logging.getLogger("sereno.scoring")

T = TypeVar("T")

FIT_ROWS = 4096
RETRY_FIT = 3600.0
"""Seconds before a fit that failed is tried again."""


class InWorker(Protocol):
    """Runs ``work`` in the thread that the models belong to."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Trained:
    """Sensors whose models were just fitted, and how long that took (s)."""

    sensor_ids: Sequence[int]
    seconds: float
    failed: Sequence[int] = ()


class Fits:
    """``adopted(sensor_id)`` is awaited after each fit that is in use; ``trained`` is told when nothing is left to fit.

    ``done`` and ``failed`` count fits; ``fitting`` is the sensor that the child works for, ``last_at`` when the last
    fit was done (µs). ``errors`` says why a sensor's last fit failed.
    """

    def __init__(
        self,
        models: SensorModels,
        fitter: Fitter,
        in_worker: InWorker,
        adopted: Callable[[int], Awaitable[None]],
        trained: Callable[[Trained], None],
        now: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._models = models
        self._fitter = fitter
        self._in_worker = in_worker
        self._adopted = adopted
        self._trained = trained
        self._now = now
        self._monotonic = monotonic
        self._due: dict[int, None] = {}
        self._wanted = asyncio.Event()
        self._retry_at: dict[int, float] = {}
        self.errors: dict[int, str] = {}
        self.fitting: int | None = None
        self.last_at: int | None = None
        self.done = 0
        self.failed = 0

    def want(self, sensor_ids: Iterable[int]) -> None:
        """Their models are due: they are fitted when it is their turn, unless a fit of theirs failed just now."""
        now = self._monotonic()
        wanted = {i: None for i in sensor_ids if now >= self._retry_at.get(i, now)}
        if wanted:
            self._due |= wanted
            self._wanted.set()

    def forget(self, sensor_id: int) -> None:
        """A sensor that is gone."""
        for known in (self.errors, self._retry_at, self._due):
            known.pop(sensor_id, None)

    async def run(self) -> None:
        """Fit what is due, one sensor at a time; the child ends, and the news is told, when nothing is left."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            started, done = self._monotonic(), dict[int, None]()  # once each, however often it was due meanwhile
            while self._due:
                sensor_id = next(iter(self._due))
                del self._due[sensor_id]
                if await self._fit(sensor_id):
                    done[sensor_id] = None
            await self._fitter.close()
            if done:
                self._trained(Trained(list(done), self._monotonic() - started))

    async def train(self, sensor_ids: Iterable[int]) -> Trained:
        """Fit these sensors' models now; returns when all are done or have failed."""
        started, wanted = self._monotonic(), list(sensor_ids)
        outcome = [(sensor_id, await self._fit(sensor_id)) for sensor_id in wanted]
        trained = Trained(
            [sensor_id for sensor_id, done in outcome if done],
            self._monotonic() - started,
            [sensor_id for sensor_id, done in outcome if not done],
        )
        await self._fitter.close()
        if trained.sensor_ids:
            self._trained(trained)
        return trained

    async def close(self) -> None:
        """End the child."""
        await self._fitter.close()

    async def _fit(self, sensor_id: int) -> bool:
        """Fit one sensor's models; a killed child is tried again with half the rows. False: it failed."""
        rows: int | None = FIT_ROWS
        self.fitting = sensor_id
        try:
            while rows is not None:
                limit = rows
                training = await self._in_worker(lambda: self._models.training(sensor_id, limit))  # noqa: B023
                if training is None:
                    return False
                try:
                    fitted = await self._fitter.fit(training)
                except FitChildError as error:
                    tried = min(limit, max(map(len, training.values())))
                    rows = fewer_rows(tried)
                    self._note_failure(sensor_id, f"{error} with {tried} rows")
                    continue
                await self._in_worker(lambda: self._models.adopt(sensor_id, fitted))  # noqa: B023
                await self._adopted(sensor_id)
                self._note_success(sensor_id)
                return True
        except FitError as error:
            self._note_failure(sensor_id, str(error))
        finally:
            self.fitting = None
        return False

    def _note_success(self, sensor_id: int) -> None:
        self.done += 1
        self.last_at = self._now()
        self.errors.pop(sensor_id, None)
        self._retry_at.pop(sensor_id, None)

    def _note_failure(self, sensor_id: int, why: str) -> None:
        log.warning("models of sensor %d could not be fitted: %s", sensor_id, why)
        self.failed += 1
        self.errors[sensor_id] = why
        self._retry_at[sensor_id] = self._monotonic() + RETRY_FIT
