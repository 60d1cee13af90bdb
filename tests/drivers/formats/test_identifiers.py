"""What an ``id`` is: devices that share a topic stay apart, and a message's number makes no sensor."""

from typing import Any

import pytest
from support.decoding import decode, rows

from drivers.formats.serial_decoder import SerialDecoder

Whose = tuple[str | None, str]


def whose(ids: list[object], topic: str = "espnow/all", memory: dict[str, Any] | None = None) -> list[Whose]:
    """(device, probe) of one message after another."""
    held: dict[str, Any] = {} if memory is None else memory
    return [rows(decode(topic, {"id": one, "temperature": 21.5, "humidity": 41}, held))[0][:2] for one in ids]


@pytest.mark.parametrize("ids", [[1, 2], [2, 1], [1, 2, 3], [7, 3, 12, 5], [100, 200], ["100", "101"], [1, 2, 3, 4, 5]])
def test_numbers_that_come_again_are_devices(ids: list[object]) -> None:
    told = whose(ids * 4)[-len(ids) :]
    assert len(set(told)) == len(ids)
    assert told[1:] == [("espnow/all", str(one)) for one in ids[1:]]
    assert told[0] == ("espnow/all", "")  # which has been the topic's from its first message


def test_a_number_that_only_rises_is_a_counter_also_after_a_restart() -> None:
    ids: list[object] = [*range(1, 40), *range(1, 90), *range(5), *range(300)]
    assert set(whose(ids)) == {("espnow/all", "")}
    assert set(whose([one for one in range(20) for _ in "th"])) == {("espnow/all", "")}


def test_a_message_that_is_delivered_again_makes_no_names_of_a_counter() -> None:
    assert set(whose([5, 6, 5, 7, 8, 9, 8, 10, 11])) == {("espnow/all", "")}


def test_the_only_device_of_a_topic_needs_no_number() -> None:
    assert set(whose([4] * 9)) == {("espnow/all", "")}


def test_a_number_beside_the_counter_of_readings_is_a_device() -> None:
    # the ESP-NOW gateway of many tutorials: struct_message with id, temp, hum, readingId
    memory: dict[str, Any] = {}
    payloads = [{"id": n % 2 + 1, "temperature": 21.5, "humidity": 41, "readingId": n} for n in range(4)]
    told = [rows(decode("espnow", payload, memory))[0][:2] for payload in payloads]
    assert told == [("espnow", "1"), ("espnow", "2")] * 2


def test_devices_on_a_serial_line() -> None:
    decoder = SerialDecoder()
    lines = "".join(f'{{"id":{n % 2 + 1},"temperature":21.5,"humidity":41}}\r\n' for n in range(8))
    told = [row[:2] for row in rows(*decoder.feed(lines.encode()), *decoder.idle())]
    assert set(told[-4:]) == {(None, ""), ("2", "")}


@pytest.mark.parametrize(
    "ids",
    [
        [f"550e8400-e29b-41d4-a716-4466554400{n:02}" for n in range(9)],
        [str(n) for n in range(100, 130)],
        [f"65f1c0ab3e5d8a0012b4c{n:03x}" for n in range(9)],
        [f"01HV5Z3Q8X9YB2M4N6P7R8S{n:03}" for n in range(9)],
    ],
)
def test_a_message_s_key_makes_no_sensor(ids: list[object]) -> None:
    assert set(whose(ids)) == {("espnow/all", "")}


@pytest.mark.parametrize("form", ["65f1c0ab{:04}", "msg-{:04}"])
def test_a_text_that_counts_on_makes_no_more_sensors(form: str) -> None:
    told = whose([form.format(n) for n in range(9)])
    assert len(set(told)) == 2  # the first is a name until the second comes


@pytest.mark.parametrize(
    "ids", [["n3", "n4", "n5"], ["A4C138112233", "A4C138112299"], ["Küche", "Bad"], ["sensor-1", "sensor-2"]]
)
def test_a_text_is_a_name_from_the_first_message_on(ids: list[object]) -> None:
    assert whose(ids * 2) == [(one, "") for one in ids] * 2


def test_what_ids_are_is_known_after_a_restart_and_told_once() -> None:
    memory: dict[str, Any] = {}
    whose([1, 2, 1, 2], memory=memory)
    lasting = {key: value for key, value in memory.items() if not key.startswith("_")}
    assert lasting == {"ids": {"espnow/all": ["names", "1"]}}
    assert whose([2, 1], memory=lasting) == [("espnow/all", "2"), ("espnow/all", "")]


def test_what_is_remembered_is_bounded() -> None:
    memory: dict[str, Any] = {}
    for topic in range(1100):
        whose([topic, topic + 1] * 2, f"t{topic}", memory)
    whose(list(range(2000)), "t", memory)
    assert len(memory["ids"]) <= 1000
    assert len(memory["_ids"]) <= 1000
    assert len(memory["_ids"]["t"]["order"]) <= 128
