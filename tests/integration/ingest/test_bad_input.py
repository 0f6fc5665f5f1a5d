"""Bad input: each has a clear problem that names the rule and the attribute, and nothing is stored."""

import asyncio
from typing import Any, Final

import orjson
import pytest

from mpps_ingest import IngestPolicy
from tests.integration.ingest.harness import (
    JSON,
    STEPS,
    USUAL,
    a_create,
    a_status,
    open_door,
    request_bytes,
    run,
    updates_of,
)

UID: Final = "2.25.314159"
PATIENT: Final = "PatientName (0010,0010)"
SERIES: Final = "PerformedSeriesSequence (0040,0340)"


def with_(tag: str, element: Any) -> bytes:
    return orjson.dumps(orjson.loads(a_create(UID)) | {tag: element})


DEEP: Final = b'{"00400340":{"vr":"SQ","Value":[' * 10_000 + b"{}" + b"]}}" * 10_000

BODIES: Final = {
    "not JSON": (b"StudyInstanceUID=1.2.3", "not-json", ""),
    "no body": (b"", "not-json", ""),
    "half a body": (a_create(UID)[:-20], "not-json", ""),
    "not UTF-8": (with_("00100010", {"vr": "PN"})[:-1] + b',"00081030":{"vr":"LO","Value":["\xe9"]}}', "not-json", ""),
    "NaN": (a_create(UID)[:-1] + b',"00101030":{"vr":"DS","Value":[NaN]}}', "not-json", ""),
    "an array of two": (b"[" + a_create(UID) + b"," + a_create(UID) + b"]", "not-one-object", ""),
    "an empty array": (b"[]", "not-one-object", ""),
    "a number": (b"42", "not-one-object", ""),
    "an empty object": (b"{}", "empty-object", ""),
    "10,000 levels": (DEEP, "nesting", ""),
    "lower-case tag": (with_("0040a043", {"vr": "SQ"}), "name-not-a-tag", "ConceptNameCodeSequence (0040,A043)"),
    "keyword as name": (with_("PatientName", {"vr": "PN"}), "name-not-a-tag", ""),
    "missing vr": (with_("00100010", {"Value": [{"Alphabetic": "Doe"}]}), "vr-missing", PATIENT),
    "unknown vr": (with_("00100010", {"vr": "XX", "Value": ["Doe"]}), "vr-unknown", PATIENT),
    "attribute that is no object": (with_("00100010", "Doe"), "attribute-not-an-object", PATIENT),
    "string where a name belongs": (with_("00100010", {"vr": "PN", "Value": ["Doe"]}), "value-type", PATIENT),
    "number where a string belongs": (
        with_("00400253", {"vr": "SH", "Value": [7]}),
        "value-type",
        "PerformedProcedureStepID (0040,0253)",
    ),
    "string where an item belongs": (with_("00400340", {"vr": "SQ", "Value": ["x"]}), "value-type", SERIES),
    "Value that is no array": (
        with_("00400253", {"vr": "SH", "Value": "PPS1"}),
        "value-not-an-array",
        "PerformedProcedureStepID (0040,0253)",
    ),
    "Value with InlineBinary": (
        with_("00400253", {"vr": "SH", "Value": ["PPS1"], "InlineBinary": "QQ=="}),
        "two-value-forms",
        "PerformedProcedureStepID (0040,0253)",
    ),
    "BulkDataURI": (
        with_("00400253", {"vr": "SH", "BulkDataURI": "http://127.0.0.1/b"}),
        "bulk-data-uri",
        "PerformedProcedureStepID (0040,0253)",
    ),
    "another instance's UID": (
        with_("00080018", {"vr": "UI", "Value": ["2.25.1"]}),
        "instance-differs",
        "SOPInstanceUID (0008,0018)",
    ),
    "created COMPLETED": (
        with_("00400252", {"vr": "CS", "Value": ["COMPLETED"]}),
        "status-not-in-progress",
        "PerformedProcedureStepStatus (0040,0252)",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_create_with_a_bad_body_is_refused(name: str) -> None:
    """PS3.18 Annex F, PS3.4 F.7.2.1; 400 as UPS has it for such payloads (11.4.3)."""
    body, rule, path = BODIES[name]

    async def main() -> None:
        async with open_door() as door:
            answer = await door.create(UID, body)
            assert answer.status == 400
            assert answer.problem == "refused"
            assert rule in [found for found, _ in answer.rules]
            if path:
                assert any(where.startswith(path) for found, where in answer.rules if found == rule), answer.rules
            assert all(finding["section"].startswith("PS3.") for finding in answer.json["findings"])
            assert b"Doe" not in answer.body
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize("name", [name for name in BODIES if name != "created COMPLETED"])
def test_update_with_a_bad_body_changes_nothing(name: str) -> None:
    body, rule, _ = BODIES[name]

    async def main() -> None:
        async with open_door() as door:
            assert (await door.create(UID)).status == 201
            before = await door.step(UID)
            answer = await door.update(UID, body)
            assert answer.status == 400
            assert rule in [found for found, _ in answer.rules]
            assert await door.step(UID) == before

    run(main())


@pytest.mark.parametrize(
    ("status", "rule"), [("FINISHED", "status-unknown"), ("SCHEDULED", "status-unknown"), ("", "status-empty")]
)
def test_update_with_a_status_that_is_none_of_the_three_is_refused(status: str, rule: str) -> None:
    """PS3.3 C.4.14."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.update(UID, a_status(status))
            assert (answer.status, answer.rules[0][0]) == (400, rule)
            step = await door.step(UID)
            assert step is not None
            assert step.version == 1

    run(main())


@pytest.mark.parametrize("uid", ["1.2.x", "a" * 10, "1" * 65, "1.2%203", "1.2.3%00", "Doe%5EJane"])
@pytest.mark.parametrize("method", ["POST", "GET", "HEAD"])
def test_path_uid_that_is_none(uid: str, method: str) -> None:
    """PS3.18 15.1.1: the UID of the URL is that of the instance."""

    async def main() -> None:
        async with open_door() as door:
            body = a_create(UID) if method == "POST" else None
            answer = await door.request(method, f"{STEPS}/{uid}", body, USUAL)
            assert answer.status == 400
            if method != "HEAD":
                assert answer.problem == "refused"
                assert answer.rules == [("path-uid", "")]
                assert b"Doe" not in answer.body
            assert await door.is_empty()

    run(main())


def test_body_over_the_limit_is_refused_before_it_is_read() -> None:
    """RFC 9110 15.5.14: Content-Length is enough to know."""

    async def main() -> None:
        async with open_door(policy=IngestPolicy(max_body=1000)) as door:
            head = request_bytes("POST", f"{STEPS}/{UID}", None, USUAL | {"Content-Length": "1001"})
            answer = await door.exchange(head)
            assert (answer.status, answer.problem) == (413, "body-too-large")
            assert answer.json["limit"] == 1000
            assert answer.header("connection") == "close"
            assert await door.is_empty()

    run(main())


def test_client_that_sends_a_large_body_blindly_gets_the_answer_not_a_reset() -> None:
    async def main() -> None:
        async with open_door(policy=IngestPolicy(max_body=1000)) as door:
            body = b" " * 8_000_000
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(request_bytes("POST", f"{STEPS}/{UID}", body, USUAL))
            await writer.drain()
            raw = await reader.read()
            assert raw.startswith(b"HTTP/1.1 413 ")
            assert b"urn:mpps-manager:problem:body-too-large" in raw
            writer.close()
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize("sizes", [(600, 600), (1001,), (1,) * 1001])
def test_chunked_body_over_the_limit_is_counted(sizes: tuple[int, ...]) -> None:
    """Without Content-Length; RFC 9112 7.1."""

    async def main() -> None:
        async with open_door(policy=IngestPolicy(max_body=1000)) as door:
            head = request_bytes("POST", f"{STEPS}/{UID}", None, USUAL | {"Transfer-Encoding": "chunked"})
            chunks = b"".join(b"%x\r\n%b\r\n" % (size, b" " * size) for size in sizes)
            answer = await door.exchange(head + chunks)
            assert (answer.status, answer.problem) == (413, "body-too-large")
            assert await door.is_empty()

    run(main())


def test_body_of_exactly_the_limit_is_taken() -> None:
    async def main() -> None:
        body = a_create(UID)
        async with open_door(policy=IngestPolicy(max_body=len(body))) as door:
            assert (await door.create(UID, body)).status == 201

    run(main())


def test_chunked_body_without_content_length_is_taken() -> None:
    async def main() -> None:
        async with open_door() as door:
            head = request_bytes("POST", f"{STEPS}/{UID}", None, USUAL | {"Transfer-Encoding": "chunked"})
            body = a_create(UID)
            parts = [body[i : i + 100] for i in range(0, len(body), 100)]
            raw = head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            assert (await door.exchange(raw)).status == 201
            assert (await door.retrieve(UID)).status == 200

    run(main())


@pytest.mark.parametrize("half_close", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_truncated_body_stores_nothing(half_close: bool, chunked: bool) -> None:
    """The client goes away in the middle: a body that is itself valid JSON up to there, too."""

    async def main() -> None:
        async with open_door() as door:
            body = a_create(UID)
            framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body) + 10)}
            head = request_bytes("POST", f"{STEPS}/{UID}", None, USUAL | framing)
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(head + (b"%x\r\n%b\r\n" % (len(body), body) if chunked else body))
            await writer.drain()
            if half_close:
                writer.write_eof()
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            await door.server.stop(1.0)  # nothing of it is under way any more
            assert await door.is_empty()

    run(main())


def test_body_that_stops_coming_is_given_up() -> None:
    """RFC 9110 15.5.9."""

    async def main() -> None:
        async with open_door(policy=IngestPolicy(body_patience=0.05)) as door:
            head = request_bytes("POST", f"{STEPS}/{UID}", None, USUAL | {"Content-Length": "100"})
            answer = await door.exchange(head + b"{")
            assert (answer.status, answer.problem) == (408, "body-timeout")
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/xml",
        "application/dicom",
        "application/dicom+xml",
        "application/dicom+json; charset=iso-8859-1",
        "application/dicom+json; charset=utf-16",
        'multipart/related; type="application/dicom+json"; boundary=b',
        "application/*",
        "json",
    ],
)
def test_wrong_content_type(content_type: str | None) -> None:
    """PS3.18 Table 8.5-1: 415 should list the types."""

    async def main() -> None:
        async with open_door() as door:
            headers = {"Accept": JSON} | ({} if content_type is None else {"Content-Type": content_type})
            answer = await door.request("POST", f"{STEPS}/{UID}", a_create(UID), headers)
            assert (answer.status, answer.problem) == (415, "unsupported-media-type")
            assert answer.json["supported"] == ["application/dicom+json", "application/json"]
            assert answer.header("accept") == "application/dicom+json, application/json"
            assert await door.is_empty()

    run(main())


def test_compressed_body_is_unsupported() -> None:
    """RFC 9110 15.5.16: 415 also for a content coding, which Accept-Encoding then tells."""

    async def main() -> None:
        async with open_door() as door:
            headers = USUAL | {"Content-Encoding": "gzip"}
            answer = await door.request("POST", f"{STEPS}/{UID}", a_create(UID), headers)
            assert (answer.status, answer.problem) == (415, "unsupported-media-type")
            assert answer.header("accept-encoding") == "identity"
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize(
    "content_type",
    [
        "application/dicom+json",
        "application/json",
        "Application/DICOM+JSON",
        "application/dicom+json; charset=UTF-8",
        'application/dicom+json;charset="utf-8"',
        "application/dicom+json; transfer-syntax=1.2.840.10008.1.2.1",
    ],
)
def test_right_content_type(content_type: str) -> None:
    """PS3.18 Table 15.1.3-1, 8.7.3.5."""

    async def main() -> None:
        async with open_door() as door:
            headers = {"Accept": JSON, "Content-Type": content_type}
            assert (await door.request("POST", f"{STEPS}/{UID}", a_create(UID), headers)).status == 201

    run(main())


def test_duplicate_create_with_the_same_content() -> None:
    """PS3.18 15.4.3.1: 409, the UID is in use; 0111H (PS3.7 10.1.5.1.6)."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.create(UID)
            assert (answer.status, answer.problem) == (409, "already-exists")
            assert answer.json["same_content"] is True
            assert answer.json["findings"][0]["dimse_status"] == "0111H"
            assert answer.rules == [("duplicate-instance", "")]
            step = await door.step(UID)
            assert step is not None
            assert step.version == 1

    run(main())


def test_duplicate_create_with_other_content() -> None:
    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.create(UID, a_create(UID, T00400253={"vr": "SH", "Value": ["OTHER"]}))
            assert (answer.status, answer.json["same_content"]) == (409, False)

    run(main())


def test_update_of_an_unknown_step() -> None:
    """PS3.18 15.5.3.1: 404; 0112H."""

    async def main() -> None:
        async with open_door() as door:
            answer = await door.update(UID, a_status("IN PROGRESS"))
            assert (answer.status, answer.problem) == (404, "unknown-step")
            assert answer.json["findings"][0]["dimse_status"] == "0112H"
            assert await door.is_empty()

    run(main())


@pytest.mark.parametrize("last", ["COMPLETED", "DISCONTINUED"])
def test_update_after_the_final_state(last: str) -> None:
    """PS3.18 15.5.3.1: 409; PS3.4 F.7.2.2.3: 0110H with Error ID A710H."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            assert (await door.update(UID, a_status(last))).status == 200
            answer = await door.update(UID, updates_of(UID)[0])
            assert (answer.status, answer.problem) == (409, "step-final")
            finding = answer.json["findings"][0]
            assert (finding["dimse_status"], finding["error_id"]) == ("0110H", "A710H")
            step = await door.step(UID)
            assert step is not None
            assert (step.version, step.status) == (2, last)

    run(main())
