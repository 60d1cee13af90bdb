"""Episodes: what people hear of, once, and what is open at any time; time and ids are handed in."""

from dataclasses import dataclass, field, replace

import pytest

from daemon.entities import Anomaly, AnomalyKind, AnomalyState, Sensor
from daemon.episodes import SETTLED_AFTER, Episodes, Finding
from daemon.events import Action, EntityEvent
from daemon.ids import IdsExhaustedError

ODD, HIGH = AnomalyKind.UNUSUAL_PATTERN, AnomalyKind.TEMPERATURE_HIGH
WARM = Finding(1, ODD, 0.99, "Hace calor.", "It is warm.", 30.0, 11, "temperature", "level")
WET = Finding(1, ODD, 0.999, "Hay humedad.", "It is wet.", 90.0, 12, "humidity", "jump")
HOT = Finding(1, HIGH, 1.0, "Demasiado.", "Too much.", 40.0, 13)
SENSOR = Sensor(1, "mqtt/s1", "t", "m", 0, 0)


@dataclass
class World:
    """Episodes that write into a list, which follows like the database's commits do."""

    seconds: float = 1000.0
    written: list[tuple[Action, Anomaly]] = field(default_factory=list)
    ids: int = 0
    exhausted: bool = False
    silent: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.episodes = self.begin()

    def begin(self) -> Episodes:
        return Episodes(
            self.write,
            self.take_id,
            lambda: int(self.seconds * 1e6),
            lambda: self.seconds,
            lambda i: i not in self.silent,
        )

    def take_id(self, _: str) -> int:
        if self.exhausted:
            raise IdsExhaustedError("anomaly")
        self.ids += 1
        return self.ids

    def write(self, anomaly: Anomaly, action: Action) -> None:
        self.written.append((action, anomaly))

    def follows(self) -> None:
        for action, anomaly in self.written:
            self.episodes.follow(EntityEvent(action, anomaly, 0))

    def by_hand(self, **changes: object) -> None:
        """A person changes the newest row."""
        row = replace(self.newest, **changes)  # type: ignore[arg-type]
        action = Action.RESOLVED if row.state is AnomalyState.RESOLVED else Action.UPDATED
        self.episodes.follow(EntityEvent(action, row, 0))

    def restart(self) -> None:
        self.episodes = self.begin()
        self.episodes.load(self.open_rows)

    @property
    def newest(self) -> Anomaly:
        return max((anomaly for _, anomaly in self.written), key=lambda anomaly: anomaly.id)

    @property
    def open_rows(self) -> list[Anomaly]:
        rows = {anomaly.id: anomaly for _, anomaly in self.written}
        return [row for row in rows.values() if row.state is AnomalyState.OPEN]

    def story(self) -> list[tuple[Action, int]]:
        return [(action, anomaly.id) for action, anomaly in self.written]


@pytest.fixture
def world() -> World:
    return World()


def test_a_models_finding_is_one_row_that_says_what_the_model_saw(world: World) -> None:
    world.episodes.found(WARM)
    world.episodes.found(WARM)
    row = world.newest
    assert world.story() == [(Action.DETECTED, 1)]
    assert (row.quantities, row.feature, row.score, row.value) == (("temperature",), "level", 0.99, 30.0)
    assert (row.explanation, row.explanation_en, row.reading_id) == ("Hace calor.", "It is warm.", 11)
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.story()[1:] == [(Action.RESOLVED, 1)]


def test_a_score_has_no_more_digits_than_it_means(world: World) -> None:
    world.episodes.found(replace(WARM, score=0.98765432109876))
    assert world.newest.score == 0.9877


def test_a_second_quantity_is_told_with_the_first_and_one_row_is_open(world: World) -> None:
    world.episodes.found(WARM)
    world.episodes.found(WET)
    world.follows()
    assert world.story() == [(Action.DETECTED, 1), (Action.RESOLVED, 1), (Action.DETECTED, 2)]
    row = world.newest
    assert row.explanation == "Hay humedad. Además sigue: Hace calor."
    assert row.explanation_en == "It is wet. Also still so: It is warm."
    assert (row.quantities, row.feature, row.score) == (("humidity", "temperature"), "jump", 0.999)
    assert world.open_rows == [row]
    assert (len(world.episodes), world.episodes.open_for(1)) == (1, 1)


def test_what_two_quantities_show_at_once_is_announced_once(world: World) -> None:
    world.episodes.found(WET, WARM)
    assert world.story() == [(Action.DETECTED, 1)]
    assert world.newest.explanation == "Hay humedad. Además: Hace calor."
    assert world.newest.explanation_en == "It is wet. Also: It is warm."
    assert (world.newest.quantities, world.newest.feature) == (("humidity", "temperature"), "jump")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_quantity_that_is_normal_leaves_and_the_last_one_closes_the_row(world: World, restarted: bool) -> None:
    world.episodes.found(WARM)
    world.episodes.found(WET)
    if restarted:
        world.restart()
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert [row.id for row in world.open_rows] == [2]
    world.episodes.found(WARM)
    assert world.newest.explanation == "Hace calor. Además sigue: Hay humedad.", "not what was told of it before"
    world.episodes.normal(1, ODD, "humidity", at_once=True)
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.open_rows == []
    assert world.story()[-1] == (Action.RESOLVED, 3)
    assert len(world.episodes) == 0


@pytest.mark.parametrize("restarted", [False, True])
def test_rows_put_in_a_persons_own_words_still_close(world: World, restarted: bool) -> None:
    world.episodes.found(WET, WARM)
    world.written.append((Action.UPDATED, replace(world.newest, explanation="El baño.", explanation_en="The bath.")))
    world.follows()
    if restarted:
        world.restart()
    world.episodes.normal(1, ODD, "humidity", at_once=True)
    assert [row.explanation for row in world.open_rows] == ["El baño."]
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.open_rows == []


def test_what_a_person_closed_stays_quiet_until_it_was_normal(world: World) -> None:
    world.episodes.found(WARM)
    world.by_hand(state=AnomalyState.RESOLVED)
    assert (len(world.episodes), world.episodes.open_for(1)) == (0, 0)
    world.episodes.found(WARM)
    assert world.story() == [(Action.DETECTED, 1)]
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.story() == [(Action.DETECTED, 1)], "closed it is already"
    world.episodes.found(WARM)
    assert world.story() == [(Action.DETECTED, 1), (Action.DETECTED, 2)]


def test_another_quantity_than_the_one_a_person_closed_opens_a_row_of_its_own(world: World) -> None:
    world.episodes.found(WARM)
    world.by_hand(state=AnomalyState.RESOLVED)
    world.episodes.found(WET)
    assert world.newest.explanation == "Hay humedad."
    assert world.newest.quantities == ("humidity",)
    world.episodes.found(WARM)
    assert world.newest.id == 2, "still quiet"
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert len(world.episodes) == 1
    world.episodes.found(WARM)
    assert world.newest.explanation == "Hace calor. Además sigue: Hay humedad."


def test_a_row_that_a_person_opens_again_closes_by_itself(world: World) -> None:
    world.episodes.found(WARM)
    world.by_hand(state=AnomalyState.RESOLVED)
    world.by_hand(state=AnomalyState.OPEN)
    assert len(world.episodes) == 1
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.story()[-1] == (Action.RESOLVED, 1)


def test_a_deleted_row_is_not_written_again(world: World) -> None:
    world.episodes.found(WARM)
    world.episodes.follow(EntityEvent(Action.DELETED, world.newest, 0))
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.story() == [(Action.DETECTED, 1)]


def test_a_row_of_before_that_names_no_quantity_closes_with_the_first_that_is_normal(world: World) -> None:
    world.episodes.load([Anomaly(7, 1, ODD, 0.9, "Raro.", "Odd.", 0, 0)])
    world.episodes.normal(1, ODD, "temperature", at_once=True)
    assert world.story() == [(Action.RESOLVED, 7)]


def test_rules_and_models_have_rows_of_their_own(world: World) -> None:
    world.episodes.found(HOT)
    world.episodes.found(WARM)
    assert world.story() == [(Action.DETECTED, 1), (Action.DETECTED, 2)]
    assert (world.open_rows[0].quantities, world.open_rows[0].feature) == ((), None)
    world.episodes.normal(1, HIGH)
    assert len(world.open_rows) == 2, "it was seen just now"
    world.seconds += SETTLED_AFTER
    world.episodes.normal(1, HIGH)
    assert world.episodes.open_kinds(1, [HIGH, ODD]) == [ODD]


def test_nothing_is_opened_for_a_sensor_that_is_ignored_or_gone(world: World) -> None:
    world.episodes.found(HOT)
    world.silent.add(1)
    world.episodes.follow(EntityEvent(Action.UPDATED, replace(SENSOR, ignored=True), 0))
    world.episodes.found(WARM)
    world.episodes.found(HOT)
    assert world.story() == [(Action.DETECTED, 1)]
    assert len(world.episodes) == 0


def test_a_finding_without_an_id_waits_for_one_and_closes_nothing_before(world: World) -> None:
    world.episodes.found(WARM)
    world.exhausted = True
    world.episodes.found(WET)
    world.episodes.tick()
    assert [row.id for row in world.open_rows] == [1]
    world.exhausted = False
    world.episodes.tick()
    assert [row.explanation for row in world.open_rows] == ["Hay humedad. Además sigue: Hace calor."]
