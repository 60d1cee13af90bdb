"""Pages and their headers, the description of the API, and what other sites may do."""

import re
from pathlib import Path
from typing import Any

from support.rest import Rest, rest

from daemon.api.application import create_app
from daemon.api.services import Health

ASSETS = ["/", "/websocket_client.html", "/docs", "/docs/docs.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]


async def test_pages_come_from_the_daemon_and_may_load_nothing_else(api: Rest) -> None:
    for path in ASSETS:
        answer = await api.client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
    for page in ("/", "/websocket_client.html", "/docs"):
        text = (await api.client.get(page)).text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), "no CDN"


async def test_a_page_is_sent_again_only_when_it_changed(api: Rest) -> None:
    first = await api.client.get("/docs/docs.js")
    again = await api.client.get("/docs/docs.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await api.client.head("/docs/docs.js")).status_code == 200


async def test_answers_of_the_api_are_not_kept(api: Rest) -> None:
    for path in ("/api/v1/sensors", "/health", "/metrics", "/nowhere"):
        answer = await api.client.get(path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


TRAVERSALS = [
    "/../config.py",
    "/..%2fconfig.py",
    "/%2e%2e/config.py",
    "/%2e%2e%2fconfig.py",
    "/docs/../../config.py",
    "/docs/..%2f..%2fconfig.py",
    "/..\\config.py",
    "/....//config.py",
    "//etc/passwd",
    "/%00",
    "/docs/%00index.html",
    "/index.html%00.png",
    "/secret",
    "/.hidden/../secret",
    "/" + "a" * 5000,
]


async def test_nothing_outside_the_web_folder_is_ever_served(tmp_path: Path) -> None:
    web = tmp_path / "web"
    (web / "docs").mkdir(parents=True)
    (web / "index.html").write_text("page")
    (tmp_path / "config.py").write_text("secret")
    (web / "secret").symlink_to(tmp_path / "config.py")
    (web / "folder").symlink_to(tmp_path)
    async with rest(tmp_path, web=web) as api:
        assert (await api.client.get("/")).text == "page"
        for path in [*TRAVERSALS, "/folder/config.py"]:
            answer = await api.client.get(path)
            assert answer.status_code == 404, path
            assert "secret" not in answer.text


async def test_health_is_503_only_when_nothing_comes_in(tmp_path: Path) -> None:
    for health, expected in (
        (Health(), (200, {"status": "ok", "motivos": []})),
        (Health(True, ["the broker is away"]), (200, {"status": "degraded", "motivos": ["the broker is away"]})),
        (Health(False, ["the disk is full"]), (503, {"status": "degraded", "motivos": ["the disk is full"]})),
    ):
        async with rest(tmp_path, health=lambda health=health: health) as api:
            answer = await api.client.get("/health")
            assert (answer.status_code, answer.json()) == expected


async def test_metrics_are_for_prometheus(api: Rest) -> None:
    answer = await api.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text == "sereno_up 1\n"


async def test_training_is_started_where_there_are_models(api: Rest, tmp_path: Path) -> None:
    assert (await api.client.post("/api/v1/train")).status_code == 409
    asked: list[int | None] = []

    async def train(sensor_id: int | None) -> str:
        asked.append(sensor_id)
        return "fitting"

    (tmp_path / "other").mkdir()
    async with rest(tmp_path / "other", train=train) as models:
        await models.sensor()
        for query in ("", "?sensor_id=1"):
            answer = await models.client.post(f"/api/v1/train{query}")
            assert (answer.status_code, answer.json()) == (202, {"detail": "fitting"})
        assert (await models.client.post("/api/v1/train?sensor_id=9")).status_code == 404
    assert asked == [None, 1]


async def test_another_sites_page_changes_nothing(api: Rest) -> None:
    body = {"tipo": "t", "modelo": "m"}
    for origin in ("https://evil.example", "http://127.0.0.1.evil.example", "http://evil.example:8000", "garbage"):
        for method, path in (("POST", "/api/v1/sensors"), ("DELETE", "/api/v1/sensors/1"), ("POST", "/auth/login")):
            answer = await api.client.request(method, path, json=body, headers={"origin": origin})
            assert answer.status_code == 403, (origin, path)
            assert "server.cors_origins" in answer.json()["detail"]
    for origin in ("http://127.0.0.1:8000", "http://localhost:8000", "null"):
        answer = await api.client.post("/api/v1/sensors", json=body, headers={"origin": origin})
        assert answer.status_code == 201, origin
    rebound = await api.client.get("/api/v1/sensors", headers={"host": "evil.example"})
    assert rebound.status_code == 403


async def test_listed_origins_may_read_answers(tmp_path: Path) -> None:
    origin = "https://panel.example"
    async with rest(tmp_path, config={"server": {"cors_origins": [origin]}}) as api:
        answer = await api.client.get("/api/v1/sensors", headers={"origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Link" in answer.headers["access-control-expose-headers"]
        asked = {
            "origin": origin,
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "authorization,content-type",
        }
        preflight = await api.client.options("/api/v1/sensores/1", headers=asked)
        assert preflight.status_code == 200
        assert "PATCH" in preflight.headers["access-control-allow-methods"]
        stranger = await api.client.get("/api/v1/sensors", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers
        refused = await api.client.options("/api/v1/sensors", headers={**asked, "origin": "https://evil.example"})
        assert refused.status_code == 400


async def test_a_preflight_needs_no_token(tmp_path: Path) -> None:
    async with rest(tmp_path, config={"auth": {"mode": "secured"}}) as api:
        asked = {
            "origin": "null",
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization",
        }
        assert (await api.client.options("/api/v1/sensors", headers=asked)).status_code == 200


async def describe(api: Rest) -> dict[str, Any]:
    document: dict[str, Any] = (await api.client.get("/openapi.json")).json()
    return document


async def test_the_description_names_every_route_with_its_body_and_answers(api: Rest) -> None:
    document = await describe(api)
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    wanted = {("POST", "/auth/login"), ("GET", "/health"), ("GET", "/metrics"), ("POST", "/api/v1/ws/test-event")}
    wanted |= {("GET", "/api/v1/ws/stats"), ("GET", "/api/v1/ws/stats/{channel}"), ("GET", "/api/v1/status")}
    wanted |= {("GET", f"/api/v1/readings/{name}") for name in ("stats", "series")}
    wanted |= {("GET", "/api/v1/locations/nearby"), ("POST", "/api/v1/train")}
    wanted |= {("GET", f"/api/v1/predictions/{name}") for name in ("latest", "skill", "warnings")}
    wanted |= {("POST", "/api/v1/anomalies/{id}/resolve"), ("GET", "/api/v1/sensors/{id}/air")}
    wanted |= {("POST", f"/api/v1/sensors/{{id}}/{verb}") for verb in ("ignore", "allow", "merge", "split")}
    for kind in ("sensors", "readings", "locations", "anomalies", "predictions"):
        wanted |= {(method, f"/api/v1/{kind}") for method in ("GET", "POST")}
        wanted |= {(method, f"/api/v1/{kind}/{{id}}") for method in ("GET", "PUT", "PATCH", "DELETE")}
    assert described == wanted
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            takes_body = method in {"put", "patch"} or (
                method == "post" and path.count("/") == 3 and "train" not in path
            )
            takes_body = takes_body or path.endswith(("/merge", "/split", "/resolve"))
            assert ("requestBody" in operation) == (takes_body or path == "/auth/login"), (method, path)
            assert "422" in operation["responses"] or path == "/health", path
            for status in set(operation["responses"]) - {"200", "201", "202", "204"}:
                (shown,) = operation["responses"][status]["content"].values()
                name = "Salud" if path == "/health" else "Problema"
                assert shown["schema"] == {"$ref": f"#/components/schemas/{name}"}, (method, path, status)
    assert "404" in document["paths"]["/api/v1/ws/stats/{channel}"]["get"]["responses"]
    assert document["paths"]["/api/v1/readings"]["post"]["responses"].keys() >= {"200", "201"}


async def test_the_description_says_when_a_token_is_wanted(secured: Rest, api: Rest) -> None:
    assert "security" not in await describe(api)
    document = create_app(secured.services).openapi()
    assert document["security"] == [{"login": []}, {"bearer": []}]
    assert document["components"]["securitySchemes"]["login"]["flows"]["password"]["tokenUrl"] == "/auth/login"
