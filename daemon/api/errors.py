"""What goes wrong, as ``{"detail": one sentence}`` with the status that fits; never a traceback."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from daemon.batches import DatabaseUnavailableError

log = logging.getLogger(__name__)

_FAULTS_TOLD = 3  # of one body; whoever mends three sees the next three
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Problem(HTTPException):
    """A request that cannot be answered as it stands."""


class NotFound(Problem):
    def __init__(self, noun: str, key: object) -> None:
        super().__init__(404, f"there is no {noun} {key}")


def sentence(errors: Iterable[Any]) -> str:
    """pydantic's errors as one sentence: where, and what is allowed."""
    told = []
    for error in errors:
        where = ".".join(str(part) for part in error["loc"] if part not in {"body", "query", "path"})
        what = error["msg"].removeprefix("Value error, ")
        told.append(f"{where}: {what}" if where else what)
    more = f"; and {len(told) - _FAULTS_TOLD} more" if len(told) > _FAULTS_TOLD else ""
    return "; ".join(told[:_FAULTS_TOLD]) + more


def invalid(error: ValidationError) -> Problem:
    return Problem(422, sentence(error.errors(include_url=False, include_context=False, include_input=False)))


def answer(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps({"detail": detail}), status, headers, "application/json")


def _allowed(request: Request) -> str:
    """The methods that the address takes. Each may have a route of its own, and the framework names the first's."""
    routes = request.app.router.routes
    scopes = ({**request.scope, "method": method} for method in _METHODS)
    return ", ".join(
        scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)
    )


def _http_detail(request: Request, error: HTTPException, allowed: str) -> str:
    if isinstance(error, Problem) or error.status_code not in {404, 405}:
        return str(error.detail)
    if error.status_code == 405:
        return f"{request.method} is not allowed here; allowed: {allowed}"
    return (
        str(error.detail)
        if error.detail != "Not Found"
        else "there is nothing at this address; /docs lists what there is"
    )


def add_handlers(app: FastAPI, refuse: Callable[[str, str], None]) -> None:
    """``refuse(door, reason)`` counts what was refused."""

    async def http(request: Request, error: HTTPException) -> Response:
        if 400 <= error.status_code < 500:
            refuse("rest", str(error.status_code))
        headers, allowed = dict(error.headers or {}), ""
        if error.status_code == 405:
            allowed = headers["Allow"] = _allowed(request)
        return answer(error.status_code, _http_detail(request, error, allowed), headers)

    async def validation(_: Request, error: RequestValidationError) -> Response:
        refuse("rest", "422")
        return answer(422, sentence(error.errors()))

    async def unavailable(request: Request, error: Exception) -> Response:
        log.warning("%s %s waits for the database: %s", request.method, request.url.path, error)
        return answer(503, "the database does not answer now; try again", {"retry-after": "5"})

    async def fault(_: Request, __: Exception) -> Response:
        return answer(500, "a fault of the daemon; its log has the cause")

    handlers: dict[type[Exception], Any] = {
        HTTPException: http,
        RequestValidationError: validation,
        DatabaseUnavailableError: unavailable,
        OperationalError: unavailable,
        InterfaceError: unavailable,
        Exception: fault,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
