"""An alarm in plain words, in both languages."""

import re
from dataclasses import replace

import pytest

from daemon.explaining import explain
from ml.base import Cause, Readiness, Score
from ml.features import CHANNELS
from ml.slow import SLOW_CHANNELS

HOUR = 3600.0
DRIFT = Score(
    *("humidity", 100 * HOUR, 61.3, 0.6, 0.99, 0.0, True, True, Readiness.READY),
    *("apart", 61.25, 48.5, 86 * HOUR, Cause.DRIFTING),
)


def test_it_says_what_was_seen_and_expected_since_when_and_what_it_looks_like() -> None:
    spanish, english = explain(DRIFT)
    assert english == (
        "Humidity reads 61.2 %; from the neighbouring sensors 48.5 % was expected, and so for 14.0 h; "
        "it looks like the sensor: drifting."
    )
    assert spanish == (
        "La humedad marca 61,2 %; por los sensores vecinos se esperaba 48,5 %, y así desde hace 14,0 h; "
        "parece el sensor: se está descalibrando."
    )


def test_an_open_window_is_the_rooms_affair() -> None:
    window = replace(DRIFT, quantity="temperature", feature="jump", seen=14.0, expected=19.5, cause=Cause.COLDER)
    assert "it looks like the room: a window open" in explain(window)[1]


@pytest.mark.parametrize("feature", [*CHANNELS, *SLOW_CHANNELS, "impossible", "failed"])
@pytest.mark.parametrize("quantity", ["temperature", "humidity", ""])
@pytest.mark.parametrize("cause", list(Cause))
def test_every_feature_of_every_quantity_has_one_sentence_in_both_languages(
    feature: str, quantity: str, cause: Cause
) -> None:
    for text in explain(replace(DRIFT, feature=feature, quantity=quantity, cause=cause)):
        assert re.fullmatch(r"[A-Z].+[^.]\.", text), text
        assert "{" not in text
