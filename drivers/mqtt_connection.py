"""One paho client inside the running event loop, from connect to loss: sockets, timers, and what went wrong.

It moves packets and knows nothing of readings. A connection is used once; there is no reconnect in it.
"""

import asyncio
import logging
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

from drivers.base import DriverError
from drivers.mqtt_reach import CONNECT_TIMEOUT, Target, VersionRefusedError, reach, refused

V5, V311 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311

PACKETS_PER_TURN = 100
"""Packets read before the loop gets its turn: about 2 ms of paho."""

MAX_PACKET = 4 * 1024 * 1024
"""Bytes; an MQTT 5 broker is told to keep anything larger. Zigbee2MQTT's own lists are below it."""

_TAKEN_OVER = 0x8E
_PUBACK = struct.Struct("!BBH")

log = logging.getLogger(__name__)


class Publication(NamedTuple):
    """A PUBLISH as the broker sent it; ``message_id`` is 0 with QoS 0."""

    topic: bytes
    payload: bytes
    message_id: int
    redelivered: bool
    retained: bool


class _Client(paho.Client):
    """paho without its two costs: a ``connect`` that would block the loop, and an object of all properties that
    MQTT 5 knows for each message, which took half of the time and which nobody here asks for."""

    connected_socket: socket.socket | None = None
    on_publication: Callable[[Publication], None]

    def _create_socket(self) -> Any:
        return self.connected_socket

    def _handle_publish(self) -> MQTTErrorCode:
        """MQTT 5 and 3.1.1, section 3.3. Raises IndexError or ValueError where the packet is shorter than it says."""
        flags, packet = self._in_packet["command"], self._in_packet["packet"]
        position = 2 + (packet[0] << 8) + packet[1]
        topic, message_id, qos = bytes(packet[2:position]), 0, flags >> 1 & 3
        if qos > 1:
            return paho.MQTT_ERR_PROTOCOL  # QoS 1 is what was asked for
        if qos:
            message_id = (packet[position] << 8) + packet[position + 1]
            position += 2
        if self.protocol == V5:
            length, width = VariableByteIntegers.decode(packet[position : position + 4])  # type: ignore[no-untyped-call]
            position += width + length
        if position > len(packet) or (qos and not message_id):
            raise ValueError("a PUBLISH is shorter than it says, or has no message id")
        self.on_publication(Publication(topic, bytes(packet[position:]), message_id, bool(flags & 8), bool(flags & 1)))
        return paho.MQTT_ERR_SUCCESS


class MqttConnection:
    """A connection that hands every PUBLISH to ``on_message`` and says once, to ``on_lost``, why it ended.

    ``on_granted`` hears the reason code of each filter asked for (0x80 and above: refused).

    Exceptions of callbacks end the connection: paho would go on with a packet half handled, or not at all.
    """

    def __init__(
        self,
        target: Target,
        version: MQTTProtocolVersion,
        on_message: Callable[[Publication], None],
        on_granted: Callable[[Sequence[int]], None],
        on_lost: Callable[[DriverError], None],
    ) -> None:
        self.target = target
        self.version = version
        self.session_present = False
        self.shared_subscriptions = True
        self._on_message = on_message
        self._on_granted = on_granted
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._client = self._make_client()
        self._descriptor = -1
        self._paused = False
        self._ended = False
        self._packets = 0
        self._heard_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._last_error = ""

    def _make_client(self) -> "_Client":
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.target.client_id,
            clean_session=None if self.version == V5 else False,
            protocol=self.version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        if self.target.username is not None:
            client.username_pw_set(self.target.username, self.target.password)
        return client

    async def open(self) -> None:
        """Connect and wait for the broker's word; raises DriverError, or VersionRefusedError as a kind of it."""
        self._join_loop(await reach(self.target))
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._connected
        except TimeoutError as error:
            raise DriverError(
                f"{self.target.endpoint} takes connections but does not answer as an MQTT broker: "
                "is it one, and is this its port without websockets?"
            ) from error

    def _join_loop(self, sock: socket.socket) -> None:
        client, endpoint = self._client, self.target.endpoint
        # PUBACKs are many small writes: Nagle would hold them back until the broker's delayed TCP ack, 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.on_connect = self._connack
        client.on_subscribe = self._suback
        client.on_publication = self._publication
        client.on_disconnect = self._disconnected
        client.on_socket_close = self._leave_loop
        client.on_socket_register_write = self._want_write
        client.on_socket_unregister_write = self._no_write
        client.on_log = self._remember_error
        self._descriptor = sock.fileno()
        self._heard_at = self._loop.time()
        self._loop.add_reader(self._descriptor, self._readable)
        self._timer = self._loop.call_later(self.target.keepalive / 2, self._tick)
        client.connected_socket = sock
        client.connect(
            endpoint.host,
            endpoint.port,
            self.target.keepalive,
            clean_start=False if self.version == V5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=self._connect_properties(),
        )

    def _connect_properties(self) -> Properties | None:
        if self.version != V5:
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self.target.session_expiry
        properties.ReceiveMaximum = self.target.window
        properties.MaximumPacketSize = MAX_PACKET
        return properties

    def _leave_loop(self, _client: paho.Client, _userdata: Any, _sock: Any) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._descriptor = -1

    def _want_write(self, _client: paho.Client, _userdata: Any, _sock: Any) -> None:
        if self._descriptor >= 0:
            self._loop.add_writer(self._descriptor, self._writable)

    def _no_write(self, _client: paho.Client, _userdata: Any, _sock: Any) -> None:
        if self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)

    def _readable(self) -> None:
        """Read until the socket is empty, the turn is over or the driver has enough."""
        if self._ended or self._paused:
            return
        self._heard_at = self._loop.time()
        try:
            for _ in range(PACKETS_PER_TURN):
                before = self._packets
                self._client.loop_read()
                if self._packets == before or self._paused:
                    break
        except Exception as error:  # noqa: BLE001 - whatever a callback or paho raises on a packet ends the connection
            self.fail(_broken(error, self.target))
            return
        self._read_on_if_decrypted()

    def _read_on_if_decrypted(self) -> None:
        """TLS may hold packets that are decrypted already: the descriptor will not become readable for them."""
        sock = self._client.socket()
        if isinstance(sock, ssl.SSLSocket) and not self._paused and sock.pending():
            self._loop.call_soon(self._readable)

    def _writable(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 - as in _readable
            self.fail(_broken(error, self.target))

    def _tick(self) -> None:
        """Ping twice a keepalive, and take three silent ones of these for a lost broker.

        paho's own check counts a PINGRESP that lies unread behind a backlog as missing, so it is not used.
        """
        keepalive = self._client.keepalive or self.target.keepalive
        silent = self._loop.time() - self._heard_at
        if not self._paused and silent >= 1.5 * keepalive:
            self.fail(DriverError(f"{self.target.endpoint} has not been heard for {silent:.0f} s"))
            return
        self._client._send_pingreq()
        self._timer = self._loop.call_later(keepalive / 2, self._tick)

    def pause(self) -> None:
        """Stop reading: the broker's window and the socket's buffers hold what comes. Pings go on."""
        if not self._paused and self._descriptor >= 0:
            self._paused = True
            self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._descriptor >= 0:
            self._paused = False
            self._heard_at = self._loop.time()
            self._loop.add_reader(self._descriptor, self._readable)
            self._loop.call_soon(self._readable)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask for these filters with QoS 1; ``on_granted`` hears the answer, perhaps after the first messages."""
        self._client.subscribe([(topic, 1) for topic in topics])

    def acknowledge(self, message_ids: Sequence[int]) -> None:
        """Write a PUBACK for each, in the order given. Nothing happens once the connection is lost."""
        if message_ids and not self._ended:
            packets = b"".join(_PUBACK.pack(0x40, 2, message_id) for message_id in message_ids)
            # One write for all: paho's own ack() is one system call each.
            self._client._packet_queue(paho.PUBACK, packets, message_ids[-1], 1)

    def close(self) -> None:
        """Say good-bye, as far as the socket takes it at once, and let go. The broker keeps the session."""
        if not self._ended and self._client.is_connected():
            self._client.disconnect()
            self._client.loop_write()
        self._let_go()

    def _let_go(self) -> None:
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        self._connected.cancel()
        sock = self._client.socket()
        self._leave_loop(self._client, None, sock)
        if sock is not None:
            sock.close()

    def fail(self, error: DriverError) -> None:
        """End the connection, for this reason; nothing happens when it has ended already."""
        if self._ended:
            return
        if not self._connected.done():
            self._connected.set_exception(error)
            self._connected.exception()  # marks it as seen: perhaps nobody awaits it
        self._let_go()  # without a good-bye: paho would wait for the lock of the callback that this may run in
        self._on_lost(error)

    def _publication(self, message: Publication) -> None:
        self._packets += 1
        self._on_message(message)

    def _connack(
        self,
        client: paho.Client,
        _userdata: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        client.on_log = None  # formats every packet for its caller: for the handshake only
        if reason.is_failure:
            self.fail(refused(reason, self.target))
            return
        self.session_present = flags.session_present
        self.shared_subscriptions = bool(getattr(properties, "SharedSubscriptionAvailable", 1))
        if not self._connected.done():
            self._connected.set_result(None)

    def _suback(
        self, _client: paho.Client, _userdata: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        self._on_granted([reason.value for reason in reasons])

    def _disconnected(
        self, _client: paho.Client, _userdata: Any, flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        endpoint = self.target.endpoint
        if flags.is_disconnect_packet_from_server:
            text = f"{endpoint} ended the connection: {reason.getName()}"
            if reason.value == _TAKEN_OVER:
                text = (
                    f"another client connected to {endpoint} with the id {self.target.client_id}: "
                    "does a second sereno run from a copy of this state folder?"
                )
            self.fail(DriverError(text))
        elif not self._connected.done():
            self.fail(
                VersionRefusedError(
                    f"{endpoint} hung up before it answered{self._last_error}: is it an MQTT broker, "
                    "and does it want TLS (mqtts://) or a client certificate?"
                )
            )
        else:
            self.fail(DriverError(f"{endpoint} closed the connection or the network did"))

    def _remember_error(self, _client: paho.Client, _userdata: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._last_error = f" ({text})"


def _broken(error: Exception, target: Target) -> DriverError:
    """An exception out of paho or a callback; the traceback goes to the log, since it is a fault of a program."""
    log.error("the connection to %s ends for an exception", target.endpoint, exc_info=error)
    return DriverError(f"a packet from {target.endpoint} could not be handled: {type(error).__name__}: {error}")
