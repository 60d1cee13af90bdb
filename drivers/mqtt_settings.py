"""What the mqtt driver can be told, and how the daemon's own broker is reached.

Nothing here opens anything or imports paho, so that a configuration is checked in no time.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    field_validator,
    model_validator,
)

from drivers.base import QUANTITIES
from drivers.formats.message import Hint
from drivers.formats.units import BY_UNIT, fits, read_unit
from drivers.settings import CommonSettings, Duration

_SAMPLE = """\
- name: mqtt
  type: mqtt
  url: embedded            # the daemon's own broker; or mqtt://host:1883, mqtts://host:8883
  topics: ["#"]            # MQTT filters; $share/GROUP/FILTER where the broker really delivers it
  # hints:                 # what nothing else tells, by MQTT filter; the first that fits counts
  #   attic/+/temp: "°F"   # a unit, a quantity (temperature, humidity …), both ("temperature °F"), or ignore
  # username: sereno       # with password_file (or password)
  # password_file: /etc/sereno/mqtt.password
  # ca_file: /etc/sereno/ca.pem              # mqtts: the authority that signed the broker's certificate
  # certificate_file: /etc/sereno/client.pem # mqtts: this client's own certificate and key
  # key_file: /etc/sereno/client.key
  # insecure: false        # mqtts: believe any certificate; loopback only
  # version: auto          # auto | 5 | 3.1.1
  # window: 1000           # messages the broker may leave unacknowledged; default 1000 (MQTT 5), 20 (3.1.1)
  # keepalive: 60s         # a broker that falls silent is given up after 1.5 times this
  # session_expiry: 7d     # how long the broker keeps what arrives while the daemon is away
"""

MAX_TOPICS = 100
"""Filters of one driver: all go in one SUBSCRIBE packet, which a broker may limit to some KiB."""

MAX_HINTS = 200
"""Hints of one driver: a topic that is new is held against all of them."""

MAX_SESSION_EXPIRY = timedelta(seconds=0xFFFFFFFE)
"""MQTT 5 has four bytes for the session's expiry, and the last value means for ever."""


def is_loopback(host: str) -> bool:
    """Does the host name this machine itself?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _filter(topic: str) -> str:
    """Refuse what is not an MQTT topic filter (MQTT 5, sections 4.7 and 4.8.2)."""
    inner = topic
    if topic.startswith("$share/"):
        group, _, inner = topic.removeprefix("$share/").partition("/")
        if not group or not inner or set(group) & set("+#"):
            raise ValueError(f'"{topic}" is not a shared subscription; write $share/GROUP/FILTER')
    if inner == "$SYS" or inner.startswith("$SYS/"):
        raise ValueError(f'"{topic}" is the broker about itself, never a sensor; leave $SYS out')
    levels = inner.split("/")
    misplaced = any(set(level) & set("+#") and len(level) > 1 for level in levels) or "#" in levels[:-1]
    if not inner or misplaced or "\0" in inner or len(topic.encode()) > 65535:
        raise ValueError(f'"{topic}" is not a topic filter; "+" stands for one whole level, "#" only at the end')
    return topic


def parse_hint(text: object) -> Hint:
    """``"°F"``, ``humidity``, ``"temperature °F"`` or ``ignore``; raises ValueError that says what to write."""
    if isinstance(text, Hint):
        return text
    said = text.strip() if isinstance(text, str) else ""
    if said == "ignore":
        return Hint(ignore=True)
    quantity, _, rest = said.partition(" ")
    if quantity not in QUANTITIES:
        quantity, rest = "", said
    unit = read_unit(rest) or "" if rest else ""
    if not said or (rest and not unit):
        raise ValueError(f'{text!r} is no hint; write a unit ("°F"), a quantity (temperature), both or ignore')
    if quantity and not fits(quantity, unit):
        raise ValueError(f"{quantity} is not measured in {unit}; {QUANTITIES[quantity]} is usual")
    return Hint(quantity, unit)


def _hinted_filter(topic: str) -> str:
    if topic.startswith("$share/"):
        raise ValueError(f'"{topic}": a hint is for topics as they arrive; leave $share/GROUP/ out')
    return _filter(topic)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens. ``str`` gives the URL without user and password."""

    host: str
    port: int
    tls: bool
    username: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> Self:
        """``mqtt://[user@]host[:port]`` (1883) or ``mqtts://`` (8883); raises ValueError that says what to write."""
        example = "write embedded, mqtt://host:1883 or mqtts://host:8883"
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{url!r} is not a URL ({error}); {example}") from None
        if parts.password is not None:
            raise ValueError("a password does not belong into a URL, which ends up in logs; use password_file")
        if parts.scheme not in {"mqtt", "mqtts"} or not host or parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"{url!r} names no broker; {example}")
        tls = parts.scheme == "mqtts"
        username = unquote(parts.username) if parts.username else None
        return cls(host, port or (8883 if tls else 1883), tls, username)


@dataclass(frozen=True, slots=True)
class Embedded:
    """How the daemon's own broker is reached: what ``url: embedded`` stands for.

    ``window`` is how many messages this broker leaves unacknowledged for an MQTT 3.1.1 client, where the daemon
    has configured that; ``username`` and ``password`` are the daemon's own account where the broker asks for one.
    """

    url: str
    engine: Literal["mosquitto", "nats"]
    window: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def _url(url: str) -> str:
    if url != "embedded":
        Endpoint.parse(url)
    return url


Url = Annotated[str, AfterValidator(_url)]
Topic = Annotated[str, AfterValidator(_filter)]
HintedTopic = Annotated[str, AfterValidator(_hinted_filter)]
ReadHint = Annotated[Hint, PlainValidator(parse_hint)]
Version = Annotated[Literal["auto", "5", "3.1.1"], BeforeValidator(str)]  # YAML reads a bare 5 as a number


class MqttSettings(CommonSettings):
    """One broker and what is heard there."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a password may stand beside the fault

    SAMPLE: ClassVar[str] = _SAMPLE

    type: Literal["mqtt"] = "mqtt"
    url: Url = Field("embedded", description="embedded, mqtt://[user@]host:port or mqtts://…")
    topics: list[Topic] = Field(["#"], min_length=1, max_length=MAX_TOPICS, description="topic filters")
    hints: dict[HintedTopic, ReadHint] = Field(
        {}, max_length=MAX_HINTS, description="topic filter: unit, quantity or both"
    )
    username: str | None = Field(None, min_length=1)
    password: SecretStr | None = None
    password_file: Path | None = Field(None, description="a file whose first line is the password")
    ca_file: Path | None = Field(None, description="PEM; default: the authorities this machine trusts")
    certificate_file: Path | None = Field(None, description="PEM: the client's own certificate")
    key_file: Path | None = Field(None, description="PEM: the key of certificate_file")
    insecure: bool = Field(False, description="believe any certificate; loopback only")
    version: Version = Field("auto", description="auto, 5 or 3.1.1; auto tries 5 first")
    window: int | None = Field(None, ge=1, le=65535, description="unacknowledged messages that the broker may send")
    keepalive: Duration = Field(timedelta(seconds=60), ge=timedelta(seconds=5), le=timedelta(seconds=65535))
    session_expiry: Duration = Field(timedelta(days=7), ge=timedelta(0), le=MAX_SESSION_EXPIRY)

    @property
    def endpoint(self) -> Endpoint | None:
        """Where the broker is; None for the embedded one."""
        return None if self.url == "embedded" else Endpoint.parse(self.url)

    @field_validator("hints")
    @classmethod
    def _units_tell_quantities(cls, hints: dict[str, Hint]) -> dict[str, Hint]:
        """On one topic alone a unit tells the quantity too; on many it must not make readings of whatever comes."""
        return {
            topic: hint._replace(quantity=BY_UNIT[hint.unit])
            if not hint.quantity and hint.unit in BY_UNIT and not set(topic) & set("+#")
            else hint
            for topic, hint in hints.items()
        }

    @model_validator(mode="after")
    def _agree(self) -> Self:
        endpoint = self.endpoint
        secrets = self.password is not None, self.password_file is not None
        named = self.username is not None, endpoint is not None and endpoint.username is not None
        if all(secrets):
            raise ValueError("password and password_file are both given; keep password_file")
        if all(named):
            raise ValueError("the user stands in url and in username; keep one")
        if any(secrets) and not any(named):
            raise ValueError("a password without a user is never sent; add username")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together; give both or none")
        tls_files = (self.ca_file, self.certificate_file, self.key_file)
        if (self.insecure or any(tls_files)) and not (endpoint and endpoint.tls):
            raise ValueError("ca_file, certificate_file, key_file and insecure need an mqtts:// url")
        if self.insecure and endpoint and not is_loopback(endpoint.host):
            raise ValueError("insecure is for loopback only: beyond it anybody could pose as the broker; give ca_file")
        return self
