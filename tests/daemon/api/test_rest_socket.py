"""The whole of REST on a real port: the document's own curl lines, and clients that misbehave."""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from support.rest import Rest

from daemon.api.application import create_app
from daemon.api.server import Server, listen

SENSOR = {"tipo": "temperatura", "modelo": "DHT22"}


@contextlib.asynccontextmanager
async def serving(api: Rest) -> AsyncIterator[int]:
    """The port of the running server."""
    server = Server(create_app(api.services), listen("127.0.0.1", 0), api.services.config.websocket)
    running = asyncio.create_task(server.run())
    await asyncio.wait_for(server.ready.wait(), 10)
    try:
        yield server.port
    finally:
        server.stop()
        await asyncio.wait_for(running, 15)


async def curl(port: int, line: str) -> Any:
    """Runs a line of the document, on our port."""
    line = line.replace("localhost:8000", f"127.0.0.1:{port}").removeprefix("curl ")
    shell = await asyncio.create_subprocess_shell(f"curl --silent --noproxy '*' {line}", stdout=asyncio.subprocess.PIPE)
    out, _ = await shell.communicate()
    assert shell.returncode == 0
    return json.loads(out)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed: apt install curl")
async def test_the_documents_curl_lines_work_and_a_listener_sees_them(api: Rest) -> None:
    async with (
        serving(api) as port,
        websockets.connect(f"ws://127.0.0.1:{port}/api/v1/ws?channel=general", proxy=None) as listener,
    ):
        assert json.loads(await listener.recv())["type"] == "connection"
        sensor = await curl(
            port,
            """curl -X POST "http://localhost:8000/api/v1/sensors" -H "Content-Type: application/json" \
            -d '{"tipo": "temperatura", "modelo": "DHT22"}'""",
        )
        reading = await curl(
            port,
            """curl -X POST "http://localhost:8000/api/v1/readings" -H "Content-Type: application/json" \
            -d '{"sensor_id": 1, "temperatura": 23.5, "humedad": 65.2, "timestamp": "2025-07-20T10:30:00Z"}'""",
        )
        test = await curl(
            port, 'curl -X POST "http://localhost:8000/api/v1/ws/test-event?channel=general&message=Prueba"'
        )
        assert test["message"] == "Prueba"
        events = [json.loads(await asyncio.wait_for(listener.recv(), 5)) for _ in range(3)]
        assert [event.get("data") for event in events[:2]] == [sensor, reading]
        assert (events[2]["type"], events[2]["data"]["test"]) == ("system_event", True)
        assert [event["id"] for event in events] == sorted({event["id"] for event in events})
        stats = await curl(port, 'curl "http://localhost:8000/api/v1/ws/stats"')
        assert (stats["total_channels"], stats["channels"]["general"]["connections"]) == (1, 1)


async def test_links_and_locations_lead_on_over_a_real_port(api: Rest) -> None:
    async with serving(api) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        made = [await client.post("/api/v1/sensores/", json=SENSOR) for _ in range(5)]
        assert (await client.get(made[0].headers["location"])).json() == made[0].json()
        answer = await client.get("/api/v1/sensores/?limit=2")
        found = [sensor["id"] for sensor in answer.json()]
        while "next" in answer.links:
            answer = await client.get(answer.links["next"]["url"])
            found += [sensor["id"] for sensor in answer.json()]
        assert found == [5, 4, 3, 2, 1]


async def test_an_endless_body_is_refused_while_it_comes(api: Rest) -> None:
    head = b"POST /api/v1/readings HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(api) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        answered = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        while not answered.done():
            writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answered).startswith(b"HTTP/1.1 413 ")
        writer.close()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.post("/api/v1/sensors", json=SENSOR)).status_code == 201
    assert ("rest", "413") in api.refused


async def test_a_client_that_leaves_in_the_middle_harms_nobody(api: Rest) -> None:
    async with serving(api) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/v1/sensors HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert (await client.post("/api/v1/sensors", json=SENSOR)).status_code == 201
        del reader


@pytest.mark.parametrize(
    "path", [b"/../config.py", b"/docs/../../config.py", b"/%2e%2e/config.py", b"/a%00b", b"//etc/passwd"]
)
async def test_raw_paths_lead_nowhere(api: Rest, path: bytes) -> None:
    async with serving(api) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET " + path + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.split(b" ")[1] in {b"404", b"400"}
        writer.close()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed: apt install chromium")
async def test_the_description_shows_itself_in_a_browser_under_its_own_policy(api: Rest, tmp_path: Path) -> None:
    async with serving(api) as port:
        browser = await asyncio.create_subprocess_exec(
            *("chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"),
            *("--enable-logging=stderr", "--virtual-time-budget=8000", "--dump-dom", f"http://127.0.0.1:{port}/docs"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        page, log = (part.decode(errors="replace") for part in await asyncio.wait_for(browser.communicate(), 50))
    assert "/api/v1/readings/series" in page
    assert "Change what is given of a sensor" in page
    assert "Content Security Policy" not in log
