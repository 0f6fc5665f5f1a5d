"""Rules of the protocol broken on purpose, one at a time: the checks must notice each."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

from mpps_core.attempt import Attempt
from mpps_core.errors import RevisionLost
from mpps_core.forwarding import decisions
from mpps_core.forwarding.answers import Meaning
from mpps_core.forwarding.backfill import Backfill
from mpps_core.forwarding.decisions import Decision, Effect, Situation
from mpps_core.forwarding.dispatcher import Dispatcher
from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.forwarding.router import Router, lanes_of
from mpps_core.lane import Lane, LaneKey, LaneRequest, Progress, RequestKind
from mpps_core.step import Operation, OperationWrite
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_dicom import StepStatus
from mpps_store import memory
from mpps_store.ledger import progressed
from mpps_store.memory import MemoryStore

Defect = Callable[[], AbstractContextManager[Any]]


@contextmanager
def _rule_1_two_writes() -> Iterator[None]:
    """The step's state and its operation are written one after the other."""

    async def write(self: MemoryStore, write: OperationWrite) -> None:
        def state() -> None:
            old = self._steps.get(write.step.uid)
            if (None if old is None else old.rev) != write.expected_rev:
                raise RevisionLost
            self._steps[write.step.uid] = write.step

        def operation() -> None:
            self._operations.setdefault(write.step.uid, []).append(write.operation)
            self._unrouted.setdefault(write.step.uid, write.operation.received_at)

        await self._do("write_operation", state, uid=write.step.uid)
        await self._do("write_operation", operation, uid=write.step.uid)

    with patch.object(MemoryStore, "write_operation", write):
        yield


@contextmanager
def _rule_2_no_look() -> Iterator[None]:
    """After an unknown outcome nobody looks for the own accept id."""

    async def settle(self: MemoryStore, uid: str, accept_id: str, **_: Any) -> Operation | None:
        del self, uid, accept_id
        await asyncio.sleep(0)
        return None

    with patch.object(MemoryStore, "settle", settle):
        yield


@contextmanager
def _rule_2_no_fence() -> Iterator[None]:
    """One looks, but what is still under way may land afterwards."""

    async def settle(self: MemoryStore, uid: str, accept_id: str, **_: Any) -> Operation | None:
        def look() -> Operation | None:
            return next((o for o in self._operations.get(uid, ()) if o.accept_id == accept_id), None)

        return await self._do("settle", look)

    with patch.object(MemoryStore, "settle", settle):
        yield


@contextmanager
def _rule_7_marker_first() -> Iterator[None]:
    """The marker is cleared before the ledger rows are durable."""

    async def route(self: Router, steps: Sequence[StepOutline], subscriptions: SubscriptionSet) -> None:
        writes = lanes_of(steps, subscriptions.items, self._clock.wall())
        await self._store.clear_unrouted([(step.uid, step.version) for step in steps])
        await self._store.route(writes)
        self._routed(writes)

    with patch.object(Router, "_route", route):
        yield


def _rule_9_status_filter() -> AbstractContextManager[Any]:
    """Whether a lane begins depends on when routing looks: a step that is closed by then has none."""

    def begins(subscription: Subscription, *, updated_at: float, status: StepStatus) -> bool:
        return updated_at >= subscription.starts_at and not status.is_final

    return patch("mpps_core.forwarding.router.begins_lane", begins)


@contextmanager
def _rule_11_no_backfill() -> Iterator[None]:
    """A start of ``now`` is taken to need no back-fill."""

    async def run(self: Backfill, subscriptions: Sequence[Subscription]) -> None:
        for subscription in subscriptions:
            await self._store.finish_backfills(subscription.number, self._ownership.slots())

    with patch.object(Backfill, "run", run):
        yield


@contextmanager
def _rule_17_not_durable() -> Iterator[None]:
    """The next operation is sent while the cursor is still being written."""
    honest = Dispatcher._write

    def write(self: Dispatcher, work: Any, lane: Lane, attempt: Attempt | None) -> None:
        before = work.lane
        honest(self, work, lane, attempt)
        self._progress._pending[-1] = msgspec.structs.replace(
            self._progress._pending[-1],
            durable=lambda row: None,  # noqa: ARG005
        )
        self._durable(work, msgspec.structs.replace(lane, turn=before.turn + 1), None, tried=False)

    with patch.object(Dispatcher, "_write", write):
        yield


def _rule_18_unconditional() -> AbstractContextManager[Any]:
    """The cursor is written whatever has become of the row."""

    def write(lane: Lane | None, progress: Progress) -> Lane | None:
        if lane is None:
            return None
        return progressed(lane, msgspec.structs.replace(progress, gen=lane.gen, turn=lane.turn, epoch=lane.epoch))

    return patch.object(memory, "progressed", write)


def _rule_18_due_removed() -> AbstractContextManager[Any]:
    """``due`` is removed although a newer version was routed meanwhile."""

    def write(lane: Lane | None, progress: Progress) -> Lane | None:
        if lane is None:
            return None
        return progressed(lane, msgspec.structs.replace(progress, judged_version=lane.version))

    return patch.object(memory, "progressed", write)


@contextmanager
def _rule_19_direct() -> Iterator[None]:
    """A replay writes the cursor itself instead of asking the owner."""
    honest = MemoryStore._place_request

    def place(self: MemoryStore, key: LaneKey, request: LaneRequest, now: float) -> bool:
        lane = self._lanes.get((key.subscription, key.uid))
        if request.kind is not RequestKind.REWIND or lane is None:
            return honest(self, key, request, now)
        self._keep(msgspec.structs.replace(lane, cursor=0, due=now, state=None), now)
        return True

    with patch.object(MemoryStore, "_place_request", place), _rule_18_unconditional():
        yield


def _rule_20_high_forgotten() -> AbstractContextManager[Any]:
    """What a replay meets is judged as if it were new."""
    return patch.object(decisions, "_is_replay", lambda lane: False)  # noqa: ARG005


def _rule_22_heals_for_ever() -> AbstractContextManager[Any]:
    """Every 404 sends the cursor back to the Create."""

    def heal(situation: Situation, answer: Any) -> Decision:
        del situation, answer
        return Decision(effect=Effect.HEAL)

    return patch.dict(decisions._DECIDERS, {Meaning.LOST_THERE: heal})


DEFECTS: dict[str, Defect] = {
    "rule 1: two writes": _rule_1_two_writes,
    "rule 2: no look for the own accept id": _rule_2_no_look,
    "rule 2: no fence": _rule_2_no_fence,
    "rule 7: marker cleared first": _rule_7_marker_first,
    "rule 9: lanes depend on timing": _rule_9_status_filter,
    "rule 11: no back-fill for now": _rule_11_no_backfill,
    "rule 17: cursor not durable": _rule_17_not_durable,
    "rule 18: unconditional cursor": _rule_18_unconditional,
    "rule 18: due removed": _rule_18_due_removed,
    "rule 19: cursor written by others": _rule_19_direct,
    "rule 20: high forgotten": _rule_20_high_forgotten,
    "rule 22: healing without end": _rule_22_heals_for_ever,
}
"""Rules 3 and 13 need several owners and several copies of the data: they come with the distributed form."""
