"""CSV: rows of values whose columns a header line names once.

Wire: ``DHT11#1 H,DHT11#1 T`` then ``20,21``; commas, semicolons, tabs, or commas and tabs at once. A column is read by
its title, less its quantity: the rest names the probe. A title that names a time is the row's time. Without a header
the columns are unknown, and nothing is read, humidity first being as common as temperature first, unless the
configuration names them: ``columns: [humidity, temperature]`` (``-`` skips one; spaces may separate them then).
Units: in the title or beside the value; without, the configuration's ``temperature_unit``, else °C; %.
Failure: ``ERROR``, ``nan``, -999 in a column. A row with a word such as ``OK`` in a quantity's column does not fit its
header and is not read.
Source: DHTlib, DHTNew and DHTesp examples.

Sample: ``Humidity (%),Temperature (C)`` ``45.2,23.1``
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
from drivers.formats.units import default_unit
from drivers.formats.values import Failure, is_failure_word, parse_number, read_text, settle

NAME = "csv"
HEADER = "csv_header"
"""The memory's part that this format fills: the titles of the last header seen."""
SKIPPED = "-"
"""A configured column that is not read."""
MOST_COLUMNS = 64
_FIRST = Decoded(Kind.NOISE, NAME, reason="the connection's first row, whose beginning may be missing")
_NAMELESS = (
    "figures without names, and no header line was seen that fits them: name them in the configuration,"
    " as in columns: [humidity, temperature]"
)
_FIGURE = re.compile(r"^[+-]?[0-9]|[0-9][.][0-9]")
_NUMBERED = re.compile(r"\s[0-9]+\s?[°*']?[CF%]?$")
_WORD = re.compile(r"[^\W\d_]{2,16}")
"""What stands in a figure's place if a row has other columns than its header: ``OK``."""
_ANY_SEPARATOR = re.compile(r"\s*[,;\t|](?:\s*[,;\t|])*\s*")


def decode(line: str, state: LineState) -> Decoded | None:
    """Learn a header, or read a row by the one that was learned; None where the line is neither."""
    if line.lstrip()[:1] in ("{", "["):
        return None
    if state.columns and (configured := _read_configured(line, state)) is not None:
        return configured
    titles = _split(line)
    if not 2 <= len(titles) <= MOST_COLUMNS:
        return None
    if _is_header(titles, line):
        state.memory[HEADER] = titles
        return Decoded(Kind.NOISE, NAME, reason="a header that names the columns")
    header = state.memory.get(HEADER)
    fields = _fit(line, len(header)) if isinstance(header, list) else None
    numbers = sum(parse_number(field) is not None or is_failure_word(field) for field in titles)
    if header is not None and fields is not None:
        if state.first:
            return _FIRST
        return _read_row(header, fields, state.temperature_unit)
    if numbers == len(titles):
        return Decoded(Kind.UNKNOWN, NAME, reason=_NAMELESS)
    return None


def _read_configured(line: str, state: LineState) -> Decoded | None:
    """A row by the configuration's titles; None where the line is none: it has a header's or a sentence's words."""
    fields = _fit(line, len(state.columns))
    if fields is None and len(words := line.split()) == len(state.columns):
        fields = words
    if fields is None:
        return None
    told = [
        read_text(field, "temperature")[0]
        for title, field in zip(state.columns, fields, strict=True)
        if field and read_letter(title).quantity is not None
    ]
    if not told or None in told:
        return None
    if state.first:
        return _FIRST
    return _read_row(state.columns, fields, state.temperature_unit, "the configuration names the columns")


def _split(line: str) -> list[str]:
    return _ANY_SEPARATOR.split(line.strip().strip(",;|"))


def is_title(title: str) -> bool:
    """Whether a column so titled is read: a quantity that is a measurement, or the row's time."""
    name = read_letter(title)
    return (name.quantity is not None and not name.refusal) or read_key(title).role is Role.TIME


def _fit(line: str, columns: int) -> list[str] | None:
    """The fields, by whichever separator gives as many as the header has; an empty field stays in its place.

    The comma comes last: it may be the decimals'.
    """
    for separator in (";", "\t", ","):
        fields = line.strip(" \r\n").split(separator)
        if len(fields) == columns:
            return [field.strip(" ," if separator == "\t" else None) for field in fields]
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


def _read_row(
    header: Sequence[str], fields: Sequence[str], temperature_unit: str, reason: str = "the header names the columns"
) -> Decoded | None:
    collector = Collector()
    moment, device = _time_of(header, fields), _named_by(header, fields)
    for title, field in zip(header, fields, strict=True):
        name = read_letter(title)
        if name.quantity is None or name.refusal:
            continue
        value, told = read_text(field, name.quantity)
        if value is None and _WORD.fullmatch(field) and failed_quantities(field) is None:
            return Decoded(
                Kind.UNKNOWN, NAME, reason=f"{field!r} stands in the column {title!r}: the row does not fit its header"
            )
        if value is None:
            continue
        quantity, unit, number = name.quantity, told or name.unit, None
        unit = unit or default_unit(quantity, temperature_unit)
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
            device=device,
            probe=derive_probe(column),
            name=column,
            time=moment,
            model=read_model(title),
        )
    return collector.decoded(NAME, reason) if collector.probes else None


_NAMING = (Role.DEVICE, Role.ID, Role.PROBE, Role.PLACE)


def _named_by(header: Sequence[str], fields: Sequence[str]) -> str | None:
    """Whose row it is, by the column that tells best. An integer ``id`` may number the rows, a part names no device."""
    for wanted in _NAMING:
        for title, field in zip(header, fields, strict=True):
            if read_key(title).role is not wanted or not 0 < len(field) <= LONGEST_NAME or read_model(field):
                continue
            if wanted is not Role.ID or not field.isdecimal():
                return field
    return None


def _time_of(header: Sequence[str], fields: Sequence[str]) -> datetime | None:
    for title, field in zip(header, fields, strict=True):
        if read_key(title).role is Role.TIME:
            return parse_time(field)
    return None
