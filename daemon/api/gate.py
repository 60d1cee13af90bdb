"""What a secured daemon shows to whom: everything is closed but what stands here.

Acts before any route, so that a route nobody thought of is closed too. WebSocket endpoints judge tokens themselves.
"""

from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.accounts import Role
from daemon.api.auth import Authenticator, Principal, Refused
from daemon.api.errors import answer

_OPEN = {"/auth/login", "/health"}
_READING = {"GET", "HEAD", "OPTIONS"}
PRINCIPAL = "sereno.principal"
"""Key of the scope's ``state``: who is asking, None where nobody has to say."""


def bearer(headers: Headers) -> str | None:
    """The token of an ``Authorization: Bearer`` header."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Gate:
    """ASGI middleware for secured mode. ``pages`` are the addresses that anyone may load."""

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, pages: Collection[str], refuse: Callable[[str, str], None]
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._open = _OPEN | set(pages)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        principal, refusal = await self._who(scope)
        scope.setdefault("state", {})[PRINCIPAL] = principal
        if scope["path"] in self._open:
            await self._app(scope, receive, send)
        elif principal is None:
            self._refuse("rest", "401")
            detail = refusal or "this daemon is secured; send a token of POST /auth/login as Authorization: Bearer"
            await answer(401, detail, {"www-authenticate": "Bearer"})(scope, receive, send)
        elif not principal.role.allows(needed := self._needed(scope)):
            self._refuse("rest", "403")
            detail = f"the role {principal.role} may not do this; it needs {needed}"
            await answer(403, detail)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _who(self, scope: Scope) -> tuple[Principal | None, str | None]:
        token = bearer(Headers(scope=scope))
        if token is None:
            return None, None
        try:
            return await self._authenticator.admit(token), None
        except Refused as refusal:
            return None, str(refusal)

    @staticmethod
    def _needed(scope: Scope) -> Role:
        return Role.VIEWER if scope["method"] in _READING else Role.OPERATOR
