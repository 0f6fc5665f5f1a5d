"""The rules by which subscriptions come, change and go."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from mpps_core.desk import (
    DraftInvalid,
    HasChanged,
    IdTaken,
    IsDeclared,
    Reconciled,
    SubscriptionDesk,
    SubscriptionDraft,
)
from mpps_core.errors import NotFound, RevisionLost
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.subscription import Limits, Start, Subscription
from mpps_store.memory import MemoryStore
from tests.support.aio import run


class Fault(msgspec.Struct, frozen=True):
    path: str
    detail: str


class StoppedClock:
    """A clock that goes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0

    def wall(self) -> Any:
        return self.now

    def monotonic(self) -> Any:
        return self.now

    async def sleep(self, seconds: Any) -> Any:
        self.now += seconds
        self.slept += 1
        await asyncio.sleep(0)


class Beaten(MemoryStore):
    """A store in which somebody else is first, once."""

    beaten = False

    async def add_subscription(self, subscription: Subscription) -> Subscription:
        kept = await super().add_subscription(subscription)
        if not self.beaten:
            self.beaten = True
            raise RevisionLost
        return kept


class Office:
    """A desk with everything around it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.owner = SoleOwner(epoch=1)
        self.clock = StoppedClock()
        self.changes = 0
        self.faults: dict[str, list[Fault]] = {}
        self.desk = self.opened()

    def opened(self) -> SubscriptionDesk:
        return SubscriptionDesk(
            admin=self.store,
            in_use=self.owner,
            clock=self.clock,
            validate=lambda _kind, target: self.faults.get(str(target.get("url")), []),
            changed=self._changed,
            skew=2.0,
        )

    def _changed(self) -> Any:
        self.changes += 1


def draft(name: Any = "ris", **members: Any) -> Any:
    return SubscriptionDraft(**{"id": name, "name": name, "kind": "dicomweb", "target": {"url": name}, **members})


@pytest.mark.parametrize(
    ("members", "starts_at"),
    [
        ({}, 998.0),
        ({"start": Start.OPEN}, 998.0),
        ({"start": Start.SINCE, "since": 17.0}, 17.0),
        ({"start": Start.SINCE, "since": 5000.0}, 5000.0),
    ],
)
def test_a_start_is_a_time_with_room_for_clocks_that_differ(members: Any, starts_at: Any) -> None:
    async def main() -> None:
        office = Office()
        kept = await office.desk.create(draft(**members))
        assert (kept.starts_at, kept.created_at, kept.declared) == (starts_at, 1000.0, False)
        assert (kept.number, kept.revision, office.changes) == (1, 1, 1)
        assert await office.desk.get("ris") == kept

    run(main())


def test_a_taken_id_and_a_wrong_target_are_refused() -> None:
    async def main() -> None:
        office = Office()
        await office.desk.create(draft())
        with pytest.raises(IdTaken):
            await office.desk.create(draft())
        office.faults["bad"] = [Fault("target.url", "is wrong"), Fault("target.auth.kind", "is wrong too")]
        with pytest.raises(DraftInvalid) as raised:
            await office.desk.create(draft("bad"))
        assert [fault.path for fault in raised.value.faults] == ["target.url", "target.auth.kind"]
        assert len((await office.desk.all()).items) == office.changes == 1

    run(main())


def test_removing() -> None:
    async def main() -> None:
        office = Office()
        kept = await office.desk.create(draft())
        with pytest.raises(HasChanged):
            await office.desk.remove("ris", if_revision=kept.revision + 1)
        assert await office.desk.remove("ris", if_revision=kept.revision) == 2
        with pytest.raises(NotFound):
            await office.desk.remove("ris")
        again = await office.desk.create(draft())
        assert again.number == 2

    run(main())


def test_a_change_is_applied_when_every_owner_works_with_it() -> None:
    async def main() -> None:
        office = Office()
        kept = await office.desk.create(draft())
        assert not office.desk.is_applied(kept.revision)
        assert not await office.desk.wait_applied(kept.revision, 3.0)
        assert office.clock.now == pytest.approx(1003.0)
        assert not await office.desk.wait_applied(kept.revision, 10_000.0)
        assert office.clock.now == pytest.approx(1033.0)
        office.owner.uses_revision(kept.revision)
        slept = office.clock.slept
        assert await office.desk.wait_applied(kept.revision, 30.0)
        assert office.clock.slept == slept

    run(main())


def test_declared_ones_are_read_only() -> None:
    async def main() -> None:
        office = Office()
        assert await office.desk.reconcile([draft()]) == Reconciled(added=("ris",))
        assert (await office.desk.get("ris")).declared
        with pytest.raises(IsDeclared):
            await office.desk.remove("ris")

    run(main())


def test_reconciling_again_changes_nothing() -> None:
    async def main() -> None:
        office = Office()
        drafts = [draft(), draft("pacs", start=Start.SINCE, since=5.0)]
        await office.desk.reconcile(drafts)
        before, changes = await office.desk.all(), office.changes
        office.clock.now += 100
        assert await office.desk.reconcile(drafts) == Reconciled()
        assert (await office.desk.all(), office.changes) == (before, changes)

    run(main())


def test_what_changed_is_replaced_and_keeps_its_place() -> None:
    async def main() -> None:
        office = Office()
        await office.desk.reconcile([draft()])
        first = await office.desk.get("ris")
        changed = draft(name="ris", target={"url": "new"}, limits=Limits(in_flight=9), enabled=False)
        assert await office.desk.reconcile([replace(changed, name="RIS")]) == Reconciled(changed=("ris",))
        second = await office.desk.get("ris")
        assert (second.number, second.starts_at, second.created_at) == (first.number, 998.0, 1000.0)
        assert (second.name, second.target, second.limits.in_flight, second.enabled) == (
            "RIS",
            {"url": "new"},
            9,
            False,
        )
        assert second.revision > first.revision

    run(main())


def test_another_start_is_told_and_not_done() -> None:
    async def main() -> None:
        office = Office()
        await office.desk.reconcile([draft(), draft("pacs", start=Start.SINCE, since=5.0)])
        drafts = [draft(start=Start.OPEN), draft("pacs", start=Start.SINCE, since=6.0)]
        assert await office.desk.reconcile(drafts) == Reconciled(start_kept=("ris", "pacs"))
        assert (await office.desk.get("pacs")).starts_at == 5.0

    run(main())


def test_absence_from_the_files_deletes_nothing_and_gives_it_back_to_the_api() -> None:
    async def main() -> None:
        office = Office()
        await office.desk.reconcile([draft(), draft("pacs")])
        assert await office.desk.reconcile([draft()]) == Reconciled(released=("pacs",))
        assert not (await office.desk.get("pacs")).declared
        await office.desk.remove("pacs")

    run(main())


def test_a_file_takes_over_what_the_api_made() -> None:
    async def main() -> None:
        office = Office()
        made = await office.desk.create(draft())
        assert await office.desk.reconcile([draft()]) == Reconciled(adopted=("ris",))
        assert (await office.desk.get("ris")).number == made.number

    run(main())


def test_all_faults_of_all_files_are_told_before_anything_is_done() -> None:
    async def main() -> None:
        office = Office()
        office.faults["bad"] = [Fault("target.url", "is wrong")]
        with pytest.raises(DraftInvalid) as raised:
            await office.desk.reconcile([draft(), draft("bad"), draft(), draft("worse", target={"url": "bad"})])
        assert [fault.path for fault in raised.value.faults] == [
            "subscriptions.bad.target.url",
            "subscriptions.ris",
            "subscriptions.worse.target.url",
        ]
        assert (await office.desk.all()).items == ()

    run(main())


def test_two_managers_may_reconcile_the_same_files_at_once() -> None:
    async def main() -> None:
        office = Office()
        office.store = Beaten()
        office.desk = office.opened()
        assert await office.desk.reconcile([draft(), draft("pacs")]) == Reconciled(added=("pacs",))
        assert [item.id for item in (await office.desk.all()).items] == ["ris", "pacs"]

    run(main())
