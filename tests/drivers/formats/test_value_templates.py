"""Which of Home Assistant's templates are a place and a straight line."""

import pytest

from drivers.formats.value_templates import Place, read_template


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", Place()),
        ("{{ value }}", Place()),
        ("{{ value | float | round(2) }}", Place()),
        ("{{value_json.temperature}}", Place(("temperature",))),
        ("{{ value_json.temperature_C | is_defined }}", Place(("temperature_C",))),  # OpenMQTTGateway
        ("{{ value_json['AM2301'].Temperature }}", Place(("AM2301", "Temperature"))),  # Tasmota
        ('{{ value_json["AM2301"]["Temperature"] | round(1) }}', Place(("AM2301", "Temperature"))),
        ("{{ value_json.sensors[0].temp }}", Place(("sensors", 0, "temp"))),
        ("{{ value_json.get('t', 0) | default('') }}", Place(("t",))),
        ("{{ float(value_json.t) }}", Place(("t",))),
        ("{{ value | multiply(0.001) | round(2)}}", Place((), 0.001)),
        ("{{ value_json.t / 10 }}", Place(("t",), 0.1)),
        ("{{ (value_json.t | int) * 0.1 - 40 }}", Place(("t",), 0.1, -40.0)),
        ("{{ (value | float(0) - 32) / 1.8 }}", Place((), 1 / 1.8, -32 / 1.8)),
        ("{{- value_json.t -}}", Place(("t",))),
        (
            "{{value_json['outdoortemp'] if value_json['outdoortemp'] is defined else 0}}",
            Place(("outdoortemp",)),
        ),  # EMS-ESP
        (
            "{% if 'temperature' in value_json %}{{ value_json.temperature }}{% else %}{{ this.state }}{% endif %}",
            Place(("temperature",)),
        ),
    ],
)
def test_a_place_and_a_line_are_understood(text: str, place: Place) -> None:
    found = read_template(text)
    assert found is not None
    assert found.path == place.path
    assert (found.scale, found.offset) == pytest.approx((place.scale, place.offset))


@pytest.mark.parametrize(
    "text",
    [
        "value_json.t",
        "{{ value_json.t }} °C",
        "{{ value.split(';')[0] }}",
        "{{ value_json.t * value_json.k }}",
        "{{ 1 / value_json.t }}",
        "{{ value_json.t / 0 }}",
        "{{ value_json.t * 0 }}",
        "{{ 21 }}",
        "{{ value_json.t | abs }}",
        "{{ states('sensor.x') }}",
        "{{ value_json.t ** 2 }}",
        "{% for x in value_json %}{{ x }}{% endfor %}",
        "{{ value_json.t",
        "{{ value_json. }}",
        "{{ }}",
        "{{ " + "(" * 150 + "value" + ")" * 150 + " }}",
        "{{ value" + " + 1" * 200 + " }}",
        "{{ value_json" + ".a" * 20 + " }}",
        "{{ value * 1e308 * 1e308 }}",
    ],
)
def test_more_than_that_is_not(text: str) -> None:
    assert read_template(text) is None
