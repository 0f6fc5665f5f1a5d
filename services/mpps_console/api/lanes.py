"""``/lanes``: who has what of which step."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mpps_console.api.answers import page
from mpps_console.api.cursors import read_cursor, write_cursor
from mpps_console.api.documented import problems
from mpps_console.api.guards import MAY_READ
from mpps_console.api.models import Lane, Page
from mpps_console.api.naming import ids_by_number, number_of
from mpps_console.api.queries import LanesQuery
from mpps_console.api.views import lane_members
from mpps_console.parts import ConsoleParts


def lanes_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/lanes", tags=["lanes"], dependencies=[MAY_READ])

    @router.get("", response_model=Page[Lane], responses=problems(), operation_id="list_lanes")
    async def list_lanes(query: Annotated[LanesQuery, Query()]) -> Response:
        """List lanes, newest first. Those of subscriptions that were removed are left out."""
        found = await parts.catalogue.list_lanes(
            subscription=await number_of(parts, query.subscription),
            state=query.state or "",
            uid=query.uid,
            after=read_cursor(query.cursor, float, str, int),
            limit=query.limit,
        )
        names = await ids_by_number(parts)
        items = [lane_members(lane, name) for lane in found.items if (name := names.get(lane.subscription)) is not None]
        return page(items, write_cursor(found.next_position))

    return router
