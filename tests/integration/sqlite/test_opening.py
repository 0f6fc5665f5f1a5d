"""Opening: the directory, the file, its schema."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from mpps_core.errors import ConfigurationError, StoreUnavailable
from mpps_core.step import StepFilter
from mpps_store.sqlite import SqliteStore
from mpps_store.sqlite.directory import DATABASE, refuse_network
from mpps_store.sqlite.schema import MIGRATIONS, Migration
from tests.conformance.store.making import creation
from tests.integration.sqlite.faulty_disk import CANNOT_OPEN, FULL, READ_FAILS, READ_ONLY, WRITE_FAILS, faulty_disk
from tests.integration.sqlite.opening import opened
from tests.support.aio import run


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_can_read_the_data(tmp_path: Path) -> None:
    async def main() -> None:
        directory = tmp_path / "a" / "data"
        before = os.umask(0)
        try:
            async with opened(directory) as store:
                await store.write_operation(creation("2.25.1"))
                assert await store.read_step("2.25.1") is not None
                assert mode_of(directory) == 0o700
                files = {path.name: mode_of(path) for path in directory.iterdir()}
                assert files == dict.fromkeys([DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "lock"], 0o600)
        finally:
            os.umask(before)

    run(main())


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    async def main() -> None:
        write = creation("2.25.1")
        async with opened(tmp_path) as store:
            await store.write_operation(write)
            await store.manager_id("me")
            epoch = await store.next_epoch()
        async with opened(tmp_path) as store:
            assert await store.read_step("2.25.1") == write.step
            assert await store.manager_id("other") == "me"
            assert await store.next_epoch() > epoch

    run(main())


def stands(store: SqliteStore) -> tuple[bool, str | None]:
    return store.ready, store.unready_reason


def test_a_store_says_whether_it_is_ready(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path)
        assert stands(store) == (False, "the store is closed")
        with pytest.raises(StoreUnavailable):
            await store.write_operation(creation("2.25.1"))
        with pytest.raises(StoreUnavailable):
            await store.read_step("2.25.1")
        with pytest.raises(StoreUnavailable):
            await store.backup(tmp_path / "backup")
        await store.open()
        assert stands(store) == (True, None)
        await store.close()
        await store.close()
        assert not store.ready
        for call in (store.read_step("2.25.1"), store.counts(), store.settle("2.25.1", "x")):
            with pytest.raises(StoreUnavailable):
                await call
        await store.open()
        await store.write_operation(creation("2.25.1"))
        await store.close()

    run(main())


def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        writes = [asyncio.ensure_future(store.write_operation(creation(f"2.25.{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await store.close()
        await asyncio.gather(*writes)
        async with opened(tmp_path) as again:
            assert len((await again.list_steps(StepFilter(), None, 100)).items) == 50

    run(main())


def test_a_caller_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            task = asyncio.ensure_future(store.write_operation(creation("2.25.1")))
            await asyncio.sleep(0)
            task.cancel()
            await store.write_operation(creation("2.25.2"))
            assert task.cancelled()
            assert await store.read_step("2.25.1") is not None

    run(main())


def test_the_directory_must_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="ascii")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigurationError, match="not a directory"):
            run(SqliteStore(path).open())


def test_a_directory_that_cannot_be_made_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        run(SqliteStore(tmp_path / ("x" * 300)).open())


def mounts(tmp_path: Path, *lines: str) -> Path:
    table = tmp_path / "mounts"
    table.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return table


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_network_file_systems_are_refused(tmp_path: Path, kind: str) -> None:
    table = mounts(tmp_path, "/dev/x / ext4 rw 0 0", "", f"host:/x {tmp_path} {kind} rw 0 0", "x /else ext4 rw 0 0")
    with pytest.raises(ConfigurationError, match=f"network file system .{kind}."):
        refuse_network(tmp_path / "data", table)


def test_local_file_systems_are_not_refused(tmp_path: Path) -> None:
    table = mounts(
        tmp_path,
        "h:/x / nfs rw 0 0",
        f"h:/x {tmp_path} nfs rw 0 0",
        f"d {tmp_path} ext4 rw 0 0",
        "h:/ /else nfs rw 0 0",
    )
    refuse_network(tmp_path / "data", table)
    refuse_network(tmp_path / "data", tmp_path / "no such table")


@pytest.mark.parametrize(
    ("operation", "kind", "fault"),
    [
        ("open", "db", CANNOT_OPEN),
        ("write", "db", FULL),
        ("write", "db", READ_ONLY),
        ("write", "wal", FULL),
        ("write", "wal", WRITE_FAILS),
        ("read", "db", READ_FAILS),
    ],
)
def test_a_disk_that_fails_at_the_start_is_an_outage_that_may_end(
    tmp_path: Path, operation: str, kind: str, fault: Callable[[], apsw.Error]
) -> None:
    async def main() -> None:
        with faulty_disk() as disk:
            store = SqliteStore(tmp_path, vfs=disk.name)
            disk.fail[operation, kind] = fault
            with pytest.raises(StoreUnavailable):
                await store.open()
            assert not store.ready
            disk.fail.clear()
            await store.open()
            await store.write_operation(creation("2.25.1"))
            await store.close()

    run(main())


def database(path: Path, *statements: str) -> None:
    connection = apsw.Connection(str(path / DATABASE))
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE theirs (x)"],
        ["PRAGMA application_id = 7", "CREATE TABLE theirs (x)"],
        ["PRAGMA user_version = 3", "CREATE TABLE theirs (x)"],
    ],
)
def test_a_database_of_another_program_is_left_alone(tmp_path: Path, statements: list[str]) -> None:
    database(tmp_path, *statements)
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(ConfigurationError, match="not one of this manager"):
        run(SqliteStore(tmp_path).open())
    assert (tmp_path / DATABASE).read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to have a header " * 99, b"SQLite format 3\0" * 99]
)
def test_a_damaged_file_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"damaged|not one of this manager"):
        run(SqliteStore(tmp_path).open())
    assert (tmp_path / DATABASE).read_bytes() == content


def test_a_damaged_schema_is_told(tmp_path: Path) -> None:
    run(_open_and_close(tmp_path))
    with (tmp_path / DATABASE).open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 1000)
    with pytest.raises(ConfigurationError, match="damaged"):
        run(SqliteStore(tmp_path).open())


async def _open_and_close(directory: Path, **given: object) -> None:
    async with opened(directory, **given):
        pass


NEXT = Migration(
    MIGRATIONS[-1].version + 1,
    "CREATE TABLE extra (x INTEGER NOT NULL); ALTER TABLE steps ADD COLUMN extra TEXT; INSERT INTO extra VALUES (7);",
)


def test_an_older_database_is_brought_forward_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.write_operation(creation("2.25.1"))
        for _ in range(2):
            async with opened(tmp_path, migrations=(*MIGRATIONS, NEXT)) as store:
                assert await store.read_step("2.25.1") is not None
        connection = apsw.Connection(str(tmp_path / DATABASE))
        assert connection.execute("SELECT x FROM extra").fetchall() == [(7,)]
        assert connection.pragma("user_version") == NEXT.version
        connection.close()

    run(main())


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    run(_open_and_close(tmp_path, migrations=(*MIGRATIONS, NEXT)))
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(ConfigurationError, match=rf"schema version {NEXT.version}.*knows up to {NEXT.version - 1}"):
        run(SqliteStore(tmp_path).open())
    assert (tmp_path / DATABASE).read_bytes() == before


def test_a_step_forward_that_fails_changes_nothing(tmp_path: Path) -> None:
    run(_open_and_close(tmp_path))
    wrong = Migration(NEXT.version, f"{NEXT.statements} CREATE TABLE steps (x);")
    with pytest.raises(StoreUnavailable):
        run(SqliteStore(tmp_path, migrations=(*MIGRATIONS, wrong)).open())
    run(_open_and_close(tmp_path))
    run(_open_and_close(tmp_path, migrations=(*MIGRATIONS, NEXT)))


def test_released_migrations_are_in_order() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
