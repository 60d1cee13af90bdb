"""Bad input at every door of REST: a clear refusal, a counter, and never a 5xx."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from support.rest import Rest, rest

from daemon.batches import DatabaseUnavailableError

KINDS = ["sensors", "readings", "locations", "anomalies", "predictions"]


def is_problem(answer: httpx.Response) -> bool:
    """``{"detail": "one sentence"}`` and nothing else."""
    body = answer.json()
    return body.keys() == {"detail"} and isinstance(body["detail"], str) and "\n" not in body["detail"] and bool(body)


async def test_what_is_not_json_is_malformed(api: Rest) -> None:
    for content in (
        b"",
        b"  ",
        b"{",
        b"tipo=temperatura",
        b"{'tipo': 'x'}",
        b'{"tipo": NaN}',
        b'{"tipo": Infinity}',
        b'{"tipo": -Infinity}',
        b'{"tipo": "x",}',
        b'{"tipo": "\xff"}',
        b'{"tipo": "x"}{}',
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        '{"tipo": "x"}'.encode("utf-16"),
    ):
        for kind in KINDS:
            answer = await api.client.post(f"/api/v1/{kind}", content=content)
            assert answer.status_code == 400, (content[:30], answer.text)
            assert is_problem(answer)
    assert api.refused.count(("rest", "400")) == 14 * 5


async def test_json_that_nothing_can_hold_is_out_of_range(api: Rest) -> None:
    for value in (b"1e999", b"-1e999", b"1" * 5000, b'"\\ud800"', b'"a\\u0000b"', b"1" + b"0" * 400):
        for field in (b"tipo", b"temperatura_min", b"nombre"):
            body = b'{"tipo": "t", "modelo": "m", "' + field + b'": ' + value + b"}"
            answer = await api.client.post("/api/v1/sensors", content=body)
            assert answer.status_code == 422, (field, value[:20], answer.text)
            assert is_problem(answer)
    assert (await api.client.get("/api/v1/sensors")).json() == []


async def test_the_content_type_does_not_matter(api: Rest) -> None:
    for kind in (
        "application/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-8",
    ):
        answer = await api.client.post(
            "/api/v1/sensors", content=b'{"tipo": "t", "modelo": "m"}', headers={"content-type": kind}
        )
        assert answer.status_code == 201


async def chunks(total: int, size: int = 65_536) -> AsyncIterator[bytes]:
    for _ in range(0, total, size):
        yield b" " * size


async def test_a_body_over_the_limit_is_too_large_however_it_comes(api: Rest) -> None:
    mib = 1024 * 1024
    for path, limit in (("sensors", mib), ("sensores/", mib), ("readings", 8 * mib), ("lecturas/", 8 * mib)):
        declared = await api.client.post(f"/api/v1/{path}", content=b" " * (limit + 1))
        chunked = await api.client.post(f"/api/v1/{path}", content=chunks(limit + mib))
        for answer in (declared, chunked):
            assert answer.status_code == 413, answer.text
            assert is_problem(answer)
        fits = await api.client.post(f"/api/v1/{path}", content=b" " * limit)
        assert fits.status_code == 400
    assert (await api.client.patch("/api/v1/readings/1", content=b" " * (mib + 1))).status_code == 413
    assert (await api.client.post("/auth/login", content=b" " * (mib + 1))).status_code == 413


async def test_ids_that_are_none_are_told_apart_from_unknown_ones(api: Rest) -> None:
    for kind in KINDS:
        for id_ in ("0", "-1", "99", str(2**53 - 1)):
            answer = await api.client.get(f"/api/v1/{kind}/{id_}")
            assert (answer.status_code, is_problem(answer)) == (404, True)
        for id_ in ("x", "1.5", "1e3", str(2**63), "9" * 400, "%00", "..%2f..%2fetc%2fpasswd", "1'%20OR%20'1'='1", "ñ"):
            answer = await api.client.get(f"/api/v1/{kind}/{id_}")
            assert answer.status_code in {404, 422}, (id_, answer.text)
            assert is_problem(answer)


async def test_unknown_addresses_and_methods_are_told_in_a_sentence(api: Rest) -> None:
    for path in ("/nowhere", "/api/v1", "/api/v1/", "/api/v2/sensors", "/api/v1/sensors/1/2", "/etc/passwd"):
        answer = await api.client.get(path)
        assert (answer.status_code, is_problem(answer)) == (404, True), path
    for method, path, allowed in (
        ("DELETE", "/api/v1/sensors", {"GET", "POST"}),
        ("POST", "/api/v1/sensors/1", {"GET", "PUT", "PATCH", "DELETE"}),
        ("PATCH", "/api/v1/lecturas/", {"GET", "POST"}),
        ("POST", "/", {"GET", "HEAD"}),
        ("POST", "/health", {"GET"}),
        ("GET", "/auth/login", {"POST"}),
        ("GET", "/api/v1/anomalies/1/resolve", {"POST"}),
    ):
        answer = await api.client.request(method, path)
        assert (answer.status_code, is_problem(answer)) == (405, True), path
        assert set(answer.headers["allow"].split(", ")) == allowed, path
        assert answer.headers["allow"] in answer.json()["detail"]
    assert ("rest", "404") in api.refused
    assert ("rest", "405") in api.refused


INJECTIONS = [
    "'; DROP TABLE sensor; --",
    "' OR 1=1 --",
    '" OR ""="',
    "%' AND 1=0 UNION SELECT * FROM account --",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "../../../../etc/passwd",
    "\r\nSet-Cookie: a=b",
]


async def test_sql_is_only_text(api: Rest) -> None:
    for text in INJECTIONS:
        made = await api.sensor(tipo=text, nombre=text, clave=text)
        assert made["tipo"] == made["nombre"] == made["clave"] == text.strip()
        for field in ("tipo", "clave"):
            found = (await api.client.get("/api/v1/sensors", params={field: text})).json()
            assert [sensor["id"] for sensor in found] == [made["id"]]
        for field in ("limit", "cursor", "sensor_id", "desde", "hasta", "estado"):
            answer = await api.client.get("/api/v1/sensors", params={field: text})
            assert (answer.status_code, is_problem(answer)) == (422, True)
    assert len((await api.client.get("/api/v1/sensors")).json()) == len(INJECTIONS)


async def test_sixty_sensors_made_at_once_are_sixty(api: Rest) -> None:
    made = await asyncio.gather(*(api.sensor() for _ in range(60)))
    assert len({sensor["id"] for sensor in made}) == 60


async def test_a_database_that_is_away_is_told_as_such(api: Rest, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(work: Any) -> Any:
        raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    async def gone(work: Any) -> Any:
        raise DatabaseUnavailableError("the disk is full")

    object.__setattr__(api.services, "read", away)
    object.__setattr__(api.services, "change", gone)
    for method in ("GET", "POST"):
        answer = await api.client.request(method, "/api/v1/sensors", json={"tipo": "t", "modelo": "m"})
        assert (answer.status_code, is_problem(answer)) == (503, True)
        assert "disk" not in answer.json()["detail"]
        assert answer.headers["retry-after"] == "5"


async def test_a_fault_of_ours_shows_no_traceback(api: Rest) -> None:
    def broken() -> Any:
        raise RuntimeError("secret")

    object.__setattr__(api.services, "status", broken)
    transport = httpx.ASGITransport(api.client._transport.app, raise_app_exceptions=False)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url=api.client.base_url) as client:
        answer = await client.get("/api/v1/status")
    assert (answer.status_code, is_problem(answer)) == (500, True)
    assert "secret" not in answer.text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        ["2025-07-20T10:30:00Z", "activo", "ok", "temperatura_alta", "abierta", "temperatura", 0, 1, 2, 50]
    ),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        "tipo",
        "modelo",
        "clave",
        "nombre",
        "estado",
        "ajuste_temperatura",
        "ajuste_humedad",
        "temperatura_min",
        "temperatura_max",
        "humedad_min",
        "humedad_max",
        "sensor_id",
        "temperatura",
        "humedad",
        "otros",
        "timestamp",
        "secuencia",
        "calidad",
        "latitud",
        "longitud",
        "descripcion",
        "lectura_id",
        "valor",
        "puntuacion",
        "explicacion",
        "ubicacion_id",
        "magnitud",
        "horizonte_s",
        "inferior",
        "superior",
        "fecha_prediccion",
        "probabilidad",
        "comentario",
        "id",
        "created_at",
        "username",
        "password",
    ]
)
BODY = (
    JSON | st.dictionaries(FIELDS, JSON, max_size=12) | st.lists(st.dictionaries(FIELDS, JSON, max_size=6), max_size=3)
)
QUERY = st.dictionaries(
    st.sampled_from(
        [
            "limit",
            "cursor",
            "sensor_id",
            "desde",
            "hasta",
            "estado",
            "tipo",
            "clave",
            "calidad",
            "magnitud",
            "puntos",
            "latitud",
            "longitud",
            "radio_km",
            "channel",
            "message",
        ]
    ),
    st.text(max_size=20)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["2025-07-20", "1.2", "1.2.3"]),
    max_size=5,
)
PATHS = st.sampled_from(
    [
        *(f"/api/v1/{kind}{rest}" for kind in KINDS for rest in ("", "/", "/1", "/2/", "/x")),
        "/api/v1/readings/stats",
        "/api/v1/readings/series",
        "/api/v1/locations/nearby",
        "/api/v1/predictions/latest",
        "/api/v1/predictions/skill",
        "/api/v1/predictions/warnings",
        "/api/v1/anomalies/1/resolve",
        "/api/v1/ws/stats/x",
        "/api/v1/ws/test-event",
        "/api/v1/train",
        "/auth/login",
    ]
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])


def test_no_request_whatever_gets_a_5xx(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every answer is understood by its client, whatever was sent; the app's own faults are raised here."""
    with asyncio.Runner() as runner:

        async def send(api: Rest, method: str, path: str, query: dict[str, str], body: Any) -> None:
            content = json.dumps(body).encode()
            params = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
            answer = await api.client.request(method, path, params=params, content=content)
            assert answer.status_code < 500, answer.text
            if answer.status_code >= 400 and method != "HEAD":
                assert method == "OPTIONS" or is_problem(answer)
            if answer.content and answer.headers["content-type"] == "application/json":
                json.loads(answer.content, parse_constant=lambda constant: pytest.fail(f"{constant} went out"))

        folder: Path = tmp_path_factory.mktemp("fuzz")
        context = rest(folder)
        api = runner.run(context.__aenter__())
        runner.run(api.sensor())
        runner.run(api.client.post("/api/v1/readings", json={"sensor_id": 1, "temperatura": 20}))

        @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
        @given(METHODS, PATHS, QUERY, BODY)
        def fuzz(method: str, path: str, query: dict[str, str], body: Any) -> None:
            runner.run(send(api, method, path, query, body))

        try:
            fuzz()
        finally:
            runner.run(context.__aexit__(None, None, None))
