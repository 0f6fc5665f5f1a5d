"""Copies: taken from a running store, and put back."""

import asyncio
import stat
from pathlib import Path

import apsw
import pytest

from mpps_core.errors import ConfigurationError, StoreUnavailable
from mpps_core.step import StepFilter
from mpps_store.sqlite import SqliteStore, restore
from mpps_store.sqlite.directory import DATABASE
from mpps_store.sqlite.schema import MIGRATIONS, Migration
from tests.conformance.store.making import creation, inline, lane
from tests.integration.sqlite.opening import opened
from tests.support.aio import run


def test_a_backup_taken_while_writing_is_consistent(tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def main() -> int:
        async with opened(tmp_path / "data") as store:
            written = 0
            enough, stop = asyncio.Event(), False

            async def write(lane_number: int) -> None:
                nonlocal written
                while not stop:
                    uid = f"2.25.{lane_number}.{written}"
                    # Lane first: in a consistent copy no step is without its lane.
                    await store.route([lane(1, uid)])
                    await store.write_operation(creation(uid, dataset=inline(b"x" * 20_000)))
                    written += 1
                    if written >= 200:
                        enough.set()

            writers = [asyncio.ensure_future(write(number)) for number in range(8)]
            await enough.wait()
            before = written
            await store.backup(copy)
            stop = True
            await asyncio.gather(*writers)
            return before

    before = run(main())
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("copy")] == ["copy"]

    restore(copy, tmp_path / "restored")

    async def check() -> None:
        async with opened(tmp_path / "restored") as store:
            found = (await store.list_steps(StepFilter(), None, 100_000)).items
            assert len(found) >= before
            lanes = await store.list_lanes(subscription=1, state="", uid="", after=None, limit=100_000)
            assert {step.uid for step in found} <= {row.uid for row in lanes.items}
            step = await store.read_step(found[0].uid)
            assert step is not None
            assert step.dataset.data == b"x" * 20_000
            await store.write_operation(creation("2.25.99"))

    run(check())


def test_a_backup_replaces_an_older_one_as_a_whole(tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def main() -> None:
        async with opened(tmp_path / "data") as store:
            await store.backup(copy)
            await store.write_operation(creation("2.25.1"))
            await store.backup(copy)

    run(main())
    restore(copy, tmp_path / "restored")

    async def check() -> None:
        async with opened(tmp_path / "restored") as store:
            assert await store.read_step("2.25.1") is not None

    run(check())


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "data") as store:
            with pytest.raises(StoreUnavailable, match="the backup failed"):
                await store.backup(tmp_path / "no such directory" / "copy")
            (tmp_path / "taken").mkdir()
            with pytest.raises(StoreUnavailable):
                await store.backup(tmp_path / "taken")
            assert store.ready

    run(main())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "taken"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    async def main() -> Path:
        async with opened(tmp_path / "source") as store:
            await store.write_operation(creation("2.25.1"))
            await store.backup(tmp_path / "copy")
        return tmp_path / "copy"

    return run(main())


def test_restoring_leaves_the_backup_as_it_is(copy: Path, tmp_path: Path) -> None:
    before = copy.read_bytes()
    copy.chmod(0o400)
    restore(copy, tmp_path / "restored")
    assert copy.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "restored", "source"]
    assert stat.S_IMODE((tmp_path / "restored" / DATABASE).stat().st_mode) == 0o600


def test_restoring_into_a_directory_with_something_in_it_is_refused(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "something").write_text("x", encoding="ascii")
    for target in (tmp_path / "target", tmp_path / "source"):
        with pytest.raises(ConfigurationError, match="not empty"):
            restore(copy, target)


def test_restoring_under_a_running_manager_is_refused(copy: Path, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "target"):
            (tmp_path / "target" / DATABASE).rename(tmp_path / "moved")
            for path in list((tmp_path / "target").iterdir()):
                if path.name != "lock":
                    path.unlink()
            with pytest.raises(ConfigurationError, match="another manager"):
                restore(copy, tmp_path / "target")

    run(main())


def test_what_is_not_a_backup_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    target = tmp_path / "target"
    with pytest.raises(ConfigurationError, match="no such backup"):
        restore(wrong, target)
    for content in (b"", b"something else " * 500):
        wrong.write_bytes(content)
        with pytest.raises(ConfigurationError, match="not a"):
            restore(wrong, target)
    wrong.unlink()
    connection = apsw.Connection(str(wrong))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(ConfigurationError, match="not one of this manager"):
        restore(wrong, target)
    assert not target.exists()


def test_a_damaged_backup_is_refused(copy: Path, tmp_path: Path) -> None:
    size = copy.stat().st_size
    with copy.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 2))
    with pytest.raises(ConfigurationError):
        restore(copy, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_a_backup_of_a_newer_manager_is_refused(tmp_path: Path) -> None:
    newer = (*MIGRATIONS, Migration(MIGRATIONS[-1].version + 1, "CREATE TABLE extra (x);"))

    async def main() -> None:
        async with opened(tmp_path / "source", migrations=newer) as store:
            await store.backup(tmp_path / "copy")

    run(main())
    with pytest.raises(ConfigurationError, match="knows up to"):
        restore(tmp_path / "copy", tmp_path / "target")
    restore(tmp_path / "copy", tmp_path / "target", migrations=newer)


def test_a_restored_store_can_be_opened_by_a_store_only_once(copy: Path, tmp_path: Path) -> None:
    restore(copy, tmp_path / "target")

    async def main() -> None:
        async with opened(tmp_path / "target"):
            with pytest.raises(ConfigurationError):
                await SqliteStore(tmp_path / "target").open()

    run(main())
