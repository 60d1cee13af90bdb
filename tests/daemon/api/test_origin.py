"""Host and Origin: which names and which pages may use the server, as a rule and at the door."""

import httpx
import pytest
import websockets
from support.live_server import live_server

from daemon.api.origin import Names, host_of, refusal

LOOPBACK = Names.of("127.0.0.1")


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("localhost:8000", "localhost"),
        ("LOCALHOST", "localhost"),
        ("example.org.", "example.org"),
        ("[::1]:8000", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("", None),
        ("a b", None),
        ("user@localhost", None),
        ("localhost:port", None),
        ("localhost:8000:1", None),
        ("localhost/x", None),
        ("[localhost", None),
    ],
)
def test_a_name_has_one_spelling(authority: str, host: str | None) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "localhost:8000", "127.0.0.1:1", "[::1]:8000"])
@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1"])
def test_the_three_names_of_loopback_are_one(bound: str, host: str) -> None:
    names = Names.of(bound)
    assert refusal(names, [host], [f"http://{host}"], unsafe=True) is None


@pytest.mark.parametrize(
    "hosts", [[], ["localhost", "localhost"], ["evil.example"], ["localhost.evil.example"], ["192.168.1.5"], [""]]
)
@pytest.mark.parametrize("unsafe", [True, False])
def test_another_host_is_refused_whatever_is_asked(hosts: list[str], unsafe: bool) -> None:
    reason = refusal(LOOPBACK, hosts, [], unsafe=unsafe)
    assert reason is not None
    assert "Host" in reason


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://evil-localhost",
        "http://127.0.0.1.evil.example",
        "http://localhost@evil.example",
        "http://evil.example/localhost",
        "https://localhost:8000/",
        "ftp://localhost",
        "file://localhost",
        "localhost",
        "http://192.168.1.5",
        "http://localhost http://evil.example",
    ],
)
def test_another_origin_is_refused(origin: str) -> None:
    reason = refusal(LOOPBACK, ["localhost"], [origin], unsafe=True)
    assert reason is not None
    assert "Origin" in reason


def test_several_origins_are_refused() -> None:
    assert refusal(LOOPBACK, ["localhost"], ["http://localhost"] * 2, unsafe=True)


def test_reading_needs_no_origin_and_neither_does_a_client_that_is_no_browser() -> None:
    assert refusal(LOOPBACK, ["localhost"], ["http://evil.example"], unsafe=False) is None
    assert refusal(LOOPBACK, ["localhost"], [], unsafe=True) is None


def test_configured_names_and_origins_are_let_in() -> None:
    names = Names.of("192.168.1.5", ["sereno.example", "Pi.Local"], ["null", "https://app.example/"])
    for host in ("192.168.1.5:8000", "sereno.example", "pi.local:8000"):
        assert refusal(names, [host], [f"https://{host}"], unsafe=True) is None
    for origin in ("null", "https://app.example"):
        assert refusal(names, ["pi.local"], [origin], unsafe=True) is None
    assert refusal(names, ["localhost"], [], unsafe=False)
    assert refusal(names, ["pi.local"], ["https://app.example:8443"], unsafe=True)


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_bound_to_every_address_the_one_a_client_came_in_by_is_a_name(bound: str) -> None:
    names = Names.of(bound)
    assert (
        refusal(names, ["192.168.1.5:8000"], ["http://192.168.1.5:8000"], unsafe=True, local_address="192.168.1.5")
        is None
    )
    assert refusal(names, ["192.168.1.6"], [], unsafe=False, local_address="192.168.1.5")
    assert refusal(names, ["evil.example"], [], unsafe=False, local_address="192.168.1.5")
    assert refusal(names, ["localhost"], [], unsafe=False, local_address="127.0.0.1") is None


async def test_a_foreign_page_gets_403_before_the_upgrade_and_from_rest() -> None:
    async with live_server(cors_origins=("http://page.example",)) as live:
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}):
            with pytest.raises(websockets.InvalidStatus) as refused:
                await live.connect(additional_headers=headers)
            assert refused.value.response.status_code == 403
            assert b"Origin" in refused.value.response.body
        async with live.joined(additional_headers={"Origin": "http://page.example"}):
            pass
        async with live.joined(additional_headers={"Origin": f"http://localhost:{live.port}"}):
            pass
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False) as http:
            evil = await http.post("/api/v1/ws/test-event", headers={"Origin": "http://evil.example"})
            assert (evil.status_code, "Origin" in evil.json()["detail"]) == (403, True)
            assert live.refused == [
                ("websocket", "websocket_origin"),
                ("websocket", "websocket_origin"),
                ("rest", "403"),
            ]
            assert (await http.post("/api/v1/ws/test-event", headers={"Origin": "http://page.example"})).is_success
            assert (await http.get("/api/v1/ws/stats", headers={"Origin": "http://evil.example"})).is_success


async def test_a_rebound_name_gets_403_before_the_upgrade_and_from_rest() -> None:
    async with live_server() as live:
        uri = f"ws://rebound.example:{live.port}/api/v1/ws"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(uri, host="127.0.0.1", port=live.port, proxy=None)
        assert refused.value.response.status_code == 403
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{live.port}", trust_env=False) as http:
            answer = await http.get("/api/v1/ws/stats", headers={"Host": "rebound.example"})
            assert (answer.status_code, "Host" in answer.json()["detail"]) == (403, True)
