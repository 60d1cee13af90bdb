"""What an MQTT topic says by itself: whose it is, what its last level means, and whether it can carry a reading."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from drivers.formats.names import NO_NAME, Name, read_address, read_name, refusal_around
from drivers.formats.units import fits
from drivers.formats.vocabulary import SAID_OF_READINGS, UNIT_WORDS
from drivers.formats.words import words

_MESSAGE_KINDS = frozenset(
    words(
        """state status reading readings data telemetry value values measurement measurements json message msg
        payload uplink tele stat result update event events report reported info"""
    )
)
"""Last levels that name the kind of message and not the device."""

_AVAILABILITY = frozenset(
    words("""lwt availability available status state online connected connection alive $state will $online birth""")
)
_COMMANDS_ANYWHERE = frozenset(
    words(
        """cmnd cmd cmds command commands rpc comando comandos orden ordenes befehl befehle kommando kommandos commande
        commandes comandi opdracht opdrachten polecenie polecenia komento parancs komut команда команды devicebound"""
    )
)
_COMMANDS = frozenset((*_COMMANDS_ANYWHERE, *words("set get request requests control ctrl downlink")))
_CHATTER = frozenset(
    words(
        """debug log logs logging discover discovery announce config configuration settings ota
        update_available firmware version ip mac rssi linkquality uptime heap $homeassistant attributes
        button action error errors exception last_reset reboot restart act_reasons"""
    )
)


_HOME_ASSISTANT = frozenset(words("homeassistant home-assistant home_assistant statestream hass ha"))
_TARGETS = {
    "climate": frozenset(words("temperature humidity target_temp_high target_temp_low")),
    "water_heater": frozenset(words("temperature target_temp_high target_temp_low")),
    "humidifier": frozenset(("humidity",)),
}
"""Attributes that hold a wish, by Home Assistant's domain; what is measured is ``current_…``."""
_HELPERS = frozenset(
    words(
        """number input_number select input_select input_text input_boolean input_datetime text switch light timer
        counter"""
    )
)
"""Home Assistant's domains whose state somebody set."""
_OF_THE_AIR = re.compile(r"luft|lucht|воздух|(?:^|[\W_])(?:air|aire|aria|ar)(?:[\W_]|$)", re.IGNORECASE)
_KINDS_OF_TELLING = SAID_OF_READINGS | {"raw"}
"""Levels that say how or why a device tells, where its message and not the topic names the quantities."""
_SHADOW_STATES = frozenset(words("update accepted documents"))
"""The last levels of a shadow's topic under which AWS IoT tells what a device reported; ``delta`` is a wish."""


@dataclass(frozen=True, slots=True)
class Topic:
    """``device`` is the topic without a leading slash and without a last level that only names the quantity or the
    kind of message; None where nothing is left. ``name`` is what ``telling``, the last level that is no kind of
    message, says. ``refusal`` is why a topic can carry no reading, "" where it can; ``around`` why by a level that
    is only a word (``target``), which the configuration may know better.
    """

    text: str
    levels: tuple[str, ...]
    device: str | None
    telling: str
    name: Name
    availability: bool
    discovery: bool
    refusal: str
    around: str


@lru_cache(maxsize=4096)
def read_topic(text: str) -> Topic:
    """Remembered: a fleet publishes on few topics, often. An MQTT topic has at most 65,535 bytes."""
    levels = tuple(text.strip("/").split("/"))
    lowered = [level.lower() for level in levels]
    kept = len(levels) - (lowered[-1] in _MESSAGE_KINDS)
    telling = levels[kept - 1] if kept else ""
    name = read_address(telling) or read_name(telling)
    above = read_name(levels[kept - 2]) if kept > 1 else NO_NAME
    unit = UNIT_WORDS.get(telling.lower()) or ("%" if telling == "%" else "")
    if unit and above.quantity is not None and fits(above.quantity, unit):  # temperature/F: its unit is a level
        kept -= 1
        telling, name = levels[kept - 1], replace(above, unit=unit)
    if name.quantity is not None and not name.remainder and not name.refusal:
        kept -= 1
    cloud = _cloud_device(levels)
    return Topic(
        text,
        levels,
        "/".join(levels[:kept]) or None if cloud is None else cloud or None,
        telling,
        name,
        lowered[-1] in _AVAILABILITY and name.quantity is None,
        lowered[-1] == "config" and len(levels) >= 4,
        _refusal(lowered),
        "" if name.quantity == "humidity" and _OF_THE_AIR.search(telling) else _around(levels[:kept], name.quantity),
    )


def _refusal(lowered: list[str]) -> str:
    if lowered[0] == "$sys":
        return "the broker speaks of itself on $SYS"
    if lowered[-1] in _COMMANDS or lowered[0] in _COMMANDS or not _COMMANDS_ANYWHERE.isdisjoint(lowered):
        return "the topic is a command's to a device"
    if lowered[0] == "$aws" and "shadow" in lowered and lowered[-1] not in _SHADOW_STATES:
        return "AWS IoT tells here what is wished of a device, or that nothing was stored"
    if lowered[0] == "$iothub" and "methods" in lowered:
        return "the topic is a command's to a device"
    domain = lowered[-3] if len(lowered) > 3 else ""
    if lowered[-1] in _TARGETS.get(domain, ()) and not _HOME_ASSISTANT.isdisjoint(lowered[:-3]):
        return f"Home Assistant's {domain!r} tells here what is wished"
    if domain in _HELPERS and lowered[-1] == "state" and not _HOME_ASSISTANT.isdisjoint(lowered[:-3]):
        return f"Home Assistant's {domain!r} holds what somebody set"
    if "bridge" in lowered[1:]:
        return "'bridge' in the topic: a bridge speaks about itself"
    for level in lowered[-2:]:
        if level in _CHATTER:
            return f"{level!r} in the topic: a device speaks about itself"
    return ""


def _cloud_device(levels: tuple[str, ...]) -> str | None:
    """Whose a cloud's topic is: "" where only the connection tells; None for any other topic.

    Source: AWS IoT Device Shadow's MQTT topics; Azure IoT Hub, communicate by the MQTT protocol.
    """
    match levels:
        case ["$aws", "things", thing, "shadow", "name", shadow, *_]:
            return f"{thing}/{shadow}"
        case ["$aws", "things", thing, "shadow", *_]:
            return thing
        case ["$iothub", *_]:
            return ""
        case ["devices", device, "messages", "events", *_]:
            return device
    return None


def _around(levels: tuple[str, ...], quantity: str | None) -> str:
    """What the levels above the quantity say; where the topic names none, what they say of any temperature."""
    for place, level in enumerate(reversed(levels)):
        if quantity is None and level.lower() in _KINDS_OF_TELLING:
            continue
        reason = refusal_around(level, quantity or "temperature", far=place > 0)
        if reason:
            return f"{level!r} in the topic: {reason}"
    return ""
