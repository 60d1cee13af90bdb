"""What `hints` of the mqtt driver may say, and what is answered to what it may not."""

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.formats.message import Hint
from drivers.mqtt_settings import MqttSettings


def hints(**filters: Any) -> dict[str, Hint]:
    return MqttSettings(name="mqtt", hints=filters).hints


@pytest.mark.parametrize(
    ("topic", "text", "hint"),
    [
        ("attic/+/temp", "°F", Hint(unit="°F")),
        ("attic/+/temp", " degF ", Hint(unit="°F")),
        ("x/1", "temperature", Hint("temperature")),
        ("x/1", "temperature °F", Hint("temperature", "°F")),
        ("x/2", "humidity", Hint("humidity")),
        ("x/3", "pressure mmHg", Hint("pressure", "mmHg")),
        ("x/#", "ignore", Hint(ignore=True)),
        ("x/1", "°F", Hint("temperature", "°F")),
        ("x/1", "%", Hint(unit="%")),
    ],
)
def test_a_unit_a_quantity_both_or_ignore(topic: str, text: str, hint: Hint) -> None:
    assert hints(**{topic: text}) == {topic: hint}


def test_the_order_is_kept() -> None:
    assert list(hints(**{"b/#": "°F", "a/#": "ignore"})) == ["b/#", "a/#"]


@pytest.mark.parametrize(
    ("topic", "text", "sentence"),
    [
        ("x/1", "warm", "'warm' is no hint; write a unit"),
        ("x/1", "", "'' is no hint"),
        ("x/1", 21, "21 is no hint"),
        ("x/1", None, "None is no hint"),
        ("x/1", "temperature degrees", "is no hint"),
        ("x/1", "humidity °F", "humidity is not measured in °F; % is usual"),
        ("x/#/1", "°F", "is not a topic filter"),
        ("$share/g/x/1", "°F", "leave \\$share/GROUP/ out"),
    ],
)
def test_a_fault_is_one_sentence(topic: str, text: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        hints(**{topic: text})
