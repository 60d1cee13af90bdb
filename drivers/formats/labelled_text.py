"""Labelled text: lines that name their values, as most sketches print them, in many languages.

Wire: ``Humidity: 45.2 % Temperature: 23.1 °C``, ``temp=-0.6, humi=44.1``, ``T:24.5 H:50.1``, ``OK: 19 *C, 31
H``; labels before or after; one line a record or one a quantity. A sensor may be named before its values (``Sensor 2
data:``, ``DHT22 #1: T=…``).
Units: beside the value or in its label, °F repeating °C; without, the
configuration's ``temperature_unit``, else °C; and %.
Failure: ``nan``, a sentinel (-999, -127), or a sentence (``Failed to read from DHT``).
Source: DHTlib, DHTNew, SimpleDHT, DHTesp, OneWire examples; sketches in Arduino forum threads.

Sample: ``Humedad: 54.30%   Temperatura: 26.20°C``
Config: ``{type: serial, port: /dev/ttyUSB0, baudrate: 115200}``
"""

import re

from drivers.base import Decoded, Kind, Reading
from drivers.formats.failures import failed_quantities
from drivers.formats.labels import Labelled, scan
from drivers.formats.line import LineState
from drivers.formats.message import Message
from drivers.formats.names import derive_probe, read_model
from drivers.formats.record import Collector, merged, printable
from drivers.formats.subjects import read_heading, read_subject
from drivers.formats.units import default_unit
from drivers.formats.values import Failure, settle
from drivers.formats.vocabulary import MODELS

NAME = "text"
_LONGEST_MESSAGE = 1024
_MOST_LINES = 16
"""A device's report in text; what is longer is a log or a page."""
_PARTS = "|".join(MODELS)
_NOUN = "sensor|probe|sonda|sonde|fühler|zone|zona|channel|canal|node|nodo"
_SENSOR = rf"(?:(?:{_NOUN})|(?:{_PARTS})[0-9]{{0,4}}[a-z]?)\s?[#_-]?\s?[0-9]{{1,3}}"
_PREFIX = re.compile(rf"\s*(?P<name>{_SENSOR})\s?(?:[:>|,]|->|-\s)\s*(?=[^\s\d.+-])", re.IGNORECASE)
_WHO = (
    r"(?:node|nodo|device|dispositivo|dev|sensor|sonda|sonde|name|nombre|nom|nome|station|estacion|estación|location|place"
    r"|room|zone|zona|lugar|ubicacion|ubicación|sala|habitacion|habitación|cuarto|ort|raum|zimmer|standort|pièce|piece"
    r"|lieu|stanza|luogo|id)\s*[=:]\s*"
)
_NAMED = re.compile(
    rf"\s*{_WHO}(?P<name>[^\W\d_][\w-]{{0,31}}(?:\s[\w-]{{1,31}}){{1,2}}(?=\s*[,;|\t])|[^\W\d_][\w-]{{0,31}}"
    r"|[0-9]{1,4}(?=[\s,;]+[A-Za-z]))[\s,;|]+(?=[^\W\d])",
    re.IGNORECASE,
)
"""``node=garage temp=11.3``: who the rest of the line is of."""
_NAMED_LAST = re.compile(
    rf"[\s,;|]{_WHO}(?P<name>[^\W\d_][\w-]{{0,31}}(?:\s[\w-]{{1,31}}){{0,2}}|[0-9]{{1,3}})\s*$", re.IGNORECASE
)
"""``T=21.5, H=40, node=3``."""
_GLUED = re.compile(r"[0-9][A-Z][a-z]{2,}\s*[:=]|[0-9]\.[0-9]+\.[0-9]+\s?(?:[°*]?\s?[CF]\b|%)")
"""Two lines in one, or a figure with two points: the line is garbled, and so may be any of its figures."""
_ANNOUNCED = re.compile(
    rf"\W*(?P<name>{_SENSOR})(?:\s+(?:data|readings?|values?|datos|werte))?\s*:?\s*$", re.IGNORECASE
)

_ABBREVIATED = re.compile(r"\b(max|min|abs|rel|hum|temp|tmp|ext|int|avg|med|prom|moy)\.(?=\s)", re.IGNORECASE)
_PERCENT_FIRST = re.compile(r"(?<=[:=\s])%\s?([0-9]{1,3}(?:[.,][0-9]+)?)(?![0-9])")
_ELIDED = re.compile(r"\b(?:[ld]|dell)['’](?=[^\W\d])", re.IGNORECASE)
_ROM = re.compile(r"\s*ROM\s*=\s*(?P<address>(?:[0-9A-F]{1,2}\s+){7}[0-9A-F]{1,2})\s*$", re.IGNORECASE)
"""OneWire's DS18x20_Temperature: ``ROM = 28 84 37 94 97 FF 3 23``, and what it says follows on the next lines."""


def _spelt_out(line: str) -> str:
    """Without the dot of an abbreviation (``Max. Temp``), an elided article (``L'humidité``), and with the Turkish
    ``%40`` as ``40 %``.
    """
    return _PERCENT_FIRST.sub(r"\1 %", _ELIDED.sub("", _ABBREVIATED.sub(r"\1", line)))


def decode(line: str, state: LineState) -> Decoded | None:
    """Read a line that labels its values; None where it labels none."""
    line = _spelt_out(line)
    announced = _announced(line)
    if announced is not None:
        state.sensor = announced
        return Decoded(Kind.NOISE, NAME, reason="names the sensor that the next lines speak of")
    if _GLUED.search(line):
        return Decoded(Kind.ERROR, NAME, reason="the line is garbled: two figures or two lines run into one another")
    named = _NAMED.match(line)
    if named is not None and (named["name"].isdecimal() or read_subject(named["name"])):
        return decode_labelled(scan(line[named.end() :], state.first), line, named["name"])
    prefix = _PREFIX.match(line)
    found = scan(line, state.first)
    if prefix is None:
        sensor = _sensor_of(found, line) or state.sensor
        return decode_labelled(found, line, sensor, temperature_unit=state.temperature_unit)
    if len({one.name.remainder for one in found}) > 1 and found[0].name.remainder == prefix["name"]:
        # the first of several that the line names in turn
        return decode_labelled(found, line, temperature_unit=state.temperature_unit)
    found = scan(line[prefix.end() :], state.first)
    return decode_labelled(found, line, prefix["name"], temperature_unit=state.temperature_unit)


def _sensor_of(found: list[Labelled], line: str) -> str | None:
    """Who all values of a line are of, as its beginning or its end says; None where neither does."""
    if not found:
        return None
    heading = read_heading(line, found[0].label) if found[0].label else ""
    if heading:
        return heading if all(one.name.remainder != heading for one in found) else None
    last = _NAMED_LAST.search(line)
    if last is None:
        return None
    return last["name"] if last["name"].isdecimal() else read_subject(last["name"]) or None


def _announced(line: str) -> str | None:
    """The sensor that a line names, having no value itself."""
    rom = _ROM.match(line)
    if rom is not None:
        return "".join(f"{int(byte, 16):02X}" for byte in rom["address"].split())
    named = _ANNOUNCED.match(line)
    return named["name"] if named is not None else None


def decode_message(message: Message) -> Decoded | None:
    """Read a short MQTT payload of labelled text: ``temperature=25.5``; None where it is none."""
    text = message.text if 0 < len(message.payload) <= _LONGEST_MESSAGE and not message.broken else None
    if text is None:
        return None
    answers = []
    for line in _lines(text):
        found = scan(line)
        answers.append(decode_labelled(found, line, _sensor_of(found, line), message.topic.device))
    told = [answer for answer in answers if answer is not None]
    whole = told[0] if told else None
    for answer in told[1:]:
        whole = (merged(whole, answer) if whole else None) or whole
    return whole


def _lines(text: str) -> list[str]:
    return [_spelt_out(line) for line in text.splitlines()[:_MOST_LINES] if not line.lstrip().startswith("#")]


def decode_labelled(
    found: list[Labelled],
    line: str,
    sensor: str | None = None,
    device: str | None = None,
    *,
    temperature_unit: str = "",
) -> Decoded | None:
    """Readings of what was found in a line; where nothing was, a failure that the line tells of; else None."""
    collector = Collector()
    for one in found:
        _take(one, collector, sensor, device, temperature_unit)
    if collector.probes:
        return collector.decoded(NAME, "labels name the quantities")
    failed = failed_quantities(line)
    if failed is None:
        return None
    probe = derive_probe(sensor)
    reading = Reading(
        printable(device or "") or None, probe, failed=failed, model=read_model(sensor) if sensor else None
    )
    return Decoded(Kind.ERROR, NAME, (reading,), reason="the device says that it could not read")


def _take(one: Labelled, collector: Collector, sensor: str | None, device: str | None, temperature_unit: str) -> None:
    quantity = one.name.quantity or ""
    unit = one.unit or default_unit(quantity, temperature_unit)
    value = None if isinstance(one.value, Failure) else one.value
    if value is not None:
        settled = settle(quantity, value, unit)
        if settled is None:
            return
        quantity, unit = settled
    own = None if one.name.bare or not one.name.remainder else one.name.remainder if one.letter else one.label
    name = " ".join(filter(None, (sensor, own))) or None
    probe = derive_probe(name)
    collector.add(
        quantity, value, unit, device=device, probe=probe, name=name, model=read_model(name) if name else None
    )
