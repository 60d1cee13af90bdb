"""Recorded readings and recorded messages as they stand in files: lines in, records out, no I/O.

Three forms, told apart by the first line:

- long CSV, ``timestamp,sensor,quantity,value``: neighbouring rows of one sensor and moment are one reading;
- wide CSV, ``timestamp`` and a column per quantity (°C, %, and the units of ``drivers.base.QUANTITIES``), with
  ``sensor`` (or ``device``) and ``probe`` where there are several (both with ``sequence`` where devices count);
- NDJSON, an object a line: a captured MQTT message ``{"t", "topic", "payload"}`` (or ``"payload_b64"``; also
  ``"retained"``), a captured serial line ``{"t", "port", "line"}``, or a reading ``{"timestamp", "device", "probe",
  "temperature", "humidity", …}`` with ``"sequence"`` and ``"model"`` where known. ``t`` is a time as below.

An empty value, or one of the words and figures that mean "no value", is a failed read; but an empty cell of a wide row
is one only where the sensor gave that quantity together with the row's others before: in a table of several sensors
most cells belong to none. Times are ISO 8601 or an epoch in s, ms or µs; without a zone they are in the zone handed in.
"""

import base64
import binascii
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from drivers.base import QUANTITIES, Measurement, Reading
from drivers.formats.timestamps import parse_time
from drivers.formats.values import FAILED, read_value

LONGEST_LINE = 65_536
"""Bytes: a captured payload of 16 KiB, escaped, fits; what is longer is no row."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordingError(Exception):
    """The file is none of the forms this module reads."""


@dataclass(frozen=True, slots=True)
class Message:
    """A captured MQTT message."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A captured line, as it came through a port."""

    port: str
    line: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What was recorded at ``time`` (µs since 1970 UTC); ``line`` is the number of its last line in the file."""

    time: int
    line: int
    body: Reading | Message | SerialLine


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is no record, and why."""

    line: int
    reason: str


def read(lines: Iterable[bytes], zone: tzinfo | None, after: int = 0) -> Iterator[Record | Malformed]:
    """The records of a file's lines that come after line ``after``; raises RecordingError.

    Lines keep their ends and have at most ``LONGEST_LINE`` bytes and one more; ``zone`` None is this machine's.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (0, b""))
    first = first.removeprefix(b"\xef\xbb\xbf")
    if not first.strip():
        return iter(())
    rows = ((number, line) for number, line in numbered if number > after)
    if first.lstrip().startswith(b"{"):
        return _read_json(_with(first, rows, after), zone)
    columns = [cell.strip().lower() for cell in _cells(first)]
    if {"timestamp", "quantity", "value"} <= set(columns):
        return _join(_read_rows(rows, columns, zone, _long_row))
    if "timestamp" in columns and set(columns) & QUANTITIES.keys():
        return _read_rows(rows, columns, zone, _WideRows().read)
    raise RecordingError(
        "line 1 is neither a CSV header (timestamp,sensor,quantity,value or timestamp,temperature,humidity) nor a JSON "
        "object"
    )


def _with(first: bytes, rows: Iterator[tuple[int, bytes]], after: int) -> Iterator[tuple[int, bytes]]:
    if after < 1:
        yield 1, first
    yield from rows


def _read_rows(
    rows: Iterator[tuple[int, bytes]],
    columns: list[str],
    zone: tzinfo | None,
    read_row: Callable[[Mapping[str, str]], Reading],
) -> Iterator[Record | Malformed]:
    for number, line in rows:
        if not line.strip():
            continue
        try:
            cells = _cells(line)
            if len(cells) != len(columns):
                raise ValueError(f"{len(cells)} values where the header has {len(columns)}")  # noqa: TRY301
            row = dict(zip(columns, cells, strict=True))
            yield Record(_time(row["timestamp"], zone), number, read_row(row))
        except ValueError as fault:
            yield Malformed(number, str(fault))


def _cells(line: bytes) -> list[str]:
    text = _text(line)
    return next(csv.reader([text])) if '"' in text else text.split(",")


def _text(line: bytes) -> str:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} bytes")
    return line.decode().rstrip("\r\n")


def _time(raw: object, zone: tzinfo | None) -> int:
    moment = parse_time(raw)
    if moment is None or not 1970 < moment.year < 2100:
        raise ValueError(f"{str(raw)[:40]!r} is not a time between 1971 and 2100")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _long_row(row: Mapping[str, str]) -> Reading:
    quantity = row["quantity"].strip()
    if quantity not in QUANTITIES:
        raise ValueError(f"{quantity[:40]!r} is not a quantity; there are {', '.join(QUANTITIES)}")
    return _csv_reading(row, {quantity: row["value"]})


class _WideRows:
    """Rows with a column per quantity, told from those of other sensors by what each sensor gave at once so far."""

    def __init__(self) -> None:
        self._fullest: dict[tuple[str | None, str], frozenset[str]] = {}
        """By sensor, of which a file has as many as it has; one set each."""

    def read(self, row: Mapping[str, str]) -> Reading:
        cells = {name: row[name] for name in QUANTITIES if name in row}
        given = frozenset(name for name, cell in cells.items() if cell.strip())
        sensor = (_device(row), row.get("probe", ""))
        fullest = self._fullest.get(sensor, given)
        if len(given) >= len(fullest):
            self._fullest[sensor] = fullest = given
        expected = (fullest or cells.keys()) if given <= fullest else given
        return _csv_reading(row, {name: cells[name] for name in cells if name in expected})


def _csv_reading(row: Mapping[str, str], values: Mapping[str, str]) -> Reading:
    measurements, failed = _measured(values)
    return Reading(_device(row), row.get("probe", ""), measurements, failed, sequence=_sequence(row))


def _device(row: Mapping[str, str]) -> str | None:
    return row.get("sensor") or row.get("device") or None


def _sequence(row: Mapping[str, str]) -> int | None:
    text = row.get("sequence", "").strip()
    if not text:
        return None
    if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII):
        raise ValueError(f"sequence: {text[:40]!r} is not a whole number")
    return int(text)


def _measured(values: Mapping[str, object]) -> tuple[tuple[Measurement, ...], tuple[str, ...]]:
    """What was measured, and the quantities that were not: raises ValueError for what is neither."""
    measurements, failed = [], []
    for quantity, raw in values.items():
        value, unit = read_value(raw, quantity)
        if value is None or unit:
            raise ValueError(f"{quantity}: {str(raw)[:40]!r} is not a number of {QUANTITIES[quantity]}")
        if value is FAILED:
            failed.append(quantity)
        else:
            measurements.append(Measurement(quantity, value, QUANTITIES[quantity]))
    return tuple(measurements), tuple(failed)


def _join(records: Iterable[Record | Malformed]) -> Iterator[Record | Malformed]:
    """Put neighbouring rows of one sensor and moment together, each quantity once."""
    held: Record | None = None
    for record in records:
        if held is not None and (joined := _joined(held, record)) is not None:
            held = joined
            continue
        if held is not None:
            yield held
        held = record if isinstance(record, Record) else None
        if isinstance(record, Malformed):
            yield record
    if held is not None:
        yield held


def _joined(first: Record, second: Record | Malformed) -> Record | None:
    if isinstance(second, Malformed) or first.time != second.time:
        return None
    one, other = first.body, second.body
    if not isinstance(one, Reading) or not isinstance(other, Reading):
        return None
    if _whose(one) != _whose(other) or _quantities(one) & _quantities(other):
        return None
    reading = one._replace(measurements=one.measurements + other.measurements, failed=one.failed + other.failed)
    return Record(first.time, second.line, reading)


def _whose(reading: Reading) -> tuple[str | None, str, int | None]:
    return reading.device, reading.probe, reading.sequence


def _quantities(reading: Reading) -> set[str]:
    return {measurement.quantity for measurement in reading.measurements} | set(reading.failed)


def _read_json(rows: Iterator[tuple[int, bytes]], zone: tzinfo | None) -> Iterator[Record | Malformed]:
    for number, line in rows:
        if not line.strip():
            continue
        try:
            item = json.loads(_text(line))
            if not isinstance(item, dict):
                raise ValueError("not a JSON object")  # noqa: TRY301, TRY004 - one kind of fault, told by its line
            moment = item["t"] if "t" in item else item.get("timestamp")
            yield Record(_time(moment, zone), number, _body(item))
        except (ValueError, RecursionError) as fault:
            yield Malformed(number, str(fault))


def _body(item: Mapping[str, Any]) -> Reading | Message | SerialLine:
    if "topic" in item:
        return Message(_string(item, "topic"), _payload(item), item.get("retained") is True)
    if "line" in item:
        return SerialLine(_string(item, "port"), _string(item, "line").encode())
    return _json_reading(item)


def _payload(item: Mapping[str, Any]) -> bytes:
    if "payload_b64" not in item:
        return _string(item, "payload").encode()
    try:
        return base64.b64decode(_string(item, "payload_b64"), validate=True)
    except binascii.Error as fault:
        raise ValueError(f"payload_b64: {fault}") from fault


def _string(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key!r} is missing or no text")  # noqa: TRY004 - one kind of fault, told by its line
    return value


def _json_reading(item: Mapping[str, Any]) -> Reading:
    measurements, failed = _measured({name: item[name] for name in QUANTITIES if name in item})
    if not measurements and not failed:
        raise ValueError(f"none of topic, line and the quantities ({', '.join(QUANTITIES)}) is in it")
    sequence, model, device, probe = (item.get(key) for key in ("sequence", "model", "device", "probe"))
    return Reading(
        device if isinstance(device, str) and device else None,
        probe if isinstance(probe, str) else "",
        measurements,
        failed,
        sequence=sequence if isinstance(sequence, int) and not isinstance(sequence, bool) else None,
        model=model if isinstance(model, str) else None,
    )
