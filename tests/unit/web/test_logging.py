"""Log lines: constant events, ids and codes, no words of exceptions, no queries, no odd paths."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from mpps_web.app import create_app
from mpps_web.health import Readiness, health_router
from mpps_web.logging import configure_logging


@pytest.fixture
def stream() -> Iterator[io.TextIOWrapper]:
    root = logging.getLogger()
    before = root.handlers, root.level
    yield io.TextIOWrapper(io.BytesIO(), write_through=True)
    root.handlers, root.level = before
    structlog.reset_defaults()


def lines(stream: io.TextIOWrapper) -> list[dict[str, Any]]:
    assert isinstance(stream.buffer, io.BytesIO)
    return [orjson.loads(line) for line in stream.buffer.getvalue().splitlines()]


def test_lines_are_json_with_level_and_time(stream: io.TextIOWrapper) -> None:
    configure_logging(stream=stream)
    log = structlog.get_logger("x")
    log.info("door_opened", port=8246)
    log.debug("not_shown")
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {"event": "door_opened", "port": 8246, "level": "info"}


def fail() -> None:
    raise ValueError("Doe^Jane")


def test_words_of_exceptions_are_dropped(stream: io.TextIOWrapper) -> None:
    configure_logging(stream=stream)
    try:
        fail()
    except ValueError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
        structlog.get_logger("x").exception("failed_too")
    assert [line["error"] for line in lines(stream)] == ["ValueError", "ValueError"]
    assert b"Doe" not in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_libraries_are_heard_without_their_arguments(stream: io.TextIOWrapper) -> None:
    configure_logging(stream=stream)
    try:
        fail()
    except ValueError:
        logging.getLogger("some.library").exception("lost %s", "Doe^Jane")
    logging.getLogger("some.library").info("chatter")
    (line,) = lines(stream)
    assert (line["library"], line["message"], line["error"]) == ("some.library", "lost %s", "ValueError")
    assert b"Doe" not in stream.buffer.getvalue()  # type: ignore[attr-defined]


def test_terminal_gets_readable_lines(stream: io.TextIOWrapper) -> None:
    configure_logging(stream=stream, console=True)
    structlog.get_logger("x").info("door_opened", port=8246)
    text = stream.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert "door_opened" in text
    assert "port" in text


def logged(path: str, **kwargs: Any) -> dict[str, Any]:
    app = create_app([health_router(Readiness({}))])

    @app.get("/steps/{uid}")
    async def steps(uid: str) -> str:
        return uid

    with capture_logs() as logs:
        TestClient(app).get(path, **kwargs)
    (line,) = [dict(line) for line in logs if line["event"] == "http_request"]
    return line


def test_request_has_one_line_without_its_query() -> None:
    line = logged("/steps/1.2.3?patient=Doe", headers={"X-Request-Id": "r-1"})
    assert line.pop("ms") >= 0
    assert line == {
        "event": "http_request",
        "log_level": "info",
        "request_id": "r-1",
        "method": "GET",
        "path": "/steps/1.2.3",
        "status": 200,
        "client": "testclient",
    }


@pytest.mark.parametrize("path", ["/patients/doe", "/steps/Doe", "/steps/d%C3%B6", "/steps/" + "1" * 65])
def test_paths_that_may_hold_anything_are_not_logged(path: str) -> None:
    assert logged(path)["path"] is None


def test_probes_of_the_platform_are_logged_quietly() -> None:
    assert logged("/healthz")["log_level"] == "debug"
