"""How the daemon is: ``/health``, ``/metrics``, and what ``sereno status`` and ``sereno train`` ask."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.errors import NotFound, Problem
from daemon.api.gate import PRINCIPAL
from daemon.api.paging import json
from daemon.api.services import Services
from daemon.api.values import LARGEST_ID

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def system_routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["system"])
    secured = services.config.auth.mode == "secured"

    @router.get("/health", response_model=documents.Salud, responses={503: {"model": documents.Salud}})
    async def health(request: Request) -> Response:
        """200 while anything can be ingested, else 503; `motivos` only for whoever may read."""
        found = services.health()
        body: dict[str, Any] = {"status": "degraded" if found.reasons or not found.ingesting else "ok"}
        if not secured or request.scope["state"][PRINCIPAL] is not None:
            body["motivos"] = list(found.reasons)
        return json(body, 200 if found.ingesting else 503)

    @router.get("/metrics", response_class=Response, responses=documents.problems())
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(await services.metrics(), media_type=PROMETHEUS)

    @router.get("/api/v1/status", responses=documents.problems())
    async def status() -> dict[str, Any]:
        """Drivers, sensors, database, broker, models, clients: what `sereno status` shows."""
        return dict(services.status())

    @router.post(
        "/api/v1/train", response_model=documents.Entrenamiento, status_code=202, responses=documents.problems(404, 409)
    )
    async def train(sensor_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None) -> Response:
        """Fit models now: of one sensor, or of all."""
        if services.train is None:
            raise Problem(409, "there are no models: anomaly.enabled and forecast.enabled are off")
        if sensor_id is not None and services.sensors.by_id(sensor_id) is None:
            raise NotFound("sensor", sensor_id)
        return json({"detail": await services.train(sensor_id)}, 202)

    return router
