"""More than one process: crashes, and managers that meet on one directory."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mpps_core.errors import ConfigurationError
from mpps_core.lane import LaneKey
from mpps_store.sqlite import SqliteStore, restore
from tests.integration.sqlite.opening import opened
from tests.support.aio import run

ROOT = Path(__file__).parents[3]


@contextmanager
def writing_child(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that writes, and kill it at the end."""
    command = [sys.executable, "-m", "tests.integration.sqlite.writing_child", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("lines", [50, 500])
def test_nothing_acknowledged_is_missing_after_a_kill(tmp_path: Path, lines: int) -> None:
    with writing_child(tmp_path) as child:
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.readlines()
        assert child.wait() == -signal.SIGKILL

    async def main() -> None:
        async with opened(tmp_path) as store:
            for line in told:
                if not line.endswith("\n"):
                    continue  # cut off in the middle
                uid, what = line.split()
                if what == "lane":
                    assert await store.read_lanes([LaneKey(subscription=1, uid=uid)])
                    continue
                step = await store.read_step(uid)
                assert step is not None
                assert step.version >= int(what)
                assert step.dataset.data == (b"operation-1" if step.version == 1 else b"state-2")
                assert await store.read_operation(uid, int(what)) is not None

    run(main())


def test_a_second_manager_is_told_who_has_the_directory(tmp_path: Path) -> None:
    with writing_child(tmp_path) as child:
        with pytest.raises(ConfigurationError, match=rf"another manager uses this data directory \(pid {child.pid}\)"):
            run(SqliteStore(tmp_path).open())
        (tmp_path / "backup").mkdir()
        with pytest.raises(ConfigurationError):
            restore(tmp_path / "mpps.sqlite3", tmp_path)
    run(_open_and_close(tmp_path))


def test_a_second_store_in_the_same_process_is_refused_and_leaves_the_lock_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path):
            for _ in range(2):
                with pytest.raises(ConfigurationError, match="another manager"):
                    await SqliteStore(tmp_path).open()
            # The first one still keeps other processes out.
            code = (
                "import asyncio, pathlib, sys; from mpps_store.sqlite import SqliteStore; "
                "asyncio.run(SqliteStore(pathlib.Path(sys.argv[1])).open())"
            )
            command = [sys.executable, "-c", code, str(tmp_path)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: ASYNC221 - on purpose
            assert "another manager uses this data directory" in done.stderr
        await _open_and_close(tmp_path)

    run(main())


async def _open_and_close(directory: Path) -> None:
    async with opened(directory):
        pass
