"""Emulated devices at work: each speaks when its time comes, over a pty or a broker connection of its own."""

import heapq
import logging
import os
import threading
import time
import tty
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drivers.clock import now_us
from drivers.emulate.devices import Arduino, Message, Publisher
from drivers.emulate.household import Emulated

log = logging.getLogger("sereno.emulate")

_OWN_CONNECTIONS = 20  # devices; more share one connection, without last wills
_UNSENT = 100  # QoS 1 messages of one device kept while a broker is away


class Wire(Protocol):
    """Where a device's reports go; ``sent`` counts messages or lines that left."""

    sent: int

    def report(self, emulated: Emulated, time: int) -> None: ...


class Line:
    """The far end of a serial cable: a pty behind a symlink, which the daemon opens as it opens a port."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self._master = self._slave = -1
        self.sent = 0

    def __enter__(self) -> Self:
        # The slave stays open here so that what the daemon sets on it outlives the daemon, as on a real port.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        self.write(Arduino("arduino", 2).start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)

    def report(self, emulated: Emulated, time: int) -> None:
        if isinstance(emulated.device, Arduino):
            self.write(emulated.device.report(emulated.sample(time)))

    def write(self, data: bytes) -> None:
        with suppress(BlockingIOError):  # nobody reads: a UART's bytes are gone then, too
            os.write(self._master, data)
            self.sent += 1


class Connection:
    """One broker connection, of one device or of many; paho's own thread keeps it and connects again."""

    def __init__(self, url: str, client_id: str, publishers: Sequence[Publisher]) -> None:
        self._url = urlsplit(url)
        self._publishers = publishers
        self.sent = 0
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.max_queued_messages_set(_UNSENT * len(publishers))
        self._client.reconnect_delay_set(1, 5)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail

    def __enter__(self) -> Self:
        if self._url.username:
            self._client.username_pw_set(unquote(self._url.username), unquote(self._url.password or ""))
        will = self._publishers[0].will() if len(self._publishers) == 1 else None
        if will is not None:
            self._client.will_set(will.topic, will.payload, will.qos, will.retained)
        self._client.connect_async(self._url.hostname or "127.0.0.1", self._url.port or 1883)
        self._client.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def report(self, emulated: Emulated, time: int) -> None:
        if isinstance(emulated.device, Publisher) and not (sample := emulated.sample(time)).silent:
            for message in (*emulated.device.chatter(sample, time), *emulated.device.report(sample, time)):
                self._publish(message)

    def _publish(self, message: Message) -> None:
        info = self._client.publish(message.topic, message.payload, message.qos, message.retained)
        self.sent += info.rc == paho.MQTT_ERR_SUCCESS

    def _on_connect(self, client: paho.Client, data: Any, flags: Any, reason: Any, properties: Any) -> None:  # noqa: ARG002
        if reason.is_failure:
            log.warning("the broker %s refuses the emulated device: %s", self._url.hostname, reason)
            return
        for publisher in self._publishers:
            for message in publisher.start():
                self._publish(message)

    def _on_connect_fail(self, client: paho.Client, data: Any) -> None:  # noqa: ARG002
        log.info("no broker at %s:%s yet", self._url.hostname, self._url.port or 1883)


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far the devices have come: ``samples`` reports fell due, ``sent`` messages and lines left."""

    samples: int
    sent: int


class Emulator:
    """A household at work between entering and leaving.

    ``url`` is ``mqtt://[user:password@]host[:port]``, needed where a device publishes; ``link`` is the symlink that
    the serial device's pty gets. Raises ValueError for a device without its wire.
    """

    def __init__(
        self,
        household: Sequence[Emulated],
        *,
        url: str | None = None,
        link: Path | None = None,
        clock: Callable[[], int] = now_us,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._household = household
        self._link = link
        self._url = url
        self._clock = clock
        self._monotonic = monotonic
        self._wires: dict[str, Wire] = {}
        self._open = ExitStack()
        self._samples = 0

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            publishers = [e.device for e in self._household if isinstance(e.device, Publisher)]
            shared = [publishers] if len(publishers) > _OWN_CONNECTIONS else [[publisher] for publisher in publishers]
            for group in shared:
                wire = opening.enter_context(self._connection(group))
                self._wires |= dict.fromkeys((publisher.name for publisher in group), wire)
            for emulated in self._household:
                if isinstance(emulated.device, Arduino):
                    self._wires[emulated.device.name] = opening.enter_context(self._line(emulated.device.name))
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def run(self, stop: threading.Event, seconds: float | None = None) -> None:
        """Let every device report in its own time, until ``stop`` is set or ``seconds`` are over."""
        begun = self._monotonic()
        count = len(self._household)
        due = [(begun + e.device.interval * number / count, number) for number, e in enumerate(self._household)]
        heapq.heapify(due)
        while due and not stop.is_set():
            moment, number = due[0]
            if seconds is not None and moment >= begun + seconds:
                stop.wait(max(0.0, begun + seconds - self._monotonic()))
                return
            if stop.wait(max(0.0, moment - self._monotonic())):
                return
            emulated = self._household[number]
            self._wires[emulated.device.name].report(emulated, self._clock())
            self._samples += 1
            # After a pause (a suspended machine) it goes on from now: no device catches up on what it did not say.
            late = moment + emulated.device.interval < self._monotonic() - 1
            heapq.heapreplace(due, ((self._monotonic() if late else moment) + emulated.device.interval, number))

    def outlook(self) -> Outlook:
        """How far it has come."""
        return Outlook(self._samples, sum(wire.sent for wire in {id(w): w for w in self._wires.values()}.values()))

    def _connection(self, group: Sequence[Publisher]) -> Connection:
        if self._url is None or urlsplit(self._url).scheme != "mqtt":
            raise ValueError(f"{self._url!r} is no broker for emulated devices; write mqtt://host:port")
        name = group[0].name if len(group) == 1 else f"emulated-{os.getpid()}"
        return Connection(self._url, name, group)

    def _line(self, name: str) -> Line:
        if self._link is None:
            raise ValueError(f"the serial device {name} needs a path for its port")
        return Line(self._link)
