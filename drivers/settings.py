"""The settings that every driver has, and how a driver is built from them.

Each driver module defines a subclass of :class:`CommonSettings` with its own keys and a ``SAMPLE``, the commented
YAML list item that ``sereno init`` prints, and a driver class that names it::

    class XDriver(Driver):
        Settings: ClassVar[type[CommonSettings]] = XSettings

        def __init__(
            self, name: str, settings: XSettings, memory: Mapping[str, Any], *, clock: Callable[[], int] = now_us
        ) -> None: ...

``memory`` is what the driver's :attr:`~drivers.base.Driver.memory` was when it was last kept; ``clock`` is the wall
clock in µs since 1970 UTC. Further keyword arguments with defaults are seams for tests.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_WORD = r"^[\w.-]{1,64}$"
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> timedelta:
    """``5s`` -> timedelta; a plain number is seconds. Raises ValueError for anything else."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    raise ValueError(f"{value!r} is not a duration; write 5s, 10min, 2h or 90d")


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class CommonSettings(BaseModel):
    """Keys of every entry of ``drivers:``; unknown keys are refused.

    The key ``register`` is the attribute ``admits_unknown``: a field of that name would hide a method that every
    pydantic model inherits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    SAMPLE: ClassVar[str]

    name: str = Field(pattern=_WORD, description="names the driver in logs, status and `fuente`")
    type: str = Field(description="which driver: mqtt, serial, modbus, replay")
    source: str = Field("", pattern=_WORD, description="first word of its sensors' keys; default: the name")
    admits_unknown: bool = Field(True, alias="register", description="may devices unknown so far register?")
    timezone: str | None = Field(None, description="zone of device times without one; default: this machine's")
    model: str | None = Field(None, max_length=64, description="the sensors' part (DHT22), where payloads do not tell")

    @model_validator(mode="before")
    @classmethod
    def _source_defaults_to_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("source") is None and re.match(_WORD, str(data.get("name", ""))):
            return {**data, "source": data["name"]}
        return data

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ValueError, OSError, KeyError):
                raise ValueError(f"{value!r} is not a time zone; write Europe/Madrid or UTC") from None
        return value

    def cautions(self) -> list[str]:
        """What is allowed and yet should be known, for ``sereno check``: one sentence each."""
        return []
