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


BAD_READS = 3
"""Failed or impossible readings that are announced, unless as many good ones came between: one fails on any DHT22."""


class BadReads:
    """Counts what could not be read or not be meant; three are an anomaly, three good ones in a row end it."""

    __slots__ = ("bad", "good", "open")

    def __init__(self) -> None:
        self.bad = self.good = 0
        self.open = False

    def count(self, *, bad: bool) -> bool:
        """Take a reading; True where the anomaly begins."""
        if bad:
            self.bad, self.good = self.bad + 1, 0
            begins = self.bad >= BAD_READS and not self.open
            self.open = self.open or begins
            return begins
        if self.bad:
            self.good += 1
            if self.good >= BAD_READS:
                self.bad, self.good, self.open = 0, 0, False
        return False
