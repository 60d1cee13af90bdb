"""Drivers read sensors; formats say what they read. Nothing here knows what becomes of a reading.

``DRIVERS`` is the registry: a driver is one module and one line here. Modules are imported when they are asked
for, so that a command that needs no driver loads neither paho nor pyserial.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from drivers.base import Driver
    from drivers.settings import CommonSettings

DRIVERS: Mapping[str, str] = {
    "mqtt": "drivers.mqtt:MqttDriver",
    "serial": "drivers.serial_line:SerialDriver",
    "modbus": "drivers.modbus:ModbusDriver",
    "replay": "drivers.replay:ReplayDriver",
}
"""Type, as the configuration names it, to ``module:Class``."""


class DriverClass(Protocol):
    """What the registry gives: a class that makes one connection from settings, and says what these are."""

    @property
    def Settings(self) -> type[CommonSettings]: ...  # noqa: N802 - it is a class

    def __call__(
        self, name: str, settings: Any, memory: Mapping[str, Any], *, clock: Callable[[], int] = ...
    ) -> Driver: ...


def load(type_: str) -> DriverClass:
    """The driver class of a type; raises ValueError with the types there are."""
    if type_ not in DRIVERS:
        raise ValueError(f"there is no driver of type {type_!r}; there are {', '.join(DRIVERS)}")
    module, _, name = DRIVERS[type_].partition(":")
    return cast("DriverClass", getattr(import_module(module), name))
