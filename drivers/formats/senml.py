"""SenML (RFC 8428): an array of records on any topic, base fields first; also the first drafts' ``{"e":[…],"bn":…}``.

Wire: JSON. A record's name is ``bn`` + ``n``, its time ``bt`` + ``t``, its value ``bv`` + ``v``, its unit ``u`` or
``bu``; a base field holds until another replaces it. The device is the base name less its trailing separator
(``urn:dev:ow:10e2…:``), or the name less a last part that names a quantity (``…/temperature``, ``…:t`` in ``Cel``);
what ``n`` says beyond the quantity is the probe. A time below 2^28 is relative to now: of such values the newest is
read, without a time. Sums (``s``), texts, booleans and data are no values of ours; a field that ends in ``_`` and is
not known forbids the pack, as a version above 10 does. SenML in CBOR, XML and EXI is not read.
Units: ``Cel``, ``K``, ``%RH``, ``/`` (a ratio, 0 to 1), ``%EL``, ``Pa``, ``hPa``, ``mV``, ``ppm``, ``lx``; the unit
names the quantity where the name does not. ``V`` is a battery's only where the name says so.
Failure: a sentinel or null in ``v``.
Source: RFC 8428, RFC 8798, draft-jennings-senml-10.

Sample: ``sensors`` ``[{"bn":"urn:dev:ow:10e2073a01080063:","bt":1320078429,"n":"temp","u":"Cel","v":23.1},{"n":"rh","u":"%RH","v":48}]``
Config: ``{type: mqtt, topics: ["channels/+/messages"]}``
"""  # noqa: E501 - a sample is one line

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind
from drivers.formats.message import Message
from drivers.formats.names import (
    LONGEST_NAME,
    Name,
    derive_probe,
    names_another_quantity,
    read_letter,
    read_name,
    refusal_around,
)
from drivers.formats.record import MOST_VALUES, Collector
from drivers.formats.timestamps import parse_epoch
from drivers.formats.units import fits, read_unit
from drivers.formats.values import Failure, read_value, settle

NAME = "senml"
_VERSION = 10
_ABSOLUTE = 2**28
"""Seconds: what is below is relative to now (RFC 8428 section 4.5.3)."""
_MOST_RECORDS = 1_000
_LONGEST_NAME = 256
_BASE = ("bn", "bt", "bu", "bv")
_VALUES = ("v", "vs", "vb", "vd", "s")
_LABELS = frozenset({*_BASE, *_VALUES, "bs", "bver", "n", "u", "t", "ut"})
_BY_UNIT = {
    "°C": "temperature",
    "°F": "temperature",
    "K": "temperature",
    "%": "humidity",
    "hPa": "pressure",
    "lx": "illuminance",
    "%EL": "battery",
}
_SEPARATORS = ":/_;.-"
_SCHEME = re.compile(r"(?:urn:(?:dev(?::[a-z]+)?)?)?")
"""A base name that is but a namespace: the device's own name begins after it."""


def decode(message: Message) -> Decoded | None:
    """Read a pack of records; None where the payload is none."""
    records = _records(message.document)
    if records is None:
        return None
    if any(isinstance(record, dict) and _is_foreign(record) for record in records):
        return Decoded(
            Kind.UNKNOWN,
            NAME,
            reason="a field ending in _ or a newer version forbids whoever does not know it to read the pack",
        )
    collector = Collector()
    refusal = ""
    for one in _newest_of_relative(list(_resolved(records))):
        refusal = _take(one, message, collector) or refusal
    nothing = Decoded(Kind.NOISE, NAME, reason=refusal or "a pack without any number of ours")
    return collector.decoded(NAME, "each record names its value, its unit or both", nothing)


def _records(document: object) -> list[Any] | None:
    """The pack's records; the first drafts' object becomes a base record before its entries."""
    if isinstance(document, dict):
        entries = document.get("e")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries[:_MOST_RECORDS]):
            return None
        base = {key: value for key, value in document.items() if key in _BASE}
        return [base, *entries[:_MOST_RECORDS]] if base or _is_record(entries[0] if entries else None) else None
    if isinstance(document, list) and document and _is_record(document[0]):
        return document[:_MOST_RECORDS]
    return None


def _is_record(first: object) -> bool:
    if not isinstance(first, dict):
        return False
    if isinstance(first.get("bn"), str) or "bver" in first:
        return True
    return not first.keys() - _LABELS and not first.keys().isdisjoint(_VALUES) and not first.keys().isdisjoint("nu")


def _is_foreign(record: dict[str, Any]) -> bool:
    version = record.get("bver")
    if isinstance(version, int | float) and version > _VERSION:
        return True
    return any(key.endswith("_") for key in record)


class _Resolved(NamedTuple):
    """A record with its base fields worked in; ``relative`` seconds where the pack tells no absolute time."""

    base: str
    name: str
    unit: str
    value: object
    time: datetime | None
    relative: float


def _resolved(records: list[Any]) -> Iterator[_Resolved]:
    base, base_time, base_unit, base_value = "", 0.0, "", 0.0
    for record in records:
        if not isinstance(record, dict):
            continue
        base = _text(record, "bn", base)
        base_time = _number(record, "bt", base_time)
        base_unit = _text(record, "bu", base_unit)
        base_value = _number(record, "bv", base_value)
        if "v" not in record:
            continue
        value = record["v"]
        if base_value and isinstance(value, int | float) and not isinstance(value, bool):
            value = _sum(value, base_value)
        seconds = base_time + _number(record, "t", 0.0)
        absolute = seconds >= _ABSOLUTE
        time = _moment(seconds) if absolute else None
        relative = 0.0 if absolute else seconds
        yield _Resolved(base, _text(record, "n", ""), _text(record, "u", base_unit), value, time, relative)


def _text(record: dict[str, Any], key: str, otherwise: str) -> str:
    raw = record.get(key)
    return raw[:_LONGEST_NAME] if isinstance(raw, str) else otherwise


def _number(record: dict[str, Any], key: str, otherwise: float) -> float:
    raw = record.get(key)
    return float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) and abs(raw) < 1e18 else otherwise


def _sum(value: float, base: float) -> object:
    """``bv`` + ``v``, in the digits that both have: 20 + 1.2 is 21.2."""
    return round(float(value) + base, 9) if abs(value) < 1e15 else value


def _moment(seconds: float) -> datetime | None:
    """Of seconds alone: SenML knows no other scale, but devices that send milliseconds are understood."""
    return parse_epoch(seconds) if seconds >= _ABSOLUTE else None


def _newest_of_relative(resolved: list[_Resolved]) -> list[_Resolved]:
    """Without the older values of one name whose times are relative: none of them can be dated."""
    newest: dict[tuple[str, str, str], float] = {}
    for one in resolved:
        key = (one.base, one.name, one.unit)
        if one.time is None and one.relative > newest.get(key, float("-inf")):
            newest[key] = one.relative
    return [one for one in resolved if one.time is not None or one.relative >= newest[(one.base, one.name, one.unit)]][
        :MOST_VALUES
    ]


def _take(one: _Resolved, message: Message, collector: Collector) -> str:
    """Add a value; why it is none of ours, else ""."""
    unit, factor = _unit(one.unit)
    device, tail = _device_and_name(one.base, one.name, unit)
    what = _quantity(tail, one.unit, unit)
    refusal = what.refusal
    if what.quantity and not refusal:
        whole = f"{one.name} {what.quantity}"  # a name that became the device's may speak of a wish
        around = f"{device}/{tail}".replace(":", "/").split("/")[:-1]
        refusals = (read_name(whole[-LONGEST_NAME:]).refusal, *(refusal_around(part, what.quantity) for part in around))
        refusal = next(filter(None, refusals), "")
    if what.quantity is None or refusal:
        return f"{(tail or device)[:64]!r}: {refusal or 'no quantity of ours'}"
    quantity = what.quantity
    value, told = read_value(one.value, quantity)
    if value is None:
        return ""
    unit = told or unit or what.unit or message.hint.unit_of(quantity)
    number = None
    if not isinstance(value, Failure):
        settled = settle(quantity, value, unit)
        if settled is None:
            return f"{value:g} is no {quantity} that a sensor of ours would tell"
        (quantity, unit), number = settled, value * factor
    name = None if what.bare else tail
    collector.add(
        quantity,
        number,
        unit,
        device=device or message.topic.device,
        probe=what.probe if not _names(tail) and _is_letter_of(unit, tail) else derive_probe(name),
        name=name,
        time=one.time,
    )
    return ""


def _unit(text: str) -> tuple[str, float]:
    """A SenML unit's symbol, and what a figure in it is multiplied by."""
    if text in ("/", "/100"):
        return "%", 100.0 if text == "/" else 1.0
    return (read_unit(text) or "", 1.0) if text else ("", 1.0)


@lru_cache(maxsize=2048)
def _device_and_name(base: str, name: str, unit: str) -> tuple[str, str]:
    """The device, "" where the pack names none, and what is the value's own name, "" where it has none: a quantity's,
    or a letter of one that comes in ``unit``.
    """
    if name and base and not _SCHEME.fullmatch(base.rstrip(_SEPARATORS)):
        return base.strip("/").rstrip(_SEPARATORS), name.strip(_SEPARATORS)
    whole = (base + name).strip("/").rstrip(_SEPARATORS)
    for separators, told in (("/:;_.", _names_bare), ("/:", _names), ("/:;_.", partial(_is_letter_of, unit))):
        for separator in separators:
            before, found, last = whole.rpartition(separator)
            if found and told(last):
                return before.rstrip(_SEPARATORS), last
    return ("", whole) if (_names(whole) or _is_letter_of(unit, whole)) and ":" not in whole else (whole, "")


@lru_cache(maxsize=1024)
def _is_letter_of(unit: str, text: str) -> bool:
    """Whether a text is a letter of a quantity that comes in this unit, with a number at most: ``t``, ``h2``, ``p``."""
    if not unit:
        return False
    named = read_letter(text)
    if named.quantity is None:
        return text.lower() == _BY_UNIT.get(unit, " ")[0]
    return fits(named.quantity, unit) and (named.bare or named.remainder.isdecimal())


def _names(text: str) -> bool:
    return read_name(text).quantity is not None


def _names_bare(text: str) -> bool:
    return read_name(text).bare


def _quantity(tail: str, text: str, unit: str) -> Name:
    """What the name says; where it names none, what the unit does; a unit that does not fit the name refuses."""
    named = (read_letter(tail) if text else read_name(tail)) if tail else Name(bare=True)
    if named.quantity is not None:
        if text and (not unit or not fits(named.quantity, unit)):
            return Name(refusal=f"its unit {text[:16]!r} is none of {named.quantity}")
        if named.quantity == "battery_voltage" and "bat" not in tail.lower():
            return Name(refusal="a voltage that is not said to be a battery's")
        return named
    by_unit = (
        "battery" if text == "%EL" else "humidity" if text == "%RH" else _BY_UNIT.get(unit) if unit != "%" else None
    )
    if by_unit is None or names_another_quantity(tail):
        return Name()
    refusal = read_name(f"{tail} {by_unit}").refusal if tail else ""
    bare = tail.lower() in ("", by_unit[0])
    return Name(by_unit, "", "" if bare else tail, bare=bare, refusal=refusal)
