"""``/subscriptions``: who gets what, and how it stands."""

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from mpps_console.api.answers import answer, invalid, not_found, page
from mpps_console.api.bodies import read_body, read_subscription
from mpps_console.api.cursors import read_cursor, write_cursor
from mpps_console.api.documented import problems
from mpps_console.api.guards import MAY_CHANGE, MAY_READ, MAY_TEST
from mpps_console.api.idempotency import Memory
from mpps_console.api.models import Page, ProbeResult, Removed, Subscription
from mpps_console.api.queries import PageQuery, WaitQuery
from mpps_console.api.views import probe_members, subscription_members
from mpps_console.parts import ConsoleParts
from mpps_console.standing import BreakerStanding, SubscriptionStanding, standing
from mpps_core.desk import DraftInvalid, HasChanged, IdTaken, IsDeclared
from mpps_core.errors import ConfigurationError, NotFound
from mpps_core.reading import LaneCounts
from mpps_core.subscription import Subscription as Kept
from mpps_web.problems import Problem

Id = Annotated[str, Path(description="Id of the subscription.", examples=["ris"])]

_NO_SUCH: Final = "There is no subscription with this id."
_ETAG: Final = re.compile(r'"(\d+)-(\d+)"')
_KEY_HEADER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Up to 255 visible ASCII characters. Within a day, and until the manager restarts, a repeat with "
    "the same key gets the first answer and changes nothing.",
    "schema": {"type": "string", "maxLength": 255},
}
_MATCH_HEADER: Final = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of the subscription that is meant, or `*`.",
    "schema": {"type": "string"},
}
_ETAG_HEADER: Final = {
    "ETag": {"description": "Changes when the subscription is edited.", "schema": {"type": "string"}}
}
_EXAMPLES: Final = {
    "short": {
        "summary": "What has no default",
        "value": {"id": "ris", "target": {"url": "https://ris.example/dicomweb"}},
    },
    "full": {
        "summary": "Everything",
        "value": {
            "id": "archive",
            "name": "Image archive",
            "kind": "dicomweb",
            "target": {
                "url": "https://archive.example/dicomweb",
                "dialect": "query",
                "media_type": "application/dicom+json",
                "auth": {"kind": "bearer", "token": "secret"},
            },
            "start": {"since": "2026-11-01T00:00:00Z"},
            "updates": "every",
            "limits": {"in_flight": 4, "per_second": None, "timeout_s": 30},
            "enabled": True,
        },
    },
}
_BODY: Final = {
    "required": True,
    "content": {
        "application/json": {"schema": {"$ref": "#/components/schemas/SubscriptionBody"}, "examples": _EXAMPLES}
    },
}


def subscriptions_router(parts: ConsoleParts) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])
    memory = Memory(parts.clock)
    _add_reading(router, parts)
    _add_creating(router, parts, memory)
    _add_removing(router, parts)
    _add_testing(router, parts, memory)
    return router


def _add_reading(router: APIRouter, parts: ConsoleParts) -> None:
    @router.get(
        "",
        response_model=Page[Subscription],
        responses=problems(),
        dependencies=[MAY_READ],
        operation_id="list_subscriptions",
    )
    async def list_subscriptions(query: Annotated[PageQuery, Query()]) -> Response:
        """List subscriptions, newest first, each with how it stands."""
        after = read_cursor(query.cursor, int)
        below = after[0] if after else None
        stands = sorted((await standing(parts)).subscriptions, key=_number, reverse=True)
        rest = [item for item in stands if below is None or _number(item) < below]
        items = rest[: query.limit]
        position = (_number(items[-1]),) if len(rest) > len(items) else None
        return page([subscription_members(item) for item in items], write_cursor(position))

    @router.get(
        "/{subscription_id}",
        response_model=Subscription,
        responses={200: {"headers": _ETAG_HEADER}, **problems(404)},
        dependencies=[MAY_READ],
        operation_id="get_subscription",
    )
    async def get_subscription(subscription_id: Id) -> Response:
        """Get a subscription and how it stands. Secrets read back as `***`."""
        return await _one(parts, subscription_id)


def _add_creating(router: APIRouter, parts: ConsoleParts, memory: Memory) -> None:
    @router.post(
        "",
        status_code=201,
        response_model=Subscription,
        responses={201: {"headers": _ETAG_HEADER}, **problems(400, 409, 413, 415)},
        dependencies=list(MAY_CHANGE),
        operation_id="create_subscription",
        openapi_extra={"requestBody": _BODY, "parameters": [_KEY_HEADER]},
    )
    async def create_subscription(request: Request, query: Annotated[WaitQuery, Query()]) -> Response:
        """Make a subscription. It gets what is accepted from its `start` on, each step from its Create on."""
        body = await read_body(request)

        async def work() -> Response:
            draft = read_subscription(body, parts.desk.faults)
            try:
                kept = await parts.desk.create(draft)
            except DraftInvalid as error:
                raise invalid(error.faults) from None
            except IdTaken:
                raise _conflict("id-taken", "There is a subscription with this id already.") from None
            await _waited(parts, kept.revision, query)
            return _created(parts, kept)

        return await memory.once(request, body, work)


def _add_removing(router: APIRouter, parts: ConsoleParts) -> None:
    @router.delete(
        "/{subscription_id}",
        response_model=Removed,
        responses=problems(404, 409, 412),
        dependencies=list(MAY_CHANGE),
        operation_id="remove_subscription",
        openapi_extra={"parameters": [_MATCH_HEADER]},
    )
    async def remove_subscription(
        request: Request, subscription_id: Id, query: Annotated[WaitQuery, Query()]
    ) -> Response:
        """Remove a subscription. Once that is `applied`, nothing more is sent to it; what was under way may arrive."""
        known = await _found(parts, subscription_id)
        try:
            revision = await parts.desk.remove(subscription_id, if_revision=_expected(request, known))
        except NotFound:
            raise not_found(_NO_SUCH) from None
        except IsDeclared as error:
            raise _conflict("declared", error.detail) from None
        except HasChanged:
            raise _changed() from None
        await _waited(parts, revision, query)
        state = "applied" if parts.desk.is_applied(revision) else "applying"
        return answer({"id": subscription_id, "revision": revision, "state": state})


def _add_testing(router: APIRouter, parts: ConsoleParts, memory: Memory) -> None:
    @router.post(
        "/{subscription_id}/test",
        response_model=ProbeResult,
        responses=problems(404, 409),
        dependencies=list(MAY_TEST),
        operation_id="test_subscription",
        openapi_extra={"parameters": [_KEY_HEADER]},
    )
    async def test_subscription(request: Request, subscription_id: Id) -> Response:
        """Reach the subscriber, with its credentials and without changing anything there, and tell what came of it."""

        async def work() -> Response:
            known = await _found(parts, subscription_id)
            try:
                reply = await parts.test(known)
            except ConfigurationError as error:
                raise _conflict("unusable", error.detail) from None
            return answer(probe_members(known, reply))

        return await memory.once(request, b"", work)


async def _found(parts: ConsoleParts, name: str) -> Kept:
    try:
        return await parts.desk.get(name)
    except NotFound:
        raise not_found(_NO_SUCH) from None


async def _one(parts: ConsoleParts, name: str) -> Response:
    for item in (await standing(parts)).subscriptions:
        if item.subscription.id == name:
            return answer(subscription_members(item), headers={"etag": _etag(item.subscription)})
    raise not_found(_NO_SUCH)


def _created(parts: ConsoleParts, kept: Kept) -> Response:
    """Answer without asking the store again: it is done, whatever happens to the store now."""
    stands = SubscriptionStanding(
        subscription=kept,
        applied=parts.desk.is_applied(kept.revision),
        breaker=BreakerStanding(),
        counts=LaneCounts(subscription=kept.number),
    )
    headers = {"etag": _etag(kept), "location": f"/api/v1/subscriptions/{kept.id}"}
    return answer(subscription_members(stands), status=201, headers=headers)


async def _waited(parts: ConsoleParts, revision: int, query: WaitQuery) -> None:
    if query.wait is not None:
        await parts.desk.wait_applied(revision, query.wait)


def _number(item: SubscriptionStanding) -> int:
    return item.subscription.number


def _etag(subscription: Kept) -> str:
    """Return the tag of a definition. How the subscription stands may differ under the same tag."""
    return f'"{subscription.number}-{subscription.revision}"'


def _expected(request: Request, known: Kept) -> int | None:
    """Return the revision that ``If-Match`` names. Raises Problem 412 when it names none of this subscription."""
    header = request.headers.get("if-match")
    if header is None or header.strip() == "*":
        return None
    revisions = [int(found[2]) for found in _ETAG.finditer(header) if int(found[1]) == known.number]
    if known.revision not in revisions:
        raise _changed()
    return known.revision


def _changed() -> Problem:
    return Problem(
        status=412,
        slug="changed",
        title="It has changed since",
        detail="The subscription is not the one that If-Match names. Get it again and decide anew.",
    )


def _conflict(slug: str, detail: str, **extra: Any) -> Problem:
    return Problem(status=409, slug=slug, title="It conflicts with what is there", detail=detail, extra=extra)
