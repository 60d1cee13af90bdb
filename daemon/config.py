"""The configuration: a typed schema with every key, its default, unit and bounds.

Durations read ``5s``, ``10min``, ``90d``. Sources, strongest first: the three ``WEBSOCKET_*`` variables,
``SERENO__SECTION__KEY`` variables, ``.env``, the YAML file, the defaults.
"""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

_UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}


def parse_duration(value: object) -> object:
    """``5s`` -> timedelta; numbers are seconds; anything else is left for pydantic to refuse."""
    if isinstance(value, str) and (m := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*", value)):
        return timedelta(seconds=float(m[1]) * _UNITS[m[2]])
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    raise ValueError(f"{value!r} is not a duration; write 5s, 10min, 2h or 90d")


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    names: list[str] = []
    cors_origins: list[str] = ["null"]


class WebSocket(Section):
    max_connections: int = Field(100, ge=1, le=100_000)
    max_connections_per_ip: int = Field(20, ge=1, le=100_000)
    ping_interval: float = Field(30, gt=0, le=3600)
    ping_timeout: float = Field(10, gt=0, le=3600)


class Auth(Section):
    mode: Literal["open", "secured"] = "open"
    token_lifetime: Duration = timedelta(hours=12)
    key: SecretStr | None = None
    key_file: str | None = None


class Database(Section):
    url: str = "sqlite:///sereno.db"
    sync_interval: Duration = timedelta(seconds=5)
    password: SecretStr | None = None
    password_file: str | None = None


class BrokerUser(Section):
    name: str
    password: SecretStr | None = None
    password_file: str | None = None


class Broker(Section):
    embedded: bool = True
    engine: Literal["auto", "mosquitto", "nats"] = "auto"
    host: str = "127.0.0.1"
    port: int = Field(1883, ge=1, le=65535)
    users: list[BrokerUser] = []


class Sensors(Section):
    max: int = Field(1000, ge=1, le=1_000_000)


class Anomaly(Section):
    enabled: bool = True


class Forecast(Section):
    enabled: bool = True
    horizons: list[Duration] = [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24)]


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Section):
    server: Server = Server()
    websocket: WebSocket = WebSocket()
    auth: Auth = Auth()
    database: Database = Database()
    broker: Broker = Broker()
    sensors: Sensors = Sensors()
    drivers: list[dict[str, Any]] = []
    anomaly: Anomaly = Anomaly()
    forecast: Forecast = Forecast()
    log: Log = Log()
