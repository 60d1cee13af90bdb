"""HTTP and WebSocket on one port: what clients see, in the words of the wire contract."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from daemon.api.services import Services


def create_app(services: "Services") -> "FastAPI":
    """The ASGI application; see ``daemon.api.application``.

    The web framework is loaded here and not with the package: commands use its words and times without it.
    """
    from daemon.api import application

    return application.create_app(services)
