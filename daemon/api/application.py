"""The application: every route, and what a request passes on its way to one."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from daemon.api.addresses import ALIASES, Addresses
from daemon.api.body_limit import BodyLimit
from daemon.api.channels import stats_routes, websocket_routes
from daemon.api.errors import add_handlers
from daemon.api.gate import Gate
from daemon.api.origin import Names, OriginCheck
from daemon.api.pages import addresses, is_docs, page_routes
from daemon.api.routes.anomalies import anomaly_routes
from daemon.api.routes.locations import location_routes
from daemon.api.routes.login import login_routes
from daemon.api.routes.predictions import prediction_routes
from daemon.api.routes.readings import reading_routes
from daemon.api.routes.sensors import sensor_routes
from daemon.api.routes.system import system_routes
from daemon.api.security_headers import SecurityHeaders
from daemon.api.services import Services

VERSION = "1"
_ALIASES = ", ".join(f"`/{spanish}` is `/{english}`" for spanish, english in ALIASES.items())
_DESCRIPTION = f"""
Temperature and humidity sensors: their readings, anomalies and forecasts.

- Times are RFC 3339 in UTC; lists are newest first, and a `Link` header holds the next page's address.
- `PUT` and `PATCH` both change only what is given.
- Aliases: {_ALIASES}. A trailing slash changes nothing.
- Errors are `{{"detail": "one sentence"}}`.
- Events as they happen: WebSocket `/api/v1/ws?channel=general` and, with a token, `/api/v1/ws/secure`.
"""


def create_app(services: Services) -> FastAPI:
    """The ASGI application. It starts and ends nothing: what it is handed is running."""
    secured = services.config.auth.mode == "secured"
    server = services.config.server
    app = FastAPI(
        title="sereno",
        version=VERSION,
        description=_DESCRIPTION,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    add_handlers(app, services.refuse)
    for router in (
        sensor_routes(services),
        reading_routes(services),
        location_routes(services),
        anomaly_routes(services),
        prediction_routes(services),
        stats_routes(services.hub, services.bus, services.now),
    ):
        app.include_router(router, prefix="/api/v1")
    app.include_router(websocket_routes(services.hub, services.authenticator, secured=secured, refuse=services.refuse))
    app.include_router(login_routes(services))
    app.include_router(system_routes(services))
    files = addresses(services.web)
    app.router.routes.extend(page_routes(files))
    if secured:
        _describe_security(app)
        pages = [address for address in files if not is_docs(address)]
        app.add_middleware(Gate, authenticator=services.authenticator, pages=pages, refuse=services.refuse)
    # The last one added is the first that a request passes.
    app.add_middleware(BodyLimit, batch_paths={"/api/v1/readings"})
    app.add_middleware(Addresses)
    names = Names.of(server.host, server.names, server.cors_origins)
    app.add_middleware(OriginCheck, names=names, refuse=services.refuse)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=server.cors_origins,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Link", "Location", "Retry-After"],
        max_age=600,
    )
    app.add_middleware(SecurityHeaders)
    return app


def _describe_security(app: FastAPI) -> None:
    """Says in the description that a secured daemon wants a token, and how to get one."""
    describe = app.openapi

    def secured() -> dict[str, Any]:
        document = describe()
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        flow = {"password": {"tokenUrl": "/auth/login", "scopes": {}}}
        schemes["login"] = {"type": "oauth2", "flows": flow}
        schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        document["security"] = [{"login": []}, {"bearer": []}]
        return document

    setattr(app, "openapi", secured)  # noqa: B010 - FastAPI's way to extend the description; mypy sees a method
