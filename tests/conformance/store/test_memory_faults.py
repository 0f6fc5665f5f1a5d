"""What goes wrong in a ``MemoryStore`` when it is told to."""

import asyncio

import pytest

from mpps_core.errors import OutcomeUnknown, RevisionLost, StoreUnavailable
from mpps_core.lane import LaneKey
from mpps_store import memory
from mpps_store.memory import Late, MemoryStore
from tests.conformance.store.making import creation, lane, update
from tests.support.aio import run

UID = "2.25.1"


class Faults:
    """Faults by name of the method; each happens once."""

    def __init__(self) -> None:
        self.before_it: dict[str, Exception] = {}
        self.after_it: dict[str, Exception] = {}
        self.seen: list[str] = []

    async def before(self, operation: str) -> None:
        self.seen.append(operation)
        if fault := self.before_it.pop(operation, None):
            raise fault

    async def after(self, operation: str) -> None:
        if fault := self.after_it.pop(operation, None):
            raise fault


def test_nothing_is_applied_before_a_fault() -> None:
    async def main() -> None:
        faults = Faults()
        store = MemoryStore(faults=faults)
        for error in (StoreUnavailable(), OutcomeUnknown()):
            faults.before_it["write_operation"] = error
            with pytest.raises(type(error)):
                await store.write_operation(creation(UID))
            assert await store.read_step(UID) is None
        assert faults.seen == ["write_operation", "read_step"] * 2

    run(main())


def test_all_is_applied_before_a_fault_afterwards() -> None:
    async def main() -> None:
        faults = Faults()
        store = MemoryStore(faults=faults)
        write = creation(UID)
        faults.after_it["write_operation"] = OutcomeUnknown()
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(write)
        assert await store.settle(UID, write.operation.accept_id) == write.operation

    run(main())


def test_a_late_write_lands_by_itself() -> None:
    async def main() -> None:
        faults = Faults()
        store = MemoryStore(faults=faults)
        faults.before_it["route"] = Late(0.0)
        with pytest.raises(OutcomeUnknown):
            await store.route([lane(1, UID)])
        key = [LaneKey(subscription=1, uid=UID)]
        assert await store.read_lanes(key) == []
        while not await store.read_lanes(key):
            await asyncio.sleep(0)

    run(main())


def test_a_late_update_that_was_fenced_does_not_land() -> None:
    async def main() -> None:
        faults = Faults()
        store = MemoryStore(faults=faults)
        await store.write_operation(creation(UID))
        step = await store.read_step(UID)
        assert step is not None
        late = update(step)
        faults.before_it["write_operation"] = Late(0.01)
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(late)
        assert await store.settle(UID, late.operation.accept_id) is None
        with pytest.raises(RevisionLost):
            await store.write_operation(update(step))
        fenced = await store.read_step(UID)
        assert fenced is not None
        again = update(fenced)
        await store.write_operation(again)
        await asyncio.sleep(0.02)
        assert await store.read_step(UID) == again.step
        assert await store.settle(UID, late.operation.accept_id) is None

    run(main())


def test_a_late_create_cannot_be_fenced() -> None:
    async def main() -> None:
        faults = Faults()
        store = MemoryStore(faults=faults)
        write = creation(UID)
        faults.before_it["write_operation"] = Late(0.0)
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(write)
        with pytest.raises(StoreUnavailable):
            await store.settle(UID, write.operation.accept_id)
        while await store.read_step(UID) is None:
            await asyncio.sleep(0)
        assert await store.settle(UID, write.operation.accept_id) == write.operation

    run(main())


def test_a_caller_may_never_be_answered() -> None:
    class Crash(Faults):
        async def after(self, operation: str) -> None:
            del operation
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        store = MemoryStore(faults=Crash())
        task = asyncio.ensure_future(store.write_operation(creation(UID)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        store._faults = None
        assert await store.read_step(UID) is not None

    run(main())


def test_the_writes_are_methods() -> None:
    assert all(callable(getattr(MemoryStore, name)) for name in memory.WRITES)
