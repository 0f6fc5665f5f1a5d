"""The bus of one process: bounded, and never in anybody's way (rule 8)."""

import asyncio

import pytest

from mpps_bus.local import CAPACITY, LocalBus
from mpps_core.slots import slot_of
from mpps_core.wakeup import WakeUp
from tests.support.aio import run


def hint(number: int) -> WakeUp:
    uid = f"2.25.{number}"
    return WakeUp(uid=uid, version=1, slot=slot_of(uid))


def test_what_is_published_comes_out_in_order_and_once() -> None:
    async def main() -> None:
        bus = LocalBus()
        for number in range(3):
            bus.publish(hint(number))
        assert await bus.receive(10.0) == [hint(0), hint(1), hint(2)]
        assert await bus.receive(0.0) == []

    run(main())


def test_whoever_waits_is_woken() -> None:
    async def main() -> None:
        bus = LocalBus()
        waiting = asyncio.create_task(bus.receive(30.0))
        await asyncio.sleep(0)
        bus.publish(hint(1))
        assert await waiting == [hint(1)]

    run(main(), timeout=5.0)


@pytest.mark.parametrize("timeout", [0.0, 0.01])
def test_after_the_time_there_is_nothing(timeout: float) -> None:
    assert run(LocalBus().receive(timeout)) == []


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    async def main() -> None:
        bus = LocalBus()
        assert CAPACITY == 1000
        for number in range(1003):
            bus.publish(hint(number))
        assert bus.dropped == 3
        assert [each.uid for each in await bus.receive(0.0)] == [hint(number).uid for number in range(1000)]
        bus.publish(hint(7))
        assert await bus.receive(0.0) == [hint(7)]
        assert bus.dropped == 3

    run(main())


def test_a_hint_that_nobody_took_is_still_there_for_the_next() -> None:
    async def main() -> None:
        bus = LocalBus(capacity=1)
        gone = asyncio.create_task(bus.receive(30.0))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        bus.publish(hint(1))
        assert await bus.receive(0.0) == [hint(1)]

    run(main())
