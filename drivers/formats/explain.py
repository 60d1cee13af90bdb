"""``sereno decode``: what would become of this payload, for scripts (one JSON object a case) and for people."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading
from drivers.formats.registry import decode_mqtt
from drivers.formats.serial_decoder import SerialDecoder
from drivers.formats.timestamps import format_time
from drivers.formats.units import to_canonical

_WEIGHT = (Kind.READING, Kind.ERROR, Kind.AVAILABILITY, Kind.DISCOVERY, Kind.UNKNOWN, Kind.NOISE)
"""Of a capture with lines of several kinds, the first of these that occurs is the capture's."""


def decode_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """Judge one case by itself: ``{"id","transport","topic","payload_text"|"payload_b64"}``.

    Gives ``{"id","kind","readings":[{"device","sensor","quantity","value","unit","timestamp"}]}``: values in the
    units of ``QUANTITIES``; zone-less timestamps stay zone-less, epochs end in ``Z``, null where the payload has none.
    Raises ValueError, in one sentence, for a case that is not of this shape.
    """
    payload = _payload_of(case)
    transport = case.get("transport")
    if transport == "serial":
        decoded = decode_capture(payload)
    elif transport == "mqtt":
        topic = case.get("topic")
        decoded = [decode_mqtt(topic if isinstance(topic, str) else "", payload, {})]
    else:
        raise ValueError(f'"transport" must be "mqtt" or "serial", not {transport!r}')
    readings = [row for one in decoded for reading in one.readings for row in _rows(reading)]
    return {"id": case.get("id"), "kind": str(kind_of(decoded)), "readings": readings}


def decode_capture(data: bytes, format: str = "auto") -> list[Decoded]:  # noqa: A002
    """A whole serial capture, as if it had come over a line that then falls silent."""
    decoder = SerialDecoder(format, {})
    return decoder.feed(data) + decoder.end()


def kind_of(decoded: Sequence[Decoded]) -> Kind:
    """The kind of a whole capture: NOISE where nothing came."""
    kinds = {one.kind for one in decoded}
    return next((kind for kind in _WEIGHT if kind in kinds), Kind.NOISE)


def explain(decoded: Iterable[Decoded]) -> list[str]:
    """For people, one line each: the kind, the format, why, and what was read."""
    lines: list[str] = []
    for one in decoded:
        by = f" ({one.format})" if one.format else ""
        lines.append(f"{one.kind}{by}: {one.reason}" if one.reason else f"{one.kind}{by}")
        if one.availability is not None:
            lines.append(f"  {one.availability.device} is {'online' if one.availability.online else 'offline'}")
        for reading in one.readings:
            lines += _explain_reading(reading)
    return lines


def _explain_reading(reading: Reading) -> list[str]:
    who = reading.device or "(the device is not named)"
    details = [
        f"probe {reading.probe}" if reading.probe else "",
        f"model {reading.model}" if reading.model else "",
        f"at {format_time(reading.measured_at)}" if reading.measured_at else "",
        f"sequence {reading.sequence}" if reading.sequence is not None else "",
    ]
    lines = [", ".join(filter(None, (f"  {who}", *details)))]
    lines += [f"    {_explain_value(one)}" for one in reading.measurements]
    lines += [f"    {quantity}: failed read" for quantity in reading.failed]
    return lines


def _explain_value(one: Measurement) -> str:
    value = to_canonical(one.quantity, one.value, one.unit)
    unit = QUANTITIES[one.quantity]
    told = "" if one.unit == unit else f", from {one.value:g} {one.unit}"
    return f"{one.quantity}: {value:g} {unit}{told}" + (f" ({one.name})" if one.name else "")


def _rows(reading: Reading) -> Iterable[dict[str, Any]]:
    for one in reading.measurements:
        yield {
            "device": reading.device,
            "sensor": one.name,
            "quantity": one.quantity,
            "value": to_canonical(one.quantity, one.value, one.unit),
            "unit": QUANTITIES[one.quantity],
            "timestamp": format_time(reading.measured_at),
        }


def _payload_of(case: Mapping[str, Any]) -> bytes:
    text, encoded = case.get("payload_text"), case.get("payload_b64")
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    if isinstance(encoded, str):
        try:
            return b64decode(encoded, validate=True)
        except (Base64Error, ValueError) as error:
            raise ValueError(f'"payload_b64" is no base64: {error}') from error
    raise ValueError('a case needs "payload_text" or "payload_b64"')
