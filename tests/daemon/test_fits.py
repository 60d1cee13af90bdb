"""The fit queue by itself: models and child process are small ones of the test, time is handed in."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

import numpy as np
import pytest

from daemon.fits import RETRY_FIT, Fits, Trained
from daemon.fitting import Fitter
from daemon.sensor_models import SensorModels
from ml.base import Arrays, FitError

T = TypeVar("T")


@dataclass
class Child:
    """A fitter that does what the test says; ``most`` is how many jobs it ever had at once."""

    refuse: bool = False
    jobs: int = 0
    now: int = 0
    most: int = 0
    closed: int = 0

    async def fit(self, training: Arrays) -> Arrays:
        self.jobs += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if self.refuse:
            raise FitError("rows that nothing can be learned from")
        return training

    async def close(self) -> None:
        self.closed += 1


class Models:
    def training(self, sensor_id: int, max_rows: int) -> Arrays | None:
        return {"rows": np.arange(max_rows)} if sensor_id < 100 else None

    def adopt(self, sensor_id: int, fitted: Arrays) -> None:
        pass


async def at_once(work: Callable[[], T]) -> T:
    return work()


@dataclass
class Queue:
    child: Child = field(default_factory=Child)
    seconds: float = 0.0
    adopted: list[int] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def adopt(sensor_id: int) -> None:
            self.adopted.append(sensor_id)

        self.fits = Fits(
            cast("SensorModels", Models()),
            cast("Fitter", self.child),
            at_once,
            adopt,
            self.trained.append,
            now=lambda: 1_790_000_000_000_000,
            monotonic=lambda: self.seconds,
        )


@asynccontextmanager
async def running(queue: Queue) -> AsyncIterator[Fits]:
    task = asyncio.create_task(queue.fits.run())
    try:
        yield queue.fits
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def settled(done: Callable[[], object]) -> None:
    while not done():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


async def test_what_is_due_is_fitted_one_after_the_other_and_told_together() -> None:
    queue = Queue()
    async with running(queue) as fits:
        fits.want([3, 1, 2])
        fits.want([1])
        await settled(lambda: queue.trained)
    assert queue.adopted == [3, 1, 2]
    assert [trained.sensor_ids for trained in queue.trained] == [[3, 1, 2]]
    assert (queue.child.most, queue.child.closed) == (1, 1)
    assert (fits.done, fits.failed, fits.last_at, fits.fitting) == (3, 0, 1_790_000_000_000_000, None)


async def test_the_news_of_a_fit_names_each_sensor_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sensor whose history comes in while it is fitted, and which is fitted again at once."""
    queue = Queue()
    adopt: Callable[[int], Awaitable[None]] = queue.fits._adopted

    async def adopt_and_want(sensor_id: int) -> None:
        await adopt(sensor_id)
        if len(queue.adopted) < 3:
            queue.fits.want([sensor_id])

    monkeypatch.setattr(queue.fits, "_adopted", adopt_and_want)
    async with running(queue) as fits:
        fits.want([7])
        await settled(lambda: queue.trained)
    assert queue.adopted == [7, 7, 7]
    assert [trained.sensor_ids for trained in queue.trained] == [[7]]


async def test_a_fit_that_failed_is_tried_again_an_hour_later() -> None:
    queue = Queue(Child(refuse=True))
    async with running(queue) as fits:
        fits.want([1])
        await settled(lambda: fits.failed)
        assert fits.errors == {1: "rows that nothing can be learned from"}
        queue.child.refuse = False
        fits.want([1])
        for _ in range(20):
            await asyncio.sleep(0)
        assert queue.child.jobs == 1, "it was due again, and waits"
        queue.seconds = RETRY_FIT
        fits.want([1])
        await settled(lambda: fits.done)
        assert fits.errors == {}


async def test_a_sensor_that_is_gone_leaves_nothing_behind() -> None:
    queue = Queue(Child(refuse=True))
    assert (await queue.fits.train([1, 404])).failed == [1, 404]
    queue.fits.want([2])
    queue.fits.forget(1)
    queue.fits.forget(2)
    assert queue.fits.errors == {}
    queue.child.refuse = False
    async with running(queue) as fits:
        fits.want([1])
        await settled(lambda: queue.trained)
    assert queue.adopted == [1], "what failed is forgotten, what was due too"
