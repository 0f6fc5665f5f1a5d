"""Steps, operations and blobs (protocol A)."""

import asyncio

import msgspec
import pytest

from mpps_core.errors import NotFound, RevisionLost
from mpps_core.step import OperationWrite, Step
from mpps_dicom import StepStatus, Summary
from tests.conformance.store.adapters import Store
from tests.conformance.store.conftest import Play
from tests.conformance.store.making import FINDING, NOW, creation, in_blob, inline, operation, update

UID = "2.25.1"


async def created(store: Store, uid: str = UID) -> Step:
    write = creation(uid)
    await store.write_operation(write)
    return write.step


def test_what_was_created_is_read_back_as_it_was(play: Play) -> None:
    async def main(store: Store) -> None:
        summary = Summary(
            patient_ids=("4711",),
            patient_names=("Yamada^Tarou=山田^太郎",),
            accession_numbers=("A1", "A2"),
            study_uids=("1.2.3",),
            modalities=("CT",),
            station_aes=("CT1",),
            procedure_codes=("P1^99X",),
            start="20261121080000.5",
            scheduled=True,
        )
        write = creation(UID, summary=summary, sources=("ct1", "unknown"), inline_bytes=12_345)
        first = msgspec.structs.replace(
            write.operation, via=("1.1 a", "1.1 b"), findings=(FINDING,), client=None, request_id="r"
        )
        await store.write_operation(msgspec.structs.replace(write, operation=first))
        assert await store.read_step(UID) == write.step
        assert await store.read_operation(UID, 1) == first
        assert await store.read_operations([(UID, 1)]) == [first]

    play(main)


def test_what_is_not_there_is_none(play: Play) -> None:
    async def main(store: Store) -> None:
        assert await store.read_step(UID) is None
        assert await store.read_operation(UID, 1) is None
        await created(store)
        for number in (-1, 0, 2, 40_000):
            assert await store.read_operation(UID, number) is None
        assert await store.read_operations([("2.25.9", 1), (UID, 2)]) == [None, None]

    play(main)


def test_an_update_replaces_the_state_and_adds_an_operation(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        second = update(step, status=StepStatus.COMPLETED, summary=Summary(patient_ids=("1",)), sources=("a", "b"))
        await store.write_operation(second)
        assert await store.read_step(UID) == second.step
        assert await store.read_operation(UID, 2) == second.operation
        first = await store.read_operation(UID, 1)
        assert first is not None
        assert first.payload.data == b"operation-1"

    play(main)


def test_operations_are_read_in_the_order_of_the_keys(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        await store.write_operation(update(step))
        await created(store, "2.25.2")
        found = await store.read_operations([(UID, 2), ("2.25.2", 1), (UID, 3), (UID, 1), (UID, 2)])
        assert [one and one.number for one in found] == [2, 1, None, 1, 2]

    play(main)


def test_a_uid_can_be_created_once(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        with pytest.raises(RevisionLost):
            await store.write_operation(creation(UID, status=StepStatus.COMPLETED))
        assert await store.read_step(UID) == step

    play(main)


def test_a_tombstone_keeps_its_uid(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        buried = update(step, deleted=True)
        await store.write_operation(buried)
        assert await store.read_step(UID) == buried.step
        with pytest.raises(RevisionLost):
            await store.write_operation(creation(UID))

    play(main)


@pytest.mark.parametrize("expected", [1, 3, 0])
def test_an_update_of_another_revision_is_lost(play: Play, expected: int) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        await store.write_operation(update(step))
        now = await store.read_step(UID)
        assert now is not None
        stale = msgspec.structs.replace(update(now), expected_rev=expected)
        with pytest.raises(RevisionLost):
            await store.write_operation(stale)
        assert await store.read_step(UID) == now
        assert await store.read_operation(UID, 3) is None

    play(main)


def test_an_update_that_skips_a_version_is_lost(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        skipping = update(msgspec.structs.replace(step, version=2))
        with pytest.raises(RevisionLost):
            await store.write_operation(skipping)

    play(main)


def test_an_update_of_nothing_is_lost(play: Play) -> None:
    async def main(store: Store) -> None:
        with pytest.raises(RevisionLost):
            await store.write_operation(update(creation(UID).step))
        assert await store.read_step(UID) is None

    play(main)


def test_of_writers_that_race_each_wins_once(play: Play) -> None:
    writers, rounds = 8, 5

    async def main(store: Store) -> None:
        await created(store)
        lost = 0

        async def one() -> None:
            nonlocal lost
            done = 0
            while done < rounds:
                step = await store.read_step(UID)
                assert step is not None
                try:
                    await store.write_operation(update(step))
                    done += 1
                except RevisionLost:
                    lost += 1

        await asyncio.gather(*(one() for _ in range(writers)))
        step = await store.read_step(UID)
        assert step is not None
        assert step.version == step.rev == 1 + writers * rounds
        assert [one.number for one in await store.list_operations(UID)] == list(range(1, step.version + 1))
        assert lost > 0

    play(main)


def test_of_creates_that_race_one_wins(play: Play) -> None:
    async def main(store: Store) -> None:
        writes = [creation(UID) for _ in range(20)]
        results = await asyncio.gather(*(store.write_operation(w) for w in writes), return_exceptions=True)
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, RevisionLost) for result in results) == 19
        kept = await store.read_operation(UID, 1)
        assert kept == writes[results.index(None)].operation

    play(main)


def test_one_write_that_fails_does_not_spoil_those_beside_it(play: Play) -> None:
    async def main(store: Store) -> None:
        await created(store, "2.25.50")
        writes: list[OperationWrite] = [creation(f"2.25.{number}") for number in range(100)]
        results = await asyncio.gather(*(store.write_operation(w) for w in writes), return_exceptions=True)
        assert [type(result) for result in results].count(RevisionLost) == 1
        for write in writes:
            assert await store.read_step(write.step.uid) is not None

    play(main)


def test_settle_finds_an_operation_by_its_id(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID)
        await store.write_operation(write)
        second = update(write.step)
        await store.write_operation(second)
        assert await store.settle(UID, write.operation.accept_id) == write.operation
        assert await store.settle(UID, second.operation.accept_id) == second.operation
        assert await store.settle(UID, "another") is None
        await created(store, "2.25.2")
        assert await store.settle("2.25.2", write.operation.accept_id) is None

    play(main)


def test_settle_of_what_was_never_there_is_none(play: Play) -> None:
    async def main(store: Store) -> None:
        assert await store.settle(UID, "mine") is None

    play(main)


def test_settle_after_a_lost_race_lets_the_next_write_win(play: Play) -> None:
    async def main(store: Store) -> None:
        step = await created(store)
        await store.write_operation(update(step))
        mine = update(step)
        with pytest.raises(RevisionLost):
            await store.write_operation(mine)
        assert await store.settle(UID, mine.operation.accept_id) is None
        now = await store.read_step(UID)
        assert now is not None
        await store.write_operation(update(now))
        assert await store.read_operation(UID, 3) is not None

    play(main)


def test_blobs_are_kept_under_their_id(play: Play) -> None:
    async def main(store: Store) -> None:
        data = bytes(range(256)) * 4096
        await store.write_blob("blob-1", UID, data, NOW)
        await store.write_blob("blob-2", UID, b"", NOW)
        assert await store.read_blob("blob-1") == data
        assert await store.read_blob("blob-2") == b""
        with pytest.raises(NotFound):
            await store.read_blob("blob-3")
        with pytest.raises(RevisionLost):
            await store.write_blob("blob-1", UID, b"other", NOW)
        assert await store.read_blob("blob-1") == data

    play(main)


def test_payloads_move_between_document_and_blob(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID, dataset=in_blob("blob-1"))
        large = msgspec.structs.replace(write, operation=operation(1, payload=in_blob("blob-2")))
        await store.write_operation(large)
        assert await store.read_step(UID) == large.step
        assert await store.read_operation(UID, 1) == large.operation
        small = update(large.step)
        await store.write_operation(small)
        assert await store.read_step(UID) == small.step
        again = update(small.step, dataset=in_blob("blob-3"))
        await store.write_operation(again)
        assert await store.read_step(UID) == again.step

    play(main)


def test_the_state_of_a_create_may_differ_from_what_was_sent(play: Play) -> None:
    async def main(store: Store) -> None:
        write = creation(UID, dataset=inline(b"merged"))
        await store.write_operation(write)
        assert await store.read_step(UID) == write.step
        assert await store.read_operation(UID, 1) == write.operation

    play(main)
