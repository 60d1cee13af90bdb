"""CSV: rows of values whose columns a header line names once.

Wire: ``DHT11#1 H,DHT11#1 T`` then ``20,21``; commas, semicolons, tabs, or commas and tabs at once. A column is read by
its title, less its quantity: the rest names the probe. A title that names a time is the row's time. Without a header
the columns are unknown, and nothing is read: humidity first is as common as temperature first.
Units: in the title; °C and % without.
Failure: ``ERROR``, ``nan``, -999 in a column.
Source: DHTlib, DHTNew and DHTesp examples.

Sample: ``Humidity (%),Temperature (C)`` / ``45.2,23.1``
Config: ``{type: serial, port: /dev/ttyUSB0, format: csv}``
"""

import re
from collections.abc import Sequence
from datetime import datetime

from drivers.base import Decoded, Kind
from drivers.formats.failures import failed_quantities
from drivers.formats.json_keys import Role, read_key
from drivers.formats.line import LineState
from drivers.formats.names import LONGEST_NAME, derive_probe, read_letter, read_model
from drivers.formats.record import Collector
from drivers.formats.timestamps import parse_time
from drivers.formats.values import Failure, is_failure_word, parse_number, read_text, settle

NAME = "csv"
HEADER = "csv_header"
"""The memory's part that this format fills: the titles of the last header seen."""
_MOST_COLUMNS = 64
_FIGURE = re.compile(r"^[+-]?[0-9]|[0-9][.][0-9]")
_NUMBERED = re.compile(r"\s[0-9]+\s?[°*']?[CF%]?$")
_ANY_SEPARATOR = re.compile(r"\s*[,;\t|](?:\s*[,;\t|])*\s*")


def decode(line: str, state: LineState) -> Decoded | None:
    """Learn a header, or read a row by the one that was learned; None where the line is neither."""
    if line.lstrip()[:1] in ("{", "["):
        return None
    titles = _split(line)
    if not 2 <= len(titles) <= _MOST_COLUMNS:
        return None
    if _is_header(titles, line):
        state.memory[HEADER] = titles
        return Decoded(Kind.NOISE, NAME, reason="a header that names the columns")
    header = state.memory.get(HEADER)
    fields = _fit(line, len(header)) if isinstance(header, list) else None
    numbers = sum(parse_number(field) is not None or is_failure_word(field) for field in titles)
    if header is not None and fields is not None:
        if state.first:
            return Decoded(Kind.NOISE, NAME, reason="the connection's first row, whose beginning may be missing")
        return _read_row(header, fields)
    if numbers == len(titles):
        return Decoded(Kind.UNKNOWN, NAME, reason="figures without names: no header line was seen that fits them")
    return None


def _split(line: str) -> list[str]:
    return _ANY_SEPARATOR.split(line.strip().strip(",;|"))


def _fit(line: str, columns: int) -> list[str] | None:
    """The fields, by whichever separator gives as many as the header has; an empty field stays in its place."""
    for separator in (",", ";", "\t"):
        fields = line.strip(" \r\n").split(separator)
        if len(fields) == columns:
            return [field.strip() for field in fields]
    fields = _split(line)
    return fields if len(fields) == columns else None


def _is_header(titles: Sequence[str], line: str) -> bool:
    """All words, and one of them a quantity's. ``Temp 21, Hum 45`` is a row of labels, ``Temp 1, Temp 2`` is none."""
    if any(len(title) > LONGEST_NAME or parse_number(title) is not None or _FIGURE.search(title) for title in titles):
        return False
    told = [read_letter(title).quantity for title in titles]
    if any(_NUMBERED.search(title) for title in titles) and len(set(told)) == len(told):
        return False
    if any(char in line for char in "=:{}") or failed_quantities(line) is not None:
        return False
    return any(quantity is not None for quantity in told)


def _read_row(header: Sequence[str], fields: Sequence[str]) -> Decoded | None:
    collector = Collector()
    moment = _time_of(header, fields)
    for title, field in zip(header, fields, strict=True):
        name = read_letter(title)
        if name.quantity is None or name.refusal:
            continue
        value, told = read_text(field, name.quantity)
        if value is None:
            continue
        quantity, unit, number = name.quantity, told or name.unit, None
        if not isinstance(value, Failure):
            settled = settle(quantity, value, unit)
            if settled is None:
                continue
            quantity, unit = settled
            number = value
        column = name.remainder or None
        collector.add(
            quantity,
            number,
            unit,
            device=None,
            probe=derive_probe(column),
            name=column,
            time=moment,
            model=read_model(title),
        )
    return collector.decoded(NAME, "the header names the columns") if collector.probes else None


def _time_of(header: Sequence[str], fields: Sequence[str]) -> datetime | None:
    for title, field in zip(header, fields, strict=True):
        if read_key(title).role is Role.TIME:
            return parse_time(field)
    return None
