"""Any JSON that names its values: flat, nested, records of metric and value, arrays of either, numbers as text.

Wire: an object or array; quantities by name in any case and many languages (``vocabulary``), units from the name, a
unit key beside it or the text itself, °C and % otherwise. The device is what the payload calls it (``mac``,
``device``, ``sensor`` …), else the topic without a last level that only names the quantity or the kind of message.
Failure: null, NaN, a failure word or a sentinel in a quantity's place.
Source: read off samples of many makers; no single document describes it.

Sample: ``sensors/s12/reading`` ``{"sensor":"s12","metric":"temperature","value":21.3,"id":7,"t":1700000000}``
"""

from dataclasses import dataclass
from datetime import datetime

from drivers.base import Decoded, Kind
from drivers.formats.json_keys import Key, Role, read_key
from drivers.formats.message import NO_DOCUMENT, Message
from drivers.formats.names import Name, derive_probe, read_model, read_name
from drivers.formats.record import Collector
from drivers.formats.timestamps import parse_time
from drivers.formats.units import fits, read_unit
from drivers.formats.values import Failure, is_failure_word, read_value, settle

NAME = "json"
_DEEPEST = 8
_MOST_ITEMS = 2_000
"""Keys and items looked at in one message; what reports sensors has a few dozen."""


@dataclass(frozen=True, slots=True)
class _Context:
    """What the objects around say: whose the values are, of when, and of which quantity."""

    device: str | None
    path: tuple[str, ...] = ()
    time: datetime | None = None
    sequence: int | None = None
    model: str | None = None
    temperature_unit: str = ""
    pressure_unit: str = ""
    quantity: Name | None = None
    depth: int = 0


@dataclass(slots=True)
class _Object:
    """One object's items, sorted by what they are for."""

    values: list[tuple[str, Name, object]]
    children: list[tuple[str, Key, object]]
    letters: list[tuple[str, Name, object]]
    device: str | None = None
    probe: str | None = None
    place: str | None = None
    identifier: str | int | None = None
    time: datetime | None = None
    sequence: int | None = None
    model: str | None = None
    metric: Name | None = None
    metric_text: str = ""
    unit: str = ""
    temperature_unit: str = ""
    pressure_unit: str = ""
    climate: int = 0
    has_value: bool = False
    value: object = None


def decode(message: Message) -> Decoded | None:
    """Read a JSON payload by the names in it; None where it is no JSON object or array."""
    document = message.document
    if document is NO_DOCUMENT or not isinstance(document, dict | list):
        return None
    return decode_document(document, message.topic.device, message.topic.name)


def decode_document(document: object, device: str | None, topic_name: Name | None = None) -> Decoded:
    """Read a parsed JSON document; ``device`` and ``topic_name`` are what the topic says, where there is one."""
    collector = Collector()
    walk = _Walk(collector, topic_name)
    walk.visit(document, _Context(device))
    if collector.probes:
        return collector.decoded(NAME)
    if not walk.numbers:
        return Decoded(Kind.NOISE, NAME, reason="JSON without any number in it")
    reason = walk.refusal or "JSON, but none of its keys names a quantity that sereno knows"
    return Decoded(Kind.NOISE if walk.refusal else Kind.UNKNOWN, NAME, reason=reason)


class _Walk:
    def __init__(self, collector: Collector, topic_name: Name | None) -> None:
        self.collector = collector
        self.topic_name = topic_name
        self.items = 0
        self.numbers = 0
        self.refusal = ""

    def visit(self, node: object, context: _Context) -> None:
        """Gather what ``node`` and everything below it say."""
        if context.depth > _DEEPEST or self.items > _MOST_ITEMS:
            return
        if isinstance(node, dict):
            self._visit_object(node, context)
        elif isinstance(node, list):
            self._visit_list(node, context)

    def _visit_list(self, items: list[object], context: _Context) -> None:
        told_apart = any(isinstance(item, dict) and _tells_itself(item) for item in items[:4])
        for index, item in enumerate(items):
            path = context.path if told_apart or index == 0 else (*context.path, str(index))
            self.visit(item, _deeper(context, path))

    def _visit_object(self, node: dict[str, object], context: _Context) -> None:
        found = self._sort(node)
        inner = _merge(found, context)
        if context.quantity is not None:
            self._take_values_of(found, node, inner, context.quantity)
        else:
            self._take_named(found, inner)
        for key, what, child in found.children:
            if what.container_refused:
                self.refusal = self.refusal or f"what lies under {key!r} is no reading"
                continue
            quantity = what.name if what.role is Role.QUANTITY else inner.quantity
            self.visit(child, _deeper(inner, (*inner.path, key), quantity))

    def _sort(self, node: dict[str, object]) -> _Object:
        found = _Object([], [], [])
        for key, raw in node.items():
            self.items += 1
            what = read_key(key)
            role = what.role
            if isinstance(raw, dict | list):
                found.children.append((key, what, raw))
                continue
            if raw.__class__ is float or raw.__class__ is int:
                self.numbers += 1
            if role is Role.OTHER:
                continue
            if role is Role.QUANTITY:
                found.values.append((key, what.name, raw))
            elif role is Role.LETTER:
                moment = parse_time(raw) if found.time is None else None
                if moment is not None:
                    found.time = moment  # a "t" of this size is a time, not 1.7e18 degrees
                else:
                    found.letters.append((key, what.name, raw))
            elif role is Role.REFUSED:
                self.refusal = self.refusal or f"{key!r}: {what.name.refusal}"
            else:
                _SORTERS[role](found, raw, what)
        return found

    def _take_named(self, found: _Object, context: _Context) -> None:
        """Values under their quantity's name, records of metric and value, and one-letter names."""
        if found.has_value:
            self._take_record(found, context)
        skip_setpoint = found.climate > 0 and _is_climate(found)
        for key, name, raw in found.values:
            if skip_setpoint and name.bare and name.quantity == "temperature":
                self.refusal = self.refusal or f"{key!r} beside a thermostat's keys is its setpoint"
                continue
            self._take(name, key, raw, context)
        if found.letters:
            self._take_letters(found, context)

    def _take_record(self, found: _Object, context: _Context) -> None:
        name = found.metric if found.metric is not None else self.topic_name
        if name is None or name.quantity is None:
            quantity = _BY_UNIT.get(found.unit)
            if quantity is None:
                return
            name = Name(quantity, found.unit, bare=True)
        if name.refusal:
            self.refusal = self.refusal or f"{found.metric_text!r}: {name.refusal}"
            return
        self._take(name, found.metric_text, found.value, context, found.unit)

    def _take_letters(self, found: _Object, context: _Context) -> None:
        """``t`` and ``h`` are believed together, or beside a quantity spelt out."""
        if len(found.letters) < 2 and not found.values:
            return
        for key, name, raw in found.letters:
            value, _ = read_value(raw, name.quantity or "")
            if isinstance(value, float) and -60.0 <= value <= 150.0:
                self._take(name, key, raw, context)

    def _take_values_of(self, found: _Object, node: dict[str, object], context: _Context, quantity: Name) -> None:
        """The inside of ``"temperature": {…}``: its value, or one value per probe."""
        if found.has_value:
            self._take(quantity, "", found.value, context, found.unit)
            return
        for key, raw in node.items():
            what = read_key(key)
            if what.role in (Role.OTHER, Role.QUANTITY, Role.LETTER) and not isinstance(raw, dict | list):
                self._take(quantity, key, raw, context, found.unit if what.role is Role.OTHER else "")

    def _take(self, name: Name, key: str, raw: object, context: _Context, unit: str = "") -> None:
        quantity = name.quantity
        if quantity is None:
            return
        value, told = read_value(raw, quantity)
        if value is None:
            return
        unit = told or name.unit or (unit if unit and fits(quantity, unit) else "")
        if not unit:
            unit = (
                context.temperature_unit
                if quantity in _TEMPERATURES
                else context.pressure_unit
                if quantity in _PRESSURES
                else ""
            )
        if isinstance(value, Failure):
            number = None
        else:
            settled = settle(quantity, value, unit)
            if settled is None:
                return
            quantity, unit = settled
            number = value
        full, probe = _name_and_probe(name, key, context)
        self.collector.add(
            quantity,
            number,
            unit,
            device=context.device,
            probe=probe,
            name=full,
            time=context.time,
            model=context.model,
            sequence=context.sequence,
        )


_TEMPERATURES = frozenset({"temperature", "dew_point", "heat_index"})
_PRESSURES = frozenset({"pressure", "pressure_sea_level"})
_BY_UNIT = {"°C": "temperature", "°F": "temperature", "hPa": "pressure", "mmHg": "pressure", "lx": "illuminance"}
"""What a value is whose unit alone tells; % may be anything."""


def _name_and_probe(name: Name, key: str, context: _Context) -> tuple[str | None, str]:
    if not context.path:
        return (None, "") if name.bare or not key else (key, name.probe or derive_probe(key))
    parts = context.path if (name.bare and context.quantity is None) or not key else (*context.path, key)
    full = "/".join(parts)
    probe = derive_probe(full)
    return (None if not probe and all(read_name(part).bare for part in parts) else full), probe


def _deeper(context: _Context, path: tuple[str, ...], quantity: Name | None = None) -> _Context:
    return _Context(
        context.device,
        path,
        context.time,
        context.sequence,
        context.model,
        context.temperature_unit,
        context.pressure_unit,
        quantity or context.quantity,
        context.depth + 1,
    )


def _merge(found: _Object, context: _Context) -> _Context:
    """The context inside an object: what it says itself, else what surrounds it."""
    identifier = found.identifier
    named = found.device or (identifier if isinstance(identifier, str) else None)
    sequence = found.sequence
    own = named or found.probe
    if sequence is None and isinstance(identifier, int) and own is not None:
        sequence = identifier  # where the device goes by another name, an integer "id" numbers the messages
    path = context.path
    if named and found.probe and found.probe != named and context.quantity is None:
        path = (*path, found.probe)
    model = found.model or context.model
    device = own or (found.place if context.depth == 0 or context.device is None else None) or context.device
    return _Context(
        device,
        path,
        found.time or context.time,
        sequence if sequence is not None else context.sequence,
        model if model or not path else read_model(path[-1]),
        found.temperature_unit or (found.unit if found.unit in ("°F", "K") else "") or context.temperature_unit,
        found.pressure_unit or context.pressure_unit,
        context.quantity,
        context.depth,
    )


def _is_climate(found: _Object) -> bool:
    """Whether a bare "temperature" is a setpoint: the room's stands beside it, or it lies among a thermostat's keys."""
    measured = any(name.quantity == "temperature" and not name.bare for _, name, _ in found.values)
    return measured or found.climate >= 2


def _tells_itself(item: dict[str, object]) -> bool:
    """Whether an array's object says whose, when or what it is, so that its place says nothing."""
    roles = {read_key(key).role for key in list(item)[:32]}
    return not roles.isdisjoint((Role.DEVICE, Role.ID, Role.PROBE, Role.PLACE, Role.TIME, Role.METRIC))


def _text_of(raw: object) -> str | None:
    if isinstance(raw, str):
        text = raw.strip()
        return text[:128] if text and not is_failure_word(text) else None
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None


def _sort_device(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    text = _text_of(raw)
    if text is not None and read_model(text) == text.upper():
        found.model = found.model or text.upper()
    elif found.device is None:
        found.device = text


def _sort_probe(found: _Object, raw: object, what: Key) -> None:
    text = _text_of(raw)
    if text is None:
        return
    model = read_model(text)
    if model is not None and model == text.upper():
        found.model = model
    elif found.metric is None and read_name(text).bare:
        _sort_metric(found, raw, what)
    elif found.probe is None:
        found.probe = text


def _sort_place(found: _Object, raw: object, what: Key) -> None:
    text = _text_of(raw)
    if text is None:
        return
    if found.metric is None and read_name(text).quantity is not None:
        _sort_metric(found, raw, what)
    found.place = found.place or text


def _sort_identifier(found: _Object, raw: object, what: Key) -> None:
    if isinstance(raw, str) and found.metric is None and read_name(raw).bare:
        _sort_metric(found, raw, what)
    elif isinstance(raw, int) and not isinstance(raw, bool):
        found.identifier = raw if 0 <= raw < 2**63 else None
    else:
        found.identifier = _text_of(raw)


def _sort_time(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    found.time = found.time or parse_time(raw)


def _sort_sequence(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw < 2**63:
        found.sequence = raw


def _sort_metric(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    if not isinstance(raw, str):
        return
    model = read_model(raw)
    if model is not None and model == raw.upper():
        found.model = found.model or model
        return
    name = read_name(raw)
    if name.quantity is not None and (found.metric is None or name.bare):
        found.metric, found.metric_text = name, raw


def _sort_value(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    if not found.has_value:
        found.has_value, found.value = True, raw


def _sort_unit(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    if isinstance(raw, str):
        found.unit = "°F" if raw.lower() == "imperial" else read_unit(raw) or found.unit


def _sort_quantity_unit(found: _Object, raw: object, what: Key) -> None:
    unit = read_unit(raw) if isinstance(raw, str) else None
    if unit is None or what.name.quantity is None or not fits(what.name.quantity, unit):
        return
    if what.name.quantity in _TEMPERATURES:
        found.temperature_unit = unit
    elif what.name.quantity in _PRESSURES:
        found.pressure_unit = unit


def _sort_model(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    if isinstance(raw, str) and 0 < len(raw) <= 64:
        found.model = raw


def _sort_climate(found: _Object, raw: object, what: Key) -> None:  # noqa: ARG001
    found.climate += 1


_SORTERS = {
    Role.DEVICE: _sort_device,
    Role.PROBE: _sort_probe,
    Role.PLACE: _sort_place,
    Role.ID: _sort_identifier,
    Role.TIME: _sort_time,
    Role.SEQUENCE: _sort_sequence,
    Role.METRIC: _sort_metric,
    Role.VALUE: _sort_value,
    Role.UNIT: _sort_unit,
    Role.QUANTITY_UNIT: _sort_quantity_unit,
    Role.MODEL: _sort_model,
    Role.CLIMATE: _sort_climate,
}
