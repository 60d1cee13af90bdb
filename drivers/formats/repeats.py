"""Devices that tell one measurement on several topics: it is counted once, whichever topic comes first."""

from typing import Any

from drivers.formats.memory import keep

PART = "_told"
"""The memory's part: what was told last, and on which topics. Of this connection only."""
MOST_TOLD = 4_000
"""Values remembered; the one that was told first goes first."""


def is_repeat(memory: dict[str, Any], value_of: str, value: float | None, channel: str) -> bool:
    """Whether another ``channel`` told this very value of ``value_of`` (device and quantity) already.

    A channel that tells again starts a new measurement, whatever its value: each measurement is told once on each.
    """
    told = memory.setdefault(PART, {})
    last = told.get(value_of)
    if last is not None and last[0] == value and channel not in last[1]:
        last[1].append(channel)
        return True
    told.pop(value_of, None)  # what is told anew is the newest, its value the same or not
    keep(memory, PART, value_of, [value, [channel]], MOST_TOLD)
    return False
