"""What a sensor's readings tell beyond themselves, as clients read it."""

from typing import Any

import pytest
from support.rest import Rest

from daemon.derived import PlaceRisk

AT = "2025-07-20T10:25:00Z"


async def measured(api: Rest, **values: Any) -> int:
    sensor = await api.sensor()
    answer = await api.client.post("/api/v1/readings", json={"sensor_id": sensor["id"], "timestamp": AT, **values})
    assert answer.status_code == 201, answer.text
    return int(sensor["id"])


async def air(api: Rest, sensor_id: int, name: str = "sensors") -> dict[str, Any]:
    answer = await api.client.get(f"/api/v1/{name}/{sensor_id}/air")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_air_of_a_room(api: Rest) -> None:
    sensor_id = await measured(api, temperatura=20.0, humedad=50.0)
    body = await air(api, sensor_id)
    assert body == {
        "sensor_id": sensor_id,
        "timestamp": AT,
        "temperatura": 20.0,
        "humedad": 50.0,
        "punto_rocio": 9.3,
        "punto_escarcha": None,
        "humedad_absoluta": 8.6,
        "deficit_presion_vapor": 1.17,
        "riesgos": [],
    }
    assert await air(api, sensor_id, "sensores") == body


async def test_a_cold_store_has_a_frost_point(api: Rest) -> None:
    body = await air(api, await measured(api, temperatura=-10.0, humedad=80.0))
    assert body["punto_rocio"] < body["punto_escarcha"] < 0


@pytest.mark.parametrize("values", [{"temperatura": 20.0}, {"humedad": 50.0}])
async def test_one_quantity_alone_tells_nothing_of_the_air(api: Rest, values: dict[str, float]) -> None:
    body = await air(api, await measured(api, **values))
    assert body["timestamp"] is body["punto_rocio"] is body["deficit_presion_vapor"] is None


async def test_values_that_lie_hours_apart_are_not_of_the_same_air(api: Rest) -> None:
    sensor_id = await measured(api, temperatura=20.0)
    later = {"sensor_id": sensor_id, "humedad": 50.0, "timestamp": "2025-07-20T07:00:00Z"}
    assert (await api.client.post("/api/v1/readings", json=later)).status_code == 201
    assert (await air(api, sensor_id))["punto_rocio"] is None


async def test_dry_air_has_no_dew_point_and_too_hot_air_no_formula(api: Rest) -> None:
    dry = await air(api, await measured(api, temperatura=20.0, humedad=0.0))
    assert (dry["punto_rocio"], dry["humedad_absoluta"]) == (None, 0.0)
    hot = await air(api, await measured(api, temperatura=70.0, humedad=10.0))
    assert hot["temperatura"] == 70.0
    assert hot["punto_rocio"] is hot["humedad_absoluta"] is hot["deficit_presion_vapor"] is None


async def test_risks_are_worded_and_an_index_is_no_probability(api: Rest) -> None:
    sensor_id = await measured(api, temperatura=20.0, humedad=50.0)
    api.risks[sensor_id] = [
        PlaceRisk("frost", "low", 0.3, None, 21_600, "Helada …", "Frost …", 7, 1_753_007_400_000_000),
        PlaceRisk("mould", "medium", None, 1.4, 0, "Moho …", "Mould …", 7, 1_753_007_400_000_000),
    ]
    frost, mould = (await air(api, sensor_id))["riesgos"]
    assert frost == {
        "riesgo": "helada",
        "nivel": "bajo",
        "probabilidad": 0.3,
        "indice": None,
        "horizonte_s": 21_600,
        "comentario": "Helada …",
        "comentario_en": "Frost …",
        "ubicacion_id": 7,
        "evaluado_en": "2025-07-20T10:30:00Z",
    }
    assert (mould["riesgo"], mould["nivel"], mould["probabilidad"], mould["indice"]) == ("moho", "medio", None, 1.4)


async def test_an_unknown_sensor_has_no_air(api: Rest) -> None:
    assert (await api.client.get("/api/v1/sensors/99/air")).status_code == 404
