"""What formats learn of a source, by part and key: JSON-able, bounded, written only when it is news."""

from typing import Any


def keep(memory: dict[str, Any], part: str, key: str, value: object, most: int) -> None:
    """Remember ``value`` under ``key`` of a part that holds at most ``most``; what was learned first goes first."""
    held = memory.setdefault(part, {})
    if held.get(key) == value:
        return
    held.pop(key, None)
    while len(held) >= most:
        del held[next(iter(held))]
    held[key] = value


def forget(memory: dict[str, Any], part: str, key: str) -> None:
    """Remember nothing under ``key`` any more."""
    memory.get(part, {}).pop(key, None)
