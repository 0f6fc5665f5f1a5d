"""From steps to lanes: routing and back-fill (protocol B)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from mpps_bus.local import LocalBus
from mpps_core.errors import StoreUnavailable
from mpps_core.forwarding import backfill as backfills
from mpps_core.forwarding.backfill import Backfill
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.forwarding.router import BATCH, Router, lanes_of
from mpps_core.lane import LaneWrite
from mpps_core.slots import ALL_SLOTS
from mpps_core.step import Step
from mpps_core.subscription import Start, Subscription, SubscriptionSet
from mpps_core.wakeup import WakeUp
from mpps_dicom import StepStatus
from mpps_store.memory import MemoryStore
from mpps_store.searching import outline_of
from tests.conformance.store import making
from tests.simulation.virtual_time import BASE_WALL, VirtualClock
from tests.unit.core.values import NOW, subscription
from tests.unit.core.virtual import live


class Recording(MemoryStore):
    """A store that remembers in which order it was written to, and that may fail."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.broken: set[str] = set()

    def _note(self, name: str) -> None:
        self.calls.append(name)
        if name in self.broken:
            raise StoreUnavailable

    async def route(self, lanes: Sequence[LaneWrite]) -> None:
        self._note("route")
        await super().route(lanes)

    async def clear_unrouted(self, marks: Sequence[tuple[str, int]]) -> None:
        self._note("clear_unrouted")
        await super().clear_unrouted(marks)

    async def finish_backfills(self, subscription: int, slots: frozenset[int]) -> None:
        self._note("finish_backfills")
        await super().finish_backfills(subscription, slots)


class Office:
    """A router and a back-fill over a store."""

    def __init__(self, clock: VirtualClock) -> None:
        self.store = Recording()
        self.bus = LocalBus()
        self.owner = SoleOwner(epoch=1)
        self.routed: list[LaneWrite] = []
        self.router = Router(
            store=self.store, hints=self.bus, ownership=self.owner, clock=clock, poll=2.0, routed=self.routed.extend
        )
        self.backfill = Backfill(
            store=self.store, routing=self.store, ownership=self.owner, clock=clock, routed=self.routed.extend
        )

    def create(self, uid: str, **given: Any) -> Step:
        write = making.creation(uid, **given)
        self.store._write_operation(write)
        return write.step

    def update(self, step: Step, **given: Any) -> Step:
        write = making.update(step, **given)
        self.store._write_operation(write)
        return write.step

    async def subscribe(self, name: str, **given: Any) -> Subscription:
        return await self.store.add_subscription(subscription(name, **given))

    async def adopt(self) -> None:
        await self.router.adopt(await self.store.subscriptions())

    def lanes(self) -> set[tuple[int, str, int]]:
        return {(lane.subscription, lane.uid, lane.version) for lane in self.store._lanes.values()}


def test_each_subscription_that_wants_a_step_gets_a_lane_at_the_version_of_the_step() -> None:
    step = msgspec.structs.replace(making.creation("2.25.1", at=NOW).step, version=7)
    wanted = [
        subscription("all"),
        subscription("late", starts_at=NOW + 1),
        subscription("paused", enabled=False),
    ]
    numbered = [replace(each, number=n) for n, each in enumerate(wanted, start=4)]
    assert lanes_of([outline_of(step)], numbered, NOW + 9) == [
        LaneWrite(subscription=number, uid="2.25.1", slot=step.slot, version=7, now=NOW + 9) for number in (4, 6)
    ]


def test_a_round_routes_what_is_marked_and_only_then_clears_the_marks() -> None:
    """Rule 7."""

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.subscribe("ris")
        await office.subscribe("pacs")
        office.create("2.25.1")
        office.create("2.25.2")
        await office.adopt()
        await office.router.round()
        assert office.store.calls == ["route", "clear_unrouted"]
        assert office.lanes() == {(1, "2.25.1", 1), (1, "2.25.2", 1), (2, "2.25.1", 1), (2, "2.25.2", 1)}
        assert {(write.subscription, write.uid, write.version) for write in office.routed} == office.lanes()
        assert office.store._unrouted == {}

    live(main)


def test_what_nobody_wants_is_routed_to_nobody() -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        office.create("2.25.1")
        await office.adopt()
        await office.router.round()
        assert office.store.calls == ["clear_unrouted"]
        assert office.routed == []

    live(main)


def test_if_the_rows_are_not_durable_the_marks_stay() -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.subscribe("ris")
        office.create("2.25.1")
        await office.adopt()
        office.store.broken = {"route"}
        with pytest.raises(StoreUnavailable):
            await office.router.round()
        assert set(office.store._unrouted) == {"2.25.1"}
        assert office.routed == []
        office.store.broken = set()
        await office.router.round()
        assert office.lanes() == {(1, "2.25.1", 1)}

    live(main)


def test_a_mark_of_a_newer_version_stays() -> None:
    """Rule 7: clearing is conditional on the version routed."""

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.subscribe("ris")
        step = office.create("2.25.1")
        await office.adopt()
        clear = office.store.clear_unrouted

        async def overtaken(marks: Sequence[tuple[str, int]]) -> None:
            office.update(step)
            office.store.clear_unrouted = clear  # type: ignore[method-assign]
            await clear(marks)

        office.store.clear_unrouted = overtaken  # type: ignore[method-assign]
        await office.router.round()
        assert set(office.store._unrouted) == {"2.25.1"}
        await office.router.round()
        assert office.lanes() == {(1, "2.25.1", 2)}
        assert office.store._unrouted == {}

    live(main)


def test_without_subscriptions_known_nothing_is_routed() -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        office.create("2.25.1")
        waiting = asyncio.create_task(office.router.round())
        await clock.sleep(60.0)
        assert not waiting.done()
        assert office.store.calls == []
        await office.adopt()
        await waiting
        assert office.store.calls == ["clear_unrouted"]

    live(main)


def test_a_hint_hastens_and_the_poll_does_without() -> None:
    """Rule 8: a hint says only that there is something; its version is never used (rule 9)."""

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.subscribe("ris")
        await office.adopt()
        office.create("2.25.1")
        office.bus.publish(WakeUp(uid="2.25.9", version=99, slot=0))
        await office.router.round()
        assert clock.monotonic() < 0.1
        assert office.lanes() == {(1, "2.25.1", 1)}
        office.create("2.25.2")
        await office.router.round()
        assert clock.monotonic() == pytest.approx(2.0, abs=0.1)
        assert office.lanes() == {(1, "2.25.1", 1), (1, "2.25.2", 1)}

    live(main)


def test_more_than_a_batch_is_routed_without_waiting_between() -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.subscribe("ris")
        await office.adopt()
        for n in range(2 * BATCH + 1):
            office.create(f"2.25.{n}", at=NOW + n)
        for _ in range(3):
            await office.router.round()
        assert clock.monotonic() < 2.1
        assert len(office.lanes()) == 2 * BATCH + 1
        assert [write.uid for write in office.routed[:3]] == ["2.25.0", "2.25.1", "2.25.2"]  # longest unrouted first

    live(main)


def test_adopting_waits_for_the_round_under_way() -> None:
    """Rule 27: afterwards nothing is routed by an older revision."""

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        await office.adopt()
        slow = asyncio.Event()
        unrouted = office.store.unrouted

        async def held(slots: frozenset[int], limit: int) -> Any:
            found = await unrouted(slots, limit)
            await slow.wait()
            return found

        office.store.unrouted = held  # type: ignore[method-assign]
        office.create("2.25.1")
        round_ = asyncio.create_task(office.router.round())
        await clock.sleep(5.0)
        adopting = asyncio.create_task(office.router.adopt(SubscriptionSet(revision=1, items=())))
        await clock.sleep(5.0)
        assert not adopting.done()
        slow.set()
        await asyncio.wait([round_, adopting])

    live(main)


# Back-fill (rule 11)

OLD = NOW - 1000.0


@pytest.mark.parametrize(
    ("start", "starts_at", "filled"),
    [
        (Start.NOW, NOW, {"2.25.3"}),
        (Start.OPEN, NOW, {"2.25.1", "2.25.3"}),
        (Start.SINCE, NOW, {"2.25.3"}),
        (Start.SINCE, OLD, {"2.25.1", "2.25.2", "2.25.3"}),
        (Start.SINCE, OLD + 0.5, {"2.25.3"}),
    ],
)
def test_each_start_is_filled_with_what_it_asks_for(start: Start, starts_at: float, filled: set[str]) -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        office.create("2.25.1", at=OLD)
        office.create("2.25.2", at=OLD, status=StepStatus.COMPLETED)
        office.update(office.create("2.25.3", at=OLD), at=NOW, status=StepStatus.DISCONTINUED)
        office.create("2.25.4", at=NOW, deleted=True)
        office.store._unrouted.clear()  # it was routed before the subscription came
        kept = await office.subscribe("ris", start=start, starts_at=starts_at)
        await office.backfill.run([kept])
        assert {uid for _, uid, _ in office.lanes()} == filled
        assert {write.uid for write in office.routed} == filled
        assert await office.store.pending_backfills(kept.number, ALL_SLOTS) == frozenset()
        assert all(lane.born == pytest.approx(BASE_WALL, abs=1.0) for lane in office.store._lanes.values())

    live(main)


def test_it_is_recorded_as_done_only_when_its_rows_are_durable_and_then_never_repeated() -> None:
    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        office.create("2.25.1")
        kept = await office.subscribe("ris")
        office.store.broken = {"route"}
        with pytest.raises(StoreUnavailable):
            await office.backfill.run([kept])
        assert office.store.calls == ["route"]
        assert await office.store.pending_backfills(kept.number, ALL_SLOTS) == ALL_SLOTS
        office.store.broken = set()
        await office.backfill.run([kept])
        await office.backfill.run([kept])
        assert office.store.calls == ["route", "route", "finish_backfills"]

    live(main)


def test_it_goes_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfills, "PAGE", 3)

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        for n in range(9):
            office.create(f"2.25.{n}")
        kept = await office.subscribe("ris")
        await office.backfill.run([kept])
        assert office.store.calls == ["route", "route", "route", "finish_backfills"]
        assert [write.uid for write in office.routed] == [f"2.25.{n}" for n in range(9)]

    live(main)


def test_a_step_that_has_its_lane_is_not_sent_again() -> None:
    """Rule 10: routing twice changes nothing."""

    async def main(clock: VirtualClock) -> None:
        office = Office(clock)
        kept = await office.subscribe("ris")
        office.create("2.25.1")
        await office.adopt()
        await office.router.round()
        level = msgspec.structs.replace(office.store._lanes[1, "2.25.1"], cursor=1, high=1, due=None)
        office.store._keep(level, NOW)
        await office.backfill.run([kept])
        assert office.store._lanes[1, "2.25.1"] == level

    live(main)
