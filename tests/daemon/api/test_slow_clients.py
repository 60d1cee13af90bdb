"""Clients that do not keep up: they lose events and their connection, and nobody else notices."""

import asyncio
import json
import time
from typing import Any

import pytest
import uvloop
from support.live_server import Live, live_server, news, reading, receive, until
from support.raw_websocket import RawClient, RawFrame

from daemon.api import clients
from daemon.api.clients import QUEUE_BYTES, STALLED_AFTER
from daemon.api.websocket_protocol import SEND_BUFFER
from daemon.bus import LOG_BYTES

LOOPS = {"uvloop": uvloop.new_event_loop}  # what the daemon runs on; its transports buffer in their own way
BULKY = "x" * 20_000  # loopback's buffers hide a client that does not read small events


def text(frame: RawFrame) -> dict[str, Any]:
    assert frame.opcode == 1
    message: dict[str, Any] = json.loads(frame.payload)
    return message


def stalled_client(live: Live, channel: str = "readings") -> RawClient:
    """A client that has read its connection message and then reads no more."""
    client = RawClient(live.port, f"/api/v1/ws?channel={channel}", receive_buffer=4096)
    assert text(next(client.frames()))["type"] == "connection"
    return client


async def stall(live: Live, channel: str = "readings") -> RawClient:
    return await asyncio.to_thread(stalled_client, live, channel)


async def publish_bulk(live: Live, count: int) -> None:
    """``count`` events of 20 kB, a hundred a turn."""
    for start in range(0, count, 100):
        live.bus.publish([reading(number, source=BULKY) for number in range(start, min(start + 100, count))])
        await asyncio.sleep(0)


def rest(client: RawClient) -> list[RawFrame]:
    frames = list(client.frames())
    client.close()
    return frames


async def test_a_stuck_client_is_closed_with_1013_and_gets_to_read_why() -> None:
    async with live_server() as live, live.joined("channel=general") as watcher:
        client = await stall(live)
        started = time.monotonic()
        await publish_bulk(live, 50)
        await until(lambda: len(live.hub) == 1)
        assert STALLED_AFTER <= time.monotonic() - started < 10
        for _ in range(50):
            assert (await receive(watcher))["type"] == "entity_event"
        event = await receive(watcher)
        assert (event["level"], event["kind"]) == ("warning", "client_dropped")
        assert live.hub.traffic.closed_slow == 1
        frames = await asyncio.to_thread(rest, client)
    assert frames[-1].opcode == 8
    assert frames[-1].close_code == 1013
    assert b"lost" in frames[-1].payload
    assert [text(frame)["entity_id"] for frame in frames[:-1]] == list(range(len(frames) - 1))


async def test_a_client_that_recovers_is_told_once_how_many_events_it_lost() -> None:
    async with live_server() as live:
        client = await stall(live)
        count = 3 * QUEUE_BYTES // len(BULKY)
        await publish_bulk(live, count)
        await until(lambda: live.hub.traffic.dropped)
        reading_on = asyncio.to_thread(read_until, client, "fin")
        task = asyncio.create_task(reading_on)
        await until(lambda: all(not member.waiting for member in live.hub.channels()["readings"]))
        live.bus.publish([reading(count, source="fin")])
        messages = await task
        client.close()
    ids = [message["id"] for message in messages]
    assert ids == sorted(set(ids))
    warnings = [message for message in messages if message["type"] == "system_event"]
    assert len(warnings) == 1
    assert warnings[0]["level"] == "warning"
    got = [message["entity_id"] for message in messages if message["type"] == "entity_event"]
    assert got[-1] == count
    assert len(got) + warnings[0]["data"]["perdidos"] == count + 1
    assert warnings[0]["data"]["perdidos"] == live.hub.traffic.dropped


def read_until(client: RawClient, source: str) -> list[dict[str, Any]]:
    messages = []
    for frame in client.frames():
        if frame.opcode == 9:
            client.send(frame.payload, opcode=10)
            continue
        messages.append(text(frame))
        if messages[-1].get("data", {}).get("fuente") == source:
            break
    return messages


async def test_a_client_that_stays_behind_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "BEHIND_FOR", 1.0)
    async with live_server() as live:
        client = await stall(live)
        trickling = asyncio.create_task(asyncio.to_thread(trickle, client))
        published = 0
        while len(live.hub):
            await publish_bulk(live, 100)
            published += 100
            await asyncio.sleep(0.02)  # more than the client reads, less than fills its queue at once
        assert live.hub.traffic.closed_slow == 1
        told = live.hub.traffic.dropped + live.hub.traffic.sent
        assert published - 100 <= told <= published, "all but what came after it was closed"
        assert (await trickling).close_code == 1013


def trickle(client: RawClient) -> RawFrame:
    """Read slowly, but steadily."""
    frame = RawFrame(0, b"", False)
    for frame in client.frames():
        if frame.opcode == 1:
            time.sleep(0.01)
    client.close()
    return frame


async def test_stalled_clients_delay_nobody_and_hold_a_bounded_memory() -> None:
    async with live_server() as live, live.joined("channel=readings", max_size=None, max_queue=None) as good:
        stalled = await asyncio.gather(*(stall(live) for _ in range(20)))
        members = live.hub.channels()["readings"]
        delays = []
        for number in range(400):
            sent = time.perf_counter()
            live.bus.publish([reading(number, source=BULKY)])
            assert (await receive(good))["entity_id"] == number
            delays.append(time.perf_counter() - sent)
        assert sorted(delays)[390] < 0.05
        stuck = [member for member in members if member.waiting]
        assert len(stuck) == 20
        for member in stuck:
            # What is queued is the log's own events; what is the client's own lies in its transport.
            assert member._queued <= QUEUE_BYTES
            assert member._socket.unsent() <= 3 * SEND_BUFFER
        for client in stalled:
            client.close()
        await until(lambda: len(live.hub) == 1)


async def test_a_burst_as_long_as_the_log_is_no_reason_to_lose_anything() -> None:
    async with live_server() as live, live.joined("channel=readings", max_size=None) as client:
        count = LOG_BYTES // len(BULKY)
        live.bus.publish([reading(number, source=BULKY) for number in range(count)])
        for number in range(count):
            assert (await receive(client))["entity_id"] == number
        assert live.hub.traffic.dropped == 0


async def test_a_client_that_asks_and_never_reads_does_not_pile_up_answers() -> None:
    async with live_server() as live:
        client = await stall(live, "general")
        member = live.hub.channels()["general"][0]
        flooding = asyncio.create_task(asyncio.to_thread(flood, client))
        await until(lambda: not member._socket.ready)
        live.bus.publish([news()])
        await until(lambda: len(live.hub) == 0)
        assert member._socket.unsent() < 2**20
        assert await flooding < 20_000_000
        client.close()


def flood(client: RawClient) -> int:
    """Pings and texts until the server reads no more or is gone; returns the bytes it took."""
    client.socket.settimeout(0.5)
    piece = b'\x81\x8f\0\0\0\0{"type":"ping"}' * 1000 + b"\x89\x80\0\0\0\0" * 1000
    taken = 0
    try:
        while True:
            taken += client.socket.send(piece)
    except (TimeoutError, ConnectionError):
        return taken
