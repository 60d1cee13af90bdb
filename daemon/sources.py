"""The configured drivers as supervised sources."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import drivers
from daemon.broker import EmbeddedBroker
from daemon.clock import MachineClock
from daemon.intake import Intake, Source
from daemon.supervisor import Storage, Supervisor
from drivers.base import Driver
from drivers.settings import CommonSettings


def supervise(
    configured: Iterable[CommonSettings],
    *,
    intake: Intake,
    storage: Storage,
    clock: MachineClock,
    broker: EmbeddedBroker | None,
    install_id: str,
    changed: Callable[[Supervisor], None],
) -> list[Supervisor]:
    """One supervisor for each; nothing runs yet. ``install_id`` makes client ids that no other daemon has."""
    found = []
    for settings in configured:
        further: dict[str, Any] = {}
        if settings.type == "mqtt":
            further = {"install_id": install_id, "embedded": broker.access if broker is not None else None}
        make = functools.partial(_make, settings, clock, further)
        found.append(Supervisor(_source(settings), settings.type, make, intake.admit, storage, clock, changed=changed))
    return found


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
