"""Opens everything in order, runs it, and drains it in the end."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import uvloop

from daemon import __version__, news, ports
from daemon.api.application import create_app
from daemon.api.server import ListenError, Server, listen
from daemon.assembly import Ground, House, assemble
from daemon.broker import EmbeddedBroker
from daemon.broker_engines import BrokerError
from daemon.clock import MachineClock
from daemon.config import Config
from daemon.database import Database, DatabaseFaultError, NewerSchemaError
from daemon.errors import ConfigurationError, SerenoError
from daemon.notify import Notifier
from daemon.recorder import Recorder
from daemon.repository.reads import Reads
from daemon.schema import Preparation, open_database
from daemon.state import StateFolder, lock

log = logging.getLogger("sereno")

LAST_WRITES = 2.0
"""Seconds that the daemon's own last rows may take when it stops."""

AGAIN_AFTER = 30.0
"""Seconds after which a part that failed by a fault of its own is started again."""

TIMES_EVERY = 3600.0
"""Seconds between two notes of the time of an event id: a client that comes back after a crash reads at most so much
again by REST."""

Companion = Callable[[str], AbstractAsyncContextManager[object]]
"""Something that runs beside the daemon once the broker listens at the URL it is given: the demo's devices."""


def main(config: Config, folder: StateFolder, environ: Mapping[str, str], companion: Companion | None = None) -> int:
    """Run until SIGTERM or SIGINT; returns 0. Raises SerenoError where it cannot start, or must end by a fault.

    With a ``companion`` it is a demo, and the page says so.
    """
    with lock(folder):
        uvloop.run(_run(config, folder, Notifier(environ), companion))
    return 0


async def _run(config: Config, folder: StateFolder, notifier: Notifier, companion: Companion | None) -> None:
    stop = _signals()
    async with AsyncExitStack() as stack:
        # The port first: another daemon there is noticed before anything is opened.
        listeners = _listen(config)
        try:
            broker, database, prepared = await _open(config, folder, notifier, stack)
        except NewerSchemaError as error:
            raise ConfigurationError(str(error)) from error
        except (BrokerError, DatabaseFaultError) as error:
            raise SerenoError(str(error)) from error
        interval = config.database.sync_interval.total_seconds()
        recorder = Recorder(database, sync_interval=interval)
        recorder.on_fault = stop.set
        await stack.enter_async_context(recorder)
        reads = Reads(database.readers)
        stack.push_async_callback(asyncio.to_thread, reads.close)  # a long query must not hold up a second SIGTERM
        demo = companion is not None
        ground = Ground(config, folder, MachineClock(), notifier, broker, database, recorder, reads, demo)
        house = await assemble(ground)
        if companion is not None and broker is not None:
            await stack.enter_async_context(companion(broker.url))
        server = Server(create_app(house.services), listeners, config.websocket)
        try:
            await _serve(ground, house, server, prepared, stop)
        except ExceptionGroup as faults:
            log.critical("a part of sereno has failed, and the rest ends with it", exc_info=faults)
            raise SerenoError("a fault of sereno's own ended it; the log says which: please report it") from faults
    if recorder.fault is not None:
        raise SerenoError("a fault of sereno's own ended the database's writer; the log says which: please report it")


def _listen(config: Config) -> list[socket.socket]:
    host, port = config.server.host, config.server.port
    try:
        return listen(host, port)
    except ListenError as error:
        if error.errno != errno.EADDRINUSE:
            raise SerenoError(str(error)) from error
        owner = ports.described_owner(port)
        raise SerenoError(f"port {port} is taken by {owner}; stop it, or choose another server.port") from error


async def _open(
    config: Config, folder: StateFolder, notifier: Notifier, stack: AsyncExitStack
) -> tuple[EmbeddedBroker | None, Database, Preparation]:
    """Broker and database side by side: each takes its time to start."""
    password = config.database.password
    secret = password.get_secret_value() if password is not None else None
    opening = asyncio.create_task(
        notifier.while_starting(asyncio.to_thread(open_database, config.database.url, folder.path, secret))
    )
    broker = None
    try:
        if config.broker.embedded:
            interval = config.database.sync_interval.total_seconds()
            broker = await stack.enter_async_context(EmbeddedBroker(config.broker, folder.path, interval))
    finally:
        await asyncio.wait([opening])
    database, prepared = opening.result()
    stack.callback(database.close)
    return broker, database, prepared


async def _serve(ground: Ground, house: House, server: Server, prepared: Preparation, stop: asyncio.Event) -> None:
    """Run everything until ``stop``, then drain: sources first, what they gave next, clients last."""
    now, host = ground.clock.now, ground.config.server.host
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.run(), name="server")
        await server.ready.wait()
        # What is there now stays: no later search for garbage need look at it, each would stop the loop for 0.1 s.
        gc.freeze()
        gc.enable()
        ground.notifier.ready(f"listening on {host}:{server.port}")
        log.info("sereno %s listens on http://%s:%d", __version__, host, server.port)
        house.bus.publish([news.started(__version__, now()), *news.prepared(prepared, now())])
        sources = [tasks.create_task(s.run(), name=f"driver {s.source.name}") for s in house.supervisors]
        keeping = [tasks.create_task(work, name=name) for name, work in _keeping(house).items()]
        await stop.wait()
        log.info("stopping")
        ground.notifier.stopping("draining")
        house.bus.publish([news.stopping(now())])
        _note_event_time(house)
        await _end(sources)
        server.stop()
        await _end(keeping)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(house.writes.settle(), LAST_WRITES)
        await serving


def _keeping(house: House) -> dict[str, Coroutine[Any, Any, None]]:
    """What runs beside sources and server, by name; none of it ends by itself."""
    found = {
        "rounds": house.rounds.run(),
        "accounts": house.services.authenticator.watch(),
        "event times": _note_event_times(house),
    }
    if house.scoring is not None:
        scoring = house.scoring
        known = [sensor.id for sensor in house.directory.all()]
        found["scoring"] = _again("scoring", lambda: scoring.run(known))
    if house.risks is not None:
        found["risks"] = _again("risks", house.risks.run)
    return found


def _note_event_time(house: House) -> None:
    newest = house.bus.newest
    if newest is not None:
        house.writes.event_time(newest)


async def _note_event_times(house: House) -> None:
    while True:
        _note_event_time(house)
        await asyncio.sleep(TIMES_EVERY)


async def _again(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Keep a part running that must never take the rest with it: its fault is logged, and it starts again."""
    while True:
        try:
            await run()
        except Exception:  # a fault in the models must not cost a single reading
            log.exception("%s failed; it starts again in %.0f s", name, AGAIN_AFTER)
            await asyncio.sleep(AGAIN_AFTER)
        else:
            return


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once."""
    stop = asyncio.Event()

    def received() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, received)
    return stop
