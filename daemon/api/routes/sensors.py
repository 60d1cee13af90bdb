"""``/sensors``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.errors import Problem
from daemon.api.inputs import SensorChange, SensorNew
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, listed
from daemon.api.routes.crud import Crud, Kind, RowId, plain_change, routes_of
from daemon.api.services import Sensors, Services
from daemon.api.values import SensorStateWord, Text
from daemon.entities import Sensor, key_without_device
from daemon.events import Action, EntityEvent, Event
from daemon.repository import sensors
from daemon.repository.paging import Listing, Page

ROWS_AT_ONCE = 20_000
"""Readings deleted in one go, some 50 ms of the writer's time: ingestion goes on in between."""


@dataclass(frozen=True, slots=True)
class LiveSensors:
    """The repository's sensors with the time of their last reading, which only memory knows up to date."""

    memory: Sensors

    def _live(self, sensor: Sensor) -> Sensor:
        known = self.memory.by_id(sensor.id)
        return replace(sensor, last_reading_at=known.last_reading_at) if known else sensor

    def listing(self, conn: Connection, wanted: Listing) -> Page[Sensor]:
        page = sensors.listing(conn, wanted)
        return Page([self._live(sensor) for sensor in page.rows], page.after)

    def by_id(self, conn: Connection, sensor_id: int, /) -> Sensor | None:
        sensor = sensors.by_id(conn, sensor_id)
        return self._live(sensor) if sensor else None

    def add(self, conn: Connection, entity: Sensor) -> None:
        sensors.add(conn, entity)

    def change(self, conn: Connection, entity: Sensor) -> None:
        sensors.change(conn, entity)

    def remove(self, conn: Connection, entity: Sensor) -> sensors.Deleted:
        return sensors.remove(conn, entity, entity.updated_at)


def _make(id: int, now: int, values: Mapping[str, Any]) -> Sensor:  # noqa: A002
    return Sensor(**{"id": id, "key": key_without_device(id), "created_at": now, "updated_at": now, **values})


def _check(conn: Connection, sensor: Sensor) -> None:
    for low, high, name in (
        (sensor.temperature_min, sensor.temperature_max, "temperatura"),
        (sensor.humidity_min, sensor.humidity_max, "humedad"),
    ):
        if low is not None and high is not None and low >= high:
            raise Problem(422, f"{name}_min: must be below {name}_max")
    owner = sensors.by_key(conn, sensor.key)
    if owner is not None and owner.id != sensor.id:
        raise Problem(409, f"clave: sensor {owner.id} has it already")


@dataclass(frozen=True, slots=True)
class SensorCrud(Crud[Sensor]):
    async def delete(self, id: RowId) -> Response:  # noqa: A002
        """The sensor and all that is its own; announced once. Its key stays out until somebody creates it again."""
        now, change = self.services.now(), self.services.change
        await self.services.read(lambda conn: self.found(conn, id))
        gone = 0
        while count := await change(lambda conn: (sensors.delete_readings(conn, id, ROWS_AT_ONCE), [])):
            gone += count

        def work(conn: Connection) -> tuple[None, list[Event]]:
            sensor = self.found(conn, id)
            counts = sensors.remove(conn, sensor, now, readings_gone=gone)
            return None, [EntityEvent(Action.DELETED, sensor, now, asdict(counts))]

        await change(work)
        return Response(status_code=204)


def sensor_routes(services: Services) -> APIRouter:
    rows = LiveSensors(services.sensors)
    kind = Kind(
        path="sensors",
        noun="sensor",
        rows=rows,
        new=SensorNew,
        changes=SensorChange,
        shown=documents.Sensor,
        make=_make,
        check=_check,
        complete=plain_change,
    )

    async def listing(
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = None,
        sensor_id: SensorFilter = None,
        desde: From = None,
        hasta: Until = None,
        estado: Annotated[SensorStateWord | None, Query()] = None,
        tipo: Annotated[Text | None, Query()] = None,
        clave: Annotated[Text | None, Query()] = None,
    ) -> Response:
        filters = {"state": estado.value if estado else None, "type": tipo, "key": clave}
        equals = {name: value for name, value in filters.items() if value is not None}
        return await listed(
            request, services.read, rows.listing, Listing(limit, sensor_id, desde, hasta, equals), cursor, 2
        )

    return routes_of(
        SensorCrud(services, kind), listing, "Sensors, newest first; `desde` and `hasta` are of their creation"
    )
