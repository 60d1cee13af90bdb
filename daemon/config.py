"""The configuration: a typed schema with every key, its default, unit and bounds, and :func:`load`.

Durations read ``5s``, ``10min``, ``90d``. Sources, strongest first: the three ``WEBSOCKET_*`` variables,
``SERENO__SECTION__KEY`` variables, ``.env``, the YAML file, the defaults.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
)

import drivers
from daemon import config_sources
from daemon.config_faults import did_you_mean, duration_text, validate
from daemon.config_rules import contradictions
from daemon.config_secrets import with_secrets
from daemon.config_sources import Sources
from daemon.errors import ConfigFaults, Fault
from drivers import DRIVERS
from drivers.settings import CommonSettings, Duration


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if value == "null" or (
        parts.scheme in ("http", "https") and parts.netloc and value == f"{parts.scheme}://{parts.netloc}"
    ):
        return value
    raise ValueError(f'"{value}" is not an origin; write "null" or http://name:port, without a path, one by one')


def _host_name(value: str) -> str:
    if not value or any(letter in value for letter in "/@ ") or (":" in value and not is_address(value)):
        raise ValueError(f'"{value}" is not a host name; write it without scheme, port and path: greenhouse.lan')
    return value


def _user_name(value: str) -> str:
    if any(letter == ":" or letter.isspace() for letter in value):
        raise ValueError(f'"{value}" is not a user name; write it without colons and spaces')
    return value


def _database_url(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return value
    if scheme in ("postgresql", "postgresql+psycopg") and rest:
        return value
    raise ValueError(f'"{scheme}://…" is not a database; write sqlite:///sereno.db or postgresql://user@host/name')


def is_address(host: str) -> bool:
    """Is it an IPv4 or IPv6 address, rather than a name?"""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _within(low: timedelta, high: timedelta) -> AfterValidator:
    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            bound = f"small; at least {duration_text(low)}" if value < low else f"large; at most {duration_text(high)}"
            raise ValueError(f"{duration_text(value)} is too {bound}")
        return value

    return AfterValidator(check)


TokenLifetime = Annotated[Duration, _within(timedelta(minutes=1), timedelta(days=30))]
SyncInterval = Annotated[Duration, _within(timedelta(milliseconds=10), timedelta(seconds=20))]
Horizon = Annotated[Duration, _within(timedelta(minutes=5), timedelta(days=2))]
"""Two days at most: a week ahead from a few weeks' past is no forecast."""


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        # YAML reads yes and on as true, and Python takes true for 1.
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in (int, float):
            raise ValueError(f"{str(value).lower()} is not a number")
        return value


class Server(Section):
    """HTTP and WebSocket, one port. ``names`` are further names under which clients may call it."""

    host: Annotated[str, AfterValidator(_host_name)] = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    names: list[Annotated[str, AfterValidator(_host_name)]] = Field(default=[], max_length=100)
    cors_origins: list[Annotated[str, AfterValidator(_origin)]] = Field(default=["null"], max_length=100)


class WebSocket(Section):
    """Intervals in seconds."""

    max_connections: int = Field(100, ge=1, le=100_000)
    max_connections_per_ip: int = Field(20, ge=1, le=100_000)
    ping_interval: float = Field(30, gt=0, le=3600)
    ping_timeout: float = Field(10, gt=0, le=3600)


class Auth(Section):
    """``key`` signs tokens (at least 32 bytes); without one, one is made in the state folder at the first start."""

    mode: Literal["open", "secured"] = "open"
    token_lifetime: TokenLifetime = timedelta(hours=12)
    key: SecretStr | None = None
    key_file: str | None = None


class Database(Section):
    """A relative SQLite path lies in the state folder. ``sync_interval``: committed rows are on the disk by then."""

    url: Annotated[str, AfterValidator(_database_url)] = "sqlite:///sereno.db"
    sync_interval: SyncInterval = timedelta(seconds=5)
    password: SecretStr | None = None
    password_file: str | None = None


class BrokerUser(Section):
    """Who may publish to the embedded broker."""

    name: Annotated[str, AfterValidator(_user_name)] = Field(min_length=1, max_length=64)
    password: SecretStr | None = None
    password_file: str | None = None


class Broker(Section):
    """The embedded MQTT broker; ``auto`` is Mosquitto where it is installed, else NATS."""

    embedded: bool = True
    engine: Literal["auto", "mosquitto", "nats"] = "auto"
    host: Annotated[str, AfterValidator(_host_name)] = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    users: list[BrokerUser] = Field(default=[], max_length=1000)


class Sensors(Section):
    """``max``: how many sensors may register themselves."""

    max: int = Field(1000, ge=1, le=1_000_000)


class Anomaly(Section):
    enabled: bool = True


class NamedLimit(Section):
    """A bound (°C, %) beside those that a sensor itself has, foretold under its own name. ``sensor``: key or name."""

    name: str = Field(min_length=1, max_length=100)
    sensor: str = Field(min_length=1, max_length=255)
    quantity: Literal["temperature", "humidity"]
    below: float | None = Field(None, allow_inf_nan=False)
    above: float | None = Field(None, allow_inf_nan=False)


class Forecast(Section):
    """``warn_at``: how probable it must be that a limit is crossed, or a risk comes, before it is announced."""

    enabled: bool = True
    horizons: list[Horizon] = Field(
        default=[timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24)],
        min_length=1,
        max_length=12,
    )
    warn_at: float = Field(0.8, ge=0.5, le=0.99)
    limits: list[NamedLimit] = Field(default=[], max_length=1000)


class Risks(Section):
    """Of each sensor's place. ``outside``: key or name of the sensor that hangs outdoors."""

    watch: list[Literal["frost", "condensation", "mould", "drought"]] = Field(
        default=["frost", "condensation", "mould", "drought"], max_length=4
    )
    outside: Annotated[str, Field(min_length=1, max_length=255)] | None = None


class Log(Section):
    """To stderr, one line an event."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Section):
    """Everything. ``drivers`` holds each driver's own settings; where the key is absent and a broker is embedded,
    that is one mqtt driver that listens to it."""

    server: Server = Server()
    websocket: WebSocket = WebSocket()
    auth: Auth = Auth()
    database: Database = Database()
    broker: Broker = Broker()
    sensors: Sensors = Sensors()
    drivers: list[SerializeAsAny[CommonSettings]] = []
    anomaly: Anomaly = Anomaly()
    forecast: Forecast = Forecast()
    risks: Risks = Risks()
    log: Log = Log()


EMBEDDED_DRIVER: Mapping[str, Any] = {"name": "mqtt", "type": "mqtt", "url": "embedded", "topics": ["#"]}


def load(path: Path | None, environ: Mapping[str, str], *, search: bool = True) -> Config:
    """Read, merge and check everything; raises :class:`ConfigFaults` with every fault, not only the first.

    ``path`` None: ``$SERENO_CONFIG``, ``./config.yaml``, ``/etc/sereno/config.yaml``, else (or without ``search``)
    the defaults.
    """
    sources = config_sources.read(path, environ, search=search)
    known = Config.model_fields
    for name in sources.values.keys() - known.keys():
        sources.fault((name,), f"unknown section; {did_you_mean(str(name), known)}")
    sections: dict[str, Any] = {
        name: _section(known[name].annotation, name, sources, environ) for name in known if name != "drivers"
    }
    sections["drivers"] = _drivers(sections["broker"], sources, environ)
    contradictions(sections, sources)
    if sources.faults:
        raise ConfigFaults(sorted(sources.faults, key=_position))
    return Config(**sections)


def _section(model: Any, name: str, sources: Sources, environ: Mapping[str, str]) -> Section | None:
    """None where it has faults. A section whose keys are all commented out reads as null and means the defaults."""
    given = sources.values.get(name)
    section: Section | None = validate(model, {} if given is None else given, (name,), sources)
    return with_secrets(section, (name,), sources, environ) if section else None


def _drivers(broker: Broker | None, sources: Sources, environ: Mapping[str, str]) -> list[CommonSettings | None]:
    """Each driver's own settings; None in the place of one that has faults, so that places stay the file's."""
    if "drivers" not in sources.values:
        embedded = broker is not None and broker.embedded
        return [_driver(dict(EMBEDDED_DRIVER), 0, sources, environ)] if embedded else []
    given = sources.values["drivers"] or []
    if not isinstance(given, list):
        sources.fault(("drivers",), "is not a list; begin each driver with a dash: - {name: mqtt, type: mqtt}")
        return []
    return [_driver(item, index, sources, environ) for index, item in enumerate(given)]


def _driver(item: Any, index: int, sources: Sources, environ: Mapping[str, str]) -> CommonSettings | None:
    path = ("drivers", index)
    if not isinstance(item, dict):
        sources.fault(path, "is not a driver; write its keys: - {name: mqtt, type: mqtt, url: embedded}")
        return None
    kind = item.get("type")
    if kind is None:
        sources.fault((*path, "type"), f"is missing; there are {', '.join(DRIVERS)}")
        return None
    if not isinstance(kind, str) or kind not in DRIVERS:
        sources.fault((*path, "type"), f'"{kind}" is no driver; {did_you_mean(str(kind), DRIVERS)}')
        return None
    settings = validate(drivers.load(kind).Settings, item, path, sources)
    return _beside_the_file(with_secrets(settings, path, sources, environ), sources.folder) if settings else None


def _beside_the_file(settings: CommonSettings, folder: Path) -> CommonSettings:
    """Relative paths start at the configuration's folder, as those of secrets do, wherever a command is typed."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    found = {name: folder / value.expanduser() for name, value in values.items() if isinstance(value, Path)}
    return settings.model_copy(update=found) if found else settings


def _position(fault: Fault) -> tuple[str, int, int]:
    """Faults in the order of the file, those of variables after them."""
    match = re.fullmatch(r"(.*?):(\d+)(?::(\d+))?(?: .*)?", fault.where)
    return (match[1], int(match[2]), int(match[3] or 0)) if match else ("\uffff" + fault.where, 0, 0)
