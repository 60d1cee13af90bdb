"""How long a request's body may be: counted while it streams, so that no more than the limit is ever held."""

from collections.abc import Collection

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES = 2**20
BATCH_BYTES = 8 * 2**20
"""A list of 10,000 readings."""


class BodyLimit:
    """ASGI middleware: 413 over 1 MiB, or over 8 MiB where a path of ``batch_paths`` is posted to.

    The rest of a refused body is read and thrown away by the server, so that its sender gets to read the answer.
    """

    def __init__(self, app: ASGIApp, batch_paths: Collection[str] = ()) -> None:
        self._app = app
        self._batch_paths = frozenset(batch_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        batch = scope["method"] == "POST" and scope["path"].rstrip("/") in self._batch_paths
        limit = BATCH_BYTES if batch else BODY_BYTES
        declared = Headers(scope=scope).get("content-length", "0")
        received = int(declared) if declared.isdecimal() and int(declared) > limit else 0

        async def counted() -> Message:
            nonlocal received
            if received <= limit:
                message = await receive()
                received += len(message.get("body", b""))
            if received > limit:
                # FastAPI hands an HTTPException that a middleware raises to its handlers.
                raise HTTPException(413, f"the body has more than the {limit} bytes that are allowed here")
            return message

        await self._app(scope, counted, send)
