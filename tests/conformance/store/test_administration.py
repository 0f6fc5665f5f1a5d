"""Subscriptions, housekeeping and identity."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from mpps_core.attempt import AttemptFilter
from mpps_core.errors import NotFound, RevisionLost
from mpps_core.lane import LaneKey
from mpps_core.slots import ALL_SLOTS
from mpps_core.subscription import Limits, Start, SubscriptionSet
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import NOW, attempt, creation, in_blob, lane, operation, subscription, update

DAY = 86_400.0


def test_there_are_no_subscriptions_at_first(play: Play) -> None:
    async def main(store: Store) -> None:
        assert await store.subscriptions() == SubscriptionSet(revision=0, items=())
        assert await store.subscriptions_revision() == 0

    play(main)


def test_a_subscription_is_read_back_as_it_was(play: Play) -> None:
    async def main(store: Store) -> None:
        given = subscription(
            "archive",
            start=Start.SINCE,
            limits=Limits(in_flight=9, per_second=0.5, timeout_s=3.0),
            enabled=False,
            declared=True,
        )
        kept = await store.add_subscription(given)
        assert kept == replace(given, number=kept.number, revision=1)
        assert kept.number > 0
        assert await store.subscriptions() == SubscriptionSet(revision=1, items=(kept,))

    play(main)


def test_each_change_raises_the_revision_by_one(play: Play) -> None:
    async def main(store: Store) -> None:
        one = await store.add_subscription(subscription("one"))
        two = await store.add_subscription(subscription("two"))
        assert (one.revision, two.revision) == (1, 2)
        changed = await store.replace_subscription(replace(one, name="Another", enabled=False))
        assert changed == replace(one, name="Another", enabled=False, revision=3)
        assert await store.subscriptions() == SubscriptionSet(revision=3, items=(changed, two))
        assert await store.remove_subscription("two") == 4
        assert await store.subscriptions() == SubscriptionSet(revision=4, items=(changed,))
        assert await store.subscriptions_revision() == 4

    play(main)


def test_a_number_is_never_used_again(play: Play) -> None:
    async def main(store: Store) -> None:
        numbers = set()
        for _ in range(3):
            numbers.add((await store.add_subscription(subscription("same"))).number)
            await store.remove_subscription("same")
            await store.purge_lanes(1000)
        assert len(numbers) == 3

    play(main)


def test_what_fails_does_not_raise_the_revision(play: Play) -> None:
    async def main(store: Store) -> None:
        one = await store.add_subscription(subscription("one"))
        await store.add_subscription(subscription("two"))
        with pytest.raises(RevisionLost):
            await store.add_subscription(subscription("one"))
        with pytest.raises(RevisionLost):
            await store.replace_subscription(replace(one, id="two"))
        with pytest.raises(NotFound):
            await store.replace_subscription(replace(one, number=99))
        with pytest.raises(NotFound):
            await store.remove_subscription("three")
        assert await store.subscriptions_revision() == 2
        assert (await store.subscriptions()).items[0] == one

    play(main)


def test_subscriptions_added_at_once_all_get_in(play: Play) -> None:
    async def main(store: Store) -> None:
        kept = await asyncio.gather(*(store.add_subscription(subscription(f"s{n}")) for n in range(10)))
        assert len({one.number for one in kept}) == 10
        assert sorted(one.revision for one in kept) == list(range(1, 11))

    play(main)


def test_attempts_expire_by_the_time_they_began(play: Play) -> None:
    async def main(store: Store) -> None:
        await store.write_progress([], [attempt(number) for number in range(10)])
        assert await store.expire_attempts(NOW + 7, 3) == 3
        assert await store.expire_attempts(NOW + 7, 100) == 4
        assert await store.expire_attempts(NOW + 7, 100) == 0
        left = await store.list_attempts(AttemptFilter(), None, 100)
        assert [one.at for one in left.items] == [NOW + 9, NOW + 8, NOW + 7]

    play(main)


def test_blobs_that_their_step_does_not_name_are_swept(play: Play) -> None:
    """Rule 4."""

    async def main(store: Store) -> None:
        for name in ("state-1", "state-2", "operation-1", "orphan-1", "orphan-2", "orphan-3"):
            await store.write_blob(name, "2.25.1", name.encode(), NOW)
        await store.write_blob("young", "2.25.1", b"young", NOW + DAY)
        write = creation("2.25.1", dataset=in_blob("state-1"))
        first = msgspec.structs.replace(write, operation=operation(1, payload=in_blob("operation-1")))
        await store.write_operation(first)
        await store.write_operation(update(first.step, dataset=in_blob("state-2")))

        assert await store.sweep_blobs(NOW, 100) == 0
        assert await store.sweep_blobs(NOW + 1, 2) == 2
        assert await store.sweep_blobs(NOW + 1, 100) == 2  # the superseded state is among them
        assert await store.sweep_blobs(NOW + 1, 100) == 0
        for name in ("state-2", "operation-1", "young"):
            assert await store.read_blob(name) == name.encode()
        for name in ("state-1", "orphan-1", "orphan-2", "orphan-3"):
            with pytest.raises(NotFound):
                await store.read_blob(name)

    play(main)


def test_lanes_of_removed_subscriptions_are_purged(play: Play) -> None:
    async def main(store: Store) -> None:
        gone = await store.add_subscription(subscription("gone"))
        kept = await store.add_subscription(subscription("kept"))
        names = [f"2.25.{number}" for number in range(30)]
        await store.route([lane(one.number, uid) for one in (gone, kept) for uid in names])
        assert await store.purge_lanes(1000) == 0
        await store.remove_subscription("gone")
        dropped = 0
        while count := await store.purge_lanes(20):
            assert count <= 20
            dropped += count
        assert dropped == 30 + 256
        assert await store.read_lanes([LaneKey(subscription=gone.number, uid=uid) for uid in names]) == []
        assert await store.pending_backfills(gone.number, ALL_SLOTS) == frozenset()
        assert await store.due_lanes(gone.number, ALL_SLOTS, now=NOW, limit=10) == []
        assert len(await store.read_lanes([LaneKey(subscription=kept.number, uid=uid) for uid in names])) == 30
        assert await store.pending_backfills(kept.number, ALL_SLOTS) == ALL_SLOTS

    play(main)


def test_the_manager_keeps_its_first_id(play: Play) -> None:
    async def main(store: Store) -> None:
        assert await store.manager_id("first") == "first"
        assert await store.manager_id("second") == "first"

    play(main)


def test_epochs_only_grow(play: Play) -> None:
    async def main(store: Store) -> None:
        epochs = await asyncio.gather(*(store.next_epoch() for _ in range(10)))
        assert sorted(set(epochs)) == sorted(epochs)
        assert min(epochs) > 0
        assert await store.next_epoch() > max(epochs)

    play(main)
