"""Bodies that clients send: English inside, Spanish names on the wire, partial where they change something.

Keys that the server sets itself, or does not know, are passed over: a row that was read can be sent back changed.
"""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from daemon.api.values import (
    AnomalyKindWord,
    AnomalyStateWord,
    Count,
    Fraction,
    Horizon,
    Humidity,
    Id,
    Latitude,
    Longitude,
    LongText,
    MagnitudeWord,
    Moment,
    Number,
    Offset,
    QualityWord,
    Quantities,
    SensorStateWord,
    Temperature,
    Text,
    VerdictWord,
)
from daemon.entities import AnomalyKind, AnomalyState, Quality, SensorState
from daemon.submissions import Submission


class Input(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    def given(self) -> dict[str, Any]:
        """What the body holds, by the entity's own names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class SensorFields(Input):
    type: Text = Field(alias="tipo", default_factory=str)
    model: Text = Field(alias="modelo", default_factory=str)
    key: Text = Field(alias="clave", default_factory=str)
    name: Text | None = Field(alias="nombre", default=None)
    state: SensorStateWord = Field(alias="estado", default_factory=lambda: SensorState.ACTIVE)
    temperature_offset: Offset = Field(alias="ajuste_temperatura", default=0.0)
    humidity_offset: Offset = Field(alias="ajuste_humedad", default=0.0)
    temperature_min: Temperature | None = Field(alias="temperatura_min", default=None)
    temperature_max: Temperature | None = Field(alias="temperatura_max", default=None)
    humidity_min: Humidity | None = Field(alias="humedad_min", default=None)
    humidity_max: Humidity | None = Field(alias="humedad_max", default=None)


class SensorChange(SensorFields):
    """``ignorado`` may be sent, and must be what it is: ``POST …/ignore`` and ``…/allow`` change it."""

    ignored: bool = Field(alias="ignorado", default=False, strict=True)


class SensorNew(SensorFields):
    type: Text = Field(alias="tipo")
    model: Text = Field(alias="modelo")


class SensorMerge(Input):
    """``destino_id``: the sensor that stays."""

    into: Id = Field(alias="destino_id")


class SensorSplit(Input):
    """``clave``: one of the sensor's further keys."""

    key: Text = Field(alias="clave")


class ReadingChange(Input):
    """``sensor_id``, ``timestamp`` and ``secuencia`` are a row's key: they may be sent, and must be what they are."""

    temperature: Temperature | None = Field(alias="temperatura", default=None)
    humidity: Humidity | None = Field(alias="humedad", default=None)
    others: Quantities = Field(alias="otros", default_factory=dict)
    quality: QualityWord = Field(alias="calidad", default_factory=lambda: Quality.OK)
    sensor_id: Id = Field(default_factory=int)
    time: Moment = Field(alias="timestamp", default_factory=int)
    sequence: Count | None = Field(alias="secuencia", default=None)


class ReadingNew(Input):
    """``sensor_id`` or ``clave`` names the sensor; at least one value; ``timestamp`` is now where it is left out."""

    sensor_id: Id | None = None
    key: Text | None = Field(alias="clave", default=None)
    temperature: Temperature | None = Field(alias="temperatura", default=None)
    humidity: Humidity | None = Field(alias="humedad", default=None)
    others: Quantities | None = Field(alias="otros", default=None)
    time: Moment | None = Field(alias="timestamp", default=None)
    sequence: Count | None = Field(alias="secuencia", default=None)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.sensor_id is None) == (self.key is None):
            raise ValueError("give sensor_id or clave, one of the two")
        if self.temperature is None and self.humidity is None and not self.others:
            raise ValueError("give at least one value: temperatura, humedad or otros")
        return self

    def submission(self) -> Submission:
        return Submission(
            sensor_id=self.sensor_id,
            key=self.key,
            temperature=self.temperature,
            humidity=self.humidity,
            others=self.others or {},
            time=self.time,
            sequence=self.sequence,
        )


class LocationChange(Input):
    sensor_id: Id = Field(default_factory=int)
    latitude: Latitude = Field(alias="latitud", default_factory=float)
    longitude: Longitude = Field(alias="longitud", default_factory=float)
    description: LongText | None = Field(alias="descripcion", default=None)


class LocationNew(LocationChange):
    sensor_id: Id
    latitude: Latitude = Field(alias="latitud")
    longitude: Longitude = Field(alias="longitud")


class AnomalyChange(Input):
    sensor_id: Id = Field(default_factory=int)
    reading_id: Id | None = Field(alias="lectura_id", default=None)
    kind: AnomalyKindWord = Field(alias="tipo", default_factory=lambda: AnomalyKind.UNUSUAL_PATTERN)
    value: Number | None = Field(alias="valor", default=None)
    score: Fraction = Field(alias="puntuacion", default=1.0)
    explanation: LongText = Field(alias="explicacion", default="Registrada a mano.")
    explanation_en: LongText = Field(alias="explicacion_en", default="Entered by hand.")
    state: AnomalyStateWord = Field(alias="estado", default_factory=lambda: AnomalyState.OPEN)
    verdict: VerdictWord | None = Field(alias="veredicto", default=None)


class AnomalyResolve(Input):
    """``veredicto``: ``falsa`` (there was nothing) or ``cierta``; the sensor's model heeds it."""

    verdict: VerdictWord | None = Field(alias="veredicto", default=None)


class AnomalyNew(AnomalyChange):
    sensor_id: Id
    kind: AnomalyKindWord = Field(alias="tipo")


class PredictionChange(Input):
    sensor_id: Id = Field(default_factory=int)
    location_id: Id | None = Field(alias="ubicacion_id", default=None)
    quantity: MagnitudeWord = Field(alias="magnitud", default_factory=str)
    horizon_s: Horizon = Field(alias="horizonte_s", default_factory=int)
    value: Number = Field(alias="valor", default_factory=float)
    lower: Number = Field(alias="inferior", default_factory=float)
    upper: Number = Field(alias="superior", default_factory=float)
    predicted_at: Moment = Field(alias="fecha_prediccion", default_factory=int)
    model: Text = Field(alias="modelo", default_factory=str)
    probability: Fraction | None = Field(alias="probabilidad", default=None)
    comment: LongText | None = Field(alias="comentario", default=None)
    comment_en: LongText | None = Field(alias="comentario_en", default=None)


class PredictionNew(PredictionChange):
    sensor_id: Id
    quantity: MagnitudeWord = Field(alias="magnitud")
    horizon_s: Horizon = Field(alias="horizonte_s")
    value: Number = Field(alias="valor")
    lower: Number = Field(alias="inferior")
    upper: Number = Field(alias="superior")
    predicted_at: Moment = Field(alias="fecha_prediccion")
    model: Text = Field(alias="modelo")
