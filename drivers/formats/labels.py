"""Scanning a line of text for labelled values: ``Humidity: 45.2 %``, ``temp=-0.6``, ``T 21.5``, ``19 *C, 31 H``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from drivers.formats.names import NO_NAME, Name, read_letter, read_name
from drivers.formats.subjects import read_subject, refusal_under
from drivers.formats.units import fits, read_unit
from drivers.formats.values import FAILED, FAILURE_WORDS, Failure, is_sentinel
from drivers.formats.words import words

MOST_VALUES = 32
"""Values looked at in one line; the longest sketch prints a dozen."""
MOST_TOKENS = 256
"""Words and numbers looked at in one line, values or not."""

_TOKEN = re.compile(
    r"(?P<number>(?<![\w.])(?:(?<![\d)\]%])[+-])?(?:[0-9]{1,10}(?:\.[0-9]{1,10}|,[0-9]{1,10}(?![0-9,]))?|\.[0-9]{1,10}))"
    r"|(?P<word>[^\W\d_][\w#]*)|(?P<dashes>--[-.]*)"
)
_UNIT = re.compile(
    r"\s?(?:(?:Â?[°º˚]|[*'`?\ufffd]|o(?=[CF]\b)|(?:deg(?:rees?)?|grad[oi]s?|graus?)\b)\s?)?"
    r"(?P<degrees>[CFK]|celsius|celcius|cent[ií]grad(?:e|[oi]s?)|fahrenheit)"
    r"(?![\w:=]|\s?[:=])"
    r"|\s?(?:RH\s?)?(?P<share>%)(?:t(?=\s|(?-i:[A-Z]))|\s?(?:RH|rH|HR|r\.?\s?[FH]\.?)?(?![\w:=]))"
    r"|\s?(?P<other>hPa|mbar|kPa|Pa|mmHg|inHg|lux|lx|ppm|mV|V)(?![\w:=]|\s?[:=])"
    r"|\s?(?P<relative>RH|H)(?=\s*(?:[,;)]|$))"
    r"|\s?(?P<bare>Â?[°º˚]|(?:grad[oi]s?|graus?)\b)",
    re.IGNORECASE,
)
"""What may stand behind a figure. ``%t`` is a sketch's ``%\\t`` that lost its backslash."""
_LABEL_UNIT = re.compile(r"[(\[]\s*([^()\[\]]{1,14})\s*[)\]]\s*$")
_SCOPE = re.compile(r"(\w[\w #.-]{0,30}?)\s?(?::|[\])]|->)\s*$")
_SEGMENTS = re.compile(r"[,;|~\t(){}\[\]<>\"]|\.\s|\s-+\s|:\s?")
_CLOCK_BEFORE = re.compile(r"(?:^|[^\w.])[0-9]{1,4}[:/]$")
_CLOCK_BY_LETTERS = re.compile(r"\bH\s?[:=]?\s?[0-9]+\s*[,;]?\s*M\b", re.IGNORECASE)
"""``H: 12 M: 30``: hours, no humidity."""
_FOREIGN_UNIT = re.compile(
    r"\s?(?:[kcm]?m|dBm?|m?A|k?W|[kM]?Hz|[mu]?s|sec|min|ppb|ug/m3|[µu]g/m[³3]|mg/m3|g/m[³3]|counts?|raw|bytes|kB|m/s|km/h|ft)(?![\w:=]|\s?[:=])"
)
"""Units of what is not ours: their value is none, and they do not begin the next label."""
_OF_A_DEVICE = re.compile(r"\bfor (?:the )?(?:device|sensor)\b|\([^()]*\)", re.IGNORECASE)
"""DallasTemperature's examples: ``Temperature for the device 1 (index 0) is: 21.5``."""
_VALUE_FOLLOWS = re.compile(r"\s*(?:\([^()]*\))?\s*(?:is|es|ist)?\s*[:=]\s*[+-]?[0-9]", re.IGNORECASE)
_HEX_PAIR = re.compile(r"[0-9a-fA-F]{2}")
_LETTERS = {"i": "heat_index", "d": "dew_point"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value as a line labels it. ``letter``: the label is one letter, believed only where others bear it out.

    ``scope`` is what stands before the label and a colon or bracket: perhaps a sensor that is spoken of from here on.
    """

    name: Name
    label: str
    value: float | Failure
    unit: str
    letter: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True)
class _Figure:
    """A number or failure word with what stands before and after it."""

    value: float | Failure
    unit: str
    before: str
    at_start: bool
    cut: bool  # it starts with a point at the line's start: digits are missing


def scan(line: str, first: bool = False) -> list[Labelled]:
    """The labelled values of a line, in order. ``first``: its beginning may be missing, so only labels count."""
    figures = list(islice(_figures(line), MOST_VALUES))
    if not figures:
        return []
    if figures[0].at_start and len(figures) > 1 and not first and _labels_follow(line, figures):
        figures = [
            replace(figure, before=after) for figure, after in zip(figures, _labels_after(line, figures), strict=True)
        ]
    found: list[Labelled] = []
    heading = ""
    for figure in figures:
        labelled = _label(figure, found[-1] if found else None, first)
        if labelled is None:
            continue
        heading = labelled.scope or heading
        if not refusal_under(heading, labelled.name.quantity or ""):
            found.append(labelled)
    return _believed(found, clock=_CLOCK_BY_LETTERS.search(line) is not None)


def _figures(line: str) -> Iterator[_Figure]:
    """Numbers and failure words; a number that belongs to a word, a clock or a name is left in the text before it."""
    start = end = 0
    for token in islice(_TOKEN.finditer(line), MOST_TOKENS):
        if token.start() < end:
            continue
        before = line[start : token.start()]
        unit = _UNIT.match(line, token.end())
        stop = unit.end() if unit else token.end()
        number = token["number"]
        if number is None:
            if not _is_failure(token, before):
                continue
            yield _Figure(FAILED, "", before, False, False)
        elif unit is None and (foreign := _FOREIGN_UNIT.match(line, stop)):
            stop = foreign.end()
        elif not _is_value(line, token.start(), stop, before, unit is not None):
            continue
        else:
            at_start = start == 0 and not before.strip()
            yield _Figure(float(number.replace(",", ".")), _unit_text(unit), before, at_start, number[0] == ".")
        start = end = stop


def _is_failure(token: re.Match[str], before: str) -> bool:
    """Whether a word or dashes stand in a labelled value's place and say that there is none."""
    said = token["dashes"] is not None or token["word"].lower() in FAILURE_WORDS
    return said and _name_of(before).name.quantity is not None


def _is_value(line: str, start: int, stop: int, before: str, has_unit: bool) -> bool:
    if not _stands_alone(line, start, stop, has_unit):
        return False
    return has_unit or not before.strip() or _introduces(before, line[stop:])  # else an index: "Sensor 1 temp: 23.4"


def _introduces(before: str, after: str) -> bool:
    """Whether what stands between the two is a value and no part of a name (``Temperature 1: 21.5``)."""
    if before.rstrip().endswith((":", "=")):
        return True
    return _name_of(before).name.quantity is not None and not _VALUE_FOLLOWS.match(after)


def _stands_alone(line: str, start: int, end: int, has_unit: bool) -> bool:
    """Not part of a hex figure, a clock, a date or a version."""
    before, after = line[start - 1 : start], line[end : end + 2]
    if not has_unit and after[:1] and (after[0].isalnum() or after[0] == "_"):
        return False
    if after[:1] in (":", "/", "-", ".") and after[1:2].isdigit():
        return False
    return not (before in (":", "/") and _CLOCK_BEFORE.search(line[max(0, start - 8) : start]))


def _unit_text(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    if match["degrees"]:
        return {"c": "°C", "f": "°F", "k": "K"}[match["degrees"][0].lower()]
    if match["share"]:
        return "%"
    if match["relative"]:
        return "%RH"
    return (read_unit(match["other"]) or "") if match["other"] else "°"


def _labels_follow(line: str, figures: list[_Figure]) -> bool:
    return read_name(_labels_after(line, figures)[-1].strip(" .,;!)")).quantity is not None


def _labels_after(line: str, figures: list[_Figure]) -> list[str]:
    """For lines such as ``23.5 C temperature, 45 % humidity``: each figure's label is what stands before the next."""
    place = sum(len(figure.before) for figure in figures[:1])
    labels = [figure.before for figure in figures[1:]]
    tail = re.split(r"[0-9]", line[place:])[-1]
    unit = _UNIT.match(tail)
    return [*labels, tail[unit.end() :] if unit else tail]


class _Label(NamedTuple):
    """A label before a figure: its ``name``, its ``words``, the ``unit`` in its parentheses, whether : or = follows."""

    name: Name
    words: str
    unit: str
    introduced: bool
    scope: str


def _name_of(text: str) -> _Label:
    """The last label in a text, and what it says to come from (``Labelled.scope``)."""
    text = text.rstrip()
    introduced = text.endswith((":", "="))
    text = text.rstrip(":= \t-")
    unit = ""
    match = _LABEL_UNIT.search(text)
    if match is not None:
        unit = read_unit(match[1]) or ""
        text = text[: match.start()]
    text = _OF_A_DEVICE.sub(" ", text)
    segments = [segment.strip() for segment in _SEGMENTS.split(text[-120:])]
    words = next((segment for segment in reversed(segments) if segment), "").split()[-5:]
    while len(words) > 1 and _HEX_PAIR.fullmatch(words[0]):
        del words[0]
    label = " ".join(words).strip("-_.!?=*#").strip()
    scope = _SCOPE.search(text[-120:].removesuffix(segments[-1]))
    return _Label(read_letter(label) if label else NO_NAME, label, unit, introduced, scope[1] if scope else "")


def _label(figure: _Figure, previous: Labelled | None, first: bool) -> Labelled | None:
    name, label, unit, introduced, scope = _name_of(figure.before)
    told = figure.unit
    if name.refusal:
        return None
    if name.quantity is not None:
        one_letter = read_name(label).quantity is None
        return _settle(name, label, figure, told or unit or name.unit, letter=one_letter, scope=scope)
    letter = _LETTERS.get(label.lower())
    if letter is not None and introduced:
        return _settle(Name(letter, bare=True), label, figure, told, letter=True)
    if not label:
        return None if figure.cut or (first and previous is None) else _unlabelled(figure, previous)
    quantity = _BY_UNIT.get(told)
    if quantity is None or not introduced or _is_refused(label) or label.split()[-1].lower() in _OF_BYTES:
        return None
    return _settle(Name(quantity, remainder=label), label, figure, told)


_BY_UNIT = {"°C": "temperature", "°F": "temperature", "%RH": "humidity", "hPa": "pressure", "lx": "illuminance"}


_OF_BYTES = frozenset({"crc", "checksum", "data", "rom", "addr", "address", "id", "code", "hex"})
"""``CRC=1C`` is no degree."""


def _is_refused(label: str) -> bool:
    """Whether the label with a quantity's word beside it would be refused: ``Max Value`` as ``CPU``."""
    return bool(read_name(f"{label} temperature").refusal)


def _unlabelled(figure: _Figure, previous: Labelled | None) -> Labelled | None:
    """A figure without a label: the last value in another unit, or what its unit says."""
    unit = figure.unit
    if previous is not None:
        quantity = previous.name.quantity or ""
        if unit and unit != previous.unit and unit != "°" and fits(quantity, unit):
            return replace(previous, value=_told(quantity, figure.value), unit=unit)
        if unit == "%" and quantity == "temperature":
            return replace(previous, name=replace(previous.name, quantity="humidity"), value=figure.value, unit="%")
    by_unit = _BY_UNIT.get(unit)
    if by_unit is None or (previous is not None and previous.name.quantity == by_unit):
        return None
    return _settle(Name(by_unit, bare=True), "", figure, unit)


def _settle(
    name: Name, label: str, figure: _Figure, unit: str, *, letter: bool = False, scope: str = ""
) -> Labelled | None:
    quantity = name.quantity or ""
    symbol = "" if unit == "°" else "%" if unit == "%RH" else unit
    if symbol and not fits(quantity, symbol):
        return None
    return Labelled(name, label, _told(quantity, figure.value), symbol, letter, scope)


def _told(quantity: str, value: float | Failure) -> float | Failure:
    return FAILED if not isinstance(value, Failure) and is_sentinel(quantity, value) else value


_OF_THE_AIR = frozenset({"temperature", "humidity", "dew_point", "heat_index", "pressure"})


def _believed(found: list[Labelled], *, clock: bool) -> list[Labelled]:
    """One-letter labels count where both T and H stand, beside a word for another quantity, or where the unit fits."""
    both = {"temperature", "humidity"} <= {one.name.quantity for one in found if one.letter}
    spelt = set() if clock else {one.name.quantity for one in found if not one.letter} & _OF_THE_AIR
    return _carried([one for one in found if not one.letter or both or one.unit or spelt - {one.name.quantity}])


def _carried(found: list[Labelled]) -> list[Labelled]:
    """A line that begins with ``Kitchen temp 21.5 hum 40`` or ``BME280 Temperature: …`` speaks of that one throughout.

    Not where its labels name others too, and of water only the temperature is the water's.
    """
    grouped = _grouped(found)
    if grouped:
        return grouped
    subject = found[0].name.remainder if found else ""
    if not any(char.isalpha() for char in subject) or _is_of_no_air(subject):
        return found
    if any(one.name.remainder not in ("", subject) for one in found):
        return found
    carried = [_of(subject, one) if one.name.remainder == "" else one for one in found]
    return carried if _is_told_apart(carried) else found


_OF_NO_AIR = frozenset(
    words(
        "water pool agua piscina wasser becken eau piscine bassin acqua vasca zwembad woda vatten aquarium acuario tank"
    )
)


def _is_of_no_air(subject: str) -> bool:
    """Whether a probe of this name has no humidity of the air: one in water, or in soil."""
    return not _OF_NO_AIR.isdisjoint(re.findall(r"[^\W\d_]+", subject.lower())) or bool(
        read_name(f"{subject} humidity").refusal
    )


def _grouped(found: list[Labelled]) -> list[Labelled] | None:
    """The values of several sensors that one line names in turn (``in: temp=21 hum=44; out: temp=3 hum=85``).

    None where the labels alone tell every value from every other, or where the names do not either.
    """
    if _is_told_apart(found):
        return None
    grouped, subject = [], ""
    for one in found:
        subject = one.name.remainder or (one.scope if one.scope.isdecimal() else read_subject(one.scope)) or subject
        grouped.append(_of(subject, one) if subject and one.name.remainder == "" else one)
    subjects = {one.name.remainder for one in grouped} - {""}
    return grouped if len(subjects) > 1 and _is_told_apart(grouped) else None


def _is_told_apart(found: list[Labelled]) -> bool:
    """Whether no value of a line stands in another's place; °F may repeat °C."""
    places = [(one.name.quantity, one.name.remainder, one.unit) for one in found]
    return len(places) == len(set(places))


def _of(subject: str, one: Labelled) -> Labelled:
    return replace(one, name=replace(one.name, remainder=subject, bare=False), label=f"{subject} {one.label}")
