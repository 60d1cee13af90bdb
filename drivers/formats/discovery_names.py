"""What a discovery message's names say: whose an entity is, of which quantity, and which of its device's probes.

Names are read less their device's: ``Kitchen Temperature`` of the device ``Kitchen`` is its temperature.
"""

from typing import Any

from drivers.formats.json_keys import read_key
from drivers.formats.names import Name, derive_probe, read_letter, read_model, read_name
from drivers.formats.record import printable, shorten
from drivers.formats.topics import Topic
from drivers.formats.units import BY_UNIT, fits, read_unit
from drivers.formats.value_templates import Place
from drivers.formats.vocabulary import CONTAINERS_REFUSED

_LONGEST_TEXT = 96
"""Characters of a name or identifier that is kept."""

_LONG = {
    "avty": "availability",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "curr_temp_t": "current_temperature_topic",
    "curr_temp_tpl": "current_temperature_template",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "hum_stat_t": "target_humidity_state_topic",
    "json_attr_t": "json_attributes_topic",
    "obj_id": "object_id",
    "p": "platform",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "stat_t": "state_topic",
    "t": "topic",
    "temp_hi_stat_t": "temperature_high_state_topic",
    "temp_lo_stat_t": "temperature_low_state_topic",
    "temp_stat_t": "temperature_state_topic",
    "temp_unit": "temperature_unit",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
    "cns": "connections",
    "ids": "identifiers",
    "mdl": "model",
    "hum_state_tpl": "target_humidity_state_template",
    "temp_hi_stat_tpl": "temperature_high_state_template",
    "temp_lo_stat_tpl": "temperature_low_state_template",
    "temp_stat_tpl": "temperature_state_template",
}
"""What is read here, by Home Assistant's abbreviation."""

_QUANTITIES = {
    "temperature": "temperature",
    "humidity": "humidity",
    "pressure": "pressure",
    "atmospheric_pressure": "pressure",
    "battery": "battery",
    "carbon_dioxide": "co2",
    "illuminance": "illuminance",
    "voltage": "battery_voltage",
}
"""Home Assistant's device classes that are ours. A voltage is one only where a name says that it is a battery's."""

_KINDS_OF = {"temperature": ("dew_point", "heat_index"), "pressure": ("pressure_sea_level",)}
"""What a name may make of a class."""


def expand(document: dict[str, Any]) -> dict[str, Any]:
    """The same under the long keys."""
    return {_LONG.get(key, key): value for key, value in document.items()}


class Device:
    """The device block: ``id`` is "" where there is none; ``prefixes`` is what its entities' names may begin with."""

    def __init__(self, block: object, node: str) -> None:
        told = expand(block) if isinstance(block, dict) else {}
        self.label = text_of(told.get("name"))
        identifiers = told.get("identifiers")
        named = identifiers if isinstance(identifiers, list) else [identifiers]
        connections = told.get("connections")
        named += (
            [pair[1] for pair in connections if isinstance(pair, list) and len(pair) == 2]
            if isinstance(connections, list)
            else []
        )
        ids = [text for text in map(text_of, named[:8]) if text]
        self.id = ids[0] if ids else self.label or text_of(node)
        self.model = read_model(text_of(told.get("model"))) or ""
        self.prefixes = sorted({_folded(text) for text in (self.label, node, *ids) if text}, key=len, reverse=True)

    def own(self, name: str) -> tuple[str, bool]:
        """An entity's name less its device's at the beginning; whether that stood there."""
        folded = _folded(name)
        for prefix in self.prefixes:
            if folded.startswith(prefix) and (len(folded) == len(prefix) or folded[len(prefix)] == "_"):
                return name[len(prefix) :].strip(" _-./:"), True
        return name, False


class Names:
    """An entity's names less its device's: ``name`` what people read, ``ids`` those of its ids that began with the
    device's, ``spare`` the one that is nobody else's.
    """

    def __init__(self, name: str, ids: list[str], spare: str) -> None:
        self.name = name
        self.ids = ids
        self.spare = spare


def names_of(config: dict[str, Any], device: Device, object_id: str) -> Names:
    """``object_id`` is what the discovery topic, or a device's list of components, calls the entity."""
    ids = [text for key in ("object_id", "unique_id") if (text := text_of(config.get(key)))]
    own = [device.own(text) for text in (*ids, text_of(object_id))]
    return Names(
        device.own(text_of(config.get("name")))[0],
        [text for text, stripped in own if stripped and text],
        next((text for text, _ in reversed(own) if text), text_of(object_id)),
    )


def quantity_of(config: dict[str, Any], names: Names, place: Place | None, topic: Topic) -> tuple[str, str, str]:
    """Quantity, unit and refusal of a sensor; all "" where discovery does not tell what it measures."""
    told = text_of(config.get("device_class")).lower()
    raw_unit = text_of(config.get("unit_of_measurement"))
    unit = read_unit(raw_unit) or ""
    last = str(place.path[-1]) if place and place.path else ""
    texts = [text for text in (names.name, last, *names.ids) if text] or [names.spare, topic.telling]
    quantity = _QUANTITIES.get(told, "") if told else BY_UNIT.get(unit, "")
    if told and not quantity:
        return "", "", f"discovery says: a {told}"
    if raw_unit and not unit:
        return "", "", f"discovery says: a value in {raw_unit}"
    if not quantity:
        quantity = next((found for text in texts if (found := read_name(text).quantity) and fits(found, unit)), "")
    if not quantity:
        return "", "", ""
    for text in texts:
        found = read_name(text).quantity
        if found in _KINDS_OF.get(quantity, ()) or (quantity == "battery" and found == "battery_voltage"):
            quantity = found or quantity
            break
    if quantity == "battery" and unit in ("V", "mV"):
        quantity = "battery_voltage"
    if (
        told == "voltage"
        and unit != "mV"
        and not any("bat" in text.lower() for text in (*texts, names.spare, topic.text))
    ):
        return "", "", "discovery says: a voltage, and no name says that it is a battery's"
    if not fits(quantity, unit):
        return "", "", f"discovery says: a {told or quantity} in {raw_unit}"
    return quantity, unit, _refusal(config, names, quantity, place, last)


def _refusal(config: dict[str, Any], names: Names, quantity: str, place: Place | None, last: str) -> str:
    """A setpoint's, a limit's or the electronics' own: by name, by the object around it, or as a diagnosis."""
    for text in filter(None, (names.name, last) if names.name or last else names.ids):
        read = _read_as(text, quantity)
        if read.refusal:
            return f"discovery calls it {text!r}: {read.refusal}"
    for part in place.path[:-1] if place else ():
        if str(part).lower() in CONTAINERS_REFUSED:
            return f"discovery takes it from {part!r}: what lies there is no reading"
    category = text_of(config.get("entity_category"))
    if category == "config" or (category == "diagnostic" and quantity in ("temperature", "humidity")):
        return f"discovery puts it among a device's {category} values"
    return ""


def _read_as(text: str, quantity: str) -> Name:
    """A name of a value whose quantity is known: ``CPU`` is the CPU's temperature."""
    read = read_name(text)
    return read if read.quantity is not None else read_name(f"{text} {quantity.replace('_', ' ')}")


def probe_of(names: Names, quantity: str, place: Place, topic: Topic) -> tuple[str, str]:
    """The probe and its value's name; "" where the entity's names say nothing but the quantity."""
    same = (quantity, *(("battery", "battery_voltage") if quantity.startswith("battery") else ()))
    for text in filter(None, (names.name, *names.ids)):
        read = read_letter(text)
        if read.quantity in same:
            return _cut(read.probe), _cut(text) if read.remainder else ""
    path = [str(part) for part in place.path if not read_key(str(part)).wrapper]
    if path and read_letter(path[-1]).quantity in same:
        full = "/".join(path)
        probe = derive_probe(full)
        return _cut(probe), _cut(full) if probe else ""
    if not names.name or topic.name.quantity in same:
        return "", ""
    read = _read_as(names.name, quantity)
    return _cut(read.probe or names.name.lower()), _cut(names.name)


def model_of(names: Names, place: Place) -> str:
    """The part (``DHT22``) that the value's place or the entity's name begins with."""
    return next((found for text in (*map(str, place.path), names.name) if (found := read_model(text))), "")


def text_of(raw: object, default: str = "") -> str:
    """A text, or a figure or truth as Home Assistant would write it."""
    if isinstance(raw, str):
        return _cut(printable(raw))
    return str(raw)[:_LONGEST_TEXT] if isinstance(raw, int | float) else default


def _cut(text: str) -> str:
    return shorten(text, _LONGEST_TEXT)


def label_of(device: Device) -> str:
    """What people call the device, where that is more than its id."""
    return device.label if device.label != device.id else ""


def _folded(text: str) -> str:
    """Lower case, one ``_`` for any sign: ``Kitchen Sensor`` and ``kitchen_sensor`` begin alike."""
    return "".join(char.lower()[:1] if char.isalnum() else "_" for char in text)
