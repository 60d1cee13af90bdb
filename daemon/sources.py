"""The configured drivers as supervised sources."""

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import drivers
from daemon.batches import Batch
from daemon.broker import EmbeddedBroker
from daemon.clock import MachineClock
from daemon.intake import Intake, Source
from daemon.supervisor import Storage, Supervisor
from drivers.base import Delivery, Driver
from drivers.settings import CommonSettings

Admit = Callable[[Sequence[Delivery], Source], Awaitable[Batch]]


def supervise(
    configured: Iterable[CommonSettings],
    *,
    intake: Intake,
    storage: Storage,
    clock: MachineClock,
    broker: EmbeddedBroker | None,
    install_id: str,
    changed: Callable[[Supervisor], None],
    room: Callable[[], Awaitable[None]] | None = None,
) -> list[Supervisor]:
    """One supervisor for each; nothing runs yet. ``install_id`` makes client ids that no other daemon has.

    A recording, which can wait, asks for ``room`` before each batch.
    """
    found = []
    for settings in configured:
        further: dict[str, Any] = {}
        if settings.type == "mqtt":
            further = {"install_id": install_id, "embedded": broker.access if broker is not None else None}
        make = functools.partial(_make, settings, clock, further)
        admit: Admit = intake.admit
        if settings.type == "replay" and room is not None:
            admit = functools.partial(_with_room, room, admit)
        found.append(Supervisor(_source(settings), settings.type, make, admit, storage, clock, changed=changed))
    return found


async def _with_room(
    room: Callable[[], Awaitable[None]], admit: Admit, deliveries: Sequence[Delivery], source: Source
) -> Batch:
    await room()
    return await admit(deliveries, source)


def _make(
    settings: CommonSettings, clock: MachineClock, further: Mapping[str, Any], memory: Mapping[str, Any]
) -> Driver:
    return drivers.load(settings.type)(settings.name, settings, memory, clock=clock.now, **further)


def _source(settings: CommonSettings) -> Source:
    return Source(
        name=settings.name,
        word=settings.source or settings.name,
        zone=ZoneInfo(settings.timezone) if settings.timezone else None,
        register=settings.admits_unknown,
        model=settings.model,
    )
