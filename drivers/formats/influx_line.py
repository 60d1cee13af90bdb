r"""InfluxDB line protocol: ``<measurement>[,<tag>=<value>…] <field>=<value>[,…] [<time>]`` on any topic.

Wire: one point a line, ``#`` begins a comment; space, comma and = are escaped with ``\`` in names and tags, texts are
quoted, integers end in ``i`` or ``u``. Precision is not told: s, ms, µs and ns are told apart by size. Fields name
their quantities; ``value`` is of the quantity that the measurement, or a tag such as ``type``, names, and Home
Assistant's measurement is the unit. The device is the first of the tags ``device``, ``mac`` and their like, ``id``,
``node``, ``sensor_id``, ``entity_id``, ``sensor``, ``source``, ``station``, ``topic``, ``name``, then a place
(``room``, ``location``, ``zone``, ``area``, ``site``), then ``host``, which Telegraf adds to every line that it
collects; else the topic. ``probe``, ``channel``, ``port``, and ``sensor`` beside a device, tell its probes apart; of
points without any tag the measurement does; other tags tell nothing of whose a value is. A computer's own heat
(``cpu``, ``coretemp``, a ``chip`` tag …) is no reading.
Units: by the field's name; °C and % without.
Failure: ``nan`` and its like, a sentinel.
Source: docs.influxdata.com line protocol reference; telegraf outputs/mqtt, inputs/mqtt_consumer, temp, sensors.

Sample: ``home/influx`` ``home,room=Living\ Room temp=21.1,hum=35.9,co=0i 1641024000``
Config: ``{type: mqtt, topics: ["telegraf/#"]}``
"""

import re
from collections.abc import Mapping
from typing import Any

from drivers.base import Decoded, Kind
from drivers.formats.generic_json import NO_NUMBERS, Body, decode_bodies
from drivers.formats.message import NO_DOCUMENT, Message
from drivers.formats.names import LONGEST_NAME, read_name
from drivers.formats.timestamps import parse_epoch
from drivers.formats.topics import read_topic
from drivers.formats.units import read_unit
from drivers.formats.values import FAILURE_WORDS
from drivers.formats.words import words

NAME = "influx"
_LONGEST = 256 * 1024
_MOST_POINTS = 256
_MOST_FIELDS = 64
_KEY = r"(?:[^\s,=\\\"]|\\.)++"
_VALUE = r'(?:"(?:[^"\\]|\\.)*+"|[^\s,"=]++)'
_POINT = re.compile(
    rf"(?P<measurement>{_KEY})(?P<tags>(?:,{_KEY}={_KEY})*+) +(?P<fields>{_KEY}={_VALUE}(?:,{_KEY}={_VALUE})*+)"
    r"(?: +(?P<time>-?[0-9]{1,20}))? *"
)
_TAG = re.compile(rf",({_KEY})=({_KEY})")
_FIELD = re.compile(rf"({_KEY})=({_VALUE})")
_ESCAPED = re.compile(r"\\([,= \\\"])")
_NUMBER = re.compile(r"([+-]?(?:[0-9]{1,20}\.?[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,3})?)[iu]?")
_PLAIN = re.compile(r"[^\W\d][\w./-]*")
"""A measurement's name where neither tags nor a time say that the line is a point: no label with a colon."""

_DEVICE_TAGS = (
    *words(
        """device device_id deviceid device_name devicename dev_eui deveui dev_id mac address addr id uid uuid node
        node_id nodeid sensor_id sensorid entity_id sensor sensor_node sensor_name sensorname source station
        station_id topic name friendly_name"""
    ),
    *words("room location place zone area site position building"),
    *words("host hostname"),
)
_LABEL_TAGS = ("friendly_name", "device_name", "name")
_PROBE_TAGS = tuple(words("probe probe_id channel port sensor sensor_name"))
_QUANTITY_TAGS = tuple(words("type quantity metric kind measurement sensor_type device_class field property"))
_VALUE_FIELDS = frozenset(words("value val v reading degrees"))
_MACHINES = frozenset(
    words(
        """cpu gpu disk diskio thermal hddtemp system smart_device smart_attribute nvidia_smi ipmi_sensor amd_rocm_smi
        forecast weather_forecast"""
    )
)
_MACHINE_TAGS = frozenset({"chip", "cpu", "gpu", "disk", "device_model"})
_CHIPS = re.compile(
    r"(?:coretemp|k10temp|zenpower|cpu|gpu|acpitz|nvme|pch_|iwlwifi|drivetemp|radeon|amdgpu|nouveau|soc|x86_pkg|nct6|it8)",
    re.IGNORECASE,
)
"""How a computer's own thermometers are called, and what foretells instead of measuring."""


def decode(message: Message) -> Decoded | None:
    """Read points; None where the first line is none, or might as well be a labelled text."""
    if message.document is not NO_DOCUMENT or message.broken or b"=" not in message.payload:
        return None
    text = message.text if len(message.payload) <= _LONGEST else None
    if text is None:
        return None
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    points = [line for line in lines if not line.startswith("#")]
    if not points:
        return Decoded(Kind.NOISE, NAME, reason="comments only")
    matches = [match for match in map(_POINT.fullmatch, points[:_MOST_POINTS]) if match is not None]
    told = any(match["tags"] or match["time"] for match in matches)
    if not matches or not (told or _is_bare_point(points[0])):
        return None
    untagged = {match["measurement"] for match in matches if not match["tags"]}
    bodies = [body for match in matches if (body := _body(match, message.topic.device, len(untagged) > 1)) is not None]
    if not bodies:
        return Decoded(Kind.NOISE, NAME, reason="a computer's own heat, or what foretells, is no reading")
    decoded = decode_bodies(bodies, NAME, "fields or measurements name the quantities", message.hint)
    if decoded.readings:
        return decoded
    if not told:
        return None
    if decoded.kind is Kind.UNKNOWN or decoded.reason == NO_NUMBERS:
        return decoded._replace(reason="a point, but none of its fields names a quantity that sereno knows")
    return decoded


def _is_bare_point(line: str) -> bool:
    """Whether a line without tags and time is surely a point: one field may be a label's (``Office temp=21.5``)."""
    match = _POINT.fullmatch(line)
    return match is not None and "," in match["fields"] and bool(_PLAIN.fullmatch(match["measurement"]))


def _body(match: re.Match[str], topic_device: str | None, measurement_tells: bool) -> Body | None:
    """A point's fields as an object, and whose they are; None where they are a computer's own.

    ``measurement_tells``: of several points without tags, the measurements alone tell the series apart.
    """
    measurement = _plain(match["measurement"])
    tags = {_plain(key).lower(): _plain(value) for key, value in _TAG.findall(match["tags"])[:_MOST_FIELDS]}
    if _is_machine(measurement, tags):
        return None
    key = next((key for key in _DEVICE_TAGS if key in tags), None)
    probe = next((tags[other] for other in _PROBE_TAGS if other in tags and other != key), "")
    if measurement_tells and not tags and read_name(measurement).quantity is None:
        probe = measurement
    label = next((tags[other] for other in _LABEL_TAGS if other in tags and other != key), None)
    fields = {_plain(name): _value(raw) for name, raw in _FIELD.findall(match["fields"])[:_MOST_FIELDS]}
    return Body(
        _document(measurement, tags, fields),
        (read_topic(tags[key]).device if key == "topic" else tags[key]) if key else topic_device,
        probe,
        parse_epoch(int(match["time"])) if match["time"] else None,
        label,
        (measurement,),
    )


def _is_machine(measurement: str, tags: Mapping[str, str]) -> bool:
    """A computer's thermometer, a forecast, a wish, or what Home Assistant says of anything but a sensor."""
    if not _MACHINE_TAGS.isdisjoint(tags) or measurement.lower() in _MACHINES:
        return True
    if any(read_name(f"{tags[tag]} temperature"[:LONGEST_NAME]).refusal for tag in _QUANTITY_TAGS if tag in tags):
        return True  # type=setpoint
    return tags.get("domain", "sensor") != "sensor" or bool(_CHIPS.match(tags.get("sensor", "")))


def _document(measurement: str, tags: Mapping[str, str], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields; ``value`` alone becomes a record of the metric that the measurement or a tag names."""
    value = next((name for name in fields if name.lower() in _VALUE_FIELDS), None)
    unit = read_unit(tags.get("unit", "")) or read_unit(measurement)
    if value is None:
        return {**fields, "unit": unit} if unit else fields
    document: dict[str, Any] = {"value": fields[value]}
    if unit or "unit" in tags:
        document["unit"] = unit or tags["unit"]
    telling = (
        measurement,
        *(tags[key] for key in _QUANTITY_TAGS if key in tags),
        read_topic(tags.get("topic", "")).telling,
    )
    metric = next((one for one in telling if read_name(one).quantity is not None), None)
    if metric is not None:
        document["metric"] = metric
    elif (named := read_name(tags.get("entity_id", ""))).quantity is not None and not named.refusal:
        document["metric"] = named.quantity  # the entity is the device: the rest of its name is no probe
    return document


def _plain(name: str) -> str:
    return _ESCAPED.sub(r"\1", name) if "\\" in name else name


def _value(raw: str) -> float | str | bool | None:
    """A field's number, text or boolean; None (a failed read) for a word that stands for no number."""
    if raw.startswith('"'):
        return _plain(raw[1:-1])
    number = _NUMBER.fullmatch(raw)
    if number is not None:
        return float(number[1])
    return None if raw.lower() in FAILURE_WORDS else raw.lower() in ("t", "true")
