"""Frames: what the clients' own libraries make of the bytes that are shared among them."""

import zlib
from collections.abc import Generator
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame
from websockets.streams import StreamReader

from daemon.api.frames import RUN_BYTES, WINDOW_BITS, Frames, compressed_frame, split, text_frame
from daemon.bus import Published
from daemon.events import Channel

T = TypeVar("T")
READINGS = frozenset({Channel.READINGS})


def parsed(data: bytes) -> list[bytes]:
    """Payloads of the text frames in ``data``, as the websockets library reads them."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    deflate = PerMessageDeflate(True, True, WINDOW_BITS, WINDOW_BITS)
    payloads = []
    while not result_of(reader.at_eof()):
        frame = result_of(Frame.parse(reader.read_exact, mask=False, extensions=[deflate]))
        assert frame.fin
        assert frame.opcode == 1
        payloads.append(bytes(frame.data))
    return payloads


def result_of(parsing: Generator[None, None, T]) -> T:
    """What a parser gives that has all the bytes it needs."""
    with pytest.raises(StopIteration) as result:
        next(parsing)
    value: T = result.value.value
    return value


def events(bodies: list[bytes]) -> list[Published]:
    return [Published(number, 0, READINGS, 1, body) for number, body in enumerate(bodies)]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 200_000])
def test_a_frame_holds_its_payload_whatever_its_length(size: int) -> None:
    payload = bytes(97 + number % 26 for number in range(size))
    assert parsed(text_frame(payload)) == [payload]
    assert parsed(compressed_frame(payload)) == [payload]


def test_compression_is_left_out_where_it_gains_nothing() -> None:
    noise = zlib.compress(bytes(range(256)) * 4)
    assert compressed_frame(noise) == text_frame(noise)
    body = b'{"type":"entity_event","entity_type":"lectura","event_type":"created","data":{"type":"entity_event"}}' * 4
    assert len(compressed_frame(body)) < len(body) / 2


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=30))
def test_a_run_is_its_events_in_order(bodies: list[bytes]) -> None:
    frames = Frames()
    (run,) = split(events(bodies))
    assert parsed(frames.plain(run)) == bodies
    assert parsed(frames.compressed(run)) == bodies
    assert len(frames.plain(run)) == run.size


@given(st.lists(st.integers(0, RUN_BYTES + 10), max_size=20))
def test_runs_are_bounded_and_lose_nothing(sizes: list[int]) -> None:
    published = events([b"x" * size for size in sizes])
    runs = split(published)
    assert [event for run in runs for event in run.events] == published
    assert all(run.size <= RUN_BYTES or len(run.events) == 1 for run in runs)


def test_what_is_offered_to_many_becomes_bytes_once() -> None:
    frames = Frames()
    offered = events([b"a" * 100, b"b" * 100])
    first, second = frames.runs(offered), frames.runs(offered)
    assert first is second
    assert frames.plain(first[0]) is frames.plain(second[0])
    assert frames.compressed(first[0]) is frames.compressed(second[0])
