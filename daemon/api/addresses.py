"""One address for each thing: Spanish names and trailing slashes are other spellings of it, never redirects."""

from starlette.types import ASGIApp, Receive, Scope, Send

ALIASES = {
    "sensores": "sensors",
    "lecturas": "readings",
    "ubicaciones": "locations",
    "anomalias": "anomalies",
    "predicciones": "predictions",
}
_API = "/api/v1/"


def canonical(path: str) -> str:
    """The address that the routes know."""
    path = path.rstrip("/") or "/"
    if path.startswith(_API):
        name, slash, rest = path.removeprefix(_API).partition("/")
        path = f"{_API}{ALIASES.get(name, name)}{slash}{rest}"
    return path


class Addresses:
    """ASGI middleware: hands on the address in its one spelling."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope = {**scope, "path": canonical(scope["path"])}
        await self._app(scope, receive, send)
