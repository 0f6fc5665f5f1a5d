"""The management API, ``/api/v1``: JSON for programs and for the command line."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mpps_console.api.answers import answer
from mpps_console.api.attempts import attempts_router
from mpps_console.api.document import openapi_document
from mpps_console.api.lanes import lanes_router
from mpps_console.api.overview import overview_router
from mpps_console.api.steps import steps_router
from mpps_console.api.subscriptions import subscriptions_router
from mpps_console.parts import ConsoleParts


def api_router(parts: ConsoleParts) -> APIRouter:
    """Return all routes of the API, and ``/api/openapi.json``, which describes them and needs no key."""
    router = APIRouter()
    for section in (overview_router, subscriptions_router, steps_router, lanes_router, attempts_router):
        router.include_router(section(parts), prefix="/api/v1")
    document = openapi_document(router.routes, parts.manager.version)

    async def openapi(_: Request) -> Response:
        return answer(document)

    router.add_route("/api/openapi.json", openapi, methods=["GET"], include_in_schema=False)
    return router
