"""``/anomalies``."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.bodies import read_model
from daemon.api.inputs import AnomalyChange, AnomalyNew, AnomalyResolve
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, json, listed
from daemon.api.routes.crud import Crud, Kind, RowId, routes_of
from daemon.api.routes.owners import check_reading, check_sensor
from daemon.api.schemas import anomaly_body
from daemon.api.services import Services
from daemon.api.values import AnomalyKindWord, AnomalyStateWord, MagnitudeWord, VerdictWord
from daemon.entities import Anomaly, AnomalyState
from daemon.events import Action
from daemon.repository import anomalies
from daemon.repository.paging import Listing


def _make(id: int, now: int, values: Mapping[str, Any]) -> Anomaly:  # noqa: A002
    given = {"score": 1.0, "explanation": "Registrada a mano.", "explanation_en": "Entered by hand.", **values}
    if "explanation" in values and "explanation_en" not in values:
        given["explanation_en"] = values["explanation"]  # better the person's own words than none
    anomaly = Anomaly(**{"id": id, "created_at": now, "updated_at": now, **given})
    return replace(anomaly, resolved_at=now) if anomaly.state is AnomalyState.RESOLVED else anomaly


def _check(conn: Connection, anomaly: Anomaly) -> None:
    check_sensor(conn, anomaly.sensor_id)
    check_reading(conn, anomaly.reading_id)


def _complete(before: Anomaly, after: Anomaly) -> tuple[Anomaly, Action]:
    """Resolving sets the time of it, opening again clears it."""
    if after.state is before.state:
        return after, Action.UPDATED
    if after.state is AnomalyState.RESOLVED:
        return replace(after, resolved_at=after.updated_at), Action.RESOLVED
    return replace(after, resolved_at=None), Action.UPDATED


def anomaly_routes(services: Services) -> APIRouter:
    kind = Kind(
        path="anomalies",
        noun="anomaly",
        rows=anomalies,
        new=AnomalyNew,
        changes=AnomalyChange,
        shown=documents.Anomalia,
        make=_make,
        check=_check,
        complete=_complete,
    )
    crud = Crud(services, kind)

    async def listing(
        request: Request,
        limit: Limit = 100,
        cursor: Cursor = None,
        sensor_id: SensorFilter = None,
        desde: From = None,
        hasta: Until = None,
        tipo: Annotated[AnomalyKindWord | None, Query()] = None,
        estado: Annotated[AnomalyStateWord | None, Query()] = None,
        magnitud: Annotated[MagnitudeWord | None, Query()] = None,
        veredicto: Annotated[VerdictWord | None, Query()] = None,
    ) -> Response:
        filters = {"kind": tipo, "state": estado, "verdict": veredicto}
        equals = {name: value.value for name, value in filters.items() if value is not None}
        wanted = Listing(limit, sensor_id, desde, hasta, equals)
        rows = partial(anomalies.listing, quantity=magnitud)
        return await listed(request, services.read, rows, wanted, cursor, 2)

    async def resolve(request: Request, id: RowId) -> Response:  # noqa: A002
        """Close the episode; one that is closed stays so. `veredicto` says whether there was something: the sensor's
        model heeds it. It may be given later, too, and the last one counts.
        """
        verdict = (await read_model(request, AnomalyResolve, optional=True)).verdict
        said = {} if verdict is None else {"verdict": verdict}
        return json(anomaly_body(await crud.apply(id, {"state": AnomalyState.RESOLVED, **said})))

    router = routes_of(crud, listing, "Anomalies, newest first; `desde` and `hasta` are of their creation")
    router.add_api_route(
        "/{id}/resolve",
        resolve,
        methods=["POST"],
        response_model=documents.Anomalia,
        responses=documents.problems(400, 404, 408, 413),
        openapi_extra=documents.takes(AnomalyResolve, required=False),
        operation_id="resolve_anomaly",
        summary="Resolve an anomaly",
    )
    return router
