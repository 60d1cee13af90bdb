"""Lists on the wire: the query that all share, the cursor, and the next page's address."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from daemon.api.errors import Problem
from daemon.api.schemas import entity_body
from daemon.api.services import Read
from daemon.api.values import LARGEST_ID, Moment
from daemon.entities import Entity
from daemon.repository.paging import Listing, Page

E = TypeVar("E", bound=Entity)

MOST_ROWS = 1000
_CURSOR = re.compile(r"-?\d{1,19}(?:\.-?\d{1,19}){1,2}", re.ASCII)

Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of a page.")]
Cursor = Annotated[str | None, Query(description="Where the page before ended; taken from its `Link` header.")]
SensorFilter = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Only this sensor's rows.")]
From = Annotated[Moment | None, Query(description="Only rows from this moment on.")]
Until = Annotated[Moment | None, Query(description="Only rows before this moment.")]


def parse_cursor(cursor: str | None, numbers: int) -> tuple[int, ...] | None:
    """The key in a cursor of ``numbers`` parts; raises Problem 422."""
    if cursor is None:
        return None
    key = tuple(map(int, cursor.split("."))) if _CURSOR.fullmatch(cursor) else ()
    if len(key) != numbers or not all(-(2**63) <= number < 2**63 for number in key):
        raise Problem(422, "cursor: must be the one of a Link header")
    return key


def json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer; what is not finite is null."""
    return Response(orjson.dumps(content), status, headers, "application/json")


async def listed(
    request: Request,
    read: Read,
    rows: Callable[[Connection, Listing], Page[E]],
    wanted: Listing,
    cursor: str | None,
    numbers: int,
    body: Callable[[E], dict[str, Any]] = entity_body,
) -> Response:
    """One page as an array, and the next one's address in ``Link``; the cursor's key has ``numbers`` parts."""
    wanted = replace(wanted, after=parse_cursor(cursor, numbers))
    page = await read(lambda conn: rows(conn, wanted))
    headers = {}
    if page.after is not None:
        following = request.url.include_query_params(cursor=".".join(map(str, page.after)))
        headers["link"] = f'<{following}>; rel="next"'
    return json([body(row) for row in page.rows], headers=headers)
