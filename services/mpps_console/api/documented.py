"""How routes say what they answer when something is wrong, in the document."""

from typing import Any, Final

from mpps_web.problems import TYPE_PREFIX

PROBLEM_TYPE: Final = "application/problem+json"

_KNOWN: Final = {
    400: ("not-json", "The body is not JSON"),
    401: ("unauthorised", "Credentials are needed"),
    403: ("forbidden", "This key may not do that"),
    404: ("not-found", "There is no such thing"),
    409: ("id-taken", "It conflicts with what is there"),
    410: ("step-deleted", "The step was deleted"),
    412: ("changed", "It has changed since"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body has another media type"),
    422: ("invalid", "The request is not as described"),
    503: ("store-unavailable", "The store cannot be used now; try again later"),
}
_FAULTS: Final = [{"path": "limits.in_flight", "detail": "must be greater than or equal to 1"}]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of these problems and of those that every route may answer with."""
    return {
        status: {
            "description": _KNOWN[status][1],
            "content": {
                PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _example(status)}
            },
        }
        for status in sorted({*statuses, 401, 403, 422, 503})
    }


def _example(status: int) -> dict[str, Any]:
    slug, title = _KNOWN[status]
    faults = {"errors": _FAULTS} if status == 422 else {}  # noqa: PLR2004
    detail = "There is one fault." if faults else f"{title}."
    return {
        "type": TYPE_PREFIX + slug,
        "title": title,
        "status": status,
        "detail": detail,
        **faults,
        "request_id": "4f1d2c3b5a697887",
    }
