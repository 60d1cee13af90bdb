"""Answers as the OpenAPI description shows them. The bodies themselves are made by ``daemon.api.schemas``."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from daemon.api.inputs import Input
from daemon.api.values import (
    AnomalyKindWord,
    AnomalyStateWord,
    MagnitudeWord,
    QualityWord,
    SensorStateWord,
    VerdictWord,
)


class Problema(BaseModel):
    detail: str = Field(description="One sentence: what is wrong, and what is allowed.")


class Sensor(BaseModel):
    id: int
    tipo: str
    modelo: str
    clave: str = Field(description="The device's unique key.")
    nombre: str | None
    estado: SensorStateWord
    ultima_lectura: datetime | None
    ajuste_temperatura: float = Field(description="K, added to what the device reports.")
    ajuste_humedad: float = Field(description="% points, added to what the device reports.")
    temperatura_min: float | None = Field(description="°C; an anomaly below.")
    temperatura_max: float | None = Field(description="°C; an anomaly above.")
    humedad_min: float | None = Field(description="%; an anomaly below.")
    humedad_max: float | None = Field(description="%; an anomaly above.")
    claves: list[str] = Field(description="Further keys: of sensors that were merged into this one.")
    ignorado: bool = Field(description="What its devices say is not taken, until it is allowed again.")
    created_at: datetime
    updated_at: datetime


class Lectura(BaseModel):
    id: int
    sensor_id: int
    temperatura: float | None = Field(description="°C")
    humedad: float | None = Field(description="%")
    otros: dict[str, float] = Field(description="Further quantities, such as `presion` (hPa) or `bateria` (%).")
    timestamp: datetime = Field(description="When it was measured.")
    recibida_en: datetime
    secuencia: int | None = Field(description="The device's own counter.")
    calidad: QualityWord
    fuente: str = Field(description="The driver it came by.")
    created_at: datetime
    updated_at: datetime
    originales: dict[str, float] = Field({}, description="Values as received, where they were changed or doubted.")
    hora_dispositivo: datetime | None = Field(None, description="The device's own time, where it was not believed.")
    reloj_en_hora: bool = Field(True, description="False where the machine did not know the time yet.")


class Ubicacion(BaseModel):
    id: int
    sensor_id: int
    latitud: str = Field(description="Degrees, WGS 84, as text.")
    longitud: str = Field(description="Degrees, WGS 84, as text.")
    descripcion: str | None
    created_at: datetime
    updated_at: datetime


class UbicacionCercana(Ubicacion):
    distancia_km: float


class Anomalia(BaseModel):
    id: int
    sensor_id: int
    lectura_id: int | None
    tipo: AnomalyKindWord
    valor: float | None
    puntuacion: float = Field(
        ge=0, le=1, description="Of a model: how unlikely it is for this sensor; comparable between sensors."
    )
    explicacion: str
    explicacion_en: str
    estado: AnomalyStateWord
    resuelta_en: datetime | None
    magnitud: MagnitudeWord | None = Field(description="What the model says it of, where a model found it.")
    rasgo: str | None = Field(description="What stood out to the model, in its own word.")
    veredicto: VerdictWord | None = Field(description="A person's: `falsa`, there was nothing, or `cierta`.")
    created_at: datetime
    updated_at: datetime


class Prediccion(BaseModel):
    id: int
    sensor_id: int
    ubicacion_id: int | None
    magnitud: MagnitudeWord
    horizonte_s: int = Field(description="Seconds from the last reading.")
    valor: float = Field(description="The mean of the 15 minutes that end at `fecha_prediccion`.")
    inferior: float = Field(description="With `superior` an interval that holds 90 %.")
    superior: float
    fecha_prediccion: datetime
    modelo: str
    probabilidad: float | None
    comentario: str | None
    comentario_en: str | None
    created_at: datetime
    updated_at: datetime


class Acierto(BaseModel):
    """How good the predictions of a quantity have been lately: over two weeks, recent ones count most."""

    sensor_id: int
    magnitud: MagnitudeWord
    horizonte_s: int = Field(description="Seconds from the last reading.")
    juzgadas: int = Field(ge=1, description="Predictions whose moment has come, all since the model began.")
    cobertura: float = Field(ge=0, le=1, description="The share of what came that lay from `inferior` to `superior`.")
    error: float = Field(ge=0, description="Mean absolute error of `valor`, °C or %.")
    error_persistencia: float = Field(ge=0, description="That of saying that it stays as it is.")
    mejora: float | None = Field(
        le=1, description="1 - `error` / `error_persistencia`: 0 is no better; `null` where nothing ever changed."
    )


class Riesgo(BaseModel):
    riesgo: str = Field(description="`helada`, `condensacion`, `moho` or `sequia` (drought stress).")
    nivel: str = Field(description="`ninguno`, `bajo`, `medio` or `alto`.")
    probabilidad: float | None = Field(ge=0, le=1, description="Of `helada` and `condensacion`, to 0.05.")
    indice: float | None = Field(description="Of `moho` (0 to 6) and `sequia` (0 to 1): no probability.")
    horizonte_s: int = Field(
        description="Seconds until it is likeliest, or that an index looks ahead; 0: it is of now."
    )
    comentario: str
    comentario_en: str
    ubicacion_id: int | None = Field(description="The place, where the sensor has one.")
    evaluado_en: datetime


class Aire(BaseModel):
    """Derived from the newest readings; `null` where these tell nothing of it."""

    sensor_id: int
    timestamp: datetime | None
    temperatura: float | None = Field(description="°C")
    humedad: float | None = Field(description="%")
    punto_rocio: float | None = Field(description="°C: dew point over water.")
    punto_escarcha: float | None = Field(description="°C: frost point over ice, where it is at most 0 °C.")
    humedad_absoluta: float | None = Field(description="g of water in a m³ of air.")
    deficit_presion_vapor: float | None = Field(description="kPa: vapour pressure deficit of the air.")
    riesgos: list[Riesgo]


class Rechazo(BaseModel):
    index: int = Field(description="The reading's place in the list, from 0.")
    reason: str


class Resumen(BaseModel):
    """What became of a list of readings."""

    stored: int
    duplicates: int
    rejected: list[Rechazo]


class Cifras(BaseModel):
    """``null`` where no reading carries the quantity."""

    min: float | None
    mean: float | None
    max: float | None
    count: int


class Estadisticas(BaseModel):
    sensor_id: int
    desde: datetime | None
    hasta: datetime | None
    count: int
    temperatura: Cifras
    humedad: Cifras


class Punto(BaseModel):
    """``timestamp`` is where the bucket begins."""

    timestamp: datetime
    count: int
    temperatura: Cifras
    humedad: Cifras


class Ficha(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105 - OAuth's own word
    expires_in: int = Field(description="Seconds.")


class Salud(BaseModel):
    status: str = Field(description="`ok` or `degraded`.")
    motivos: list[str] = Field([], description="Only for whoever may read; each is one sentence.")


class Entrenamiento(BaseModel):
    detail: str


_PROBLEM_CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/Problema"}}}

PROBLEMS: dict[int | str, dict[str, Any]] = {
    # Each model costs each route 0.2 ms at start: one names it, the others refer to it.
    status: {"description": why} | ({"model": Problema} if status == 422 else {"content": _PROBLEM_CONTENT})
    for status, why in {
        400: "Not JSON",
        401: "A token is missing or not good (secured mode)",
        403: "Not allowed: the role, the Origin or the Host",
        404: "Unknown",
        408: "The body took too long",
        409: "It contradicts what is stored",
        413: "The body is too large",
        422: "A value is wrong, missing or out of range",
        429: "Too many attempts",
        503: "The database does not answer now",
    }.items()
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, besides those that every route may answer."""
    return {status: PROBLEMS[status] for status in (401, 403, 422, 503, *statuses)}


def takes(*models: type[Input], many: type[Input] | None = None, required: bool = True) -> dict[str, Any]:
    """A route's body, for the description: it is read by hand, to count it and to tell what is wrong."""
    schemas: list[dict[str, Any]] = [model.model_json_schema() for model in models]
    if many is not None:
        schemas.append({"type": "array", "items": many.model_json_schema(), "minItems": 1, "maxItems": 10_000})
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}
