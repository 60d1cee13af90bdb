"""RFLink gateway: ``20;<count>;<model>;ID=<id>;TEMP=<hex>;HUM=<decimal>;…``, over serial or bridged to MQTT.

Wire: a line a packet, ended by CR LF. Fields are separated by ``;``; the model may hold spaces and slashes. The device
is model and ``ID``; ``CHN`` tells channels apart. The count is two hex digits and wraps. ``10;`` is a command and
``11;`` its echo; ``20;00;Nodo RadioFrequencyLink``, ``OK``, ``PONG``, ``VER=`` are the gateway's own. Over MQTT the
same line comes as text, or as ``raw`` of a JSON object.
Units: ``TEMP`` is hexadecimal tenths of °C whose top bit is the minus sign, ``HUM`` decimal %. ``BAT`` is a flag.
``BARO`` is not read: no source tells its unit.
Failure: none is told; all ones of a register are.
Source: RFLink protocol reference; aequitas/python-rflink parser.py; rflink-to-mqtt issue 4.

Sample: ``20;2A;Xiron;ID=2801;TEMP=0043;HUM=29;BAT=OK;``
Config: ``{type: serial, port: /dev/ttyACM0, baudrate: 57600, format: rflink}``
"""

import re

from drivers.base import Decoded, Kind, Measurement, Reading
from drivers.formats.line import LineState
from drivers.formats.message import Message
from drivers.formats.record import printable
from drivers.formats.values import is_sentinel

NAME = "rflink"
_PACKET = re.compile(r"\s*20;(?P<count>[0-9A-Fa-f]{2});(?P<rest>[^;]{1,64};.{0,512})")
_OTHER = re.compile(r"\s*(?:10|11);.{0,512}|\s*20;[0-9A-Fa-f]{2};[^;]{0,64};?\s*")
_HEX = re.compile(r"[0-9A-Fa-f]{1,4}")
_DECIMAL = re.compile(r"[0-9]{1,3}")
_MINUS, _MAGNITUDE = 0x8000, 0x7FFF


def decode(line: str, state: LineState) -> Decoded | None:  # noqa: ARG001 - every line format is asked in the same way
    """Read a line of the gateway; None where it is none."""
    packet = _PACKET.fullmatch(line)
    fields = dict(_field(part) for part in packet["rest"].split(";")[1:] if "=" in part) if packet else {}
    if packet is None or "ID" not in fields:
        if _OTHER.fullmatch(line) or packet is not None:
            return Decoded(Kind.NOISE, NAME, reason="a command, an echo or a word of the gateway's own")
        return None
    model = packet["rest"].split(";", 1)[0].strip()
    read = {"temperature": _temperature(fields.get("TEMP")), "humidity": _humidity(fields.get("HUM"))}
    values = {quantity: value for quantity, value in read.items() if value is not None}
    if not values:
        return Decoded(Kind.NOISE, NAME, reason="a packet of a device without temperature and humidity")
    channel = fields.get("CHN", "")
    name = f"CHN {channel}" if channel.strip("0") else None
    measurements = tuple(
        Measurement(quantity, value, "°C" if quantity == "temperature" else "%", name)
        for quantity, value in values.items()
        if not is_sentinel(quantity, value)
    )
    failed = tuple(quantity for quantity, value in values.items() if is_sentinel(quantity, value))
    probe = channel if name else ""
    reading = Reading(
        printable(f"{model}/{fields['ID']}"), printable(probe), measurements, failed, model=printable(model)
    )
    if not measurements:
        return Decoded(Kind.ERROR, NAME, (reading,), reason="all ones stand for a value that the device could not read")
    return Decoded(Kind.READING, NAME, (reading,), reason="TEMP and HUM of a packet, by the RFLink protocol")


def decode_message(message: Message) -> Decoded | None:
    """Read a line of the gateway that a bridge published as it is, or as ``raw`` of JSON; None where it is none."""
    document = message.document
    if isinstance(document, dict):
        raw = document.get("raw")
        line = raw if isinstance(raw, str) and raw.lstrip().startswith("20;") else None
    else:
        line = message.text if message.payload[:3] == b"20;" and len(message.payload) <= 1024 else None
    return decode(line.strip(), LineState(message.memory)) if line else None


def _field(part: str) -> tuple[str, str]:
    key, _, value = part.partition("=")
    return key.strip().upper(), value.strip()


def _temperature(text: str | None) -> float | None:
    if text is None or not _HEX.fullmatch(text):
        return None
    raw = int(text, 16)
    return (-1 if raw & _MINUS else 1) * (raw & _MAGNITUDE) / 10


def _humidity(text: str | None) -> float | None:
    return float(text) if text is not None and _DECIMAL.fullmatch(text) else None
