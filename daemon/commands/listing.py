"""Sensors and readings of a running daemon: list them; rename, limit, ignore, merge and split sensors."""

import math
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, Literal

import typer
from rich.text import Text

from daemon.client import Client, ClientError
from daemon.commands.console import local, now, number, out, plain, print_json, print_line, rows_table, span, tell
from daemon.commands.english import FIELDS, QUALITIES, QUANTITIES, STATES
from daemon.entities import UNKNOWN_MODEL
from daemon.errors import UsageError

LONG = 3600.0
"""Seconds that a merger may take: ten million readings are some five minutes."""

PAGE = 1000
"""Rows asked for at a time: the most that the daemon gives."""


def all_sensors(client: Client) -> Iterator[dict[str, Any]]:
    """Every sensor, newest first."""
    for page in client.pages("/api/v1/sensors", limit=PAGE):
        yield from page


def find_sensor(client: Client, wanted: str) -> dict[str, Any]:
    """The sensor of this id, key or name; raises ClientError where there is none, or more than one of the name."""
    if wanted.isdecimal():
        row: dict[str, Any] = client.get(f"/api/v1/sensors/{wanted}")
        return row
    found = client.get("/api/v1/sensors", clave=wanted)
    found = found or [row for row in all_sensors(client) if row["nombre"] == wanted]
    if not found:
        raise ClientError(f"there is no sensor {wanted!r}; `sereno sensors` lists ids, keys and names")
    if len(found) > 1:
        ids = ", ".join(str(row["id"]) for row in found)
        raise ClientError(f"several sensors are called {wanted!r}; give one of the ids {ids}")
    only: dict[str, Any] = found[0]
    return only


def names_of(client: Client) -> dict[int, str]:
    """What to call each sensor, by id."""
    return {row["id"]: row["nombre"] or row["clave"] or str(row["id"]) for row in all_sensors(client)}


def show_sensors(client: Client, *, as_json: bool) -> None:
    """All of them, oldest first."""
    rows = sorted(all_sensors(client), key=lambda row: row["id"])
    if as_json:
        print_json(rows)
        return
    moment = now()
    out.print(rows_table([_sensor_row(row, moment) for row in rows]))


def _sensor_row(row: dict[str, Any], moment: datetime) -> dict[str, str | Text]:
    return {
        ">id": str(row["id"]),
        "key": Text("\n").join(map(plain, [row["clave"] or "", *row["claves"]])),
        "name": plain(row["nombre"] or ""),
        "model": plain("" if row["modelo"] == UNKNOWN_MODEL else row["modelo"]),
        "!state": plain("ignored" if row["ignorado"] else STATES[row["estado"]]),
        ">age": _age(row["ultima_lectura"], moment),
        "!limits °C": _limits(row["temperatura_min"], row["temperatura_max"]),
        "!limits %": _limits(row["humedad_min"], row["humedad_max"]),
        "!offsets": _offsets(row["ajuste_temperatura"], row["ajuste_humedad"]),
    }


def _age(last: str | None, moment: datetime) -> str:
    return span((moment - datetime.fromisoformat(last)).total_seconds()) if last else "never"


def _limits(low: float | None, high: float | None) -> str:
    return "" if low is None and high is None else f"{number(low)}..{number(high)}"


def _offsets(temperature: float | None, humidity: float | None) -> str:
    return "" if not temperature and not humidity else f"{temperature or 0:+g} °C {humidity or 0:+g} %"


def change_sensor(client: Client, wanted: str, changes: dict[str, Any]) -> None:
    """Change fields of one sensor, and show what it is now."""
    row = find_sensor(client, wanted)
    changed = client.request("PATCH", f"/api/v1/sensors/{row['id']}", changes)[0]
    words = ", ".join(f"{FIELDS[name]} {'none' if changed[name] is None else changed[name]}" for name in changes)
    tell(f"sensor {changed['id']} ({changed['clave']}): {words}")


def limit(text: str) -> float | None:
    """A limit as typed: a number, or ``none`` for no limit; raises UsageError."""
    if text.lower() == "none":
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is not a limit; write a number or none")
    return value


def ignore(client: Client, wanted: str) -> None:
    """Take nothing more of a sensor; of a key that has none yet, one is made to be ignored."""
    try:
        row = find_sensor(client, wanted)
    except ClientError:
        if "/" not in wanted:
            raise
        row = _make(client, wanted, "otros")
    client.post(f"/api/v1/sensors/{row['id']}/ignore", {})
    tell(f"{row['clave']} is ignored: what its device says is not taken (sereno sensors allow {row['clave']})")


def merge(client: Client, wanted: str, into: str, *, sure: bool) -> None:
    """Make one sensor part of another, once a person is sure."""
    source, target = find_sensor(client, wanted), find_sensor(client, into)
    if not sure:
        question = f"Make {source['clave']} part of {target['clave']}? Its history and its device become the other's"
        typer.confirm(question, abort=True, err=True)
    with closing(Client(client.url, client.token, timeout=LONG)) as patient:
        merged = patient.post(f"/api/v1/sensors/{source['id']}/merge", {"destino_id": target["id"]})
    tell(f"{source['clave']} is part of sensor {merged['id']} ({merged['clave']}) now", "green")


def split(client: Client, key: str) -> None:
    """Let the device of a further key be a sensor of its own again."""
    row = find_sensor(client, key)
    if key not in row["claves"]:
        further = ", ".join(row["claves"])
        has = f"its further keys are {further}" if further else "it has no further keys"
        raise ClientError(f"{key!r} is not one of the keys merged into sensor {row['id']}: {has}")
    client.post(f"/api/v1/sensors/{row['id']}/split", {"clave": key})
    tell(f"{key} is no longer part of sensor {row['id']}: its device registers anew; what came by it stays")


def allow(client: Client, key: str) -> None:
    """Take what an ignored sensor says again, or let a deleted key in by making its sensor anew."""
    if key not in client.get("/api/v1/status")["kept_out"]:
        row = find_sensor(client, key)
        if not row["ignorado"]:
            raise ClientError(f"{key!r} is neither ignored nor kept out: `sereno sensors` says who is")
        client.post(f"/api/v1/sensors/{row['id']}/allow", {})
        tell(f"{row['clave']} is heard again", "green")
        return
    row = _make(client, key, "temperatura_humedad")
    tell(f"{key} is back as sensor {row['id']}: what its device says is taken again", "green")


def _make(client: Client, key: str, kind: str) -> dict[str, Any]:
    """A sensor of a key that has none, called as one that registers itself is: by its device and probe."""
    device, _, probe = key.partition("/")[2].partition("#")
    name = " ".join(filter(None, (device.replace("%23", "#").replace("%25", "%"), probe))) or key
    body = {"tipo": kind, "modelo": UNKNOWN_MODEL, "clave": key, "nombre": name}
    row: dict[str, Any] = client.post("/api/v1/sensors", body)
    return row


def show_readings(
    client: Client, sensor: str | None, since: str | None, until: str | None, limit: int, *, as_json: bool
) -> None:
    """The newest ``limit`` readings, newest first."""
    sensor_id = find_sensor(client, sensor)["id"] if sensor else None
    rows = list(readings(client, sensor_id, since, until, limit))
    if as_json:
        for row in rows:
            print_line(row)
        return
    names = names_of(client)
    out.print(rows_table([_reading_row(row, names) for row in rows]))


def _reading_row(row: dict[str, Any], names: dict[int, str]) -> dict[str, str | Text]:
    others = ", ".join(f"{QUANTITIES.get(name, name)} {value:g}" for name, value in row["otros"].items())
    return {
        "!time": local(row["timestamp"]),
        "sensor": plain(names.get(row["sensor_id"], row["sensor_id"])),
        ">°C": number(row["temperatura"]),
        ">%": number(row["humedad"]),
        "others": plain(others),
        "!quality": plain(QUALITIES[row["calidad"]], "" if row["calidad"] == "ok" else "yellow"),
        "driver": plain(row["fuente"] or ""),
    }


def readings(
    client: Client,
    sensor_id: int | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    precision: Literal["ms", "us"] = "ms",
) -> Iterator[dict[str, Any]]:
    """Readings, newest first; ``since`` ≤ t < ``until`` in RFC 3339; ``limit`` None: all there are."""
    left = limit
    page_size = PAGE if limit is None else min(PAGE, limit)
    query = {"sensor_id": sensor_id, "desde": since, "hasta": until, "limit": page_size, "precision": precision}
    for page in client.pages("/api/v1/readings", **query):
        yield from page[:left]
        if left is not None:
            left -= len(page)
            if left <= 0:
                return
