"""``/overview``: how the manager stands."""

from fastapi import APIRouter
from starlette.responses import Response

from mpps_console.api.answers import answer
from mpps_console.api.documented import problems
from mpps_console.api.guards import MAY_READ
from mpps_console.api.models import Overview
from mpps_console.api.views import overview_members
from mpps_console.parts import ConsoleParts
from mpps_console.standing import standing


def overview_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["overview"], dependencies=[MAY_READ])

    @router.get("/overview", response_model=Overview, responses=problems(), operation_id="get_overview")
    async def get_overview() -> Response:
        """Get how the manager stands: who it is, its doors, how much there is, and every subscription."""
        return answer(overview_members(parts, await standing(parts)))

    return router
