"""What a value's name says: its quantity, its unit, and the probe that remains when those words are taken out."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from drivers.formats.units import fits
from drivers.formats.vocabulary import (
    ALLOWED_WITH,
    BESIDE_REFUSED,
    COMMANDS,
    LETTERS,
    LONGEST_PHRASE,
    MODELS,
    NAMES_OF_ROOMS,
    NEUTRAL,
    OF_A_PLANT,
    OTHER_QUANTITIES,
    PHRASES,
    REFUSED,
    REFUSED_ANYWHERE,
    REFUSED_AROUND,
    REFUSED_BEHIND,
    REFUSED_PAIRS,
    REFUSED_PIECES,
    SHORT_STEMS,
    STEM_COMPANIONS,
    STEMS,
    UNIT_WORDS,
    VENDOR_NAMES,
    VENDOR_REFUSED,
)

LONGEST_NAME = 96
"""Characters. A longer name is text, not a name; and what is remembered of names must stay small."""

_MOST_WORDS = 12
"""Words of a name; what has more is prose or noise."""

_ADDRESS = r"(?<![^\W_])[0-9a-fA-F]{12,16}(?![^\W_])"
"""A MAC or 1-Wire address: one word, whatever its letters would say."""
_WORD = re.compile(
    rf"{_ADDRESS}|" r"[er]?co2(?![0-9])|[A-Z]{2,}(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\d_A-Za-z]+"
)
_ONE_WORD = re.compile(
    r"(?i:[er]?co2)(?![0-9])|(?<![A-Za-z])(?:mV|kPa|hPa|mmHg|inHg|degC|degF|oC|oF|pH)(?![a-z])",
)
"""Words whose capitals are no camel humps."""


@dataclass(frozen=True, slots=True)
class Name:
    """``quantity`` None: the name names none of ours. ``refusal`` says why one that does is no reading.

    ``unit`` is "" where the name tells none. ``remainder`` is the name less those words, ``probe`` the same in lower
    case. ``bare``: the name is nothing but the quantity (and unit), so it needs no mention beside it. ``aside`` are the
    words that tell no probe, where nothing else remains: ``air`` of an air temperature.
    """

    quantity: str | None = None
    unit: str = ""
    remainder: str = ""
    bare: bool = False
    refusal: str = ""
    aside: str = ""

    @property
    def probe(self) -> str:
        return self.remainder.lower()


NO_NAME = Name()


class _Word(NamedTuple):
    text: str
    start: int
    end: int


def read_name(name: str) -> Name:
    """What a key, label, column title or topic level says. Remembered: devices use few names, often."""
    return _read(name) if len(name) <= LONGEST_NAME else NO_NAME


def read_letter(name: str) -> Name:
    """The same for a quantity of one letter (``T``, ``DHT11#1 H``, ``T2``), where the context bears it out."""
    plain = read_name(name)
    if plain.quantity is not None or len(name) > LONGEST_NAME:
        return plain
    words = _split(name)
    place = len(words) - (2 if words and words[-1].text.isdecimal() else 1)
    if place < 0 or words[place].text not in LETTERS:
        return plain
    remainder = _remaining(name, [*words[:place], *words[place + 1 :]])
    return Name(LETTERS[words[place].text], "", remainder, bare=not remainder)


def read_address(name: str) -> Name | None:
    """The temperature of a 1-Wire thermometer that a key or level names by its address; None for any other name."""
    told = _ONE_WIRE.fullmatch(name) or (_ONE_WIRE_ROM.fullmatch(name) and _crc8(bytes.fromhex(name)) == 0)
    return Name("temperature", remainder=name) if told else None


def derive_probe(name: str | None) -> str:
    """The probe of a measurement's name: what remains without the quantity's words and index 0.

    A name may be a path (``temperatureSensor/1``, ``ext_temperature/0``): each of its parts gives what it has.
    """
    return _probe(name[: 2 * LONGEST_NAME]) if name else ""


@lru_cache(maxsize=8192)
def _probe(name: str) -> str:
    return "/".join(filter(None, map(_probe_of_part, name.split("/"))))


def _probe_of_part(part: str) -> str:
    known = read_name(part)
    if known.quantity is not None:
        return known.probe
    words = _split(part)
    return "" if all(word.text in NEUTRAL or word.text.strip("0") == "" for word in words) else part


@lru_cache(maxsize=8192)
def _read(name: str) -> Name:
    words = _split(name)
    if len(words) > _MOST_WORDS:
        return NO_NAME
    vendor = VENDOR_NAMES.get(words[0].text) if words else None
    if vendor is not None:
        return Name(vendor, "", _remaining(name, words[1:]), bare=False, refusal=_refusal(words[1:], vendor))
    quantity, used = _find_quantity(words)
    if quantity is None:
        return _read_compound(name, words)
    last = PHRASES.get((words[max(used)].text,))
    if quantity in _OF_A_BATTERY and last == "temperature":
        return Name(last, refusal="a battery's own heat is not the room's")
    if name in VENDOR_REFUSED:
        return Name(quantity, refusal=VENDOR_REFUSED[name])
    unit = _unit_among(words, quantity, used)
    rest = [
        word
        for place, word in enumerate(words)
        if place not in used and not _says_in(words, place) and not _unit_at(words, place, quantity, used)
    ]
    if quantity == "battery_voltage" and unit == "V":
        unit = ""  # "voltage" may hold mV: the value tells
    remainder = _remaining(name, rest)
    aside = "" if remainder else "_".join(word.text for word in rest)
    refusal = _refusal(rest, quantity) or _refusal_behind(words, used)
    return Name(quantity, unit, remainder, bare=not rest, refusal=refusal, aside=aside)


def _refusal_behind(words: list[_Word], used: Collection[int]) -> str:
    """Why a name whose last word, behind its quantity, is another thing's (``temp_pin``) names none of ours."""
    last = len(words) - 1
    told = last > 0 and last not in used and last - 1 in used and words[last].text in REFUSED_BEHIND
    return "it speaks about a value and is none" if told else ""


_FAMILIES = "10|22|28|3[bB]|42"
_ONE_WIRE = re.compile(rf"(?:{_FAMILIES})[-.][0-9a-fA-F]{{12}}|28[fF]{{2}}[0-9a-fA-F]{{12}}")
_ONE_WIRE_ROM = re.compile(rf"(?:{_FAMILIES})[0-9a-fA-F]{{14}}")
"""A 1-Wire thermometer's address (DS18S20, DS1822, DS18B20, DS1825, DS28EA00) as w1, owfs and sketches write it."""


def _crc8(rom: bytes) -> int:
    """Maxim's CRC of a 1-Wire address, whose last byte makes it 0 (application note 27)."""
    crc = 0
    for byte in rom:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def _split(name: str) -> list[_Word]:
    """Words with their places; accents, case and camel humps gone."""
    marked = _ONE_WORD.sub(lambda match: match[0].lower(), plain_letters(name))
    return [_Word(match[0].lower(), match.start(), match.end()) for match in _WORD.finditer(marked)]


def plain_letters(text: str) -> str:
    """A text without accents, each character one: ``Gerät`` becomes ``Gerat``."""
    return text if text.isascii() else "".join(map(_without_accent, text))


_GREEK = re.compile(r"[\u0370-\u03ff]")
_BARE = {"ß": "s", "ı": "i", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d", "ð": "d", "æ": "a", "Æ": "a"}
"""Letters that no normal form takes apart."""


def _without_accent(char: str) -> str:
    """One character for one, so that places in the name stay: é becomes e, ί becomes ι, 温 stays."""
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() or _GREEK.match(base) else _BARE.get(char, char)


_RANK = {"battery": 1, "battery_voltage": 1, "heat_index": 2, "dew_point": 2, "pressure_sea_level": 2}


_OF_A_BATTERY = ("battery", "battery_voltage")


def _find_quantity(words: list[_Word]) -> tuple[str | None, frozenset[int]]:
    """The quantity and the places of all words that name one. The more special wins, then the last:

    ``dew_point_temperature`` is a dew point, ``humidity_sensor_battery`` a battery, ``pressure_temperature`` the
    temperature that a pressure sensor takes.
    """
    found: str | None = None
    used: set[int] = set()
    place = 0
    while place < len(words):
        for length in range(min(LONGEST_PHRASE, len(words) - place), 0, -1):
            quantity = PHRASES.get(tuple(word.text for word in words[place : place + length]))
            if quantity is not None:
                if found is None or _RANK.get(quantity, 0) >= _RANK.get(found, 0):
                    found = quantity
                used.update(range(place, place + length))
                place += length - 1
                break
        place += 1
    return found, frozenset(used)


def _says_in(words: list[_Word], place: int) -> bool:
    """``Temperature in C``: the preposition, not the inside."""
    return words[place].text == "in" and place > 0 and place + 1 < len(words) and words[place + 1].text in UNIT_WORDS


def _unit_among(words: list[_Word], quantity: str, used: Collection[int]) -> str:
    units = (_unit_at(words, place, quantity, used) for place in reversed(range(len(words))))
    return next(filter(None, units), "")


def _unit_at(words: list[_Word], place: int, quantity: str, used: Collection[int]) -> str:
    """The unit that a word tells, where it fits; "" where it tells none."""
    unit = UNIT_WORDS.get(words[place].text)
    if unit is None or not fits(quantity, unit):
        return ""
    return "" if len(words[place].text) == 1 and _names_a_place(words, place, used) else unit


def _names_a_place(words: list[_Word], place: int, used: Collection[int]) -> bool:
    """Whether a letter is no unit but who measured: ``C1_temperature``, ``temp F1``, ``Sensor F Temp``.

    A unit stands behind the quantity, or alone before it (``F Temp``), and no figure is a part of it: ``temp1F`` is the
    first one's, in °F.
    """
    before = place - 1
    if before >= 0 and words[before].text.isdecimal() and words[before].end == words[place].start:
        before -= 1
        if before not in used or words[before].end != words[before + 1].start:
            return True
    after = words[place + 1] if place + 1 < len(words) else None
    if after is not None and after.text.isdecimal() and after.start == words[place].end:
        return True
    return place < min(used) and len(words) > len(used) + 1


def _read_compound(name: str, words: list[_Word]) -> Name:
    """A quantity inside a longer word: ``raumtemperatur``, ``tempinf``."""
    for place, word in enumerate(words):
        for stem, quantity in STEMS:
            at = word.text.find(stem)
            if at < 0 or word.text in REFUSED or len(word.text) != word.end - word.start:
                continue
            before, after = word.text[:at], word.text[at + len(stem) :]
            if stem in SHORT_STEMS and not (before in STEM_COMPANIONS if before else after in STEM_COMPANIONS):
                continue
            unit = "°F" if quantity == "temperature" and (stem == "tempf" or after in {"inf", "outf", "f"}) else ""
            pieces = [before, after.removesuffix("f") if unit else after]
            pieces = [piece for piece in pieces if piece not in {"", "c"} and piece not in NEUTRAL]
            rest = [*words[:place], *words[place + 1 :]]
            outer = _remaining(name, rest)
            probe = "_".join(piece for piece in (outer, *pieces) if piece)
            unit = unit or _unit_among(words, quantity, (place,))
            inside = [
                part for piece in pieces for part in REFUSED_PIECES if piece.startswith(part) or piece.endswith(part)
            ]
            folded = [*rest, *(_Word(piece, 0, 0) for piece in (*pieces, *inside))]
            return Name(quantity, unit, probe, bare=not probe, refusal=_refusal(folded, quantity))
    return NO_NAME


def _refusal(rest: list[_Word], quantity: str) -> str:
    texts = [word.text for word in rest]
    pairs = list(pairwise(texts))
    of_rooms = {word for pair in pairs if pair in NAMES_OF_ROOMS for word in pair}
    for text in texts:
        reason = _refusal_of(text, quantity)
        if reason and text not in of_rooms:
            return reason
    if quantity == "humidity" and _is_of_a_plant([text for text in texts if text not in NEUTRAL]):
        return "it is another quantity"
    return next((REFUSED_PAIRS[pair] for pair in pairs if pair in REFUSED_PAIRS), "")


def _is_of_a_plant(texts: list[str]) -> bool:
    told = [text for text in texts if not text.isdecimal()]
    floor = "planta" in told and len(told) < len(texts)
    return bool(told) and not floor and OF_A_PLANT.issuperset(told)


def _refusal_of(word: str, quantity: str) -> str:
    return "" if quantity in ALLOWED_WITH.get(word, ()) else REFUSED.get(word, "")


def refusal_around(name: str, quantity: str, far: bool = False) -> str:
    """Why no ``quantity`` below an object, node or level of this name is a reading; "" where it may be one.

    The whole name has to say so: ``setpoints``, ``gpu0``, ``max values``; an ``Alarm room`` is a room. ``far``: not the
    name right above, but one further up.
    """
    return _refusal_around(name, quantity, far) if len(name) <= LONGEST_NAME else ""


@lru_cache(maxsize=4096)
def _refusal_around(name: str, quantity: str, far: bool) -> str:
    known = REFUSED_ANYWHERE if far else REFUSED_AROUND
    told = [word.text for word in _split(name) if word.text not in NEUTRAL and word.text not in BESIDE_REFUSED]
    words = [word for word in told if not word.isdecimal()]
    if not words or not known.issuperset(words) or (words == ["set"] and len(told) > 1):  # set1 is a thing's name
        return ""
    return next(filter(None, (_refusal_of(word, quantity) for word in words)), "")


def is_command(text: str) -> bool:
    """Whether what a message says of itself tells a device what to do: ``set``, ``setTemperature``, ``config``."""
    return len(text) <= LONGEST_NAME and _is_command(text)


@lru_cache(maxsize=1024)
def _is_command(text: str) -> bool:
    words = _split(text)
    return bool(words) and (words[0].text in COMMANDS or words[-1].text == "set")


def _remaining(name: str, rest: list[_Word]) -> str:
    """What is left of a name: neighbours keep what stood between them, a gap becomes ``_``."""
    kept = [word for word in rest if word.text not in NEUTRAL]
    if len(kept) == 1 and kept[0].text.strip("0") == "":
        return ""
    probe = ""
    previous: _Word | None = None
    for word in kept:
        if previous is not None:
            between = name[previous.end : word.start]
            probe += "_" if any(char.isalnum() for char in between) or between.isspace() else between
        probe += name[word.start : word.end]
        previous = word
    return probe


def names_another_quantity(name: str) -> bool:
    """Whether a name that names none of our quantities names one that we know not to be ours (``wifi_signal``)."""
    return len(name) <= LONGEST_NAME and any(word.text in OTHER_QUANTITIES for word in _split(name))


def is_another_quantity(name: str) -> bool:
    """The same of the whole name: ``wind_speed``; a ``power_room`` is a room."""
    words = _split(name) if len(name) <= LONGEST_NAME else []
    return bool(words) and all(word.text in OTHER_QUANTITIES for word in words)


_MODEL = re.compile(rf"({'|'.join(MODELS)})[0-9a-z]*[0-9][0-9a-z]*", re.IGNORECASE)


@lru_cache(maxsize=1024)
def read_model(text: str) -> str | None:
    """The sensor part that a text begins with (``DHT22``, ``SHT3X-0x44`` gives ``SHT3X``), in capitals; or None."""
    match = _MODEL.match(text) if len(text) <= LONGEST_NAME else None
    return match[0].upper() if match else None
