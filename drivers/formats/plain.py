"""Plain values by topic: ``<place>/temperature`` ``21.5``, with or without a unit, or a labelled line of text.

Wire: a number in ASCII, a failure word (``nan``, ``err``), a number with its unit (``70 °F``), text that labels its
values (``temperature=25.5``), or Cayenne's ``temp,c=21.5``. The quantity is named by the last telling level of the
topic, else by the configuration's hint; a 1-Wire address names a temperature. The device is the topic without a last
level that only names the quantity or the kind of message.
Units: the text's, else the topic's, the configuration's hint, what discovery taught, °C and %.
Failure: a failure word or a sentinel.
Source: read off samples of home-made devices.

Sample: ``greenhouse/north/humidity`` ``61.2``
Config: ``{type: mqtt, topics: ["greenhouse/#"]}``
"""

import re
from dataclasses import replace

from drivers.base import Decoded, Kind
from drivers.formats.entities import learned_unit
from drivers.formats.memory import keep
from drivers.formats.message import Message
from drivers.formats.names import NO_NAME, Name, is_another_quantity, read_name
from drivers.formats.record import Collector
from drivers.formats.topics import Topic
from drivers.formats.units import fits, read_unit
from drivers.formats.values import Failure, read_text, settle

NAME = "plain"
_LONGEST = 64
"""Characters of a payload that is one value."""
_UNITS = frozenset(("unit", "units", "uom", "unit_of_measurement"))
_TOLD_UNITS = "units"
"""The memory's part: by the topic above, the unit that a topic of such a name told."""
_CELSIUS = "celsius"
"""The memory's part: what is told in °C by its topic, so that its °F is the same again."""
_VALUES = frozenset(("state", "value", "reading"))
_STATES = frozenset(("status", "window", "door"))
_FIGURES = "figures"
"""The memory's part: topics of such a name where figures came."""
_MOST_FIGURES = 500
_PLACES_TOO = frozenset(("door", "window", "wind", "solar", "loop", "dust", "gas"))
"""Of other quantities' words, those that may as well be a place or a circuit that is measured."""
_OF_A_RADIO = frozenset(("channel", "ch"))
_CAYENNE_TYPES = {"temp": "temperature", "rel_hum": "humidity", "bp": "pressure", "lum": "illuminance", "co2": "co2"}
_CAYENNE = re.compile(rf"({'|'.join(_CAYENNE_TYPES)}),([a-z]{{1,4}})=([^=,]{{1,24}})")
"""``type,unit=value``. Source: Cayenne MQTT API, data types; under ``…/things/<client id>/data/<channel>``."""


def decode(message: Message) -> Decoded | None:
    """Read a payload that is one value of the quantity its topic names; None where it is none."""
    if len(message.payload) > _LONGEST or not message.payload:
        return None
    text = message.text
    cayenne = _CAYENNE.fullmatch(text) if text is not None and "," in text else None
    if cayenne is not None:
        return _decode_cayenne(cayenne, message)
    above, _, last = message.topic.text.rpartition("/")
    if last.lower() in _UNITS and above and text is not None:
        unit = read_unit(text.strip().strip('"'))
        if unit:
            keep(message.memory, _TOLD_UNITS, above, unit, _MOST_FIGURES)
            return Decoded(Kind.NOISE, NAME, reason="the unit of what is told beside it")
    name = _quantity_of(message.topic)
    if name.quantity is None and message.hint.quantity:
        name = Name(message.hint.quantity, bare=True)
    if text is None or name.quantity is None:
        return None
    if name.refusal:
        return Decoded(Kind.NOISE, NAME, reason=f"{message.topic.telling!r} in the topic: {name.refusal}")
    value, told = read_text(text.strip().strip('"'), name.quantity)
    if value is None:
        return None
    if text.strip() in ("0", "1") and _may_be_state(message):
        return Decoded(Kind.NOISE, NAME, reason=f"{text.strip()} where a state may be told, and no figure was yet")
    if message.topic.levels[-1].lower() in _STATES:
        keep(message.memory, _FIGURES, message.topic.text, 1, _MOST_FIGURES)
    if name.unit in ("°C", "°F") and not told:
        whose = f"{message.topic.device}/{name.quantity}"
        if name.unit == "°C":
            keep(message.memory, _CELSIUS, whose, 1, _MOST_FIGURES)
        elif whose in message.memory.get(_CELSIUS, {}):
            return Decoded(Kind.NOISE, NAME, reason="the same is told in °C beside it")
    return decode_value(value, told or name.unit, name.quantity, message)


def _may_be_state(message: Message) -> bool:
    """Whether 0 and 1 on a topic may say that all is well, or a window open: nothing else came there yet."""
    known = message.topic.text in message.memory.get(_FIGURES, {})
    return not known and message.topic.levels[-1].lower() in _STATES


def _decode_cayenne(match: re.Match[str], message: Message) -> Decoded | None:
    quantity, unit = _CAYENNE_TYPES[match[1]], "%" if match[2] == "p" else read_unit(match[2]) or ""
    value, _ = read_text(match[3], quantity)
    if value is None or not fits(quantity, unit):
        return Decoded(Kind.NOISE, NAME, reason=f"no {quantity} in {match[2]!r}")
    match message.topic.levels:
        case [*_, "things", client, "data", channel]:
            return decode_value(value, unit, quantity, message, device=client, probe=channel, name=channel)
    return decode_value(value, unit, quantity, message)


def decode_value(
    value: float | Failure,
    unit: str,
    quantity: str,
    message: Message,
    *,
    device: str | None = None,
    name: str | None = None,
    probe: str = "",
    model: str | None = None,
    format_name: str = NAME,
) -> Decoded:
    """One value as a reading of ``device`` (default: what the topic calls it)."""
    collector = Collector()
    device = device or message.topic.device
    if isinstance(value, Failure):
        collector.add(quantity, None, "", device=device, probe=probe, name=name, model=model)
        return collector.decoded(format_name, "the topic names the quantity")
    units = (
        unit,
        message.hint.unit_of(quantity),
        learned_unit(message.memory, message.topic.text),
        _unit_beside(message),
    )
    settled = settle(quantity, value, next((one for one in units if one and fits(quantity, one)), ""))
    if settled is None:
        return Decoded(Kind.NOISE, format_name, reason=f"{value:g} is no {quantity} that a sensor of ours would tell")
    collector.add(settled[0], value, settled[1], device=device, probe=probe, name=name, model=model)
    return collector.decoded(format_name, "the topic names the quantity")


def _unit_beside(message: Message) -> str:
    """The unit that a topic beside the value's or below it told: Home Assistant's ``unit_of_measurement``."""
    told: dict[str, str] = message.memory.get(_TOLD_UNITS, {})
    if not told:
        return ""
    topic = message.topic.text
    return told.get(topic) or (told.get(topic.rpartition("/")[0], "") if message.topic.levels[-1] in _VALUES else "")


def _quantity_of(topic: Topic) -> Name:
    """The last telling level's quantity, else the nearest level above that is nothing but a quantity.

    What the levels below it say of it holds: ``temperature/setpoint`` is no temperature.
    """
    if topic.name.quantity is not None:
        return topic.name
    below: list[str] = []
    for level in reversed(topic.levels):
        name = read_name(level)
        if name.bare and name.quantity is not None:
            refusals = (_refusal_below(level, each) for each in below)
            return replace(name, refusal=next(filter(None, refusals), ""))
        below.append(level)
    return NO_NAME


def _refusal_below(level: str, each: str) -> str:
    """Why a value at ``each`` below ``temperature`` is none, whichever of the two is said first."""
    refusal = read_name(f"{each} {level}").refusal or read_name(f"{level} {each}").refusal
    if refusal or read_name(each).quantity is not None:
        return refusal
    other = each.lower() not in _PLACES_TOO and is_another_quantity(each)
    return f"{each!r} names another quantity, or a state" if other or each.lower() in _OF_A_RADIO else ""
