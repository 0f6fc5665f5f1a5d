"""The store that keeps everything in dictionaries: for tests, for the simulation, and for trying things out.

It is deterministic: every method gives way to the event loop once and then does its work in one piece.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol, TypeVar

import msgspec

from mpps_core.attempt import Attempt, AttemptFilter
from mpps_core.errors import NotFound, OutcomeUnknown, RevisionLost, StoreError, StoreUnavailable
from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.lane import Lane, LaneKey, LaneRequest, LaneWrite, Progress
from mpps_core.payload import Payload
from mpps_core.reading import AttemptPage, LaneCounts, LanePage, StoreCounts
from mpps_core.slots import ALL_SLOTS, slot_of
from mpps_core.step import Operation, OperationWrite, Step, StepFilter, StepPage
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_store.ledger import due_order, half_of, is_due, is_young, progressed, requested, routed, share_room
from mpps_store.searching import attempt_matches, cut, outline_of, step_matches

Result = TypeVar("Result")

WRITES: Final = frozenset(
    {
        "write_operation",
        "settle",
        "write_blob",
        "route",
        "clear_unrouted",
        "finish_backfills",
        "write_progress",
        "place_request",
        "add_subscription",
        "replace_subscription",
        "remove_subscription",
        "expire_attempts",
        "sweep_blobs",
        "purge_lanes",
        "manager_id",
        "next_epoch",
    }
)
"""Names of the methods that write: those after which, or instead of which, an outcome can be unknown."""


class Late(OutcomeUnknown):
    """The write was not applied when its caller gave up; it is applied ``delay`` seconds later all the same."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        super().__init__()


class Faults(Protocol):
    """What goes wrong. Both methods are awaited around the application of every method of the store.

    ``before`` may wait, raise StoreUnavailable or OutcomeUnknown (nothing is applied), raise ``Late`` around one
    of ``WRITES`` (applied later by itself), or never return (the caller crashed). ``after`` may wait, raise
    OutcomeUnknown (it was applied), or never return.
    """

    async def before(self, operation: str) -> None:
        """Go wrong before the method of this name is applied, or do nothing."""
        ...

    async def after(self, operation: str) -> None:
        """Go wrong after it was applied, or do nothing."""
        ...


class MemoryStore:
    """Every storage port of the core on dictionaries. Nothing is kept when the object goes.

    A late write (see ``Faults``) keeps its conditions: one that ``settle`` has fenced finds another revision.
    """

    def __init__(self, *, faults: Faults | None = None) -> None:
        self._faults = faults
        self._late: Counter[str] = Counter()  # uid → writes of operations that may still land
        self._steps: dict[str, Step] = {}
        self._operations: dict[str, list[Operation]] = {}
        self._unrouted: dict[str, float] = {}
        self._blobs: dict[str, tuple[str, bytes, float]] = {}
        self._lanes: dict[tuple[int, str], Lane] = {}
        self._due: dict[int, dict[str, float]] = {}  # subscription → uid → since when it has something to send
        self._attempts: dict[str, Attempt] = {}
        self._subscriptions: dict[int, Subscription] = {}
        self._backfills: dict[int, set[int]] = {}
        self._revision = 0
        self._last_number = 0
        self._last_epoch = 0
        self._manager_id: str | None = None

    @property
    def ready(self) -> bool:
        """Always true."""
        return True

    @property
    def unready_reason(self) -> str | None:
        """Always ``None``."""
        return None

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing; what is kept can still be read."""

    # StepStore and OperationStore

    async def read_step(self, uid: str) -> Step | None:
        """Return the step or its tombstone, or ``None``."""
        return await self._do("read_step", lambda: self._steps.get(uid))

    async def write_operation(self, write: OperationWrite) -> None:
        """Apply the one write of rule 1. Raises RevisionLost."""
        await self._do("write_operation", lambda: self._write_operation(write), uid=write.step.uid)

    async def settle(self, uid: str, accept_id: str) -> Operation | None:
        """Fence what is still under way, then look (rule 2).

        Raises StoreUnavailable where there is no step yet that could carry a fence.
        """
        return await self._do("settle", lambda: self._settle(uid, accept_id))

    async def read_operation(self, uid: str, number: int) -> Operation | None:
        """Return operation ``number`` of a step."""
        return await self._do("read_operation", lambda: self._operation(uid, number))

    # BlobStore

    async def write_blob(self, blob_id: str, uid: str, data: bytes, now: float) -> None:
        """Keep bytes under a new id. Raises RevisionLost when the id is taken."""
        await self._do("write_blob", lambda: self._write_blob(blob_id, uid, data, now))

    async def read_blob(self, blob_id: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        return await self._do("read_blob", lambda: self._read_blob(blob_id))

    # RoutingStore

    async def unrouted(self, slots: frozenset[int], limit: int) -> list[StepOutline]:
        """Return steps of these slots that carry the marker, longest unrouted first."""
        return await self._do("unrouted", lambda: self._list_unrouted(slots, limit))

    async def route(self, lanes: Sequence[LaneWrite]) -> None:
        """Apply routing writes (rule 10)."""
        await self._do("route", lambda: self._route(lanes))

    async def clear_unrouted(self, marks: Sequence[tuple[str, int]]) -> None:
        """Clear the marker of each (uid, version) that still is at that version (rule 7)."""
        await self._do("clear_unrouted", lambda: self._clear_unrouted(marks))

    # BackfillStore

    async def pending_backfills(self, subscription: int, slots: frozenset[int]) -> frozenset[int]:
        """Return those of ``slots`` whose back-fill is not recorded as done."""
        return await self._do("pending_backfills", lambda: slots & self._backfills.get(subscription, set()))

    async def backfill_page(
        self, slots: frozenset[int], *, updated_since: float, or_open: bool, after_uid: str, limit: int
    ) -> list[StepOutline]:
        """Return steps of these slots after ``after_uid``, updated since a time or, if wanted, still open."""
        return await self._do(
            "backfill_page", lambda: self._backfill_page(slots, updated_since, or_open, after_uid, limit)
        )

    async def finish_backfills(self, subscription: int, slots: frozenset[int]) -> None:
        """Record the back-fill of these slots as done."""
        await self._do("finish_backfills", lambda: self._finish_backfills(subscription, slots))

    # LedgerStore

    async def due_lanes(self, subscription: int, slots: frozenset[int], *, now: float, limit: int) -> list[Lane]:
        """Return due lanes, earliest first, half of the page kept for young ones (rules 24 and 25)."""
        return await self._do("due_lanes", lambda: self._due_lanes(subscription, slots, now, limit))

    async def read_lanes(self, keys: Sequence[LaneKey]) -> list[Lane]:
        """Return the rows that exist."""
        return await self._do("read_lanes", lambda: self._read_lanes(keys))

    async def write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        """Apply conditional cursor writes (rule 18) and keep attempts; return how many writes matched."""
        return await self._do("write_progress", lambda: self._write_progress(writes, attempts))

    async def place_request(self, key: LaneKey, request: LaneRequest, now: float) -> bool:
        """Put a request on a row (rule 19). False when there is no such row."""
        return await self._do("place_request", lambda: self._place_request(key, request, now))

    async def read_operations(self, keys: Sequence[tuple[str, int]]) -> list[Operation | None]:
        """Return operation ``number`` of step ``uid`` for each key, in order."""
        return await self._do("read_operations", lambda: [self._operation(uid, number) for uid, number in keys])

    # SubscriptionStore and SubscriptionAdmin

    async def subscriptions(self) -> SubscriptionSet:
        """Return all subscriptions that are not deleted, by number."""
        return await self._do("subscriptions", self._subscription_set)

    async def subscriptions_revision(self) -> int:
        """Return the revision number alone."""
        return await self._do("subscriptions_revision", lambda: self._revision)

    async def add_subscription(self, subscription: Subscription) -> Subscription:
        """Keep a new one, with back-fills pending. Raises RevisionLost when the id is taken."""
        return await self._do("add_subscription", lambda: self._add_subscription(subscription))

    async def replace_subscription(self, subscription: Subscription) -> Subscription:
        """Replace the one with this number. Raises NotFound, or RevisionLost when another has its new id."""
        return await self._do("replace_subscription", lambda: self._replace_subscription(subscription))

    async def remove_subscription(self, subscription_id: str) -> int:
        """Remove it and return the new revision. Raises NotFound."""
        return await self._do("remove_subscription", lambda: self._remove_subscription(subscription_id))

    # Catalogue

    async def list_steps(self, wanted: StepFilter, after: tuple[float, str] | None, limit: int) -> StepPage:
        """Return steps newest first, without inline payload bytes, tombstones aside."""
        return await self._do("list_steps", lambda: self._list_steps(wanted, after, limit))

    async def list_operations(self, uid: str) -> list[Operation]:
        """Return a step's operations in order, without inline payload bytes."""
        return await self._do("list_operations", lambda: self._list_operations(uid))

    async def list_lanes(
        self,
        *,
        subscription: int | None,
        state: str,
        uid: str,
        after: tuple[float, str, int] | None,
        limit: int,
    ) -> LanePage:
        """Return lanes newest first by (born, uid, subscription)."""
        return await self._do("list_lanes", lambda: self._list_lanes(subscription, state, uid, after, limit))

    async def list_attempts(self, wanted: AttemptFilter, after: str | None, limit: int) -> AttemptPage:
        """Return attempts, newest first by id."""
        return await self._do("list_attempts", lambda: self._list_attempts(wanted, after, limit))

    async def counts(self) -> StoreCounts:
        """Return how the store stands."""
        return await self._do("counts", self._counts)

    # Housekeeping and Identity

    async def expire_attempts(self, before: float, limit: int) -> int:
        """Drop attempts that began before a time; return how many."""
        return await self._do("expire_attempts", lambda: self._expire_attempts(before, limit))

    async def sweep_blobs(self, before: float, limit: int) -> int:
        """Drop blobs written before a time that their step does not name; return how many."""
        return await self._do("sweep_blobs", lambda: self._sweep_blobs(before, limit))

    async def purge_lanes(self, limit: int) -> int:
        """Drop ledger rows and back-fills of removed subscriptions; return how many."""
        return await self._do("purge_lanes", lambda: self._purge_lanes(limit))

    async def manager_id(self, proposed: str) -> str:
        """Return the kept id of the manager; keep ``proposed`` when there is none yet."""
        return await self._do("manager_id", lambda: self._keep_manager_id(proposed))

    async def next_epoch(self) -> int:
        """Return a number greater than any before."""
        return await self._do("next_epoch", self._raise_epoch)

    # How a method is carried out

    async def _do(self, operation: str, apply: Callable[[], Result], *, uid: str | None = None) -> Result:
        await asyncio.sleep(0)
        if self._faults is None:
            return apply()
        try:
            await self._faults.before(operation)
        except Late as late:
            if uid is not None:
                self._late[uid] += 1
            asyncio.get_running_loop().call_later(late.delay, self._land, apply, uid)
            raise
        result = apply()
        await self._faults.after(operation)
        return result

    def _land(self, apply: Callable[[], object], uid: str | None) -> None:
        if uid is not None:
            self._late[uid] -= 1
        try:
            apply()
        except StoreError:
            return  # its condition no longer holds, and there is nobody left to tell

    # Steps

    def _write_operation(self, write: OperationWrite) -> None:
        step, operation = write.step, write.operation
        old = self._steps.get(step.uid)
        if write.expected_rev is None:
            if old is not None:
                raise RevisionLost
        elif old is None or old.rev != write.expected_rev or old.version + 1 != step.version:
            raise RevisionLost
        self._steps[step.uid] = step
        self._operations.setdefault(step.uid, []).append(operation)
        self._unrouted.setdefault(step.uid, operation.received_at)

    def _settle(self, uid: str, accept_id: str) -> Operation | None:
        for operation in self._operations.get(uid, ()):
            if operation.accept_id == accept_id:
                return operation
        # A fence where nothing is under way would only make others lose their race.
        if self._late[uid] > 0:
            step = self._steps.get(uid)
            if step is None:
                raise StoreUnavailable("a write of this step may still be under way")
            self._steps[uid] = msgspec.structs.replace(step, rev=step.rev + 1)
        return None

    def _operation(self, uid: str, number: int) -> Operation | None:
        operations = self._operations.get(uid, ())
        return operations[number - 1] if 0 < number <= len(operations) else None

    def _write_blob(self, blob_id: str, uid: str, data: bytes, now: float) -> None:
        if blob_id in self._blobs:
            raise RevisionLost("the id of the blob is taken")
        self._blobs[blob_id] = (uid, data, now)

    def _read_blob(self, blob_id: str) -> bytes:
        try:
            return self._blobs[blob_id][1]
        except KeyError:
            raise NotFound("no such blob is stored") from None

    # Routing

    def _list_unrouted(self, slots: frozenset[int], limit: int) -> list[StepOutline]:
        marked = ((since, uid) for uid, since in self._unrouted.items() if slot_of(uid) in slots)
        return [outline_of(self._steps[uid]) for _, uid in heapq.nsmallest(limit, marked)]

    def _route(self, lanes: Sequence[LaneWrite]) -> None:
        for write in lanes:
            lane = routed(self._lanes.get((write.subscription, write.uid)), write)
            self._keep(lane, write.now)

    def _clear_unrouted(self, marks: Sequence[tuple[str, int]]) -> None:
        for uid, version in marks:
            step = self._steps.get(uid)
            if step is not None and step.version == version:
                self._unrouted.pop(uid, None)

    def _backfill_page(
        self, slots: frozenset[int], updated_since: float, or_open: bool, after_uid: str, limit: int
    ) -> list[StepOutline]:
        wanted = (
            uid
            for uid, step in self._steps.items()
            if uid > after_uid
            and not step.deleted
            and (step.updated_at >= updated_since or (or_open and not step.status.is_final))
            and (slots is ALL_SLOTS or step.slot in slots)
        )
        return [outline_of(self._steps[uid]) for uid in heapq.nsmallest(limit, wanted)]

    def _finish_backfills(self, subscription: int, slots: frozenset[int]) -> None:
        if subscription in self._backfills:
            self._backfills[subscription] -= slots

    # The ledger

    def _keep(self, lane: Lane, now: float) -> None:
        self._lanes[lane.subscription, lane.uid] = lane
        due = self._due.setdefault(lane.subscription, {})
        if lane.due is None:
            due.pop(lane.uid, None)
        else:
            due.setdefault(lane.uid, now)

    def _due_lanes(self, subscription: int, slots: frozenset[int], now: float, limit: int) -> list[Lane]:
        rows = (self._lanes[subscription, uid] for uid in self._due.get(subscription, ()))
        due = [lane for lane in rows if is_due(lane, now) and lane.slot in slots]
        earliest = heapq.nsmallest(limit, due, key=due_order)
        if len(due) <= limit:
            return earliest
        young = (lane for lane in due if is_young(lane, now))
        first_born = heapq.nsmallest(half_of(limit), young, key=lambda lane: (lane.born, lane.uid))
        return share_room(earliest, first_born, limit)

    def _read_lanes(self, keys: Sequence[LaneKey]) -> list[Lane]:
        found = (self._lanes.get((key.subscription, key.uid)) for key in keys)
        return [lane for lane in found if lane is not None]

    def _write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        matched = 0
        for write in writes:
            lane = progressed(self._lanes.get((write.subscription, write.uid)), write)
            if lane is not None:
                self._keep(lane, write.now)
                matched += 1
        for attempt in attempts:
            self._attempts.setdefault(attempt.id, attempt)
        return matched

    def _place_request(self, key: LaneKey, request: LaneRequest, now: float) -> bool:
        lane = self._lanes.get((key.subscription, key.uid))
        if lane is None:
            return False
        self._keep(requested(lane, request, now), now)
        return True

    # Subscriptions

    def _subscription_set(self) -> SubscriptionSet:
        items = tuple(self._subscriptions[number] for number in sorted(self._subscriptions))
        return SubscriptionSet(revision=self._revision, items=items)

    def _add_subscription(self, subscription: Subscription) -> Subscription:
        self._refuse_taken_id(subscription.id, None)
        self._revision += 1
        self._last_number += 1
        kept = replace(subscription, number=self._last_number, revision=self._revision)
        self._subscriptions[kept.number] = kept
        self._backfills[kept.number] = set(ALL_SLOTS)
        return kept

    def _replace_subscription(self, subscription: Subscription) -> Subscription:
        if subscription.number not in self._subscriptions:
            raise NotFound("no such subscription")
        self._refuse_taken_id(subscription.id, subscription.number)
        self._revision += 1
        kept = replace(subscription, revision=self._revision)
        self._subscriptions[kept.number] = kept
        return kept

    def _remove_subscription(self, subscription_id: str) -> int:
        for number, subscription in self._subscriptions.items():
            if subscription.id == subscription_id:
                del self._subscriptions[number]
                self._revision += 1
                return self._revision
        raise NotFound("no such subscription")

    def _refuse_taken_id(self, subscription_id: str, number: int | None) -> None:
        if any(s.id == subscription_id and s.number != number for s in self._subscriptions.values()):
            raise RevisionLost("the id of the subscription is taken")

    # Lists

    def _list_steps(self, wanted: StepFilter, after: tuple[float, str] | None, limit: int) -> StepPage:
        found = (
            step
            for step in self._steps.values()
            if not step.deleted
            and (after is None or (step.received_at, step.uid) < after)
            and step_matches(step, wanted)
        )
        items = heapq.nlargest(limit + 1, found, key=lambda step: (step.received_at, step.uid))
        page, last = cut(items, limit)
        listed = tuple(msgspec.structs.replace(step, dataset=_without_bytes(step.dataset)) for step in page)
        return StepPage(items=listed, next_position=None if last is None else (last.received_at, last.uid))

    def _list_operations(self, uid: str) -> list[Operation]:
        return [
            msgspec.structs.replace(operation, payload=_without_bytes(operation.payload))
            for operation in self._operations.get(uid, ())
        ]

    def _list_lanes(
        self, subscription: int | None, state: str, uid: str, after: tuple[float, str, int] | None, limit: int
    ) -> LanePage:
        found = (
            lane
            for lane in self._lanes.values()
            if (subscription is None or lane.subscription == subscription)
            and (not uid or lane.uid == uid)
            and (not state or lane.standing == state)
            and (after is None or (lane.born, lane.uid, lane.subscription) < after)
        )
        items = heapq.nlargest(limit + 1, found, key=lambda lane: (lane.born, lane.uid, lane.subscription))
        page, last = cut(items, limit)
        return LanePage(items=page, next_position=None if last is None else (last.born, last.uid, last.subscription))

    def _list_attempts(self, wanted: AttemptFilter, after: str | None, limit: int) -> AttemptPage:
        found = (
            attempt
            for attempt in self._attempts.values()
            if (after is None or attempt.id < after) and attempt_matches(attempt, wanted)
        )
        items = heapq.nlargest(limit + 1, found, key=lambda attempt: attempt.id)
        page, last = cut(items, limit)
        return AttemptPage(items=page, next_position=None if last is None else last.id)

    def _counts(self) -> StoreCounts:
        alive = [step for step in self._steps.values() if not step.deleted]
        return StoreCounts(
            steps_open=sum(not step.status.is_final for step in alive),
            steps_total=len(alive),
            unrouted=len(self._unrouted),
            lanes=tuple(self._lane_counts(number) for number in sorted(self._subscriptions)),
        )

    def _lane_counts(self, number: int) -> LaneCounts:
        stand = {uid: lane.standing for (subscription, uid), lane in self._lanes.items() if subscription == number}
        behind = [since for uid, since in self._due.get(number, {}).items() if stand[uid] == "behind"]
        return LaneCounts(
            subscription=number,
            behind=len(behind),
            parked=sum(standing == "parked" for standing in stand.values()),
            oldest_undelivered=min(behind, default=None),
        )

    # Housekeeping and identity

    def _expire_attempts(self, before: float, limit: int) -> int:
        old = heapq.nsmallest(limit, ((a.at, a.id) for a in self._attempts.values() if a.at < before))
        for _, attempt_id in old:
            del self._attempts[attempt_id]
        return len(old)

    def _sweep_blobs(self, before: float, limit: int) -> int:
        old = [(at, blob, uid) for blob, (uid, _, at) in self._blobs.items() if at < before]
        orphans = [blob for _, blob, uid in sorted(old) if blob not in self._named_blobs(uid)][:limit]
        for blob in orphans:
            del self._blobs[blob]
        return len(orphans)

    def _named_blobs(self, uid: str) -> set[str | None]:
        step = self._steps.get(uid)
        named = {operation.payload.blob for operation in self._operations.get(uid, ())}
        return named if step is None else named | {step.dataset.blob}

    def _purge_lanes(self, limit: int) -> int:
        lanes = [key for key in self._lanes if key[0] not in self._subscriptions][:limit]
        for subscription, uid in lanes:
            del self._lanes[subscription, uid]
            self._due[subscription].pop(uid, None)
        slots = [
            (n, slot) for n, pending in self._backfills.items() if n not in self._subscriptions for slot in pending
        ]
        for number, slot in slots[: limit - len(lanes)]:
            self._backfills[number].discard(slot)
        return len(lanes) + len(slots[: limit - len(lanes)])

    def _keep_manager_id(self, proposed: str) -> str:
        if self._manager_id is None:
            self._manager_id = proposed
        return self._manager_id

    def _raise_epoch(self) -> int:
        self._last_epoch += 1
        return self._last_epoch


def _without_bytes(payload: Payload) -> Payload:
    return msgspec.structs.replace(payload, data=None)
