"""Plain values by topic, and the topics that never carry one."""

import pytest
from support.decoding import decode, failed, rows

from drivers.base import Availability, Kind
from drivers.formats import decode_mqtt
from drivers.formats.message import Hint


@pytest.mark.parametrize(
    ("topic", "payload", "row"),
    [
        ("kitchen/temperature", "21.5", ("kitchen", "", "temperature", 21.5)),
        ("/kitchen/humedad", " 45,2\n", ("kitchen", "", "humidity", 45.2)),
        ("kitchen/temp/state", "70 °F", ("kitchen", "", "temperature", 21.11)),
        ("house/28-0316a2b3c4ff", "21.5", ("house/28-0316a2b3c4ff", "", "temperature", 21.5)),
        ("house/28FF641E8F160345", "21.5", ("house/28FF641E8F160345", "", "temperature", 21.5)),
        ("v1/user/things/c7/data/3", "temp,f=68", ("c7", "3", "temperature", 20)),  # Cayenne
        ("a/b", "rel_hum,p=50", ("a/b", "", "humidity", 50)),
        ("x/vlažnost", "50", ("x", "", "humidity", 50)),
        ("x/вологість", "50", ("x", "", "humidity", 50)),
        ("x/fugt", "50", ("x", "", "humidity", 50)),
        ("x/độ ẩm", "50", ("x", "", "humidity", 50)),
        ("x/buitentemperatuur", "5", ("x/buitentemperatuur", "", "temperature", 5)),
        ("kitchen/temperature", "21.5°", ("kitchen", "", "temperature", 21.5)),
        ("kitchen/temperature_F", "70", ("kitchen", "", "temperature", 21.11)),
        ("sensors/humidity/attic", "61", ("sensors/humidity/attic", "", "humidity", 61)),
        ("factory/sensor", "temperature=25.5", ("factory/sensor", "", "temperature", 25.5)),
    ],
)
def test_the_topic_names_the_quantity(topic: str, payload: str, row: tuple[object, ...]) -> None:
    assert rows(decode(topic, payload)) == [row]


@pytest.mark.parametrize("payload", ["nan", "err", "unavailable", "-127"])
def test_a_failed_read(payload: str) -> None:
    assert failed(decode("kitchen/temperature", payload)) == [("kitchen", "", "temperature")]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("kitchen/temperature/set", "21.5"),
        ("cmnd/kitchen/temperature", "21.5"),
        ("kitchen/target_temperature", "21"),
        ("zigbee2mqtt/bridge/devices", '[{"temperature":21}]'),
        ("$SYS/broker/temperature", "21"),
        ("kitchen/log", "temperature=99"),
        ("boiler/pressure", "1.8"),
        ("v1/user/things/c7/data/3", "temp,p=68"),
        ("kitchen/temperature", ""),
    ],
)
def test_what_is_no_reading(topic: str, payload: str) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())


@pytest.mark.parametrize("payload", ["1e999", "1_000", "٢١", "0x15", "21.5 parsec", "lots", b"\xff\xfe\x00"])
def test_what_is_no_number_is_never_one(payload: str | bytes) -> None:
    assert decode("kitchen/temperature", payload).readings == ()


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("boiler/x/online", "true", Availability("boiler/x", True)),
        ("home/gateway/LWT", "offline", Availability("home/gateway", False)),
        ("home/remote/availability", '{"state":"offline"}', Availability("home/remote", False)),
        ("bulb/any", '{"online":false}', Availability("bulb/any", False)),
    ],
)
def test_availability(topic: str, payload: str, said: Availability) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, said)


def test_a_lamp_that_is_on_is_no_availability() -> None:
    assert decode("lamp/state", "on").kind is not Kind.AVAILABILITY


def test_clearing_a_retained_message_says_nothing() -> None:
    assert decode("old/availability", "").kind is Kind.NOISE


@pytest.mark.parametrize(
    ("topic", "payload", "hint", "row"),
    [
        ("x/1", "21.5", Hint("temperature"), ("x/1", "", "temperature", 21.5)),
        ("x/2", "55", Hint("humidity"), ("x/2", "", "humidity", 55)),
        ("kitchen/temperature", "68", Hint(unit="°F"), ("kitchen", "", "temperature", 20)),
        ("kitchen/temperature", "20 °C", Hint(unit="°F"), ("kitchen", "", "temperature", 20)),
        ("kitchen/temperature_c", "20", Hint(unit="°F"), ("kitchen", "", "temperature", 20)),
        ("kitchen/humidity", "55", Hint("temperature", "°F"), ("kitchen", "", "humidity", 55)),
        ("porch/sensor/tymheredd/state", "68", Hint("temperature", "°F"), ("porch", "tymheredd", "temperature", 20)),
        ("porch/sensor/temperature/state", "68", Hint(unit="°F"), ("porch", "", "temperature", 20)),
    ],
)
def test_the_configuration_tells_what_nothing_else_does(
    topic: str, payload: str, hint: Hint, row: tuple[object, ...]
) -> None:
    assert rows(decode_mqtt(topic, payload.encode(), {}, hint)) == [row]


def test_the_configuration_may_leave_a_topic_out() -> None:
    decoded = decode_mqtt("kitchen/temperature", b"21.5", {}, Hint(ignore=True))
    assert decoded.kind is Kind.NOISE
    assert "configuration" in decoded.reason


@pytest.mark.parametrize(
    "level",
    [
        *("lastupdate", "channel", "quality", "health", "power", "rain", "wind_speed", "rssi"),
        *("mode", "pin", "offset", "unit"),
    ],
)
def test_what_lies_below_a_quantity_and_speaks_of_something_else_is_no_reading(level: str) -> None:
    assert decode(f"home/k/temperature/{level}", "21").kind is Kind.NOISE


@pytest.mark.parametrize("level", ["kitchen", "power_room", "1", "wine", "door"])
def test_a_place_below_a_quantity_is_read(level: str) -> None:
    assert [row[2:] for row in rows(decode(f"home/k/temperature/{level}", "21.5"))] == [("temperature", 21.5)]


@pytest.mark.parametrize("topic", ["home/k/temperature/status", "home/k/humidity/status", "home/k/temperature/window"])
def test_a_state_is_no_reading_until_figures_come_there(topic: str) -> None:
    memory: dict[str, object] = {}
    assert [decode(topic, text, memory).kind for text in "01"] == [Kind.NOISE, Kind.NOISE]
    assert [decode(topic, text, memory).kind for text in ("2", "1", "0")] == [Kind.READING] * 3


@pytest.mark.parametrize(
    ("topic", "text", "value"),
    [
        ("home/k/temperature/F", "70.7", 21.5),
        ("home/k/temp/f", "70.7", 21.5),
        ("home/k/temperature/fahrenheit", "70.7", 21.5),
        ("home/k/temperature/F/state", "70.7", 21.5),
        ("home/k/temperature/K", "294.65", 21.5),
        ("home/k/temperature/C", "21.5", 21.5),
        ("home/k/humidity/%", "40", 40),
    ],
)
def test_a_last_level_that_is_only_a_unit_is_the_unit(topic: str, text: str, value: float) -> None:
    ((device, probe, _, told),) = rows(decode(topic, text))
    assert (device, probe, told) == ("home/k", "", value)


def test_what_is_told_in_both_units_is_counted_once() -> None:
    memory: dict[str, object] = {}
    topics = [("home/k/temperature/C", "21.5"), ("home/k/temperature/F", "70.7")]
    assert [decode(topic, text, memory).kind for topic, text in topics] == [Kind.READING, Kind.NOISE]


@pytest.mark.parametrize(
    ("unit_topic", "topic"),
    [
        ("ha/sensor/bed_temperature/unit_of_measurement", "ha/sensor/bed_temperature/state"),
        ("home/k/temperature/unit", "home/k/temperature"),
        ("home/k/temperature/unit", "home/k/temperature/value"),
    ],
)
def test_a_unit_told_on_a_topic_beside_holds(unit_topic: str, topic: str) -> None:
    # Home Assistant's mqtt_statestream with publish_attributes tells each attribute as JSON
    memory: dict[str, object] = {}
    assert decode(unit_topic, '"°F"', memory).kind is Kind.NOISE
    assert rows(decode(topic, "70.7", memory))[0][3] == 21.5


@pytest.mark.parametrize("domain", ["number", "input_number"])
def test_what_somebody_set_in_home_assistant_is_no_reading(domain: str) -> None:
    assert decode(f"homeassistant/{domain}/bed_temperature/state", "22").kind is Kind.NOISE
    assert decode("homeassistant/sensor/bed_temperature/state", "22").kind is Kind.READING


def test_the_air_of_a_place_called_soil_is_air() -> None:
    assert rows(decode("boden/luftfeuchte", "40")) == [("boden", "", "humidity", 40)]
    assert decode("boden/feuchte", "40").kind is Kind.NOISE
