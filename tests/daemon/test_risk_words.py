"""What threatens a place, in the words that people read."""

import math

import pytest

from daemon.risk_words import heads, say
from ml.risks import Assessment, Level, Risk

HOUR = 3600.0


def told(found: Assessment) -> tuple[str, str]:
    return say(found, "Huerto")


def test_frost_says_when_how_cold_and_what_the_ground_does() -> None:
    spanish, english = told(Assessment(Risk.FROST, 6 * HOUR, -2.4, probability=0.7))
    assert spanish.startswith("Helada en Huerto: un 70 % de que el aire del sensor llegue a 0 °C, sobre todo dentro de")
    assert "unas 6 h; se espera una mínima de -2 °C. El suelo puede helarse antes" in spanish
    assert english.startswith(
        "Frost at Huerto: 70 % that the air at the sensor falls to 0 °C, most likely in about 6 h;"
    )
    assert english.endswith("in clear nights it is some 4 K colder than the air.")


def test_the_ground_of_a_warm_room_is_not_spoken_of_and_five_percent_are_at_most_five() -> None:
    spanish, english = told(Assessment(Risk.FROST, 12 * HOUR, 18.2, probability=0.05))
    assert spanish == (
        "Helada en Huerto: un 5 % o menos de que el aire del sensor llegue a 0 °C; se espera una mínima de 18 °C."
    )
    assert english == (
        "Frost at Huerto: 5 % or less that the air at the sensor falls to 0 °C; the lowest expected is 18 °C."
    ), "of what will not be there is no likely time"


@pytest.mark.parametrize(
    ("lead", "spanish", "english"),
    [
        (0, "sobre todo ahora;", "most likely now;"),
        (900, "sobre todo dentro de unos 15 min;", "most likely in about 15 min;"),
        (5400, "sobre todo dentro de unos 90 min;", "most likely in about 90 min;"),
        (7200, "sobre todo dentro de unas 2 h;", "most likely in about 2 h;"),
        (9000.5, "sobre todo dentro de unas 3 h;", "most likely in about 3 h;"),
    ],
)
def test_a_time_below_two_hours_is_told_in_minutes(lead: float, spanish: str, english: str) -> None:
    in_spanish, in_english = told(Assessment(Risk.FROST, lead, 0.4, probability=0.5))
    assert spanish in in_spanish
    assert english in in_english


def test_condensation_names_the_surface() -> None:
    spanish, english = told(Assessment(Risk.CONDENSATION, 0.0, 11.8, probability=0.95, now=True))
    tail = "un 95 % o más de que se moje la superficie más fría, de unos 12 °C, sobre todo ahora."
    assert spanish == f"Condensación en Huerto: {tail}"
    assert english.endswith("95 % or more that the coldest surface, of about 12 °C, gets wet, most likely now.")


def test_indices_are_called_so() -> None:
    spanish, english = told(Assessment(Risk.MOULD, 0.0, math.nan, index=3.2))
    assert spanish.startswith("Moho visible en Huerto: índice 3,2 de 6 (modelo VTT,")
    assert english.endswith("(VTT model, pine wood at the coldest surface); it is not growing now.")
    spanish, english = told(Assessment(Risk.DROUGHT, 24 * HOUR, 9.0, index=0.6))
    assert spanish.startswith("Estrés hídrico en Huerto: índice 0,6 de 1 para plantas (no es una probabilidad);")
    assert english.endswith("the vapour pressure deficit was above 1.2 kPa for 9 h.")


@pytest.mark.parametrize("risk", list(Risk))
def test_a_warning_is_known_again_by_how_it_begins(risk: Risk) -> None:
    for degree in (0.05, 0.3, 0.6, 0.95):
        given = {"probability": degree} if risk in {Risk.FROST, Risk.CONDENSATION} else {"index": degree}
        for now in (False, True):
            found = Assessment(risk, 0.0, 1.0, now=now, **given)
            assert told(found)[1].startswith(heads(risk, found.level, "Huerto")[1])
    assert heads(Risk.DROUGHT, Level.HIGH, "x") != heads(Risk.DROUGHT, Level.MEDIUM, "x")
