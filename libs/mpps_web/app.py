"""The application of a role: routers, problem answers and what happens around every request."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.routing import Route

from mpps_web.keys import NO_KEYS, Keyring
from mpps_web.middleware import RequestMiddleware
from mpps_web.problems import install_problem_handlers
from mpps_web.requests import Proxies

API_PREFIXES: Final = ("/api/",)
"""Below these paths errors are JSON whatever ``Accept`` says."""


def create_app(
    routers: Sequence[APIRouter],
    *,
    keyring: Keyring = NO_KEYS,
    proxies: Proxies | None = None,
    log_requests: bool = True,
    title: str = "mpps-manager",
    version: str = "",
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]] | None = None,
) -> FastAPI:
    """Return an application of these routers, the busiest first; ``proxies`` only behind proxies.

    API documentation is off; whoever has an API to document mounts it.
    """
    app = FastAPI(
        title=title,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # Spans would carry queries, and logs the words of exceptions: what a patient's name may be in.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.keyring = keyring
    app.add_middleware(RequestMiddleware, proxies=proxies, log_requests=log_requests)
    install_problem_handlers(app, json_prefixes=API_PREFIXES)
    for router in routers:
        if all(type(route) is Route for route in router.routes):
            # Nothing of FastAPI's to add; an included router would match every request twice.
            app.router.routes.extend(router.routes)
        else:
            app.include_router(router)
    return app
