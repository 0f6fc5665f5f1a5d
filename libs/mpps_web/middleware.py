"""What happens around every request: its id, its log line, who sent it, and headers for pages. Pure ASGI."""

import re
import time
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mpps_web.problems import internal_problem, log_unexpected, problem_response
from mpps_web.requests import (
    HOST_KEY,
    REQUEST_ID_KEY,
    Proxies,
    client_of,
    header_of,
    headers_of,
    new_request_id,
    sent_request_id,
    valid_host,
)

_log = structlog.get_logger("mpps_web")

_CONTENT_POLICY: Final = (
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

PAGE_HEADERS: Final = (
    (b"content-security-policy", _CONTENT_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
"""Headers that every HTML page has, unless it brings its own of the same name."""

QUIET_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for every few seconds by the platform; logged only when debugging."""

# A path is logged where a route knows it and every part looks like an id of ours or a UID: a wrong path may
# hold anything, a patient's name too.
_LOGGED_PATH = re.compile(r"(?:/[a-z0-9._-]{0,64}){1,8}")
_FIRST_SERVER_ERROR: Final = 500
_SCHEMES: Final = frozenset({"http", "https"})


class RequestMiddleware:
    """Gives every request an id, every answer the id and every page its headers, and logs one line for each.

    Behind trusted proxies the address, scheme and host are those that the client used. An error that nothing
    else has answered becomes a 500 problem.
    """

    def __init__(self, app: ASGIApp, *, proxies: Proxies | None = None, log_requests: bool = True) -> None:
        self._app = app
        self._proxies = proxies
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = scope[REQUEST_ID_KEY] = _id_of(scope)
        id_header = (b"x-request-id", request_id.encode())
        status: int | None = None
        if self._proxies is not None:
            _believe(scope, self._proxies)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_page_headers(message), id_header]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            log_unexpected(error, request_id)
            if status is None:
                await problem_response(Request(scope), internal_problem())(scope, receive, answer)
            else:
                # Half an answer is out; ending the connection is the only way to say that it is not whole.
                raise
        finally:
            if self._log_requests:
                _log_request(scope, request_id, status, time.perf_counter() - started)


def _id_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return sent_request_id(value) or new_request_id()
    return new_request_id()


def _believe(scope: Scope, proxies: Proxies) -> None:
    """Take what a trusted proxy says about the client."""
    peer = client_of(scope)
    if not proxies.trusts(peer):
        return
    scope["client"] = (proxies.origin(peer, headers_of(scope, b"x-forwarded-for")), 0)
    # Each proxy appends; the last entry is that of the one we trust.
    scheme = _last(header_of(scope, b"x-forwarded-proto"))
    if scheme in _SCHEMES:
        scope["scheme"] = scheme
    host = _last(header_of(scope, b"x-forwarded-host"))
    if valid_host(host):
        scope[HOST_KEY] = host


def _last(header: str | None) -> str:
    return (header or "").rpartition(",")[2].strip()


def _page_headers(message: Message) -> list[tuple[bytes, bytes]]:
    names = set()
    is_page = False
    for name, value in message.get("headers", ()):
        if name == b"content-type" and value.startswith(b"text/html"):
            is_page = True
        names.add(name)
    return [header for header in PAGE_HEADERS if header[0] not in names] if is_page else []


def _log_request(scope: Scope, request_id: str, status: int | None, seconds: float) -> None:
    path: str = scope["path"]
    known = ("endpoint" in scope and _LOGGED_PATH.fullmatch(path) is not None) or path == "/"
    facts: dict[str, Any] = {
        "request_id": request_id,
        "method": scope["method"],
        "path": path if known else None,
        "status": status,
        "client": client_of(scope),
        "ms": round(seconds * 1000, 2),
    }
    if status is None or status >= _FIRST_SERVER_ERROR:
        _log.warning("http_request", **facts)
    elif path in QUIET_PATHS:
        _log.debug("http_request", **facts)
    else:
        _log.info("http_request", **facts)
