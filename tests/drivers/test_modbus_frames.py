"""Modbus frames: the specification's vectors, and frames found however a bus's bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_frames import BusFramer, Other, Refusal, Reply, Request, crc16, is_frame, sealed

ASKED = Request(1, 4, 1, 2)
ANSWER = bytes.fromhex("010404013102222ace")  # XY-MD02's manual: 30.5 °C, 54.6 %


@pytest.mark.parametrize(
    ("body", "crc"),
    [
        ("0207", "4112"),  # MODBUS over Serial Line V1.02, 6.2.2: "2, 7" gives 1241 hex, sent 41 12
        ("010400010001", "600a"),  # XY-MD02's manual
        ("0104020131", "7974"),  # the same
    ],
)
def test_the_checksum_is_sent_low_byte_first(body: str, crc: str) -> None:
    assert sealed(bytes.fromhex(body)) == bytes.fromhex(body + crc)
    assert is_frame(bytes.fromhex(body + crc))


def test_no_byte_more_is_needed_to_check_a_frame() -> None:
    assert crc16(ANSWER) == 0  # a frame with its checksum leaves nothing over
    assert not is_frame(ANSWER[:-1])
    assert not is_frame(b"")


def test_a_request_is_eight_bytes() -> None:
    assert Request(1, 4, 1, 1).to_bytes() == bytes.fromhex("010400010001600a")
    assert ASKED.answer_length == len(ANSWER)


def test_a_reply_is_known_by_the_request_before_it() -> None:
    assert BusFramer().feed(ASKED.to_bytes() + ANSWER) == [ASKED, Reply(1, 4, (305, 546), ASKED)]
    assert BusFramer().feed(ANSWER) == [Reply(1, 4, (305, 546), None)]
    other = Request(2, 4, 1, 2)
    assert BusFramer().feed(other.to_bytes() + ANSWER) == [other, Reply(1, 4, (305, 546), None)]
    longer = Request(1, 4, 1, 3)
    assert BusFramer().feed(longer.to_bytes() + ANSWER) == [longer, Reply(1, 4, (305, 546), None)]


def test_one_request_has_one_answer() -> None:
    assert BusFramer(ASKED).feed(ANSWER + ANSWER) == [Reply(1, 4, (305, 546), ASKED), Reply(1, 4, (305, 546), None)]


def test_an_exception_says_what_was_asked() -> None:
    assert BusFramer(ASKED).feed(sealed(b"\x01\x84\x02")) == [Refusal(1, 4, 2, ASKED)]


@pytest.mark.parametrize(
    "body", ["0106010100 08", "01100101000204 00080001", "011001010002", "01010000000a", "010102cd6b"]
)
def test_what_other_masters_do_is_no_garbage(body: str) -> None:
    frame = sealed(bytes.fromhex(body))
    framer = BusFramer()
    assert framer.feed(frame) == [Other(frame[0], frame[1])]
    assert framer.skipped == 0


@pytest.mark.parametrize("noise", [b"\x00", b"\xff", b"\x00\x10\x00", b"\x01\x04\xfa", b"\x01\x04", ANSWER[:-1]])
def test_an_answer_is_found_behind_noise_at_once(noise: bytes) -> None:
    framer = BusFramer(ASKED)
    assert framer.feed(noise + ANSWER) == [Reply(1, 4, (305, 546), ASKED)]
    assert framer.skipped == len(noise)


def test_a_pause_gives_up_what_was_cut() -> None:
    framer = BusFramer()
    assert framer.feed(ASKED.to_bytes() + ANSWER[:6]) == [ASKED]
    assert framer.pause() == []
    assert framer.skipped == 6
    assert framer.feed(ASKED.to_bytes()) == [ASKED]


FRAMES = st.lists(
    st.sampled_from([ASKED.to_bytes(), ANSWER, sealed(b"\x01\x84\x02"), b"\x00", b"\x01\x04\x04", b"\xfe\x81"])
    | st.binary(max_size=12),
    max_size=8,
).map(b"".join)


@given(FRAMES, st.lists(st.integers(0, 100), max_size=8))
def test_every_byte_is_a_frame_s_or_counted(stream: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    framer = BusFramer()
    for start, end in pairwise(places):
        framer.feed(stream[start:end])
        assert len(framer.waiting) <= 256
    framer.pause()
    assert framer.waiting == b""
    assert framer.skipped <= len(stream)


@given(st.lists(st.sampled_from([1, 2, 17, 65, 247]), min_size=1, max_size=5), st.integers(1, 40))
def test_where_a_bus_is_cut_makes_no_difference(units: list[int], size: int) -> None:
    stream = b"".join(Request(unit, 4, 1, 1).to_bytes() + sealed(bytes((unit, 4, 2, 0, 215))) for unit in units)
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    framer = BusFramer()
    assert [one for piece in pieces for one in framer.feed(piece)] == BusFramer().feed(stream)
    assert framer.skipped == 0
