"""What one JSON object says about itself: whose it is, of when, in which units, of which quantity."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice

from drivers.formats.json_keys import Layout
from drivers.formats.names import Name, read_model, read_name
from drivers.formats.record import shorten
from drivers.formats.timestamps import parse_time
from drivers.formats.units import fits, read_unit
from drivers.formats.values import is_failure_word

LONGEST_TEXT = 128
"""Characters of a text that names something; the rest of a longer one is cut."""


@dataclass(slots=True)
class Facts:
    """``identifier`` is an integer ``id``, a device's or a counter's; ``identified`` the ``id`` of either kind where
    nothing else may name the device; ``metric`` what a text names as the quantity.

    ``numbers`` are names that are small numbers: they tell one of a device's probes from another, and no device from
    those of other topics. ``foreign`` is a unit that is none of ours; ``unfit`` the quantities of which the object
    tells a unit that they have not.
    """

    device: str | None = None
    probe: str | None = None
    place: str | None = None
    identifier: int | None = None
    identified: int | str | None = None
    numbers: tuple[str, ...] = ()
    time: datetime | None = None
    sequence: int | None = None
    model: str | None = None
    metric: Name | None = None
    metric_text: str = ""
    unit: str = ""
    foreign: str = ""
    unfit: tuple[str, ...] = ()
    temperature_unit: str = ""
    pressure_unit: str = ""


def read_facts(node: dict[str, object], layout: Layout) -> Facts:
    """The facts of an object whose keys have this layout."""
    facts = Facts()
    for key in layout.times:
        facts.time = facts.time or parse_time(node[key])
    for key, _ in layout.letters:
        facts.time = facts.time or parse_time(node[key])  # a "t" of this size is a time, not 1.7e18 degrees
    for key in layout.metrics:
        _take_metric(facts, node[key])
    for key in layout.probes:
        _take_probe(facts, node[key])
    for key in layout.devices:
        _take_device(facts, node[key])
    for key in layout.identifiers:
        _take_identifier(facts, node[key])
    for key in layout.places:
        _take_place(facts, node[key])
    for key in layout.sequences:
        facts.sequence = _counter(node[key]) if facts.sequence is None else facts.sequence
    for key in layout.models:
        facts.model = facts.model or text_of(node[key])
    for key in layout.units:
        _take_units(facts, key, node[key])
        facts.unit = facts.unit or _unit_of(node[key])
        facts.foreign = facts.foreign or (_foreign(node[key]) if key.lower() not in ("scale", "usunits") else "")
    for key, quantity in layout.quantity_units:
        _take_quantity_unit(facts, node[key], quantity)
    return facts


def text_of(raw: object) -> str | None:
    """A text or whole number that names something; None for failure words, empty text, booleans and the rest."""
    if isinstance(raw, str):
        return _naming_text(shorten(raw, LONGEST_TEXT))
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 2**64 else None


@lru_cache(maxsize=4096)
def _naming_text(text: str) -> str | None:
    text = text.strip()
    return text if text and not is_failure_word(text) else None


@lru_cache(maxsize=4096)
def _part_of(text: str) -> str | None:
    """The sensor part, where a text is nothing else: ``DHT22`` names what the sensor is and not which."""
    part = read_model(text)
    return part if part == text.upper() else None


_MOST_UNITS = 32
_LARGEST_NUMBER = 9999


def _name_of(facts: Facts, raw: object) -> str | None:
    """What a text or number names something; None where it names nothing, or is a small number, which is kept."""
    text = text_of(raw)
    if text is None or not (text.isascii() and text.isdigit()) or int(text) > _LARGEST_NUMBER:
        return text
    if text not in facts.numbers:
        facts.numbers += (text,)
    return None


def _take_device(facts: Facts, raw: object) -> None:
    text = _name_of(facts, raw)
    if text is None:
        return
    part = _part_of(text)
    if part is not None:
        facts.model = facts.model or part
    elif facts.device is None:
        facts.device = text


def _take_probe(facts: Facts, raw: object) -> None:
    text = _name_of(facts, raw)
    if text is None:
        return
    part = _part_of(text)
    if part is not None:
        facts.model = facts.model or part
    elif facts.metric is None and read_name(text).bare:
        _take_metric(facts, text)
    elif facts.probe is None:
        facts.probe = text


def _take_place(facts: Facts, raw: object) -> None:
    text = _name_of(facts, raw)
    if text is None:
        return
    part = _part_of(text)
    if part is not None:
        facts.model = facts.model or part
        return
    if facts.metric is None and read_name(text).quantity is not None:
        _take_metric(facts, text)
        return
    facts.place = facts.place or text


def _take_identifier(facts: Facts, raw: object) -> None:
    if isinstance(raw, str):
        if facts.metric is None and read_name(raw).bare:
            _take_metric(facts, raw)
        elif facts.device is None:
            if facts.identified is None and not facts.numbers:
                facts.identified = text_of(raw)
            facts.device = _name_of(facts, raw)
    elif facts.identifier is None:
        facts.identifier = _counter(raw)
        if facts.identified is None and facts.device is None and facts.probe is None and not facts.numbers:
            facts.identified = facts.identifier


def name_by_identifier(facts: Facts) -> None:
    """Take an integer ``id`` as the device's name."""
    if facts.identifier is not None and facts.identified == facts.identifier:
        facts.identifier = None
        facts.device = _name_of(facts, facts.identified)


def name_without_identifier(facts: Facts) -> None:
    """Leave an ``id`` out of the names: it is a message's."""
    if isinstance(facts.identified, str):
        facts.device, facts.numbers = None, ()


def _take_metric(facts: Facts, raw: object) -> None:
    if not isinstance(raw, str):
        return
    part = _part_of(raw[:LONGEST_TEXT])
    if part is not None:
        facts.model = facts.model or part
        return
    name = read_name(raw)
    if name.quantity is not None and (facts.metric is None or name.bare):
        facts.metric, facts.metric_text = name, raw


def _take_units(facts: Facts, key: str, raw: object) -> None:
    """Units that are told by quantity, and weewx's number of its unit system (weewx, Units, usUnits: 1 is US)."""
    if isinstance(raw, dict):
        for name, unit in islice(raw.items(), _MOST_UNITS):
            quantity = read_name(name).quantity if isinstance(unit, str) else None
            if quantity is not None:
                _take_quantity_unit(facts, unit, quantity)
    elif key.lower() == "usunits" and str(raw) in ("1", "1.0"):
        facts.temperature_unit, facts.pressure_unit = "°F", "inHg"


def _take_quantity_unit(facts: Facts, raw: object, quantity: str) -> None:
    unit = _unit_of(raw)
    if _foreign(raw) or (unit and not fits(quantity, unit)):
        facts.unfit += (quantity,)
    if not unit or not fits(quantity, unit):
        return
    if fits(quantity, "°C"):
        facts.temperature_unit = unit
    elif fits(quantity, "hPa"):
        facts.pressure_unit = unit


def _unit_of(raw: object) -> str:
    if not isinstance(raw, str):
        return ""
    return "°F" if raw.lower() in ("imperial", "us", "us_customary") else read_unit(raw) or ""


_VAGUE = re.compile(
    r"\W*$|[%°º˚Â\ufffd]|deg|grad|cel|cent|fahr|kel|rel|perc|pct|proz|rh|hum|temp|metric|imperial|us$|si$|std|default|none|null|n/?a$",
    re.IGNORECASE,
)
"""What stands in a unit's place and contradicts none of ours."""


def _foreign(raw: object) -> str:
    """A unit that none of our quantities has (``g/m³``), "" for those that they have and for no unit at all."""
    if not isinstance(raw, str) or not raw or len(raw) > LONGEST_TEXT or read_unit(raw) is not None:
        return ""
    return "" if _VAGUE.match(raw) else raw


def _counter(raw: object) -> int | None:
    """A whole number that a database column holds."""
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 2**63 else None
