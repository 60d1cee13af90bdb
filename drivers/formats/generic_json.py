"""Any JSON that names its values: flat, nested, records of metric and value, arrays of either, numbers as text.

Wire: an object or array; quantities by name in any case and many languages (``vocabulary``). The device is what the
payload calls it (``mac``, ``device``, ``sensor`` …), else the topic without a last level that only names the quantity
or the kind of message. An integer ``id`` beside a device named otherwise is the device's counter, as ``seq`` is; where
nothing else names the device, how the ids come tells what they are (``identifiers``).
Units: from the name, a unit key beside it or the text itself; else the configuration's hint, °C and %.
Failure: null, NaN, a failure word or a sentinel in a quantity's place.
Source: read off samples of many makers; no single document describes it.

Sample: ``sensors/s12/reading`` ``{"sensor":"s12","metric":"temperature","value":21.3,"id":7,"t":1700000000}``
Config: ``{type: mqtt, topics: ["sensors/#"]}``
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from drivers.base import Decoded, Kind
from drivers.formats.availability import decode_document as decode_availability
from drivers.formats.identifiers import names_device
from drivers.formats.json_keys import Layout, Role, read_key, read_layout
from drivers.formats.json_object import (
    LONGEST_TEXT,
    Facts,
    name_by_identifier,
    name_without_identifier,
    read_facts,
)
from drivers.formats.message import NO_HINT, Hint, Message
from drivers.formats.names import (
    NO_NAME,
    Name,
    derive_probe,
    is_command,
    names_another_quantity,
    read_model,
    read_name,
    refusal_around,
)
from drivers.formats.record import MOST_PROBES, Collector
from drivers.formats.repeats import is_repeat
from drivers.formats.timestamps import parse_time
from drivers.formats.topics import Topic
from drivers.formats.units import BY_UNIT, fits
from drivers.formats.values import FAILED, Failure, holds_figures, is_failure_word, read_value, settle
from drivers.formats.vocabulary import LATEST, ONLY_A_SECOND_NAME, SAID_OF_READINGS, UNIT_WORDS

NAME = "json"
_DEEPEST = 8
_MOST_ITEMS = 500
"""Keys and items looked at in one message: what reports sensors has a few dozen, and more is a dump."""
_NAMED = "keys or records name the quantities"
NO_NUMBERS = "JSON without any figure that may be a value"
_TEMPERATURES = frozenset({"temperature", "dew_point", "heat_index"})
_PRESSURES = frozenset({"pressure", "pressure_sea_level"})


class _Context(NamedTuple):
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
    label: str | None = None
    owned: bool = False
    """The envelope names the device: what the inside calls itself does not."""
    null_is_failure: bool = True
    hint: Hint = NO_HINT
    around: tuple[str, ...] = ()
    """Names above that refuse some quantities: ``soil``."""
    numbered: bool = False
    """Of an array's items: their integer ``id`` tells them apart, and nothing else does."""
    invalid: frozenset[str] = frozenset()
    """Quantities of which the device says that the read was wrong; "" is all of them."""
    ids: tuple[dict[str, Any], str] | None = None
    """The source's memory and the topic: where the message is one object, how its ``id`` comes is learned there."""


def decode(message: Message) -> Decoded | None:
    """Read a JSON payload by the names in it; None where it is no JSON object or array."""
    document = message.document
    if not isinstance(document, dict | list):
        return None
    topic = message.topic
    context = _Context(
        topic.device, hint=message.hint, around=_around(topic, document), ids=(message.memory, topic.text)
    )
    decoded = _walk([(document, context)], topic.name, NAME, _NAMED)
    return _told_once(decoded, message) if topic.text.startswith("$aws/") else decoded


def _told_once(decoded: Decoded, message: Message) -> Decoded:
    """A shadow's update less what another of its topics told: ``update``, ``update/accepted``, ``update/documents``."""
    kept = []
    for reading in decoded.readings:
        whose = f"{reading.device}/{reading.probe}"
        news = tuple(
            one
            for one in reading.measurements
            if not is_repeat(message.memory, f"{whose}/{one.quantity}", one.value, message.topic.text)
        )
        if news or reading.failed:
            kept.append(reading._replace(measurements=news))
    if kept or not decoded.readings:
        return decoded._replace(readings=tuple(kept))
    return Decoded(Kind.NOISE, NAME, reason="another topic of the shadow told this already")


def _around(topic: Topic, document: object) -> tuple[str, ...]:
    """What the topic's last level refuses: ``soil`` a humidity, where the soil's moisture does not stand beside it."""
    soil = refusal_around(topic.telling, "humidity") and not refusal_around(topic.telling, "temperature")
    return (topic.telling,) if soil and not (isinstance(document, dict) and "moisture" in document) else ()


def decode_document(
    document: object,
    device: str | None,
    topic_name: Name = NO_NAME,
    hint: Hint = NO_HINT,
    format_name: str = NAME,
    reason: str = _NAMED,
    memory: dict[str, Any] | None = None,
) -> Decoded:
    """Read a parsed JSON document; ``device`` and ``topic_name`` are what the topic says, where there is one.

    ``memory`` is the source's, where what its ids are may be learned.
    """
    ids = None if memory is None else (memory, "")
    return _walk([(document, _Context(device, hint=hint, ids=ids))], topic_name, format_name, reason)


def decode_body(
    document: object,
    format_name: str,
    reason: str,
    *,
    device: str | None,
    label: str | None = None,
    model: str | None = None,
    time: datetime | None = None,
    sequence: int | None = None,
    temperature_unit: str = "",
    null_is_failure: bool = True,
    hint: Hint = NO_HINT,
) -> Decoded:
    """Read what a family's envelope holds, where its inside is named freely: a codec's object, a friendly device's
    keys. The envelope says whose it is (``device``, ``label``), of when and of which count; the inside may say another
    time. ``null_is_failure`` False: null is what the device has not told yet.
    """
    context = _Context(
        device,
        time=time,
        sequence=sequence,
        model=model,
        temperature_unit=temperature_unit,
        label=label,
        owned=True,
        null_is_failure=null_is_failure,
        hint=hint,
    )
    return _walk([(document, context)], NO_NAME, format_name, reason)


class Body(NamedTuple):
    """One of several things in a message, freely named inside: whose, of when, of which probe, and what it lies in."""

    document: object
    device: str | None
    probe: str = ""
    time: datetime | None = None
    label: str | None = None
    around: tuple[str, ...] = ()


def decode_bodies(bodies: Iterable[Body], format_name: str, reason: str, hint: Hint = NO_HINT) -> Decoded:
    """Read several devices' or moments' bodies of one message, as :func:`decode_body` reads one."""
    walked = [
        (
            body.document,
            _Context(
                body.device,
                path=(body.probe,) if body.probe else (),
                time=body.time,
                label=body.label,
                owned=True,
                hint=hint,
                around=body.around,
            ),
        )
        for body in bodies
    ]
    return _walk(walked, NO_NAME, format_name, reason)


def _walk(walked: list[tuple[object, _Context]], topic_name: Name, format_name: str, reason: str) -> Decoded:
    walk = _Walk(topic_name)
    for document, context in walked:
        walk.visit(document, context)
    if walk.collector.probes:
        return walk.collector.decoded(format_name, reason)
    if len(walked) == 1:
        document, context = walked[0]
        available = decode_availability(document, context.device)
        if available is not None:
            return available
    if walk.unread:
        return Decoded(Kind.UNKNOWN, format_name, reason=walk.unread)
    if walk.refusal:
        return Decoded(Kind.NOISE, format_name, reason=walk.refusal)
    if not walk.numbers:
        return Decoded(Kind.NOISE, format_name, reason=NO_NUMBERS)
    return Decoded(Kind.UNKNOWN, format_name, reason="JSON, but none of its keys names a quantity that sereno knows")


class _Walk:
    """One pass over a document; ``refusal`` is the first reason why something that looked like a reading is none,
    ``unread`` why something that is one was not understood.
    """

    def __init__(self, topic_name: Name) -> None:
        self.collector = Collector()
        self.topic_name = topic_name
        self.items = 0
        self.numbers = False
        self.refusal = ""
        self.unread = ""

    def visit(self, node: object, context: _Context) -> None:
        """Gather what ``node`` and everything below it say."""
        if context.depth > _DEEPEST or self.items > _MOST_ITEMS:
            return
        if isinstance(node, dict):
            self._visit_object(node, context)
        elif isinstance(node, list):
            told_apart = any(isinstance(item, dict) and _tells_itself(item) for item in node[:4])
            told_apart = told_apart and not _is_only_placed(node)
            if not told_apart and len(node) > MOST_PROBES:
                self.refusal = self.refusal or f"an array of {len(node)} tells neither its times nor its probes"
                return
            inner = context._replace(depth=context.depth + 1, numbered=told_apart and _is_numbered(node), ids=None)
            for index, item in enumerate(node[:_MOST_ITEMS]):
                path = context.path if told_apart or index == 0 else (*context.path, str(index))
                if isinstance(item, dict | list):
                    self.visit(item, inner._replace(path=path))
                    continue
                if isinstance(item, int | float) or (isinstance(item, str) and holds_figures(item)):
                    self.numbers = True
                if context.quantity is not None and len(node) == 1:
                    self.unread = self.unread or f"a list of one figure is no {context.quantity.quantity}"
                elif context.quantity is not None:
                    self.refusal = self.refusal or "bare figures in an array tell neither their times nor their probes"

    def _visit_object(self, node: dict[str, object], context: _Context) -> None:
        self.items += 1 + len(node)
        if self.items > _MOST_ITEMS:
            self.refusal = self.refusal or f"more than {_MOST_ITEMS} keys and items: a dump, not a report of sensors"
            return
        layout = read_layout(tuple(node))
        facts = read_facts(node, layout)
        if "state" in node and isinstance(attributes := node.get("attributes"), dict):
            _take_attributes(facts, attributes)
        if facts.identified is not None and context.ids is not None:
            _learn_identifier(facts, *context.ids)
        inner = _merge(facts, context)
        told = facts.probe or facts.place
        if told is not None and _tells_no_reading(told, of_probe=facts.probe is not None):
            inner = inner._replace(around=(*inner.around, told))
        if layout.purposes:
            purposes = tuple([text for key in layout.purposes if isinstance(text := node[key], str)])
            command = next(filter(is_command, purposes), None)
            if command is not None:
                self.refusal = self.refusal or f"{command[:64]!r}: it tells a device what to do"
                return
            kinds = [text for text in purposes if text.lower() not in SAID_OF_READINGS]
            inner = inner._replace(around=(*inner.around, *kinds))
        if layout.validities:
            wrong = [quantity for key, quantity in layout.validities if node[key] is False]
            inner = inner._replace(invalid=inner.invalid.union(wrong))
        if not inner.temperature_unit and _is_kelvin(node, layout):
            inner = inner._replace(temperature_unit="K")
        if context.quantity is not None:
            self._take_values_of(node, layout, facts, inner, context.quantity)
        else:
            self._take_named(node, layout, facts, inner)
        items = node.items() if LATEST.isdisjoint(node) else sorted(node.items(), key=lambda item: item[0] in LATEST)
        for key, raw in items:
            kind = raw.__class__
            if kind is dict or kind is list:
                self._descend(key, raw, inner)
            elif kind is int or kind is float:
                self.numbers = True
            elif isinstance(raw, str) and not self.numbers and holds_figures(raw):
                self.numbers = read_key(key).role not in _NAMING

    def _descend(self, key: str, child: object, context: _Context) -> None:
        what = read_key(key)
        if what.refused:
            self.refusal = self.refusal or f"what lies under {key!r} is no reading"
            return
        quantity = what.name if what.role is Role.QUANTITY else context.quantity
        path = context.path if what.wrapper else (*context.path, key)
        around = (*context.around, key) if what.around else context.around
        self.visit(child, context._replace(path=path, quantity=quantity, depth=context.depth + 1, around=around))

    def _take_named(self, node: dict[str, object], layout: Layout, facts: Facts, context: _Context) -> None:
        """Values under their quantity's name, records of metric and value, and one-letter names."""
        if layout.values:
            self._take_record(node[layout.values[0]], facts, context)
        elif "state" in node and (facts.unit or facts.metric):
            self._take_record(node["state"], facts, context)
        alone = len(layout.quantities) == 1 and bool(layout.units) and not any(map(names_another_quantity, node))
        wished = _is_wished(node, layout)
        for key, name in layout.quantities:
            if name.quantity in facts.unfit or (alone and not layout.values and not self._fits(name, facts)):
                self.refusal = self.refusal or f"{key!r} in a unit that is none of {name.quantity}"
            elif key in layout.outdone or (wished and name.bare and name.quantity == "temperature"):
                self.refusal = (
                    self.refusal or f"{key!r} beside these keys is a thermostat's setpoint or an earlier value"
                )
            elif key in layout.beside and _is_number(node[layout.beside[key]], name.quantity or ""):
                self._take_beside(name, key, node[key], context)
            else:
                self._take(name, key, node[key], context)
        for key, name in layout.refused:
            self.refusal = self.refusal or f"{key!r}: {name.refusal}"
        if layout.letters:
            self._take_letters(node, layout, context)

    def _take_beside(self, name: Name, key: str, raw: object, context: _Context) -> None:
        """A value beside the bare one's: another probe's, unless its name only says the same again, or a state."""
        if ONLY_A_SECOND_NAME.issuperset(name.aside.split("_")):
            self.refusal = self.refusal or f"{key!r}: the value stands under the bare name beside it"
        else:
            self._take(replace(name, remainder=name.aside), key, raw, context)

    def _take_record(self, raw: object, facts: Facts, context: _Context) -> None:
        name, unit = facts.metric or self.topic_name, facts.unit
        if name.quantity is None:
            if unit not in BY_UNIT:
                return
            name = Name(BY_UNIT[unit], bare=True)
        if name.refusal:
            of = repr(facts.metric_text) if facts.metric else "what the topic names"
            self.refusal = self.refusal or f"{of}: {name.refusal}"
            return
        if self._fits(name, facts):
            self._take(name, facts.metric_text, raw, context, unit)

    def _fits(self, name: Name, facts: Facts) -> bool:
        """Whether a value's unit, where the object tells one, is its quantity's; a battery's may be either's."""
        quantity = name.quantity or ""
        if not facts.foreign and (fits(quantity, facts.unit) or quantity.startswith("battery")):
            return True
        told = facts.foreign or facts.unit
        self.refusal = self.refusal or f"a {quantity} in {told[:24]!r}: it is another quantity, or a raw value"
        return False

    def _take_letters(self, node: dict[str, object], layout: Layout, context: _Context) -> None:
        """``t`` and ``h`` are believed together, or beside a quantity spelt out."""
        if len(layout.letters) < 2 and not layout.quantities:
            return
        plausible = [(key, name) for key, name in layout.letters if _is_plausible(node[key])]
        if plausible:  # one that failed bears the other out, and is counted
            plausible += [one for one in layout.letters if _says_failed(node[one[0]])]
        if len(plausible) > 1 or layout.quantities:
            for key, name in plausible:
                self._take(name, key, node[key], context)

    def _take_values_of(
        self, node: dict[str, object], layout: Layout, facts: Facts, context: _Context, quantity: Name
    ) -> None:
        """The inside of ``"temperature": {…}``: its value, or one value per probe."""
        if not self._fits(quantity, facts):
            return
        if layout.values:
            self._take(quantity, "", node[layout.values[0]], context, facts.unit)
            return
        for key, raw in node.items():
            if isinstance(raw, dict | list):
                continue
            unit = UNIT_WORDS.get(key.lower())
            if unit and fits(quantity.quantity or "", unit):  # {"c":21.5,"f":70.7}: one value in two units
                self._take(quantity, "", raw, context, unit)
                continue
            what = read_key(key)
            if what.role not in _PROBE_ROLES:
                continue
            if what.role is Role.QUANTITY and what.name.quantity != quantity.quantity:
                self._take(what.name, key, raw, context)
                continue
            refusal = read_name(f"{key} {quantity.quantity}").refusal
            if refusal:
                self.refusal = self.refusal or f"{key!r}: {refusal}"
            else:
                self._take(quantity, key, raw, context, facts.unit)

    def _take(self, name: Name, key: str, raw: object, context: _Context, unit: str = "") -> None:
        quantity = name.quantity
        if quantity is None or (raw is None and not context.null_is_failure):
            return
        for above in context.around:
            if reason := refusal_around(above, quantity):
                self.refusal = self.refusal or f"what lies under {above!r} is no reading: {reason}"
                return
        value, told = read_value(raw, quantity)
        if context.invalid and value is not None and not context.invalid.isdisjoint(("", quantity)):
            value = FAILED
        if value is None:
            if isinstance(raw, str) and any(map(str.isdigit, raw[:LONGEST_TEXT])):
                self.unread = self.unread or f"{raw[:24]!r} is no {quantity} in a unit that sereno knows"
            return
        unit = told or name.unit or (unit if unit and fits(quantity, unit) else "") or _unit_around(quantity, context)
        number: float | None = None
        if not isinstance(value, Failure):
            settled = settle(quantity, value, unit)
            if settled is None:
                return
            (quantity, unit), number = settled, value
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
            label=context.label,
        )


_NAMING = frozenset({Role.DEVICE, Role.ID, Role.TIME, Role.SEQUENCE, Role.MODEL})
"""Roles of figures that tell whose, when or which, and are no values."""
_PROBE_ROLES = frozenset({Role.OTHER, Role.QUANTITY, Role.LETTER})


def _tells_no_reading(name: str, *, of_probe: bool) -> bool:
    """Whether what a payload calls a value's source refuses any: a target, a CPU, a probe in the soil.

    A room may be called Max or Sol.
    """
    if refusal_around(name, "temperature", far=True):
        return True
    return of_probe and bool(refusal_around(name, "humidity")) and not refusal_around(name, "temperature")


def _take_attributes(facts: Facts, attributes: dict[str, object]) -> None:
    """What a Home Assistant state's attributes say of it: its unit, and its class or name."""
    inside = read_facts(attributes, read_layout(tuple(attributes)[:32]))
    facts.unit, facts.foreign = facts.unit or inside.unit, facts.foreign or inside.foreign
    if facts.metric is None:
        facts.metric, facts.metric_text = inside.metric, inside.metric_text


def _learn_identifier(facts: Facts, memory: dict[str, Any], topic: str) -> None:
    """Settle whether the ``id`` of an object is a name. A counter beside it leaves an integer nothing else to be."""
    identified = facts.identified
    if facts.place is not None and isinstance(identified, int):
        return
    counted = facts.sequence is not None and isinstance(identified, int)
    if identified is not None and (counted or names_device(memory, topic, identified)):
        name_by_identifier(facts)
    else:
        name_without_identifier(facts)


def _merge(facts: Facts, context: _Context) -> _Context:
    """The context inside an object: what it says itself, else what surrounds it."""
    if context.owned:
        return _merge_owned(facts, context)
    own = facts.device or facts.probe
    sequence = facts.sequence
    if sequence is None:
        # an integer "id" may be the device's; where the device goes by another name, it numbers the messages
        named = facts.identifier is not None and not context.numbered and (own is not None or bool(facts.numbers))
        sequence = facts.identifier if named else context.sequence
    path, device = context.path, own or context.device
    part = read_model(path[-1]) if path else None
    if facts.device and part is not None:
        path, device = (*path[:-1], facts.device), context.device  # a part's address: several may hang on one device
    elif facts.device and facts.probe and facts.probe != facts.device and context.quantity is None:
        path = (*path, facts.probe)
    elif facts.place and own is None:
        if context.depth == 0 or device is None:
            device = facts.place
        elif context.quantity is None:
            path = (*path, facts.place)
    if device is None and facts.numbers and context.depth == 0:
        device = "/".join(facts.numbers)  # on a serial line nothing else names it
    else:
        path = (*path, *_numbers(facts, context))
    return _Context(
        device,
        path,
        facts.time or context.time,
        sequence,
        facts.model or context.model or part,
        facts.temperature_unit or (facts.unit if facts.unit in ("°C", "°F", "K") else "") or context.temperature_unit,
        facts.pressure_unit or context.pressure_unit,
        context.quantity,
        context.depth,
        context.label,
        context.owned,
        context.null_is_failure,
        context.hint,
        context.around,
        invalid=context.invalid,
        ids=None if facts.identified is not None else context.ids,
    )


def _merge_owned(facts: Facts, context: _Context) -> _Context:
    """The device is settled: of what an object calls itself, only a probe's name is news, and never at the top."""
    path = context.path
    if facts.probe and context.depth > 0 and context.quantity is None:
        path = (*path, facts.probe)
    if context.depth > 0:
        path = (*path, *_numbers(facts, context))
    return context._replace(
        path=path,
        numbered=False,
        time=facts.time or context.time,
        model=context.model or facts.model or (read_model(context.path[-1]) if context.path else None),
        temperature_unit=facts.temperature_unit
        or (facts.unit if facts.unit in ("°C", "°F", "K") else "")
        or context.temperature_unit,
        pressure_unit=facts.pressure_unit or context.pressure_unit,
    )


def _numbers(facts: Facts, context: _Context) -> tuple[str, ...]:
    """The numbers by which an object goes among its like."""
    return (str(facts.identifier),) if context.numbered and facts.identifier is not None else facts.numbers


def _unit_around(quantity: str, context: _Context) -> str:
    """What the objects around say, else what the configuration says of the topic."""
    told = context.temperature_unit if quantity in _TEMPERATURES else ""
    told = told or (context.pressure_unit if quantity in _PRESSURES else "")
    return told or context.hint.unit_of(quantity)


def _name_and_probe(name: Name, key: str, context: _Context) -> tuple[str | None, str]:
    if not context.path:
        return (None, "") if name.bare or not key else (key, name.probe)
    parts = (*context.path, key) if key and not (name.bare and context.quantity is None) else context.path
    full = "/".join(parts)
    probe = derive_probe(full)
    return (None if not probe and all(read_name(part).bare for part in parts) else full), probe


_COOLING = frozenset(("cool", "cooling", "dry", "fan_only", "heat_cool"))


def _is_wished(node: dict[str, object], layout: Layout) -> bool:
    """Whether an air conditioner tells its state, whose temperature is what it is set to: nothing else measured or
    wished stands beside it.
    """
    if len(layout.quantities) != 1 or layout.refused:
        return False
    mode = node.get("mode")
    if "hvac_mode" not in node and not (isinstance(mode, str) and mode.lower() in _COOLING):
        return False
    value, _ = read_value(node[layout.quantities[0][0]], "temperature")
    whole = not isinstance(value, float) or (2 * value).is_integer()  # nobody sets 21.3 °C
    return whole and not any(read_key(key).around for key in node)


_KELVIN = (223.0, 333.0)


def _is_kelvin(node: dict[str, object], layout: Layout) -> bool:
    """Whether a temperature beside a humidity is in kelvin: no air is as hot as its 293.15, and tenths are whole."""
    if len(layout.quantities) < 2:
        return False
    figures = {name.quantity: node[key] for key, name in layout.quantities if name.bare and not name.unit}
    humidity, temperature = figures.get("humidity"), figures.get("temperature")
    if not isinstance(humidity, int | float) or not isinstance(temperature, float) or humidity > 100:
        return False
    return _KELVIN[0] <= temperature <= _KELVIN[1] and not temperature.is_integer()


def _is_number(raw: object, quantity: str) -> bool:
    return isinstance(read_value(raw, quantity)[0], float)


def _is_plausible(raw: object) -> bool:
    """Whether a one-letter key's value can be a temperature or humidity: 1.7e18 under ``t`` is a time."""
    value, _ = read_value(raw, "temperature")
    return isinstance(value, float) and -60.0 <= value <= 150.0


def _says_failed(raw: object) -> bool:
    """Null or a failure word; a figure too large for a quantity is a time or a counter."""
    return raw is None or (isinstance(raw, str) and is_failure_word(raw))


def _tells_itself(item: dict[str, object]) -> bool:
    """Whether an array's object says whose, when or what it is, so that its place says nothing."""
    layout = read_layout(tuple(item)[:32])
    told = layout.devices or layout.identifiers or layout.probes or layout.places or layout.times or layout.metrics
    return bool(told) or any(parse_time(item[key]) for key, _ in layout.letters)


def _is_only_placed(items: list[object]) -> bool:
    """Whether an array's records say nothing but the same quantities again: their places tell their probes."""
    said: set[object] = set()
    count = 0
    for item in items[:MOST_PROBES]:
        if not isinstance(item, dict):
            return False
        layout = read_layout(tuple(item)[:32])
        if layout.devices or layout.identifiers or layout.probes or layout.places or layout.times or layout.letters:
            return False
        said.add((layout.quantities, *(str(item[key])[:64] for key in layout.metrics)))
        count += 1
    return len(said) < count == len(items)


def _is_numbered(items: list[object]) -> bool:
    """Whether integer ids tell an array's objects apart: two of them tell the same quantity of the same thing."""
    ids: set[object] = set()
    said: set[object] = set()
    count, again = 0, False
    for item in items[:_MOST_ITEMS]:
        if not isinstance(item, dict):
            continue
        layout = read_layout(tuple(item)[:32])
        if not layout.identifiers or not isinstance(item[layout.identifiers[0]], int):
            return False
        ids.add(item[layout.identifiers[0]])
        telling = (*layout.devices, *layout.probes, *layout.places, *layout.times, *layout.metrics)
        whose = tuple([str(item[key])[:64] for key in telling])
        for name in [name for _, name in (*layout.quantities, *layout.letters)] or [NO_NAME]:
            again = again or (name, whose) in said
            said.add((name, whose))
        count += 1
    return again and len(ids) == count
