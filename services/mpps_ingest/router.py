"""The routes of the door, for an application to include."""

from fastapi import APIRouter
from starlette.routing import Route

from mpps_ingest.parts import IngestParts
from mpps_ingest.resource import StepResource, UpdateAlias

STEPS_PATH = "/modality-performed-procedure-steps"
"""Path of the resource below the base URI (PS3.18 Table 15.1.1-1)."""


def ingest_router(parts: IngestParts) -> APIRouter:
    """Return the routes of PS3.18 chapter 15 under ``parts.base_path``."""
    path = f"{parts.base_path}{STEPS_PATH}/{{uid}}"
    step = StepResource(parts)
    router = APIRouter(include_in_schema=False)
    # Routes of Starlette, whose endpoint is an ASGI application: nothing between the request and the resource.
    router.routes.append(Route(path, step))
    router.routes.append(Route(f"{path}/update", UpdateAlias(step)))
    return router
