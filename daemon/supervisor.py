"""Runs one driver for as long as the daemon lives: opens it, takes what it yields, gives receipts back, retries.

A driver object is one connection. When it ends, the supervisor waits (full jitter, doubling to a ceiling) and makes
a new one; the receipts of the old one are worth nothing any more, and are not given to the new.
"""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson

from daemon.batches import Batch
from daemon.intake import Clock, Source
from daemon.samples import Samples
from drivers.base import Backoff, Delivery, Driver, DriverError

log = logging.getLogger("sereno.driver")

STABLE_AFTER = 60.0
"""A connection that held this long (s) was a good one: the next attempt starts from the shortest wait."""

SETTLE = 3.0
"""Seconds that the last of a driver may take when the daemon stops; what is not acknowledged by then comes again."""


class DriverState(StrEnum):
    STARTING = "starting"  # the first attempt is under way
    UP = "up"
    WAITING = "waiting"  # down, and tried again and again
    FINISHED = "finished"  # a finite source was read to its end


class Storage(Protocol):
    """What a supervisor needs of the recorder."""

    async def put(self, batch: Batch) -> None: ...
    def sync_soon(self) -> None: ...
    async def memory(self, source: str) -> dict[str, Any]: ...


@dataclass(slots=True)
class Connection:
    """How a driver stands, for ``status``: ``since`` is µs since 1970 UTC, ``reason`` one sentence when not up."""

    state: DriverState = DriverState.STARTING
    since: int = 0
    reason: str = ""
    attempts: int = 0
    received: int = 0
    readings: int = 0
    last_received_at: int | None = None
    counters: Counter[str] = field(default_factory=Counter)
    details: Mapping[str, str | int | bool] = field(default_factory=dict)


class Supervisor:
    """One driver. ``make`` builds a fresh driver object from its memory; ``admit`` turns deliveries into a batch.

    ``changed`` is called when the connection comes up or goes down, on the loop.
    """

    def __init__(
        self,
        source: Source,
        kind: str,
        make: Callable[[Mapping[str, Any]], Driver],
        admit: Callable[[Sequence[Delivery], Source], Awaitable[Batch]],
        storage: Storage,
        clock: Clock,
        *,
        changed: Callable[["Supervisor"], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.source = source
        self.kind = kind
        self.connection = Connection(since=clock.now())
        self.samples = Samples()
        self._make = make
        self._admit = admit
        self._storage = storage
        self._clock = clock
        self._changed = changed
        self._sleep = sleep
        self._jitter = jitter
        self._driver: Driver | None = None
        self._owed = 0
        self._settled = asyncio.Event()
        self._remembered = b""
        self._looked_at = -1.0

    async def run(self) -> None:
        """Until cancelled, or until a finite source ends."""
        memory: Mapping[str, Any] = await self._storage.memory(self.source.name)
        self._remembered = orjson.dumps(memory)
        failures = 0
        while True:
            driver = self._make(memory)
            began = self._clock.monotonic()
            try:
                await self._connection(driver)
            except DriverError as error:
                reason, retryable = str(error), error.retryable
            except Exception as error:
                log.exception("driver %s has a fault", self.source.name)
                reason, retryable = f"a fault in the driver ({type(error).__name__}: {error}); please report it", False
            else:
                await self._keep_memory(driver)
                self._now(DriverState.FINISHED, "the source was read to its end")
                return
            await self._keep_memory(driver)
            memory = driver.memory
            self._now(DriverState.WAITING, reason)
            failures = 1 if self._clock.monotonic() - began > STABLE_AFTER else failures + 1
            await self._sleep(self._wait(driver.backoff, failures, retryable=retryable))

    async def _connection(self, driver: Driver) -> None:
        """One connection from opening to loss."""
        self.connection.attempts += 1
        # Counters live with the connection's object: what earlier ones counted is the base for this one.
        before = Counter(self.connection.counters)
        async with driver:
            self._driver, self._owed = driver, 0
            self._now(DriverState.UP, "")
            try:
                async for deliveries in driver:
                    await self._take(driver, deliveries)
                    self.connection.counters = before + Counter(driver.counters)
            except asyncio.CancelledError:
                with contextlib.suppress(TimeoutError):  # a database that does not work must not hold up the stop
                    async with asyncio.timeout(SETTLE):
                        await self._keep_memory(driver)
                        await self._settle()
                raise
            finally:
                self.connection.counters = before + Counter(driver.counters)
                self.connection.details = driver.details()
                self._driver = None

    async def _take(self, driver: Driver, deliveries: Sequence[Delivery]) -> None:
        self.connection.received += len(deliveries)
        self.connection.last_received_at = deliveries[-1].received_at
        for delivery in deliveries:
            self.samples.look(delivery)
        batch = await self._admit(deliveries, self.source)
        self.connection.readings += len(batch.readings)
        self._owed += len(batch.receipts)

        def release(receipts: Sequence[object]) -> None:
            if driver is self._driver:
                self._owed -= len(receipts)
                driver.acknowledge(receipts)
                if not self._owed:
                    self._settled.set()

        await self._storage.put(
            Batch(
                source=batch.source,
                sensors=batch.sensors,
                readings=batch.readings,
                receipts=batch.receipts,
                release=release,
                redelivered=batch.redelivered,
                memory=self._changed_memory(driver),
            )
        )
        if driver.window is not None and self._owed * 2 >= driver.window:
            self._storage.sync_soon()

    async def _settle(self) -> None:
        """Before a connection is closed on purpose: what was taken is acknowledged, so that it does not come again."""
        if self._owed:
            self._settled.clear()
            self._storage.sync_soon()
            await self._settled.wait()

    async def _keep_memory(self, driver: Driver) -> None:
        """What the driver knows at the end of its connection."""
        self._looked_at = -1.0
        memory = self._changed_memory(driver)
        if memory is not None:
            await self._storage.put(Batch(source=self.source.name, memory=memory))

    def _changed_memory(self, driver: Driver) -> Mapping[str, Any] | None:
        """A copy of the driver's memory if it changed since it was last kept; looked at once a second."""
        if self._clock.monotonic() - self._looked_at < 1.0:
            return None
        self._looked_at = self._clock.monotonic()
        lasting = {key: value for key, value in driver.memory.items() if not key.startswith("_")}
        text = orjson.dumps(lasting)  # in their order: what was learned first is the first to be forgotten
        if text == self._remembered:
            return None
        self._remembered = text
        kept: dict[str, Any] = orjson.loads(text)
        return kept

    def details(self) -> Mapping[str, str | int | bool]:
        """What the driver says of itself now, or said last."""
        return self._driver.details() if self._driver is not None else self.connection.details

    def counters(self) -> Mapping[str, int]:
        return dict(self.connection.counters)

    def _wait(self, backoff: Backoff, failures: int, *, retryable: bool) -> float:
        if not retryable:
            return backoff.ceiling
        bound: float = min(backoff.ceiling, backoff.first * 2 ** min(failures - 1, 16))
        return max(0.1, bound * self._jitter())

    def _now(self, state: DriverState, reason: str) -> None:
        connection = self.connection
        if state is connection.state and reason == connection.reason:
            return
        was = connection.state
        connection.state, connection.reason = state, reason
        if state is not was:
            connection.since = self._clock.now()
        self._log(state, reason)
        self._changed(self)

    def _log(self, state: DriverState, reason: str) -> None:
        level = logging.INFO if state in (DriverState.UP, DriverState.FINISHED) else logging.WARNING
        log.log(level, "driver %s is %s%s", self.source.name, state, f": {reason}" if reason else "")
