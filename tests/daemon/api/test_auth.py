"""Signing in, and what a secured daemon shows to whom."""

import asyncio
from pathlib import Path

import httpx
import pytest
from support.live_server import until
from support.rest import KEY, Rest, rest

from daemon import accounts
from daemon.accounts import Role
from daemon.api.auth import Refused
from daemon.api.services import Health
from daemon.api.throttle import Buckets
from daemon.events import Channel
from daemon.tokens import Claims, check, sign

PASSWORD = "correct horse"


async def login(api: Rest, password: str = PASSWORD, name: str = "ana") -> httpx.Response:
    return await api.client.post("/auth/login", json={"username": name, "password": password})


async def test_a_user_signs_in_by_json_or_by_form(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    form = {"grant_type": "password", "username": "ana", "password": PASSWORD}
    for answer in (await login(secured), await secured.client.post("/auth/login/", data=form)):
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert (body["token_type"], body["expires_in"]) == ("bearer", 12 * 3600)
        claims = check(body["access_token"], KEY, secured.clock.now() // 1_000_000)
        assert (claims.subject, claims.expires_at - claims.issued_at) == ("ana", 12 * 3600)
        assert answer.headers["cache-control"] == "no-store"


async def test_sign_in_works_in_open_mode_too(api: Rest) -> None:
    await api.add_account("ana", PASSWORD, Role.VIEWER)
    assert (await login(api)).status_code == 200


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    wrong, unknown = await login(secured, "wrong"), await login(secured, name="nadie")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json() == {"detail": "wrong user name or password"}
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert secured.refused.count(("login", "wrong")) == 2


async def test_an_unknown_name_costs_a_hash_as_well(secured: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    checked: list[str] = []

    def count(password: str, password_hash: str) -> bool:
        checked.append(password_hash)
        return False

    monkeypatch.setattr(accounts, "check_password", count)
    await login(secured, name="nadie")
    await login(secured)
    assert len(checked) == 2
    assert checked[0] == accounts.DUMMY_HASH
    assert len(set(checked)) == 2


async def test_bodies_that_are_no_sign_in_are_refused(secured: Rest) -> None:
    for content, status in (
        (b"", 422),
        (b"{}", 422),
        (b"{", 400),
        (b"username=ana", 422),
        (b"\xff\xfe", 400),
        (b'{"username":"ana","password":5}', 422),
        (b'{"username":"ana","password":"' + b"x" * 2000 + b'"}', 422),
        (b"&".join(b"a=1" for _ in range(30)), 400),
        (b"username=%00&password=%ff", 401),
    ):
        answer = await secured.client.post("/auth/login", content=content)
        assert answer.status_code == status, (content[:40], answer.text)


async def test_failures_are_throttled_by_account_and_forgiven_with_time(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    await secured.add_account("luis", PASSWORD, Role.VIEWER)
    for _ in range(5):
        assert (await login(secured)).status_code == 200, "who signs in right is never throttled"
    statuses = [(await login(secured, "wrong")).status_code for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    throttled = await login(secured)
    assert throttled.status_code == 429
    assert int(throttled.headers["retry-after"]) == 40
    assert (await login(secured, name="luis")).status_code == 200, "another account is not held up"
    secured.clock.steady += 41
    assert (await login(secured)).status_code == 200


async def test_an_hour_of_guessing_gets_a_hundred_guesses(secured: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    monkeypatch.setattr(accounts, "check_password", lambda password, password_hash: False)
    guesses = 0
    for _ in range(360):
        guesses += (await login(secured, "wrong")).status_code == 401
        secured.clock.steady += 10
    assert guesses <= 100


async def test_one_address_cannot_try_every_name(secured: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "check_password", lambda password, password_hash: False)
    statuses = [(await login(secured, name=f"user{n}")).status_code for n in range(60)]
    assert statuses.count(401) == 50
    assert statuses[-1] == 429


async def test_many_attempts_at_once_hash_two_at_a_time_and_gain_nothing(
    secured: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    at_once = most = 0

    def slow(password: str, password_hash: str) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        checked = real(password, password_hash)
        at_once -= 1
        return checked

    real = accounts.check_password
    monkeypatch.setattr(accounts, "check_password", slow)
    answers = await asyncio.gather(*(login(secured, "wrong") for _ in range(50)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 40)
    assert most <= 2


def test_buckets_are_bounded_and_refill() -> None:
    now = 0.0
    buckets = Buckets(capacity=2, per_hour=3600, monotonic=lambda: now, limit=100)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, pytest.approx(1)]
    now = 0.5
    assert buckets.take("a") == pytest.approx(0.5)
    now = 1.0
    assert buckets.take("a") == 0
    buckets.give_back("a")
    assert buckets.take("a") == 0
    for n in range(1000):
        buckets.take(f"name{n}")
    assert len(buckets) == 100


OPEN = [("GET", "/"), ("GET", "/websocket_client.html"), ("GET", "/style.css"), ("GET", "/health"), ("GET", "/health/")]
READING = [
    ("GET", "/api/v1/sensors"),
    ("GET", "/api/v1/sensores/"),
    ("GET", "/api/v1/readings"),
    ("GET", "/api/v1/readings/stats?sensor_id=1"),
    ("GET", "/api/v1/ws/stats"),
    ("GET", "/api/v1/ws/stats/general"),
    ("GET", "/api/v1/status"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/docs/docs.js"),
    ("GET", "/openapi.json"),
    ("GET", "/nowhere"),
    ("GET", "/api/v1/nowhere"),
]
WRITING = [
    ("POST", "/api/v1/sensors"),
    ("POST", "/api/v1/lecturas"),
    ("PATCH", "/api/v1/sensors/1"),
    ("PUT", "/api/v1/anomalies/1"),
    ("DELETE", "/api/v1/sensors/1"),
    ("POST", "/api/v1/anomalies/1/resolve"),
    ("POST", "/api/v1/ws/test-event"),
    ("POST", "/api/v1/train"),
    ("POST", "/api/v1/nowhere"),
]


async def test_a_secured_daemon_shows_pages_sign_in_and_its_state_and_nothing_else(secured: Rest) -> None:
    for method, path in OPEN:
        assert (await secured.client.request(method, path)).status_code == 200, path
    for method, path in READING + WRITING:
        answer = await secured.client.request(method, path)
        assert answer.status_code == 401, (method, path)
        assert "/auth/login" in answer.json()["detail"]
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_health_tells_strangers_the_status_alone(tmp_path: Path) -> None:
    config = {"auth": {"mode": "secured"}}
    async with rest(tmp_path, config=config, health=lambda: Health(True, ["the disk is full"])) as secured:
        await secured.add_account("ana", PASSWORD, Role.VIEWER)
        assert (await secured.client.get("/health")).json() == {"status": "degraded"}
        headers = await secured.sign_in("ana", PASSWORD)
        known = await secured.client.get("/health", headers=headers)
        assert known.json() == {"status": "degraded", "motivos": ["the disk is full"]}


async def test_each_role_may_do_what_is_its_own(secured: Rest) -> None:
    for role in Role:
        await secured.add_account(role.value, PASSWORD, role)
    viewer, operator, admin = [await secured.sign_in(role.value, PASSWORD) for role in Role]
    for headers in (viewer, operator, admin):
        for method, path in OPEN + READING:
            answer = await secured.client.request(method, path, headers=headers)
            assert answer.status_code in {200, 404}, (path, answer.text)
    for method, path in WRITING:
        refused = await secured.client.request(method, path, headers=viewer)
        assert refused.status_code == 403, path
        assert refused.json() == {"detail": "the role viewer may not do this; it needs operator"}
    for headers in (operator, admin):
        made = await secured.client.post("/api/v1/sensors", json={"tipo": "t", "modelo": "m"}, headers=headers)
        assert made.status_code == 201


async def test_only_a_good_bearer_token_counts(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    good = (await secured.sign_in("ana", PASSWORD))["authorization"].split()[1]
    claims = check(good, KEY, None)
    forged = sign(Claims("ana", claims.version, "x", claims.issued_at, claims.expires_at), b"x" * 32)
    unknown = sign(Claims("luis", claims.version, "x", claims.issued_at, claims.expires_at), KEY)
    older = sign(Claims("ana", claims.version - 1, "x", claims.issued_at, claims.expires_at), KEY)
    unlisted = sign(Claims("ana", claims.version, "x", claims.issued_at, claims.expires_at, script=True), KEY)
    for value in (
        good,
        f"Basic {good}",
        f"Token {good}",
        "Bearer",
        "Bearer ",
        f"Bearer {forged}",
        f"Bearer {unknown}",
        f"Bearer {older}",
        f"Bearer {unlisted}",
        f"Bearer {good}x",
        f"Bearer {good[:-2]}",
    ):
        answer = await secured.client.get("/api/v1/sensors", headers={"authorization": value})
        assert answer.status_code == 401, value
    for way in (f"Bearer {good}", f"bearer {good}", f"BEARER  {good}"):
        assert (await secured.client.get("/api/v1/sensors", headers={"authorization": way})).status_code == 200
    assert (await secured.client.get(f"/api/v1/sensors?token={good}")).status_code == 401, "a URL ends up in logs"


async def test_a_token_ends_at_its_time(tmp_path: Path) -> None:
    async with rest(tmp_path, config={"auth": {"mode": "secured", "token_lifetime": "1min"}}) as secured:
        await secured.add_account("ana", PASSWORD, Role.VIEWER)
        headers = await secured.sign_in("ana", PASSWORD)
        principal = secured.services.authenticator.verify(headers["authorization"].split()[1])
        assert secured.services.authenticator.ended(principal) is None
        secured.clock.wall += 60_000_000
        answer = await secured.client.get("/api/v1/sensors", headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (401, "the token has expired; sign in again")
        assert secured.services.authenticator.ended(principal) == "the token has expired; sign in again"
        secured.clock.known = False
        assert (await secured.client.get("/api/v1/sensors", headers=headers)).status_code == 200


@pytest.mark.parametrize("change", ["password", "role", "remove"])
async def test_a_change_from_outside_ends_an_accounts_tokens_within_a_second(secured: Rest, change: str) -> None:
    await secured.add_account("ana", PASSWORD, Role.OPERATOR)
    headers = await secured.sign_in("ana", PASSWORD)
    authenticator = secured.services.authenticator
    principal = authenticator.verify(headers["authorization"].split()[1])
    told = asyncio.Event()
    authenticator.on_change.append(told.set)
    watching = asyncio.create_task(authenticator.watch())
    works = {
        "password": lambda conn: accounts.change_account(conn, "ana", 1, password_hash="x"),
        "role": lambda conn: accounts.change_account(conn, "ana", 1, role=Role.VIEWER),
        "remove": lambda conn: accounts.remove_account(conn, "ana"),
    }
    await secured.recorder.change(lambda conn: (works[change](conn), []))
    await asyncio.wait_for(told.wait(), 1)
    assert (await secured.client.get("/api/v1/sensors", headers=headers)).status_code == 401
    assert "changed" in (authenticator.ended(principal) or "")
    watching.cancel()


async def test_a_script_token_is_good_until_it_is_revoked(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    now = secured.clock.now()
    token, remembered = await secured.recorder.change(
        lambda conn: (accounts.issue_script_token(conn, KEY, "ana", 30, now), [])
    )
    await secured.services.authenticator.refresh()
    headers = {"authorization": f"Bearer {token}"}
    assert (await secured.client.get("/api/v1/sensors", headers=headers)).status_code == 200
    await secured.recorder.change(lambda conn: (accounts.revoke_script_token(conn, remembered.jti, now), []))
    await secured.services.authenticator.refresh()
    answer = await secured.client.get("/api/v1/sensors", headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (401, "the token has been revoked")


async def test_a_script_token_is_good_at_once(secured: Rest) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER)
    token, _ = await secured.recorder.change(
        lambda conn: (accounts.issue_script_token(conn, KEY, "ana", 30, secured.clock.now()), [])
    )
    answer = await secured.client.get("/api/v1/sensors", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def test_accounts_last_seen_hold_while_the_database_is_away(secured: Rest, tmp_path: Path) -> None:
    await secured.add_account("ana", PASSWORD, Role.VIEWER, frozenset({Channel.READINGS}))
    headers = await secured.sign_in("ana", PASSWORD)
    principal = secured.services.authenticator.verify(headers["authorization"].split()[1])
    assert principal.channels == {Channel.READINGS}
    watching = asyncio.create_task(secured.services.authenticator.watch())
    await secured.recorder.change(lambda conn: (conn.exec_driver_sql("ALTER TABLE account RENAME TO gone"), []))
    await asyncio.sleep(0)
    for _ in range(3):
        assert secured.services.authenticator.verify(headers["authorization"].split()[1]) == principal
    assert (await login(secured)).status_code == 503
    await secured.recorder.change(lambda conn: (conn.exec_driver_sql("ALTER TABLE gone RENAME TO account"), []))
    await secured.recorder.change(lambda conn: (accounts.remove_account(conn, "ana"), []))
    await until(lambda: not secured.services.authenticator.has_accounts)
    with pytest.raises(Refused):
        secured.services.authenticator.verify(headers["authorization"].split()[1])
    watching.cancel()
