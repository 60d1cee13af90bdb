"""By which names the server may be called, and from which pages: ``Host`` and ``Origin``, for REST and WebSocket.

A page of another site can make a browser connect to a daemon on loopback, and a name that is rebound to 127.0.0.1
makes the two look like one site; only these two headers tell.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Loopback's three names, which count as one."""

_WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - recognised, not bound
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_COUNTED = {"http": ("rest", "403"), "websocket": ("websocket", "websocket_origin")}
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://(.+)", re.IGNORECASE)


def host_of(authority: str) -> str | None:
    """The name in ``name[:port]`` in one spelling; None where it is not one."""
    matched = _AUTHORITY.fullmatch(authority)
    return None if matched is None else _canonical(matched[1] or matched[2])


def _canonical(name: str) -> str:
    name = name.strip("[]").lower().removesuffix(".")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a server bound to ``host``. ``any_address``: it is bound to every address of the machine."""

    names: frozenset[str]
    origins: frozenset[str]
    any_address: bool

    @classmethod
    def of(cls, host: str, names: Iterable[str] = (), cors_origins: Iterable[str] = ()) -> "Names":
        """From ``server.host``, ``server.names`` and ``server.cors_origins``."""
        known = {_canonical(name) for name in names}
        wildcard = host in _WILDCARDS
        if not wildcard:
            known.add(_canonical(host))
        if wildcard or not known.isdisjoint(LOOPBACK):
            known |= LOOPBACK
        return cls(frozenset(known), frozenset(origin.rstrip("/") for origin in cors_origins), wildcard)

    def knows(self, name: str | None, local_address: str | None) -> bool:
        """Whether ``name`` is one of the server's; bound to every address, also the one this client came in by."""
        if name is None:
            return False
        return name in self.names or (
            self.any_address and local_address is not None and name == _canonical(local_address)
        )

    def allows_origin(self, origin: str, local_address: str | None) -> bool:
        """Whether a page of ``origin`` may change things and open sockets."""
        if origin in self.origins or "*" in self.origins:
            return True
        matched = _ORIGIN.fullmatch(origin)
        return matched is not None and self.knows(host_of(matched[1]), local_address)


def refusal(
    names: Names,
    hosts: Sequence[str],
    origins: Sequence[str],
    *,
    unsafe: bool,
    local_address: str | None = None,
) -> str | None:
    """Why a request may not pass, None where it may.

    ``hosts`` and ``origins`` are the values of its two headers, ``unsafe`` says that it changes something or opens a
    socket, ``local_address`` is the address it came in by. A client without an ``Origin`` is no browser's page.
    """
    if len(hosts) != 1 or not names.knows(host_of(hosts[0]), local_address):
        return "Host is not a name of this server; add the name to server.names"
    if unsafe and origins and (len(origins) > 1 or not names.allows_origin(origins[0], local_address)):
        return "Origin may not use this server; add the page's origin to server.cors_origins"
    return None


class OriginCheck:
    """ASGI middleware: 403 with the reason, before an endpoint or an upgrade sees the request.

    ``refuse(door, reason)`` counts what is turned away.
    """

    def __init__(self, app: ASGIApp, names: Names, refuse: Callable[[str, str], None]) -> None:
        self._app = app
        self._names = names
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        reason = refusal(
            self._names,
            _values(scope, b"host"),
            _values(scope, b"origin"),
            unsafe=scope["type"] == "websocket" or scope["method"] in _UNSAFE,
            local_address=scope["server"][0] if scope.get("server") else None,
        )
        if reason is None:
            await self._app(scope, receive, send)
        else:
            self._refuse(*_COUNTED[scope["type"]])
            await _forbid(scope, send, reason)


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


async def _forbid(scope: Scope, send: Send, reason: str) -> None:
    body = orjson.dumps({"detail": reason})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": 403, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
