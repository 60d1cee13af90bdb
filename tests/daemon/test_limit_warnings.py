"""A limit that will be crossed is announced once, with when and how probable; through the models and without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from daemon.config import NamedLimit
from daemon.entities import Anomaly, Sensor, StoredReading
from daemon.fitting import Fitter
from daemon.forewarning import Forewarnings
from daemon.limit_warnings import FRESH, LimitWarnings, has_limits
from daemon.scoring import Outlets, Predicted, Scoring
from daemon.sensor_models import History, Outlook, SensorModels
from daemon.sensors import Record
from ml.base import Forecast

SECOND, NOW = 1_000_000, 1_790_000_100  # a quarter of an hour ends
FREEZER = Sensor(1, "mqtt/freezer", "temperatura", "DS18B20", 0, 0, temperature_max=-15.0)


def thawing(level: float, rise: float = 1.0, spread: float = 0.1, made_at: float = NOW) -> Outlook:
    """A freezer that warms by so many degrees an hour."""
    made = [
        Forecast(
            "temperature", made_at, h, level + rise * h / 3600, *(level + rise * h / 3600 + s for s in band), "mix"
        )
        for h in (900.0, 3600.0, 21_600.0)
        for band in [(-spread * h / 900, spread * h / 900)]
    ]
    return Outlook(1, "temperature", made_at, level, np.full(96, level), made)


@dataclass
class House:
    sensor: Sensor = FREEZER
    latest: float | None = None
    named: Sequence[NamedLimit] = ()
    time: int = NOW * SECOND
    told: list[Predicted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record: Record | None = Record(self.sensor)
        if self.latest is not None:
            self.record.latest.temperature = self.latest
        warnings = Forewarnings(self.told.extend, lambda: self.time, 0.8)
        self.limits = LimitWarnings(warnings, lambda _: self.record, lambda: self.time, self.named)

    def foresees(self, *outlooks: Outlook) -> list[Predicted]:
        self.told.clear()
        self.limits.foreseen(outlooks)
        return list(self.told)


def test_the_freezer_passes_its_limit_in_forty_minutes_and_people_are_told() -> None:
    [row] = House().foresees(thawing(-15.7))
    assert row.horizon_s == 45 * 60
    assert row.predicted_at == (NOW + 45 * 60) * SECOND
    assert (row.sensor_id, row.quantity, row.model, row.location_id) == (1, "temperature", "mix", None)
    assert row.value == -14.95
    assert row.lower < row.value < row.upper
    assert (row.lower, row.upper) == (round(row.lower, 2), round(row.upper, 2))
    assert row.probability is not None
    assert 0.8 <= row.probability <= 1.0
    share = f"{100 * row.probability:.0f} %"
    assert row.probability == round(row.probability, 2) <= 0.99
    assert row.comment_en == f"The temperature will probably rise above -15 °C in about 45 min ({share} within 1 h)."
    assert row.comment == f"La temperatura probablemente superará -15 °C en aproximadamente 45 min ({share} en 1 h)."


@pytest.mark.parametrize(
    ("late", "left", "about"), [(60, 44 * 60, 45), (8 * 60, 37 * 60, 35), (14 * 60 + 40, 30 * 60 + 20, 30)]
)
def test_what_is_told_later_counts_from_then(late: int, left: int, about: int) -> None:
    """A sensor that speaks each 15 min completes a quarter of an hour as late; so do readings that waited."""
    [row] = House(time=(NOW + late) * SECOND).foresees(thawing(-15.7))
    assert row.horizon_s == left
    assert row.predicted_at == (NOW + 45 * 60) * SECOND, "its moment is the same"
    assert row.comment_en is not None
    assert row.comment_en.startswith(f"The temperature will probably rise above -15 °C in about {about} min (")


def test_what_should_have_come_by_now_and_did_not_is_still_ahead() -> None:
    [row] = House(time=(NOW + 18 * 60) * SECOND).foresees(thawing(-15.2, rise=2.0, spread=0.01))
    assert row.horizon_s == 12 * 60
    assert row.predicted_at == (NOW + 30 * 60) * SECOND


def test_what_is_told_of_the_moment_of_crossing_is_not_short_of_the_limit() -> None:
    """As likely as not it has been beyond it by then, although what is expected of it is a little less."""
    [row] = House().foresees(thawing(-15.05, rise=0.02, spread=0.2))
    assert row.value == -15.0
    assert row.lower < -15.0 <= row.upper


def test_each_limit_speaks_of_itself() -> None:
    damp = replace(FREEZER, temperature_max=None, temperature_min=2.5)
    [row] = House(damp).foresees(thawing(8.0, rise=-1.5))
    assert row.comment is not None
    assert row.comment_en is not None
    assert row.comment_en.startswith("The temperature will probably fall below 2.5 °C in about 4 h (")
    assert row.comment.startswith("La temperatura probablemente bajará de 2,5 °C en aproximadamente 4 h (")


@pytest.mark.parametrize("called", ["mqtt/freezer", "cold store"])
def test_a_limit_of_the_configuration_is_told_by_its_name(called: str) -> None:
    sensor = replace(FREEZER, name="cold store")
    ice = NamedLimit(name="St. Ice", sensor=called, quantity="temperature", above=-14.5, below=-30.0)
    other = NamedLimit(name="lab", sensor="mqtt/lab", quantity="temperature", above=-15.2)
    moist = NamedLimit(name="moist", sensor=called, quantity="humidity", above=-15.2)
    own, named = House(sensor, named=[ice, other, moist]).foresees(thawing(-15.7))
    assert own.comment_en is not None
    assert own.comment_en.startswith("The temperature will probably rise above -15 °C in about 45 min (")
    assert named.comment_en is not None
    assert named.comment is not None
    assert named.comment_en.startswith("St. Ice: The temperature will probably rise above -14.5 °C in about 75 min (")
    assert named.comment.startswith("St. Ice: La temperatura probablemente superará -14,5 °C en aproximadamente 75 min")


def test_it_is_told_once_and_a_changed_limit_is_another() -> None:
    house = House()
    assert house.foresees(thawing(-15.7))
    assert not house.foresees(thawing(-15.6), thawing(-15.5))
    house.record = Record(replace(FREEZER, temperature_max=-14.5))
    assert house.foresees(thawing(-15.5))


def test_a_limit_that_will_be_passed_much_sooner_than_was_told_is_told_again() -> None:
    house = House()
    [early] = house.foresees(thawing(-18.0, rise=0.7))
    assert early.horizon_s > 4 * 3600
    [soon] = house.foresees(thawing(-15.4, rise=1.0))
    assert soon.horizon_s < 3600
    assert not house.foresees(thawing(-15.3, rise=1.0))


@pytest.mark.parametrize(
    "house",
    [
        House(replace(FREEZER, temperature_max=None)),
        House(replace(FREEZER, temperature_max=None, humidity_max=60.0)),
        House(replace(FREEZER, ignored=True)),
        House(latest=-14.9),
        House(time=int((NOW + FRESH + 1) * SECOND)),
    ],
    ids=["no limit", "of the other quantity", "ignored", "the newest reading is beyond it", "made too long ago"],
)
def test_nothing_is_told(house: House) -> None:
    assert not house.foresees(thawing(-15.7))


def test_what_is_beyond_or_not_probable_is_no_warning() -> None:
    assert not House().foresees(thawing(-14.9))
    assert not House().foresees(thawing(-18.0, rise=0.1))
    gone = House()
    gone.record = None
    assert not gone.foresees(thawing(-15.7))


def test_who_has_limits() -> None:
    assert has_limits(FREEZER)
    assert has_limits(replace(FREEZER, temperature_max=None, humidity_min=0.0))
    assert not has_limits(replace(FREEZER, temperature_max=None))


async def test_the_models_forecasts_reach_the_limits(tmp_path: Path) -> None:
    """Readings in, a warning out: a week of a room that cools and warms each day, and a limit in its way."""

    async def nothing(*_: int) -> History:
        return History(np.empty(0, np.int64), np.empty(0), np.empty(0))

    async def none(_: int) -> Sequence[Anomaly]:
        return []

    def wave(minute: int) -> Mapping[str, float]:
        return {"temperature": round(20 + 4 * float(np.sin(2 * np.pi * minute / 1440)), 1)}

    house = House(replace(FREEZER, temperature_max=None, temperature_min=18.0))
    outlets = Outlets(lambda _: None, lambda *_: None, lambda _: None, lambda _: None, house.limits.foreseen)
    models = SensorModels(tmp_path, (900.0, 3600.0, 21_600.0), detecting=False)
    scoring = Scoring(models, nothing, none, outlets, Fitter(), lambda: house.time, gather=0.0)
    scoring.appeared([1])
    told: list[tuple[int, str]] = []
    for minute in range(0, 4 * 1440, 15):
        house.told.clear()
        house.time = (NOW + minute * 60) * SECOND
        scoring.offer([StoredReading(minute + 1, 1, house.time, house.time, "test", **wave(minute))])  # type: ignore[arg-type]
        await scoring.drain()
        told += [(minute, row.comment_en or "") for row in house.told]
    await scoring.fits.close()
    assert told, "it was foreseen"
    assert len(told) <= 4, "once a day at most"
    crossed = next(m for m in range(3 * 1440, 4 * 1440) if wave(m)["temperature"] < 18.0)
    minute, words = told[-1]
    assert words.startswith("The temperature will probably fall below 18 °C")
    assert crossed - 6 * 60 - 15 <= minute < crossed, "before it came"
