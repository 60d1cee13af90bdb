"""The protocol under the endpoints: pings, sizes, compression, and clients that break the rules. On both loops."""

import asyncio
import json
import time
import zlib

import pytest
import uvloop
import websockets
from support.live_server import Live, live_server, news, reading, receive, until
from support.raw_websocket import RawClient, RawFrame

from daemon.api.websocket_protocol import MESSAGE_BYTES
from daemon.config import WebSocket

PROMPT = WebSocket(ping_interval=0.3, ping_timeout=0.3)
PATIENT = WebSocket(ping_interval=0.3, ping_timeout=30)
OFFER = "Sec-WebSocket-Extensions: permessage-deflate{}\r\n"


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def connected(live: Live, headers: str = "", query: str = "") -> RawClient:
    """A bare client that has read its connection message."""
    client = RawClient(live.port, f"/api/v1/ws{query}", headers=headers)
    assert json.loads(next(client.frames()).payload)["type"] == "connection"
    return client


def close_frame(client: RawClient) -> RawFrame:
    last = next(frame for frame in client.frames() if frame.opcode == 8)
    client.close()
    return last


async def close_after(live: Live, payload: bytes, **options: int | bool) -> int:
    """The close code that a client gets for one frame."""

    def talk() -> int:
        client = connected(live, OFFER.format(""))
        client.send(payload, **options)
        return close_frame(client).close_code

    return await asyncio.to_thread(talk)


async def test_the_server_pings_and_keeps_who_answers() -> None:
    async with live_server(settings=PROMPT) as live, live.joined(ping_interval=None) as client:
        with pytest.raises(TimeoutError):  # five intervals, each of which would have ended it
            await asyncio.wait_for(client.wait_closed(), 1.5)
        live.bus.publish([news()])
        assert (await receive(client))["type"] == "system_event"


async def test_a_silent_client_is_dropped_when_the_timeout_is_over() -> None:
    async with live_server(settings=PROMPT) as live:
        client = await asyncio.to_thread(connected, live)
        opened = time.monotonic()
        frames = await asyncio.to_thread(lambda: list(client.frames()))
        assert 0.5 < time.monotonic() - opened < 5
        client.close()
    assert [frame.opcode for frame in frames] == [9, 8]
    assert frames[-1].close_code == 1011


async def test_interval_and_timeout_are_two_things() -> None:
    async with live_server(settings=PATIENT) as live:
        client = await asyncio.to_thread(connected, live)
        assert (await asyncio.to_thread(next, client.frames())).opcode == 9
        assert len(live.hub) == 1  # not answered, and not dropped for it yet
        client.close()


@pytest.mark.parametrize("deflate", [None, "deflate"])
async def test_a_message_may_have_64_kib_and_not_a_byte_more(deflate: str | None) -> None:
    async with live_server() as live:
        async with live.joined(compression=deflate) as client:
            await client.send("x" * MESSAGE_BYTES)
            assert (await receive(client))["type"] == "error"
            await client.send("x" * (MESSAGE_BYTES + 1))
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await receive(client)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_what_is_too_big_closes_with_1009_however_it_comes() -> None:
    bomb = zlib.compressobj(wbits=-12)
    small = bomb.compress(b"0" * 15 * 2**20) + bomb.flush(zlib.Z_SYNC_FLUSH)
    async with live_server() as live:
        assert await close_after(live, small[:-4], compressed=True) == 1009
        assert await close_after(live, b"x" * 2**20) == 1009

        def fragments() -> int:
            client = connected(live)
            client.send(b"x" * 40_000, fin=False)
            client.send(b"x" * 40_000, opcode=0)
            return close_frame(client).close_code

        assert await asyncio.to_thread(fragments) == 1009
        await until(lambda: len(live.hub) == 0)


async def test_who_breaks_the_protocol_is_closed_with_the_code_for_it() -> None:
    async with live_server() as live, live.joined() as good:
        assert await close_after(live, b"\xff\xfe") == 1007
        assert await close_after(live, b"x", opcode=3) == 1002
        assert await close_after(live, b"x", opcode=0) == 1002
        assert await close_after(live, b"x" * 126, opcode=9) == 1002
        assert await close_after(live, b"not deflated", compressed=True) == 1002

        def unmasked() -> int:
            client = connected(live)
            client.socket.sendall(b"\x81\x01x")
            return close_frame(client).close_code

        assert await asyncio.to_thread(unmasked) == 1002
        live.bus.publish([news()])
        assert (await receive(good))["type"] == "system_event"
        await until(lambda: len(live.hub) == 1)


async def test_a_message_in_pieces_is_one_message() -> None:
    def talk(live: Live) -> RawFrame:
        client = connected(live)
        client.send(b'{"type":', fin=False)
        client.send(b"", opcode=9)
        client.send(b'"ping"}', opcode=0)
        frames = client.frames()
        assert next(frames).opcode == 10
        answer = next(frames)
        client.close()
        return answer

    async with live_server() as live:
        assert json.loads((await asyncio.to_thread(talk, live)).payload)["type"] == "pong"


async def test_a_close_is_answered_and_the_place_is_free() -> None:
    def talk(live: Live) -> RawFrame:
        client = connected(live)
        client.send((1000).to_bytes(2, "big"), opcode=8)
        return close_frame(client)

    async with live_server(per_address=1) as live:
        frame = await asyncio.to_thread(talk, live)
        assert (frame.opcode, frame.close_code) == (8, 1000)
        await until(lambda: len(live.hub) == 0)
        async with live.joined():
            assert len(live.hub) == 1


async def test_a_client_that_vanishes_leaves_nothing() -> None:
    async with live_server() as live:
        for _ in range(20):
            client = await asyncio.to_thread(connected, live)
            client.close()
        await until(lambda: len(live.hub) == 0 and not live.server.server_state.connections)
        assert not live.server.server_state.tasks


async def test_events_are_compressed_for_those_who_agreed_and_replays_need_not_be() -> None:
    async with (
        live_server() as live,
        live.joined("channel=readings", compression="deflate") as deflating,
        live.joined("channel=readings", compression=None) as plain,
    ):
        live.bus.publish([reading(number) for number in range(1, 301)])
        for number in range(1, 301):
            event = await receive(deflating)
            assert event["entity_id"] == number
            assert event == await receive(plain)
        async with live.joined("channel=readings&since=100", compression="deflate") as resumed:
            assert [(await receive(resumed))["id"] for _ in range(200)] == list(range(101, 301))


@pytest.mark.parametrize(
    ("parameters", "compressed"),
    [
        ("", True),
        ("; client_max_window_bits", True),
        ("; server_no_context_takeover; client_no_context_takeover", True),
        ("; server_max_window_bits=15", True),
        ("; server_max_window_bits=9", False),  # our window would be too long for it
        ("; unknown", False),
    ],
)
async def test_compression_is_what_was_agreed(parameters: str, compressed: bool) -> None:
    def talk(live: Live) -> list[RawFrame]:
        client = RawClient(live.port, "/api/v1/ws?channel=readings&since=0", headers=OFFER.format(parameters))
        agreed = b"permessage-deflate" in client.head.lower()
        assert agreed is (parameters != "; unknown")
        if agreed:
            assert b"server_no_context_takeover" in client.head
        frames = client.frames()
        next(frames)
        loop.call_soon_threadsafe(live.bus.publish, [reading(1), reading(2)])
        received = [next(frames), next(frames)]
        client.close()
        return received

    loop = asyncio.get_running_loop()
    async with live_server() as live:
        for frame in await asyncio.to_thread(talk, live):
            assert frame.compressed is compressed
            payload = frame.payload
            if compressed:  # each by itself: nothing is carried over from the frame before
                payload = zlib.decompress(payload + b"\x00\x00\xff\xff\x03\x00", wbits=-12)
            assert json.loads(payload)["entity_type"] == "lectura"


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 8\r\n", b"400"),
        ("Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n", b"400"),
        ("Sec-WebSocket-Version: 13\r\n", b"400"),
        ("X: " + "x" * 9000 + "\r\n", b"431"),
        ("".join(f"X{number}: y\r\n" for number in range(200)), b"431"),
    ],
)
async def test_a_bad_handshake_is_answered_and_closed(request_head: str, status: bytes) -> None:
    async with live_server() as live:
        reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
        writer.write(
            f"GET /api/v1/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"{request_head}\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        assert answer.split(b" ")[1] == status
        await until(lambda: not live.server.server_state.connections)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/ws/nothing", "/ws", "/"])
async def test_an_unknown_path_is_refused_with_the_two_that_there_are(path: str) -> None:
    async with live_server() as live:
        async with live.connect(path=path) as client:
            with pytest.raises(websockets.ConnectionClosed) as refused:
                await client.recv()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 1008
        assert "/api/v1/ws/secure" in refused.value.rcvd.reason
        assert live.refused == [("websocket", "websocket_refused")]
