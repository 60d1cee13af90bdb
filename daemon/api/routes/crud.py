"""What sensors, locations, anomalies and predictions have in common: made, read, changed and deleted one by one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import APIRouter, Path
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.bodies import read_model
from daemon.api.documents import problems, takes
from daemon.api.errors import NotFound
from daemon.api.inputs import Input
from daemon.api.paging import json
from daemon.api.schemas import entity_body
from daemon.api.services import Services
from daemon.api.values import LARGEST_ID
from daemon.entities import Anomaly, Location, Prediction, Sensor
from daemon.events import Action, EntityEvent, Event
from daemon.repository.paging import Listing, Page

E = TypeVar("E", Sensor, Location, Anomaly, Prediction)

ROOT = "/api/v1"
LINK = {"description": "The next page's address, `rel=next`.", "schema": {"type": "string"}}

Endpoint = Callable[..., Awaitable[Response]]
RowId = Annotated[int, Path(ge=-LARGEST_ID, le=LARGEST_ID)]


class Rows(Protocol[E]):
    """The repository's module for one kind."""

    def listing(self, conn: Connection, wanted: Listing) -> Page[E]: ...
    def by_id(self, conn: Connection, id: int, /) -> E | None: ...  # noqa: A002
    def add(self, conn: Connection, entity: E) -> None: ...
    def change(self, conn: Connection, entity: E) -> None: ...
    def remove(self, conn: Connection, entity: E) -> object: ...


@dataclass(frozen=True, slots=True)
class Kind(Generic[E]):
    """``make(id, now, values)`` builds a new one; ``check`` raises Problem where it does not fit what is stored.

    ``complete`` adds to a change what follows from it.
    """

    path: str
    noun: str
    rows: Rows[E]
    new: type[Input]
    changes: type[Input]
    shown: type[BaseModel]
    make: Callable[[int, int, Mapping[str, Any]], E]
    check: Callable[[Connection, E], None]
    complete: Callable[[E, E], tuple[E, Action]]
    show: Callable[[E], dict[str, Any]] = entity_body


@dataclass(frozen=True, slots=True)
class Crud(Generic[E]):
    """The routes of one kind but its list."""

    services: Services
    kind: Kind[E]

    async def create(self, request: Request) -> Response:
        kind = self.kind
        values = (await read_model(request, kind.new)).given()
        await self.services.ids.ready(kind.noun)
        now = self.services.now()
        entity = kind.make(self.services.ids.take(kind.noun), now, values)

        def work(conn: Connection) -> tuple[None, list[Event]]:
            kind.check(conn, entity)
            kind.rows.add(conn, entity)
            return None, [EntityEvent(Action.CREATED, entity, now)]

        await self.services.change(work)
        return json(kind.show(entity), 201, {"location": f"{ROOT}/{kind.path}/{entity.id}"})

    async def one(self, id: RowId) -> Response:  # noqa: A002 - the wire's word
        kind = self.kind
        return json(kind.show(await self.services.read(lambda conn: self.found(conn, id))))

    async def change(self, request: Request, id: RowId) -> Response:  # noqa: A002
        values = (await read_model(request, self.kind.changes)).given()
        return json(self.kind.show(await self.apply(id, values)))

    async def apply(self, id: int, values: Mapping[str, Any]) -> E:  # noqa: A002
        """Change what is given; a row that stays as it was is not written and not announced."""
        kind, now = self.kind, self.services.now()

        def work(conn: Connection) -> tuple[E, list[Event]]:
            before = self.found(conn, id)
            after = replace(before, **values)
            if after == before:
                return before, []
            after, action = kind.complete(before, replace(after, updated_at=now))
            kind.check(conn, after)
            kind.rows.change(conn, after)
            return after, [EntityEvent(action, after, now, before=before)]

        return await self.services.change(work)

    async def delete(self, id: RowId) -> Response:  # noqa: A002
        now = self.services.now()

        def work(conn: Connection) -> tuple[None, list[Event]]:
            entity = self.found(conn, id)
            self.kind.rows.remove(conn, entity)
            return None, [EntityEvent(Action.DELETED, entity, now)]

        await self.services.change(work)
        return Response(status_code=204)

    def found(self, conn: Connection, id: int) -> E:  # noqa: A002
        """The row; raises NotFound."""
        entity = self.kind.rows.by_id(conn, id)
        if entity is None:
            raise NotFound(self.kind.noun, id)
        return entity


def plain_change(_: E, after: E) -> tuple[E, Action]:
    return after, Action.UPDATED


def add_create_route(
    router: APIRouter, noun: str, shown: Any, create: Endpoint, body: dict[str, Any], *, stored: str | None = None
) -> None:
    """``POST``. ``stored``: what a 200 means, of a kind where a body may be stored already."""
    known: dict[int | str, dict[str, Any]] = {200: {"model": shown, "description": stored}} if stored else {}
    router.add_api_route(
        "",
        create,
        methods=["POST"],
        status_code=201,
        response_model=shown,
        responses={**known, **problems(400, 404, 408, 409, 413)},
        openapi_extra=body,
        operation_id=f"create_{noun}",
        summary=f"Create a {noun}",
    )


def add_row_routes(
    router: APIRouter, noun: str, shown: Any, changes: type[Input], *, one: Endpoint, change: Endpoint, delete: Endpoint
) -> None:
    """``GET PUT PATCH DELETE /{id}``; both ``PUT`` and ``PATCH`` change only what is given."""
    router.add_api_route(
        "/{id}",
        one,
        methods=["GET"],
        response_model=shown,
        responses=problems(404),
        operation_id=f"read_{noun}",
        summary=f"Read a {noun}",
    )
    for method in ("PUT", "PATCH"):
        router.add_api_route(
            "/{id}",
            change,
            methods=[method],
            response_model=shown,
            responses=problems(400, 404, 408, 409, 413),
            openapi_extra=takes(changes),
            operation_id=f"{method.lower()}_{noun}",
            summary=f"Change what is given of a {noun}",
        )
    router.add_api_route(
        "/{id}",
        delete,
        methods=["DELETE"],
        status_code=204,
        response_class=Response,
        responses=problems(404),
        operation_id=f"delete_{noun}",
        summary=f"Delete a {noun}",
    )


def add_list_route(router: APIRouter, noun: str, shown: Any, listing: Endpoint, summary: str) -> None:
    """``GET``: an array, newest first."""
    router.add_api_route(
        "",
        listing,
        methods=["GET"],
        response_model=list[shown],
        responses={**problems(), 200: {"headers": {"Link": LINK}}},
        operation_id=f"list_{noun}",
        summary=summary,
    )


def routes_of(crud: Crud[Any], listing: Endpoint, summary: str) -> APIRouter:
    """All routes of one kind."""
    kind = crud.kind
    router = APIRouter(prefix=f"/{kind.path}", tags=[kind.path])
    add_create_route(router, kind.noun, kind.shown, crud.create, takes(kind.new))
    add_list_route(router, kind.noun, kind.shown, listing, summary)
    add_row_routes(router, kind.noun, kind.shown, kind.changes, one=crud.one, change=crud.change, delete=crud.delete)
    return router
