"""Bodies and events as the wire contract words them: Spanish names, RFC 3339 times.

An entity's body is the same in a REST answer and in an event's ``data``. What comes in is in ``daemon.api.inputs``.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from daemon.api.words import (
    ANOMALY_KINDS,
    ANOMALY_STATES,
    COUNTS,
    MAGNITUDES,
    QUALITIES,
    QUANTITIES,
    RISK_LEVELS,
    RISKS,
    SENSOR_STATES,
    VERDICTS,
)
from daemon.derived import Air, ForecastSkill, PlaceRisk
from daemon.entities import Anomaly, Entity, Location, Prediction, Sensor, StoredReading
from daemon.events import Action, EntityEvent, Event, SystemEvent

Body = dict[str, Any]


@lru_cache(maxsize=4096)  # neighbouring readings and their events fall into the same seconds
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


def wire_time(time: int) -> str:
    """µs since 1970 as RFC 3339 in UTC: no fraction on a whole second, else milliseconds, cut off downwards."""
    seconds, rest = divmod(time, 1_000_000)
    milliseconds = rest // 1000
    return f"{_second(seconds)}.{milliseconds:03}Z" if milliseconds else f"{_second(seconds)}Z"


def exact_time(time: int) -> str:
    """The same moment to the microsecond, where milliseconds do not tell it."""
    seconds, rest = divmod(time, 1_000_000)
    return f"{_second(seconds)}.{rest:06}Z" if rest % 1000 else wire_time(time)


def _optional_time(time: int | None) -> str | None:
    return None if time is None else wire_time(time)


def wire_quantities(values: Mapping[str, float]) -> dict[str, float]:
    """Quantities by their Spanish names."""
    return {QUANTITIES.get(name, name): value for name, value in values.items()}


def sensor_body(sensor: Sensor) -> Body:
    return {
        "id": sensor.id,
        "tipo": sensor.type,
        "modelo": sensor.model,
        "clave": sensor.key,
        "nombre": sensor.name,
        "estado": SENSOR_STATES[sensor.state],
        "ultima_lectura": _optional_time(sensor.last_reading_at),
        "ajuste_temperatura": sensor.temperature_offset,
        "ajuste_humedad": sensor.humidity_offset,
        "temperatura_min": sensor.temperature_min,
        "temperatura_max": sensor.temperature_max,
        "humedad_min": sensor.humidity_min,
        "humedad_max": sensor.humidity_max,
        "claves": list(sensor.other_keys),
        "ignorado": sensor.ignored,
        "created_at": wire_time(sensor.created_at),
        "updated_at": wire_time(sensor.updated_at),
    }


_REPORTED = {**MAGNITUDES, **QUANTITIES}


def reading_body(reading: StoredReading) -> Body:
    """``originales``, ``hora_dispositivo`` and ``reloj_en_hora`` are there only where they say something."""
    received = wire_time(reading.received_at)
    body = {
        "id": reading.id,
        "sensor_id": reading.sensor_id,
        "temperatura": reading.temperature,
        "humedad": reading.humidity,
        "otros": wire_quantities(reading.others) if reading.others else {},
        "timestamp": wire_time(reading.time),
        "recibida_en": received,
        "secuencia": reading.sequence,
        "calidad": QUALITIES[reading.quality],
        "fuente": reading.source,
        "created_at": received,
        "updated_at": received if reading.updated_at is None else wire_time(reading.updated_at),
    }
    if reading.raw:
        body["originales"] = {_REPORTED.get(name, name): value for name, value in reading.raw.items()}
    if reading.device_time is not None:
        body["hora_dispositivo"] = wire_time(reading.device_time)
    if not reading.clock_set:
        body["reloj_en_hora"] = False
    return body


def exact_reading_body(reading: StoredReading) -> Body:
    """With the ``timestamp`` that is its key, so that handing it in again finds the row."""
    return reading_body(reading) | {"timestamp": exact_time(reading.time)}


def location_body(location: Location) -> Body:
    return {
        "id": location.id,
        "sensor_id": location.sensor_id,
        "latitud": _degrees(location.latitude),
        "longitud": _degrees(location.longitude),
        "descripcion": location.description,
        "created_at": wire_time(location.created_at),
        "updated_at": wire_time(location.updated_at),
    }


def _degrees(value: float) -> str:
    """Degrees as text without an exponent: the shortest decimals that mean this value, a whole number without."""
    text = repr(value)
    if "e" in text:
        text = f"{value:.20f}".rstrip("0")
    return text.removesuffix(".0").removesuffix(".")


def anomaly_body(anomaly: Anomaly) -> Body:
    return {
        "id": anomaly.id,
        "sensor_id": anomaly.sensor_id,
        "lectura_id": anomaly.reading_id,
        "tipo": ANOMALY_KINDS[anomaly.kind],
        "valor": anomaly.value,
        "puntuacion": anomaly.score,
        "explicacion": anomaly.explanation,
        "explicacion_en": anomaly.explanation_en,
        "estado": ANOMALY_STATES[anomaly.state],
        "resuelta_en": _optional_time(anomaly.resolved_at),
        "magnitud": None if anomaly.quantity is None else MAGNITUDES.get(anomaly.quantity, anomaly.quantity),
        "rasgo": anomaly.feature,
        "veredicto": None if anomaly.verdict is None else VERDICTS[anomaly.verdict],
        "created_at": wire_time(anomaly.created_at),
        "updated_at": wire_time(anomaly.updated_at),
    }


def prediction_body(prediction: Prediction) -> Body:
    return {
        "id": prediction.id,
        "sensor_id": prediction.sensor_id,
        "ubicacion_id": prediction.location_id,
        "magnitud": MAGNITUDES[prediction.quantity],
        "horizonte_s": prediction.horizon_s,
        "valor": prediction.value,
        "inferior": prediction.lower,
        "superior": prediction.upper,
        "fecha_prediccion": wire_time(prediction.predicted_at),
        "modelo": prediction.model,
        "probabilidad": prediction.probability,
        "comentario": prediction.comment,
        "comentario_en": prediction.comment_en,
        "created_at": wire_time(prediction.created_at),
        "updated_at": wire_time(prediction.updated_at),
    }


def air_body(sensor_id: int, air: Air | None, risks: Sequence[PlaceRisk]) -> Body:
    """What is derived from a sensor's readings; nulls where they tell nothing of it."""
    return {
        "sensor_id": sensor_id,
        "timestamp": None if air is None else wire_time(air.time),
        "temperatura": None if air is None else air.temperature,
        "humedad": None if air is None else air.humidity,
        "punto_rocio": None if air is None else air.dew_point,
        "punto_escarcha": None if air is None else air.frost_point,
        "humedad_absoluta": None if air is None else air.absolute_humidity,
        "deficit_presion_vapor": None if air is None else air.vapour_pressure_deficit,
        "riesgos": [_risk_body(risk) for risk in risks],
    }


def _risk_body(risk: PlaceRisk) -> Body:
    return {
        "riesgo": RISKS[risk.risk],
        "nivel": RISK_LEVELS[risk.level],
        "probabilidad": risk.probability,
        "indice": risk.index,
        "horizonte_s": risk.horizon_s,
        "comentario": risk.comment,
        "comentario_en": risk.comment_en,
        "ubicacion_id": risk.location_id,
        "evaluado_en": wire_time(risk.assessed_at),
    }


def skill_body(sensor_id: int, skill: ForecastSkill) -> Body:
    return {
        "sensor_id": sensor_id,
        "magnitud": MAGNITUDES[skill.quantity],
        "horizonte_s": skill.horizon_s,
        "juzgadas": skill.judged,
        "cobertura": round(skill.coverage, 4),
        "error": round(skill.error, 4),
        "error_persistencia": round(skill.naive, 4),
        "mejora": None if skill.skill is None else round(skill.skill, 4),
    }


_BODIES: Mapping[type[Entity], tuple[str, Callable[[Any], Body]]] = {
    Sensor: ("sensor", sensor_body),
    StoredReading: ("lectura", reading_body),
    Location: ("ubicacion", location_body),
    Anomaly: ("anomalia", anomaly_body),
    Prediction: ("prediccion", prediction_body),
}

_ACTIONS = {  # event_type, verb of metadata.action
    Action.CREATED: ("created", "create"),
    Action.UPDATED: ("updated", "update"),
    Action.DELETED: ("deleted", "delete"),
    Action.DETECTED: ("anomaly_detected", "detect"),
    Action.COMPLETED: ("prediction_completed", "complete"),
    Action.RESOLVED: ("updated", "resolve"),
}


def entity_body(entity: Entity) -> Body:
    """The body of any of the five."""
    return _BODIES[type(entity)][1](entity)


def encode_event(id: int, event: Event) -> bytes:  # noqa: A002 - the wire's own word
    """One event as the JSON text of the wire, UTF-8. A value that is not finite becomes null."""
    body = _system_event(id, event) if isinstance(event, SystemEvent) else _entity_event(id, event)
    return orjson.dumps(body)


def _entity_event(id: int, event: EntityEvent) -> Body:  # noqa: A002
    entity = event.entity
    entity_type, body = _BODIES[type(entity)]
    event_type, verb = _ACTIONS[event.action]
    metadata: Body = {"action": f"{verb}_{entity_type}"}
    for name, value in event.metadata.items():
        metadata[COUNTS.get(name, name)] = value
    return {
        "type": "entity_event",
        "id": id,
        "entity_type": entity_type,
        "event_type": event_type,
        "entity_id": entity.id,
        "data": body(entity),
        "timestamp": wire_time(event.at),
        "metadata": metadata,
    }


def _system_event(id: int, event: SystemEvent) -> Body:  # noqa: A002
    data = dict(event.data)
    if event.sensor_id is not None:
        data.setdefault("sensor_id", event.sensor_id)
    return {
        "type": "system_event",
        "id": id,
        "level": event.level,
        "kind": event.kind,
        "message": event.message,
        "message_en": event.message_en,
        "data": data,
        "timestamp": wire_time(event.at),
    }
