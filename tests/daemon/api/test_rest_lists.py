"""Lists: newest first, page by page, filtered."""

import re
from typing import Any

import pytest
from support.rest import Rest

KINDS = ["sensors", "readings", "locations", "anomalies", "predictions"]
ANOMALY = ["temperatura_alta", "patron_inusual"]


async def fill(api: Rest, rows: int = 7) -> None:
    """Of each kind ``rows``, in turn of two sensors; readings a second apart, two of each moment."""
    first, second = [(await api.sensor())["id"] for _ in range(2)]
    for n in range(2, rows):
        await api.sensor(tipo="humedad" if n % 2 else "temperatura", estado="inactivo" if n % 2 else "activo")
    for n in range(rows):
        owner = {"sensor_id": (first, second)[n % 2]}
        reading = {**owner, "temperatura": 20 + n, "timestamp": f"2025-07-20T10:00:{n // 2:02}Z"}
        bodies: dict[str, dict[str, Any]] = {
            "readings": reading,
            "locations": {**owner, "latitud": n, "longitud": 0},
            "anomalies": {**owner, "tipo": ANOMALY[n % 2], "estado": "resuelta" if n % 3 == 0 else "abierta"},
            "predictions": {
                **owner,
                "magnitud": ("temperatura", "humedad")[n % 2],
                "horizonte_s": 900,
                "valor": 1,
                "inferior": 0,
                "superior": 2,
                "fecha_prediccion": "2025-07-21T00:00:00Z",
                "modelo": "m",
            },
        }
        for kind, body in bodies.items():
            answer = await api.client.post(f"/api/v1/{kind}", json=body)
            assert answer.status_code == 201, answer.text


async def every_page(api: Rest, address: str) -> list[dict[str, Any]]:
    """All rows, following the Link headers."""
    rows: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        answer = await api.client.get(following)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page or not rows, "a page is announced only where something is on it"
        rows += page
        link = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
        following = link[1] if link else None
    return rows


def moment(kind: str, row: dict[str, Any]) -> tuple[str, int]:
    return row["timestamp" if kind == "readings" else "created_at"], row["sensor_id" if kind == "readings" else "id"]


async def test_lists_are_newest_first_and_pages_meet_without_a_gap(api: Rest) -> None:
    await fill(api)
    for kind in KINDS:
        whole = (await api.client.get(f"/api/v1/{kind}")).json()
        assert len(whole) == 7
        assert [moment(kind, row) for row in whole] == sorted((moment(kind, row) for row in whole), reverse=True)
        for limit in (1, 2, 3, 7):
            assert await every_page(api, f"/api/v1/{kind}?limit={limit}") == whole
        of_one = await every_page(api, f"/api/v1/{kind}?limit=2&sensor_id=1")
        assert of_one == [row for row in whole if row["id" if kind == "sensors" else "sensor_id"] == 1]


async def test_rows_that_come_between_two_pages_shift_nothing(api: Rest) -> None:
    await fill(api)
    first = await api.client.get("/api/v1/readings?limit=3")
    late = {"sensor_id": 1, "temperatura": 5, "timestamp": "2025-07-20T10:29:00Z"}
    await api.client.post("/api/v1/readings", json=late)
    rest = await every_page(api, first.headers["link"].split(">")[0].lstrip("<"))
    assert len(first.json()) + len(rest) == 7


async def test_a_period_holds_its_beginning_and_not_its_end(api: Rest) -> None:
    await fill(api)
    for kind in KINDS:
        whole = (await api.client.get(f"/api/v1/{kind}")).json()
        times = [moment(kind, row)[0] for row in whole]
        since, until = times[5], times[1]
        found = await every_page(api, f"/api/v1/{kind}?limit=2&desde={since}&hasta={until}")
        assert found == [row for row, time in zip(whole, times, strict=True) if since <= time < until]
        of_one = await every_page(api, f"/api/v1/{kind}?limit=1&desde={since}&hasta={until}&sensor_id=2")
        assert of_one == [row for row in found if row["id" if kind == "sensors" else "sensor_id"] == 2]
        assert (await api.client.get(f"/api/v1/{kind}?desde={until}&hasta={since}")).json() == []


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("sensors", "estado", "inactivo"),
        ("sensors", "tipo", "humedad"),
        ("readings", "calidad", "ok"),
        ("readings", "calidad", "invalida"),
        ("anomalies", "tipo", "patron_inusual"),
        ("anomalies", "estado", "abierta"),
        ("anomalies", "veredicto", "falsa"),
        ("predictions", "magnitud", "humedad"),
    ],
)
async def test_each_enum_filters(api: Rest, kind: str, field: str, value: str) -> None:
    await fill(api)
    for odd in (await api.client.get("/api/v1/anomalies?tipo=patron_inusual&limit=2")).json():
        await api.client.post(f"/api/v1/anomalies/{odd['id']}/resolve", json={"veredicto": "falsa"})
    newest = (await api.client.get("/api/v1/readings?limit=1")).json()[0]
    await api.client.patch(f"/api/v1/readings/{newest['id']}", json={"calidad": "invalida"})
    whole = (await api.client.get(f"/api/v1/{kind}")).json()
    found = await every_page(api, f"/api/v1/{kind}?limit=2&{field}={value}")
    assert found == [row for row in whole if row[field] == value]
    assert 0 < len(found) < len(whole)


async def test_wrong_queries_are_refused_with_what_is_allowed(api: Rest) -> None:
    for kind in KINDS:
        for query, named in (
            ("limit=0", "limit"),
            ("limit=1001", "1000"),
            ("limit=-1", "limit"),
            ("limit=x", "limit"),
            ("limit=", "limit"),
            ("limit=1.5", "limit"),
            ("limit=99999999999999999999999", "limit"),
            ("sensor_id=0", "sensor_id"),
            ("sensor_id=99999999999999999999999", "sensor_id"),
            ("sensor_id=nan", "sensor_id"),
            ("desde=ayer", "2025-07-20T10:30:00Z"),
            ("hasta=1753007400", "hasta"),
            ("desde=%00", "desde"),
            ("cursor=", "cursor"),
            ("cursor=abc", "cursor"),
            ("cursor=1", "cursor"),
            ("cursor=1.2.3.4", "cursor"),
            ("cursor=9999999999999999999.1.1", "cursor"),
            ("cursor=%00.1", "cursor"),
            ("cursor=" + "1" * 5000, "cursor"),
        ):
            answer = await api.client.get(f"/api/v1/{kind}?{query}")
            assert answer.status_code == 422, (kind, query, answer.text)
            assert named in answer.json()["detail"]
    for kind, field in (
        ("sensors", "estado"),
        ("readings", "calidad"),
        ("anomalies", "tipo"),
        ("anomalies", "estado"),
        ("anomalies", "veredicto"),
        ("anomalies", "magnitud"),
        ("predictions", "magnitud"),
    ):
        answer = await api.client.get(f"/api/v1/{kind}?{field}=otra")
        assert answer.status_code == 422
        assert "must be one of" in answer.json()["detail"]
    assert (await api.client.get("/api/v1/sensors?limit=1000")).status_code == 200
