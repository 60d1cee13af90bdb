"""``sereno tail``: follow a channel live, one line an event.

A lost connection is resumed after the last event seen; where the daemon's log no longer reaches back, it says so.
"""

import json
import random
import time
from typing import Any

from rich.text import Text
from websockets.exceptions import ConnectionClosed

from daemon.client import Client, ClientError
from daemon.commands.console import local, number, out, plain, print_line, say
from daemon.commands.listener import next_text, reason_of

_COLOURS = {
    "sensor": "blue",
    "lectura": "",
    "ubicacion": "cyan",
    "anomalia": "red",
    "prediccion": "magenta",
    "info": "dim",
    "warning": "yellow",
    "error": "bold red",
}
_OVER = {1008, 1013}
"""Close codes after which trying again would not help: refused, or told to stay away."""


def tail(client: Client, channels: str, sensor_id: int | None, names: dict[int, str], *, as_json: bool) -> None:
    """Print events until Ctrl-C. Raises ClientError where the daemon refuses; waits for one that went away."""
    since: int | None = None
    pause = 0.5
    connected, told = False, ""
    while True:
        try:
            with client.listen(channels, sensor_id=sensor_id, since=since) as connection:
                json.loads(next_text(connection.recv))
                connected, pause, told = True, 0.5, ""
                for text in connection:
                    since = _show(json.loads(text), names, as_json=as_json) or since
            reason = "the daemon closed the connection"
        except ConnectionClosed as end:
            if end.rcvd is not None and end.rcvd.code in _OVER:
                raise ClientError(reason_of(end)) from end
            reason = reason_of(end)
        except ClientError as error:
            if not connected or error.status is not None:
                raise
            reason = str(error)
        if reason != told:
            say(f"{reason}; trying again", "yellow")
        told = reason
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter, so that clients do not return all at once
        pause = min(pause * 2, 5.0)


def _show(event: dict[str, Any], names: dict[int, str], *, as_json: bool) -> int | None:
    if event.get("entity_type") == "sensor":
        names[event["entity_id"]] = event["data"].get("nombre") or event["data"].get("clave") or str(event["entity_id"])
    if as_json:
        print_line(event)
    else:
        out.print(line(event, names), soft_wrap=True)
    return event.get("id")


def line(event: dict[str, Any], names: dict[int, str]) -> Text:
    """One event as one line."""
    text = Text(f"{local(event.get('timestamp'))}  ", style="dim")
    if event.get("type") != "entity_event":
        level = event.get("level", "info")
        return text.append_text(
            plain(
                f"{level:<8} {event.get('message_en') or event.get('message') or event.get('detail') or ''}",
                _COLOURS[level],
            )
        )
    kind, data = event["entity_type"], event["data"]
    sensor_id = event["entity_id"] if kind == "sensor" else data.get("sensor_id")
    name = names.get(sensor_id, f"sensor {sensor_id}")
    words = f"{kind:<10} {event['event_type']:<8} {name}  {_values(kind, data)}"
    return text.append_text(plain(words, _COLOURS.get(kind, "")))


def _values(kind: str, data: dict[str, Any]) -> str:
    match kind:
        case "lectura":
            parts = [f"{number(data['temperatura'])} °C"] if data.get("temperatura") is not None else []
            parts += [f"{number(data['humedad'])} %"] if data.get("humedad") is not None else []
            parts += [f"{name} {value:g}" for name, value in (data.get("otros") or {}).items()]
            return "  ".join(parts + ([data["calidad"]] if data.get("calidad") not in (None, "ok") else []))
        case "anomalia":
            return f"{data['tipo']} {data['estado']}: {data['explicacion']}"
        case "prediccion":
            interval = f"{number(data['inferior'])}..{number(data['superior'])}"
            return f"{data['magnitud']} {number(data['valor'])} ({interval}) {local(data['fecha_prediccion'])}"
        case "ubicacion":
            return f"{data['latitud']}, {data['longitud']}  {data.get('descripcion') or ''}"
    return f"{data.get('clave') or ''}  {data.get('estado') or ''}"
