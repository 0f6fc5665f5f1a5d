"""Lists and counts for people and programs."""

from typing import Any

import msgspec
import pytest

from mpps_core.attempt import AttemptFilter
from mpps_core.lane import Lane, LaneKey, LaneState
from mpps_core.payload import Payload
from mpps_core.reading import LaneCounts, StoreCounts
from mpps_core.step import StepFilter
from mpps_dicom import StepStatus, Summary
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import (
    NOW,
    attempt,
    creation,
    in_blob,
    lane,
    operation,
    progress,
    subscription,
    update,
)

JANE = Summary(
    patient_ids=("P-100",),
    patient_names=("Doe^Jane",),
    accession_numbers=("ACC-1", "ACC-2"),
    study_uids=("1.2.3", "1.2.4"),
    modalities=("CT",),
    station_aes=("CT1",),
    station_names=("Room 4",),
)
TAROU = Summary(
    patient_ids=("p-2\u0130",),
    patient_names=("YAMADA^TAROU=山田^太郎=やまだ^たろう",),
    accession_numbers=("300",),
    study_uids=("1.2.3.4",),
    modalities=("MR",),
    station_aes=("MR1",),
)
STEPS: dict[str, tuple[float, Summary, dict[str, Any]]] = {
    "2.25.10": (10.0, JANE, {}),
    "2.25.11": (20.0, TAROU, {"status": StepStatus.COMPLETED, "sources": ("mr1", "relay")}),
    "1.3.12": (20.0, JANE, {}),
    "1.3.13": (30.0, Summary(), {"status": StepStatus.DISCONTINUED}),
}


def without_bytes(payload: Payload) -> Payload:
    return msgspec.structs.replace(payload, data=None)


async def fill(store: Store) -> None:
    for uid, (at, summary, members) in STEPS.items():
        await store.write_operation(creation(uid, at=NOW + at, summary=summary, **members))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["1.3.13", "2.25.11", "1.3.12", "2.25.10"]),
        ({"patient_id": "P-100"}, ["1.3.12", "2.25.10"]),
        ({"patient_id": "p-100"}, []),
        ({"patient_id": "P-10"}, []),
        ({"accession": "ACC-2"}, ["1.3.12", "2.25.10"]),
        ({"accession": "300"}, ["2.25.11"]),
        ({"study": "1.2.3"}, ["1.3.12", "2.25.10"]),
        ({"study": "1.2.3.4"}, ["2.25.11"]),
        ({"modality": "CT"}, ["1.3.12", "2.25.10"]),
        ({"station": "CT1"}, ["1.3.12", "2.25.10"]),
        ({"station": "Room 4"}, ["1.3.12", "2.25.10"]),
        ({"station": "Room"}, []),
        ({"source": "relay"}, ["2.25.11"]),
        ({"source": "ct1"}, ["1.3.13", "1.3.12", "2.25.10"]),
        ({"status": StepStatus.IN_PROGRESS}, ["1.3.12", "2.25.10"]),
        ({"status": StepStatus.DISCONTINUED}, ["1.3.13"]),
        ({"received_from": NOW + 20}, ["1.3.13", "2.25.11", "1.3.12"]),
        ({"received_to": NOW + 20}, ["2.25.11", "1.3.12", "2.25.10"]),
        ({"received_from": NOW + 11, "received_to": NOW + 20}, ["2.25.11", "1.3.12"]),
        ({"modality": "CT", "received_from": NOW + 11}, ["1.3.12"]),
        ({"modality": "CT", "source": "mr1"}, []),
        ({"modality": "MR", "source": "mr1", "status": StepStatus.COMPLETED}, ["2.25.11"]),
        ({"study": "1.2.3", "accession": "ACC-1", "patient_id": "P-100", "station": "CT1"}, ["1.3.12", "2.25.10"]),
        ({"study": "1.2.3", "accession": "300"}, []),
        ({"text": "2.25.1"}, ["2.25.11", "2.25.10"]),
        ({"text": "2.25.10"}, ["2.25.10"]),
        ({"text": "25.10"}, []),
        ({"text": "p-10"}, ["1.3.12", "2.25.10"]),
        ({"text": "P-2\u0130"}, ["2.25.11"]),
        ({"text": "acc-"}, ["1.3.12", "2.25.10"]),
        ({"text": "30"}, ["2.25.11"]),
        ({"text": "doe^j"}, ["1.3.12", "2.25.10"]),
        ({"text": "jane"}, []),
        ({"text": "yamada"}, ["2.25.11"]),
        ({"text": "山田"}, ["2.25.11"]),
        ({"text": "やまだ^た"}, ["2.25.11"]),
        ({"text": "=山田"}, []),
        ({"text": "%"}, []),
        ({"text": "doe", "received_to": NOW + 15}, ["2.25.10"]),
        ({"text": "doe", "modality": "MR"}, []),
        ({"text": "doe", "patient_id": "P-100", "status": StepStatus.IN_PROGRESS}, ["1.3.12", "2.25.10"]),
    ],
)
def test_steps_are_filtered(play: Play, wanted: dict[str, Any], expected: list[str]) -> None:
    async def main(store: Store) -> None:
        await fill(store)
        page = await store.list_steps(StepFilter(**wanted), None, 10)
        assert [step.uid for step in page.items] == expected
        assert page.next_position is None

    play(main)


@pytest.mark.parametrize(
    "wanted", [StepFilter(), StepFilter(modality="CT"), StepFilter(text="doe"), StepFilter(patient_id="P-100")]
)
@pytest.mark.parametrize("limit", [1, 3, 4, 12, 13, 20])
def test_pages_of_steps_follow_each_other(play: Play, wanted: StepFilter, limit: int) -> None:
    async def main(store: Store) -> None:
        names = [f"2.25.{number}" for number in range(12)]
        for number, uid in enumerate(names):
            # Pairs are received at the same moment, so that the position must tell UIDs apart.
            await store.write_operation(creation(uid, at=NOW + number // 2, summary=JANE))
        seen: list[tuple[float, str]] = []
        after = None
        while True:
            page = await store.list_steps(wanted, after, limit)
            seen += [(step.received_at, step.uid) for step in page.items]
            after = page.next_position
            if after is None:
                break
            assert len(page.items) == limit
            assert after == seen[-1]
        assert seen == sorted(((NOW + n // 2, uid) for n, uid in enumerate(names)), reverse=True)

    play(main)


def test_a_search_knows_what_an_update_changed(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation("2.25.1", summary=JANE)
        await store.write_operation(write)

        async def found(**wanted: Any) -> bool:
            return bool((await store.list_steps(StepFilter(**wanted), None, 10)).items)

        assert not await found(accession="LATE-1")
        summary = JANE.joined(Summary(accession_numbers=("LATE-1",), patient_names=("Roe^Jane",)))
        second = update(write.step, summary=summary, sources=("ct1", "relay"), status=StepStatus.COMPLETED)
        await store.write_operation(second)
        for wanted in (
            {"accession": "LATE-1"},
            {"text": "late"},
            {"text": "roe"},
            {"text": "doe"},
            {"source": "relay"},
        ):
            assert await found(**wanted)
        assert not await found(status=StepStatus.IN_PROGRESS)
        await store.write_operation(update(second.step, deleted=True))
        for wanted in ({}, {"accession": "ACC-1"}, {"text": "doe"}, {"text": "2.25"}, {"source": "ct1"}):
            assert not await found(**wanted)

    play(main)


def test_lists_leave_payload_bytes_out(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation("2.25.1", summary=JANE)
        await store.write_operation(write)
        second = update(write.step, payload=in_blob("blob-1"))
        await store.write_operation(second)
        [step] = (await store.list_steps(StepFilter(), None, 10)).items
        assert step == msgspec.structs.replace(second.step, dataset=without_bytes(second.step.dataset))
        assert await store.list_operations("2.25.1") == [
            msgspec.structs.replace(write.operation, payload=without_bytes(write.operation.payload)),
            second.operation,
        ]
        assert await store.list_operations("2.25.2") == []

    play(main)


async def shape(store: Store, uid: str, number: int, **changed: Any) -> None:
    [row] = await store.read_lanes([LaneKey(subscription=number, uid=uid)])
    assert await store.write_progress([progress(row, **changed)], []) == 1


async def four_lanes(store: Store) -> tuple[int, int]:
    one = (await store.add_subscription(subscription("one"))).number
    two = (await store.add_subscription(subscription("two"))).number
    for number, uid in enumerate(("2.25.1", "2.25.2", "2.25.3", "2.25.4")):
        await store.route([lane(one, uid, now=NOW + number)])
    await store.route([lane(two, "2.25.2", now=NOW + 1)])
    await shape(store, "2.25.1", one, cursor=1, high=1, due=None)
    await shape(store, "2.25.3", one, state=LaneState.PARKED, due=NOW + 3600)
    await shape(store, "2.25.4", one, state=LaneState.CLOSED, due=None)
    return one, two


def test_lanes_are_listed_by_how_they_stand(play: Play) -> None:
    async def main(store: Store) -> None:
        one, two = await four_lanes(store)

        async def listed(subscription: int | None = None, state: str = "", uid: str = "") -> list[tuple[int, str]]:
            page = await store.list_lanes(subscription=subscription, state=state, uid=uid, after=None, limit=10)
            assert page.next_position is None
            return [(row.subscription, row.uid) for row in page.items]

        everything = [(one, "2.25.4"), (one, "2.25.3"), (two, "2.25.2"), (one, "2.25.2"), (one, "2.25.1")]
        assert await listed() == everything
        assert await listed(one) == [each for each in everything if each[0] == one]
        assert await listed(99) == []
        assert await listed(state="behind") == [(two, "2.25.2"), (one, "2.25.2")]
        assert await listed(one, "behind") == [(one, "2.25.2")]
        assert await listed(one, "level") == [(one, "2.25.1")]
        assert await listed(state="parked") == [(one, "2.25.3")]
        assert await listed(state="closed") == [(one, "2.25.4")]
        assert await listed(two, "parked") == []
        assert await listed(uid="2.25.2") == [(two, "2.25.2"), (one, "2.25.2")]
        assert await listed(two, "behind", "2.25.2") == [(two, "2.25.2")]
        assert await listed(uid="2.25.9") == []

    play(main)


@pytest.mark.parametrize("state", ["", "behind"])
@pytest.mark.parametrize("one_only", [True, False])
def test_pages_of_lanes_follow_each_other(play: Play, state: str, *, one_only: bool) -> None:
    async def main(store: Store) -> None:
        keys = [(NOW + n // 3, f"2.25.{n}", number) for n in range(10) for number in (1, 2)]
        await store.route([lane(number, uid, now=born) for born, uid, number in keys])
        seen: list[tuple[float, str, int]] = []
        after = None
        while True:
            page = await store.list_lanes(
                subscription=1 if one_only else None, state=state, uid="", after=after, limit=4
            )
            seen += [(row.born, row.uid, row.subscription) for row in page.items]
            after = page.next_position
            if after is None:
                break
            assert after == seen[-1]
        assert seen == sorted((key for key in keys if not one_only or key[2] == 1), reverse=True)

    play(main)


def test_listed_lanes_are_whole(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, "2.25.1", 3)])
        rows: list[Lane] = await store.read_lanes([LaneKey(subscription=1, uid="2.25.1")])
        page = await store.list_lanes(subscription=1, state="", uid="", after=None, limit=1)
        assert list(page.items) == rows

    play(main)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"subscription": 1}, [5, 3, 1]),
        ({"subscription": 3}, []),
        ({"uid": "2.25.7"}, [5, 4]),
        ({"uid": "2.25.7", "subscription": 1}, [5]),
        ({"outcome": "refused"}, [4]),
        ({"since": NOW + 4}, [5, 4]),
        ({"since": NOW + 2, "subscription": 1, "outcome": "delivered"}, [5, 3]),
    ],
)
def test_attempts_are_filtered(play: Play, wanted: dict[str, Any], expected: list[int]) -> None:
    async def main(store: Store) -> None:
        made = [attempt(n, subscription=2 - n % 2, uid="2.25.7" if n > 3 else "2.25.1") for n in range(1, 6)]
        made[3] = msgspec.structs.replace(made[3], outcome="refused")
        await store.write_progress([], made)
        page = await store.list_attempts(AttemptFilter(**wanted), None, 10)
        assert page.items == tuple(made[number - 1] for number in expected)
        assert page.next_position is None

    play(main)


def test_pages_of_attempts_follow_each_other(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.write_progress([], [attempt(number) for number in range(10)])
        first = await store.list_attempts(AttemptFilter(subscription=1), None, 4)
        assert [one.at - NOW for one in first.items] == [9, 8, 7, 6]
        second = await store.list_attempts(AttemptFilter(subscription=1), first.next_position, 4)
        assert [one.at - NOW for one in second.items] == [5, 4, 3, 2]
        last = await store.list_attempts(AttemptFilter(subscription=1), second.next_position, 4)
        assert ([one.at - NOW for one in last.items], last.next_position) == ([1, 0], None)

    play(main)


def test_counts_say_how_the_store_stands(play: Play) -> None:
    async def main(store: Store) -> None:
        assert await store.counts() == StoreCounts()
        await fill(store)
        gone = creation("2.25.99")
        await store.write_operation(gone)
        await store.write_operation(update(gone.step, deleted=True))
        await store.clear_unrouted([("2.25.99", 2), ("1.3.12", 1)])
        one, two = await four_lanes(store)
        found = await store.counts()
        assert (found.steps_total, found.steps_open, found.unrouted) == (4, 2, 3)
        assert found.lanes == (
            LaneCounts(subscription=one, behind=1, parked=1, oldest_undelivered=NOW + 1),
            LaneCounts(subscription=two, behind=1, parked=0, oldest_undelivered=NOW + 1),
        )
        await store.remove_subscription("one")
        assert [counted.subscription for counted in (await store.counts()).lanes] == [two]

    play(main)


def test_a_lane_is_behind_from_when_it_last_was_level(play: Play) -> None:
    async def main(store: Store) -> None:
        number = (await store.add_subscription(subscription("one"))).number

        async def oldest() -> float | None:
            return (await store.counts()).lanes[0].oldest_undelivered

        await store.route([lane(number, "2.25.1", 1, now=NOW)])
        await shape(store, "2.25.1", number, due=NOW + 50, attempts=1, now=NOW + 10)
        await store.route([lane(number, "2.25.1", 2, now=NOW + 20)])
        assert await oldest() == NOW
        await shape(store, "2.25.1", number, cursor=2, high=2, due=None, now=NOW + 30)
        assert await oldest() is None
        await store.route([lane(number, "2.25.1", 3, now=NOW + 40)])
        assert await oldest() == NOW + 40

    play(main)


def test_the_number_of_operations_is_not_bounded_by_a_page(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation("2.25.1")
        await store.write_operation(write)
        step = write.step
        for _ in range(300):
            following = update(step)
            await store.write_operation(following)
            step = following.step
        found = await store.list_operations("2.25.1")
        assert [one.number for one in found] == list(range(1, 302))
        assert found[0].accept_id == write.operation.accept_id
        assert operation(301).request_id == found[-1].request_id

    play(main)
