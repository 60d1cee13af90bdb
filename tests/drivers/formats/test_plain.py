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
