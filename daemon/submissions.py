"""Readings handed in by a person or a program, on their way to the pipeline, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from daemon.entities import StoredReading

Result = Literal["stored", "duplicate", "completed", "conflict", "rejected", "refused", "unknown_sensor"]


@dataclass(frozen=True, slots=True)
class Submission:
    """One reading: °C, %, further quantities in the units of ``drivers.base.QUANTITIES``.

    Names its sensor by id or by key. ``time`` is the moment of measurement (µs since 1970 UTC, None: now),
    ``sequence`` the device's own counter.
    """

    sensor_id: int | None = None
    key: str | None = None
    temperature: float | None = None
    humidity: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)
    time: int | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """``reading`` is the row as it stands in the database, None where there is none; ``reason`` one sentence.

    ``duplicate``: the same key with the same values stood there. ``completed``: the row took further quantities.
    ``conflict``: it holds other values, which stay. ``rejected``: a stage found it impossible. ``refused``: its sensor
    went meanwhile, or the database takes no such row.
    """

    outcome: Result
    reading: StoredReading | None = None
    reason: str = ""
