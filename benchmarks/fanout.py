"""Fan-out of events to many WebSocket clients: the daemon's against ``websockets.broadcast()``, in one run.

    python benchmarks/fanout.py [--clients 500] [--runs 3]

Cases: ``one``, an event a write; ``burst``, 20 events at a time; each also to clients that offer compression, as
browsers do. The server has one core and counts its CPU time, the clients have another and count what arrives.
Absolute figures follow the machine; the ratios, taken in turn within seconds of each other, are the claim.
"""

import argparse
import asyncio
import base64
import json
import os
import resource
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

BURST = 20
MOST_UNSENT = 4_000_000  # bytes on their way at once, so that a queue is not what is measured
LOOK_EVERY = 20  # rounds between two looks at what is on its way: looking costs time too
MARKER = b'"type":"entity_event"'

Publish = Callable[[Sequence[int]], None]
Backlog = Callable[[], int]


def reading_event(number: int) -> Any:
    from daemon.entities import StoredReading
    from daemon.events import Action, EntityEvent

    at = 1_750_000_000_000_000 + number * 1000
    reading = StoredReading(number, number % 100, at, at, "bench", temperature=21.375, humidity=40.5)
    return EntityEvent(Action.CREATED, reading, at)


@asynccontextmanager
async def sereno(clients: int, _: bool) -> AsyncIterator[tuple[int, Callable[[], int], Publish, Backlog]]:
    """The daemon's own bus, hub, routes and server."""
    from fastapi import FastAPI

    from daemon.api.channels import websocket_routes
    from daemon.api.connections import Hub, Limits
    from daemon.api.schemas import encode_event
    from daemon.api.server import Server, listen
    from daemon.bus import Bus
    from daemon.config import WebSocket

    ids = iter(range(1, 2**53))
    bus = Bus(encode_event, lambda count: [next(ids) for _ in range(count)])
    hub = Hub(bus, Limits(clients, clients), _Nobody(), lambda: time.time_ns() // 1000)
    app = FastAPI()
    app.include_router(websocket_routes(hub, _Nobody(), secured=False, refuse=lambda *_: None))
    server = Server(app, listen("127.0.0.1", 0), WebSocket(max_connections=clients, ping_interval=600))
    running = asyncio.create_task(server.run())
    await server.ready.wait()

    def publish(numbers: Sequence[int]) -> None:
        bus.publish([reading_event(number) for number in numbers])

    yield server.port, lambda: len(hub), publish, lambda: hub.unsent
    server.stop()
    await running


class _Nobody:
    """No account, no token: the clients of this benchmark are anonymous."""

    def verify(self, token: str, /) -> Any:
        raise LookupError(token)

    def ended(self, principal: Any, /) -> str | None:
        raise LookupError(principal)


@asynccontextmanager
async def broadcast(_: int, deflate: bool) -> AsyncIterator[tuple[int, Callable[[], int], Publish, Backlog]]:
    """The websockets library's own way, with the same events encoded once."""
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.asyncio.server import broadcast as send

    from daemon.api.schemas import encode_event

    joined: list[ServerConnection] = []

    async def handler(connection: ServerConnection) -> None:
        joined.append(connection)
        await connection.wait_closed()

    def publish(numbers: Sequence[int]) -> None:
        for number in numbers:
            send(joined, encode_event(number, reading_event(number)).decode())

    def unsent() -> int:
        return sum(connection.transport.get_write_buffer_size() for connection in joined)

    compression = "deflate" if deflate else None
    async with serve(handler, "127.0.0.1", 0, compression=compression, ping_interval=None) as server:
        yield server.sockets[0].getsockname()[1], lambda: len(joined), publish, unsent


async def serve_case(kind: str, clients: int, events: int, each: int, deflate: bool) -> None:
    """Serve until every client has had its events; prints the port, then the CPU time per delivery."""
    server = {"sereno": sereno, "broadcast": broadcast}[kind]
    async with server(clients, deflate) as (port, joined, publish, backlog):
        print(port, flush=True)
        await _until(lambda: joined() == clients)
        await asyncio.sleep(0.5)
        started = time.process_time()
        for first in range(0, events, each):
            publish(range(first, first + each))
            await asyncio.sleep(0)
            if first // each % LOOK_EVERY == 0:
                await _until(lambda: backlog() < MOST_UNSENT)
        await _until(lambda: not backlog())
        used = time.process_time() - started
        print(json.dumps({"cpu_us": round(used / events / clients * 1e6, 3)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)  # until the clients have counted


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.001)


def connect(port: int, deflate: bool) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    key = base64.b64encode(os.urandom(16)).decode()
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if deflate else ""
    connection.sendall(
        f"GET /api/v1/ws?channel=readings HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    if b" 101 " not in head or deflate != (b"permessage-deflate" in head):
        raise ConnectionError(head.decode())
    connection.setblocking(False)
    return connection


class Counter:
    """Counts one client's events: by their text, or by the frames that are compressed."""

    def __init__(self, deflate: bool) -> None:
        self._deflate = deflate
        self._rest = b""

    def count(self, data: bytes) -> int:
        data = self._rest + data
        if not self._deflate:
            self._rest = data[-len(MARKER) + 1 :]
            return data.count(MARKER)
        position = found = 0
        while len(data) - position >= 4:
            size, start = data[position + 1], position + 2
            if size == 126:
                size, start = int.from_bytes(data[start : start + 2], "big"), start + 2
            if start + size > len(data):
                break
            found += data[position] == 0xC1 or MARKER in data[start : start + size]
            position = start + size
        self._rest = data[position:]
        return found


def count_case(port: int, clients: int, events: int, deflate: bool) -> None:
    """Open the clients and count until all have all events, or none has come for 5 s."""
    poll = select.epoll()
    connections = {}
    for _ in range(clients):
        connection = connect(port, deflate)
        connections[connection.fileno()] = (connection, Counter(deflate))
        poll.register(connection, select.EPOLLIN)
    total = size = 0
    first = last = 0.0
    while total < clients * events:
        ready = poll.poll(5)
        if not ready and first:
            break
        for number, _ in ready:
            connection, counter = connections[number]
            data = connection.recv(1 << 20)
            if not data:
                raise ConnectionError("the server closed a connection")
            found = counter.count(data)
            total, size = total + found, size + len(data)
            last = time.monotonic()
            first = first or (last if found else 0.0)
    print(json.dumps({"complete": total == clients * events, "rate": round(total / (last - first)), "bytes": size}))


def pinned(core: int) -> Callable[[], None]:
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[core % len(cores)]})


def run_case(kind: str, clients: int, events: int, each: int, deflate: bool) -> dict[str, Any]:
    """One server process against one process of clients."""
    options = ["--clients", str(clients), "--events", str(events), "--each", str(each)] + ["--deflate"] * deflate
    command = [sys.executable, __file__, *options]
    with subprocess.Popen(
        [*command, "--serve", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(0)
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        counted = subprocess.run(
            [*command, "--count", port], stdout=subprocess.PIPE, text=True, check=True, preexec_fn=pinned(1)
        )
        result: dict[str, Any] = json.loads(counted.stdout) | json.loads(server.stdout.readline())
        server.stdin.close()
    return result


def compare(clients: int, runs: int, deliveries: int) -> bool:
    """Every case in turn, ``runs`` times; prints medians and ratios. False where an event did not arrive."""
    complete = True
    for deflate in (False, True):
        for case, each in (("one", 1), ("burst", BURST)):
            figures: dict[str, list[dict[str, Any]]] = {"sereno": [], "broadcast": []}
            for _ in range(runs):
                for kind, results in figures.items():
                    many = deliveries * (5 if each > 1 and kind == "sereno" else 1)
                    events = max(many // clients // each, 5) * each
                    results.append(run_case(kind, clients, events, each, deflate))
            complete = complete and all(result["complete"] for results in figures.values() for result in results)
            print(_row(case + (", deflate" if deflate else ""), clients, figures), flush=True)
    return complete


def _row(case: str, clients: int, figures: dict[str, list[dict[str, Any]]]) -> str:
    def median(kind: str, name: str) -> float:
        return statistics.median(result[name] for result in figures[kind])

    ratios = [
        f"{name} x{median('sereno', key) / median('broadcast', key):.2f}"
        for name, key in (("deliveries/s", "rate"), ("CPU", "cpu_us"))
    ]
    return (
        f"{case:15} {clients} clients   "
        + "   ".join(f"{kind} {median(kind, 'rate'):>9,.0f}/s {median(kind, 'cpu_us'):6.2f} us" for kind in figures)
        + "   ratio: "
        + ", ".join(ratios)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--deliveries", type=int, default=200_000, help="of a case of single events")
    for hidden in ("--events", "--each", "--count"):
        parser.add_argument(hidden, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", choices=["sereno", "broadcast"], help=argparse.SUPPRESS)
    parser.add_argument("--deflate", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if options.serve:
        import uvloop

        uvloop.run(serve_case(options.serve, options.clients, options.events, options.each, options.deflate))
    elif options.count:
        count_case(options.count, options.clients, options.events, options.deflate)
    elif not compare(options.clients, options.runs, options.deliveries):
        sys.exit("some events did not arrive")


if __name__ == "__main__":
    main()
