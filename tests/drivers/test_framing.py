"""Framing: whole lines and whole frames come out, however the stream is cut."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from drivers.framing import LONGEST_LINE, FrameFramer, LineFramer, checksum_holds

GOOD = bytes.fromhex("028c015fee")  # the AM2302 datasheet's worked example
OTHER = bytes.fromhex("01b9fffab3")


def test_lf_cr_and_crlf_end_a_line() -> None:
    assert LineFramer().feed(b"a\nb\rc\r\nd\n") == [b"a", b"b", b"c", b"d"]


def test_a_crlf_cut_in_the_middle_is_one_end() -> None:
    framer = LineFramer()
    assert framer.feed(b"a\r") + framer.feed(b"\nb\n") == [b"a", b"b"]


def test_a_line_without_its_end_is_not_given_out() -> None:
    framer = LineFramer()
    assert framer.feed(b"Temperature: 23.1") == []
    assert framer.feed(b"0\n") == [b"Temperature: 23.10"]


def test_a_line_too_long_is_dropped_to_its_end_and_counted_once() -> None:
    framer = LineFramer()
    assert framer.feed(b"x" * (LONGEST_LINE + 1)) == []
    assert framer.feed(b"x" * LONGEST_LINE) == []
    assert framer.feed(b"tail\nwhole\n") == [b"whole"]
    assert framer.too_long == 1


def test_the_longest_line_allowed_comes_through() -> None:
    assert LineFramer().feed(b"x" * LONGEST_LINE + b"\n") == [b"x" * LONGEST_LINE]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=8))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    cut_up = LineFramer(longest=32)
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    lines = [line for piece in pieces for line in cut_up.feed(piece)]
    whole = LineFramer(longest=32)
    assert lines == whole.feed(data)
    assert cut_up.too_long == whole.too_long
    assert all(0 < len(line) <= 32 and b"\n" not in line and b"\r" not in line for line in lines)


def test_memory_stays_bounded_on_a_line_that_never_ends() -> None:
    framer = LineFramer()
    for _ in range(64):
        framer.feed(b"\xff" * 4096)
        assert len(framer.waiting) <= LONGEST_LINE


def test_checksum_is_the_low_byte_of_the_sum() -> None:
    assert checksum_holds(GOOD)
    assert not checksum_holds(GOOD[:4] + b"\xef")
    assert not checksum_holds(GOOD[:4])


def test_frames_follow_one_another_without_a_mark() -> None:
    framer = FrameFramer()
    assert framer.feed(GOOD + OTHER + GOOD[:3]) == [GOOD, OTHER]
    assert framer.feed(GOOD[3:]) == [GOOD]


def test_a_lost_byte_costs_its_own_frame_only() -> None:
    framer = FrameFramer()
    assert framer.feed(GOOD[1:] + OTHER + GOOD) == [OTHER, GOOD]
    assert framer.skipped == 4


def test_a_pause_drops_what_waits() -> None:
    framer = FrameFramer()
    assert framer.feed(GOOD[:4]) == []
    assert framer.pause() == GOOD[:4]
    assert framer.feed(GOOD) == [GOOD]
