"""``sereno tester``: the document's ``websocket_tester.py`` and its five options, against a real daemon.

Each round changes things over REST and checks that every change arrives on the WebSocket, once and quickly. What the
test made it deletes again.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.prompt import FloatPrompt, Prompt

from daemon.client import Client, ClientError
from daemon.commands.console import local, out, plain, table, tell
from daemon.commands.listener import Listener

ARRIVES_WITHIN = 5.0
"""Seconds until an event counts as lost."""
CHANNELS = "general,sensors,readings"
"""Several at once: an event that came twice would show."""

MENU = """\
[bold]Sereno: prueba de WebSocket / WebSocket test[/bold]

  1. Prueba única                          one test
  2. Pruebas continuas (5 minutos)         tests for 5 minutes
  3. Pruebas continuas personalizadas      tests for as long as you like
  4. Enviar evento de prueba               send a test event
  5. Ver estadísticas                      who is connected
  0. Salir                                 quit
"""


@dataclass(slots=True)
class Tally:
    """What became of the changes made so far; latencies in s, from the request to the event's arrival."""

    latencies: list[float] = field(default_factory=list)
    missing: int = 0
    repeated: int = 0

    @property
    def good(self) -> bool:
        return not self.missing and not self.repeated


class Round:
    """A test sensor and its readings, followed over one WebSocket."""

    def __init__(self, client: Client, listener: Listener, tally: Tally) -> None:
        self.client = client
        self.listener = listener
        self.tally = tally
        self.sensor_id = 0
        self.reading = 0

    def create_sensor(self) -> None:
        body = {"tipo": "temperatura", "modelo": "DHT22", "nombre": "sereno tester"}
        self.sensor_id = self._change("sensor", "created", lambda: self.client.post("/api/v1/sensors", body))["id"]

    def create_reading(self) -> None:
        """A plausible one: within the accuracy of a DHT22 around a slow wave."""
        wave = math.sin(self.reading / 20)
        self.reading += 1
        body = {
            "sensor_id": self.sensor_id,
            "temperatura": round(22.5 + 1.5 * wave, 1),
            "humedad": round(55 - 5 * wave, 1),
        }
        self._change("lectura", "created", lambda: self.client.post("/api/v1/readings", body))

    def rename_sensor(self) -> None:
        path, body = f"/api/v1/sensors/{self.sensor_id}", {"nombre": "sereno tester (renamed)"}
        self._change("sensor", "updated", lambda: self.client.request("PUT", path, body)[0])

    def delete_sensor(self) -> None:
        path = f"/api/v1/sensors/{self.sensor_id}"
        self._change("sensor", "deleted", lambda: self.client.request("DELETE", path)[0], self.sensor_id)
        self.sensor_id = 0

    def _change(self, entity: str, event: str, request: Callable[[], Any], entity_id: int = 0) -> Any:
        began = time.monotonic()
        row = request()
        wanted_id = entity_id or row["id"]

        def wanted(message: dict[str, Any]) -> bool:
            named = (message.get("entity_type"), message.get("event_type"), message.get("entity_id"))
            return named == (entity, event, wanted_id)

        arrivals = self.listener.wait(wanted, ARRIVES_WITHIN)
        label = f"{entity} {event} (id {wanted_id})"
        if not arrivals:
            self.tally.missing += 1
            why = self.listener.closed or f"nothing within {ARRIVES_WITHIN:.0f} s"
            tell(f"  ✗ {label}: {why}", "red")
            return row
        latency = arrivals[0].at - began
        self.tally.latencies.append(latency)
        out.print(plain(f"  ✓ {label}", "green").append(f"  {latency * 1000:.0f} ms", style="dim"))
        return row


@contextmanager
def _round(client: Client, tally: Tally) -> Iterator[Round]:
    with Listener(client, CHANNELS) as listener:
        tell(f"  conectado / connected: {listener.greeting.get('channel')}", "dim")
        test = Round(client, listener, tally)
        try:
            test.create_sensor()
            yield test
        finally:
            if test.sensor_id:
                test.delete_sensor()
            tally.repeated = listener.repeated()


def once(client: Client) -> bool:
    """One sensor created, read, renamed, deleted; True if every event arrived once."""
    tally = Tally()
    with _round(client, tally) as test:
        test.create_reading()
        test.rename_sensor()
    return _verdict(tally)


def continuous(client: Client, minutes: float, interval: float) -> bool:
    """One reading every ``interval`` seconds for ``minutes``; Ctrl-C ends it early, with its summary."""
    tally = Tally()
    began = time.monotonic()
    with _round(client, tally) as test:
        try:
            for count in range(max(1, math.ceil(minutes * 60 / interval))):
                time.sleep(max(0.0, began + count * interval - time.monotonic()))
                test.create_reading()
        except KeyboardInterrupt:
            out.print()
    return _verdict(tally)


def _verdict(tally: Tally) -> bool:
    times = sorted(tally.latencies)
    summary = f"{len(times)} eventos recibidos / events arrived"
    if times:
        slow = times[min(len(times) - 1, math.ceil(0.95 * len(times)) - 1)]
        summary += f": {median(times) * 1000:.0f} ms median, {slow * 1000:.0f} ms at 95 %"
    if tally.missing:
        summary += f"; {tally.missing} perdidos / missing"
    if tally.repeated:
        summary += f"; {tally.repeated} repetidos / repeated"
    tell(summary, "green" if tally.good else "bold red")
    return tally.good


def send_event(client: Client, channel: str, message: str) -> None:
    """Send a test event and say who can have seen it: those who were there before it."""
    channels = client.get("/api/v1/ws/stats")["channels"]
    client.post("/api/v1/ws/test-event", channel=channel, message=message)
    listening = sum(channels.get(name, {}).get("connections", 0) for name in dict.fromkeys((channel, "general")))
    tell(f"✓ {message!r} → {channel}", "green")
    if listening:
        tell(f"  {listening} client{'s' if listening > 1 else ''} listening there or on general", "dim")
    else:
        tell("  nobody is listening there now; `sereno tail` would show it", "yellow")


def try_event(client: Client, channel: str, message: str) -> bool:
    """Listen on a channel, send a test event there, and see it arrive; True if it did."""
    with Listener(client, channel) as listener:
        before = listener.settle(ARRIVES_WITHIN)
        began = time.monotonic()
        client.post("/api/v1/ws/test-event", channel=channel, message=message)

        def wanted(event: dict[str, Any]) -> bool:
            return event.get("type") == "system_event" and event["message"] == message and event["id"] not in before

        arrivals = listener.wait(wanted, ARRIVES_WITHIN)
        why = listener.closed or f"nothing within {ARRIVES_WITHIN:.0f} s"
    if not arrivals:
        tell(f"✗ {message!r} → {channel}: {why}", "red")
        return False
    tell(f"✓ {message!r} → {channel}: {(arrivals[0].at - began) * 1000:.0f} ms", "green")
    return True


def statistics(client: Client) -> None:
    """Who is connected to which channel, and since when."""
    stats = client.get("/api/v1/ws/stats")
    if not stats["channels"]:
        tell("nadie está conectado / nobody is connected", "dim")
        return
    made = table("canal / channel", ">conexiones", "usuario / user", "desde / since")
    for name, channel in stats["channels"].items():
        for index, user in enumerate(channel["users"]):
            first = (name, str(channel["connections"])) if index == 0 else ("", "")
            made.add_row(*first, plain(user["user_id"] or "-"), local(user["connected_at"]))
    out.print(made)


def menu(client: Client) -> bool:
    """The five options until the person quits; True if no test failed."""
    good = True
    while True:
        out.print(MENU)
        try:
            choice = Prompt.ask("Opción / option", choices=list("123450"), console=out)
            if choice == "0":
                return good
            good = _chosen(client, choice) and good
        except ClientError as error:
            tell(str(error), "red")
            good = False
        except (EOFError, KeyboardInterrupt):
            out.print()
            return good


def _chosen(client: Client, choice: str) -> bool:
    match choice:
        case "1":
            return once(client)
        case "2":
            return continuous(client, minutes=5, interval=10)
        case "3":
            minutes = FloatPrompt.ask("Minutos / minutes", default=5.0, console=out)
            interval = FloatPrompt.ask("Segundos entre lecturas / seconds between readings", default=10.0, console=out)
            if minutes <= 0 or interval <= 0:
                tell("más que 0, por favor / more than 0, please", "yellow")
                return True
            return continuous(client, minutes, interval)
        case "4":
            channel = Prompt.ask("Canal / channel", default="general", console=out)
            return try_event(client, channel, Prompt.ask("Mensaje / message", default="Prueba", console=out))
        case _:
            statistics(client)
    return True
