"""``/steps``, ``/lanes``, ``/attempts`` and ``/overview`` over a real server."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from mpps_console.api.models import Attempt, DataSet, Lane, Overview, Page, Step, StepDetail
from mpps_console.parts import Notice
from mpps_core.attempt import Attempt as Tried
from mpps_core.payload import Payload
from mpps_core.step import Operation, OperationWrite
from mpps_core.step import Step as Kept
from mpps_dicom import StepOperation, StepStatus, Summary
from tests.integration.console.world import PARKED, VERSION, World
from tests.support.aio import run
from tests.support.modalities import PATIENTS, ct, mr

A_THOUSAND = 1_000


def kept(number: int, **members: Any) -> OperationWrite:
    """Make a step without a body; every tenth is received at the same time as the one before."""
    uid = f"2.25.{number}"
    at = 1_000.0 + number - (number % 10 == 9)
    payload = Payload(size=2, stored=2, data=b"{}")
    step = Kept(
        uid=uid,
        rev=1,
        version=1,
        status=members.get("status", StepStatus.IN_PROGRESS),
        summary=members.get("summary", Summary()),
        sources=("unknown",),
        dataset=payload,
        inline_bytes=2,
        received_at=at,
        updated_at=at,
    )
    operation = Operation(
        number=1,
        kind=StepOperation.CREATE,
        accept_id=uid,
        received_at=at,
        source="unknown",
        client=None,
        request_id="",
        via=(),
        status=StepStatus.IN_PROGRESS,
        findings=(),
        payload=payload,
    )
    return OperationWrite(step=step, operation=operation, expected_rev=None)


@pytest.mark.parametrize("limit", [7, 50, 499, 500])
def test_paging_through_a_thousand_steps_misses_and_repeats_none(limit: int) -> None:
    async def main() -> None:
        async with World() as world:
            for number in range(A_THOUSAND):
                await world.store.write_operation(kept(number))
            first = (await world.get("/steps", limit=str(limit))).json()
            assert len(first["items"]) == limit
            # What comes while somebody pages is newer than every page that follows.
            await world.store.write_operation(kept(A_THOUSAND + 7))
            rest = await world.all_items("/steps", limit=str(limit), cursor=first["next_cursor"])
            uids = [item["uid"] for item in first["items"] + rest]
            assert sorted(uids) == sorted(f"2.25.{number}" for number in range(A_THOUSAND))
            times = [(item["received_at"], item["uid"]) for item in first["items"] + rest]
            assert times == sorted(times, reverse=True)

    run(main())


def test_paging_through_a_thousand_lanes_and_attempts_misses_and_repeats_none() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            tried = [attempt(number) for number in range(A_THOUSAND)]
            await world.store.write_progress([], tried)
            for number in range(A_THOUSAND):
                await world.lane(1, f"2.25.{number}", born=1_000.0 + number // 10)
            lanes = await world.all_items("/lanes", limit="99")
            assert sorted(lane["uid"] for lane in lanes) == sorted(f"2.25.{number}" for number in range(A_THOUSAND))
            attempts = await world.all_items("/attempts", limit="99")
            assert [item["id"] for item in attempts] == [item.id for item in reversed(tried)]
            assert len(await world.all_items("/lanes")) == A_THOUSAND

    run(main())


def attempt(number: int, **members: Any) -> Tried:
    given = {"at": 1_000.0 + number, "subscription": 1, "uid": f"2.25.{number}", "outcome": "retry", **members}
    return Tried(
        id=f"{number:08}",
        duration=0.25,
        number=1,
        fault="receiver",
        http_status=503,
        dimse_status=None,
        media_type="text/html",
        length=10,
        sha256="0" * 64,
        **given,
    )


@pytest.mark.parametrize("path", ["/steps", "/lanes", "/attempts", "/subscriptions"])
@pytest.mark.parametrize(
    ("params", "fault"),
    [
        ({"limit": "0"}, "query.limit"),
        ({"limit": "501"}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"limit": ""}, "query.limit"),
        ({"cursor": "x"}, "query.cursor"),
        ({"cursor": "W10"}, "query.cursor"),
        ({"colour": "red"}, "query.colour"),
    ],
)
def test_wrong_parameters_are_told(path: str, params: dict[str, str], fault: str) -> None:
    async def main() -> None:
        async with World() as world:
            assert (await world.get(path, **params)).faults() == [fault]

    run(main())


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/steps", {"status": "DONE"}),
        ("/steps", {"from": "yesterday"}),
        ("/steps", {"to": "2026-11-01"}),
        ("/steps", {"q": "a" * 257}),
        ("/steps", {"start_from": "2026-11-01T00:00:00Z"}),
        ("/lanes", {"state": "late"}),
        ("/lanes", {"subscription": "nobody"}),
        ("/lanes", {"subscription": "NOBODY"}),
        ("/attempts", {"subscription": "nobody"}),
        ("/attempts", {"from": "1"}),
        ("/attempts", {"to": "2026-11-01T00:00:00Z"}),
    ],
)
def test_wrong_filters_are_told(path: str, params: dict[str, str]) -> None:
    async def main() -> None:
        async with World() as world:
            assert (await world.get(path, **params)).faults() == [f"query.{next(iter(params))}"]

    run(main())


def test_each_filter_of_steps() -> None:
    async def main() -> None:
        async with World() as world:
            await world.report("2.25.1", step=ct("2.25.1", patient=PATIENTS[0], seed=1), operations=9)
            await world.report("2.25.2", step=mr("2.25.2", patient=PATIENTS[2], seed=2))
            one, two = (await world.get("/steps/2.25.1")).json(), (await world.get("/steps/2.25.2")).json()
            for params, found in (
                ({}, ["2.25.2", "2.25.1"]),
                ({"q": "", "status": "", "from": "", "modality": ""}, ["2.25.2", "2.25.1"]),
                ({"q": "2.25"}, ["2.25.2", "2.25.1"]),
                ({"q": "doe"}, ["2.25.1"]),
                ({"q": "山田"}, ["2.25.2"]),
                ({"patient_id": "4711"}, ["2.25.1"]),
                ({"accession": one["accession_numbers"][0]}, ["2.25.1"]),
                ({"study": two["study_uids"][0]}, ["2.25.2"]),
                ({"status": "COMPLETED"}, ["2.25.1"]),
                ({"status": "IN PROGRESS"}, ["2.25.2"]),
                ({"modality": "MR"}, ["2.25.2"]),
                ({"station": one["station_names"][0]}, ["2.25.1"]),
                ({"station": one["station_aes"][0]}, ["2.25.1"]),
                ({"source": "unknown"}, ["2.25.2", "2.25.1"]),
                ({"source": "ct-1"}, []),
                ({"from": two["received_at"]}, ["2.25.2"]),
                ({"to": one["received_at"]}, ["2.25.1"]),
                ({"from": one["received_at"], "to": two["received_at"]}, ["2.25.2", "2.25.1"]),
                ({"modality": "CT", "status": "IN PROGRESS"}, []),
            ):
                assert [item["uid"] for item in await world.items("/steps", **params)] == found, params

    run(main())


def test_a_step_with_everything_that_is_known_of_it() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            await world.subscribe("archive")
            await world.report("2.25.1", step=ct("2.25.1", patient=PATIENTS[0], seed=1), operations=9)
            await world.lane(1, "2.25.1", version=3, cursor=1, high=1, due=world.clock.wall() + 5, attempts=2)
            await world.lane(2, "2.25.1", version=3, **{**PARKED, "cursor": 2, "high": 2})
            reply = await world.get("/steps/2.25.1")
            assert reply.headers["content-type"] == "application/json"
            step = StepDetail.model_validate(reply.json())
            assert (step.status, step.version, step.modalities, step.patient_ids) == ("COMPLETED", 3, ["CT"], ["4711"])
            assert [(op.number, op.kind, op.status) for op in step.operations] == [
                (1, "create", "IN PROGRESS"),
                (2, "update", "IN PROGRESS"),
                (3, "update", "COMPLETED"),
            ]
            assert all(op.client == "127.0.0.1" and op.request_id and op.source == "unknown" for op in step.operations)
            archive, ris = step.lanes
            assert (ris.subscription, ris.state, ris.cursor, ris.version, ris.attempts) == ("ris", "behind", 1, 3, 2)
            assert ris.next_try is not None
            assert (archive.subscription, archive.state, archive.reason) == ("archive", "parked", "refused")
            listed = Page[Step].model_validate((await world.get("/steps")).json())
            assert listed.items[0].uid == "2.25.1"
            Page[Lane].model_validate((await world.get("/lanes")).json())

    run(main())


def test_findings_are_told_with_their_place_and_without_values() -> None:
    async def main() -> None:
        async with World() as world:
            step = ct("2.25.1")
            step[0][1]["00400253"]["Value"] = ["MUCH-TOO-LONG-FOR-SH"]
            await world.report("2.25.1", step=step)
            reply = await world.get("/steps/2.25.1")
            findings = StepDetail.model_validate(reply.json()).operations[0].findings
            assert any("(0040,0253)" in finding.path for finding in findings)
            assert "MUCH-TOO-LONG" not in reply.text

    run(main())


def test_data_sets_are_dicom_json_whatever_is_accepted() -> None:
    async def main() -> None:
        async with World() as world:
            step = ct("2.25.1", patient=PATIENTS[2], seed=1)
            await world.report("2.25.1", step=step, operations=9)
            for path in ("dataset", "operations/1", "operations/3"):
                reply = await world.request("GET", f"/api/v1/steps/2.25.1/{path}", headers={"Accept": "text/html"})
                assert reply.status == 200
                assert reply.headers["content-type"] == "application/dicom+json"
                TypeAdapter(DataSet).validate_python(reply.json())
            (first,) = (await world.get("/steps/2.25.1/operations/1")).json()
            assert first["00400252"]["Value"] == ["IN PROGRESS"]
            assert first["00100010"] == step[0][1]["00100010"]
            (state,) = (await world.get("/steps/2.25.1/dataset")).json()
            assert state["00400252"]["Value"] == ["COMPLETED"]
            assert state["00400244"] == step[0][1]["00400244"]

    run(main())


@pytest.mark.parametrize(
    "path",
    [
        "/steps/2.25.404",
        "/steps/2.25.404/dataset",
        "/steps/2.25.404/operations/1",
        "/steps/2.25.1/operations/2",
        "/steps/2.25.1/operations/0",
        "/steps/2.25.1/operations/-1",
        "/steps/2.25.1/operations/one",
        "/steps/2.25.1/operations/99999999999999999999",
        "/steps/nothing",
        "/steps/%C3%A4",
        "/steps/" + "1" * 65,
        "/nothing",
    ],
)
def test_what_is_not_there_is_a_problem(path: str) -> None:
    async def main() -> None:
        async with World() as world:
            await world.report("2.25.1")
            reply = await world.request("GET", f"/api/v1{path}", headers={"Accept": "application/xml"})
            assert reply.status == 404
            assert reply.headers["content-type"] == "application/problem+json"
            assert {"type", "title", "status", "detail", "request_id"} <= set(reply.json())

    run(main())


def test_filters_of_lanes() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            await world.subscribe("archive")
            await world.lane(1, "2.25.1")
            await world.lane(1, "2.25.2", cursor=1, high=1)
            await world.lane(2, "2.25.1", **PARKED)
            for params, count in (
                ({}, 3),
                ({"subscription": "ris"}, 2),
                ({"subscription": "ris", "state": "behind"}, 1),
                ({"state": "level"}, 1),
                ({"state": "parked"}, 1),
                ({"state": "closed"}, 0),
                ({"uid": "2.25.1"}, 2),
                ({"subscription": "", "state": "", "uid": ""}, 3),
            ):
                assert len(await world.items("/lanes", **params)) == count, params
            await world.request("DELETE", "/api/v1/subscriptions/ris")
            assert [lane["subscription"] for lane in await world.items("/lanes")] == ["archive"]
            assert [lane["subscription"] for lane in (await world.get("/lanes")).json()["items"]] == ["archive"]

    run(main())


def test_filters_of_attempts() -> None:
    async def main() -> None:
        async with World() as world:
            await world.subscribe("ris")
            await world.subscribe("archive")
            tried = [
                attempt(1),
                attempt(2, subscription=2, outcome="delivered"),
                attempt(3, subscription=2, uid="2.25.1"),
            ]
            await world.store.write_progress([], tried)
            Page[Attempt].model_validate((await world.get("/attempts")).json())
            for params, numbers in (
                ({}, [3, 2, 1]),
                ({"subscription": "archive"}, [3, 2]),
                ({"uid": "2.25.1"}, [3, 1]),
                ({"outcome": "delivered"}, [2]),
                ({"from": "1970-01-01T00:16:42Z"}, [3, 2]),
            ):
                found = await world.items("/attempts", **params)
                assert [int(item["id"]) for item in found] == numbers, params
            await world.request("DELETE", "/api/v1/subscriptions/ris")
            assert [item["subscription"] for item in await world.items("/attempts")] == ["archive", "archive", None]

    run(main())


def test_the_overview() -> None:
    async def main() -> None:
        notice = Notice(code="allow-insecure", detail="The door is open.")
        async with World(notices=(notice,)) as world:
            await world.subscribe("ris", name="RIS")
            await world.report("2.25.1")
            await world.report("2.25.2", operations=9)
            await world.lane(1, "2.25.1")
            overview = Overview.model_validate((await world.get("/overview")).json())
            assert (overview.manager.id, overview.manager.version) == ("m1", VERSION)
            assert 0 <= overview.manager.uptime_s < 60
            assert [door.address for door in overview.doors] == [world.url]
            counts = overview.counts
            assert (counts.steps, counts.open, counts.unrouted, counts.behind, counts.parked) == (2, 1, 2, 1, 0)
            assert [(item.id, item.name, item.behind) for item in overview.subscriptions] == [("ris", "RIS", 1)]
            assert [item.code for item in overview.warnings] == ["allow-insecure"]

    run(main())


@pytest.mark.parametrize(
    "path", ["/overview", "/steps", "/steps/2.25.1", "/steps/2.25.1/dataset", "/lanes", "/attempts", "/subscriptions"]
)
def test_without_a_store_everything_is_503(path: str) -> None:
    async def main() -> None:
        async with World() as world:
            world.outage.on = True
            reply = await world.get(path)
            assert (reply.status, reply.headers["retry-after"]) == (503, "5")
            assert reply.headers["content-type"] == "application/problem+json"

    run(main())
