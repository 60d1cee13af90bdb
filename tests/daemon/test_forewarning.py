"""Warnings do not flap: told once, again only after they were improbable or over for an hour; known after a restart."""

from collections.abc import Iterable, Sequence

from daemon.entities import Prediction
from daemon.forewarning import Forewarnings, Subject
from daemon.scoring import Predicted

MINUTE = 60_000_000
FROST = Subject(1, 7, "Frost is likely at the north wall")


class House:
    """Forewarnings under a hand-driven clock."""

    def __init__(self, before: Iterable[Prediction] = (), remembered: int = 0) -> None:
        self.time = 0
        self.told: list[Predicted] = []
        self.warnings = Forewarnings(self.told.extend, lambda: self.time, 0.8, remembered=remembered)
        self.warnings.load(before)

    def lives(self, probabilities: Sequence[float | None], subject: Subject = FROST) -> list[int]:
        """A look each quarter of an hour, None: it is so already; at which looks it was told."""
        found = []
        for number, probability in enumerate(probabilities):
            count = len(self.told)
            if probability is None:
                self.warnings.came(subject)
            else:
                self.warnings.look(subject, probability, lambda: row(subject))
            found += [number] * (len(self.told) - count)
            self.time += 15 * MINUTE
        return found


def row(subject: Subject) -> Predicted:
    english = f"{subject.words} in about 6 h (80 %)."
    return Predicted(1, "temperature", 21_600, 0.0, -2.0, 2.0, 0, "mix", subject.location_id, 0.8, "Helada.", english)


def stored(subject: Subject, predicted_at: int, created_at: int = 0) -> Prediction:
    made = row(subject)
    return Prediction(
        *(1, 1, "temperature", 21_600, 0.0, -2.0, 2.0, predicted_at, "mix", created_at, created_at),
        location_id=made.location_id,
        probability=made.probability,
        comment=made.comment,
        comment_en=made.comment_en,
    )


def test_it_is_told_when_it_passes_the_level_and_once() -> None:
    assert House().lives([0.1, 0.5, 0.79, 0.8, 0.9, 0.79, 0.81, 1.0]) == [3]


def test_a_probability_that_swings_about_the_level_is_one_warning() -> None:
    assert House().lives([0.9, 0.5] * 50) == [0]


def test_an_hour_below_half_the_level_ends_it_and_less_does_not() -> None:
    assert House().lives([0.9, 0.3, 0.3, 0.3, 0.3, 0.9]) == [0]
    assert House().lives([0.9, 0.3, 0.3, 0.3, 0.3, 0.3, 0.9]) == [0, 6]
    assert House().lives([0.9, 0.3, 0.3, 0.3, 0.5, 0.3, 0.3, 0.9]) == [0], "the hour is one without a break"


def test_what_came_is_told_again_once_it_has_been_gone_for_an_hour() -> None:
    assert House().lives([0.9, None, None, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]) == [0, 7]
    assert House().lives([0.9, *[None, 0.9] * 50]) == [0], "a value that dances on its limit"


def test_what_is_so_already_is_no_warning() -> None:
    assert House().lives([None, None, 0.9, 0.9, 0.2]) == []


def test_each_subject_has_its_own_warning() -> None:
    house, other = House(), Subject(1, 8, FROST.words)
    assert house.lives([0.9]) == [0]
    assert house.lives([0.9], other) == [0]
    assert house.lives([0.9], Subject(1, 7, "Condensation is likely")) == [0]


def test_a_restart_does_not_tell_it_again() -> None:
    assert House([stored(FROST, 360 * MINUTE)]).lives([0.9, 0.9]) == []
    assert House([stored(FROST, 360 * MINUTE)]).lives([0.9, *[0.3] * 5, 0.9]) == [6], "a new one is told"
    assert House([stored(Subject(1, 7, "Mould"), 360 * MINUTE)]).lives([0.9]) == [0], "that was another"
    assert House([stored(FROST, -61 * MINUTE)]).lives([0.9]) == [0], "what was foretold is long past"


def test_what_goes_on_is_not_told_again_at_each_restart() -> None:
    day = 24 * 60 * MINUTE
    lasting = [stored(FROST, -600 * MINUTE, -660 * MINUTE)]  # told 11 h ago, of a time 10 h ago
    assert House(lasting).lives([0.9]) == [0]
    assert House(lasting, day).lives([0.9, *[None] * 8, 0.9]) == []
    assert House(lasting, day).lives([None, *[0.3] * 5, 0.9]) == [6], "it was over, and a new one comes"
    assert House(lasting, day).lives([0.5, *[0.3] * 5, 0.9]) == [6], "it was improbable, and is probable anew"
    assert House([stored(FROST, -1400 * MINUTE, -1441 * MINUTE)], day).lives([0.9]) == [0], "more than a day ago"


def test_what_nobody_looked_at_for_more_than_a_day_is_told_again() -> None:
    house = House()
    assert house.lives([0.9]) == [0]
    house.time += 23 * 60 * MINUTE
    assert house.lives([0.9]) == []
    house.time += 72 * 60 * MINUTE
    assert house.lives([0.9]) == [0]


def test_what_comes_much_sooner_than_was_told_is_told_again() -> None:
    house = House()

    def look(hours: float) -> int:
        """How many were told by now."""
        expected = house.time + round(hours * 60) * MINUTE
        house.warnings.look(FROST, 0.9, lambda: row(FROST), expected)
        house.time += 15 * MINUTE
        return len(house.told)

    assert [look(hours) for hours in (6, 5.75, 5.5)] == [1, 1, 1], "as told"
    assert look(3) == 1, "half the time"
    assert look(1.5) == 2, "a third of it"
    assert look(1.25) == 2
    assert look(0.75) == 2, "not an hour sooner"
