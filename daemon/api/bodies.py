"""Reads a request's body: JSON to the letter, and every value of it checked."""

import json
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request

from daemon.api.body_limit import BODY_BYTES
from daemon.api.errors import Problem, invalid
from daemon.api.inputs import Input

Body = TypeVar("Body", bound=Input)


async def read_body(request: Request) -> bytes:
    """The whole body, whose length and time are bounded by ``BodyLimit`` and the server; raises Problem."""
    try:
        return await request.body()
    except ClientDisconnect as error:
        raise Problem(400, "the body ended before its time") from error


def parse_json(body: bytes) -> Any:
    """JSON as RFC 8259 has it, without NaN; raises Problem 400 for what is none, 422 for what nothing can hold."""
    if not body.strip():
        raise Problem(400, "the body is empty; send a JSON object")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if len(body) <= BODY_BYTES and _is_json(body):
            raise Problem(422, "the body holds a number or a text that cannot be stored") from error
        raise Problem(400, f"the body is not JSON: {error}") from error


def _is_json(body: bytes) -> bool:
    """Whether the grammar is kept: half surrogates and numbers without end are JSON, and no value."""

    def refuse(constant: str) -> NoReturn:
        raise json.JSONDecodeError("no JSON", constant, 0)

    try:
        json.loads(body.decode(), parse_constant=refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return False
    except ValueError:
        return True  # an integer of more digits than Python converts
    return True


def checked(model: type[Body], data: Any, what: str = "the body") -> Body:
    """The body, or ``what`` else it is, as a model; raises Problem 422 with every fault told."""
    if not isinstance(data, dict):
        raise Problem(422, f"{what} must be a JSON object")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid(error) from error


async def read_model(request: Request, model: type[Body], *, optional: bool = False) -> Body:
    """The body of a request as a model, ``optional``: none is an empty one; raises Problem."""
    body = await read_body(request)
    return checked(model, {} if optional and not body.strip() else parse_json(body))
