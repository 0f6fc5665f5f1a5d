"""Problems: the table of errors, the members, the forms, and that no value of a patient is in them."""

import asyncio
import inspect
from typing import Annotated, Any, Final

import orjson
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from structlog.testing import capture_logs

from mpps_core import errors
from mpps_core.errors import AlreadyExists, CoreError, TryLater
from mpps_dicom import RULES, Refused, Severity
from mpps_web.app import create_app
from mpps_web.problems import (
    TABLE,
    Problem,
    finding_members,
    install_problem_handlers,
    problem_of,
    problem_response,
    refusing_finding,
)
from mpps_web.server import HttpServer
from tests.integration.ingest.harness import Answer, read_answer, request_bytes
from tests.support.aio import run


def core_errors() -> list[type[CoreError]]:
    return [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, CoreError)]


def made(cls: type[CoreError]) -> CoreError:
    return AlreadyExists(same_content=True) if cls is AlreadyExists else cls()


@pytest.mark.parametrize("cls", core_errors(), ids=lambda cls: cls.__name__)
def test_every_error_of_the_core_is_a_problem(cls: type[CoreError]) -> None:
    problem = problem_of(made(cls))
    assert 400 <= problem.status < 600
    assert problem.slug
    assert problem.detail
    assert ("Retry-After" in problem.headers) == (problem.status == 503)


def test_statuses_are_those_of_the_standard() -> None:
    """PS3.18 15.4.3.1, 15.5.3.1, 15.6.3.1; rules of the table are rules that there are."""
    wanted = {
        errors.AlreadyExists: 409,
        errors.UnknownStep: 404,
        errors.StepDeleted: 410,
        errors.StepFinal: 409,
        errors.TryLater: 503,
        errors.StoreUnavailable: 503,
    }
    assert {cls: problem_of(made(cls)).status for cls in wanted} == wanted
    assert {row.rule for row in TABLE.values() if row.rule} <= set(RULES)


@pytest.mark.parametrize(("seconds", "header"), [(0.2, "1"), (5.0, "5"), (7.3, "8")])
def test_retry_after_is_in_whole_seconds(seconds: float, header: str) -> None:
    assert problem_of(TryLater(retry_after=seconds)).headers["Retry-After"] == header


def test_refusal_leads_with_the_finding_that_decides() -> None:
    conflict, malformed = refusing_finding("step-final", "It is over."), refusing_finding("vr-missing", "No vr.")
    problem = problem_of(Refused((conflict, malformed)))
    assert (problem.status, problem.detail) == (400, "No vr. There is one more finding.")
    assert problem.findings == (conflict, malformed)


def test_members_of_a_finding() -> None:
    """PS3.7 writes statuses as 0110H; the Error ID of Table F.7.2-2 goes with it."""
    assert finding_members(refusing_finding("step-final", "It is over.")) == {
        "path": "",
        "rule": "step-final",
        "section": RULES["step-final"].section,
        "severity": Severity.REFUSE,
        "detail": "It is over.",
        "dimse_status": "0110H",
        "error_id": "A710H",
    }


NASTY = Problem(
    status=400,
    slug="x",
    title="<b>",
    detail="a & b",
    findings=(refusing_finding("vr-missing", '<script>"'),),
    extra={"same_content": False, "errors": [{"path": "a<b"}]},
)


def answer(accept: str | None, problem: Problem = NASTY, *, method: str = "GET", always_json: bool = False) -> Any:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    request = Request({"type": "http", "method": method, "headers": headers, "mpps.request_id": "r-1"})
    return problem_response(request, problem, always_json=always_json)


def test_json_form() -> None:
    """RFC 9457 3.1."""
    response = answer(None)
    assert response.media_type == "application/problem+json"
    members = orjson.loads(response.body)
    assert members["type"] == "urn:mpps-manager:problem:x"
    assert (members["title"], members["status"], members["detail"]) == ("<b>", 400, "a & b")
    assert (members["request_id"], members["same_content"]) == ("r-1", False)


def test_xml_form_is_escaped() -> None:
    """RFC 9457 Appendix B."""
    body = answer("application/xml").body.decode()
    assert "<title>&lt;b&gt;</title>" in body
    assert "<same_content>false</same_content>" in body
    assert "<errors><i><path>a&lt;b</path></i></errors>" in body


def test_html_form_is_escaped() -> None:
    body = answer("text/html").body.decode()
    assert "&lt;script&gt;" in body
    assert "<script>" not in body


def test_always_json_is_always_json() -> None:
    assert answer("text/html", always_json=True).media_type == "application/problem+json"


def test_head_has_the_length_but_not_the_body() -> None:
    full, head = answer(None), answer(None, method="HEAD")
    assert head.body == b""
    assert head.headers["content-length"] == full.headers["content-length"]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size: int


AS_JSON: Final = {"Content-Type": "application/json"}


def app_that_fails() -> FastAPI:
    app = create_app([], log_requests=False)

    @app.post("/api/v1/things")
    async def add(thing: Annotated[Thing, Body()]) -> None:
        raise ValueError(f"Doe^Jane {thing.name}")

    @app.get("/core")
    async def core() -> None:
        raise errors.UnknownStep

    @app.get("/problem")
    async def problem() -> None:
        raise NASTY

    return app


async def asked(
    app: FastAPI, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    server = HttpServer(app, "127.0.0.1", 0)
    await server.start()
    reader, writer = await asyncio.open_connection(*server.address)
    writer.write(request_bytes(method, path, body, headers))
    got = await read_answer(reader, method)
    writer.close()
    await server.stop(1)
    return got


def test_all_faults_of_a_body_at_once_without_what_was_sent() -> None:
    body = b'{"size": "Doe^Jane", "patient": "Doe^Jane"}'
    got = run(asked(app_that_fails(), "POST", "/api/v1/things", body, AS_JSON | {"Accept": "text/html"}))
    assert (got.status, got.problem) == (422, "invalid")
    assert {fault["path"] for fault in got.json["errors"]} == {"body.name", "body.size", "body.patient"}
    assert b"Doe" not in got.body


def test_unexpected_errors_are_answered_and_logged_without_their_words() -> None:
    with capture_logs() as logs:
        got = run(asked(app_that_fails(), "POST", "/api/v1/things", b'{"name": "Doe", "size": 1}', AS_JSON))
    assert (got.status, got.problem) == (500, "internal")
    (line,) = [line for line in logs if line["event"] == "request_failed_unexpectedly"]
    assert line["request_id"] == got.header("x-request-id")
    assert line["error"] == "ValueError"
    assert "Doe" not in repr(logs)
    assert b"Doe" not in got.body


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/core", 404, "unknown-step"),
        ("GET", "/problem", 400, "x"),
        ("GET", "/nowhere", 404, "no-such-resource"),
        ("DELETE", "/core", 405, "method-not-allowed"),
    ],
)
def test_errors_of_routes_and_of_the_framework(method: str, path: str, status: int, slug: str) -> None:
    got = run(asked(app_that_fails(), method, path))
    assert (got.status, got.problem) == (status, slug)
    assert (status == 405) == (got.header("allow") is not None)


def test_handlers_alone_are_enough() -> None:
    app = FastAPI()
    install_problem_handlers(app, always_json=True)

    @app.get("/x")
    async def fail() -> None:
        raise ValueError("Doe^Jane")

    got = run(asked(app, "GET", "/x", headers={"Accept": "text/html"}))
    assert (got.status, got.header("content-type")) == (500, "application/problem+json")
