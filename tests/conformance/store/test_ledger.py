"""The lanes: what is due, cursors, requests (protocol D)."""

import asyncio
from collections.abc import Iterable

import pytest

from mpps_core.attempt import AttemptFilter
from mpps_core.lane import Lane, LaneKey, LaneRequest, LaneState, RequestKind
from mpps_core.slots import ALL_SLOTS, slot_of
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import NOW, attempt, lane, progress

UID = "2.25.1"
HOUR = 3600.0


async def row_of(store: Store, uid: str = UID, number: int = 1) -> Lane:
    [row] = await store.read_lanes([LaneKey(subscription=number, uid=uid)])
    return row


async def routed(store: Store, uid: str = UID, version: int = 1, *, now: float = NOW, number: int = 1) -> Lane:
    await store.route([lane(number, uid, version, now=now)])
    return await row_of(store, uid, number)


async def due_at(store: Store, uid: str, due: float, *, born: float = NOW - HOUR) -> None:
    row = await routed(store, uid, now=born)
    assert await store.write_progress([progress(row, due=due)], []) == 1


def uids(lanes: Iterable[Lane]) -> list[str]:
    return [row.uid for row in lanes]


def test_lanes_are_read_by_key(play: Play) -> None:
    async def main(store: Store) -> None:
        await routed(store, "2.25.1")
        await routed(store, "2.25.2")
        await routed(store, "2.25.1", number=2)
        wanted = [(1, "2.25.2"), (2, "2.25.1"), (2, "2.25.2"), (1, "2.25.1")]
        found = await store.read_lanes([LaneKey(subscription=n, uid=uid) for n, uid in wanted])
        assert {(row.subscription, row.uid) for row in found} == {(1, "2.25.1"), (1, "2.25.2"), (2, "2.25.1")}
        assert await store.read_lanes([]) == []

    play(main)


def test_due_lanes_are_those_whose_time_has_come(play: Play) -> None:
    async def main(store: Store) -> None:
        for uid, due in (("2.25.1", NOW - 1), ("2.25.2", NOW), ("2.25.3", NOW + 0.5), ("2.25.4", NOW - 2)):
            await due_at(store, uid, due)
        await routed(store, "2.25.5", number=2)
        found = await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=10)
        assert uids(found) == ["2.25.4", "2.25.1", "2.25.2"]
        assert found == await asyncio.gather(*(row_of(store, uid) for uid in uids(found)))
        assert uids(await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=2)) == ["2.25.4", "2.25.1"]
        assert await store.due_lanes(1, ALL_SLOTS, now=NOW - 10, limit=10) == []
        assert await store.due_lanes(3, ALL_SLOTS, now=NOW, limit=10) == []

    play(main)


def test_a_lane_due_further_ahead_than_any_delay_is_due_now(play: Play) -> None:
    """Rule 24: clocks jump."""

    async def main(store: Store) -> None:
        await due_at(store, "2.25.1", NOW + HOUR)
        await due_at(store, "2.25.2", NOW + HOUR + 1)
        await due_at(store, "2.25.3", NOW - 1)
        assert uids(await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=10)) == ["2.25.3", "2.25.2"]
        assert uids(await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=1)) == ["2.25.3"]

    play(main)


def test_due_lanes_are_those_of_the_slots(play: Play) -> None:
    async def main(store: Store) -> None:
        for number in range(20):
            await routed(store, f"2.25.{number}")
        mine = frozenset(slot_of(f"2.25.{number}") for number in range(5))
        found = await store.due_lanes(1, mine, now=NOW, limit=100)
        assert {row.slot for row in found} <= mine
        assert {f"2.25.{number}" for number in range(5)} <= set(uids(found))
        assert await store.due_lanes(1, frozenset(), now=NOW, limit=100) == []

    play(main)


def test_parked_lanes_are_due_when_their_time_has_come(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store)
        await store.write_progress([progress(row, due=NOW + HOUR, state=LaneState.PARKED)], [])
        assert await store.due_lanes(1, ALL_SLOTS, now=NOW + 1, limit=10) == []
        [found] = await store.due_lanes(1, ALL_SLOTS, now=NOW + HOUR, limit=10)
        assert found.state is LaneState.PARKED

    play(main)


@pytest.mark.parametrize(
    ("old", "young", "expected_young"), [(10, 10, 4), (10, 2, 2), (3, 10, 5), (0, 10, 8), (10, 0, 0)]
)
def test_half_of_a_page_is_kept_for_young_lanes(play: Play, old: int, young: int, expected_young: int) -> None:
    """Rule 25. What one half does not use, the other has."""

    async def main(store: Store) -> None:
        for number in range(old):
            await due_at(store, f"2.25.1{number:02}", NOW - 1000 + number, born=NOW - 61)
        for number in range(young):
            await due_at(store, f"2.25.2{number:02}", NOW - 30 + number, born=NOW - 60 + number)
        found = await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=8)
        assert len(found) == len(set(uids(found))) == min(8, old + young)
        assert [row.due for row in found] == sorted(row.due or 0.0 for row in found)
        names = uids(found)
        assert sum(uid.startswith("2.25.2") for uid in names) == expected_young
        assert sorted(uid for uid in names if uid.startswith("2.25.2")) == [
            f"2.25.2{number:02}" for number in range(expected_young)
        ]

    play(main)


def test_young_lanes_that_wait_take_no_room(play: Play) -> None:
    async def main(store: Store) -> None:
        for number in range(10):
            await due_at(store, f"2.25.1{number:02}", NOW - 1000 + number)
            await due_at(store, f"2.25.2{number:02}", NOW + 5, born=NOW - 10)
        await due_at(store, "2.25.300", NOW + HOUR + 5, born=NOW - 5)
        found = uids(await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=8))
        assert found == [*(f"2.25.1{number:02}" for number in range(7)), "2.25.300"]

    play(main)


def test_progress_is_read_back_as_it_was_written(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store, version=5)
        written = progress(
            row,
            epoch=7,
            cursor=2,
            high=4,
            due=NOW + 60,
            state=LaneState.PARKED,
            attempts=3,
            unsure=True,
            healed_at=3,
            already_there=True,
            reason="0105",
        )
        assert await store.write_progress([written], []) == 1
        assert await row_of(store) == Lane(
            subscription=1,
            uid=UID,
            slot=slot_of(UID),
            version=5,
            cursor=2,
            high=4,
            due=NOW + 60,
            state=LaneState.PARKED,
            epoch=7,
            turn=1,
            attempts=3,
            unsure=True,
            healed_at=3,
            already_there=True,
            reason="0105",
            born=NOW,
        )

    play(main)


def test_the_high_water_mark_never_falls(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store, version=5)
        await store.write_progress([progress(row, cursor=4, high=4)], [])
        await store.write_progress([progress(await row_of(store), cursor=0, high=0)], [])
        row = await row_of(store)
        assert (row.cursor, row.high) == (0, 4)

    play(main)


def test_a_lane_judged_level_at_an_older_version_stays_due(play: Play) -> None:
    """Rule 18: routing may have been faster than the owner."""

    async def main(store: Store) -> None:
        row = await routed(store, version=1)
        await routed(store, version=2)
        assert await store.write_progress([progress(row, cursor=1, due=None, now=NOW + 3)], []) == 1
        row = await row_of(store)
        assert (row.cursor, row.version, row.due) == (1, 2, NOW + 3)
        await store.write_progress([progress(row, cursor=2, due=None)], [])
        assert (await row_of(store)).due is None

    play(main)


def test_progress_under_an_older_generation_turn_or_epoch_is_not_applied(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store)
        await store.write_progress([progress(row, epoch=5)], [])
        await store.place_request(row.key, LaneRequest(kind=RequestKind.RESEND, who="op", why="test"), NOW)
        row = await row_of(store)
        assert (row.gen, row.turn, row.epoch) == (1, 1, 5)
        for stale in ({"gen": 0}, {"gen": 2}, {"turn": 0}, {"turn": 2}, {"epoch": 4}):
            assert await store.write_progress([progress(row, cursor=1, **stale)], []) == 0
        assert await row_of(store) == row
        assert await store.write_progress([progress(row, cursor=1, epoch=6)], []) == 1
        assert (await row_of(store)).epoch == 6

    play(main)


def test_progress_of_no_row_is_not_applied(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store)
        other = progress(row, uid="2.25.2", cursor=1)
        assert await store.write_progress([other, progress(row, cursor=1), other], []) == 1
        assert await store.read_lanes([LaneKey(subscription=1, uid="2.25.2")]) == []

    play(main)


def test_of_progress_repeated_after_an_unknown_outcome_one_takes_effect(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store, version=3)
        first = progress(row, cursor=1, high=1)
        assert await store.write_progress([first, first], [attempt(1)]) == 1
        assert await store.write_progress([first], [attempt(1)]) == 0
        assert await store.write_progress([progress(await row_of(store), cursor=2, high=2)], []) == 1
        assert await store.write_progress([first], []) == 0
        assert (await row_of(store)).cursor == 2

    play(main)


def test_attempts_are_kept_whether_or_not_progress_matches(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store)
        made = attempt(
            1,
            outcome="refused",
            fault="receiver",
            http_status=400,
            dimse_status=0x0106,
            failure="reset",
            note="409-a710",
            media_type="application/json",
            length=17,
            sha256="00ff",
        )
        assert await store.write_progress([progress(row, gen=9)], [made, attempt(2)]) == 0
        assert await store.write_progress([], [attempt(3), made]) == 0
        found = await store.list_attempts(AttemptFilter(), None, 10)
        assert found.items == (attempt(3), attempt(2), made)

    play(main)


def test_many_rows_are_written_at_once(play: Play) -> None:
    async def main(store: Store) -> None:
        names = [f"2.25.{number}" for number in range(300)]
        await store.route([lane(1, uid) for uid in names])
        rows = await store.read_lanes([LaneKey(subscription=1, uid=uid) for uid in names])
        assert len(rows) == 300
        writes = [progress(row, cursor=1, high=1, due=None) for row in rows]
        assert await store.write_progress(writes, [attempt(n, uid=uid) for n, uid in enumerate(names)]) == 300
        assert await store.due_lanes(1, ALL_SLOTS, now=NOW, limit=10) == []

    play(main)


def test_a_request_is_placed_and_applied_once(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store, version=3)
        await store.write_progress([progress(row, cursor=3, high=3, due=None)], [])
        request = LaneRequest(kind=RequestKind.REWIND, position=1, who="anna", why="asked by the archive")
        assert await store.place_request(row.key, request, NOW + 5)
        row = await row_of(store)
        assert (row.request, row.gen, row.due, row.cursor) == (request, 1, NOW + 5, 3)
        assert await store.due_lanes(1, ALL_SLOTS, now=NOW + 5, limit=1) == [row]
        await store.write_progress([progress(row, cursor=1)], [])
        row = await row_of(store)
        assert (row.request, row.gen, row.cursor, row.high) == (None, 1, 1, 3)

    play(main)


def test_a_request_makes_a_waiting_lane_due_but_never_later(play: Play) -> None:
    async def main(store: Store) -> None:
        request = LaneRequest(kind=RequestKind.RESEND, who="op", why="now")
        await due_at(store, "2.25.1", NOW + 100)
        await due_at(store, "2.25.2", NOW - 100)
        for uid in ("2.25.1", "2.25.2"):
            await store.place_request(LaneKey(subscription=1, uid=uid), request, NOW)
        assert (await row_of(store, "2.25.1")).due == NOW
        assert (await row_of(store, "2.25.2")).due == NOW - 100

    play(main)


def test_a_newer_request_takes_the_place_of_an_older_one(play: Play) -> None:
    async def main(store: Store) -> None:
        row = await routed(store)
        await store.place_request(row.key, LaneRequest(kind=RequestKind.RESEND, who="a", why="x"), NOW)
        applied = await row_of(store)
        newer = LaneRequest(kind=RequestKind.CLOSE, who="b", why="y")
        await store.place_request(row.key, newer, NOW)
        assert await store.write_progress([progress(applied)], []) == 0
        row = await row_of(store)
        assert (row.request, row.gen) == (newer, 2)

    play(main)


def test_a_request_for_no_row_is_told(play: Play) -> None:
    async def main(store: Store) -> None:
        request = LaneRequest(kind=RequestKind.SKIP, position=1, who="op", why="test")
        assert not await store.place_request(LaneKey(subscription=1, uid=UID), request, NOW)

    play(main)
