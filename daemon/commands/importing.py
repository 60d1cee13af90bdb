"""``sereno import``: recordings into a running daemon through its REST door, so that they pass the same stages.

Any form that ``drivers.recording`` reads; a sensor's key is what the file calls it.
"""

import gzip
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from daemon.api.words import MAGNITUDES, QUANTITIES
from daemon.client import Client
from daemon.commands.console import err, say
from daemon.commands.listing import all_sensors
from daemon.errors import SerenoError
from daemon.sensors import type_of
from drivers.base import Reading
from drivers.recording import LONGEST_LINE, Malformed, Record, RecordingError, read

BATCH = 5_000
"""Readings of one POST: about 1 MiB, well below what the daemon takes."""
SHOWN_FAULTS = 10
"""Faults told one by one; the rest is counted."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Import:
    """One run: where the readings go, and what became of them so far."""

    client: Client
    zone: tzinfo | None
    prefix: str
    model: str
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def run(self, paths: Sequence[Path]) -> bool:
        """Import every file (``-``: standard input); True if nothing was refused. Raises SerenoError."""
        self.known.update(key for row in all_sensors(self.client) for key in (row["clave"], *row["claves"]))
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
            for path in paths:
                task = progress.add_task(path.name, total=path.stat().st_size if path.is_file() else None)
                for records, position in self._batches(path):
                    self._send(path, records)
                    progress.update(task, completed=position)
        self._tell()
        return not self.counts["malformed"] and not self.counts["rejected"]

    def _batches(self, path: Path) -> Iterator[tuple[list[Record], int]]:
        """Up to BATCH records at a time, with the position in the file (bytes as they lie on the disk)."""
        try:
            with ExitStack() as files:
                raw: IO[bytes] = sys.stdin.buffer if str(path) == "-" else files.enter_context(path.open("rb"))
                lines = cast("IO[bytes]", files.enter_context(gzip.open(raw))) if path.suffix == ".gz" else raw
                entries = read(_lines(lines), self.zone)
                while batch := list(islice(entries, BATCH)):
                    position = raw.tell() if raw.seekable() else 0
                    yield [record for entry in batch if (record := self._reading(path, entry))], position
        except (OSError, EOFError, zlib.error, RecordingError) as error:
            raise SerenoError(f"{path}: {getattr(error, 'strerror', None) or error}; {self._so_far()}") from error

    def _reading(self, path: Path, entry: Record | Malformed) -> Record | None:
        """The entry if it holds something to store."""
        if isinstance(entry, Malformed):
            self._fault("malformed", f"{path.name}:{entry.line}: {entry.reason}")
        elif not isinstance(entry.body, Reading):
            why = "a captured message, not a reading; a driver of type replay plays it"
            self._fault("malformed", f"{path.name}:{entry.line}: {why}")
        else:
            self.counts["failed reads"] += not entry.body.measurements
            return entry if entry.body.measurements else None
        return None

    def _send(self, path: Path, records: Sequence[Record]) -> None:
        if not records:
            return
        rows = [self._row(path, record) for record in records]
        answer = self.client.post("/api/v1/readings", rows)
        for outcome in ("stored", "duplicates"):
            self.counts[outcome] += answer[outcome]
        for refused in answer["rejected"]:
            line = records[refused["index"]].line
            self._fault("rejected", f"{path.name}:{line}: {refused['reason']}")

    def _row(self, path: Path, record: Record) -> dict[str, Any]:
        reading = cast("Reading", record.body)
        values = {measurement.quantity: measurement.value for measurement in reading.measurements}
        row: dict[str, Any] = {
            "clave": self._sensor(reading, path, values),
            "timestamp": (_EPOCH + timedelta(microseconds=record.time)).isoformat().replace("+00:00", "Z"),
        }
        if reading.sequence is not None:
            row["secuencia"] = reading.sequence
        row |= {MAGNITUDES[name]: value for name, value in values.items() if name in MAGNITUDES}
        others = {QUANTITIES[name]: value for name, value in values.items() if name not in MAGNITUDES}
        return row | {"otros": others} if others else row

    def _sensor(self, reading: Reading, path: Path, values: dict[str, float]) -> str:
        """The key of the reading's sensor, which is made if the daemon does not know it yet."""
        name = reading.device or path.name.split(".")[0]
        key = self.prefix + name + (f"#{reading.probe}" if reading.probe else "")
        if key not in self.known:
            body = {"tipo": type_of(values), "modelo": reading.model or self.model, "clave": key}
            self.client.post("/api/v1/sensors", body)
            self.known.add(key)
        return key

    def _fault(self, kind: str, text: str) -> None:
        self.counts[kind] += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append(text)

    def _so_far(self) -> str:
        return f"{self.counts['stored']} readings were stored so far, and importing again doubles nothing"

    def _tell(self) -> None:
        for fault in self.faults:
            say(fault, "yellow")
        if (more := self.counts["malformed"] + self.counts["rejected"] - len(self.faults)) > 0:
            say(f"… and {more} more", "yellow")
        words = ("stored", "duplicates", "rejected", "malformed", "failed reads")
        say(", ".join(f"{self.counts[word]} {word}" for word in words))


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of at most LONGEST_LINE bytes and one more; the rest of a longer one is skipped."""
    while line := file.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = file.readline(LONGEST_LINE + 1)
