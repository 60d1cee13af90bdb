"""The Things Stack (TTN v3): ``v3/<application>@<tenant>/devices/<id>/up``, or its body on any topic.

Wire: JSON; ``end_device_ids`` says whose, ``uplink_message.decoded_payload`` is what the device's codec made, in its
author's naming (``temperature_3``, ``TempC_SHT``, lists of type and value). ``normalized_payload`` says the same again
in fixed names: only what the codec's own does not name is taken from it. Empty fields are left out; a frame without a
codec is not guessed at. A webhook, a relay and the console's event view carry the same body. ``join``, ``down/…``,
``service/…`` and ``location/…`` tell of the network. ``received_at`` has nine digits; ``f_cnt`` counts the frames.
Units: by the codec's names, °C and % without; fixed in ``normalized_payload`` (°C, %, hPa, ppm, lx, V).
Failure: 327.67 or three probes at -0.1 °C (no probe), null.
Source: thethingsindustries.com data formats, payload formatters; lorawan-devices lib/payload.json; home-assistant/core
issue 121249.

Sample: ``v3/farm@ttn/devices/barn/up`` ``{"end_device_ids":{"device_id":"barn"},"received_at":"2024-07-05T16:16:30Z","uplink_message":{"f_cnt":642,"decoded_payload":{"temperature":13.3,"humidity":77}}}``
Config: ``{type: mqtt, topics: ["v3/+/devices/+/up"]}``
"""  # noqa: E501 - a sample is one line

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from drivers.base import QUANTITIES, Decoded, Kind, Measurement, Reading
from drivers.formats.codec import decode_codec
from drivers.formats.generic_json import decode_body
from drivers.formats.json_object import text_of
from drivers.formats.message import Message
from drivers.formats.record import printable
from drivers.formats.timestamps import parse_time
from drivers.formats.topics import Topic
from drivers.formats.values import read_value

NAME = "ttn"
_WRAPPERS = ("data", "result")
"""What the console's event view and the storage integration put around the same body."""
_NORMALIZED: Mapping[tuple[str, str], tuple[str, str]] = {
    ("air", "temperature"): ("temperature", "°C"),
    ("air", "relativeHumidity"): ("humidity", "%"),
    ("air", "pressure"): ("pressure", "hPa"),
    ("air", "co2"): ("co2", "ppm"),
    ("air", "lightIntensity"): ("illuminance", "lx"),
    ("soil", "temperature"): ("temperature", "°C"),
    ("water", "temperature"): ("temperature", "°C"),
    ("", "battery"): ("battery_voltage", "V"),
}
"""Group and key of the schema, the quantity and its unit. The air's and the battery's belong to the device itself."""
_MOST_NORMALIZED = 32


def decode(message: Message) -> Decoded | None:
    """Read a message of The Things Stack; None where neither the topic nor the payload is one."""
    body = _body(message.document)
    place = _place(message.topic)
    if body is None:
        return None if place is None else _decode_without_envelope(message, *place)
    uplink = body.get("uplink_message")
    if not isinstance(uplink, dict):
        told = next((key for key in islice(body, 16) if key not in _ENVELOPE), "nothing")
        return Decoded(Kind.NOISE, NAME, reason=f"{printable(told)!r} tells of the network, not of a sensor")
    return _decode_uplink(body, uplink, message, place)


_ENVELOPE = frozenset({"end_device_ids", "correlation_ids", "received_at", "simulated"})


def _body(document: object) -> dict[str, Any] | None:
    """The message's object, taken out of what an event view or a storage query puts around it."""
    if not isinstance(document, dict):
        return None
    for body in (document, *(document[key] for key in _WRAPPERS if key in document)):
        if isinstance(body, dict) and isinstance(body.get("end_device_ids"), dict):
            return body
    return None


def _place(topic: Topic) -> tuple[str, str] | None:
    """Device and kind of ``…v3/<application>/devices/<device>/<kind>``; None on another topic."""
    levels = topic.levels
    if "devices" not in levels or len(levels) < 5:
        return None
    at = levels.index("devices")
    if at < 2 or levels[at - 2] != "v3" or len(levels) < at + 3:
        return None
    return levels[at + 1], levels[at + 2]


def _decode_without_envelope(message: Message, device: str, kind: str) -> Decoded | None:
    """What lies on the stack's own topic and is not its body: a relay's, that keeps the codec's object alone."""
    if kind != "up":
        return Decoded(
            Kind.NOISE, NAME, reason=f"{printable(kind)!r} in the topic tells of the network, not of a sensor"
        )
    if not isinstance(message.document, dict):
        return None
    return decode_body(
        message.document, NAME, "the codec's names tell the quantities", device=device, hint=message.hint
    )


def _decode_uplink(
    body: dict[str, Any], uplink: dict[str, Any], message: Message, place: tuple[str, str] | None
) -> Decoded:
    ids, made = body["end_device_ids"], uplink.get("decoded_payload")
    device = text_of(ids.get("device_id")) or text_of(ids.get("dev_eui")) or (place[0] if place else None)
    time = parse_time(body.get("received_at")) or parse_time(uplink.get("received_at"))
    sequence = uplink.get("f_cnt")
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence < 2**32:
        sequence = None  # left out: the first frame, or a relay that trims
    version = uplink.get("version_ids")
    model = text_of(version.get("model_id")) if isinstance(version, dict) else None
    normalized = uplink.get("normalized_payload")
    blank = Reading(
        printable(device) if device else None, "", (), (), time, sequence, printable(model) if model else None
    )
    decoded = None
    if isinstance(made, dict | list) and made:
        decoded = decode_codec(
            made, NAME, device=device, label=None, model=model, time=time, sequence=sequence, hint=message.hint
        )
    if normalized:
        return _with_normalized(decoded, blank, normalized)
    return decoded or Decoded(Kind.NOISE, NAME, reason="no codec: only the device's raw frame")


def _with_normalized(decoded: Decoded | None, blank: Reading, normalized: object) -> Decoded:
    """What the codec's object names, and of the normalized payload the quantities that it names nowhere."""
    readings = decoded.readings if decoded else ()
    told = {one.quantity for reading in readings for one in reading.measurements}
    told.update(quantity for reading in readings for quantity in reading.failed)
    added: dict[str, list[Measurement]] = {}
    for probe, one in _normalized(normalized):
        held = added.setdefault(probe, [])
        if one.quantity not in told and all(other.quantity != one.quantity for other in held):
            held.append(one)
    more = tuple([blank._replace(probe=probe, measurements=tuple(held)) for probe, held in added.items() if held])
    if more:
        return Decoded(Kind.READING, NAME, (*readings, *more), reason="the normalized payload names the quantities")
    return decoded or Decoded(Kind.NOISE, NAME, reason="a normalized payload with none of our quantities")


def _normalized(normalized: object) -> Iterator[tuple[str, Measurement]]:
    """Probe and value of everything ours; the schema is checked by the stack, the shape here."""
    for entry in normalized[:_MOST_NORMALIZED] if isinstance(normalized, list) else [normalized]:
        if not isinstance(entry, dict):
            continue
        for (group, key), (quantity, unit) in _NORMALIZED.items():
            inside = entry.get(group) if group else entry
            raw = inside.get(key) if isinstance(inside, dict) else None
            if isinstance(raw, dict):
                raw = raw.get("current")
            value = read_value(raw, quantity)[0] if raw is not None else None
            if isinstance(value, float):
                probe = "" if group in ("", "air") else group
                yield (
                    probe,
                    Measurement(quantity, value, unit or QUANTITIES[quantity], f"{probe}/{key}" if probe else None),
                )
