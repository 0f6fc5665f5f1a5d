"""Rule 6: what a failing disk does to writes, and how the store gets going again."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from mpps_core.errors import OutcomeUnknown, RevisionLost, StoreError, StoreUnavailable
from mpps_store.sqlite import SqliteStore, checkpoints, connections, writer
from mpps_store.sqlite.directory import DATABASE
from tests.conformance.store.making import NOW, creation, inline, lane, update
from tests.integration.sqlite.faulty_disk import (
    CANNOT_OPEN,
    FULL,
    READ_FAILS,
    SYNC_FAILS,
    WRITE_FAILS,
    FaultyDisk,
    error,
    faulty_disk,
)
from tests.integration.sqlite.opening import opened, until_ready
from tests.support.aio import run

Check = Callable[[SqliteStore, FaultyDisk], Coroutine[Any, Any, None]]


def on_faulty_disk(directory: Path, check: Check) -> None:
    async def main() -> None:
        with faulty_disk() as disk:
            async with opened(directory, vfs=disk.name) as store:
                await check(store, disk)
                disk.fail.clear()
                disk.gate.set()

    run(main())


@asynccontextmanager
async def held_batch(store: SqliteStore, disk: FaultyDisk) -> AsyncIterator[None]:
    """Hold a commit up while the body hands over what will be the next batch."""
    disk.close_gate()
    first = asyncio.ensure_future(store.write_operation(creation("2.25.1000")))
    await asyncio.to_thread(disk.at_gate.wait, 20)
    yield
    await asyncio.sleep(0)  # the body's tasks run up to their place in the queue
    disk.gate.set()
    await first


async def batch_of(store: SqliteStore, disk: FaultyDisk, *units: Coroutine[Any, Any, Any]) -> list[Any]:
    """Carry units out in one batch and return their results or errors."""
    async with held_batch(store, disk):
        tasks = [asyncio.ensure_future(unit) for unit in units]
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_units_handed_over_during_a_commit_share_the_next_one(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        async with held_batch(store, disk):
            before = disk.calls["sync", "wal"]  # the one held up is counted when it goes on
            tasks = [asyncio.ensure_future(store.write_operation(creation(f"2.25.{n}"))) for n in range(300)]
        await asyncio.gather(*tasks)
        assert disk.calls["sync", "wal"] == before + 2

    on_faulty_disk(tmp_path, check)


def test_a_unit_that_fails_fails_alone(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        write = creation("2.25.1")
        await store.write_operation(write)
        too_large = creation("2.25.2", inline_bytes=1 << 70)
        results = await batch_of(
            store,
            disk,
            store.write_operation(creation("2.25.3")),
            store.write_operation(creation("2.25.1")),
            store.write_operation(too_large),
            store.write_blob("blob", "2.25.3", b"1", NOW),
            store.write_blob("blob", "2.25.3", b"2", NOW),
            store.write_operation(update(write.step)),
            store.write_operation(update(write.step)),
            store.write_operation(creation("2.25.4")),
        )
        kinds = [type(result) for result in results]
        assert kinds == [
            type(None),
            RevisionLost,
            StoreError,
            type(None),
            RevisionLost,
            type(None),
            RevisionLost,
            type(None),
        ]
        assert await store.read_step("2.25.2") is None
        assert await store.read_blob("blob") == b"1"
        for uid, version in (("2.25.1", 2), ("2.25.3", 1), ("2.25.4", 1)):
            step = await store.read_step(uid)
            assert step is not None
            assert step.version == version
        assert store.ready

    on_faulty_disk(tmp_path, check)


def test_a_unit_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        lanes = [lane(1, "2.25.1"), lane(1, "2.25.2", 1 << 70)]
        results = await batch_of(store, disk, store.route(lanes), store.route([lane(1, "2.25.3")]))
        assert [type(result) for result in results] == [StoreError, type(None)]
        found = await store.list_lanes(subscription=1, state="", uid="", after=None, limit=10)
        assert [row.uid for row in found.items] == ["2.25.3"]

    on_faulty_disk(tmp_path, check)


def test_a_full_disk_refuses_the_whole_batch_and_nothing_else(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        async with held_batch(store, disk):
            tasks = [asyncio.ensure_future(store.write_operation(creation(f"2.25.{n}"))) for n in range(1, 20)]
            disk.then["write", "wal"] = FULL
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {StoreUnavailable}
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="nothing was written"):
                await store.write_operation(creation("2.25.2"))
            assert await store.read_step("2.25.2") is None
        assert await store.read_step("2.25.1") is not None
        assert store.unready_reason is not None
        opens = disk.calls["open", "db"]
        disk.fail.clear()
        await store.write_operation(creation("2.25.2"))
        assert disk.calls["open", "db"] == opens  # it was not opened anew for that
        assert store.ready

    on_faulty_disk(tmp_path, check)


def test_a_database_that_may_not_grow_recovers_when_it_may(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        del disk
        pages = await store._write.do(lambda c: int(c.pragma("page_count")))
        await store._write.do(lambda c: c.pragma("max_page_count", pages))
        refused = creation("2.25.1", dataset=inline(b"x" * 100_000))
        with pytest.raises(StoreUnavailable, match="full"):
            await store.write_operation(refused)
        assert store.unready_reason is not None
        await store._write.do(lambda c: c.pragma("max_page_count", pages + 1000))
        await store.write_operation(refused)
        assert store.ready
        assert await store.read_step("2.25.1") == refused.step

    on_faulty_disk(tmp_path, check)


def test_a_lock_held_by_another_program_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_MS", 10)

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        del disk
        other = apsw.Connection(str(tmp_path / DATABASE))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.write_operation(creation("2.25.1"))
        other.execute("ROLLBACK")
        other.close()
        await store.write_operation(creation("2.25.1"))

    on_faulty_disk(tmp_path, check)


async def spoil_readers(store: SqliteStore) -> None:
    """Make the readers let go of their connections."""

    def spoilt(connection: apsw.Connection) -> None:
        del connection
        raise apsw.CorruptError("a fault of the test")

    for worker in (store._reader, store._lister):
        with pytest.raises(StoreUnavailable):
            await worker.do(spoilt)


COMMIT_FAULTS = {
    "sync": (("sync", "wal"), SYNC_FAILS),
    "write": (("write", "wal"), WRITE_FAILS),
    "no memory": (("sync", "wal"), error(apsw.NoMemError, apsw.SQLITE_NOMEM)),
    "unheard of": (("sync", "wal"), error(apsw.ProtocolError, apsw.SQLITE_PROTOCOL)),
}


@pytest.mark.parametrize("fault", COMMIT_FAULTS)
@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("reading", [False, True])
def test_the_outcome_of_a_commit_that_fails_is_unknown_until_it_was_looked_up(
    tmp_path: Path, fault: str, *, landed: bool, reading: bool
) -> None:
    """Whether the WAL is read anew or not, and whatever landed in it: afterwards there is one truth, for good."""

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        assert await store.read_step("2.25.1") is not None
        if not reading:
            await spoil_readers(store)
        writes = [creation(f"2.25.{number}") for number in range(2, 20)]
        place, make = COMMIT_FAULTS[fault]
        async with held_batch(store, disk):
            tasks = [asyncio.ensure_future(store.write_operation(write)) for write in writes]
            disk.then = {place: make, ("open", "db"): CANNOT_OPEN}
            disk.landing = landed
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {OutcomeUnknown}
        assert not store.ready
        assert store.unready_reason is not None

        # Nothing is accepted and nothing is told while it cannot be known.
        for call in (
            store.settle("2.25.2", writes[0].operation.accept_id),
            store.write_operation(creation("2.25.99")),
            store.route([lane(1, "2.25.1")]),
        ):
            with pytest.raises(StoreUnavailable):
                await call

        disk.fail.clear()
        disk.landing = False
        await until_ready(store)
        found = [await store.settle(write.step.uid, write.operation.accept_id) for write in writes]
        read = [await store.read_step(write.step.uid) for write in writes]
        assert [one is not None for one in found] == [one is not None for one in read]
        assert len({one is None for one in found}) == 1  # a batch is one transaction
        assert found in ([None] * len(writes), [write.operation for write in writes])
        assert await store.read_step("2.25.99") is None
        for write, one in zip(writes, found, strict=True):
            if one is None:
                await store.write_operation(write)
        await store.write_operation(creation("2.25.99"))

    on_faulty_disk(tmp_path, check)

    async def again() -> None:
        async with opened(tmp_path) as store:
            for number in (*range(1, 20), 99):
                step = await store.read_step(f"2.25.{number}")
                assert step is not None
                assert step.version == 1

    run(again())


def test_nothing_is_accepted_while_the_database_cannot_be_checkpointed(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        write = creation("2.25.1")
        disk.fail["sync", "wal"] = SYNC_FAILS
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(write)
        # The WAL can be written again, but what is in it cannot be brought into the database.
        disk.fail = {("write", "db"): FULL, ("sync", "db"): SYNC_FAILS}
        opens = disk.calls["open", "db"]
        while disk.calls["open", "db"] < opens + 2:
            with pytest.raises(StoreUnavailable):
                await store.write_operation(creation("2.25.2"))
            with pytest.raises(StoreUnavailable):
                await store.settle("2.25.1", write.operation.accept_id)
        assert not store.ready
        disk.fail.clear()
        await until_ready(store)
        assert await store.settle("2.25.2", "x") is None
        await store.write_operation(creation("2.25.2"))

    on_faulty_disk(tmp_path, check)


def test_reads_go_on_while_nothing_is_accepted(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        disk.fail["sync", "wal"] = SYNC_FAILS
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(creation("2.25.2"))
        for _ in range(100):
            assert await store.read_step("2.25.1") is not None
            assert await store.read_step("2.25.2") is None
        assert not store.ready

    on_faulty_disk(tmp_path, check)


def test_an_error_before_the_commit_leaves_no_doubt(tmp_path: Path) -> None:
    """A page that cannot be read spoils the batch, and the connection, but nothing was written."""

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        await store._write.do(lambda c: c.pragma("cache_size", 0))
        await store._write.do(lambda c: c.release_memory())
        disk.fail["read", "db"] = READ_FAILS
        disk.fail["read", "wal"] = READ_FAILS
        with pytest.raises(StoreUnavailable):
            await store.write_operation(creation("2.25.2"))
        disk.fail.clear()
        await until_ready(store)
        assert await store.read_step("2.25.2") is None
        await store.write_operation(creation("2.25.2"))

    on_faulty_disk(tmp_path, check)


@pytest.mark.parametrize(("place", "fault"), [(("write", "db"), FULL), (("sync", "db"), SYNC_FAILS)])
def test_a_checkpoint_that_fails_does_not_unsay_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str], fault: Callable[[], apsw.Error]
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_PAGES", 1)

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        disk.fail[place] = fault
        met = disk.calls[place]
        for number in range(2, 30):
            await store.write_operation(creation(f"2.25.{number}"))
        assert disk.calls[place] > met
        assert store.ready
        disk.fail.clear()
        await store.write_operation(creation("2.25.30"))
        for number in range(1, 31):
            assert await store.read_step(f"2.25.{number}") is not None

    on_faulty_disk(tmp_path, check)


def test_the_wal_is_moved_into_the_database_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_PAGES", 20)

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        del disk
        for number in range(200):
            await store.write_operation(creation(f"2.25.{number}", dataset=inline(b"x" * 4000)))
        assert (tmp_path / f"{DATABASE}-wal").stat().st_size < 100 * 4096

    on_faulty_disk(tmp_path, check)


def test_a_long_reader_makes_the_wal_grow_and_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_PAGES", 10)
    monkeypatch.setattr(checkpoints, "RESTART_PAGES", 50)
    monkeypatch.setattr(checkpoints, "_PATIENCE_MS", 5)

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        del disk
        other = apsw.Connection(str(tmp_path / DATABASE), flags=apsw.SQLITE_OPEN_READONLY)
        await store.write_operation(creation("2.25.1000"))
        other.execute("BEGIN; SELECT count(*) FROM steps")
        for number in range(100):
            await store.write_operation(creation(f"2.25.{number}", dataset=inline(b"x" * 4000)))
        wal = tmp_path / f"{DATABASE}-wal"
        grown = wal.stat().st_size
        assert grown > 100 * 4096
        assert other.execute("SELECT count(*) FROM steps").get == 1
        other.execute("COMMIT")
        other.close()
        for number in range(100, 400):
            await store.write_operation(creation(f"2.25.{number}", dataset=inline(b"x" * 4000)))
        assert wal.stat().st_size < 2 * grown

    on_faulty_disk(tmp_path, check)


def test_a_store_in_trouble_can_be_closed(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        disk.fail["sync", "wal"] = disk.fail["open", "db"] = SYNC_FAILS
        with pytest.raises(OutcomeUnknown):
            await store.write_operation(creation("2.25.1"))
        waiting = asyncio.ensure_future(store.write_operation(creation("2.25.2")))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await store.close()
        with pytest.raises(StoreUnavailable):
            await waiting

    on_faulty_disk(tmp_path, check)


def test_readers_open_the_database_again_after_an_error(tmp_path: Path) -> None:
    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        await store.write_operation(creation("2.25.1"))
        await spoil_readers(store)
        disk.fail["open", "db"] = CANNOT_OPEN
        with pytest.raises(StoreUnavailable):
            await store.read_step("2.25.1")
        disk.fail = {("read", "db"): READ_FAILS, ("read", "wal"): READ_FAILS}
        for call in (store.read_step("2.25.1"), store.counts()):
            with pytest.raises(StoreUnavailable):
                await call
        disk.fail.clear()
        assert await store.read_step("2.25.1") is not None
        assert (await store.counts()).steps_total == 1

    on_faulty_disk(tmp_path, check)


def test_chores_that_fail_trouble_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_PUT_OFF", 1)

    async def check(store: SqliteStore, disk: FaultyDisk) -> None:
        failed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def broken(connection: apsw.Connection) -> bool:
            del connection
            loop.call_soon_threadsafe(failed.set)
            raise apsw.FullError("a fault of the test")

        monkeypatch.setattr(store._write, "_chore", broken)
        await store.write_operation(creation("2.25.1"))
        await failed.wait()
        await store.write_operation(creation("2.25.2"))
        assert store.ready
        assert disk.calls["sync", "wal"] >= 2

    on_faulty_disk(tmp_path, check)
