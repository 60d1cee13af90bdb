"""``POST /auth/login``: a user name and a password for a token."""

from urllib.parse import parse_qs

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from daemon.api import documents
from daemon.api.auth import Refused, TryLater
from daemon.api.bodies import checked, parse_json, read_body
from daemon.api.errors import Problem
from daemon.api.inputs import Input
from daemon.api.paging import json
from daemon.api.services import Services


class Credentials(Input):
    username: str = Field(min_length=1, max_length=255)
    password: str = Field(min_length=1, max_length=1024)


def parse_credentials(body: bytes) -> Credentials:
    """From a JSON object or an OAuth2 form (RFC 6749, 4.3.2); raises Problem."""
    if body.lstrip().startswith(b"{"):
        return checked(Credentials, parse_json(body))
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise Problem(400, "the body is neither JSON nor a form") from error
    return checked(Credentials, {name: values[-1] for name, values in form.items()})


_FORM = {
    "type": "object",
    "required": ["username", "password"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["password"]},
        "username": {"type": "string"},
        "password": {"type": "string", "format": "password"},
    },
}


def login_routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["auth"])

    async def login(request: Request) -> Response:
        """A bearer token for `username` and `password`, as an OAuth2 form or JSON."""
        credentials = parse_credentials(await read_body(request))
        address = request.client.host if request.client else ""
        try:
            signed = await services.authenticator.login(credentials.username, credentials.password, address)
        except Refused as refusal:
            services.refuse("login", "wrong")
            raise Problem(401, str(refusal), {"www-authenticate": "Bearer"}) from refusal
        except TryLater as later:
            services.refuse("login", "throttled")
            raise Problem(429, str(later), {"retry-after": str(later.after)}) from later
        return json({"access_token": signed.token, "token_type": "bearer", "expires_in": signed.expires_in})

    router.add_api_route(
        "/auth/login",
        login,
        methods=["POST"],
        response_model=documents.Ficha,
        responses=documents.problems(400, 408, 413, 429),
        operation_id="login",
        summary="Sign in",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {"schema": _FORM},
                    "application/json": {"schema": Credentials.model_json_schema()},
                },
            }
        },
    )
    return router
