"""The application before there is a store: doors open, everything but health answers 503; then the real one."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mpps_core.errors import StoreUnavailable
from mpps_web.app import create_app
from mpps_web.health import Readiness, health_router
from mpps_web.observer import PrometheusObserver

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Switch:
    """An ASGI application that stands for another one, which may be put in place while it serves."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server (ASGI) by whatever stands here now."""
        await self.app(scope, receive, send)


def waiting_app(readiness: Readiness, observer: PrometheusObserver) -> ASGIApp:
    """Return what answers while the store cannot be opened: nothing is known, nothing is acknowledged."""
    router = APIRouter(include_in_schema=False)

    async def later(_: Request) -> Response:
        raise StoreUnavailable("The store cannot be used now; nothing was acknowledged. Repeat the request later.")

    router.add_route("/{path:path}", later, methods=list(_METHODS))
    return create_app([health_router(readiness, observer), router])
