"""Whatever is done in whatever order, a store shows what the dictionaries of ``MemoryStore`` show."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpps_core.attempt import AttemptFilter
from mpps_core.errors import StoreError
from mpps_core.lane import LaneKey, LaneRequest, LaneState, RequestKind
from mpps_core.slots import ALL_SLOTS
from mpps_core.step import OperationWrite, StepFilter
from mpps_dicom import StepStatus, Summary
from mpps_store.memory import MemoryStore
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import NOW, attempt, creation, lane, progress, subscription, update

UIDS = ("2.25.1", "2.25.2", "2.25.3")
Action = Callable[[Store, float], Awaitable[object]]


@dataclass(frozen=True)
class Command:
    """One call of a program, with arguments drawn beforehand; the time is that of its place in the program."""

    name: str
    uid: str
    number: int
    choice: int

    async def apply(self, store: Store, now: float) -> object:
        """Carry it out and return what a caller sees."""
        action: Action = getattr(self, self.name)
        try:
            return await action(store, now)
        except StoreError as error:
            return type(error)

    async def create(self, store: Store, now: float) -> None:
        summary = Summary(patient_ids=(f"P{self.choice}",), modalities=("CT", "MR")[self.choice % 2 :])
        write = creation(self.uid, at=now, summary=summary)
        await store.write_operation(_same_ids(write, now))

    async def change(self, store: Store, now: float) -> None:
        step = await store.read_step(self.uid)
        if step is None:
            return
        changes: tuple[dict[str, Any], ...] = (
            {},
            {"status": StepStatus.COMPLETED},
            {"sources": ("late",)},
            {"deleted": True},
        )
        changed = changes[self.choice]
        await store.write_operation(_same_ids(update(step, at=now, **changed), now))

    async def clear(self, store: Store, now: float) -> None:
        del now
        await store.clear_unrouted([(self.uid, self.number)])

    async def route(self, store: Store, now: float) -> None:
        await store.route([lane(self.number, self.uid, self.choice + 1, now=now)])

    async def progress(self, store: Store, now: float) -> object:
        rows = await store.read_lanes([LaneKey(subscription=self.number, uid=self.uid)])
        changes: tuple[dict[str, Any], ...] = (
            {"cursor": 1, "high": 1, "due": None},
            {"due": now + 5000, "attempts": 2},
            {"due": now + 60, "state": LaneState.PARKED, "judged_version": 1},
            {"due": None, "state": LaneState.CLOSED, "gen": 1},
        )
        writes = [progress(row, **{"now": now, **changes[self.choice]}) for row in rows]
        return await store.write_progress(writes, [attempt(int((now - NOW) * 4), uid=self.uid)])

    async def request(self, store: Store, now: float) -> object:
        request = LaneRequest(kind=RequestKind.RESEND, who="op", why="test")
        return await store.place_request(LaneKey(subscription=self.number, uid=self.uid), request, now)

    async def subscribe(self, store: Store, now: float) -> object:
        del now
        return await store.add_subscription(subscription(f"s{self.number}"))

    async def unsubscribe(self, store: Store, now: float) -> object:
        del now
        return await store.remove_subscription(f"s{self.number}")

    async def purge(self, store: Store, now: float) -> object:
        del now
        return await store.purge_lanes(300)

    async def expire(self, store: Store, now: float) -> object:
        return await store.expire_attempts(now - 2, 2)


NAMES = (
    *("create", "create", "change", "change", "clear", "route", "route", "progress", "progress", "request"),
    *("subscribe", "unsubscribe", "purge", "expire"),
)
COMMANDS = st.builds(
    Command,
    name=st.sampled_from(NAMES),
    uid=st.sampled_from(UIDS),
    number=st.integers(1, 2),
    choice=st.integers(0, 3),
)


def _same_ids(write: OperationWrite, now: float) -> OperationWrite:
    """Give an operation an id that it also has in the other store."""
    return msgspec.structs.replace(write, operation=msgspec.structs.replace(write.operation, accept_id=f"at {now}"))


async def shown(store: Store, now: float) -> dict[str, object]:
    """Return all that a store shows."""
    everything: dict[str, object] = {
        "unrouted": await store.unrouted(ALL_SLOTS, 10),
        "backfill": await store.backfill_page(ALL_SLOTS, updated_since=now - 3, or_open=True, after_uid="", limit=9),
        "subscriptions": await store.subscriptions(),
        "counts": await store.counts(),
        "attempts": await store.list_attempts(AttemptFilter(), None, 100),
        "ct": await store.list_steps(StepFilter(modality="CT"), None, 10),
        "text": await store.list_steps(StepFilter(text="p"), None, 2),
        "late": await store.list_steps(StepFilter(source="late", status=StepStatus.IN_PROGRESS), None, 10),
    }
    for uid in UIDS:
        everything[f"step {uid}"] = await store.read_step(uid)
        everything[f"operations {uid}"] = await store.list_operations(uid)
        everything[f"settled {uid}"] = await store.settle(uid, f"at {NOW}")
        everything[f"operation {uid}"] = await store.read_operation(uid, 2)
    for number in (1, 2):
        everything[f"due {number}"] = await store.due_lanes(number, ALL_SLOTS, now=now, limit=2)
        everything[f"pending {number}"] = await store.pending_backfills(number, ALL_SLOTS)
    for state in ("", "behind", "level", "parked", "closed"):
        everything[f"lanes {state}"] = await store.list_lanes(
            subscription=None, state=state, uid="", after=None, limit=4
        )
    return everything


@settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=st.lists(COMMANDS, min_size=5, max_size=40))
def test_a_store_shows_what_the_reference_shows(play: Play, program: list[Command]) -> None:
    async def main(store: Store) -> None:
        reference = MemoryStore()
        now = NOW
        for place, command in enumerate(program):
            # Times are apart, so that what is ordered by time has one order.
            now = NOW + place * 0.75
            assert await command.apply(store, now) == await command.apply(reference, now), command
        assert await shown(store, now) == await shown(reference, now)

    play(main)
