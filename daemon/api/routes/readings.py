"""``/readings``: posted ones pass the stages a driver's pass, one by one or by the thousand."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon import pipeline
from daemon.api import documents
from daemon.api.bodies import checked, parse_json, read_body, read_model
from daemon.api.documents import Lectura, takes
from daemon.api.errors import NotFound, Problem
from daemon.api.inputs import ReadingChange, ReadingNew
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, json, listed
from daemon.api.routes.crud import ROOT, RowId, add_create_route, add_list_route, add_row_routes
from daemon.api.routes.owners import check_sensor
from daemon.api.schemas import exact_reading_body, reading_body, wire_time
from daemon.api.services import Services
from daemon.api.values import LARGEST_ID, QualityWord
from daemon.entities import Quality, StoredReading
from daemon.events import Action, EntityEvent, Event
from daemon.repository import readings, statistics
from daemon.repository.paging import Listing, Page
from daemon.repository.statistics import Figures, Period, Summary
from daemon.submissions import SubmitResult

MOST_READINGS = 10_000
MOST_POINTS = 5000
_PIECE = 500  # readings checked before the loop is given back, some 2 ms

Precision = Annotated[
    Literal["ms", "us"],
    Query(description="Of `timestamp`; with `us` a row that is posted again is known as the same one."),
]
OneSensor = Annotated[int, Query(ge=1, le=LARGEST_ID)]


@dataclass(frozen=True, slots=True)
class Readings:
    services: Services

    async def create(self, request: Request) -> Response:
        """One reading, or a list of up to 10,000."""
        data = parse_json(await read_body(request))
        return await (self._many(data) if isinstance(data, list) else self._one(data))

    async def _one(self, data: Any) -> Response:
        submission = checked(ReadingNew, data).submission()
        result = (await self.services.submit([submission]))[0]
        stored = result.reading
        if result.outcome == "unknown_sensor":
            raise Problem(404, result.reason)
        if result.outcome == "conflict":
            raise Problem(409, f"reading {stored.id if stored else ''} of this moment holds other values")
        if stored is None or result.outcome in {"rejected", "refused"}:
            raise Problem(422, _reason(result))
        status = 201 if result.outcome == "stored" else 200
        return json(reading_body(stored), status, {"location": f"{ROOT}/readings/{stored.id}"})

    async def _many(self, data: Sequence[Any]) -> Response:
        if not 1 <= len(data) <= MOST_READINGS:
            raise Problem(422, f"a list has 1 to {MOST_READINGS} readings, not {len(data)}")
        rejected: dict[int, str] = {}
        accepted: dict[int, ReadingNew] = {}
        for index, item in enumerate(data):
            if index % _PIECE == 0:
                await asyncio.sleep(0)
            try:
                accepted[index] = checked(ReadingNew, item, what="a reading")
            except Problem as problem:
                rejected[index] = problem.detail
        results = (
            await self.services.submit([reading.submission() for reading in accepted.values()]) if accepted else []
        )
        outcomes = [result.outcome for result in results]
        for index, result in zip(accepted, results, strict=True):
            if result.outcome not in {"stored", "completed", "duplicate"}:
                rejected[index] = _reason(result)
        stored = sum(outcome in {"stored", "completed"} for outcome in outcomes)
        body = {
            "stored": stored,
            "duplicates": outcomes.count("duplicate"),
            "rejected": [{"index": index, "reason": rejected[index]} for index in sorted(rejected)],
        }
        return json(body, 201 if stored else 200)

    def _found(self, conn: Connection, id: int) -> StoredReading:  # noqa: A002
        reading = readings.by_id(conn, id)
        if reading is None:
            raise NotFound("reading", id)
        return reading

    async def one(self, id: RowId) -> Response:  # noqa: A002
        return json(reading_body(await self.services.read(lambda conn: self._found(conn, id))))

    async def change(self, request: Request, id: RowId) -> Response:  # noqa: A002
        values = (await read_model(request, ReadingChange)).given()
        now = self.services.now()

        def work(conn: Connection) -> tuple[StoredReading, list[Event]]:
            before = self._found(conn, id)
            after = replace(before, **_without_key(before, values))
            if after.temperature is None and after.humidity is None and not after.others:
                raise Problem(422, "a reading keeps at least one value: temperatura, humedad or otros")
            if after == before:
                return before, []
            self._check_values(before, after)
            after = replace(after, updated_at=now)
            readings.change(conn, after)
            return after, [EntityEvent(Action.UPDATED, after, now)]

        return json(reading_body(await self.services.change(work)))

    def _check_values(self, before: StoredReading, after: StoredReading) -> None:
        """Raises Problem 422 where values put in by hand are outside what the sensor can have measured."""
        sensor = self.services.sensors.by_id(after.sensor_id)
        corrected = (after.temperature, after.humidity) != (before.temperature, before.humidity)
        if not corrected or after.quality is Quality.INVALID or sensor is None:
            return
        temperature = _uncalibrated(after.temperature, sensor.temperature_offset)
        humidity = _uncalibrated(after.humidity, sensor.humidity_offset)
        if not pipeline.believable(sensor.model, temperature, humidity):
            raise Problem(422, pipeline.beyond(sensor.model))

    async def delete(self, id: RowId) -> Response:  # noqa: A002
        now = self.services.now()

        def work(conn: Connection) -> tuple[None, list[Event]]:
            reading = self._found(conn, id)
            readings.remove(conn, reading)
            return None, [EntityEvent(Action.DELETED, reading, now)]

        await self.services.change(work)
        return Response(status_code=204)

    async def listing(
        self,
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = None,
        sensor_id: SensorFilter = None,
        desde: From = None,
        hasta: Until = None,
        calidad: Annotated[QualityWord | None, Query()] = None,
        precision: Precision = "ms",
    ) -> Response:
        def rows(conn: Connection, wanted: Listing) -> Page[StoredReading]:
            return readings.listing(conn, wanted, self.services.unfolded)

        wanted = Listing(limit, sensor_id, desde, hasta, {} if calidad is None else {"quality": calidad})
        body = exact_reading_body if precision == "us" else reading_body
        return await listed(request, self.services.read, rows, wanted, cursor, 3, body)

    async def stats(self, sensor_id: OneSensor, desde: From = None, hasta: Until = None) -> Response:
        """Min, mean, max and count over a period, without readings whose `calidad` is `invalida`."""
        period = Period(sensor_id, desde, hasta)

        def work(conn: Connection) -> Summary:
            check_sensor(conn, sensor_id)
            return statistics.stats(conn, period, self.services.unfolded)

        summary = await self.services.read(work)
        bounds = {"desde": desde and wire_time(desde), "hasta": hasta and wire_time(hasta)}
        return json({"sensor_id": sensor_id, **bounds, **_figures_of(summary)})

    async def series(
        self,
        sensor_id: OneSensor,
        desde: From = None,
        hasta: Until = None,
        puntos: Annotated[int, Query(ge=1, le=MOST_POINTS)] = 500,
    ) -> Response:
        """At most `puntos` buckets of equal width, oldest first; empty ones are left out."""
        period = Period(sensor_id, desde, hasta)

        def work(conn: Connection) -> list[Summary]:
            check_sensor(conn, sensor_id)
            return statistics.series(conn, period, puntos, self.services.unfolded)

        buckets = await self.services.read(work)
        return json([{"timestamp": wire_time(bucket.start), **_figures_of(bucket)} for bucket in buckets])


def _reason(result: SubmitResult) -> str:
    if result.outcome == "conflict":
        return "a reading of this moment holds other values"
    return result.reason or "the database does not take this reading"


def _without_key(before: StoredReading, values: Mapping[str, Any]) -> dict[str, Any]:
    """What may be changed; raises Problem 422 where the key would be another."""
    changes = dict(values)
    same = {
        "sensor_id": changes.pop("sensor_id", before.sensor_id) == before.sensor_id,
        "timestamp": wire_time(changes.pop("time", before.time)) == wire_time(before.time),
        "secuencia": changes.pop("sequence", before.sequence) == before.sequence,
    }
    moved = [name for name, kept in same.items() if not kept]
    if moved:
        raise Problem(422, f"{', '.join(moved)}: cannot be changed; delete the reading and post it anew")
    return changes


def _uncalibrated(value: float | None, offset: float) -> float | None:
    return None if value is None else round(value - offset, 6)


def _figures_of(summary: Summary) -> dict[str, Any]:
    def figures(of: Figures) -> dict[str, float | int | None]:
        return {"min": of.minimum, "mean": of.mean, "max": of.maximum, "count": of.count}

    return {
        "count": summary.rows,
        "temperatura": figures(summary.temperature),
        "humedad": figures(summary.humidity),
    }


def reading_routes(services: Services) -> APIRouter:
    endpoints = Readings(services)
    router = APIRouter(prefix="/readings", tags=["readings"])
    for name, endpoint, shown in (
        ("stats", endpoints.stats, documents.Estadisticas),
        ("series", endpoints.series, list[documents.Punto]),
    ):
        router.add_api_route(
            f"/{name}",
            endpoint,
            methods=["GET"],
            response_model=shown,
            responses=documents.problems(404),
            operation_id=f"reading_{name}",
        )
    add_create_route(
        router,
        "reading",
        Lectura | documents.Resumen,
        endpoints.create,
        takes(ReadingNew, many=ReadingNew),
        stored="Nothing new: the same was stored before, or nothing of a list was taken",
    )
    add_list_route(router, "reading", Lectura, endpoints.listing, "Readings, newest first by time of measurement")
    add_row_routes(
        router,
        "reading",
        Lectura,
        ReadingChange,
        one=endpoints.one,
        change=endpoints.change,
        delete=endpoints.delete,
    )
    return router
