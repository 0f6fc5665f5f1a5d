"""The OpenAPI document of the management API."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.routing import BaseRoute

from mpps_console.api.bodies import DicomwebTarget, SubscriptionBody
from mpps_console.api.models import Problem

_REFERENCE: Final = "#/components/schemas/{model}"

_DESCRIPTION: Final = """\
What operators and programs ask of the manager. (What modalities and subscribers ask of it is DICOM PS3.18
chapter 15, below `/dicomweb`.)

* JSON whatever `Accept` says; members in snake_case; times are RFC 3339 in UTC.
* Errors are problems of RFC 9457, `application/problem+json`. 422 tells every fault at once, each with its path.
* Lists are newest first and paged: pass `next_cursor` as `cursor` until it is null.
* Where keys are configured: reading and testing needs one with the role `operator`, changing one with `admin`.
* Query parameters and members that are not described here are refused, so that a typing error shows.
"""

_TAGS: Final = [
    {"name": "overview", "description": "How the manager stands."},
    {"name": "subscriptions", "description": "What each subscriber wants, how to reach it, and how it stands."},
    {"name": "steps", "description": "Modality Performed Procedure Steps, and the operations they came in."},
    {"name": "lanes", "description": "Each step on its way to each subscription."},
    {"name": "attempts", "description": "What was tried, and what came of it."},
]


def openapi_document(routes: Sequence[BaseRoute], version: str) -> dict[str, Any]:
    """Return the document of these routes."""
    document = get_openapi(
        title="mpps-manager",
        version=version,
        summary="Management API",
        description=_DESCRIPTION,
        routes=list(routes),
        tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (Problem, SubscriptionBody, DicomwebTarget):
        _add(schemas, model)
    # What belongs into a target is for the sender of the kind to judge; with one kind there is one answer.
    schemas["SubscriptionBody"]["properties"]["target"] = {"$ref": _REFERENCE.format(model="DicomwebTarget")}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token whose SHA-256 is configured in `[[security.keys]]`. Without keys none is needed.",
        }
    }
    document["security"] = [{"token": []}, {}]
    return document


def _add(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    """Add a model that no route names itself, and what it is made of."""
    schema = model.model_json_schema(ref_template=_REFERENCE)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
