"""``sereno decode``: cases for scripts, sentences for people."""

from base64 import b64encode

import pytest

from drivers.formats import decode_capture, decode_case, decode_mqtt, explain


def test_a_case_by_the_contract() -> None:
    case = {
        "id": "f",
        "transport": "mqtt",
        "topic": "stat/attic/STATUS10",
        "payload_text": '{"StatusSNS":{"Time":"2018-02-07T20:16:19","SHT3X":{"Temperature":74.8},"TempUnit":"F"}}',
    }
    assert decode_case(case) == {
        "id": "f",
        "kind": "reading",
        "readings": [
            {
                "device": "attic",
                "sensor": "SHT3X",
                "quantity": "temperature",
                "value": 23.78,
                "unit": "°C",
                "timestamp": "2018-02-07T20:16:19",
            }
        ],
    }


def test_a_serial_case_is_a_whole_capture() -> None:
    capture = b"DHTxx test!\r\nTemperature: 23.10\xc2\xb0C\r\nHumidity: 45.20%\r\n"
    case = {"id": 1, "transport": "serial", "topic": None, "payload_b64": b64encode(capture).decode()}
    judged = decode_case(case)
    assert judged["kind"] == "reading"
    assert [(row["device"], row["sensor"], row["quantity"], row["value"]) for row in judged["readings"]] == [
        (None, None, "temperature", 23.1),
        (None, None, "humidity", 45.2),
    ]


def test_a_case_without_a_topic_is_judged_by_its_payload() -> None:
    payload = '{"StatusSNS":{"AM2301":{"Temperature":20}}}'
    judged = decode_case({"id": 2, "transport": "mqtt", "topic": None, "payload_text": payload})
    assert [(row["device"], row["sensor"]) for row in judged["readings"]] == [(None, "AM2301")]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ({"transport": "pigeon", "payload_text": ""}, '"transport" must be'),
        ({"transport": "mqtt"}, 'needs "payload_text"'),
        ({"transport": "mqtt", "payload_b64": "***"}, "no base64"),
    ],
)
def test_a_case_of_another_shape_is_refused_in_a_sentence(case: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decode_case(case)


def test_for_people() -> None:
    told = "\n".join(explain([decode_mqtt("attic/temperature_F", b"68.0", {})]))
    assert "reading (plain)" in told
    assert "temperature: 20 °C, from 68 °F" in told
    refused = "\n".join(explain([decode_mqtt("attic/temperature/set", b"21", {})]))
    assert "is a command's to a device" in refused
    assert "failed read" in "\n".join(explain(decode_capture(b"Failed to read from DHT sensor!\n")))
    assert "attic is offline" in "\n".join(explain([decode_mqtt("attic/status", b"offline", {})]))
