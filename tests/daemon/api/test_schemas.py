import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.api import documents
from daemon.api.schemas import encode_event, entity_body, location_body, wire_time
from daemon.api.values import EARLIEST, LATEST, parse_time
from daemon.entities import (
    Anomaly,
    AnomalyKind,
    AnomalyState,
    Entity,
    Location,
    Prediction,
    Quality,
    Sensor,
    StoredReading,
    Verdict,
)
from daemon.events import Action, Channel, EntityEvent, Level, SystemEvent

AT = 1_753_007_400_000_000
SENSOR = Sensor(123, "mqtt/kitchen", "temperatura", "DHT22", AT, AT)
READING = StoredReading(5, 123, AT, AT + 250_000, "mqtt", 7, 23.5, 65.2, {"pressure": 1013.2, "radon": 40.0})
LOCATION = Location(8, 123, 40.4168, -3.7, AT, AT, "cocina")
ANOMALY = Anomaly(9, 123, AnomalyKind.UNUSUAL_PATTERN, 0.9, "raro", "odd", AT, AT, 5, 23.5)
PREDICTION = Prediction(4, 123, "humidity", 900, 60.0, 55.0, 65.0, AT, "m", AT, AT)
EVERY = [SENSOR, READING, LOCATION, ANOMALY, PREDICTION]


def encoded(event: EntityEvent | SystemEvent) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(encode_event(77, event))
    return decoded


def test_a_created_sensor_is_announced_as_the_contract_words_it() -> None:
    event = encoded(EntityEvent(Action.CREATED, SENSOR, AT))
    data = event.pop("data")
    assert event == {
        "type": "entity_event",
        "id": 77,
        "entity_type": "sensor",
        "event_type": "created",
        "entity_id": 123,
        "timestamp": "2025-07-20T10:30:00Z",
        "metadata": {"action": "create_sensor"},
    }
    assert isinstance(data, dict)
    assert data.items() >= {"id": 123, "tipo": "temperatura", "modelo": "DHT22", "clave": "mqtt/kitchen"}.items()
    assert data["created_at"] == "2025-07-20T10:30:00Z"


@pytest.mark.parametrize(
    ("action", "entity", "words"),
    [
        (Action.CREATED, READING, ("lectura", "created", "create_lectura")),
        (Action.UPDATED, READING, ("lectura", "updated", "update_lectura")),
        (Action.DELETED, LOCATION, ("ubicacion", "deleted", "delete_ubicacion")),
        (Action.DETECTED, ANOMALY, ("anomalia", "anomaly_detected", "detect_anomalia")),
        (Action.RESOLVED, ANOMALY, ("anomalia", "updated", "resolve_anomalia")),
        (Action.COMPLETED, PREDICTION, ("prediccion", "prediction_completed", "complete_prediccion")),
        (Action.UPDATED, SENSOR, ("sensor", "updated", "update_sensor")),
    ],
)
def test_every_action_has_its_words(action: Action, entity: Entity, words: tuple[str, str, str]) -> None:
    event = encoded(EntityEvent(action, entity, AT))
    metadata = event["metadata"]
    assert isinstance(metadata, dict)
    assert (event["entity_type"], event["event_type"], metadata["action"]) == words
    assert event["data"] == json.loads(json.dumps(entity_body(entity)))


def test_a_deletion_counts_in_spanish_what_went_with_it() -> None:
    counts = {"readings": 3, "locations": 1, "anomalies": 0, "predictions": 2}
    event = encoded(EntityEvent(Action.DELETED, SENSOR, AT, counts))
    assert event["metadata"] == {
        "action": "delete_sensor",
        "lecturas": 3,
        "ubicaciones": 1,
        "anomalias": 0,
        "predicciones": 2,
    }


def test_a_system_event_is_bilingual_and_names_its_sensor() -> None:
    event = SystemEvent(Level.WARNING, "silent", "callado", "silent", AT + 1500, {"a": 1}, Channel.SENSORS, 123)
    assert encoded(event) == {
        "type": "system_event",
        "id": 77,
        "level": "warning",
        "kind": "silent",
        "message": "callado",
        "message_en": "silent",
        "data": {"a": 1, "sensor_id": 123},
        "timestamp": "2025-07-20T10:30:00.001Z",
    }


@pytest.mark.parametrize("entity", EVERY, ids=lambda entity: type(entity).__name__)
def test_the_description_names_every_field_of_a_body(entity: Entity) -> None:
    shown = {
        Sensor: documents.Sensor,
        StoredReading: documents.Lectura,
        Location: documents.Ubicacion,
        Anomaly: documents.Anomalia,
        Prediction: documents.Prediccion,
    }[type(entity)]
    fields = {name for name, field in shown.model_fields.items() if field.is_required()}
    assert set(entity_body(entity)) == fields


def test_a_reading_has_its_further_quantities_by_spanish_names() -> None:
    assert entity_body(READING)["otros"] == {"presion": 1013.2, "radon": 40.0}


def test_a_doubted_reading_shows_what_came_and_what_was_not_believed() -> None:
    doubted = StoredReading(
        5,
        1,
        AT,
        AT,
        "m",
        None,
        20.0,
        quality=Quality.SUSPECT,
        raw={"temperature": 68.0},
        device_time=0,
        clock_set=False,
    )
    body = entity_body(doubted)
    assert body["calidad"] == "dudosa"
    assert body["originales"] == {"temperatura": 68.0}
    assert body["hora_dispositivo"] == "1970-01-01T00:00:00Z"
    assert body["reloj_en_hora"] is False


def test_a_models_anomaly_says_what_it_saw_and_what_a_person_makes_of_it() -> None:
    found = replace(ANOMALY, feature="level", quantities=("humidity", "temperature"), verdict=Verdict.FALSE)
    assert entity_body(found).items() >= {"magnitud": "humedad", "rasgo": "level", "veredicto": "falsa"}.items()
    assert entity_body(replace(found, verdict=Verdict.TRUE))["veredicto"] == "cierta"
    limit = entity_body(replace(ANOMALY, kind=AnomalyKind.TEMPERATURE_HIGH))
    assert {limit[name] for name in ("magnitud", "rasgo", "veredicto")} == {None}


def test_a_resolved_anomaly_says_when() -> None:
    body = entity_body(
        Anomaly(1, 2, AnomalyKind.HUMIDITY_LOW, 1, "a", "b", AT, AT, state=AnomalyState.RESOLVED, resolved_at=AT)
    )
    assert (body["estado"], body["resuelta_en"], body["tipo"]) == ("resuelta", "2025-07-20T10:30:00Z", "humedad_baja")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_never_leaves(value: float) -> None:
    event = encoded(EntityEvent(Action.CREATED, StoredReading(1, 1, AT, AT, "m", None, value, others={"x": value}), AT))
    data = event["data"]
    assert isinstance(data, dict)
    assert data["temperatura"] is None
    assert data["otros"] == {"x": None}


@given(st.floats(-180, 180))
def test_degrees_come_as_plain_decimals_that_mean_the_same(value: float) -> None:
    text = location_body(Location(1, 1, 0.0, value, AT, AT))["longitud"]
    assert isinstance(text, str)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=1e-15, abs=1e-19)


@given(st.integers(EARLIEST, LATEST))
def test_a_time_on_the_wire_is_the_moment_cut_to_milliseconds(time: int) -> None:
    text = wire_time(time)
    assert parse_time(text) == time // 1000 * 1000
    assert text.endswith("Z")
    assert (len(text) == len("2025-07-20T10:30:00Z")) == (time // 1000 % 1000 == 0)


def test_times_agree_with_the_standard_library() -> None:
    assert wire_time(AT + 123_456) == "2025-07-20T10:30:00.123Z"
    assert wire_time(-1) == "1969-12-31T23:59:59.999Z"
    moment = datetime(2025, 7, 20, 10, 30, tzinfo=UTC)
    assert moment.timestamp() * 1_000_000 == AT
