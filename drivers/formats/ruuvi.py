"""Ruuvi: ``<prefix>/<gateway>/<tag>`` from a Ruuvi Gateway, JSON with a tag's Bluetooth advertisement in hex.

Wire: ``data`` holds the advertisement; after the maker's ``FF9904`` comes data format 3 (RAWv1), 5 (RAWv2), 6 or E1
(Ruuvi Air), big-endian; 5 and E1 carry the tag's MAC, the others leave it to the topic. Several gateways may hear one
measurement: its sequence number tells, and it is counted once. ``ts`` is an epoch in text; ``cnt`` stands where the
gateway has no clock. ``gw_status`` is of the gateway. Decoders publish ``t``, ``rh``, ``ap`` and ``bu`` of a tag.
Units: 0.005 °C, 0.0025 %, Pa above 50,000, mV above 1,600; a decoder's are tenths of a degree, %, hPa and mV.
Failure: all ones, or 0x8000 where there is a sign; 0 in RAWv1.
Source: docs.ruuvi.com (data formats 3, 5, 6, E1; the gateway's MQTT data); oh2mp/esp32_ble2mqtt DATAFORMATS.md.

Sample: ``ruuvi/gateway/CB:B8:33:4C:88:4F`` ``{"rssi":-26,"data":"02010611FF990403291A1ECE1EFC18F94202CA0B53"}``
Config: ``{type: mqtt, topics: ["ruuvi/#"]}``
"""

import re
from collections.abc import Mapping
from math import exp, log
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind, Measurement, Reading
from drivers.formats import availability
from drivers.formats.message import Message
from drivers.formats.record import Collector, without_false_zeros
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.values import Failure, read_value

NAME = "ruuvi"
_ADVERTISEMENT = re.compile(r"[0-9A-Fa-f]*?FF9904((?:[0-9A-Fa-f]{2})+)", re.IGNORECASE)
_LONGEST = 512
"""Characters of an advertisement in hex: an extended one has 255 bytes."""
_LENGTHS = {3: 14, 5: 24, 6: 20, 0xE1: 40}
_MAC = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_LUX_STEP = log(65_536) / 254
_REASON = "the advertisement's data format lays out the values"
_SHORT_KEYS = frozenset({"type", "t", "rh", "ap", "bu", "e", "et", "lv", "u", "i", "p", "m", "s"})
"""All that a decoder publishes of a tag."""
_TENTHS = (("temperature", "t", 0.1, "°C"), ("humidity", "rh", 1.0, "%"), ("pressure", "ap", 1.0, "hPa"))


class _Tag(NamedTuple):
    """One advertisement: values in the order of their coming, None where the tag has none."""

    mac: str
    sequence: int | None
    values: tuple[tuple[str, float | None, str], ...]


def decode(message: Message) -> Decoded | None:
    """Read a gateway's message or a decoder's; None where the payload is shaped like neither."""
    document = message.document
    if not isinstance(document, dict):
        return None
    data = document.get("data")
    if isinstance(data, str) and ("gw_mac" in document or "rssi" in document):
        return _decode_relayed(message, document, data)
    if "gw_mac" in document and message.topic.levels[-1] == "gw_status":
        status = document.get("status")
        said = availability.decide(status.lower(), None) if isinstance(status, str) else None
        return said or Decoded(Kind.NOISE, NAME, reason="the gateway speaks about itself")
    if isinstance(document.get("type"), int) and isinstance(document.get("t"), int) and document.keys() <= _SHORT_KEYS:
        return _decode_tenths(message, document)
    return None


def _decode_relayed(message: Message, document: Mapping[str, Any], data: str) -> Decoded | None:
    match = _ADVERTISEMENT.fullmatch(data) if len(data) <= _LONGEST else None
    if match is None:
        if "gw_mac" not in document:
            return None
        return Decoded(Kind.NOISE, NAME, reason="the gateway relays an advertisement that is no Ruuvi tag's")
    frame = bytes.fromhex(match[1])
    if len(frame) < _LENGTHS.get(frame[0], 256):
        known = frame[0] in _LENGTHS
        reason = "is cut short" if known else "is none that sereno knows"
        return Decoded(Kind.ERROR if known else Kind.UNKNOWN, NAME, reason=f"data format {frame[0]:#04x} {reason}")
    tag = _read_frame(frame)
    device = _device(message, document, tag.mac)
    if tag.sequence is not None and device is not None:
        # format 6 has the last byte of the number that the same sample has in E1
        number = tag.sequence & 0xFF if frame[0] in (6, 0xE1) else tag.sequence
        if is_repeat(message.memory, f"{device}/measurement", float(number), f"{message.topic.text} {frame[0]}"):
            return Decoded(Kind.NOISE, NAME, reason="another gateway told this measurement already")
    return _as_decoded(tag, device, document)


def _as_decoded(tag: _Tag, device: str | None, document: Mapping[str, Any]) -> Decoded:
    measured = tuple([Measurement(name, value, unit) for name, value, unit in tag.values if value is not None])
    failed = tuple([name for name, value, _ in tag.values if value is None])
    time = parse_time(document.get("ts")) or parse_time(document.get("gwts"))
    reading = without_false_zeros(Reading(device, "", measured, failed, time, tag.sequence, "RuuviTag"))
    if reading.measurements:
        return Decoded(Kind.READING, NAME, (reading,), None, _REASON)
    return Decoded(Kind.ERROR, NAME, (reading,), None, "the tag says that it could not read")


def _device(message: Message, document: Mapping[str, Any], mac: str) -> str | None:
    """The tag's own MAC, whole; else the topic's; else what the advertisement has of it."""
    if len(mac) == 17:
        return mac
    level = message.topic.levels[-1].upper()
    if _MAC.fullmatch(level) and level != str(document.get("gw_mac")).upper():
        return level
    return mac or message.topic.device


def _read_frame(frame: bytes) -> _Tag:
    """Values of a frame whose length was looked at."""
    if frame[0] == 3:
        return _read_rawv1(frame)
    temperature, humidity, pressure = _signed(frame, 1), _unsigned(frame, 3), _unsigned(frame, 5)
    values = (
        ("temperature", None if temperature is None else temperature / 200, "°C"),
        ("humidity", None if humidity is None else humidity / 400, "%"),
        ("pressure", None if pressure is None else (pressure + 50_000) / 100, "hPa"),
    )
    if frame[0] == 5:
        power = int.from_bytes(frame[13:15]) >> 5
        battery = None if power == 0x7FF else (power + 1_600) / 1_000
        return _Tag(_mac(frame[18:24]), _unsigned(frame, 16), (*values, ("battery_voltage", battery, "V")))
    if frame[0] == 6:
        co2, light = _unsigned(frame, 9), frame[13]
        lux = None if light == 0xFF else round(exp(light * _LUX_STEP) - 1, 2)
        return _Tag(_mac(frame[17:20]), frame[15], (*values, *_air(co2, lux)))
    co2, light = _unsigned(frame, 15), int.from_bytes(frame[19:22])
    sequence = int.from_bytes(frame[25:28])
    lux = None if light == 0xFFFFFF else light / 100
    return _Tag(_mac(frame[34:40]), None if sequence == 0xFFFFFF else sequence, (*values, *_air(co2, lux)))


def _air(co2: int | None, lux: float | None) -> tuple[tuple[str, float, str], ...]:
    """What not every Ruuvi Air has: it is left out where it is not available."""
    told = (("co2", co2, "ppm"), ("illuminance", lux, "lx"))
    return tuple([(name, float(value), unit) for name, value, unit in told if value is not None])


def _read_rawv1(frame: bytes) -> _Tag:
    """The sign is a bit, the fraction a byte of hundredths. Above 100 % is a fault; 0 stands for no value."""
    whole, hundredths = frame[2] & 0x7F, frame[3]
    size = whole + hundredths / 100
    humidity, pressure, battery = frame[1] / 2, int.from_bytes(frame[4:6]), int.from_bytes(frame[12:14])
    values = (
        ("temperature", (-size if frame[2] & 0x80 else size) if hundredths < 100 else None, "°C"),
        ("humidity", humidity if humidity <= 100 else None, "%"),
        ("pressure", (pressure + 50_000) / 100 if pressure else None, "hPa"),
        ("battery_voltage", battery / 1_000 if battery else None, "V"),
    )
    return _Tag("", None, values)


def _signed(frame: bytes, at: int) -> int | None:
    value = int.from_bytes(frame[at : at + 2], signed=True)
    return None if value == -0x8000 else value


def _unsigned(frame: bytes, at: int) -> int | None:
    value = int.from_bytes(frame[at : at + 2])
    return None if value == 0xFFFF else value


def _mac(raw: bytes) -> str:
    return "" if not raw.strip(b"\xff") else raw.hex(":").upper()


def _decode_tenths(message: Message, document: Mapping[str, Any]) -> Decoded:
    """Read what a decoder republishes on ``<prefix>/decoded/<name>``."""
    levels = message.topic.levels
    after = levels[levels.index("decoded") + 1 :] if "decoded" in levels else ()
    device = "/".join(after) or message.topic.device
    collector = Collector()
    for quantity, key, scale, unit in (*_TENTHS, ("battery_voltage", "bu", 0.001, "V")):
        value, _ = read_value(document.get(key, ""), quantity)
        if isinstance(value, float):
            collector.add(quantity, round(value * scale, 3), unit, device=device)
        elif isinstance(value, Failure) and key in document:
            collector.add(quantity, None, "", device=device)
    return collector.decoded(NAME, "a Ruuvi decoder's keys: t in tenths of a degree, bu in mV, ap in hPa")
