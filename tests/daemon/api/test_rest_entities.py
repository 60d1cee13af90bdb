"""Sensors, locations, anomalies and predictions: made, read, changed, deleted, and announced."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.rest import Rest, rest

from daemon.api.schemas import encode_event
from daemon.derived import ForecastSkill
from daemon.entities import Prediction
from daemon.repository import sensors

FUTURE = "2025-07-20T10:45:00Z"
BODIES: dict[str, dict[str, Any]] = {
    "sensors": {"tipo": "temperatura", "modelo": "DHT22"},
    "locations": {"sensor_id": 1, "latitud": "40.4168", "longitud": -3.7038, "descripcion": "Cocina"},
    "anomalies": {"sensor_id": 1, "tipo": "temperatura_alta", "valor": 41.5, "puntuacion": 0.8, "explicacion": "Alta."},
    "predictions": {
        "sensor_id": 1,
        "magnitud": "temperatura",
        "horizonte_s": 900,
        "valor": 21.0,
        "inferior": 20.0,
        "superior": 22.0,
        "fecha_prediccion": FUTURE,
        "modelo": "a mano",
    },
}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sensors": ({"nombre": "Cocina", "temperatura_max": 30}, {"nombre": "Cocina", "temperatura_max": 30.0}),
    "locations": ({"latitud": 0}, {"latitud": "0", "longitud": "-3.7038"}),
    "anomalies": ({"puntuacion": 1}, {"puntuacion": 1.0, "valor": 41.5}),
    "predictions": ({"superior": 23.5, "probabilidad": 0.3}, {"superior": 23.5, "probabilidad": 0.3}),
}
SPANISH = {"sensors": "sensores", "locations": "ubicaciones", "anomalies": "anomalias", "predictions": "predicciones"}
WORDS = {"sensors": "sensor", "locations": "ubicacion", "anomalies": "anomalia", "predictions": "prediccion"}
EVERY = pytest.mark.parametrize("kind", list(BODIES))


async def make(api: Rest, kind: str, **fields: Any) -> dict[str, Any]:
    """One of a kind, of sensor 1."""
    if kind != "sensors" and (await api.client.get("/api/v1/sensors/1")).status_code == 404:
        await api.sensor()
    answer = await api.client.post(f"/api/v1/{kind}", json={**BODIES[kind], **fields})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/{kind}/{answer.json()['id']}"
    made: dict[str, Any] = answer.json()
    return made


def last_event(api: Rest) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(encode_event(1, api.events[-1]))
    return event


@EVERY
async def test_what_is_made_is_answered_announced_and_read_back(api: Rest, kind: str) -> None:
    made = await make(api, kind)
    event = last_event(api)
    assert event["data"] == made
    assert (event["entity_type"], event["event_type"]) == (WORDS[kind], "created")
    assert event["metadata"] == {"action": f"create_{WORDS[kind]}"}
    assert (await api.client.get(f"/api/v1/{kind}/{made['id']}")).json() == made
    assert (await api.client.get(f"/api/v1/{kind}")).json() == [made]


@EVERY
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_change_touches_only_what_is_given(api: Rest, kind: str, method: str) -> None:
    made = await make(api, kind)
    body, expected = CHANGES[kind]
    answer = await api.client.request(method, f"/api/v1/{kind}/{made['id']}", json=body)
    changed = answer.json()
    assert answer.status_code == 200, answer.text
    assert changed.items() >= expected.items()
    assert changed["updated_at"] > made["updated_at"]
    untouched = made.keys() - expected.keys() - {"updated_at"}
    assert {key: changed[key] for key in untouched} == {key: made[key] for key in untouched}
    assert (await api.client.get(f"/api/v1/{kind}/{made['id']}")).json() == changed
    event = last_event(api)
    assert (event["event_type"], event["data"]) == ("updated", changed)
    assert event["metadata"] == {"action": f"update_{WORDS[kind]}"}


@EVERY
async def test_a_row_that_was_read_can_be_sent_back_and_changes_nothing(api: Rest, kind: str) -> None:
    made = await make(api, kind)
    before = len(api.events)
    answer = await api.client.put(f"/api/v1/{kind}/{made['id']}", json=made)
    assert (answer.status_code, answer.json()) == (200, made)
    assert len(api.events) == before


@EVERY
async def test_what_is_deleted_is_gone_and_announced_as_it_last_was(api: Rest, kind: str) -> None:
    made = await make(api, kind)
    answer = await api.client.delete(f"/api/v1/{kind}/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    event = last_event(api)
    assert (event["event_type"], event["entity_id"], event["data"]) == ("deleted", made["id"], made)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        gone = await api.client.request(method, f"/api/v1/{kind}/{made['id']}", json={})
        assert gone.status_code == 404
        assert str(made["id"]) in gone.json()["detail"]


@EVERY
async def test_spanish_names_and_trailing_slashes_are_the_same_routes(api: Rest, kind: str) -> None:
    made = await make(api, kind)
    for name in (kind, SPANISH[kind]):
        for slash in ("", "/"):
            listed = await api.client.get(f"/api/v1/{name}{slash}")
            assert (listed.status_code, listed.json()) == (200, [made])
            one = await api.client.get(f"/api/v1/{name}/{made['id']}{slash}")
            assert (one.status_code, one.json()) == (200, made)
    posted = await api.client.post(f"/api/v1/{SPANISH[kind]}/", json=BODIES[kind])
    assert posted.status_code == 201


@pytest.mark.parametrize("kind", ["locations", "anomalies", "predictions"])
async def test_a_row_belongs_to_a_sensor_that_is_there(api: Rest, kind: str) -> None:
    answer = await api.client.post(f"/api/v1/{kind}", json={**BODIES[kind], "sensor_id": 99})
    assert (answer.status_code, answer.json()) == (404, {"detail": "there is no sensor 99"})
    made = await make(api, kind)
    moved = await api.client.patch(f"/api/v1/{kind}/{made['id']}", json={"sensor_id": 99})
    assert moved.status_code == 404
    assert (await api.client.get(f"/api/v1/{kind}/{made['id']}")).json() == made


WRONG: dict[str, list[tuple[dict[str, Any], str]]] = {
    "sensors": [
        ({"tipo": None}, "tipo"),
        ({"tipo": "  "}, "tipo"),
        ({"modelo": 5}, "modelo"),
        ({"modelo": "x" * 256}, "modelo"),
        ({"nombre": "a\0b"}, "nombre"),
        ({"estado": "dormido"}, "activo, silencioso, inactivo"),
        ({"ajuste_temperatura": "1"}, "ajuste_temperatura"),
        ({"ajuste_humedad": True}, "ajuste_humedad"),
        ({"humedad_max": 101}, "humedad_max"),
        ({"temperatura_min": -300}, "temperatura_min"),
        ({"temperatura_min": 20, "temperatura_max": 10}, "temperatura_min"),
    ],
    "locations": [
        ({"latitud": 90.5}, "latitud"),
        ({"latitud": "norte"}, "latitud"),
        ({"longitud": "181"}, "longitud"),
        ({"longitud": None}, "longitud"),
        ({"sensor_id": "1"}, "sensor_id"),
        ({"sensor_id": 2**63}, "sensor_id"),
        ({"descripcion": "x" * 2001}, "descripcion"),
    ],
    "anomalies": [
        ({"tipo": "rara"}, "temperatura_alta"),
        ({"puntuacion": 1.01}, "puntuacion"),
        ({"estado": "cerrada"}, "abierta, resuelta"),
    ],
    "predictions": [
        ({"magnitud": "presion"}, "temperatura, humedad"),
        ({"horizonte_s": 0}, "horizonte_s"),
        ({"horizonte_s": 1.5}, "horizonte_s"),
        ({"inferior": 25}, "inferior"),
        ({"fecha_prediccion": "mañana"}, "2025-07-20T10:30:00Z"),
        ({"probabilidad": -0.1}, "probabilidad"),
        ({"valor": 1e300}, "valor"),
    ],
}


@EVERY
async def test_a_wrong_value_is_refused_with_what_is_allowed(api: Rest, kind: str) -> None:
    made = await make(api, kind)
    for fields, named in WRONG[kind]:
        posted = await api.client.post(f"/api/v1/{kind}", json={**BODIES[kind], **fields})
        patched = await api.client.patch(f"/api/v1/{kind}/{made['id']}", json=fields)
        for answer in (posted, patched):
            assert answer.status_code == 422, (fields, answer.text)
            assert named in answer.json()["detail"]
    assert (await api.client.get(f"/api/v1/{kind}")).json() == [made]


@EVERY
async def test_a_missing_required_field_is_named(api: Rest, kind: str) -> None:
    await make(api, kind)
    optional = {"descripcion", "valor", "puntuacion", "explicacion"} if kind != "predictions" else set()
    for field in BODIES[kind].keys() - optional:
        body = {key: value for key, value in BODIES[kind].items() if key != field}
        answer = await api.client.post(f"/api/v1/{kind}", json=body)
        assert answer.status_code == 422
        assert field in answer.json()["detail"]


@pytest.mark.parametrize("name", ["Coc\nina", "Coc\x1b[31mina"])
async def test_a_name_is_one_line(api: Rest, name: str) -> None:
    made = await make(api, "sensors")
    answer = await api.client.patch(f"/api/v1/sensors/{made['id']}", json={"nombre": name})
    assert (answer.status_code, answer.json()) == (
        422,
        {"detail": "nombre: must be one line, without control characters"},
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_whoever_would_change_ignorado_is_told_where(api: Rest, method: str) -> None:
    made = await make(api, "sensors")
    path = f"/api/v1/sensors/{made['id']}"
    refused = await api.client.request(method, path, json={"nombre": "Cocina", "ignorado": True})
    detail = f"ignorado: is not changed here but by POST {path}/ignore"
    assert (refused.status_code, refused.json()) == (422, {"detail": detail})
    assert (await api.client.get(path)).json() == made
    ignored = (await api.client.post(f"{path}/ignore")).json()
    assert (await api.client.request(method, path, json=ignored)).json() == ignored
    heard = await api.client.request(method, path, json={**ignored, "estado": "activo"})
    assert (heard.json()["ignorado"], heard.json()["estado"]) == (False, "activo")


async def test_two_sensors_never_share_a_key(api: Rest) -> None:
    first = await api.sensor(clave="mqtt/cocina")
    second = await api.client.post("/api/v1/sensors", json={**BODIES["sensors"], "clave": "mqtt/cocina"})
    assert second.status_code == 409
    other = await api.sensor()
    assert other["clave"] != first["clave"]
    taken = await api.client.patch(f"/api/v1/sensors/{other['id']}", json={"clave": "mqtt/cocina"})
    assert taken.status_code == 409
    assert str(first["id"]) in taken.json()["detail"]


async def test_a_sensor_takes_everything_of_its_own_with_it_and_is_announced_once(api: Rest) -> None:
    kept = await api.sensor()
    sensor = await api.sensor(clave="mqtt/cocina")
    for second in range(3):
        await api.client.post(
            "/api/v1/readings",
            json={"sensor_id": sensor["id"], "temperatura": 20, "timestamp": f"2025-07-20T10:00:0{second}Z"},
        )
    await api.client.post("/api/v1/readings", json={"sensor_id": kept["id"], "temperatura": 20})
    for kind in ("locations", "anomalies", "predictions"):
        await make(api, kind, sensor_id=sensor["id"])
        await make(api, kind, sensor_id=kept["id"])
    before = len(api.events)
    assert (await api.client.delete(f"/api/v1/sensors/{sensor['id']}")).status_code == 204
    assert len(api.events) == before + 1
    assert last_event(api)["metadata"] == {
        "action": "delete_sensor",
        "lecturas": 3,
        "ubicaciones": 1,
        "anomalias": 1,
        "predicciones": 1,
    }
    for kind in ("readings", "locations", "anomalies", "predictions"):
        left = (await api.client.get(f"/api/v1/{kind}")).json()
        assert [row["sensor_id"] for row in left] == [kept["id"]]


async def test_a_deleted_key_stays_out_until_somebody_wants_it_back(api: Rest) -> None:
    sensor = await api.sensor(clave="mqtt/cocina")
    await api.client.delete(f"/api/v1/sensors/{sensor['id']}")
    assert await api.services.read(sensors.blocked_keys) == ["mqtt/cocina"]
    back = await api.sensor(clave="mqtt/cocina")
    assert back["id"] != sensor["id"]
    assert await api.services.read(sensors.blocked_keys) == []


async def test_a_deleted_sensor_that_no_device_spoke_for_leaves_nothing_to_keep_out(api: Rest) -> None:
    sensor = await api.sensor()
    await api.client.delete(f"/api/v1/sensors/{sensor['id']}")
    assert await api.services.read(sensors.blocked_keys) == []


async def test_a_sensor_shows_when_it_was_last_heard(api: Rest) -> None:
    sensor = await api.sensor()
    assert sensor["ultima_lectura"] is None
    body = {"sensor_id": sensor["id"], "temperatura": 20, "timestamp": "2025-07-20T10:00:00Z"}
    await api.client.post("/api/v1/readings", json=body)
    one = (await api.client.get(f"/api/v1/sensors/{sensor['id']}")).json()
    listed = (await api.client.get("/api/v1/sensors")).json()
    assert one["ultima_lectura"] == listed[0]["ultima_lectura"] == "2025-07-20T10:00:00Z"


async def test_an_anomaly_is_resolved_once_and_can_be_opened_again(api: Rest) -> None:
    made = await make(api, "anomalies")
    answer = await api.client.post(f"/api/v1/anomalies/{made['id']}/resolve")
    resolved = answer.json()
    assert (answer.status_code, resolved["estado"]) == (200, "resuelta")
    assert resolved["resuelta_en"] == resolved["updated_at"]
    event = last_event(api)
    assert (event["event_type"], event["metadata"]) == ("updated", {"action": "resolve_anomalia"})
    before = len(api.events)
    again = await api.client.post(f"/api/v1/anomalias/{made['id']}/resolve/")
    assert (again.status_code, again.json(), len(api.events)) == (200, resolved, before)
    reopened = await api.client.patch(f"/api/v1/anomalies/{made['id']}", json={"estado": "abierta"})
    assert (reopened.json()["estado"], reopened.json()["resuelta_en"]) == ("abierta", None)
    assert last_event(api)["metadata"] == {"action": "update_anomalia"}
    patched = await api.client.patch(f"/api/v1/anomalies/{made['id']}", json={"estado": "resuelta"})
    assert patched.json()["resuelta_en"] is not None
    assert last_event(api)["metadata"] == {"action": "resolve_anomalia"}
    assert (await api.client.post("/api/v1/anomalies/99/resolve")).status_code == 404


async def test_an_anomaly_is_resolved_with_a_verdict_which_may_come_later_and_change(api: Rest) -> None:
    made = await make(api, "anomalies", tipo="patron_inusual")
    assert (made["veredicto"], made["magnitud"], made["rasgo"]) == (None, None, None)
    address = f"/api/v1/anomalies/{made['id']}/resolve"
    resolved = (await api.client.post(address, json={"veredicto": "falsa"})).json()
    assert (resolved["estado"], resolved["veredicto"]) == ("resuelta", "falsa")
    event = last_event(api)
    assert event["metadata"] == {"action": "resolve_anomalia"}
    assert event["data"] == resolved
    changed = (await api.client.post(address, json={"veredicto": "cierta"})).json()
    assert (changed["veredicto"], changed["resuelta_en"]) == ("cierta", resolved["resuelta_en"])
    assert last_event(api)["metadata"] == {"action": "update_anomalia"}
    patched = await api.client.patch(f"/api/v1/anomalies/{made['id']}", json={"veredicto": "falsa"})
    assert patched.json()["veredicto"] == "falsa", "a verdict is a field like others"
    changed = (await api.client.post(address, json={"veredicto": "cierta"})).json()
    events = len(api.events)
    for silent in ({}, {"veredicto": None}, {"veredicto": "cierta"}):
        assert (await api.client.post(address, json=silent)).json() == changed
    assert len(api.events) == events, "what is so already is no news"
    one = (await api.client.get(f"/api/v1/anomalies/{made['id']}")).json()
    assert one["veredicto"] == "cierta"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ('{"veredicto": "quizá"}', 422, "veredicto: must be one of falsa, cierta"),
        ('{"veredicto": true}', 422, "veredicto: must be one of falsa, cierta"),
        ('"falsa"', 422, "the body must be a JSON object"),
        ("falsa", 400, "the body is not JSON"),
    ],
)
async def test_a_verdict_in_other_words_is_refused_and_resolves_nothing(
    api: Rest, body: str, status: int, detail: str
) -> None:
    made = await make(api, "anomalies")
    answer = await api.client.post(f"/api/v1/anomalies/{made['id']}/resolve", content=body)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(detail)
    assert (await api.client.get(f"/api/v1/anomalies/{made['id']}")).json() == made


async def test_a_text_without_its_english_twin_stands_for_both(api: Rest) -> None:
    anomaly = await make(api, "anomalies")
    assert (anomaly["explicacion"], anomaly["explicacion_en"]) == ("Alta.", "Alta.")
    prediction = await make(api, "predictions", comentario="Helará.", comentario_en="Frost.")
    assert (prediction["comentario"], prediction["comentario_en"]) == ("Helará.", "Frost.")


async def test_locations_near_a_place_come_nearest_first(api: Rest) -> None:
    await api.sensor()
    for latitude, longitude, name in (
        (40.4168, -3.7038, "Madrid"),
        (40.4893, -3.6827, "norte"),
        (41.3874, 2.1686, "mar"),
    ):
        await make(api, "locations", latitud=latitude, longitud=longitude, descripcion=name)
    query = {"latitud": "40.4168", "longitud": "-3.7038", "radio_km": "20"}
    found = (await api.client.get("/api/v1/ubicaciones/nearby/", params=query)).json()
    assert [place["descripcion"] for place in found] == ["Madrid", "norte"]
    assert found[0]["distancia_km"] == 0
    assert found[1]["distancia_km"] == pytest.approx(8.26, abs=0.05)
    for wrong in ({"latitud": "91"}, {"radio_km": "0"}, {"radio_km": "nan"}, {"radio_km": "-1"}, {"longitud": ""}):
        assert (await api.client.get("/api/v1/locations/nearby", params={**query, **wrong})).status_code == 422


async def test_the_latest_predictions_are_one_for_each_quantity_and_horizon(api: Rest) -> None:
    await api.sensor()
    for value in (1, 2):
        for quantity in ("temperatura", "humedad"):
            for horizon in (900, 3600):
                body = {"magnitud": quantity, "horizonte_s": horizon, "valor": value, "inferior": 0, "superior": 9}
                await make(api, "predictions", **body)
    latest = (await api.client.get("/api/v1/predictions/latest?sensor_id=1")).json()
    assert {(row["magnitud"], row["horizonte_s"], row["valor"]) for row in latest} == {
        (quantity, horizon, 2.0) for quantity in ("temperatura", "humedad") for horizon in (900, 3600)
    }
    assert (await api.client.get("/api/v1/predictions/latest?sensor_id=5")).status_code == 404
    assert (await api.client.get("/api/v1/predictions/latest")).status_code == 422


async def test_what_was_forecast_for_a_horizon_that_is_configured_no_more_is_not_latest(tmp_path: Path) -> None:
    config = {"forecast": {"horizons": ["15min", "50min"]}}  # the second is told as 45 min: whole quarters of an hour
    async with rest(tmp_path, config=config) as api:
        await api.sensor()
        for horizon, model, comment in (
            *((900, "ridge", None), (2700, "ridge", None), (3600, "boosting", None)),
            *((7200, "mine", None), (86_400, "ridge", "La temperatura …")),
        ):
            await make(api, "predictions", horizonte_s=horizon, modelo=model, comentario=comment)
        latest = (await api.client.get("/api/v1/predictions/latest?sensor_id=1")).json()
        assert [row["horizonte_s"] for row in latest] == [900, 2700, 7200, 86_400]


async def test_where_nothing_is_forecast_any_more_no_forecast_is_latest(tmp_path: Path) -> None:
    async with rest(tmp_path, config={"forecast": {"enabled": False}}) as api:
        await make(api, "predictions", modelo="persistence")
        assert (await api.client.get("/api/v1/predictions/latest?sensor_id=1")).json() == []


async def test_the_warnings_that_stand_are_those_of_all_sensors(api: Rest) -> None:
    assert (await api.client.get("/api/v1/predictions/warnings")).json() == []
    await api.sensor()
    row = await make(api, "predictions", probabilidad=0.9, comentario="Subirá.", comentario_en="It will rise.")
    api.warnings += [event.entity for event in api.entity_events() if isinstance(event.entity, Prediction)]
    assert (await api.client.get("/api/v1/predicciones/warnings/")).json() == [row]


async def test_how_good_a_sensor_s_predictions_have_been(api: Rest) -> None:
    await api.sensor()
    address = "/api/v1/predictions/skill?sensor_id=1"
    assert (await api.client.get(address)).json() == [], "the moment of none has come"
    api.skills[1] = [
        ForecastSkill("temperature", 3600, 812, 0.912345, 0.33, 0.5, 0.34),
        ForecastSkill("humidity", 900, 3, 1.0, 0.0, 0.0, None),
    ]
    changing, still = (await api.client.get(address)).json()
    assert changing == {
        "sensor_id": 1,
        "magnitud": "temperatura",
        "horizonte_s": 3600,
        "juzgadas": 812,
        "cobertura": 0.9123,
        "error": 0.33,
        "error_persistencia": 0.5,
        "mejora": 0.34,
    }
    assert (still["magnitud"], still["mejora"]) == ("humedad", None), "nothing changed: nothing to be better than"
    assert (await api.client.get("/api/v1/predicciones/skill?sensor_id=1")).json() == [changing, still]
    assert (await api.client.get("/api/v1/predictions/skill?sensor_id=5")).status_code == 404
    assert (await api.client.get("/api/v1/predictions/skill")).status_code == 422


async def test_a_prediction_may_name_a_place_that_is_there(api: Rest) -> None:
    await api.sensor()
    place = await make(api, "locations")
    made = await make(api, "predictions", ubicacion_id=place["id"])
    assert made["ubicacion_id"] == place["id"]
    unknown = await api.client.post("/api/v1/predictions", json={**BODIES["predictions"], "ubicacion_id": 99})
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "there is no location 99"})


async def test_an_anomaly_may_name_a_reading_that_is_there(api: Rest) -> None:
    sensor = await api.sensor()
    reading = (await api.client.post("/api/v1/readings", json={"sensor_id": sensor["id"], "temperatura": 20})).json()
    made = await make(api, "anomalies", lectura_id=reading["id"])
    assert made["lectura_id"] == reading["id"]
    unknown = await api.client.post("/api/v1/anomalies", json={**BODIES["anomalies"], "lectura_id": 10**9})
    assert unknown.status_code == 404
