"""Health and metrics for the platform: ``/healthz``, ``/readyz``, ``/metrics``."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from mpps_core.errors import CoreError
from mpps_web.observer import PrometheusObserver

Check: TypeAlias = Callable[[], Awaitable[object]]
"""Returns when the thing can be used; raises what is wrong."""

_PATIENCE: Final = 2.0  # seconds; platforms ask with short timeouts of their own
_DRAINING: Final = "draining"


class Readiness:
    """Whether this process can do its work: everything in ``needs`` can be used, and it is not draining.

    What is in ``reported`` is told too, but we are ready without it.
    """

    def __init__(self, needs: Mapping[str, Check], *, reported: Mapping[str, Check] | None = None) -> None:
        self._needs = dict(needs)
        self._reported = dict(reported or {})
        self._draining = False

    def drain(self) -> None:
        """Be ready no more: the process is about to end."""
        self._draining = True

    async def missing(self) -> dict[str, str]:
        """Return what is missing, by name, with the reason."""
        missing = await _asked(self._needs)
        return {"process": _DRAINING, **missing} if self._draining else missing

    async def reported(self) -> dict[str, str]:
        """Return what is missing but not needed."""
        return await _asked(self._reported)


def health_router(
    readiness: Readiness,
    observer: PrometheusObserver | None = None,
    *,
    refresh: Callable[[], Awaitable[None]] | None = None,
) -> APIRouter:
    """Return the routes. ``refresh`` brings the gauges of the observer up to date before each scrape.

    When it fails, as it does without a store, the scrape gets the counters and the last gauges.
    """
    router = APIRouter(include_in_schema=False)

    async def healthz(_: Request) -> Response:
        return _json(200, {"status": "alive"})

    async def readyz(_: Request) -> Response:
        missing, reported = await asyncio.gather(readiness.missing(), readiness.reported())
        return _json(503 if missing else 200, {"ready": not missing, "missing": missing, "reported": reported})

    router.add_route("/healthz", healthz, methods=["GET"])
    router.add_route("/readyz", readyz, methods=["GET"])
    if observer is not None:

        async def metrics(_: Request) -> Response:
            if refresh is not None:
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await refresh()
                except (CoreError, TimeoutError):
                    observer.event("gauges_not_refreshed")
            return observer.metrics_response()

        router.add_route("/metrics", metrics, methods=["GET"])
    return router


async def _asked(checks: Mapping[str, Check]) -> dict[str, str]:
    answers = await asyncio.gather(*(_reason(check) for check in checks.values()))
    return {name: reason for name, reason in zip(checks, answers, strict=True) if reason}


async def _reason(check: Check) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except TimeoutError:
        return f"did not answer within {_PATIENCE:g} s"
    except CoreError as error:
        return error.detail
    except Exception as error:  # noqa: BLE001 - a check that breaks is a thing that cannot be used
        return type(error).__name__
    return ""


def _json(status: int, members: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(members), status, media_type="application/json", headers={"cache-control": "no-store"})
