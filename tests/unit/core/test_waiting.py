"""Waiting for events and times, and loops that nothing ends by accident."""

import asyncio
import itertools

import pytest

from mpps_core.clock import Clock, SystemClock
from mpps_core.errors import OutcomeUnknown, StoreUnavailable
from mpps_core.observer import NullObserver
from mpps_core.waiting import keep_going, wait_for
from tests.simulation.virtual_time import VirtualClock
from tests.support.aio import run
from tests.unit.core.virtual import live


def test_an_event_that_is_set_is_taken_at_once() -> None:
    async def main(clock: VirtualClock) -> None:
        event = asyncio.Event()
        event.set()
        assert await wait_for(event, 10.0)
        assert not event.is_set()
        assert clock.monotonic() < 0.001

    live(main)


def test_an_event_that_comes_ends_the_wait() -> None:
    async def main(clock: VirtualClock) -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(3.0, event.set)
        assert await wait_for(event, 10.0)
        assert clock.monotonic() == pytest.approx(3.0, abs=0.001)
        assert not event.is_set()

    live(main)


@pytest.mark.parametrize(("seconds", "waited"), [(10.0, 10.0), (0.0, 0.0), (-5.0, 0.0)])
def test_without_an_event_the_time_ends_it(seconds: float, waited: float) -> None:
    async def main(clock: VirtualClock) -> None:
        assert not await wait_for(asyncio.Event(), seconds)
        assert clock.monotonic() == pytest.approx(waited, abs=0.001)

    live(main)


class Listening(NullObserver):
    def __init__(self) -> None:
        self.heard: list[tuple[str, object, object]] = []

    def event(self, name: str, **keys: str | float | None) -> None:
        self.heard.append((name, keys.get("loop"), keys.get("error")))


def test_a_loop_outlives_outages_and_defects_and_tells_of_them() -> None:
    async def main(clock: VirtualClock) -> None:
        observer = Listening()
        rounds: list[float] = []
        troubles = [None, StoreUnavailable(), OutcomeUnknown(), StoreUnavailable(), None, KeyError("x"), KeyError("x")]

        async def work() -> None:
            rounds.append(clock.monotonic())
            await clock.sleep(0)
            if not troubles:
                await asyncio.get_running_loop().create_future()
            trouble = troubles.pop(0)
            if trouble is not None:
                raise trouble

        task = asyncio.create_task(keep_going("routing", work, clock, observer))
        await clock.sleep(60.0)
        assert not task.done()
        # One line when an outage begins and one when it ends; a defect is told each time.
        assert observer.heard == [
            ("loop.store_unavailable", "routing", "StoreUnavailable"),
            ("loop.store_available", "routing", None),
            ("loop.failed", "routing", "KeyError"),
            ("loop.failed", "routing", "KeyError"),
        ]
        pauses = [round(later - earlier, 2) for earlier, later in itertools.pairwise(rounds)]
        assert pauses == [0.0, 0.2, 0.4, 0.8, 0.0, 0.2, 0.4]

    live(main)


def test_a_loop_that_fails_for_ever_never_pauses_longer_than_five_seconds() -> None:
    async def main(clock: VirtualClock) -> None:
        rounds: list[float] = []

        async def work() -> None:
            rounds.append(clock.monotonic())
            raise StoreUnavailable

        task = asyncio.create_task(keep_going("routing", work, clock, NullObserver()))
        await clock.sleep(600.0)
        assert not task.done()
        assert rounds[-1] - rounds[-2] == pytest.approx(5.0, abs=0.001)

    live(main)


def test_a_loop_ends_when_it_is_cancelled() -> None:
    async def main(clock: VirtualClock) -> None:
        task = asyncio.create_task(keep_going("x", lambda: clock.sleep(1.0), clock, NullObserver()))
        await clock.sleep(5.5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    live(main)


def test_the_clock_of_this_machine() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    run(clock.sleep(0.001))
    assert clock.monotonic() - before >= 0.001
    assert clock.wall() > 1_700_000_000.0
