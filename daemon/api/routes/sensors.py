"""``/sensors``."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.bodies import read_model
from daemon.api.errors import NotFound, Problem
from daemon.api.inputs import SensorChange, SensorMerge, SensorNew, SensorSplit
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, json, listed
from daemon.api.routes.crud import Crud, Kind, RowId, routes_of
from daemon.api.schemas import air_body
from daemon.api.services import Sensors, Services
from daemon.api.values import SensorStateWord, Text
from daemon.entities import Sensor, SensorState, key_without_device
from daemon.events import Action, EntityEvent, Event
from daemon.repository import anomalies, merging, sensors
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


def _complete(before: Sensor, after: Sensor) -> tuple[Sensor, Action]:
    """A person who expects something of an ignored sensor again wants to hear of it."""
    heard = before.ignored and after.state is not SensorState.INACTIVE
    return (replace(after, ignored=False) if heard else after), Action.UPDATED


def _check(conn: Connection, sensor: Sensor) -> None:
    if sensor.key in sensor.other_keys:
        raise Problem(409, f"clave: {sensor.key!r} is one of its further keys; split it off first")
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
    merging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def change(self, request: Request, id: RowId) -> Response:  # noqa: A002
        values = (await read_model(request, SensorChange)).given()
        ignored = values.pop("ignored", None)
        if ignored is not None and ignored != (await self.services.read(lambda conn: self.found(conn, id))).ignored:
            verb = "ignore" if ignored else "allow"
            raise Problem(422, f"ignorado: is not changed here but by POST /api/v1/sensors/{id}/{verb}")
        return json(self.kind.show(await self.apply(id, values)))

    async def delete(self, id: RowId) -> Response:  # noqa: A002
        """The sensor and all that is its own; announced once. Its key stays out until somebody creates it again."""
        now, change = self.services.now(), self.services.change
        gone = 0

        def work(conn: Connection) -> tuple[None, list[Event]]:
            sensor = self.found(conn, id)
            counts = sensors.remove(conn, sensor, now, readings_gone=gone)
            return None, [EntityEvent(Action.DELETED, sensor, now, asdict(counts))]

        async with self.merging:  # nothing is deleted of which half is another's already
            await self.services.read(lambda conn: self.found(conn, id))
            while count := await change(lambda conn: (sensors.delete_readings(conn, id, ROWS_AT_ONCE), [])):
                gone += count
            await change(work)
        return Response(status_code=204)

    async def ignore(self, id: RowId) -> Response:  # noqa: A002
        """Nothing its devices say is taken from now on, and nothing is expected of it; what is stored stays."""
        now = self.services.now()

        def work(conn: Connection) -> tuple[Sensor, list[Event]]:
            before = self.found(conn, id)
            if before.ignored:
                return before, []
            closed = anomalies.resolve_open(conn, id, now)
            after = replace(before, ignored=True, state=SensorState.INACTIVE, updated_at=now)
            sensors.change(conn, after)
            resolved = (EntityEvent(Action.RESOLVED, episode, now) for episode in closed)
            return after, [*resolved, EntityEvent(Action.UPDATED, after, now)]

        return json(self.kind.show(await self.services.change(work)))

    async def allow(self, id: RowId) -> Response:  # noqa: A002
        """What its devices say is taken again; a sensor that was not ignored stays as it is."""
        sensor = await self.services.read(lambda conn: self.found(conn, id))
        if sensor.ignored:
            sensor = await self.apply(id, {"ignored": False, "state": SensorState.ACTIVE})
        return json(self.kind.show(sensor))

    async def merge(self, request: Request, id: RowId) -> Response:  # noqa: A002
        """This sensor becomes part of another: its history, locations and anomalies are the other's, and so is
        whatever comes by its keys from now on. Where both have a reading of the same moment the other's stays and takes
        the quantities that it lacks. The calibration is the other's for what comes; what is stored is not calibrated
        again. Its predictions go. The answer is the other sensor; asked again after an interruption, it goes on.
        """
        into = (await read_model(request, SensorMerge)).into
        if into == id:
            raise Problem(422, "destino_id: a sensor cannot be merged into itself")
        now, change = self.services.now(), self.services.change

        def both(conn: Connection) -> tuple[Sensor, Sensor]:
            source, target = self.found(conn, id), self.found(conn, into)
            if target.ignored:
                raise Problem(409, f"sensor {into} is ignored: allow it first")
            return source, target

        async with self.merging:  # two mergers in opposite directions would hand the readings to and fro
            await self.services.read(both)
            moved = merging.Moved()
            while piece := await change(lambda conn: (merging.move_readings(conn, id, into), [])):
                moved += piece

            def end(conn: Connection) -> tuple[None, Sequence[Event]]:
                source, target = both(conn)
                _, events = merging.finish(conn, source, target, moved, now)
                return None, events

            await change(end)
        return await self.one(into)

    async def split(self, request: Request, id: RowId) -> Response:  # noqa: A002
        """A further key is the sensor's no longer: its device registers anew. What came by it stays."""
        key = (await read_model(request, SensorSplit)).key
        now = self.services.now()

        def work(conn: Connection) -> tuple[Sensor, list[Event]]:
            before = self.found(conn, id)
            if key not in before.other_keys:
                raise Problem(404, f"sensor {id} has no further clave {key!r}")
            sensors.remove_alias(conn, key)
            after = replace(before, other_keys=tuple(k for k in before.other_keys if k != key), updated_at=now)
            sensors.change(conn, after)
            return after, [EntityEvent(Action.UPDATED, after, now)]

        return json(self.kind.show(await self.services.change(work)))


@dataclass(frozen=True, slots=True)
class DerivedAir:
    """What a sensor's readings tell beyond themselves; nothing of it is stored."""

    services: Services

    async def air(self, id: RowId) -> Response:  # noqa: A002
        """Dew point, absolute humidity and vapour pressure deficit of the newest readings, and what threatens the
        place: frost, condensation, mould, drought stress.
        """
        if self.services.sensors.by_id(id) is None:
            raise NotFound("sensor", id)
        derivations = self.services.derivations
        return json(air_body(id, derivations.air(id), derivations.risks(id)))


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
        complete=_complete,
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

    crud = SensorCrud(services, kind)
    router = routes_of(crud, listing, "Sensors, newest first; `desde` and `hasta` are of their creation")
    router.add_api_route(
        "/{id}/air",
        DerivedAir(services).air,
        methods=["GET"],
        response_model=documents.Aire,
        responses=documents.problems(404),
        operation_id="sensor_air",
        summary="A sensor's air and the risks of its place",
    )
    for verb, endpoint, summary, body in (
        ("ignore", crud.ignore, "Take nothing more of a sensor", None),
        ("allow", crud.allow, "Take what an ignored sensor says again", None),
        ("merge", crud.merge, "Make a sensor part of another", SensorMerge),
        ("split", crud.split, "Take a further key from a sensor", SensorSplit),
    ):
        router.add_api_route(
            f"/{{id}}/{verb}",
            endpoint,
            methods=["POST"],
            response_model=documents.Sensor,
            responses=documents.problems(*((400, 404, 408, 409, 413) if body else (404,))),
            openapi_extra=documents.takes(body) if body else None,
            operation_id=f"{verb}_sensor",
            summary=summary,
        )
    return router
