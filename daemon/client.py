"""The command line's way to a running daemon: HTTP with one kept connection, and WebSocket.

Imports little on purpose: ``sereno status`` is asked often, by people and by scripts.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from daemon.errors import SerenoError, UsageError
from daemon.ports import near

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

TIMEOUT = 30.0
"""Seconds without an answer: a POST waits for a sync, a list for a slow card."""
MAX_ANSWER = 64 << 20
"""Bytes: a page of 1,000 readings has less than 1 MiB; more is no answer of ours."""


class ClientError(SerenoError):
    """The daemon did not answer, or refused; ``status`` is its HTTP status, None where there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def configured_url(config: Path | None, environ: Mapping[str, str]) -> str:
    """The address that the configuration gives the daemon, without checking the rest of it."""
    from daemon.config_sources import read

    server = read(config, environ).values.get("server") or {}
    host, port = str(server.get("host", "127.0.0.1")), str(server.get("port", 8000))
    if not re.fullmatch(r"\d{1,5}", port):
        raise UsageError(f"server.port is {port!r}, not a number; `sereno check` says more, or give --url")
    host = near(host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Client:
    """One daemon at ``url`` (http or https). Methods raise ClientError with one sentence."""

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is not the address of a daemon; write http://host:8000")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self.token = token
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.netloc, timeout=timeout)

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at ``path``; arguments that are None are left out."""
        return self.request("GET", path, query=query)[0]

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Post ``body`` as JSON; returns the JSON that came back."""
        return self.request("POST", path, body, query)[0]

    def pages(self, path: str, **query: Any) -> Iterator[list[Any]]:
        """The pages of a list, following ``Link: <…>; rel="next"``."""
        following: str | None = _target(path, query)
        while following:
            page, link = self.request("GET", following)
            yield page
            match = re.search(r'<([^>]+)>;\s*rel="?next"?', link)
            parts = urlsplit(match[1]) if match else None
            following = f"{parts.path}?{parts.query}" if parts else None

    def request(
        self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> tuple[Any, str]:
        """One exchange: the answer's JSON (None if it has no body) and its Link header."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        try:
            response, answer = self._exchange(method, _target(path, query or {}), data, headers)
        except (OSError, HTTPException) as error:
            raise self._silent(error) from error
        if response.status >= 400:
            raise ClientError(self._refusal(response.status, answer), response.status)
        try:
            return (json.loads(answer) if answer else None), response.headers.get("Link", "")
        except ValueError as error:
            raise ClientError(f"what answers at {self.url} is not sereno; check --url and server.port") from error

    def _exchange(
        self, method: str, target: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        fresh = self._connection.sock is None
        try:
            self._connection.request(method, target, data, dict(headers))
            response = self._connection.getresponse()
        except (ConnectionError, HTTPException):
            self._connection.close()
            # A kept connection may have been closed by the other side while it was idle. What reads may be asked
            # again; what changes something may already have done so.
            if fresh or method != "GET":
                raise
            return self._exchange(method, target, data, headers)
        with response:  # else it holds the socket, also when the connection is closed
            answer = response.read(MAX_ANSWER)
        return response, answer

    def _silent(self, error: Exception) -> ClientError:
        self._connection.close()
        if isinstance(error, ConnectionRefusedError):
            return ClientError(f"no daemon answers at {self.url}; start it with `sereno run`, or give its --url")
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ClientError(f"no answer from {self.url}: {why}; is the daemon well (`sereno doctor`), is --url right?")

    def _refusal(self, status: int, answer: bytes | bytearray) -> str:
        try:
            detail = json.loads(answer)["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"{self.url} answered {status}"
        if status == 401 and not self.token:
            return "this daemon is secured: put a token into SERENO_TOKEN (`sereno token NAME` prints one)"
        return str(detail)

    @contextmanager
    def listen(self, channels: str, **query: Any) -> "Iterator[ClientConnection]":
        """An open WebSocket on ``channels`` inside the block; the first message (``connection``) is still to come."""
        from websockets.exceptions import InvalidHandshake, InvalidStatus
        from websockets.sync.client import connect

        path = "/api/v1/ws/secure" if self.token else "/api/v1/ws"
        target = _target(path, {"channel": channels, **query})
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else None
        url = f"ws{self.url.removeprefix('http')}{target}"
        with ExitStack() as opened:
            try:
                connecting = connect(url, additional_headers=headers, compression=None, max_size=1 << 20, proxy=None)
                connection = opened.enter_context(connecting)
            except InvalidStatus as error:
                refusal = self._refusal(error.response.status_code, error.response.body or b"")
                raise ClientError(refusal, error.response.status_code) from error
            except (OSError, InvalidHandshake) as error:
                raise self._silent(error) from error
            yield connection

    def close(self) -> None:
        """Close the kept connection."""
        self._connection.close()


def _target(path: str, query: Mapping[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
