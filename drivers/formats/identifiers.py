"""Whether an ``id`` is a device's or a message's: how its values come tells, for a message's never comes again.

A whole number, a UUID or a long key may be either; until one comes again the value is the topic's, as a counter's is.
Then the first that was heard keeps the topic's name, so that its series goes on. Any other text, and a text of two
digits, is a name from the start, unless it goes on counting where the last one stopped.
"""

import re
from typing import Any

from drivers.formats.memory import keep

PART = "ids"
"""The memory's part: by topic, what its ids are: ``[NAMES, first]`` or ``[COUNTS]``."""
NAMES, COUNTS = "names", "counts"
_HEARD = "_ids"
"""By topic, the ids since the connection: the first, the others in the order of their last coming, and how many came
before a counter began anew."""
_MOST_TOPICS = 1_000
_MOST_HEARD = 128

_EITHER = re.compile(
    r"[0-9]{3,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{20,}|[0-9A-HJKMNP-TV-Z]{26}"
)
"""A number, a UUID, a database's or hash's key, an ULID."""
_COUNTED = re.compile(r"([0-9a-fA-F]{8,})|(.*?[^0-9])?([0-9]{4,19})")
"""Texts that may go on counting: hexadecimal, or with a number of four digits at the end."""
_STEP = 16
"""The farthest from one message's number to the next that still is counting on."""
_CONVINCED = 2
"""Ids in a row that came before: a broker may deliver one message again."""
_SHORTEST_RUN = 4
"""Messages before a counter may have begun anew: three ids in turn are three devices."""


def names_device(memory: dict[str, Any], topic: str, identifier: int | str) -> bool:
    """Hear one id on a topic; whether it names a device other than the one that goes by the topic."""
    either = isinstance(identifier, int) or _EITHER.fullmatch(identifier) is not None
    identifier = str(identifier)
    heard = memory.setdefault(_HEARD, {})
    held = heard.get(topic)
    if held is None:
        held = {"first": identifier if either else "", "order": {identifier: None}, "run": 0, "new": 0, "again": 0}
        keep(memory, _HEARD, topic, held, _MOST_TOPICS)
    order: dict[str, None] = held["order"]
    last = next(reversed(order))
    if identifier != last:
        _take(memory, topic, held, identifier, either)
    told = memory.get(PART, {}).get(topic)
    if told is not None and told[0] == NAMES:
        return bool(identifier != told[1])
    return told is None and not either


def _take(memory: dict[str, Any], topic: str, held: dict[str, Any], identifier: str, either: bool) -> None:
    """Judge an id that is not the last one's."""
    order: dict[str, None] = held["order"]
    told = memory.get(PART, {}).get(topic, [""])[0]
    if told != NAMES and held["run"] != len(order) and _begins_anew(order, identifier):
        held["run"] = len(order)  # a counter comes that far twice only if it is none
        order.clear()
    elif identifier not in order:
        held["new"] += 1
        held["again"] = 0
        if told == NAMES and held["new"] > _MOST_HEARD:
            memory[PART].pop(topic)  # so many devices there are not: they were a counter's after all
        elif not told and not either and _counts_on(next(reversed(order)), identifier):
            keep(memory, PART, topic, [COUNTS], _MOST_TOPICS)
    else:
        order.pop(identifier)
        held["new"] = 0
        held["again"] += 1
        if told != NAMES and held["again"] >= _CONVINCED:
            keep(memory, PART, topic, [NAMES, "" if told == COUNTS else held["first"]], _MOST_TOPICS)
    order[identifier] = None
    if len(order) > _MOST_HEARD:
        del order[next(iter(order))]


def _begins_anew(order: dict[str, None], identifier: str) -> bool:
    """Whether a counter may have started again: from the least of what has only risen, or below it."""
    if len(order) < _SHORTEST_RUN or not identifier.isdecimal():
        return False
    numbers = [int(one) for one in order if one.isdecimal()]
    return len(numbers) == len(order) and int(identifier) <= numbers[0] and numbers == sorted(numbers)


def _counts_on(last: str, identifier: str) -> bool:
    before, now = _COUNTED.fullmatch(last), _COUNTED.fullmatch(identifier)
    if before is None or now is None or len(last) != len(identifier) or before[2] != now[2]:
        return False
    if before[1] is not None and now[1] is not None:
        return 0 < int(now[1], 16) - int(before[1], 16) <= _STEP
    return before[3] is not None and now[3] is not None and 0 < int(now[3]) - int(before[3]) <= _STEP
