"""``/attempts``: what was tried, and what came of it."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from mpps_console.api.answers import page
from mpps_console.api.cursors import read_cursor, write_cursor
from mpps_console.api.documented import problems
from mpps_console.api.guards import MAY_READ
from mpps_console.api.models import Attempt, Page
from mpps_console.api.naming import ids_by_number, number_of
from mpps_console.api.queries import AttemptsQuery
from mpps_console.api.views import attempt_members
from mpps_console.parts import ConsoleParts
from mpps_console.times import HALF_A_MICROSECOND
from mpps_core.attempt import AttemptFilter


def attempts_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/attempts", tags=["attempts"], dependencies=[MAY_READ])

    @router.get("", response_model=Page[Attempt], responses=problems(), operation_id="list_attempts")
    async def list_attempts(query: Annotated[AttemptsQuery, Query()]) -> Response:
        """List attempts, newest first; they are kept for a while. Bodies and texts of answers are not kept."""
        wanted = AttemptFilter(
            subscription=await number_of(parts, query.subscription),
            uid=query.uid,
            outcome=query.outcome,
            since=None if query.from_ is None else query.from_ - HALF_A_MICROSECOND,
        )
        after = read_cursor(query.cursor, str)
        found = await parts.catalogue.list_attempts(wanted, after[0] if after else None, query.limit)
        names = await ids_by_number(parts)
        items = [attempt_members(attempt, names.get(attempt.subscription)) for attempt in found.items]
        return page(items, write_cursor(None if found.next_position is None else (found.next_position,)))

    return router
