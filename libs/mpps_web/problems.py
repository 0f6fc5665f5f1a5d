"""Problems: every error answer, as RFC 9457 says it, in the form that the request accepts.

``TABLE`` says what each error of the core is over HTTP; PS3.18 8.5, 15.4.3, 15.5.3 and 15.6.3 fix the codes.
An answer names rules, attributes and ids, never a value that was sent.
"""

import html
import math
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from xml.sax.saxutils import escape

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from mpps_core.errors import (
    AlreadyExists,
    ConfigurationError,
    CoreError,
    NotFound,
    OutcomeUnknown,
    RevisionLost,
    StepDeleted,
    StepFinal,
    StoreError,
    TooManyOperations,
    TryLater,
    UnknownStep,
)
from mpps_dicom import ERROR_ID_FINAL, RULES, Finding, Refused, Severity
from mpps_web.media import WILDCARD, MediaRange, parse_accept
from mpps_web.requests import header_of, request_id_of

TYPE_PREFIX: Final = "urn:mpps-manager:problem:"
RETRY_AFTER: Final = 5.0
"""Seconds that ``Retry-After`` asks for where an error does not say."""

_XML_NAMESPACE: Final = "urn:ietf:rfc:7807"
_MOST_FRAMES: Final = 30
_STEP_FINAL: Final = "step-final"

_log = structlog.get_logger("mpps_web")


class Problem(Exception):
    """An error answer. ``slug`` ends the problem type; ``extra`` are further members of the problem details."""

    def __init__(
        self,
        *,
        status: int,
        slug: str,
        title: str,
        detail: str,
        findings: tuple[Finding, ...] = (),
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {slug}")
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.findings = findings
        self.headers = headers or {}
        self.extra = extra or {}

    def members(self, request_id: str) -> dict[str, Any]:
        """Return the members of the problem details (RFC 9457 3.1)."""
        return {
            "type": TYPE_PREFIX + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **({"findings": [finding_members(finding) for finding in self.findings]} if self.findings else {}),
            **self.extra,
            **({"request_id": request_id} if request_id else {}),
        }


class Row(NamedTuple):
    """What an error of the core is over HTTP. ``rule`` is the one it breaks, a key of ``RULES``."""

    status: int
    slug: str
    title: str
    rule: str | None = None


TABLE: Final[Mapping[type[CoreError], Row]] = {
    AlreadyExists: Row(409, "already-exists", "The step exists already", "duplicate-instance"),
    UnknownStep: Row(404, "unknown-step", "The step is not known", "no-such-instance"),
    StepDeleted: Row(410, "step-deleted", "The step was deleted", "no-such-instance"),
    StepFinal: Row(409, _STEP_FINAL, "The step is final", _STEP_FINAL),
    TooManyOperations: Row(409, "too-many-operations", "The step has too many operations"),
    TryLater: Row(503, "try-later", "Not now; try again later"),
    RevisionLost: Row(409, "conflict", "Something else was there first"),
    NotFound: Row(404, "not-found", "There is no such thing"),
    OutcomeUnknown: Row(503, "outcome-unknown", "The outcome is not known; repeat the request"),
    StoreError: Row(503, "store-unavailable", "The store cannot be used now; try again later"),
    ConfigurationError: Row(422, "cannot-be", "What was asked for cannot be"),
    CoreError: Row(500, "internal", "Something went wrong in the manager"),
}
"""Rows by error; an error that is not listed has the row of the nearest class above it."""

_HTTP_SLUGS: Final = {404: "no-such-resource", 405: "method-not-allowed"}

_HTTP_DETAILS: Final = {
    404: "There is no resource at this path.",
    405: "The resource does not have this method; Allow lists those it has.",
}


def problem_of(error: CoreError | Refused) -> Problem:
    """Turn an error of the core or a refusal into the problem that it is over HTTP."""
    if isinstance(error, Refused):
        return _refused(error)
    row = next(TABLE[cls] for cls in type(error).__mro__ if cls in TABLE)
    headers, extra = {}, {}
    if row.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(max(1, math.ceil(getattr(error, "retry_after", RETRY_AFTER))))
    if isinstance(error, AlreadyExists):
        extra["same_content"] = error.same_content
    return Problem(
        status=row.status,
        slug=row.slug,
        title=row.title,
        detail=error.detail,
        findings=() if row.rule is None else (refusing_finding(row.rule, error.detail),),
        headers=headers,
        extra=extra,
    )


def finding_members(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON values; DIMSE statuses are written as in PS3.7, ``0106H``."""
    members = {
        "path": finding.path,
        "rule": finding.rule,
        "section": finding.section,
        "severity": finding.severity.value,
        "detail": finding.detail,
        "dimse_status": _hexadecimal(finding.dimse_status),
    }
    if finding.rule == _STEP_FINAL:  # 0110H alone does not say it; the Error ID does (PS3.4 Table F.7.2-2)
        members["error_id"] = _hexadecimal(ERROR_ID_FINAL)
    return members


def refusing_finding(rule_id: str, detail: str) -> Finding:
    """Make the finding of a rule that the request as a whole breaks. ``detail`` holds no value that was sent."""
    rule = RULES[rule_id]
    return Finding(
        path="",
        rule=rule_id,
        section=rule.section,
        severity=Severity.REFUSE,
        detail=detail,
        dimse_status=rule.dimse_status.value,
        http_status=rule.http_status,
    )


def problem_response(request: HTTPConnection, problem: Problem, *, always_json: bool = False) -> Response:
    """Write a problem in the form that the request accepts; JSON whatever it accepts with ``always_json``.

    ``application/problem+json`` when any JSON type or ``*/*`` is accepted or nothing was said,
    ``application/problem+xml`` when of the two only XML is, else ``text/html`` (PS3.18 8.6.3).
    """
    members = problem.members(request_id_of(request.scope))
    media_type = _JSON if always_json else _form_for(header_of(request.scope, b"accept"))
    body = _WRITERS[media_type](members)
    headers = {**problem.headers, "content-length": str(len(body))}
    if request.scope.get("method") == "HEAD":
        body = b""
    return Response(body, problem.status, headers, media_type=media_type)


def install_problem_handlers(app: FastAPI, *, always_json: bool = False, json_prefixes: tuple[str, ...] = ()) -> None:
    """Have the application answer every error with a problem: our own, the framework's and unexpected ones.

    Below ``json_prefixes`` errors are JSON whatever ``Accept`` says, with ``always_json`` everywhere.
    """

    def respond(request: Request, problem: Problem) -> Response:
        json = always_json or request.scope["path"].startswith(json_prefixes)
        return problem_response(request, problem, always_json=json)

    async def on_problem(request: Request, error: Exception) -> Response:
        return respond(request, error if isinstance(error, Problem) else internal_problem())

    async def on_core_error(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(error) if isinstance(error, CoreError | Refused) else internal_problem())

    async def on_http_exception(request: Request, error: Exception) -> Response:
        return respond(request, _of_http(error) if isinstance(error, HTTPException) else internal_problem())

    async def on_invalid(request: Request, error: Exception) -> Response:
        return respond(request, _invalid(error) if isinstance(error, RequestValidationError) else internal_problem())

    async def on_unexpected(request: Request, error: Exception) -> Response:
        log_unexpected(error, request_id_of(request.scope))
        return respond(request, internal_problem())

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(CoreError, on_core_error)
    app.add_exception_handler(Refused, on_core_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_unexpected)


def internal_problem() -> Problem:
    """Return the problem for an error that nobody expected."""
    return Problem(
        status=500,
        slug="internal",
        title="Something went wrong in the manager",
        detail="This is a fault of the manager; its log tells more under the request id.",
    )


def log_unexpected(error: BaseException, request_id: str) -> None:
    """Log an error that nobody expected: its class and where it came from, not its words, which may hold values."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    _log.error(
        "request_failed_unexpectedly",
        request_id=request_id,
        error=type(error).__qualname__,
        trace=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )


def _refused(error: Refused) -> Problem:
    leading = next(f for f in error.refusals or error.findings if f.http_status == error.http_status)
    others = len(error.refusals) - 1
    more = f" There are {others} more findings." if others > 1 else " There is one more finding." if others else ""
    return Problem(
        status=error.http_status,
        slug="refused",
        title="A rule of the Standard refuses the request",
        detail=f"{leading.path}: {leading.detail}{more}" if leading.path else leading.detail + more,
        findings=error.findings,
    )


def _of_http(error: HTTPException) -> Problem:
    phrase = HTTPStatus(error.status_code).phrase
    return Problem(
        status=error.status_code,
        slug=_HTTP_SLUGS.get(error.status_code, phrase.lower().replace(" ", "-")),
        title=phrase,
        detail=_HTTP_DETAILS.get(error.status_code, f"{phrase}."),
        headers=dict(error.headers or {}),
    )


def _invalid(error: RequestValidationError) -> Problem:
    # Neither "input" nor "ctx" of pydantic's errors: they repeat what was sent.
    errors = [
        {"path": _location(fault["loc"]), "rule": fault["type"], "detail": fault["msg"]} for fault in error.errors()
    ]
    return Problem(
        status=422,
        slug="invalid",
        title="The request is not as described",
        detail="There is one fault." if len(errors) == 1 else f"There are {len(errors)} faults.",
        extra={"errors": errors},
    )


def _location(loc: Iterable[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def _hexadecimal(status: int) -> str:
    return f"{status:04X}H"


def _form_for(accept: str | None) -> str:
    ranges = [entry for entry in parse_accept(accept or "") if entry.quality > 0]
    if accept is None or not accept.strip() or any(_takes_json(entry) for entry in ranges):
        return _JSON
    return _XML if any(entry.suffix == "xml" for entry in ranges) else _HTML


def _takes_json(entry: MediaRange) -> bool:
    return entry.suffix == "json" or (entry.subtype == WILDCARD and entry.type in {WILDCARD, "application"})


def _as_xml(members: Mapping[str, Any]) -> bytes:
    inner = "".join(_element(name, value) for name, value in members.items())
    document = f'<?xml version="1.0" encoding="UTF-8"?><problem xmlns="{_XML_NAMESPACE}">{inner}</problem>'
    return document.encode()


def _element(name: str, value: Any) -> str:
    """Write a member as RFC 9457 Appendix B has it: objects as elements, entries of arrays as ``i``."""
    if isinstance(value, Mapping):
        inner = "".join(_element(key, entry) for key, entry in value.items())
    elif isinstance(value, list | tuple):
        inner = "".join(_element("i", entry) for entry in value)
    elif isinstance(value, bool) or value is None:
        inner = orjson.dumps(value).decode()
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _as_html(members: Mapping[str, Any]) -> bytes:
    def text(value: Any) -> str:
        return html.escape(str(value))

    findings = "".join(
        f"<li><code>{text(finding['rule'])}</code> ({text(finding['section'])}) {text(finding['path'])}: "
        f"{text(finding['detail'])}</li>"
        for finding in members.get("findings", ())
    )
    page = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{members['status']} {text(members['title'])}</title></head><body>"
        f"<h1>{members['status']} {text(members['title'])}</h1><p>{text(members['detail'])}</p>"
        f"{f'<ul>{findings}</ul>' if findings else ''}"
        f"<p>Request <code>{text(members.get('request_id', ''))}</code>, <code>{text(members['type'])}</code></p>"
        "</body></html>"
    )
    return page.encode()


_JSON: Final = "application/problem+json"
_XML: Final = "application/problem+xml"
_HTML: Final = "text/html"

_WRITERS: Final[Mapping[str, Callable[[Mapping[str, Any]], bytes]]] = {
    _JSON: orjson.dumps,
    _XML: _as_xml,
    _HTML: _as_html,
}
