"""What no sensor of a quantity can have measured: values outside its range, and the codes that stand for a failure."""

from collections.abc import Mapping

POSSIBLE: Mapping[str, tuple[float, float]] = {"temperature": (-60.0, 125.0), "humidity": (0.0, 100.0)}
"""What a sensor of the quantity can measure (°C, % RH)."""

SENTINELS: Mapping[str, frozenset[float]] = {
    "temperature": frozenset({-40.0, 85.0, 0.0, -0.1}),
    "humidity": frozenset({0.0, 0.1, 100.0}),
}
"""Codes of failure that are also possible values: judged as impossible only when they come as a jump (K, % points)."""

_SENTINEL_JUMP: Mapping[str, float] = {"temperature": 5.0, "humidity": 15.0}


def refusal(quantity: str, value: float, last: float | None) -> str:
    """ "failed" for NaN, "impossible", or "" for a value to be judged; ``last`` is the last believed value."""
    if value != value:
        return "failed"
    if quantity not in POSSIBLE:
        return ""
    low, high = POSSIBLE[quantity]
    if not low <= value <= high:
        return "impossible"
    jumped = last is not None and abs(value - last) > _SENTINEL_JUMP[quantity]
    return "impossible" if jumped and value in SENTINELS[quantity] else ""
