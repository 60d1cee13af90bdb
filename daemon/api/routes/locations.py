"""``/locations``."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.inputs import LocationChange, LocationNew
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, json, listed
from daemon.api.routes.crud import Crud, Kind, plain_change, routes_of
from daemon.api.routes.owners import check_sensor
from daemon.api.schemas import location_body
from daemon.api.services import Services
from daemon.api.values import Latitude, Longitude
from daemon.entities import Location
from daemon.repository import locations
from daemon.repository.locations import HALF_WAY_ROUND_KM
from daemon.repository.paging import Listing


def _make(id: int, now: int, values: Mapping[str, Any]) -> Location:  # noqa: A002
    return Location(**{"id": id, "created_at": now, "updated_at": now, **values})


def _check(conn: Connection, location: Location) -> None:
    check_sensor(conn, location.sensor_id)


def location_routes(services: Services) -> APIRouter:
    kind = Kind(
        path="locations",
        noun="location",
        rows=locations,
        new=LocationNew,
        changes=LocationChange,
        shown=documents.Ubicacion,
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
    ) -> Response:
        return await listed(
            request, services.read, locations.listing, Listing(limit, sensor_id, desde, hasta), cursor, 2
        )

    async def nearby(
        latitud: Annotated[Latitude, Query()],
        longitud: Annotated[Longitude, Query()],
        radio_km: Annotated[float, Query(gt=0, le=HALF_WAY_ROUND_KM, allow_inf_nan=False)] = 10.0,
        limit: Limit = 100,
    ) -> Response:
        """Locations within the radius, nearest first, each with its `distancia_km`."""
        found = await services.read(lambda conn: locations.near(conn, latitud, longitud, radio_km, limit))
        return json([{**location_body(place), "distancia_km": round(distance, 6)} for place, distance in found])

    router = APIRouter()
    router.add_api_route(
        "/locations/nearby",
        nearby,
        methods=["GET"],
        tags=["locations"],
        response_model=list[documents.UbicacionCercana],
        responses=documents.problems(),
        operation_id="locations_nearby",
        summary="Locations near a place",
    )
    summary = "Locations, newest first; `desde` and `hasta` are of their creation"
    router.include_router(routes_of(Crud(services, kind), listing, summary))
    return router
