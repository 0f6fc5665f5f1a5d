"""Bodies that the API takes: read by hand, so that all their faults can be told at once and none repeats a value."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    WithJsonSchema,
)
from starlette.requests import Request

from mpps_console.api.answers import invalid
from mpps_console.times import seconds_of
from mpps_core.desk import ID_PATTERN, DraftFault, SubscriptionDraft
from mpps_core.subscription import MAX_IN_FLIGHT, Limits, Start, Updates
from mpps_web.media import parse_content_type
from mpps_web.problems import Problem

MAX_BODY: Final = 256 * 1024
"""Bytes that a body may have: a subscription with its longest secrets is a tenth of that."""

_WRITE_ONLY: Final[dict[str, Any]] = {"writeOnly": True, "format": "password"}
_JSON_TYPE: Final = "application/json"
_LEAD: Final = re.compile(r"^(?:Value error, )?(?:Input|String|Value|Number)? ?should ")


def _time(value: Any) -> float:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic takes ValueErrors for faults
    return seconds_of(value)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


Time = Annotated[
    float,
    BeforeValidator(_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-01T00:00:00Z"]}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SinceBody(_Body):
    """A start at a time: every step with an operation accepted at or after it."""

    since: Time = Field(description="RFC 3339, with its zone.")


StartBody = Annotated[
    Annotated[Literal["now", "open"], Tag("word")] | Annotated[SinceBody, Tag("object")],
    Discriminator(lambda value: "object" if isinstance(value, dict | SinceBody) else "word"),
]


class LimitsBody(_Body):
    """What the subscriber can bear, as a whole."""

    in_flight: int = Field(default=4, ge=1, le=MAX_IN_FLIGHT, description="Most attempts at the same time.")
    per_second: float | None = Field(
        default=None, gt=0, le=100_000, allow_inf_nan=False, description="Most attempts per second; null: no bound."
    )
    timeout_s: float = Field(
        default=30.0, gt=0, le=600, allow_inf_nan=False, description="Seconds until an attempt counts as unanswered."
    )


class NoAuth(_Body):
    """No credentials."""

    kind: Literal["none"]


class BasicAuth(_Body):
    """User name and password (RFC 7617)."""

    kind: Literal["basic"]
    username: str
    password: str = Field(description="Write-only; reads back as `***`.", json_schema_extra=_WRITE_ONLY)


class BearerAuth(_Body):
    """A bearer token (RFC 6750)."""

    kind: Literal["bearer"]
    token: str = Field(description="Write-only; reads back as `***`.", json_schema_extra=_WRITE_ONLY)


class DicomwebTarget(_Body):
    """How a subscriber that speaks DICOMweb is reached. For the document only: the sender of the kind judges it."""

    url: str = Field(description="Base URI of its DICOMweb service.", examples=["https://ris.example/dicomweb"])
    dialect: Literal["query", "path", "patch"] = Field(
        default="query",
        description="What an Update is: `POST …?update` (the Standard), `POST …/update`, or `PATCH` (drafts).",
    )
    media_type: Literal["application/dicom+json"] = Field(
        default="application/dicom+json", description="In which form data sets are sent."
    )
    auth: NoAuth | BasicAuth | BearerAuth = Field(
        default=NoAuth(kind="none"), discriminator="kind", description="How the manager makes itself known."
    )


class SubscriptionBody(_Body):
    """What a subscriber wants, and how to reach it."""

    id: str = Field(pattern=ID_PATTERN, description="Name for programs; never changes.", examples=["ris"])
    name: Annotated[str, AfterValidator(_printable)] | None = Field(
        default=None, min_length=1, max_length=200, description="Name for people; the id when there is none."
    )
    kind: Literal["dicomweb"] = Field(default="dicomweb", description="Protocol that the subscriber speaks.")
    target: dict[str, Any] = Field(description="How it is reached; depends on the kind.")
    start: StartBody = Field(
        default="now",
        description="From when on: `now`, `open` (also every step that is IN PROGRESS), or since a time.",
    )
    updates: Literal["every"] = Field(default="every", description="Which operations.")
    limits: LimitsBody = Field(default=LimitsBody(), description="What the subscriber can bear.")
    enabled: bool = Field(default=True, description="False: lanes are kept, nothing is sent.")

    def draft(self) -> SubscriptionDraft:
        """Return what the core makes a subscription from."""
        since = self.start.since if isinstance(self.start, SinceBody) else None
        return SubscriptionDraft(
            id=self.id,
            name=self.name or self.id,
            kind=self.kind,
            target=self.target,
            start=Start.SINCE if isinstance(self.start, SinceBody) else Start(self.start),
            since=since,
            updates=Updates(self.updates),
            limits=Limits(
                in_flight=self.limits.in_flight,
                per_second=self.limits.per_second,
                timeout_s=self.limits.timeout_s,
            ),
            enabled=self.enabled,
        )


async def read_body(request: Request) -> bytes:
    """Return the body of a request. Raises Problem 413 or 415.

    Only ``application/json`` is taken: a page of another site cannot send that without asking the browser first.
    """
    content_type = parse_content_type(request.headers.get("content-type", ""))
    if content_type is None or content_type.name != _JSON_TYPE or content_type.charset not in {None, "utf-8"}:
        raise Problem(
            status=415,
            slug="unsupported-media-type",
            title="The body has another media type",
            detail=f"Send {_JSON_TYPE} in UTF-8.",
            headers={"Accept-Post": _JSON_TYPE},
        )
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(
                status=413,
                slug="too-large",
                title="The body is too large",
                detail=f"It may have {MAX_BODY} bytes.",
                headers={"Connection": "close"},
            )
    return bytes(body)


def read_subscription(
    body: bytes, target_faults: Callable[[str, dict[str, Any]], list[DraftFault]]
) -> SubscriptionDraft:
    """Return the subscription that a body asks for. Raises Problem 400 (not JSON) or 422 with every fault."""
    members = _members(body)
    faults: list[DraftFault] = []
    draft = None
    try:
        draft = SubscriptionBody.model_validate(members).draft()
    except ValidationError as error:
        faults = [_fault(fault["loc"], fault["type"], fault["msg"]) for fault in error.errors(include_url=False)]
    kind, target = members.get("kind", "dicomweb"), members.get("target")
    if isinstance(target, dict) and not any(fault.path == "kind" for fault in faults):
        faults += target_faults(kind, target)
    if faults or draft is None:
        raise invalid(faults)
    return draft


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Problem(
            status=400, slug="not-json", title="The body is not JSON", detail="It must be one JSON object (RFC 8259)."
        ) from None
    if not isinstance(members, dict):
        raise invalid([DraftFault(path="", detail="must be an object")])
    return members


def _fault(loc: Sequence[str | int], kind: str, words: str) -> DraftFault:
    return DraftFault(
        path=_path(loc), detail=_SENTENCES.get(kind) or _LEAD.sub("must ", words).removeprefix("Value error, ")
    )


def _path(loc: Iterable[str | int]) -> str:
    parts = list(loc)
    if parts[:1] == ["start"]:
        parts = [part for part in parts if part not in {"word", "object"}]
    return ".".join(map(str, parts))


_SENTENCES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not known here",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "string_pattern_mismatch": f"must match {ID_PATTERN}",
}
"""Faults in our own words; the rest keeps pydantic's, none of which repeats what was sent."""
