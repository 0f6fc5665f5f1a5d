"""From step to ledger (protocol B)."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpps_core.lane import Lane, LaneKey, LaneState, LaneWrite
from mpps_core.slots import ALL_SLOTS, slot_of
from mpps_dicom import StepStatus, Summary
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import NOW, creation, lane, progress, subscription, update

UID = "2.25.1"


async def row_of(store: Store, number: int, uid: str = UID) -> Lane:
    [row] = await store.read_lanes([LaneKey(subscription=number, uid=uid)])
    return row


def test_unrouted_steps_are_listed_longest_first(play: Play) -> None:
    async def main(store: Store) -> None:
        for number, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
            await store.write_operation(creation(f"2.25.{number}", at=NOW + at, summary=Summary(modalities=("CT",))))
        found = await store.unrouted(ALL_SLOTS, 10)
        assert [one.uid for one in found] == ["2.25.2", "2.25.3", "2.25.1"]
        assert [one.uid for one in await store.unrouted(ALL_SLOTS, 2)] == ["2.25.2", "2.25.3"]
        first = found[0]
        assert first.slot == slot_of("2.25.2")
        assert (first.version, first.status, first.summary.modalities) == (1, StepStatus.IN_PROGRESS, ("CT",))
        assert (first.sources, first.received_at, first.updated_at) == (("ct1",), NOW + 10, NOW + 10)

    play(main)


def test_unrouted_steps_are_those_of_the_slots(play: Play) -> None:
    async def main(store: Store) -> None:
        for number in range(20):
            await store.write_operation(creation(f"2.25.{number}"))
        mine = frozenset(slot_of(f"2.25.{number}") for number in range(5))
        found = await store.unrouted(mine, 100)
        assert {one.slot for one in found} <= mine
        assert {f"2.25.{number}" for number in range(5)} <= {one.uid for one in found}
        assert await store.unrouted(frozenset(), 100) == []

    play(main)


def test_the_marker_stays_as_old_as_the_first_operation_not_routed(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID, at=NOW)
        await store.write_operation(write)
        await store.write_operation(creation("2.25.2", at=NOW + 1))
        await store.write_operation(update(write.step, at=NOW + 2))
        assert [one.uid for one in await store.unrouted(ALL_SLOTS, 10)] == [UID, "2.25.2"]
        await store.clear_unrouted([(UID, 2)])
        step = await store.read_step(UID)
        assert step is not None
        await store.write_operation(update(step, at=NOW + 3))
        assert [one.uid for one in await store.unrouted(ALL_SLOTS, 10)] == ["2.25.2", UID]

    play(main)


def test_the_marker_is_cleared_for_the_version_that_was_routed_only(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID)
        await store.write_operation(write)
        await store.write_operation(creation("2.25.2"))
        await store.write_operation(update(write.step))
        await store.clear_unrouted([(UID, 1), ("2.25.2", 1), ("2.25.3", 1)])
        assert [one.uid for one in await store.unrouted(ALL_SLOTS, 10)] == [UID]
        await store.clear_unrouted([(UID, 2)])
        assert await store.unrouted(ALL_SLOTS, 10) == []
        await store.clear_unrouted([])

    play(main)


def test_clearing_the_marker_leaves_the_revision_alone(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID)
        await store.write_operation(write)
        await store.clear_unrouted([(UID, 1)])
        await store.write_operation(update(write.step))

    play(main)


def test_routing_begins_a_lane(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 3, now=NOW)])
        assert await row_of(store, 1) == Lane(subscription=1, uid=UID, slot=slot_of(UID), version=3, due=NOW, born=NOW)

    play(main)


def test_routing_a_newer_version_wakes_a_level_lane(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 1)])
        row = await row_of(store, 1)
        await store.write_progress([progress(row, cursor=1, high=1, due=None)], [])
        await store.route([lane(1, UID, 1, now=NOW + 5)])
        assert (await row_of(store, 1)).due is None
        await store.route([lane(1, UID, 2, now=NOW + 6)])
        row = await row_of(store, 1)
        assert (row.version, row.due, row.cursor, row.born) == (2, NOW + 6, 1, NOW)

    play(main)


def test_routing_keeps_the_time_that_a_lane_waits_for(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 1)])
        await store.write_progress([progress(await row_of(store, 1), due=NOW + 300)], [])
        await store.route([lane(1, UID, 2, now=NOW + 1)])
        row = await row_of(store, 1)
        assert (row.version, row.due) == (2, NOW + 300)

    play(main)


def test_routing_does_not_open_a_closed_lane(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 1)])
        await store.write_progress([progress(await row_of(store, 1), due=None, state=LaneState.CLOSED)], [])
        await store.route([lane(1, UID, 2, now=NOW + 1)])
        row = await row_of(store, 1)
        assert (row.version, row.due, row.state) == (2, None, LaneState.CLOSED)

    play(main)


def test_an_older_version_changes_nothing(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 4)])
        await store.write_progress([progress(await row_of(store, 1), cursor=4, high=4, due=None)], [])
        before = await row_of(store, 1)
        await store.route([lane(1, UID, 2, now=NOW + 1)])
        assert await row_of(store, 1) == before

    play(main)


def test_a_lane_that_has_not_got_all_is_woken_by_any_routing(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.route([lane(1, UID, 2)])
        await store.write_progress([progress(await row_of(store, 1), cursor=1, high=1, due=None)], [])
        await store.route([lane(1, UID, 1, now=NOW + 1)])
        row = await row_of(store, 1)
        assert (row.version, row.due) == (2, NOW + 1)

    play(main)


BEGINNINGS: dict[str, dict[str, object]] = {
    "none": {},
    "due": {"due": NOW},
    "waiting": {"due": NOW + 60, "attempts": 3},
    "level": {"due": None, "cursor": 2, "high": 2},
    "short": {"due": None, "cursor": 1, "high": 1},
    "parked": {"due": NOW + 3600, "state": LaneState.PARKED},
    "closed": {"due": None, "state": LaneState.CLOSED},
}


@pytest.mark.parametrize("beginning", BEGINNINGS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_routing_writes_commute_and_may_be_repeated(play: Play, beginning: str, data: st.DataObject) -> None:
    """Rule 10: in whatever order, however often, together or apart, routing writes come to the same."""
    versions = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=5))
    other = data.draw(st.permutations(versions + data.draw(st.lists(st.sampled_from(versions), max_size=3))))

    async def begin(store: Store, number: int) -> None:
        if BEGINNINGS[beginning]:
            await store.route([lane(number, UID, 2)])
            await store.write_progress([progress(await row_of(store, number), **BEGINNINGS[beginning])], [])

    async def end(store: Store, number: int, order: Sequence[int], size: int) -> Lane:
        writes: list[LaneWrite] = [lane(number, UID, version, now=NOW + 9) for version in order]
        for start in range(0, len(writes), size):
            await store.route(writes[start : start + size])
        return msgspec.structs.replace(await row_of(store, number), subscription=0)

    async def main(store: Store) -> None:
        for number in (1, 2):
            await begin(store, number)
        assert await end(store, 1, versions, 1) == await end(store, 2, other, 3)

    play(main)


def test_backfills_are_pending_until_they_are_recorded_as_done(play: Play) -> None:
    async def main(store: Store) -> None:
        first = await store.add_subscription(subscription("one"))
        second = await store.add_subscription(subscription("two"))
        assert await store.pending_backfills(first.number, ALL_SLOTS) == ALL_SLOTS
        done = frozenset({0, 7, 255})
        await store.finish_backfills(first.number, done)
        await store.finish_backfills(first.number, done)
        assert await store.pending_backfills(first.number, ALL_SLOTS) == ALL_SLOTS - done
        assert await store.pending_backfills(first.number, frozenset({6, 7, 8})) == {6, 8}
        assert await store.pending_backfills(second.number, ALL_SLOTS) == ALL_SLOTS
        assert await store.pending_backfills(99, ALL_SLOTS) == frozenset()
        await store.finish_backfills(99, done)

    play(main)


def test_a_backfill_page_has_what_was_updated_since_or_is_open(play: Play) -> None:
    async def main(store: Store) -> None:
        done: dict[str, Any] = {"status": StepStatus.COMPLETED}
        for uid, at, members in (
            ("2.25.1", 10.0, {}),
            ("2.25.2", 10.0, done),
            ("2.25.3", 50.0, done),
            ("2.25.4", 49.0, done),
            ("2.25.5", 60.0, {}),
        ):
            await store.write_operation(creation(uid, at=NOW + at, **members))
        early = creation("2.25.6", at=NOW)
        await store.write_operation(early)
        await store.write_operation(update(early.step, at=NOW + 55, status=StepStatus.DISCONTINUED))

        async def page(*, or_open: bool, after: str = "", limit: int = 10) -> list[str]:
            found = await store.backfill_page(
                ALL_SLOTS, updated_since=NOW + 50, or_open=or_open, after_uid=after, limit=limit
            )
            return [one.uid for one in found]

        assert await page(or_open=False) == ["2.25.3", "2.25.5", "2.25.6"]
        assert await page(or_open=True) == ["2.25.1", "2.25.3", "2.25.5", "2.25.6"]
        assert await page(or_open=True, limit=2) == ["2.25.1", "2.25.3"]
        assert await page(or_open=True, after="2.25.3", limit=2) == ["2.25.5", "2.25.6"]
        assert await page(or_open=True, after="2.25.6") == []

    play(main)


def test_a_backfill_page_keeps_to_its_slots_and_passes_over_tombstones(play: Play) -> None:
    async def main(store: Store) -> None:
        writes = [creation(f"2.25.{number}") for number in range(30)]
        for write in writes:
            await store.write_operation(write)
        await store.write_operation(update(writes[0].step, deleted=True))
        mine = frozenset(slot_of(f"2.25.{number}") for number in range(10))
        found = await store.backfill_page(mine, updated_since=0.0, or_open=True, after_uid="", limit=100)
        uids = [one.uid for one in found]
        assert uids == sorted(w.step.uid for w in writes[1:] if w.step.slot in mine)

    play(main)
