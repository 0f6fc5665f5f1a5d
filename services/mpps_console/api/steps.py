"""``/steps``: what was reported, and how it came."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from mpps_console.api.answers import answer, data_set, not_found, page
from mpps_console.api.cursors import read_cursor, write_cursor
from mpps_console.api.documented import problems
from mpps_console.api.guards import MAY_READ
from mpps_console.api.models import DataSet, Page, Step, StepDetail
from mpps_console.api.naming import ids_by_number
from mpps_console.api.queries import MOST, StepsQuery
from mpps_console.api.views import lane_members, operation_members, step_members
from mpps_console.parts import ConsoleParts
from mpps_console.times import HALF_A_MICROSECOND
from mpps_core.lane import Lane
from mpps_core.step import StepFilter
from mpps_dicom import StepStatus, is_path_uid

Uid = Annotated[str, Path(description="SOP Instance UID of the step.", examples=["2.25.1"])]
Number = Annotated[str, Path(description="Number of the operation.", examples=["1"])]

_DICOM_JSON: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/dicom+json": {}}, "description": "The data set."}
}


def steps_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/steps", tags=["steps"], dependencies=[MAY_READ])

    @router.get("", response_model=Page[Step], responses=problems(), operation_id="list_steps")
    async def list_steps(query: Annotated[StepsQuery, Query()]) -> Response:
        """List steps, newest first."""
        wanted = StepFilter(
            text=query.q,
            patient_id=query.patient_id,
            accession=query.accession,
            study=query.study,
            status=None if query.status is None else StepStatus(query.status),
            modality=query.modality,
            station=query.station,
            source=query.source,
            received_from=None if query.from_ is None else query.from_ - HALF_A_MICROSECOND,
            received_to=None if query.to is None else query.to + HALF_A_MICROSECOND,
        )
        found = await parts.catalogue.list_steps(wanted, read_cursor(query.cursor, float, str), query.limit)
        return page([step_members(step) for step in found.items], write_cursor(found.next_position))

    @router.get("/{uid}", response_model=StepDetail, responses=problems(404, 410), operation_id="get_step")
    async def get_step(uid: Uid) -> Response:
        """Get a step, its operations and where it stands with each subscription."""
        step = await parts.retriever.step(_checked(uid))
        operations = await parts.catalogue.list_operations(uid)
        names = await ids_by_number(parts)
        lanes = [
            lane_members(lane, name)
            for lane in await _lanes_of(parts, uid)
            if (name := names.get(lane.subscription)) is not None
        ]
        members = {
            **step_members(step),
            # One that came between the two reads belongs to a newer state of the step than the one shown.
            "operations": [operation_members(entry) for entry in operations if entry.number <= step.version],
            "lanes": sorted(lanes, key=lambda lane: str(lane["subscription"])),
        }
        return answer(members)

    @router.get(
        "/{uid}/dataset",
        response_model=DataSet,
        responses={**_DICOM_JSON, **problems(404, 410)},
        operation_id="get_step_data_set",
    )
    async def get_data_set(uid: Uid) -> Response:
        """Get the current state of a step, with everything that is stored of it."""
        return data_set((await parts.retriever.data_set(_checked(uid))).data)

    @router.get(
        "/{uid}/operations/{number}",
        response_model=DataSet,
        responses={**_DICOM_JSON, **problems(404, 410)},
        operation_id="get_operation_data_set",
    )
    async def get_operation(uid: Uid, number: Number) -> Response:
        """Get the data set of one operation as it was received."""
        _, stored = await parts.retriever.operation(_checked(uid), _number(number))
        return data_set(stored.data)

    return router


async def _lanes_of(parts: ConsoleParts, uid: str) -> list[Lane]:
    lanes: list[Lane] = []
    after = None
    while True:
        found = await parts.catalogue.list_lanes(subscription=None, state="", uid=uid, after=after, limit=MOST)
        lanes += found.items
        after = found.next_position
        if after is None:
            return lanes


def _checked(uid: str) -> str:
    if not is_path_uid(uid):
        raise not_found("This is no UID: digits and dots, at most 64.")
    return uid


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(10**9)):
        raise not_found("Operations have numbers: 1, 2, 3 …")
    return int(text)
