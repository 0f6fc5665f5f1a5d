"""Large data sets are worked on in another process, and everything they can end with comes back."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import psutil
import pytest

from mpps_core.accepting.content import Current, Prepared
from mpps_core.accepting.processing import LARGE, InlineContents, PooledContents
from mpps_core.errors import TryLater
from mpps_core.payload import decompress
from mpps_dicom import Profile, Refused, StepStatus
from tests.support.aio import run
from tests.support.modalities import ct, padded

UID = "2.25.1"


def step(size: int) -> list[bytes]:
    return [orjson.dumps(data_set) for _, data_set in padded(ct(UID, seed=1), size)]


def played(work: Callable[[PooledContents], Awaitable[object]], *, idle_seconds: float = 60.0) -> None:
    """Run a test with contents that are closed afterwards."""

    async def main() -> None:
        contents = PooledContents(idle_seconds=idle_seconds)
        try:
            await work(contents)
        finally:
            contents.close()
            await _workers_ended()

    run(main(), timeout=60.0)


def workers() -> list[psutil.Process]:
    """Return the worker processes of this process: those that multiprocessing started to run tasks."""
    found = []
    for child in psutil.Process(os.getpid()).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


async def _workers_ended() -> None:
    async with asyncio.timeout(30.0):
        while workers():
            await asyncio.sleep(0.02)


def current(prepared: Prepared) -> Current:
    return Current(data=prepared.state.data, size=prepared.state.size, status=prepared.status)


def test_two_megabytes_go_to_the_worker_and_come_back_as_if_read_here() -> None:
    create, update, _ = step(2 * LARGE)
    assert len(create) < LARGE < len(update)

    async def main(contents: PooledContents) -> None:
        here = InlineContents()
        begun = await contents.create(create, UID, Profile.LENIENT)
        assert contents._pool is None  # a small one needs no other process
        assert begun == await here.create(create, UID, Profile.LENIENT)

        ticks = 0

        async def others() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        meanwhile = asyncio.create_task(others())
        went = await contents.update(update, UID, Profile.LENIENT, current(begun))
        meanwhile.cancel()
        assert ticks > 100  # nobody had to wait
        assert went == await here.update(update, UID, Profile.LENIENT, current(begun))
        assert orjson.loads(decompress(went.operation.data)) == orjson.loads(update)

        assert await contents.canonical(update, UID) == await here.canonical(update, UID)
        state = await contents.unpack(went.state.data, went.state.size)
        assert state == decompress(went.state.data)
        fields = (("00400340", "0020000E"),)
        assert await contents.select(create, fields) == await here.select(create, fields)
        assert await contents.select(state, fields) == await here.select(state, fields)
        assert len(workers()) == 1

    played(main)


def test_a_small_update_of_a_large_state_is_large() -> None:
    create, update, _ = step(LARGE)

    async def main(contents: PooledContents) -> None:
        here = InlineContents()
        begun = await here.create(create, UID, Profile.LENIENT)
        went = await here.update(update, UID, Profile.LENIENT, current(begun))
        final = b'{"00400252":{"vr":"CS","Value":["COMPLETED"]}}'
        ended = await contents.update(final, UID, Profile.LENIENT, current(went))
        assert ended.status is StepStatus.COMPLETED
        assert len(workers()) == 1

    played(main)


def test_what_is_small_needs_no_worker() -> None:
    create, update, _ = step(1)

    async def main(contents: PooledContents) -> None:
        begun = await contents.create(create, UID, Profile.LENIENT)
        went = await contents.update(update, UID, Profile.LENIENT, current(begun))
        state = await contents.unpack(went.state.data, went.state.size)
        assert await contents.canonical(state, UID) == state
        assert await contents.select(state, (("00080060",),)) == b'{"00080060":{"vr":"CS","Value":["CT"]}}'
        assert contents._pool is None
        assert workers() == []

    played(main)


def test_a_refusal_travels_with_its_findings() -> None:
    data = orjson.dumps(
        {"00400252": {"vr": "CS", "Value": ["READY"]}, "00104000": {"vr": "LT", "Value": ["x" * LARGE]}}
    )
    broken = b'{"00104000":{"vr":"LT","Value":["' + b"x" * LARGE

    async def main(contents: PooledContents) -> None:
        for body in (data, broken):
            told: list[Any] = []
            for each in (contents, InlineContents()):
                with pytest.raises(Refused) as raised:
                    await each.create(body, UID, Profile.LENIENT)
                told.append(raised.value.findings)
            assert told[0] == told[1] != ()
        assert contents._pool is not None

    played(main)


def test_the_worker_ends_when_it_is_idle_and_comes_back_when_needed() -> None:
    body = orjson.dumps({"00104000": {"vr": "LT", "Value": ["x" * LARGE]}})

    async def main(contents: PooledContents) -> None:
        for _ in range(2):
            both = await asyncio.gather(*(contents.canonical(body, UID) for _ in range(2)))
            assert both == [body, body]
            assert len(workers()) == 1
            await _workers_ended()
            assert contents._pool is None

    played(main, idle_seconds=0.05)


def test_a_worker_that_dies_costs_one_request_and_no_more() -> None:
    body = orjson.dumps({"00104000": {"vr": "LT", "Value": ["x" * LARGE]}})

    async def main(contents: PooledContents) -> None:
        assert await contents.canonical(body, UID) == body
        (worker,) = workers()
        worker.send_signal(signal.SIGSTOP)  # so that it dies with work in its hands
        under_way = [asyncio.create_task(contents.canonical(body, UID)) for _ in range(3)]
        await asyncio.sleep(0)
        worker.kill()
        for failed in await asyncio.gather(*under_way, return_exceptions=True):
            assert isinstance(failed, TryLater)
            assert "died" in failed.detail
        assert await contents.canonical(body, UID) == body

    played(main)


def test_it_may_be_closed_at_any_time() -> None:
    contents = PooledContents()
    contents.close()
    contents.close()
