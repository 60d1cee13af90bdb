"""The server around the application: an end in time, slow and endless requests, and addresses it cannot have."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvloop
import websockets
from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse
from support.live_server import Live, live_server, reading, receive, until
from support.raw_websocket import RawClient

from daemon.api import http_protocol
from daemon.api.body_limit import BATCH_BYTES, BODY_BYTES
from daemon.api.server import HTTP_CONNECTIONS, ListenError, Server, listen
from daemon.config import WebSocket

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HEAD = b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def routes(app: FastAPI) -> None:
    """An echo that reads whole bodies, and an answer without end."""

    @app.post("/echo")
    @app.post("/api/v1/readings")
    async def echo(request: Request) -> Response:
        return Response(str(len(await request.body())))

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65536
                await asyncio.sleep(0)

        return StreamingResponse(lines())


@asynccontextmanager
async def raw(live: Live) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def status_of(reader: asyncio.StreamReader) -> int:
    return int((await asyncio.wait_for(reader.readline(), 10)).split(b" ")[1])


async def test_the_end_says_1001_to_clients_and_comes_in_time_whatever_they_do() -> None:
    async with live_server(setup=routes) as live:
        stalled = [
            await asyncio.to_thread(RawClient, live.port, "/api/v1/ws?channel=readings", receive_buffer=4096)
            for _ in range(10)
        ]
        async with (
            live.joined("channel=readings", max_queue=None) as client,
            raw(live) as (_, half_a_request),
            raw(live) as (unread, endless),
            raw(live) as (_, idle),
        ):
            half_a_request.write(HEAD + b"Content-Length: 100\r\n\r\nabc")
            endless.write(b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            idle.write(b"GET")
            await unread.readline()
            live.bus.publish([reading(number, source="x" * 20_000) for number in range(100)])
            for _ in range(100):
                await receive(client)
            started, port = time.monotonic(), live.port
            live.server.stop()
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await receive(client)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
            await until(lambda: not live.server.server_state.connections)
            assert time.monotonic() - started < 5
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
        frames = await asyncio.to_thread(lambda: [list(one.frames())[-1] for one in stalled[:3]])
        assert [frame.close_code for frame in frames] == [1001] * 3
        for one in stalled:
            one.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: 127", HEAD + b"Content-Length: 10\r\n\r\nabc"])
async def test_a_request_that_does_not_get_complete_is_408(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.3)
    monkeypatch.setattr(http_protocol, "BODY_TIMEOUT", 0.3)
    async with live_server(setup=routes) as live, raw(live) as (reader, writer):
        writer.write(begun)
        assert await status_of(reader) == 408
        assert b"detail" in await asyncio.wait_for(reader.read(), 5)


@pytest.mark.parametrize(
    "nonsense",
    [b"\x16\x03\x01\x02\x00\x01\x00", b"WEATHER / HTTP/1.1\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n"],
    ids=["tls", "method", "length"],
)
async def test_what_is_no_http_is_told_so_in_a_sentence(nonsense: bytes) -> None:
    async with live_server(setup=routes) as live, raw(live) as (reader, writer):
        writer.write(nonsense)
        assert await status_of(reader) == 400
        head, body = (await asyncio.wait_for(reader.read(), 5)).split(b"\r\n\r\n")
        assert b"content-type: application/json" in head
        assert json.loads(body).keys() == {"detail"}


async def test_dripping_headers_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.5)
    async with live_server() as live, raw(live) as (reader, writer):
        answer = asyncio.create_task(status_of(reader))
        started = time.monotonic()
        writer.write(b"GET / HTTP/1.1\r\n")
        while not answer.done():
            writer.write(b"X: y\r\n")
            await asyncio.wait({answer}, timeout=0.05)
        assert await answer == 408
        assert time.monotonic() - started < 2


async def test_a_kept_connection_may_ask_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.5)
    async with live_server(setup=routes) as live, raw(live) as (reader, writer):
        for _ in range(8):
            writer.write(HEAD + b"Content-Length: 2\r\n\r\nab")
            assert b"200" in await reader.readline()
            assert await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(1) == b"2"
            await asyncio.sleep(0.1)  # eight pauses outlast HEAD_TIMEOUT, which is for one request alone


@pytest.mark.parametrize(
    "endless",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"X: yyyyyyy\r\n" * 7000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 70_000,
    ],
)
async def test_endless_headers_are_431(endless: bytes) -> None:
    async with live_server(setup=routes) as live, raw(live) as (reader, writer):
        writer.write(endless)
        assert await status_of(reader) == 431


@pytest.mark.parametrize("path", ["/echo", "/api/v1/readings"])
@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_the_limit_is_413(path: str, chunked: bool) -> None:
    limit = BATCH_BYTES if path == "/api/v1/readings" else BODY_BYTES

    async def pieces(size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, 65536):
            yield b"x" * min(65536, size - start)

    async with (
        live_server(setup=routes) as live,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False) as http,
    ):
        fits = await http.post(path, content=pieces(limit) if chunked else b"x" * limit)
        assert (fits.status_code, fits.text) == (200, str(limit))
        over = await http.post(path, content=pieces(limit + 1) if chunked else b"x" * (limit + 1))
        assert over.status_code == 413
        assert str(limit) in over.json()["detail"]


async def test_a_gigabyte_is_413_as_soon_as_it_is_announced() -> None:
    async with live_server(setup=routes) as live, raw(live) as (reader, writer):
        writer.write(HEAD + b"Content-Length: 1000000000\r\n\r\n")
        assert await status_of(reader) == 413


async def test_no_more_connections_than_there_may_be() -> None:
    async with live_server(settings=WebSocket(max_connections=1)) as live:
        sockets = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(HTTP_CONNECTIONS + 1)]
        async with raw(live) as (reader, _):
            assert await status_of(reader) == 503
        for one in sockets:
            one.close()


async def test_a_client_that_takes_no_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "WRITE_TIMEOUT", 0.3)
    async with live_server(setup=routes) as live, raw(live) as (_, writer):
        writer.write(b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await until(lambda: live.server.server_state.tasks)
        await until(lambda: not live.server.server_state.tasks)


async def test_rest_and_sockets_share_the_port() -> None:
    async with (
        live_server() as live,
        live.joined("user_id=ana"),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False) as http,
    ):
        stats = (await http.get("/api/v1/ws/stats")).json()
        assert stats["channels"]["general"]["connections"] == 1
        assert "server" not in (await http.get("/api/v1/ws/stats")).headers


def test_a_taken_port_is_an_error_that_says_so() -> None:
    (taken,) = listen("127.0.0.1", 0)
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(ListenError, match=f"127.0.0.1:{port}.*in use"):
        listen("127.0.0.1", port)
    taken.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_an_error_that_names_it(host: str) -> None:
    with pytest.raises(ListenError, match=host):
        listen(host, 0)


def test_the_port_of_a_server_is_known_before_it_runs() -> None:
    server = Server(FastAPI(), listen("127.0.0.1", 0), WebSocket())
    assert server.port > 0
    for listener in server.listeners:
        listener.close()
