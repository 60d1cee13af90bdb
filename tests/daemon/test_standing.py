"""Which warnings of limits still stand for a person who looks later."""

from dataclasses import dataclass, field, replace

import pytest

from daemon.config import NamedLimit
from daemon.entities import Prediction, Quality, Sensor, StoredReading
from daemon.events import Action, EntityEvent
from daemon.forewarning import Forewarnings
from daemon.limit_warnings import LimitWarnings
from daemon.sensors import Directory
from daemon.standing import StandingWarnings

MINUTE = 60_000_000
NOW = 1_790_000_100_000_000
FREEZER = Sensor(1, "mqtt/freezer", "temperatura", "DS18B20", 0, 0, temperature_max=-15.0)
RISES = "The temperature will probably rise above -15 °C in about 45 min (90 % within 1 h)."
WARNING = Prediction(
    7, 1, "temperature", 2700, -14.9, -15.5, -14.3, NOW + 45 * MINUTE, "mix", NOW, NOW,
    probability=0.9, comment="La temperatura probablemente superará -15 °C …", comment_en=RISES,
)  # fmt: skip
LIMITS = [NamedLimit(name="vaccine", sensor="mqtt/freezer", quantity="temperature", above=-10)]


@dataclass
class House:
    time: int = NOW
    directory: Directory = field(default_factory=lambda: Directory(limit=10))

    def __post_init__(self) -> None:
        limits = LimitWarnings(
            Forewarnings(lambda _: None, lambda: self.time, 0.8), self.directory.record, lambda: self.time, LIMITS
        )
        self.standing = StandingWarnings(limits, self.directory.record, lambda: self.time)
        self.happens(FREEZER, Action.CREATED)
        self.measures(-18.0)

    def happens(
        self, entity: Sensor | StoredReading | Prediction, action: Action, before: Sensor | None = None
    ) -> None:
        event = EntityEvent(action, entity, self.time, before=before)
        self.directory.follow(event)
        self.standing.follow(event)

    def measures(self, value: float, quality: Quality = Quality.OK) -> None:
        self.time += MINUTE
        reading = StoredReading(self.time, 1, self.time, self.time, "mqtt", temperature=value, quality=quality)
        self.happens(reading, Action.CREATED)

    def told(self, *rows: Prediction) -> "House":
        for row in rows or (WARNING,):
            self.happens(row, Action.COMPLETED)
        return self

    @property
    def ids(self) -> list[int]:
        return [row.id for row in self.standing.all()]


def test_a_warning_stands_until_an_hour_after_its_moment() -> None:
    house = House().told()
    house.time = WARNING.predicted_at + 60 * MINUTE - 1
    assert house.ids == [7]
    house.time += 1
    assert house.ids == []


def test_a_value_beyond_the_limit_ends_it_for_good() -> None:
    house = House().told()
    house.measures(-15.0)
    house.measures(40.0, Quality.INVALID)
    assert house.ids == [7], "at the limit is not beyond it, and what is impossible was not measured"
    house.measures(-14.9)
    house.measures(-16.0)
    assert house.ids == []


@pytest.mark.parametrize(("value", "stands"), [(-12.0, [7]), (-9.0, [])])
def test_a_limit_of_the_configuration_ends_its_own_warning(value: float, stands: list[int]) -> None:
    own = "vaccine: The temperature will probably rise above -10 °C in about 2 h (90 % within 3 h)."
    house = House().told(replace(WARNING, comment_en=own))
    house.measures(value)
    assert house.ids == stands


@pytest.mark.parametrize(
    "row",
    [
        replace(WARNING, model="helada"),
        replace(WARNING, probability=None),
        replace(WARNING, comment=None, comment_en=None),
        replace(WARNING, predicted_at=NOW - 60 * MINUTE),
    ],
)
def test_forecasts_risks_and_what_is_past_are_no_standing_warnings(row: Prediction) -> None:
    assert House().told(row).ids == []


def test_the_soonest_comes_first_and_a_newer_one_of_the_same_limit_replaces_it() -> None:
    by_hand = replace(WARNING, id=8, comment="Ojo.", comment_en="Beware.", predicted_at=NOW + 20 * MINUTE)
    again = replace(WARNING, id=9, comment_en=RISES.replace("45", "15"), predicted_at=NOW + 15 * MINUTE)
    house = House().told(WARNING, by_hand)
    assert house.ids == [8, 7]
    assert house.told(again).ids == [9, 8]


def test_it_goes_with_its_row_its_limit_or_its_sensor() -> None:
    for gone in (
        lambda house: house.happens(WARNING, Action.DELETED),
        lambda house: house.happens(replace(FREEZER, temperature_max=-12.0), Action.UPDATED, FREEZER),
        lambda house: house.happens(replace(FREEZER, ignored=True), Action.UPDATED, FREEZER),
        lambda house: house.happens(FREEZER, Action.DELETED),
    ):
        house = House().told()
        gone(house)
        assert house.ids == []
    house = House().told()
    house.happens(replace(FREEZER, name="freezer"), Action.UPDATED, FREEZER)
    assert house.ids == [7]


def test_it_stands_on_after_a_restart() -> None:
    house = House()
    house.standing.load([replace(WARNING, id=9, created_at=NOW + MINUTE), WARNING])
    assert house.ids == [9]
