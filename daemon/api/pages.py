"""The static files that come with the daemon: pages, their assets, and the API's interactive description.

The files are listed once, at start, each at its own address: no path of a request ever reaches the file system.
"""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

DOCS = "/docs"


def addresses(web: Path) -> Mapping[str, Path]:
    """Every regular file below ``web`` by its address; a folder's ``index.html`` is the folder."""
    found = {}
    for file in sorted(web.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        relative = file.relative_to(web)
        if relative.name == "index.html":
            relative = relative.parent
        found["/" + ("" if relative == Path() else relative.as_posix())] = file
    return found


def is_docs(address: str) -> bool:
    """The description is closed in secured mode; the pages are open."""
    return address == DOCS or address.startswith(DOCS + "/")


def page_routes(files: Mapping[str, Path]) -> list[Route]:
    """A route for each file, with ETag and 304."""
    static = StaticFiles()

    def route(address: str, file: Path) -> Route:
        def serve(request: Request) -> Response:  # in a thread: it looks at the file
            response = static.file_response(file, file.stat(), request.scope)
            response.headers["cache-control"] = "no-cache"
            return response

        return Route(address, serve, methods=["GET"], include_in_schema=False)

    return [route(address, file) for address, file in files.items()]
