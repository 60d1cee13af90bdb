"""``/ws/secure``: nobody gets an event without a good token, and nobody keeps a connection that a token has lost."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar

import jwt
import pytest
import websockets
from sqlalchemy import Connection, Engine, StaticPool, create_engine
from support.live_server import Live, live_server, news, now, reading, receive, until

from daemon import accounts, tokens
from daemon.accounts import Role
from daemon.api.auth import Authenticator
from daemon.events import Channel
from daemon.tables import metadata
from daemon.tokens import Claims

KEY = b"a key of at least sixty-four bytes, so that HS512 would take it too"
SECURE = "/api/v1/ws/secure"
T = TypeVar("T")


@dataclass
class Accounts:
    """Real accounts in a database of their own, and tokens for them."""

    engine: Engine
    authenticator: Authenticator

    def add(self, name: str, *channels: Channel) -> None:
        with self.engine.begin() as conn:
            accounts.add_account(conn, name, "no password", Role.VIEWER, now(), channels or frozenset(Channel))

    def change(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as conn:
            return work(conn)

    def token(self, name: str, seconds: int = 3600) -> str:
        with self.engine.begin() as conn:
            version = accounts.accounts(conn)[name].version
        issued = now() // 1_000_000
        return tokens.sign(Claims(name, version, "j", issued, issued + seconds), KEY)


@contextlib.asynccontextmanager
async def secured_server(*, secured: bool = True) -> AsyncIterator[tuple[Live, Accounts]]:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)

    async def read(work: Callable[[Connection], T]) -> T:
        with engine.connect() as conn:
            return work(conn)

    judge = Authenticator(key=KEY, lifetime=3600, read=read, now=now, clock_set=lambda: True, monotonic=time.monotonic)
    known = Accounts(engine, judge)
    known.add("ana")
    known.add("luis", Channel.SENSORS, Channel.READINGS)
    await judge.refresh()
    async with live_server(tokens=judge, secured=secured) as live:
        judge.on_change.append(live.hub.check_tokens)
        yield live, known
    engine.dispose()


@pytest.fixture
async def secure() -> AsyncIterator[tuple[Live, Accounts]]:
    async with secured_server() as running:
        yield running


async def closed(client: websockets.ClientConnection) -> tuple[int, str]:
    """Code and reason of the close that comes next, before any event."""
    with pytest.raises(websockets.ConnectionClosed) as gone:
        await receive(client)
    assert gone.value.rcvd is not None
    return gone.value.rcvd.code, gone.value.rcvd.reason


async def refused(live: Live, query: str = "", **options: object) -> str:
    async with live.connect(query, SECURE, **options) as client:
        code, reason = await closed(client)
    assert code == 1008
    assert len(live.hub) == 0
    return reason


@pytest.mark.parametrize("way", ["query", "header", "subprotocol"])
async def test_a_token_is_taken_from_three_places(secure: tuple[Live, Accounts], way: str) -> None:
    live, known = secure
    token = known.token("ana")
    query, options = "channel=readings&user_id=other", {}
    if way == "query":
        query += f"&token={token}"
    elif way == "header":
        options = {"additional_headers": {"Authorization": f"Bearer {token}"}}
    else:
        options = {"subprotocols": ["bearer", token]}
    async with live.connect(query, SECURE, **options) as client:
        greeting = await receive(client)
        assert greeting["user"] == "ana"
        assert greeting["channel"] == "readings"
        assert client.subprotocol == ("bearer" if way == "subprotocol" else None)
        assert live.hub.channels()["readings"][0].asked.label == "ana"
        live.bus.publish([reading(1)])
        assert (await receive(client))["entity_type"] == "lectura"


async def test_open_mode_checks_the_token_of_the_secure_endpoint_too() -> None:
    async with secured_server(secured=False) as (live, known):
        await refused(live, "token=nonsense")
        async with live.connect(f"token={known.token('ana')}", SECURE) as client:
            assert (await receive(client))["user"] == "ana"
        async with live.joined() as client:
            live.bus.publish([news()])
            assert (await receive(client))["type"] == "system_event"


async def test_a_missing_token_is_refused_even_with_a_subprotocol(secure: tuple[Live, Accounts]) -> None:
    live, _ = secure
    assert "token" in await refused(live)
    assert "token" in await refused(live, subprotocols=["bearer"])
    assert "token" in await refused(live, additional_headers={"Authorization": "Basic YTpi"})


def forgeries(good: str) -> dict[str, str]:
    """Tokens that must not open anything, by what is wrong with them."""
    claims = jwt.decode(good, options={"verify_signature": False})
    header, payload, signature = good.split(".")
    hour = 3600

    def signed(changes: dict[str, object], key: bytes | None = KEY, algorithm: str = "HS256", typ: str = "JWT") -> str:
        return jwt.encode({**claims, **changes}, key, algorithm=algorithm, headers={"typ": typ})

    return {
        "expired": signed({"iat": claims["iat"] - 2 * hour, "nbf": 0, "exp": claims["iat"] - hour}),
        "of the future": signed({"iat": claims["iat"] + hour, "exp": claims["exp"] + hour}),
        "another key": signed({}, KEY + b"x"),
        "another algorithm": signed({}, algorithm="HS512"),
        "no algorithm": signed({}, None, "none"),
        "another type": signed({}, typ="at+jwt"),
        "another issuer": signed({"iss": "x"}),
        "another audience": signed({"aud": "x"}),
        "another version": signed({"ver": claims["ver"] + 1}),
        "an unknown account": signed({"sub": "nobody"}),
        "for ever": signed({"exp": 2**52}),
        "cut": good[:-1],
        "no signature": f"{header}.{payload}.",
        "a swapped payload": f"{header}.{payload[::-1]}.{signature}",
        "nothing": ".",
    }


async def test_forged_tokens_are_refused(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    live.bus.publish([news()])
    for token in forgeries(known.token("ana")).values():
        assert await refused(live, f"token={token}")


async def test_a_long_token_is_refused_without_a_look(secure: tuple[Live, Accounts]) -> None:
    live, _ = secure
    assert "longer" in await refused(live, f"token={'x' * 5000}")


async def test_channels_are_a_matter_of_permission(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    token = known.token("luis")
    for channel in ("general", "anomalies", "sensors,anomalies", ""):
        reason = await refused(live, f"channel={channel}&token={token}" if channel else f"token={token}")
        assert "sensors, readings" in reason
    async with live.connect(f"channel=readings,sensors&token={token}", SECURE) as client:
        assert (await receive(client))["channel"] == "readings,sensors"


async def test_a_connection_ends_with_its_token(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    async with live.connect(f"token={known.token('ana', seconds=2)}", SECURE) as client:
        opened = time.monotonic()
        await receive(client)
        code, reason = await closed(client)
    assert code == 1008
    assert "expired" in reason
    assert time.monotonic() - opened < 3.5


async def test_a_connection_ends_when_its_account_changes(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    async with (
        live.connect(f"token={known.token('ana')}", SECURE) as ana,
        live.connect(f"channel=readings&token={known.token('luis')}", SECURE) as luis,
    ):
        await receive(ana)
        await receive(luis)
        known.change(lambda conn: accounts.change_account(conn, "luis", now(), channels=[Channel.SENSORS]))
        await known.authenticator.refresh()
        live.bus.publish([reading(1)])
        code, reason = await closed(luis)
        assert (code, "account" in reason) == (1008, True)
        assert (await receive(ana))["type"] == "entity_event"


async def test_a_removed_account_and_a_revoked_token_end_too(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    text, script = known.change(lambda conn: accounts.issue_script_token(conn, KEY, "ana", 30, now()))
    await known.authenticator.refresh()
    async with (
        live.connect(f"token={text}", SECURE) as by_script,
        live.connect(f"token={known.token('ana')}", SECURE) as by_login,
    ):
        await receive(by_script)
        await receive(by_login)
        known.change(lambda conn: accounts.revoke_script_token(conn, script.jti, now()))
        await known.authenticator.refresh()
        assert (await closed(by_script))[0] == 1008
        assert len(live.hub) == 1
        known.change(lambda conn: accounts.remove_account(conn, "ana"))
        await known.authenticator.refresh()
        assert (await closed(by_login))[0] == 1008


async def test_changes_are_seen_without_being_told(secure: tuple[Live, Accounts]) -> None:
    live, known = secure
    watching = asyncio.create_task(known.authenticator.watch())
    async with live.connect(f"token={known.token('ana')}", SECURE) as client:
        await receive(client)
        known.change(lambda conn: accounts.remove_account(conn, "ana"))
        removed = time.monotonic()
        assert (await closed(client))[0] == 1008
        assert time.monotonic() - removed < 1.5
    watching.cancel()
    await until(lambda: len(live.hub) == 0)
