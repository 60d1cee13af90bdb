"""MQTT in: one connection to one broker, its messages decoded, its receipts kept apart by connection.

paho runs inside the event loop (no thread hop per message) and acknowledges nothing by itself: a PUBACK is written
when the rows are on the disk.
"""

import asyncio
import itertools
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

from paho.mqtt.client import topic_matches_sub

from drivers.base import Decoded, Delivery, Driver, DriverError, Kind
from drivers.clock import now_us
from drivers.formats import decode_mqtt
from drivers.formats.message import NO_HINT, Hint
from drivers.mqtt_connection import V5, V311, MqttConnection, Publication
from drivers.mqtt_reach import CONNECT_TIMEOUT, Target, VersionRefusedError
from drivers.mqtt_settings import Embedded, Endpoint, MqttSettings
from drivers.settings import CommonSettings

MAX_PAYLOAD = 16 * 1024
"""Bytes; a reading is a few hundred. Anything larger is counted and acknowledged unread."""

MAX_DISCOVERY = 256 * 1024
"""Bytes of a Home Assistant discovery message, which may describe a whole device."""

MAX_SAMPLE = 4 * 1024
"""Bytes of payload handed on as a sample of what no format understands."""

MAX_BATCH = 1000
MAX_WAITING = 2000
"""Messages that wait undelivered before the socket is left alone: two batches."""

MAX_WAITING_BYTES = 4 * 1024 * 1024

WINDOW_V5, WINDOW_V311 = 1000, 20
"""MQTT 5 lets a client name its window; 20 is Mosquitto's for those who cannot."""

MAX_HINTED = 4096
"""Topics whose hint is remembered; more, and all are looked up anew."""

Decode = Callable[[str, bytes, dict[str, Any], Hint], Decoded]

_epochs = itertools.count(1)

log = logging.getLogger(__name__)


class Receipt(NamedTuple):
    """One QoS 1 message of one connection: a message id means nothing on another."""

    epoch: int
    message_id: int


class Arrival(NamedTuple):
    """A PUBLISH as it came in; ``topic`` is None where it is no text of MQTT."""

    topic: str | None
    payload: bytes
    size: int
    received_at: int
    message_id: int
    redelivered: bool
    retained: bool


class MqttDriver(Driver):
    """One connection to one MQTT broker.

    ``install_id`` makes the client id this installation's own, so that the broker's session is found again;
    ``embedded`` is what ``url: embedded`` stands for. ``decode`` is the formats' entrance.
    """

    Settings: ClassVar[type[CommonSettings]] = MqttSettings

    def __init__(
        self,
        name: str,
        settings: MqttSettings,
        memory: Mapping[str, Any],
        *,
        clock: Callable[[], int] = now_us,
        install_id: str = "",
        embedded: Embedded | None = None,
        decode: Decode = decode_mqtt,
    ) -> None:
        super().__init__(name, memory)
        self._settings = settings
        self._clock = clock
        self._install_id = install_id
        self._embedded = embedded if settings.url == "embedded" else None
        self._decode = decode
        self._hints: dict[str, Hint] = {}
        self._epoch = next(_epochs)
        self._connection: MqttConnection | None = None
        self._waiting: deque[Arrival] = deque()
        self._waiting_bytes = 0
        self._unacknowledged: set[int] = set()
        self._acknowledged: deque[int] = deque(maxlen=WINDOW_V5)
        self._arrived = asyncio.Event()
        self._lost: DriverError | None = None
        self._details: dict[str, str | int | bool] = {}

    async def __aenter__(self) -> Self:
        target = await asyncio.to_thread(self._target)
        self._refuse_undelivered_shares(target)
        try:
            connection = await self._open(target)
            await self._subscribe(connection)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _target(self) -> Target:
        """Everything the settings say about the other side; reads the password's file."""
        settings = self._settings
        username, password = settings.username, None
        if settings.password is not None:
            password = settings.password.get_secret_value()
        elif settings.password_file is not None:
            password = _first_line(settings.password_file)
        if settings.url != "embedded":
            endpoint = Endpoint.parse(settings.url)
            username = username or endpoint.username
        elif self._embedded is None:
            raise DriverError(
                "url: embedded needs broker.embedded: true; or give the URL of another broker", retryable=False
            )
        else:
            endpoint = Endpoint.parse(self._embedded.url)
            if username is None:
                username, password = self._embedded.username, self._embedded.password
        return Target(
            endpoint=endpoint,
            client_id=f"sereno-{self._install_id}-{self.name}" if self._install_id else f"sereno-{self.name}",
            keepalive=int(settings.keepalive.total_seconds()),
            session_expiry=int(settings.session_expiry.total_seconds()),
            window=settings.window or WINDOW_V5,
            username=username,
            password=password,
            ca_file=settings.ca_file,
            certificate_file=settings.certificate_file,
            key_file=settings.key_file,
            insecure=settings.insecure,
        )

    def _refuse_undelivered_shares(self, target: Target) -> None:
        """The NATS server grants a shared subscription and then delivers nothing on it."""
        shared = [topic for topic in self._settings.topics if topic.startswith("$share/")]
        if shared and self._embedded is not None and self._embedded.engine == "nats":
            raise DriverError(
                f"the embedded broker at {target.endpoint} is a NATS server, which grants {shared[0]} and delivers "
                "nothing: subscribe without $share, or install mosquitto",
                retryable=False,
            )

    async def _open(self, target: Target) -> MqttConnection:
        """MQTT 5, and 3.1.1 where the broker refuses it or hangs up on it."""
        versions = {"auto": (V5, V311), "5": (V5,), "3.1.1": (V311,)}[self._settings.version]
        if self._embedded is not None and self._embedded.engine == "nats":
            versions = versions[-1:]  # known to refuse MQTT 5, and to log an error each time
        for version in versions:
            connection = self._connection = MqttConnection(target, version, self._take, self._granted, self._end)
            try:
                await connection.open()
            except VersionRefusedError:
                self._close()
                if version == versions[-1]:
                    raise
            else:
                self._lost = None
                self._arrived.clear()
                self._note(connection)
                return connection
        raise AssertionError("there is always a last version")

    def _note(self, connection: MqttConnection) -> None:
        """Remember the session, or that the broker has lost it with everything it kept for us."""
        lost = not connection.session_present and "session" in self.memory
        if lost:
            self.count("session_lost")
        if not connection.session_present or "session" not in self.memory:
            self.memory["session"] = secrets.token_hex(4)
        if connection.version == V5:
            self.window = connection.target.window
        else:
            given = self._embedded.window if self._embedded else None
            self.window = self._settings.window or given or WINDOW_V311
        self._details = {
            "broker": str(connection.target.endpoint),
            "protocol": "MQTT 5" if connection.version == V5 else "MQTT 3.1.1",
            "session_present": connection.session_present,
            "window": self.window,
        }
        if lost:
            self._details["session_lost"] = True

    async def _subscribe(self, connection: MqttConnection) -> None:
        """Subscribe anew each time: the topics may have changed, and retained messages teach the formats again.

        The answer may come behind a queue of messages longer than what may wait here, so the first of either counts.
        """
        topics = self._settings.topics
        if not connection.shared_subscriptions and any(topic.startswith("$share/") for topic in topics):
            raise DriverError(
                f"{connection.target.endpoint} has no shared subscriptions: write the topics without $share",
                retryable=False,
            )
        connection.subscribe(topics)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._arrived.wait()
        except TimeoutError as error:
            raise DriverError(f"{connection.target.endpoint} does not answer a subscription") from error
        if self._lost is not None and not self._waiting:
            raise self._lost

    def _granted(self, codes: Sequence[int]) -> None:
        self._arrived.set()
        refused = [topic for topic, code in zip(self._settings.topics, codes, strict=False) if code >= 0x80]
        if refused:
            self.count("subscription_refused", len(refused))
            self._details["refused_topics"] = ", ".join(refused)
        if self._connection is not None and len(refused) == len(codes):
            self._connection.fail(
                DriverError(
                    f"{self._connection.target} may not subscribe to {', '.join(refused)}: allow it in the broker's "
                    "access list",
                    retryable=False,
                )
            )

    def _take(self, message: Publication) -> None:
        """In the reader's callback: keep the message, decide nothing."""
        topic, payload, message_id, redelivered, retained = message
        if message_id:
            if redelivered and self._is_held(message_id):
                return
            self._unacknowledged.add(message_id)
        try:
            name = topic.decode() if b"\0" not in topic else None  # MQTT 5, 1.5.4: neither is a string
        except UnicodeDecodeError:
            name = None
        size = len(payload)
        if size > MAX_PAYLOAD and not (name and is_discovery(name) and size <= MAX_DISCOVERY):
            payload = b""
        self._waiting.append(Arrival(name, payload, size, self._clock(), message_id, redelivered, retained))
        self._waiting_bytes += len(payload)
        self._arrived.set()
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES:
            self._connection.pause()  # type: ignore[union-attr]  # it is what called

    def _is_held(self, message_id: int) -> bool:
        """Is this the repetition of a message that this very connection has brought already?

        The standard lets a broker repeat only after a reconnect. The NATS server (2.15.1) does the opposite: it
        repeats whatever is unacknowledged after ``ack_wait``, on a living connection too, and after a reconnect
        no sooner. It sets DUP and keeps the message id, unless it was restarted itself: then the id is another.
        A repetition may also cross its own PUBACK, which is then repeated.
        """
        if message_id in self._unacknowledged:
            return True
        if message_id in self._acknowledged:
            self._connection.acknowledge([message_id])  # type: ignore[union-attr]  # it is what called
            return True
        return False

    def _end(self, error: DriverError) -> None:
        self._lost = error
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[Sequence[Delivery]]:
        return self

    async def __anext__(self) -> Sequence[Delivery]:
        """Everything that waits, at most 1,000; raises DriverError once nothing waits on a lost connection."""
        while not self._waiting:
            if self._lost is not None:
                raise self._lost
            self._arrived.clear()
            await self._arrived.wait()
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        self._waiting_bytes -= sum(len(arrival.payload) for arrival in batch)
        if self._connection is not None:
            self._connection.resume()
        return [self._deliver(arrival) for arrival in batch]

    def _deliver(self, arrival: Arrival) -> Delivery:
        topic, payload = arrival.topic, arrival.payload
        decoded = self._judge(arrival)
        receipt, token = None, None
        if arrival.message_id:
            receipt = Receipt(self._epoch, arrival.message_id)
            digest = blake2b(f"{topic}\0".encode() + payload, digest_size=8).hexdigest()
            token = f"{self.memory['session']}:{self._number(arrival.message_id)}:{digest}"
        return Delivery(
            decoded,
            arrival.received_at,
            topic if topic is not None else "",
            payload[:MAX_SAMPLE],
            receipt,
            token,
            arrival.redelivered,
            arrival.retained,
        )

    def _number(self, message_id: int) -> int:
        """The message's part of the token. The NATS server numbers anew what it repeats after a restart of its own,
        which the death of the daemon causes too, so that there the content alone has to do. (Killed, it even forgets
        the DUP of what it delivered in its last 0.1 s: that is stored twice where the device sends no time.)"""
        return 0 if self._embedded is not None and self._embedded.engine == "nats" else message_id

    def _judge(self, arrival: Arrival) -> Decoded:
        if arrival.topic is None:
            self.count("topic_not_utf8")
            return Decoded(Kind.NOISE, reason="the topic is not UTF-8, or has a NUL")
        if arrival.size > len(arrival.payload):
            self.count("too_large")
            return Decoded(Kind.NOISE, reason=f"{arrival.size} bytes are more than a reading can have; left unread")
        try:
            return self._decode(arrival.topic, arrival.payload, self.memory, self._hint(arrival.topic))
        except Exception:  # a decoder's fault must not come back with the message for ever
            log.exception("a format could not decode a message on %s", arrival.topic)
            self.count("decoder_failed")
            return Decoded(Kind.UNKNOWN, reason="the decoder failed; the log has the traceback")

    def _hint(self, topic: str) -> Hint:
        """What the configuration says of a topic: its first filter that fits."""
        if not self._settings.hints:
            return NO_HINT
        hint = self._hints.get(topic)
        if hint is None:
            if len(self._hints) >= MAX_HINTED:
                self._hints.clear()
            fitting = (hint for filter_, hint in self._settings.hints.items() if topic_matches_sub(filter_, topic))
            hint = self._hints[topic] = next(fitting, NO_HINT)
        return hint

    def acknowledge(self, receipts: Sequence[object]) -> None:
        """PUBACK these, in the order given; those of another connection are ignored.

        A late receipt of a lost connection would acknowledge whatever message has its id now, and lose it.
        """
        owed = [receipt for receipt in receipts if isinstance(receipt, Receipt)]
        mine = [receipt.message_id for receipt in owed if receipt.epoch == self._epoch]
        if len(mine) < len(owed):
            self.count("stale_receipt", len(owed) - len(mine))
        if self._connection is None:
            return
        self._connection.acknowledge(mine)
        self._unacknowledged.difference_update(mine)
        self._acknowledged.extend(mine)

    def details(self) -> Mapping[str, str | int | bool]:
        return self._details


def is_discovery(topic: str) -> bool:
    """Home Assistant's discovery: ``<prefix>/<component>/[<node>/]<object>/config``, whatever the prefix."""
    return topic.endswith("/config") and topic.count("/") >= 3


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise DriverError(f"password_file {path} cannot be read: {error}", retryable=False) from error
