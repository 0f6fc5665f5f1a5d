"""The wire rules that hold for every request: Accept, methods, forms of problems, ids, continuation."""

import asyncio
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from mpps_ingest import IngestPolicy
from tests.integration.ingest.harness import (
    JSON,
    STEPS,
    USUAL,
    a_create,
    open_door,
    read_answer,
    request_bytes,
    run,
    updates_of,
)

UID: Final = "2.25.161803"
PROBLEM_JSON: Final = "application/problem+json"
PROBLEM_XML: Final = "application/problem+xml"


@pytest.mark.parametrize(("require_accept", "status"), [(False, 201), (True, 406)])
def test_no_accept_header(require_accept: bool, status: int) -> None:
    """8.7.5: shall be 406; the Standard's own examples B.37 to B.39 have none, so taken as ``*/*`` by default."""

    async def main() -> None:
        async with open_door(policy=IngestPolicy(require_accept=require_accept)) as door:
            answer = await door.request("POST", f"{STEPS}/{UID}", a_create(UID), {"Content-Type": JSON})
            assert answer.status == status
            if status == 406:
                assert answer.problem == "not-acceptable"
                assert answer.json["available"] == ["application/dicom+json", "application/json"]
                assert await door.is_empty()

    run(main())


@pytest.mark.parametrize(("require_accept", "status"), [(False, 200), (True, 406)])
def test_no_accept_header_on_retrieve(require_accept: bool, status: int) -> None:
    async def main() -> None:
        async with open_door(policy=IngestPolicy(require_accept=require_accept)) as door:
            await door.create(UID)
            assert (await door.request("GET", f"{STEPS}/{UID}")).status == status

    run(main())


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/dicom+json", "application/dicom+json"),
        ("application/json", "application/json"),
        ("*/*", "application/dicom+json"),
        ("application/*", "application/dicom+json"),
        ("APPLICATION/DICOM+JSON", "application/dicom+json"),
        ("text/html, */*;q=0.1", "application/dicom+json"),
        ("application/json;q=0.2, application/dicom+json;q=0.1", "application/json"),
        ("application/dicom+json;q=0, */*", "application/json"),
        ("nonsense, application/dicom+json", "application/dicom+json"),
        ('multipart/related; type="application/dicom+xml, x", application/json', "application/json"),
        ("", "application/dicom+json"),
    ],
)
def test_acceptable(accept: str, media_type: str) -> None:
    """8.7.8.1: what is named goes before a wildcard, the most specific range decides; 8.7.7."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.request("GET", f"{STEPS}/{UID}", headers={"Accept": accept})
            assert (answer.status, answer.header("content-type")) == (200, media_type)

    run(main())


@pytest.mark.parametrize(
    "accept",
    ["text/plain", "application/dicom+xml", "application/dicom+json;q=0", "*/*;q=0", "nonsense", "image/*", "*/json"],
)
def test_not_acceptable(accept: str) -> None:
    async def main() -> None:
        async with open_door() as door:
            for method in ("POST", "GET"):
                body = a_create(UID) if method == "POST" else None
                answer = await door.request(method, f"{STEPS}/{UID}", body, USUAL | {"Accept": accept})
                assert answer.status == 406
                assert b"application/dicom+json" in answer.body
            assert await door.is_empty()

    run(main())


def test_accept_charset_never_makes_406() -> None:
    """JSON is UTF-8 whatever was asked for (PS3.18 F.2.2)."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            headers = {"Accept": JSON, "Accept-Charset": "iso-8859-1, utf-8;q=0, *;q=0"}
            assert (await door.request("GET", f"{STEPS}/{UID}", headers=headers)).status == 200

    run(main())


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, PROBLEM_JSON),
        ("*/*", PROBLEM_JSON),
        ("application/dicom+json", PROBLEM_JSON),
        ("text/html, application/json;q=0.1", PROBLEM_JSON),
        ("application/problem+json", PROBLEM_JSON),
        ("application/dicom+xml", PROBLEM_XML),
        ("application/xml, text/html", PROBLEM_XML),
        ("application/json;q=0, application/xml", PROBLEM_XML),
        ("text/html", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
    ],
)
def test_form_of_problems(accept: str | None, form: str) -> None:
    """8.6.3, RFC 9457; text/html where the request accepts neither JSON nor XML."""

    async def main() -> None:
        async with open_door() as door:
            headers = {} if accept is None else {"Accept": accept}
            answer = await door.request("GET", f"{STEPS}/x", headers=headers)
            assert (answer.status, answer.header("content-type")) == (400, form)
            assert answer.header("content-length") == str(len(answer.body))
            assert b"path-uid" in answer.body
            if form == PROBLEM_XML:
                root = ET.fromstring(answer.body)  # noqa: S314 - our own answer
                assert root.tag == "{urn:ietf:rfc:7807}problem"
            if form.startswith("text/html"):
                assert "default-src" in (answer.header("content-security-policy") or "")
            head = await door.request("HEAD", f"{STEPS}/x", headers=headers)
            assert (head.status, head.header("content-length")) == (400, str(len(answer.body)))

    run(main())


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", f"{STEPS}/{UID}", "GET, HEAD, POST, OPTIONS"),
        ("PATCH", f"{STEPS}/{UID}", "GET, HEAD, POST, OPTIONS"),
        ("DELETE", f"{STEPS}/{UID}", "GET, HEAD, POST, OPTIONS"),
        ("GET", f"{STEPS}/{UID}/update", "POST, OPTIONS"),
    ],
)
def test_method_that_the_resource_does_not_have(method: str, path: str, allow: str) -> None:
    """Table 8.5-1: 405 shall carry Allow."""

    async def main() -> None:
        async with open_door() as door:
            answer = await door.request(method, path, b"{}", USUAL)
            assert (answer.status, answer.problem) == (405, "method-not-allowed")
            assert answer.header("allow") == allow
            options = await door.request("OPTIONS", path)
            assert (options.status, options.header("allow")) == (204, allow)

    run(main())


@pytest.mark.parametrize("path", ["/", "/dicomweb", STEPS, f"{STEPS}/", f"{STEPS}/{UID}/", f"{STEPS}/{UID}/x/y", "/x"])
def test_path_that_is_no_resource(path: str) -> None:
    async def main() -> None:
        async with open_door() as door:
            answer = await door.request("POST", path, a_create(UID), USUAL)
            assert (answer.status, answer.problem) == (404, "no-such-resource")
            assert await door.is_empty()

    run(main())


def test_request_id_of_the_client_is_kept_if_it_is_one() -> None:
    async def main() -> None:
        async with open_door() as door:
            answer = await door.create(UID, headers={"X-Request-Id": "ct-1.2_3-A"})
            assert answer.all("x-request-id") == ["ct-1.2_3-A"]
            (operation,) = await door.store.list_operations(UID)
            assert operation.request_id == "ct-1.2_3-A"

    run(main())


@pytest.mark.parametrize("sent", ["", "a b", "a" * 65, "Doe^Jane", "\xe9"])
def test_other_request_ids_are_replaced(sent: str) -> None:
    async def main() -> None:
        async with open_door() as door:
            answer = await door.create(UID, headers={"X-Request-Id": sent})
            (made,) = answer.all("x-request-id")
            assert made not in {sent, ""}
            (operation,) = await door.store.list_operations(UID)
            assert operation.request_id == made

    run(main())


def test_expect_100_continue() -> None:
    """RFC 9110 10.1.1."""

    async def main() -> None:
        async with open_door() as door:
            body = a_create(UID)
            headers = USUAL | {"Expect": "100-continue", "Content-Length": str(len(body))}
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(request_bytes("POST", f"{STEPS}/{UID}", None, headers))
            assert (await read_answer(reader)).status == 100
            writer.write(body)
            assert (await read_answer(reader)).status == 201
            writer.close()

    run(main())


def test_expect_100_continue_is_answered_with_the_refusal() -> None:
    """The client need not send what would be refused anyway."""

    async def main() -> None:
        async with open_door(policy=IngestPolicy(max_body=10)) as door:
            for changed, status in (({}, 413), ({"Content-Type": "text/plain"}, 415), ({"Accept": "image/png"}, 406)):
                headers = USUAL | {"Expect": "100-continue", "Content-Length": "100"} | changed
                answer = await door.exchange(request_bytes("POST", f"{STEPS}/{UID}", None, headers))
                assert answer.status == status

    run(main())


def test_connection_is_kept_and_requests_may_follow_without_waiting() -> None:
    """RFC 9112 9.3.2: answers come in the order of the requests."""

    async def main() -> None:
        async with open_door() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            for target, body in ((UID, a_create(UID)), (f"{UID}?update", updates_of(UID)[0]), ("x", b"{}")):
                writer.write(request_bytes("POST", f"{STEPS}/{target}", body, USUAL))
            assert [(await read_answer(reader)).status for _ in range(3)] == [201, 200, 400]
            writer.close()

    run(main())


def test_what_is_not_http_gets_a_problem() -> None:
    async def main() -> None:
        async with open_door() as door:
            answer = await door.exchange(b"nonsense\r\n\r\n")
            assert (answer.status, answer.problem) == (400, "not-http")

    run(main())


def test_endless_headers_are_cut_off() -> None:
    """RFC 6585 5."""

    async def main() -> None:
        async with open_door() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
            for _ in range(40):
                writer.write(b"x" * 16384)
            answer = await read_answer(reader, "GET")
            assert (answer.status, answer.problem) == (431, "head-too-large")
            writer.close()

    run(main())
