"""Ids come from blocks that the writer has reserved, in order, and never twice."""

import asyncio

import pytest

from daemon.ids import BLOCKS, IdBlocks, IdsExhaustedError


class Writer:
    """Remembers what was asked for; grants when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.next = dict.fromkeys(BLOCKS, 1)
        self.now = 0.0
        self.ids = IdBlocks(lambda name, count: self.asked.append((name, count)), lambda: self.now)

    def grant(self) -> None:
        asked, self.asked = self.asked, []
        for name, count in asked:
            self.ids.grant(name, range(self.next[name], self.next[name] + count))
            self.next[name] += count


def test_nothing_is_given_before_it_is_reserved() -> None:
    writer = Writer()
    with pytest.raises(IdsExhaustedError, match="anomaly"):
        writer.ids.take("anomaly")
    assert writer.asked == [("anomaly", 64)]
    writer.grant()
    assert [writer.ids.take("anomaly") for _ in range(3)] == [1, 2, 3]


def test_the_next_block_is_asked_for_at_half_and_once() -> None:
    writer = Writer()
    writer.ids.grant("anomaly", range(1, 65))
    writer.next["anomaly"] = 65
    for _ in range(32):
        writer.ids.take("anomaly")
    assert writer.asked == []
    writer.ids.take("anomaly")
    writer.ids.take("anomaly")
    assert writer.asked == [("anomaly", 64)]
    writer.grant()
    assert writer.ids.take_many("anomaly", 40) == range(35, 75)  # blocks that follow each other are one


def test_ids_only_grow_where_blocks_leave_a_gap() -> None:
    writer = Writer()
    writer.ids.grant("anomaly", range(1, 5))
    writer.ids.grant("anomaly", range(100, 164))
    assert writer.ids.take_many("anomaly", 10) == range(100, 110)
    assert writer.ids.take("anomaly") == 110


def test_a_block_used_up_quickly_is_doubled() -> None:
    writer = Writer()
    asked: list[tuple[str, int]] = []

    def use_up() -> None:
        while True:
            writer.ids.take("anomaly")

    for now in (0.0, 0.5, 0.9, 60.0):
        writer.now = now
        with pytest.raises(IdsExhaustedError):
            use_up()
        asked.extend(writer.asked)
        writer.grant()
    assert asked == [("anomaly", 64), ("anomaly", 128), ("anomaly", 256), ("anomaly", 256)]


async def test_large_needs_wait_for_their_block() -> None:
    writer = Writer()
    waiting = asyncio.ensure_future(writer.ids.ready("reading", 25_000))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert writer.asked == [("reading", 50_000)]
    writer.grant()
    await waiting
    assert writer.ids.take_many("reading", 25_000) == range(1, 25_001)


async def test_who_waits_is_told_when_no_id_will_come() -> None:
    writer = Writer()
    waiting = [asyncio.ensure_future(writer.ids.ready(name)) for name in ("sensor", "reading", "reading")]
    await asyncio.sleep(0)
    writer.ids.fail(LookupError("the writer has ended"))
    for waiter in waiting:
        with pytest.raises(LookupError, match="has ended"):
            await waiter
