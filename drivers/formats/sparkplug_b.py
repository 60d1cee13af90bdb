"""Sparkplug B: ``spBv1.0/<group>/<NDATA|DDATA|NBIRTH|…>/<edge>[/<device>]``, protobuf; ``STATE`` is JSON of a host.

Wire: a payload has a time and metrics; a metric has a name, or only an alias that the last BIRTH of its edge told, a
time, a datatype and a value. Births hold current values, too. NDEATH and DDEATH say that an edge or a device is gone.
The device is ``group/edge[/device]``; a metric's name is a path whose last parts name the quantity.
Units: a property ``engUnit``, ``Engineering Units`` or ``unit`` of the metric, told by the birth; else the
configuration's hint, °C and %. A degree makes a metric that is named by its place a temperature.
Failure: ``is_null``, a sentinel, NaN.
Source: Sparkplug 3.0.0 specification, chapters 4 to 6, and its sparkplug_b.proto; eclipse-tahu.

Sample: ``spBv1.0/STATE/primary-host`` ``{"online":true,"timestamp":1486144502122}``
Config: ``{type: mqtt, topics: ["spBv1.0/#"]}``
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from drivers.base import Availability, Decoded, Kind
from drivers.formats.availability import decode_document as decode_online
from drivers.formats.memory import keep
from drivers.formats.message import Hint, Message
from drivers.formats.names import (
    NO_NAME,
    derive_probe,
    names_another_quantity,
    read_model,
    read_name,
    refusal_around,
)
from drivers.formats.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, BrokenMessageError, fields
from drivers.formats.record import Collector, printable
from drivers.formats.timestamps import parse_epoch
from drivers.formats.topics import Topic
from drivers.formats.units import BY_UNIT, fits, read_unit
from drivers.formats.values import is_sentinel, settle

NAME = "sparkplug-b"
ALIASES = "sparkplug_aliases"
"""The memory's part: edge -> alias -> [name, unit], of metrics of ours and of others' names alike; where a birth told
the unit of a name without an alias, ``device:name`` stands for the alias."""
MOST_EDGES, MOST_ALIASES = 256, 512
_DATA = frozenset({"NDATA", "DDATA", "NBIRTH", "DBIRTH"})
_DEATHS = frozenset({"NDEATH", "DDEATH"})
_COMMANDS = frozenset({"NCMD", "DCMD"})
_TYPES = _DATA | _DEATHS | _COMMANDS
_TIMESTAMP, _METRICS = 1, 2
_M_NAME, _M_ALIAS, _M_TIMESTAMP, _M_DATATYPE, _M_IS_NULL, _M_PROPERTIES = 1, 2, 3, 4, 7, 9
_M_INT, _M_LONG, _M_FLOAT, _M_DOUBLE = 10, 11, 12, 13
_P_KEYS, _P_VALUES, _PV_STRING = 1, 2, 8
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
"""Datatypes Int8 to Int64: negative values are two's complement in an unsigned field."""
_UNIT_KEYS = frozenset({"engunit", "engunits", "engineering units", "engineeringunits", "unit", "units"})
_NO_READINGS = ("bdSeq", "Node Control/", "Device Control/", "Properties/", "Node Info/")


@dataclass(slots=True)
class _Metric:
    name: str = ""
    alias: int | None = None
    time: datetime | None = None
    datatype: int = 0
    is_null: bool = False
    value: float | None = None
    unit: str = ""


def claims(topic: Topic) -> bool:
    """Whether the topic is Sparkplug's, or the old one of a host's state."""
    return topic.levels[0] == "spBv1.0" or (topic.levels[0] == "STATE" and len(topic.levels) == 2)


def decode(message: Message) -> Decoded | None:
    """Read a Sparkplug message; None where the topic is not Sparkplug's."""
    levels = message.topic.levels
    if (len(levels) == 2 and levels[0] == "STATE") or (len(levels) == 3 and levels[:2] == ("spBv1.0", "STATE")):
        return _decode_state(message)
    if levels[0] != "spBv1.0" or len(levels) not in (4, 5) or levels[2] not in _TYPES:
        return None
    group, kind, edge = levels[1], levels[2], levels[3]
    device = printable("/".join((group, *levels[3:])))
    if kind in _COMMANDS:
        return Decoded(Kind.NOISE, NAME, reason="a command to an edge node or a device")
    if kind in _DEATHS:
        return Decoded(Kind.AVAILABILITY, NAME, (), Availability(device, online=False), f"{kind}: it is gone")
    try:
        time, metrics = _read_payload(message.payload)
    except BrokenMessageError as fault:
        return Decoded(Kind.ERROR, NAME, reason=f"no Sparkplug payload: {fault}")
    if kind.endswith("BIRTH"):
        _learn(message.memory, f"{group}/{edge}", device, metrics, anew=kind == "NBIRTH")
    return _readings(metrics, time, device, f"{group}/{edge}", message, birth=kind.endswith("BIRTH"))


def _decode_state(message: Message) -> Decoded:
    said = decode_online({"online": _online(message)}, None)
    if said is not None:
        return said._replace(format=NAME)
    return Decoded(Kind.NOISE, NAME, reason="the state of a host that says neither online nor offline")


def _online(message: Message) -> object:
    if isinstance(message.document, dict):
        return message.document.get("online")
    return {b"ONLINE": True, b"OFFLINE": False}.get(message.payload)


def _read_payload(payload: bytes) -> tuple[datetime | None, list[_Metric]]:
    time, metrics = None, []
    for number, kind, value in fields(payload):
        if number == _TIMESTAMP and kind == VARINT:
            time = parse_epoch(float(value))
        elif number == _METRICS and isinstance(value, bytes):
            metrics.append(_read_metric(value))
    return time, metrics


def _read_metric(data: bytes) -> _Metric:
    metric = _Metric()
    raw: int | None = None
    for number, kind, value in fields(data):
        if isinstance(value, int):
            if number == _M_ALIAS:
                metric.alias = value
            elif number == _M_TIMESTAMP:
                metric.time = parse_epoch(float(value))
            elif number == _M_DATATYPE:
                metric.datatype = value
            elif number == _M_IS_NULL:
                metric.is_null = bool(value)
            elif number in (_M_INT, _M_LONG):
                raw = value
        elif number == _M_NAME and kind == BYTES:
            metric.name = value.decode(errors="replace")
        elif number == _M_FLOAT and kind == FIXED32:
            metric.value = round(struct.unpack("<f", value)[0], 5)
        elif number == _M_DOUBLE and kind == FIXED64:
            metric.value = struct.unpack("<d", value)[0]
        elif number == _M_PROPERTIES and kind == BYTES:
            metric.unit = _read_unit(value)
    if raw is not None:
        bits = _SIGNED_BITS.get(metric.datatype)
        raw = raw & ((1 << bits) - 1) if bits else raw
        metric.value = float(raw - (1 << bits) if bits and raw >> (bits - 1) else raw)
    return metric


def _read_unit(data: bytes) -> str:
    """The unit among a metric's properties: keys and values are two lists of one order."""
    keys: list[str] = []
    values: list[bytes] = []
    for number, kind, value in fields(data):
        if kind == BYTES and isinstance(value, bytes):
            if number == _P_KEYS:
                keys.append(value.decode(errors="replace").lower())
            elif number == _P_VALUES:
                values.append(value)
    for key, inner in zip(keys, values, strict=False):
        if key in _UNIT_KEYS:
            told = next((v for n, _, v in fields(inner) if n == _PV_STRING and isinstance(v, bytes)), b"")
            return read_unit(told.decode(errors="replace")) or ""
    return ""


def _learn(memory: dict[str, Any], edge: str, device: str, metrics: list[_Metric], *, anew: bool) -> None:
    """What a birth tells of its edge's aliases; an edge's own birth begins anew."""
    known = {} if anew else dict(memory.get(ALIASES, {}).get(edge, {}))
    for metric in metrics:
        key = _key(metric, device)
        if metric.alias is None and not metric.unit:
            known.pop(key, None)
        elif metric.name and len(known) < MOST_ALIASES:
            known[key] = [printable(metric.name), metric.unit]
    if known or anew:
        keep(memory, ALIASES, edge, known, MOST_EDGES)


def _key(metric: _Metric, device: str) -> str:
    """Under which a birth is remembered: the alias is its edge's, a name its device's."""
    return str(metric.alias) if metric.alias is not None else f"{device}:{printable(metric.name)}"


def _readings(
    metrics: list[_Metric], time: datetime | None, device: str, edge: str, message: Message, *, birth: bool
) -> Decoded:
    aliases = message.memory.get(ALIASES, {}).get(edge, {})
    collector, unknown = Collector(), 0
    for metric in metrics:
        name, unit = metric.name, metric.unit
        told = aliases.get(_key(metric, device)) if not (name and unit) and aliases else None
        if told is not None and name in ("", told[0]):
            name, unit = told
        elif not name and metric.alias is not None:
            unknown += 1
            continue
        _take(collector, metric, name, unit, device, time, message.hint)
    if not collector.probes and birth:
        return Decoded(Kind.DISCOVERY, NAME, reason="a birth that names metrics, none of them of ours")
    if not collector.probes and unknown:
        return Decoded(
            Kind.UNKNOWN, NAME, reason=f"{unknown} metrics have only an alias: what it stands for is told by the birth"
        )
    nothing = Decoded(Kind.NOISE, NAME, reason="no metric of a quantity that sereno knows")
    return collector.decoded(NAME, "the metrics' names, or the names of their aliases, tell the quantities", nothing)


def _take(
    collector: Collector, metric: _Metric, name: str, unit: str, device: str, time: datetime | None, hint: Hint
) -> None:
    if name.startswith(_NO_READINGS):
        return
    parts = name.split("/")
    known = next((read for part in reversed(parts) if (read := read_name(part)).quantity), NO_NAME)
    if known.quantity is None and BY_UNIT.get(unit) == "temperature" and not any(map(names_another_quantity, parts)):
        known = read_name(f"{parts[-1]} temperature")
    quantity = known.quantity
    if quantity is None or known.refusal or any(refusal_around(part, quantity) for part in parts[:-1]):
        return
    value = metric.value
    if value is None and not metric.is_null:
        return
    failed = metric.is_null or value is None or not isfinite(value) or is_sentinel(quantity, value)
    unit = unit if unit and fits(quantity, unit) else known.unit or hint.unit_of(quantity)
    if not failed and value is not None:
        settled = settle(quantity, value, unit)
        if settled is None:
            return
        quantity, unit = settled
    collector.add(
        quantity,
        None if failed else value,
        unit,
        device=device,
        probe=derive_probe(name),
        name=None if len(parts) == 1 and known.bare else name,
        time=metric.time or time,
        model=next((model for part in parts if (model := read_model(part))), None),
    )
