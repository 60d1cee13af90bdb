"""A Modbus bus overheard: the XY-MD02 manual's frames, other units and values, cut and garbled; what is no guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.decoding import failed, rows

from drivers.base import Decoded, Kind
from drivers.formats import SerialDecoder, decode_capture, kind_of
from drivers.modbus_frames import Request, sealed

ASKED = bytes.fromhex("010400010002200b")
ANSWERED = bytes.fromhex("010404013102222ace")
FRAME = bytes.fromhex("028c015fee")


def exchange(unit: int, register: int, *registers: int, function: int = 4) -> bytes:
    asked = Request(unit, function, register, len(registers)).to_bytes()
    body = b"".join((value & 0xFFFF).to_bytes(2, "big") for value in registers)
    return asked + sealed(bytes((unit, function, len(body))) + body)


def read(decoded: list[Decoded]) -> list[tuple[str | None, str, float]]:
    return [(device, quantity, value) for device, _, quantity, value in rows(*decoded)]


@pytest.mark.parametrize("format_name", ["auto", "modbus-rtu"])
@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        (ASKED + ANSWERED, [("1", "temperature", 30.5), ("1", "humidity", 54.6)]),  # the manual
        (bytes.fromhex("010400010001600a") + bytes.fromhex("01040201317974"), [("1", "temperature", 30.5)]),
        (exchange(1, 1, -205), [("1", "temperature", -20.5)]),
        (exchange(10, 2, 546), [("10", "humidity", 54.6)]),  # a unit whose address ends a line
        (exchange(247, 1, 0, 1000), [("247", "temperature", 0.0), ("247", "humidity", 100.0)]),
        (exchange(1, 1, 215) + exchange(2, 2, 600), [("1", "temperature", 21.5), ("2", "humidity", 60.0)]),
    ],
)
def test_an_answer_is_read_against_its_question(
    capture: bytes, expected: list[tuple[str, str, float]], format_name: str
) -> None:
    decoded = decode_capture(capture, format_name)
    assert read(decoded) == expected
    assert kind_of(decoded) is Kind.READING


@pytest.mark.parametrize(
    ("capture", "kind", "reason"),
    [
        (ASKED, Kind.NOISE, "a question to unit 1"),
        (ANSWERED, Kind.UNKNOWN, "the question was not heard"),
        (ANSWERED[:-1] + b"\x00", Kind.ERROR, "9 bytes that are no frame"),
        (ANSWERED[:5], Kind.ERROR, "5 bytes that are no frame"),
        (ASKED + ANSWERED[:7], Kind.ERROR, "7 bytes that are no frame"),
        (ASKED + sealed(b"\x01\x84\x02"), Kind.ERROR, "it has no such register"),
        (sealed(b"\x11\x83\x01"), Kind.ERROR, "it does not know the function"),
        (exchange(1, 0, 215, 600, function=3), Kind.UNKNOWN, "of function 3"),  # ComWinTop: humidity first
        (exchange(1, 0, 215, 600), Kind.UNKNOWN, "2 registers from 0"),
        (exchange(1, 2, 600, 1), Kind.UNKNOWN, "only registers 1 and 2"),
        (exchange(1, 1, 215, 1001), Kind.UNKNOWN, "no humidity"),
        (exchange(1, 1, 0x7FFF), Kind.UNKNOWN, "no temperature"),
        (sealed(bytes.fromhex("010600fa0001")), Kind.NOISE, "function 6"),
    ],
)
def test_what_is_no_reading_says_why(capture: bytes, kind: Kind, reason: str) -> None:
    decoded = decode_capture(capture)
    assert read(decoded) == []
    assert kind_of(decoded) is kind
    assert any(reason in one.reason for one in decoded)


def test_an_exception_fails_what_was_asked_for() -> None:
    assert {(one[0], one[2]) for one in failed(*decode_capture(ASKED + sealed(b"\x01\x84\x04")))} == {
        ("1", "temperature"),
        ("1", "humidity"),
    }


def test_the_answer_behind_lost_bytes_may_be_another_question_s() -> None:
    garbled = exchange(1, 2, 546)
    capture = exchange(1, 1, 305)[:8] + b"\x01\x04\x02\x01" + garbled[:3] + garbled[8:]
    assert read(decode_capture(capture, "modbus-rtu")) == []


VALUES = st.tuples(st.integers(1, 247), st.integers(-400, 1250), st.integers(0, 1000))


@given(VALUES, st.data())
def test_wherever_an_exchange_is_cut_nothing_false_is_read(values: tuple[int, int, int], data: st.DataObject) -> None:
    unit, temperature, humidity = values
    capture = exchange(unit, 1, temperature, humidity)
    whole = [(str(unit), "temperature", temperature / 10), (str(unit), "humidity", humidity / 10)]
    assert read(decode_capture(capture)) == whole
    stop = data.draw(st.integers(1, len(capture) - 1))
    kept = decode_capture(capture[:stop])
    assert read(kept) == []
    assert stop == 1 or kind_of(kept) is (Kind.NOISE if stop == 8 else Kind.ERROR)
    assert read(decode_capture(capture[stop:])) == []


@given(VALUES, st.integers(1, 9), st.sampled_from(["auto", "modbus-rtu"]))
def test_how_the_port_cuts_the_bytes_makes_no_difference(
    values: tuple[int, int, int], size: int, format_name: str
) -> None:
    unit, temperature, humidity = values
    stream = exchange(unit, 1, temperature) + exchange(unit, 2, humidity) + exchange(unit, 1, temperature, humidity)
    decoder = SerialDecoder(format_name)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    decoded = [one for piece in pieces for one in decoder.feed(piece)] + decoder.end()
    assert decoded == decode_capture(stream, format_name)
    assert len(read(decoded)) == 4
    assert decoder.recognised == "modbus-rtu"


def test_a_bus_joined_in_the_middle_of_a_frame_is_recognised() -> None:
    decoder = SerialDecoder()
    decoder.feed(ANSWERED[4:] + ASKED + ANSWERED)
    assert read(decoder.idle()) == [("1", "temperature", 30.5), ("1", "humidity", 54.6)]
    assert decoder.counters == {"bad_bytes": 5}
    assert read(decoder.feed(exchange(3, 2, 500))) == [("3", "humidity", 50.0)]


def test_text_stays_text_and_frames_of_a_dht22_stay_its() -> None:
    text = SerialDecoder()
    text.feed(b"Humidity: 45.2 %  Temperature: 23.1 C\r\n")
    assert read(text.feed(ASKED + ANSWERED) + text.idle()) == []
    assert len(read(text.feed(b"\nHumidity: 45.2 %  Temperature: 23.1 C\r\n"))) == 2
    like_a_question = bytes.fromhex("010400ff04")  # 26.0 %, 25.5 °C
    assert read(decode_capture(like_a_question)) == [(None, "humidity", 26.0), (None, "temperature", 25.5)]
    frames = SerialDecoder()
    frames.feed(FRAME)
    frames.idle()
    assert frames.feed(ASKED + ANSWERED) == [] or frames.recognised == "dht22-frame"
