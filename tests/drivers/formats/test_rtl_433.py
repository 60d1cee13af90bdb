"""rtl_433, by its docs (OPERATION.md, DATA_FORMAT.md), its rtl_433_tests samples and issues 1720, 2058, 2461, 2653."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.decoding import decode, rows

from drivers.base import Kind

TOWER = {"time": "2024-01-12 03:43:05", "model": "Acurite-Tower", "id": 521, "channel": "A", "battery_ok": 1}


def test_the_device_is_model_channel_and_id() -> None:
    decoded = decode("rtl_433/attic/events", TOWER | {"temperature_C": 0.8, "humidity": 68, "mic": "CHECKSUM"})
    assert rows(decoded) == [
        ("Acurite-Tower/A/521", "", "temperature", 0.8),
        ("Acurite-Tower/A/521", "", "humidity", 68),
    ]
    assert decoded.readings[0].model == "Acurite-Tower"


@pytest.mark.parametrize(
    ("event", "device"),
    [
        ({"model": "Fineoffset-WH2", "id": 37, "temperature_C": 17.4}, "Fineoffset-WH2/37"),
        ({"model": "Nexus-TH", "channel": 0, "id": 5, "temperature_C": 17.4}, "Nexus-TH/0/5"),
        ({"model": "Hideki-TS04", "id": "1f", "channel": 4, "temperature_C": 17.4}, "Hideki-TS04/4/1f"),
        ({"model": "HIDEKI TS04 sensor", "rc": 15, "channel": 4, "temperature_C": 17.4}, "HIDEKI TS04 sensor/4/15"),
        ({"model": "Prologue sensor", "id": 9, "rid": 228, "channel": 1, "temperature_C": 17.4}, "Prologue sensor/1/9"),
        ({"model": "my-flex-decoder", "temperature_C": 17.4}, "my-flex-decoder"),
    ],
)
def test_devices_without_channel_or_id_and_by_their_old_names(event: dict[str, object], device: str) -> None:
    assert rows(decode("rtl_433/attic/events", event)) == [(device, "", "temperature", 17.4)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"temperature_F": 68.6, "humidity": 65}, [("", "temperature", 20.33), ("", "humidity", 65)]),
        ({"temperature_C": 5.1, "temperature_2_C": -18.2}, [("", "temperature", 5.1), ("2", "temperature", -18.2)]),
        ({"temperature1_C": 80, "temperature2_C": 120}, [("1", "temperature", 80), ("2", "temperature", 120)]),
        ({"temperature_1_F": 212.0}, [("1", "temperature", 100)]),
        ({"temperature_C": 21.5, "setpoint_C": 23.0}, [("", "temperature", 21.5)]),
        ({"temperature_C": 9.5, "moisture": 41}, [("", "temperature", 9.5)]),
        ({"temperature_C": 9.5, "pressure_hPa": 1013.2}, [("", "temperature", 9.5), ("", "pressure", 1013.2)]),
        ({"temperature_C": 9.5, "pressure_kPa": 101.3}, [("", "temperature", 9.5), ("", "pressure", 1013)]),
        ({"temperature_C": 9.5, "battery_mV": 1400}, [("", "temperature", 9.5), ("", "battery_voltage", 1.4)]),
        ({"temperature_C": 9.5, "battery_V": 2.96}, [("", "temperature", 9.5), ("", "battery_voltage", 2.96)]),
        ({"temperature_C": 9.5, "battery": "LOW"}, [("", "temperature", 9.5)]),
        ({"temperature_C": 9.5, "battery": 1}, [("", "temperature", 9.5)]),
        ({"temperature_C": 9.5, "battery_ok": 0.6}, [("", "temperature", 9.5)]),
        ({"temperature_C": 9.5, "temperature_raw": 95}, [("", "temperature", 9.5)]),
        ({"temperature_C": 22, "co2_ppm": 612}, [("", "temperature", 22), ("", "co2", 612)]),
        ({"temperature_C": 22, "light_lux": 612, "uv": 3}, [("", "temperature", 22), ("", "illuminance", 612)]),
        ({"humidity": 44}, [("", "humidity", 44)]),
    ],
)
def test_keys_name_quantity_unit_and_probe(values: dict[str, object], expected: list[tuple[str, str, float]]) -> None:
    decoded = decode("rtl_433/attic/events", TOWER | values)
    assert [row[1:] for row in rows(decoded)] == expected


@pytest.mark.parametrize(
    ("time", "moment"),
    [
        ("2024-01-12 03:43:05", datetime(2024, 1, 12, 3, 43, 5)),  # noqa: DTZ001 - local, zone-less
        ("2024-01-12 03:43:05.123456", datetime(2024, 1, 12, 3, 43, 5, 123456)),  # noqa: DTZ001
        ("2024-01-12T03:43:05", datetime(2024, 1, 12, 3, 43, 5)),  # noqa: DTZ001
        ("2024-01-12T04:43:05+0100", datetime(2024, 1, 12, 3, 43, 5, tzinfo=UTC)),
        ("2024-01-12T03:43:05Z", datetime(2024, 1, 12, 3, 43, 5, tzinfo=UTC)),
        ("1705030985", datetime(2024, 1, 12, 3, 43, 5, tzinfo=UTC)),
        ("1705030985.250000", datetime(2024, 1, 12, 3, 43, 5, 250000, tzinfo=UTC)),
        (1705030985, datetime(2024, 1, 12, 3, 43, 5, tzinfo=UTC)),
        ("@0.084672s", None),
    ],
)
def test_every_form_of_time(time: object, moment: datetime | None) -> None:
    decoded = decode("rtl_433/attic/events", TOWER | {"time": time, "temperature_C": 1.5})
    assert decoded.readings[0].measured_at == moment


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("rtl_433/attic/devices/Acurite-Tower/A/521", "Acurite-Tower/A/521"),
        ("rtl_433/9b13b3f4-rtl433/devices/Nexus-TH/2/42", "Nexus-TH/2/42"),
        ("rtl_433/Fineoffset-WH2A/11", "Fineoffset-WH2A/11"),
        ("rtl_433/attic/Nexus-TH/2/42", "Nexus-TH/2/42"),
        ("home/rtl_433/devices/Nexus-TH/42", "Nexus-TH/42"),
        ("home/rtl433/Nexus-TH/42", "Nexus-TH/42"),
    ],
)
def test_device_topics_in_any_layout(topic: str, device: str) -> None:
    assert rows(decode(f"{topic}/temperature_C", "-4.5")) == [(device, "", "temperature", -4.5)]
    assert rows(decode(f"{topic}/humidity", "45")) == [(device, "", "humidity", 45)]


TOLD = TOWER | {"temperature_C": 0.8, "humidity": 68}
PLAIN = [
    ("time", "2024-01-12 03:43:05"),
    ("id", "521"),
    ("channel", "A"),
    ("battery_ok", "1"),
    ("temperature_C", "0.80000"),
    ("humidity", "68"),
]


def test_each_measurement_is_counted_once_whichever_comes_first() -> None:
    base = "rtl_433/attic/devices/Acurite-Tower/A/521"
    memory: dict[str, Any] = {}
    for _ in range(2):  # a sensor that tells the same again has measured again
        event = decode("rtl_433/attic/events", TOLD, memory)
        fields = [decode(f"{base}/{field}", value, memory) for field, value in PLAIN]
        assert len(rows(event)) == 2
        assert {each.kind for each in fields} == {Kind.NOISE}
    memory = {}
    fields = [decode(f"{base}/{field}", value, memory) for field, value in PLAIN]
    event = decode("rtl_433/attic/events", TOLD, memory)
    assert len(rows(*fields)) == 2
    assert (event.kind, event.readings) == (Kind.NOISE, ())


@pytest.mark.parametrize(
    "path",
    [
        "rtl_433/attic/devices/Acurite-Tower/521/A",
        "rtl_433/attic/devices/Acurite-Tower/521",
        "rtl_433/attic/devices/Acurite-Tower",
        "garden/weather/Acurite-Tower/A/521",
    ],
)
def test_a_device_whose_event_was_seen_is_the_same_in_any_layout(path: str) -> None:
    memory: dict[str, Any] = {}
    decode("garden/weather/events", TOLD, memory)
    assert decode(f"{path}/temperature_C", "0.8", memory).kind is Kind.NOISE
    assert rows(decode(f"{path}/temperature_C", "1.2", memory)) == [("Acurite-Tower/A/521", "", "temperature", 1.2)]


def test_a_model_s_spaces_are_underlines_in_topics() -> None:
    memory: dict[str, Any] = {}
    event = {"model": "Acurite tower sensor", "id": 521, "channel": "A", "temperature_C": 0.8, "humidity": 68}
    assert len(rows(decode("rtl_433/attic/events", event, memory))) == 2
    topic = "rtl_433/attic/devices/Acurite_tower_sensor/A/521/humidity"
    assert rows(decode(topic, "69", memory)) == [("Acurite tower sensor/A/521", "", "humidity", 69)]


def test_two_receivers_of_one_sensor_count_once() -> None:
    memory: dict[str, Any] = {}
    assert len(rows(decode("rtl_433/attic/events", TOLD, memory))) == 2
    assert decode("rtl_433/cellar/events", TOLD, memory).kind is Kind.NOISE


def test_temperature_and_humidity_in_separate_messages_are_one_device_s() -> None:
    old = {"time": "2016-03-01 10:00:00", "model": "LaCrosse TX Sensor", "id": 88}
    told = [
        decode("rtl_433/attic/events", old | {key: value}) for key, value in (("temperature_C", 21), ("humidity", 40))
    ]
    assert {row[0] for row in rows(*told)} == {"LaCrosse TX Sensor/88"}


@pytest.mark.parametrize("topic", ["home/x", "sensors/433/json", "home/events"])
def test_events_on_a_free_topic_are_known_by_their_shape(topic: str) -> None:
    first = decode(topic, {"time": "@1s", "model": "Nexus-TH", "id": 42, "channel": 2, "temperature_C": 20.5})
    second = decode(topic, {"time": "2024-01-12 03:43:05", "model": "Nexus-TH", "id": 7, "channel": 1, "humidity": 48})
    assert rows(first, second) == [("Nexus-TH/2/42", "", "temperature", 20.5), ("Nexus-TH/1/7", "", "humidity", 48)]


@pytest.mark.parametrize(
    "document",
    [
        {"model": "DHT22", "id": "kitchen", "temperature": 21.5, "humidity": 40, "time": "2024-01-12 03:43:05"},
        {"model": "BME280", "id": "kitchen", "temperature": 21.5},
    ],
)
def test_other_devices_that_name_their_model_are_not_taken_for_it(document: dict[str, object]) -> None:
    decoded = decode("home/kitchen", document)
    assert (decoded.format, decoded.readings[0].device) == ("json", "kitchen")


TPMS = {"type": "TPMS", "model": "Toyota", "id": "fb0a43e7", "pressure_kPa": 240.0, "temperature_C": 27.0, "mic": "CRC"}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("rtl_433/attic/events", TPMS),
        ("home/x", TPMS),
        ("rtl_433/attic/devices/TPMS/Toyota/fb0a43e7/pressure_kPa", "240.0"),
        ("rtl_433/attic/events", {"time": "2019-08-29 08:38:19", "model": "Generic-Remote", "id": 42, "cmd": 1}),
        ("rtl_433/attic/states", {"enabled": 184, "since": "2024-01-12T03:43:05", "frames": {"count": 10}}),
        ("rtl_433/attic/devices/Nexus-TH/2/42/battery_ok", "1"),
        ("rtl_433/attic/devices/Nexus-TH/2/42/id", "42"),
        ("rtl_433/attic/devices/Nexus-TH/2/42/mic", "CRC"),
        ("rtl_433/attic/devices/Fineoffset-WH51/0c4/moisture", "41"),
        ("rtl_433/attic/devices/X-1/2/setpoint_C", "21.0"),
        ("rtl_433/attic/devices/X-1/2/battery", "OK"),
        ("rtl_433/attic/devices/Nexus-TH/2/42/temperature_C", ""),
    ],
)
def test_what_is_no_reading(topic: str, payload: object) -> None:
    decoded = decode(topic, payload)
    assert (decoded.kind, decoded.readings) == (Kind.NOISE, ())


def test_the_receiver_s_last_will_is_no_device_s() -> None:
    decoded = decode("rtl_433/attic/availability", "offline")
    assert (decoded.kind, decoded.availability) == (Kind.AVAILABILITY, None)


def test_what_is_remembered_is_bounded_and_of_this_connection() -> None:
    memory: dict[str, Any] = {}
    for number in range(900):
        decode("rtl_433/attic/events", TOLD | {"id": number}, memory)
    assert all(key.startswith("_") for key in memory)
    assert max(map(len, memory.values())) <= 4_000
