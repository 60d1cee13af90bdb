"""Readings: posted one by one and by the thousand, read back, corrected, summed up."""

import json
from typing import Any

import pytest
from support.rest import Rest

from daemon.api.schemas import encode_event

MOMENT = "2025-07-20T10:30:00Z"


@pytest.fixture
async def sensor_id(api: Rest) -> int:
    sensor = await api.sensor(clave="mqtt/cocina")
    made: int = sensor["id"]
    return made


async def post(api: Rest, body: Any) -> tuple[int, Any]:
    answer = await api.client.post("/api/v1/readings", json=body)
    return answer.status_code, answer.json()


async def test_the_documents_own_example_is_stored_and_announced(api: Rest, sensor_id: int) -> None:
    body = {"sensor_id": sensor_id, "temperatura": 23.5, "humedad": 65.2, "timestamp": MOMENT}
    answer = await api.client.post("/api/v1/readings", json=body)
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/readings/{made['id']}"
    assert made.items() >= {**body, "otros": {}, "secuencia": None, "calidad": "ok"}.items()
    event = json.loads(encode_event(1, api.events[-1]))
    assert (event["entity_type"], event["event_type"]) == ("lectura", "created")
    assert event["metadata"] == {"action": "create_lectura"}
    assert event["data"] == made
    assert (await api.client.get(f"/api/v1/lecturas/{made['id']}/")).json() == made


async def test_the_key_may_stand_for_the_id_and_now_for_the_time(api: Rest, sensor_id: int) -> None:
    status, made = await post(
        api, {"clave": "mqtt/cocina", "humedad": 50, "otros": {"presion": 1013.2}, "secuencia": 7}
    )
    assert status == 201
    assert made["sensor_id"] == sensor_id
    assert made["timestamp"] == made["recibida_en"]
    assert (made["temperatura"], made["otros"], made["secuencia"]) == (None, {"presion": 1013.2}, 7)


async def test_the_same_again_is_no_news_and_another_value_a_conflict(api: Rest, sensor_id: int) -> None:
    body = {"sensor_id": sensor_id, "temperatura": 23.5, "timestamp": MOMENT}
    _, made = await post(api, body)
    before = len(api.events)
    assert await post(api, body) == (200, made)
    status, problem = await post(api, {**body, "temperatura": 24.0})
    assert status == 409
    assert str(made["id"]) in problem["detail"]
    assert len(api.events) == before
    assert (await api.client.get(f"/api/v1/readings/{made['id']}")).json() == made


async def test_what_comes_apart_in_one_moment_becomes_one_row(api: Rest, sensor_id: int) -> None:
    _, first = await post(api, {"sensor_id": sensor_id, "temperatura": 23.5, "timestamp": MOMENT})
    status, whole = await post(api, {"sensor_id": sensor_id, "humedad": 50, "timestamp": MOMENT})
    assert status == 200
    assert (whole["id"], whole["temperatura"], whole["humedad"]) == (first["id"], 23.5, 50.0)
    assert json.loads(encode_event(1, api.events[-1]))["event_type"] == "updated"


async def test_any_past_time_is_taken_and_no_future_one(api: Rest, sensor_id: int) -> None:
    status, made = await post(api, {"sensor_id": sensor_id, "temperatura": 20, "timestamp": "1987-01-01T00:00:00Z"})
    assert (status, made["timestamp"]) == (201, "1987-01-01T00:00:00Z")
    status, problem = await post(api, {"sensor_id": sensor_id, "temperatura": 20, "timestamp": "2999-01-01T00:00:00Z"})
    assert status == 422
    assert "future" in problem["detail"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"temperatura": 500}, "DHT22"),
        ({"temperatura": -300}, "temperatura"),
        ({"humedad": 101}, "humedad"),
        ({"humedad": -1}, "humedad"),
    ],
)
async def test_what_cannot_be_is_refused_by_hand(api: Rest, sensor_id: int, fields: dict[str, Any], named: str) -> None:
    status, problem = await post(api, {"sensor_id": sensor_id, **fields})
    assert status == 422
    assert named in problem["detail"]
    assert (await api.client.get("/api/v1/readings")).json() == []


async def test_wrong_bodies_are_told_what_is_allowed(api: Rest, sensor_id: int) -> None:
    good = {"sensor_id": sensor_id, "temperatura": 20}
    for body, named in (
        ({}, "sensor_id or clave"),
        ({"sensor_id": sensor_id}, "temperatura, humedad or otros"),
        ({"sensor_id": sensor_id, "otros": {}}, "at least one value"),
        ({"temperatura": 20}, "sensor_id or clave"),
        ({**good, "clave": "mqtt/cocina"}, "one of the two"),
        ({**good, "temperatura": "20"}, "temperatura"),
        ({**good, "temperatura": True}, "temperatura"),
        ({**good, "temperatura": 1e308}, "temperatura"),
        ({**good, "otros": {"presion": None}}, "otros.presion"),
        ({**good, "otros": {"temperatura": 3}}, "fields of their own"),
        ({**good, "timestamp": "ayer"}, "timestamp"),
        ({**good, "timestamp": 1753007400}, "timestamp"),
        ({**good, "secuencia": -1}, "secuencia"),
        ({**good, "secuencia": 2**60}, "secuencia"),
        ({**good, "sensor_id": 0}, "sensor_id"),
        ("texto", "object"),
        (5, "object"),
        ([], "1 to 10000"),
    ):
        status, problem = await post(api, body)
        assert status == 422, (body, problem)
        assert named in problem["detail"], problem
    assert (await api.client.get("/api/v1/readings")).json() == []


async def test_an_unknown_sensor_is_unknown(api: Rest) -> None:
    assert (await post(api, {"sensor_id": 99, "temperatura": 20}))[0] == 404
    assert (await post(api, {"clave": "nadie", "temperatura": 20}))[0] == 404


async def test_a_list_gets_one_answer(api: Rest, sensor_id: int) -> None:
    def at(second: int, **fields: Any) -> dict[str, Any]:
        return {"sensor_id": sensor_id, "temperatura": 20, "timestamp": f"2025-07-20T10:00:{second:02}Z", **fields}

    assert (await post(api, at(0)))[0] == 201
    status, summary = await post(
        api,
        [
            at(0),
            at(1),
            at(1),
            at(1, temperatura=21),
            at(2, temperatura="x"),
            at(3, temperatura=999),
            at(4, sensor_id=99),
            "texto",
            at(5),
        ],
    )
    assert status == 201
    assert (summary["stored"], summary["duplicates"]) == (2, 2)
    reasons = {refusal["index"]: refusal["reason"] for refusal in summary["rejected"]}
    assert list(reasons) == [3, 4, 5, 6, 7]
    assert "other values" in reasons[3]
    assert "temperatura" in reasons[4]
    assert "99" in reasons[6]
    assert reasons[7] == "a reading must be a JSON object"
    assert len((await api.client.get("/api/v1/readings")).json()) == 3
    status, again = await post(api, [at(1), at(5)])
    assert (status, again) == (200, {"stored": 0, "duplicates": 2, "rejected": []})


async def test_ten_thousand_readings_fit_into_one_list_and_no_more(api: Rest, sensor_id: int) -> None:
    start = 1_700_000_000
    many = [
        {"sensor_id": sensor_id, "temperatura": 20 + n % 7, "humedad": 50.5, "secuencia": start + n}
        for n in range(10_000)
    ]
    for n, body in enumerate(many):
        body["timestamp"] = f"2025-07-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"
    status, summary = await post(api, many)
    assert (status, summary) == (201, {"stored": 10_000, "duplicates": 0, "rejected": []})
    status, problem = await post(api, [*many, many[0]])
    assert status == 422
    assert "10000" in problem["detail"]


async def test_no_correction_makes_a_reading_impossible(api: Rest, sensor_id: int) -> None:
    """As little as a post does; what is known to be invalid may be kept as it was received."""
    await api.client.patch(f"/api/v1/sensors/{sensor_id}", json={"ajuste_temperatura": 2})
    _, made = await post(api, {"sensor_id": sensor_id, "temperatura": 78, "humedad": 50, "timestamp": MOMENT})
    address = f"/api/v1/readings/{made['id']}"
    for values in (
        {"temperatura": 500},
        {"temperatura": 82.1},
        {"temperatura": -38.1},
        {"temperatura": 2, "humedad": 0},
    ):
        answer = await api.client.patch(address, json=values)
        assert (answer.status_code, "DHT22" in answer.json()["detail"]) == (422, True), values
    assert (await api.client.get(address)).json() == made
    assert (await api.client.patch(address, json={"temperatura": 82})).status_code == 200
    assert (await api.client.patch(address, json={"temperatura": 500, "calidad": "invalida"})).status_code == 200
    assert (await api.client.patch(address, json={"otros": {"presion": 1000}})).status_code == 200


async def test_a_reading_is_corrected_but_keeps_its_key(api: Rest, sensor_id: int) -> None:
    _, made = await post(
        api, {"sensor_id": sensor_id, "temperatura": 23.5, "otros": {"presion": 1000}, "timestamp": MOMENT}
    )
    address = f"/api/v1/readings/{made['id']}"
    changed = (await api.client.patch(address, json={"temperatura": 22, "calidad": "dudosa"})).json()
    assert (changed["temperatura"], changed["calidad"], changed["otros"]) == (22.0, "dudosa", {"presion": 1000.0})
    assert changed["updated_at"] > made["updated_at"]
    assert (await api.client.get(address)).json() == changed
    event = json.loads(encode_event(1, api.events[-1]))
    assert (event["event_type"], event["metadata"], event["data"]) == ("updated", {"action": "update_lectura"}, changed)
    before = len(api.events)
    assert (await api.client.put(address, json=changed)).json() == changed
    assert len(api.events) == before
    for moved in ({"timestamp": "2025-07-20T10:30:01Z"}, {"sensor_id": sensor_id + 1}, {"secuencia": 5}):
        answer = await api.client.patch(address, json=moved)
        assert answer.status_code == 422
        assert "cannot be changed" in answer.json()["detail"]
    emptied = await api.client.patch(address, json={"temperatura": None, "otros": {}})
    assert emptied.status_code == 422
    assert (await api.client.get(address)).json() == changed


async def test_a_deleted_reading_is_gone_and_may_be_posted_anew(api: Rest, sensor_id: int) -> None:
    body = {"sensor_id": sensor_id, "temperatura": 23.5, "timestamp": MOMENT}
    _, made = await post(api, body)
    assert (await api.client.delete(f"/api/v1/readings/{made['id']}")).status_code == 204
    event = json.loads(encode_event(1, api.events[-1]))
    assert (event["event_type"], event["data"]) == ("deleted", made)
    for method in ("GET", "PATCH", "DELETE"):
        assert (await api.client.request(method, f"/api/v1/readings/{made['id']}", json={})).status_code == 404
    status, anew = await post(api, body)
    assert status == 201
    assert anew["id"] != made["id"]


async def test_a_corrected_reading_is_what_the_same_again_is_compared_with(api: Rest, sensor_id: int) -> None:
    body = {"sensor_id": sensor_id, "temperatura": 23.5, "timestamp": MOMENT}
    _, made = await post(api, body)
    await api.client.patch(f"/api/v1/readings/{made['id']}", json={"temperatura": 22})
    assert (await post(api, body))[0] == 409
    assert (await post(api, {**body, "temperatura": 22}))[0] == 200


async def fill(api: Rest, sensor_id: int) -> None:
    """Twelve readings, ten minutes apart from 10:00, 20 °C and rising by 1; the last one invalid."""
    rows = [
        {
            "sensor_id": sensor_id,
            "temperatura": 20 + n,
            "humedad": 50,
            "timestamp": f"2025-07-20T{8 + n // 6:02}:{n % 6}0:00Z",
        }
        for n in range(12)
    ]
    assert (await post(api, rows))[1]["stored"] == 12
    newest = (await api.client.get("/api/v1/readings?limit=1")).json()[0]
    await api.client.patch(f"/api/v1/readings/{newest['id']}", json={"calidad": "invalida"})


async def test_stats_leave_out_what_is_invalid(api: Rest, sensor_id: int) -> None:
    await fill(api, sensor_id)
    stats = (await api.client.get(f"/api/v1/readings/stats?sensor_id={sensor_id}")).json()
    assert stats == {
        "sensor_id": sensor_id,
        "desde": None,
        "hasta": None,
        "count": 11,
        "temperatura": {"min": 20.0, "mean": 25.0, "max": 30.0, "count": 11},
        "humedad": {"min": 50.0, "mean": 50.0, "max": 50.0, "count": 11},
    }
    query = {"sensor_id": sensor_id, "desde": "2025-07-20T08:10:00Z", "hasta": "2025-07-20T08:30:00Z"}
    part = (await api.client.get("/api/v1/lecturas/stats/", params=query)).json()
    assert part["temperatura"] == {"min": 21.0, "mean": 21.5, "max": 22.0, "count": 2}
    assert (part["desde"], part["hasta"]) == (query["desde"], query["hasta"])
    empty = (await api.client.get(f"/api/v1/readings/stats?sensor_id={sensor_id}&hasta=1990-01-01")).json()
    assert empty["temperatura"] == {"min": None, "mean": None, "max": None, "count": 0}


async def test_a_series_has_no_more_points_than_asked_for(api: Rest, sensor_id: int) -> None:
    await fill(api, sensor_id)
    address = f"/api/v1/readings/series?sensor_id={sensor_id}"
    whole = (await api.client.get(f"{address}&puntos=1")).json()
    assert [(point["timestamp"], point["temperatura"]["mean"]) for point in whole] == [("2025-07-20T08:00:00Z", 25.0)]
    for points in (2, 3, 7, 500):
        series = (await api.client.get(f"{address}&puntos={points}")).json()
        assert 1 <= len(series) <= points
        assert sum(point["count"] for point in series) == 11
        assert [point["timestamp"] for point in series] == sorted(point["timestamp"] for point in series)
        assert min(point["temperatura"]["min"] for point in series) == 20
        assert max(point["temperatura"]["max"] for point in series) == 30
    query = {"desde": "2025-07-20T09:00:00Z", "hasta": "2025-07-20T09:30:00Z", "puntos": "3"}
    part = (await api.client.get(address, params={"sensor_id": sensor_id, **query})).json()
    assert [point["temperatura"]["mean"] for point in part] == [26.0, 27.0, 28.0]
    nothing = await api.client.get(f"{address}&desde=2026-01-01")
    assert (nothing.status_code, nothing.json()) == (200, [])


async def test_figures_need_a_sensor_that_is_there(api: Rest) -> None:
    for name in ("stats", "series"):
        assert (await api.client.get(f"/api/v1/readings/{name}")).status_code == 422
        assert (await api.client.get(f"/api/v1/readings/{name}?sensor_id=99")).status_code == 404
    for points in ("0", "-1", "5001", "x"):
        assert (await api.client.get(f"/api/v1/readings/series?sensor_id=1&puntos={points}")).status_code == 422
