"""Answers of the API: always JSON, never kept by anybody on the way, since they may name patients."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from starlette.responses import Response

from mpps_core.desk import DraftFault
from mpps_web.problems import Problem

NO_STORE: Final = {"cache-control": "no-store"}
DICOM_JSON: Final = "application/dicom+json"


def answer(members: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an object."""
    return Response(orjson.dumps(members), status, {**NO_STORE, **(headers or {})}, media_type="application/json")


def page(items: Sequence[Mapping[str, Any]], next_cursor: str | None) -> Response:
    """Return a page of a list."""
    return answer({"items": items, "next_cursor": next_cursor})


def data_set(data: bytes) -> Response:
    """Return a data set in the DICOM JSON Model: an array of one object (PS3.18 F.2)."""
    return Response(b"[" + data + b"]", headers=NO_STORE, media_type=DICOM_JSON)


def invalid(faults: Sequence[DraftFault]) -> Problem:
    """Return the problem for a request that is not as described: every fault with its path, no value."""
    return Problem(
        status=422,
        slug="invalid",
        title="The request is not as described",
        detail="There is one fault." if len(faults) == 1 else f"There are {len(faults)} faults.",
        extra={"errors": [{"path": fault.path, "detail": fault.detail} for fault in faults]},
    )


def not_found(what: str) -> Problem:
    """Return the problem for something that is not there."""
    return Problem(status=404, slug="not-found", title="There is no such thing", detail=what)
