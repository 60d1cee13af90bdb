"""``/predictions``."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.errors import NotFound, Problem
from daemon.api.inputs import PredictionChange, PredictionNew
from daemon.api.paging import Cursor, From, Limit, SensorFilter, Until, json, listed
from daemon.api.routes.crud import Crud, Kind, plain_change, routes_of
from daemon.api.routes.owners import check_location, check_sensor
from daemon.api.schemas import prediction_body, skill_body
from daemon.api.services import Services
from daemon.api.values import LARGEST_ID, MagnitudeWord
from daemon.entities import Prediction
from daemon.repository import predictions
from daemon.repository.paging import Listing


def _make(id: int, now: int, values: Mapping[str, Any]) -> Prediction:  # noqa: A002
    given = dict(values)
    if given.get("comment") and "comment_en" not in given:
        given["comment_en"] = given["comment"]  # better the person's own words than none
    return Prediction(**{"id": id, "created_at": now, "updated_at": now, **given})


def _check(conn: Connection, prediction: Prediction) -> None:
    if not prediction.lower <= prediction.value <= prediction.upper:
        raise Problem(422, "valor: must lie from inferior to superior")
    check_sensor(conn, prediction.sensor_id)
    check_location(conn, prediction.location_id)


def prediction_routes(services: Services) -> APIRouter:
    kind = Kind(
        path="predictions",
        noun="prediction",
        rows=predictions,
        new=PredictionNew,
        changes=PredictionChange,
        shown=documents.Prediccion,
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
        magnitud: Annotated[MagnitudeWord | None, Query()] = None,
    ) -> Response:
        wanted = Listing(limit, sensor_id, desde, hasta, {} if magnitud is None else {"quantity": magnitud})
        return await listed(request, services.read, predictions.listing, wanted, cursor, 2)

    async def latest(sensor_id: Annotated[int, Query(ge=1, le=LARGEST_ID)]) -> Response:
        """The sensor's newest prediction for each quantity and horizon, but for horizons that are forecast no more."""

        def work(conn: Connection) -> list[Prediction]:
            check_sensor(conn, sensor_id)
            return predictions.latest(conn, sensor_id)

        found = [row for row in await services.read(work) if not services.derivations.dropped(row)]
        return json([prediction_body(prediction) for prediction in found])

    async def skill(sensor_id: Annotated[int, Query(ge=1, le=LARGEST_ID)]) -> Response:
        """How often what came lay within the interval, and how much better than no change the predictions have been:
        one row for each quantity and horizon of which any was judged.
        """
        if services.sensors.by_id(sensor_id) is None:
            raise NotFound("sensor", sensor_id)
        return json([skill_body(sensor_id, skill) for skill in services.derivations.skills(sensor_id)])

    async def warnings() -> Response:
        """Of all sensors, the soonest first: until an hour after their moment, or until the limit is passed."""
        return json([prediction_body(prediction) for prediction in services.derivations.warnings()])

    router = APIRouter()
    router.add_api_route(
        "/predictions/latest",
        latest,
        methods=["GET"],
        tags=["predictions"],
        response_model=list[documents.Prediccion],
        responses=documents.problems(404),
        operation_id="latest_predictions",
        summary="The newest predictions of a sensor",
    )
    router.add_api_route(
        "/predictions/skill",
        skill,
        methods=["GET"],
        tags=["predictions"],
        response_model=list[documents.Acierto],
        responses=documents.problems(404),
        operation_id="prediction_skill",
        summary="How good a sensor's predictions have been",
    )
    router.add_api_route(
        "/predictions/warnings",
        warnings,
        methods=["GET"],
        tags=["predictions"],
        response_model=list[documents.Prediccion],
        responses=documents.problems(),
        operation_id="standing_warnings",
        summary="The warnings of limits that stand",
    )
    router.include_router(
        routes_of(Crud(services, kind), listing, "Predictions, newest first; `desde` and `hasta` are of their creation")
    )
    return router
