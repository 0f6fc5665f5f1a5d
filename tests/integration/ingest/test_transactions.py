"""Create, Update and Retrieve over the wire, as PS3.18 15.4 to 15.6 have them."""

import asyncio
from typing import Any, Final

import msgspec
import orjson
import pytest

from mpps_core.errors import StoreUnavailable
from mpps_dicom import Profile
from mpps_web.requests import base_uri_of
from tests.integration.ingest.harness import (
    JSON,
    MANAGER,
    STEPS,
    USUAL,
    Door,
    a_create,
    a_status,
    open_door,
    run,
    updates_of,
)
from tests.support.modalities import MODALITIES, unscheduled

UID: Final = "2.25.271828"


async def version_of(door: Door, uid: str = UID) -> int:
    step = await door.step(uid)
    assert step is not None
    return step.version


def test_create_is_answered_201_without_payload() -> None:
    """15.4.3.1 and 15.4.3.3; no payload, so no Content-Type (8.4.2)."""

    async def main() -> None:
        async with open_door() as door:
            answer = await door.create(UID)
            assert (answer.status, answer.body) == (201, b"")
            assert answer.header("content-length") == "0"
            assert answer.header("content-type") is None
            assert answer.header("x-request-id")
            assert answer.header("date")
            assert await version_of(door) == 1

    run(main())


@pytest.mark.parametrize(
    "target",
    ["?update", "?update=", "?update=false", "?a=b&update", "?update&x=1", "?%75pdate", "/update", "/update?x"],
)
def test_update_is_answered_200_without_payload(target: str) -> None:
    """15.5.1: ``update`` counts by its presence; the path is that of examples B.38 and B.39."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.request("POST", f"{STEPS}/{UID}{target}", updates_of(UID)[0], USUAL)
            assert (answer.status, answer.body) == (200, b"")
            assert answer.header("content-length") == "0"
            assert answer.header("content-type") is None
            assert await version_of(door) == 2

    run(main())


@pytest.mark.parametrize("query", ["?updates", "?Update", "?x=update", "?"])
def test_what_is_not_the_parameter_update_creates(query: str) -> None:
    """8.3.1: names of parameters are case-sensitive; 8.3: unknown ones are ignored."""

    async def main() -> None:
        async with open_door() as door:
            answer = await door.request("POST", f"{STEPS}/{UID}{query}", a_create(UID), USUAL)
            assert answer.status == 201

    run(main())


def test_array_of_one_is_one_data_set() -> None:
    async def main() -> None:
        async with open_door() as door:
            assert (await door.create(UID, b"[" + a_create(UID) + b"]")).status == 201
            assert (await door.update(UID, b"[" + a_status("IN PROGRESS") + b"]")).status == 200

    run(main())


@pytest.mark.parametrize("kind", MODALITIES)
def test_step_of_a_modality_from_create_to_its_end(kind: str) -> None:
    """What is retrieved is the Create with every attribute that an Update brought replaced (PS3.4 F.7.2.2)."""

    async def main() -> None:
        async with open_door() as door:
            expected: dict[str, Any] = {}
            for number, (operation, body) in enumerate(MODALITIES[kind](UID, seed=3), start=1):
                raw = orjson.dumps(body)
                answer = await (door.create(UID, raw) if operation == "create" else door.update(UID, raw))
                assert answer.status == (201 if operation == "create" else 200)
                assert await version_of(door) == number
                expected |= {tag: element for tag, element in body.items() if tag != "00080005"}
            (stored,) = (await door.retrieve(UID)).json
            stored.pop("00080005", None)
            expected.pop("00080016", None)
            expected.pop("00080018", None)
            assert stored == expected

    run(main())


def test_unscheduled_step_is_accepted() -> None:
    """PS3.4 F.7.2.1.2 note 3."""

    async def main() -> None:
        async with open_door() as door:
            step = unscheduled(MODALITIES["CT"](UID, seed=1))
            assert (await door.create(UID, orjson.dumps(step[0][1]))).status == 201

    run(main())


def test_retrieve_is_an_array_of_one() -> None:
    """15.6.3, B.40."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.retrieve(UID)
            assert answer.status == 200
            assert answer.header("content-type") == JSON
            assert answer.header("content-length") == str(len(answer.body))
            (data_set,) = answer.json
            assert list(data_set) == sorted(data_set)

    run(main())


def test_retrieve_of_what_is_not_there() -> None:
    """15.6.3.1."""

    async def main() -> None:
        async with open_door() as door:
            answer = await door.retrieve(UID)
            assert (answer.status, answer.problem) == (404, "unknown-step")

    run(main())


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        ("?includefield=PatientID", {"00100020"}),
        ("?includefield=00100020", {"00100020"}),
        ("?includefield=PatientID,Modality", {"00100020", "00080060"}),
        ("?includefield=PatientID&includefield=00080060", {"00100020", "00080060"}),
        ("?includefield=PerformedSeriesSequence", {"00400340"}),
        ("?includefield=PatientComments", set()),  # known but absent
        ("?other=1&includefield=PatientID", {"00100020"}),
    ],
)
def test_includefield(query: str, tags: set[str]) -> None:
    """15.6.1.2."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            await door.update(UID, updates_of(UID)[0])
            (whole,) = (await door.retrieve(UID)).json
            (some,) = (await door.retrieve(UID, query)).json
            assert some == {tag: whole[tag] for tag in tags}

    run(main())


@pytest.mark.parametrize("query", ["", "?includefield=all", "?unknown=x"])
def test_everything_is_retrieved(query: str) -> None:
    """15.6.2, 8.3."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            (whole,) = (await door.retrieve(UID, query)).json
            assert {"00100010", "00400252", "00400270"} <= set(whole)

    run(main())


@pytest.mark.parametrize("value", ["NoSuchKeyword", "0010002", "all,PatientID", "", "PatientID.Modality", "%00"])
def test_bad_includefield(value: str) -> None:
    """8.3: an invalid value of a supported parameter is 400."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            answer = await door.retrieve(UID, f"?includefield={value}")
            assert (answer.status, answer.problem) == (400, "refused")
            assert answer.rules == [("includefield", "")]

    run(main())


def test_private_and_unlisted_attributes_come_back_as_sent() -> None:
    """Nothing stored is hidden and nothing invented."""

    async def main() -> None:
        async with open_door() as door:
            more = {
                "T00091001": {"vr": "LO", "Value": ["private"]},
                "T00090010": {"vr": "LO", "Value": ["MAKER"]},
                "T00181030": {"vr": "LO", "Value": ["unlisted"]},
            }
            await door.create(UID, a_create(UID, **more))
            (whole,) = (await door.retrieve(UID)).json
            assert {tag.removeprefix("T"): element for tag, element in more.items()}.items() <= whole.items()

    run(main())


def test_head_is_get_without_the_body() -> None:
    """RFC 9110 9.3.2."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            got = await door.retrieve(UID)
            head = await door.request("HEAD", f"{STEPS}/{UID}", headers={"Accept": JSON})
            assert (head.status, head.body) == (200, b"")
            assert head.header("content-length") == str(len(got.body))
            assert head.header("content-type") == JSON
            missing = await door.request("HEAD", f"{STEPS}/2.25.1", headers={"Accept": JSON})
            assert (missing.status, missing.header("content-type")) == (404, "application/problem+json")

    run(main())


def test_deleted_step_is_gone() -> None:
    """PS3.18 Table 8.5-1: what is known to have been deleted is 410, not 404."""

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            step = await door.step(UID)
            assert step is not None
            door.store._steps[UID] = msgspec.structs.replace(step, deleted=True)
            for answer in (await door.retrieve(UID), await door.update(UID, a_status("IN PROGRESS"))):
                assert (answer.status, answer.problem) == (410, "step-deleted")
            again = await door.create(UID)
            assert (again.status, again.json["same_content"]) == (409, False)

    run(main())


def test_updates_that_race_are_all_kept() -> None:
    """Fifty at once: all kept in some order, numbered without gaps, and the state is what they add up to."""
    count = 50

    async def main() -> None:
        async with open_door() as door:
            await door.create(UID)
            bodies = [orjson.dumps({f"0009{0x1000 + n:04X}": {"vr": "LO", "Value": [str(n)]}}) for n in range(count)]
            answers = await asyncio.gather(*(door.update(UID, body) for body in bodies))
            assert [answer.status for answer in answers] == [200] * count
            operations = await door.store.list_operations(UID)
            assert [operation.number for operation in operations] == list(range(1, count + 2))
            ids = {answer.header("x-request-id") for answer in answers}
            assert {operation.request_id for operation in operations[1:]} == ids
            (whole,) = (await door.retrieve(UID)).json
            assert {whole[f"0009{0x1000 + n:04X}"]["Value"][0] for n in range(count)} == {str(n) for n in range(count)}

    run(main())


def test_creates_that_race_make_one_step() -> None:
    async def main() -> None:
        async with open_door() as door:
            answers = await asyncio.gather(*(door.create(UID) for _ in range(20)))
            assert sorted(answer.status for answer in answers) == [201] + [409] * 19
            assert await version_of(door) == 1

    run(main())


def test_what_was_noticed_is_told_in_warning_headers() -> None:
    """8.4: ``299 <base URI>: <text>``; ASCII, five findings at most, no values."""

    async def main() -> None:
        async with open_door() as door:
            sparse = orjson.dumps({"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}})
            answer = await door.create(UID, sparse)
            assert answer.status == 201
            warnings = answer.all("warning")
            start = "299 http://manager.test:8246/dicomweb: "
            assert len(warnings) == 6
            assert all(text.startswith(start) and text.isascii() for text in warnings)
            assert sum(map(len, warnings)) <= 1024
            (create,) = await door.store.list_operations(UID)
            assert warnings[-1] == f"{start}and {len(create.findings) - 5} more"

    run(main())


def test_nothing_noticed_nothing_warned() -> None:
    async def main() -> None:
        async with open_door() as door:
            assert (await door.create(UID)).all("warning") == []

    run(main())


def test_strict_profile_refuses_with_all_findings() -> None:
    """PS3.4 Table F.7.2-1; missing attributes are 0120H (PS3.7 10.1.5.1.6)."""

    async def main() -> None:
        async with open_door(profile=Profile.STRICT) as door:
            sparse = orjson.dumps({"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}})
            answer = await door.create(UID, sparse)
            assert (answer.status, answer.problem) == (400, "refused")
            assert len(answer.rules) > 5
            assert {finding["dimse_status"] for finding in answer.json["findings"]} >= {"0120H"}
            assert await door.is_empty()

    run(main())


class Down:
    """A store that cannot be used."""

    async def before(self, operation: str) -> None:
        raise StoreUnavailable(f"no {operation}")

    async def after(self, operation: str) -> None:
        pass


def test_store_that_is_down_is_503() -> None:
    """15.4.3.1: temporary, so Retry-After (RFC 9110 10.2.3)."""

    async def main() -> None:
        async with open_door(faults=Down()) as door:
            for answer in (await door.create(UID), await door.update(UID, updates_of(UID)[0])):
                assert (answer.status, answer.problem) == (503, "try-later")
                assert int(answer.header("retry-after") or 0) > 0
            answer = await door.retrieve(UID)
            assert (answer.status, answer.problem) == (503, "try-later")

    run(main())


def test_operation_that_has_been_here_is_answered_as_success_and_not_stored() -> None:
    """The loop guard: our own id in Via (RFC 9110 7.6.3)."""

    async def main() -> None:
        async with open_door() as door:
            via = f"1.1 proxy.example, 1.1 mpps-{MANAGER}"
            assert (await door.create(UID, headers={"Via": via})).status == 201
            assert (await door.update(UID, updates_of(UID)[0], {"Via": via})).status == 200
            assert await door.is_empty()

    run(main())


def test_via_is_kept_with_the_operation() -> None:
    async def main() -> None:
        async with open_door() as door:
            raw_headers = USUAL | {"Via": "1.1 mpps-first", "via": "1.1 mpps-second (comment)"}
            assert (await door.request("POST", f"{STEPS}/{UID}", a_create(UID), raw_headers)).status == 201
            (create,) = await door.store.list_operations(UID)
            assert create.via[0] == "1.1 mpps-first"
            assert create.via[1].startswith("1.1 mpps-second")

    run(main())


def test_base_uri_takes_nothing_odd_from_the_client() -> None:
    scope = {"scheme": "http", "headers": [(b"host", b"a b\xff")], "server": ("127.0.0.1", 8246)}
    assert base_uri_of(scope, "/dicomweb") == "http://127.0.0.1:8246/dicomweb"
