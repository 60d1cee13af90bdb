"""``sereno export``: stored readings as a file that ``sereno import``, the replay driver and the backtest read."""

import csv
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from daemon.api.words import QUANTITIES_IN
from daemon.client import Client
from daemon.commands.console import say
from daemon.commands.english import QUALITIES
from daemon.commands.listing import PAGE, all_sensors, readings
from daemon.errors import SerenoError
from drivers.base import QUANTITIES

Form = Literal["long", "wide", "ndjson"]
Row = dict[str, Any]


def export(
    client: Client, target: Path, form: Form, sensor_id: int | None, since: str | None, until: str | None
) -> None:
    """Write the readings to ``target`` (``-``: standard output; ``.gz`` is compressed), oldest first.

    Times are exact to the microsecond: they are the rows' keys, by which an import knows them again.
    """
    rows = [row for row in all_sensors(client) if sensor_id in (None, row["id"])]
    keys = {row["id"]: row["clave"] or f"sensor-{row['id']}" for row in rows}
    models = {row["id"]: row["modelo"] for row in rows}
    count = 0
    found: set[str] = set()
    rows_found = (_plain(row, keys, models) for row in readings(client, sensor_id, since, until, None, "us"))
    with _oldest_first(_noting(rows_found, found)) as ordered, _writing(target) as file:
        writer = _WRITERS[form](file, [name for name in (*QUANTITIES, "sequence") if name in found])
        for row in ordered:
            writer.write(row)
            count += 1
    say(f"{count - writer.left_out} readings exported" + (f", {writer.left_out} left out" if writer.left_out else ""))
    if writer.left_out:
        say(f"({writer.why_left_out})", "dim")


def _noting(rows: Iterable[Row], found: set[str]) -> Iterator[Row]:
    """The same rows, noting which quantities occur, and ``sequence`` where a device counts: they become columns."""
    for row in rows:
        found.update(row["values"])
        if row["sequence"] is not None:
            found.add("sequence")
        yield row


def _plain(row: Row, keys: dict[int, str], models: dict[int, str]) -> Row:
    """A row of the wire in the words of ``drivers.base``."""
    values = {"temperature": row["temperatura"], "humidity": row["humedad"]}
    values |= {QUANTITIES_IN.get(name, name): value for name, value in row["otros"].items()}
    return {
        "timestamp": row["timestamp"],
        "device": keys.get(row["sensor_id"], f"sensor-{row['sensor_id']}"),
        "model": models.get(row["sensor_id"]),
        "sequence": row["secuencia"],
        "quality": QUALITIES[row["calidad"]],
        "values": {name: value for name, value in values.items() if value is not None},
    }


class Writer(Protocol):
    """One form of file. What a form cannot hold is counted in ``left_out``."""

    why_left_out: str
    left_out: int

    def write(self, row: Row) -> None: ...


class LongCsv:
    """``timestamp,sensor,quantity,value``: what models and scorers read; with ``sequence`` where a device counts."""

    why_left_out = "readings marked invalid teach a model nothing; --format wide and ndjson keep them"

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self.left_out = 0
        self._csv = csv.writer(file, lineterminator="\n")
        self._quantities = [name for name in columns if name in QUANTITIES]
        self._further = [name for name in columns if name not in QUANTITIES]
        self._csv.writerow(["timestamp", "sensor", "quantity", "value", *self._further])

    def write(self, row: Row) -> None:
        if row["quality"] == "invalid":
            self.left_out += 1
            return
        known = [(name, row["values"][name]) for name in self._quantities if name in row["values"]]
        further = [row[name] for name in self._further]
        self._csv.writerows([row["timestamp"], row["device"], name, value, *further] for name, value in known)


class WideCsv:
    """``timestamp,sensor,`` a column per quantity, ``sequence`` where a device counts, and the quality."""

    why_left_out = "their only quantities have no column; --format ndjson keeps them"

    def __init__(self, file: IO[str], columns: Sequence[str]) -> None:
        self.left_out = 0
        self._csv = csv.writer(file, lineterminator="\n")
        self._columns = columns
        self._csv.writerow(["timestamp", "sensor", *columns, "quality"])

    def write(self, row: Row) -> None:
        if not row["values"].keys() & set(self._columns):
            self.left_out += 1
            return
        cells = {"sequence": row["sequence"], **row["values"]}
        self._csv.writerow(
            [row["timestamp"], row["device"], *(cells.get(name) for name in self._columns), row["quality"]]
        )


class Ndjson:
    """One JSON object a line, with everything."""

    why_left_out = ""

    def __init__(self, file: IO[str], _columns: Sequence[str]) -> None:
        self.left_out = 0
        self._file = file

    def write(self, row: Row) -> None:
        flat = {name: value for name, value in row.items() if name != "values" and value is not None} | row["values"]
        self._file.write(json.dumps(flat, ensure_ascii=False, separators=(",", ":")) + "\n")


_WRITERS: Mapping[Form, Callable[[IO[str], Sequence[str]], Writer]] = {
    "long": LongCsv,
    "wide": WideCsv,
    "ndjson": Ndjson,
}


@contextmanager
def _oldest_first(newest_first: Iterable[Row]) -> Iterator[Iterator[Row]]:
    """Turn a stream round, by way of a temporary file: the memory it takes does not grow with the readings."""
    with tempfile.TemporaryFile() as spool:
        chunks: list[tuple[int, int]] = []
        for page in _pages(newest_first):
            data = json.dumps(page).encode()
            chunks.append((spool.tell(), len(data)))
            spool.write(data)
        yield (row for page in _pages_back(spool, chunks) for row in reversed(page))


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _pages_back(spool: IO[bytes], chunks: Sequence[tuple[int, int]]) -> Iterator[list[Row]]:
    for offset, length in reversed(chunks):
        spool.seek(offset)
        yield json.loads(spool.read(length))


@contextmanager
def _writing(target: Path) -> Iterator[IO[str]]:
    """Text to a file that is there whole or not at all, or to standard output."""
    if str(target) == "-":
        with open(1, "w", encoding="utf-8", newline="", closefd=False) as file:
            yield file
        return
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("wb") as raw:
            packed = gzip.GzipFile(fileobj=raw, mode="wb") if target.suffix == ".gz" else raw
            with io.TextIOWrapper(packed, encoding="utf-8", newline="") as file:
                yield file
        draft.replace(target)
    except OSError as error:
        raise SerenoError(f"{target} cannot be written: {error.strerror}; check path, rights and space") from error
    finally:
        draft.unlink(missing_ok=True)
