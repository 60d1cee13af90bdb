"""eWeLink: any topic, ``{"deviceid":…,"params":{…}}`` of Sonoff's own firmware as bridges pass it on, or bare params.

Wire: TH10 to THR320 tell ``currentTemperature`` and ``currentHumidity`` as text; Sonoff SC and the NSPanel
``temperature`` and ``humidity`` (the panel's humidity is the constant 50), Zigbee sensors the same in hundredths. Which
it is the ``uiid`` tells: of the envelope, of an earlier one of the device, or at the end of ``subDevId``; else
``trigTime``
or ``subDevRssi``, which a bridge adds. The device is ``deviceid``; params come as changes. An envelope with
``online`` false repeats old params.
Units: °C, % always: ``tempUnit`` 1 is only what display and app show (``temperature`` stays beside ``temperatureF``).
Failure: ``unavailable`` for both, or ``errorType``; beside a value it means that this sensor has no such quantity. 0 °C
with 0 % is a known spike of firmware 3.4.0.
Source: AlexxIT/SonoffLAN issues 110, 253, 527, 718, 751, 1150, 1166, 1814 and PRs 1071, 1845; ewelink-api issue 67.

Sample: ``home/boiler`` ``{"deviceid":"1000bd0443","params":{"sensorType":"DS18B20","currentTemperature":"70.6"}}``
Config: ``{type: mqtt, topics: ["sonoff/#"]}``
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind
from drivers.formats import availability
from drivers.formats.memory import keep
from drivers.formats.message import Message
from drivers.formats.names import LONGEST_NAME, read_model
from drivers.formats.record import Collector
from drivers.formats.timestamps import parse_time
from drivers.formats.values import FAILED, Failure, Value, read_value
from drivers.formats.words import words

NAME = "ewelink"
PART = "ewelink"
"""The memory's part: the ``uiid`` by device, of those that change what a value means: changes come without it."""
_MOST_DEVICES = 1_000
_CURRENT = frozenset({"currentTemperature", "currentHumidity"})
_SIGNS = frozenset(
    words(
        """sensorType switch switches mainSwitch deviceType tempUnit startup pulseConfig sledOnline fwVersion
        tempCorrection humCorrection autoControlEnabled bssid"""
    )
)
"""What stands beside a TH's values and tells bare params from another device's JSON."""
_ENVELOPE_SIGNS = frozenset(words("apikey action userAgent d_seq brandName productModel"))
_PRESENCE_KEYS = frozenset(words("deviceid online action apikey name ts seq sequence uiid extra"))
"""All that an envelope without params has, which says only whether a device is there."""
_HUNDREDTHS = frozenset({1770, 1771, 7014, 7052})
"""Zigbee sensors behind a bridge: SNZB-02 and its successors."""
_SC, _PANEL = 18, 133
_PANEL_KEYS = frozenset(words("HMI_outdoorTemp HMI_weather HMI_ATCDevice HMI_resources HMI_dimOpen"))
_SC_KEYS = frozenset({"dusty", "noise"})
_DEVICE_ID = re.compile(r"[0-9a-f]{10}")
_VALVE_KEYS = frozenset(words("curTargetTemp manTargetTemp autoTargetTemp ecoTargetTemp workMode workState"))
"""A radiator valve's, whose temperatures are tenths."""
_UNPLUGGED = "errorType"
_SOIL = "MS01"
_NO_SCALE = "whether these are whole degrees or hundredths only a uiid tells, and none that sereno knows did"


class _Envelope(NamedTuple):
    device: str | None
    params: dict[str, Any]
    online: object = None
    uiid: int | None = None
    label: str | None = None
    time: datetime | None = None


def decode(message: Message) -> Decoded | None:
    """Read an envelope or bare params; None where a JSON object is shaped like neither."""
    document = message.document
    if not isinstance(document, dict):
        return None
    item = document.get("itemData")
    envelope = _open(item if isinstance(item, dict) else document, message)
    if envelope is None:
        return None
    if envelope.online is False:
        return availability.decide("offline", envelope.device)
    decoded = _decode_params(message, envelope)
    if decoded.kind is Kind.NOISE and envelope.online is True:
        return availability.decide("online", envelope.device)
    return decoded


def _open(document: dict[str, Any], message: Message) -> _Envelope | None:
    """Take an envelope apart, or put bare params into one of the topic's device."""
    inner = next((document[key] for key in ("params", "data") if isinstance(document.get(key), dict)), None)
    named = document.get("deviceid")
    identifier = named if isinstance(named, str) else document.get("deviceId")
    device = identifier if isinstance(identifier, str) and identifier else None
    params = document if inner is None else inner
    bridged = isinstance(params.get("subDevId"), str)
    uiid = _uiid_of(document)
    if not (
        bridged
        or not _PANEL_KEYS.isdisjoint(params)
        or (not _CURRENT.isdisjoint(params) and (device is not None or not _SIGNS.isdisjoint(params)))
        or (_is_whole(params) and ("trigTime" in params or (inner is not None and _is_ours(named))))
        or (isinstance(named, str) and isinstance(document.get("online"), bool) and document.keys() <= _PRESENCE_KEYS)
        or (inner is not None and named is not None and (uiid or not _ENVELOPE_SIGNS.isdisjoint(document)))
    ):
        return None
    if device is None:
        device = params["subDevId"] if bridged else message.topic.device
    uiid = uiid or _uiid_of_bridged(params.get("subDevId"))
    if device is not None:
        uiid = _learn_or_recall(message.memory, device, uiid)
    label = document.get("name")
    return _Envelope(
        device,
        params,
        document.get("online", params.get("online")),
        uiid,
        label if isinstance(label, str) and inner is not None else None,
        parse_time(document.get("ts")) or parse_time(params.get("trigTime")),
    )


def _is_whole(params: Mapping[str, Any]) -> bool:
    """Whether a temperature or humidity is told without a decimal, as hundredths are."""
    told = [read_value(params[key], key)[0] for key in ("temperature", "humidity") if key in params]
    return bool(told) and all(isinstance(value, float) and value.is_integer() for value in told)


def _is_ours(identifier: object) -> bool:
    return isinstance(identifier, str) and bool(_DEVICE_ID.fullmatch(identifier))


def _uiid_of(document: Mapping[str, Any]) -> int | None:
    """``uiid``, which says what kind of device it is, lies in the envelope or one or two ``extra`` deep."""
    holder: object = document
    for _ in range(3):
        if not isinstance(holder, dict):
            return None
        uiid = holder.get("uiid")
        if isinstance(uiid, int | str) and not isinstance(uiid, bool):
            text = str(uiid) if isinstance(uiid, str) or abs(uiid) < 100_000 else ""
            return int(text) if text.isdecimal() and len(text) <= 5 else None
        holder = holder.get("extra")
    return None


def _uiid_of_bridged(identifier: object) -> int | None:
    """A bridge's devices carry their uiid at the end of their id: ``ffff0f651438c1a47014``."""
    end = identifier[-4:] if isinstance(identifier, str) else ""
    return int(end) if end.isdecimal() and end.isascii() and int(end) in _HUNDREDTHS else None


def _decode_params(message: Message, envelope: _Envelope) -> Decoded:
    params = envelope.params
    sensor = params.get("sensorType")
    model = read_model(sensor) if isinstance(sensor, str) else None
    collector = Collector()
    refusal = ""
    if not _CURRENT.isdisjoint(params):
        values = _values(params, "currentTemperature", "currentHumidity", 1)
        if sensor == _UNPLUGGED:
            values = {quantity: FAILED for quantity, value in values.items() if value is not None}
        elif sensor == _SOIL:
            values.pop("humidity", None)
            refusal = "the moisture of the soil is no humidity of the air"
        _take(collector, message, envelope, values, model)
    elif not params.keys().isdisjoint(("temperature", "humidity")):
        scale = _scale(envelope.uiid, params)
        if scale is None:
            refusal = _NO_SCALE
        else:
            values = _values(params, "temperature", "humidity", scale)
            if _is_panel(envelope.uiid, params):
                values.pop("humidity", None)
            _take(collector, message, envelope, values, model)
    if envelope.uiid in _HUNDREDTHS or (envelope.uiid is None and _is_bridged(params)):
        charge, _ = read_value(params.get("battery"), "battery")
        if isinstance(charge, float) and 0 <= charge <= 100:
            _add(collector, message, envelope, "battery", charge, model)
    nothing = Decoded(Kind.NOISE, NAME, reason=refusal or "a device's settings and switches, no sensor's value")
    if refusal == _NO_SCALE and envelope.uiid is None:
        nothing = nothing._replace(kind=Kind.UNKNOWN)
    return collector.decoded(NAME, "eWeLink's params name the quantities", nothing)


def _scale(uiid: int | None, params: dict[str, Any]) -> int | None:
    """By what ``temperature`` and ``humidity`` are to be divided; None where nothing tells."""
    if uiid in _HUNDREDTHS or (uiid is None and _is_bridged(params)):
        return 100
    if uiid == _SC or _is_panel(uiid, params) or (uiid is None and not _SC_KEYS.isdisjoint(params)):
        return 1
    return None


def _is_bridged(params: Mapping[str, Any]) -> bool:
    """A Zigbee sensor's report, by what its bridge adds; without a humidity the signal alone may be a valve's."""
    if not _is_whole(params) or not _VALVE_KEYS.isdisjoint(params) or not _SC_KEYS.isdisjoint(params):
        return False
    return "trigTime" in params or ("subDevRssi" in params and "humidity" in params)


def _is_panel(uiid: int | None, params: dict[str, Any]) -> bool:
    """An NSPanel; its changes come without a uiid, but always with the constant humidity."""
    if uiid is not None:
        return uiid == _PANEL
    return not _PANEL_KEYS.isdisjoint(params) or ("tempUnit" in params and params.get("humidity") == 50)


def _values(params: dict[str, Any], temperature: str, humidity: str, scale: int) -> dict[str, Value]:
    """Both quantities; one that is unavailable beside a value of the other is none that the sensor has."""
    values: dict[str, Value] = {}
    for quantity, key in (("temperature", temperature), ("humidity", humidity)):
        if key in params:
            value, _ = read_value(params[key], quantity)
            values[quantity] = round(value / scale, 2) if isinstance(value, float) and scale != 1 else value
    if any(isinstance(value, float) for value in values.values()):
        return {quantity: value for quantity, value in values.items() if isinstance(value, float)}
    return values


def _take(
    collector: Collector, message: Message, envelope: _Envelope, values: dict[str, Value], model: str | None
) -> None:
    for quantity, value in values.items():
        if value is not None:
            _add(collector, message, envelope, quantity, None if isinstance(value, Failure) else value, model)


def _add(
    collector: Collector,
    message: Message,
    envelope: _Envelope,
    quantity: str,
    value: float | None,
    model: str | None,
) -> None:
    unit = message.hint.unit_of(quantity)
    collector.add(quantity, value, unit, device=envelope.device, time=envelope.time, model=model, label=envelope.label)


def _learn_or_recall(memory: dict[str, Any], device: str, uiid: int | None) -> int | None:
    """The uiid told now, else the one told before; only those that change what a value means are kept."""
    if uiid is None:
        recalled = memory.get(PART, {}).get(device)
        return recalled if isinstance(recalled, int) else None
    if uiid not in _HUNDREDTHS and uiid not in (_SC, _PANEL):
        return uiid
    if len(device) <= LONGEST_NAME:
        keep(memory, PART, device, uiid, _MOST_DEVICES)
    return uiid
