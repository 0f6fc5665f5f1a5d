"""Housekeeping and gauges, on a store that only counts."""

import pytest

from mpps_core.errors import StoreUnavailable
from mpps_core.observer import NullObserver
from mpps_core.reading import LaneCounts, StoreCounts
from mpps_forwarder.gauges import FRESH, Gauges
from mpps_forwarder.housekeeping import BLOB_AGE, Housekeeper
from mpps_store.memory import MemoryStore
from mpps_web.observer import PrometheusObserver
from tests.support.aio import run
from tests.support.clock import HandClock


class _Store:
    """Has so much of everything; drops it in portions."""

    def __init__(self, there: int) -> None:
        self.there = dict.fromkeys(("attempts", "blobs", "lanes"), there)
        self.before: dict[str, float] = {}

    async def expire_attempts(self, before: float, limit: int) -> int:
        self.before["attempts"] = before
        return self._drop("attempts", limit)

    async def sweep_blobs(self, before: float, limit: int) -> int:
        self.before["blobs"] = before
        return self._drop("blobs", limit)

    async def purge_lanes(self, limit: int) -> int:
        return self._drop("lanes", limit)

    def _drop(self, what: str, limit: int) -> int:
        dropped = min(limit, self.there[what])
        self.there[what] -= dropped
        return dropped


def test_a_round_drops_all_there_is() -> None:
    store, clock = _Store(1234), HandClock(1_000_000.0)
    begun = clock.now
    keeper = Housekeeper(store=store, clock=clock, observer=NullObserver(), attempts_kept=86_400)
    assert run(keeper.round()) == {"attempts": 1234, "blobs": 1234, "lanes": 1234}
    assert store.before == {"attempts": begun - 86_400, "blobs": begun - BLOB_AGE}


def test_an_outage_ends_a_round_not_the_loop() -> None:
    rounds = 0

    class Failing(_Store):
        async def expire_attempts(self, before: float, limit: int) -> int:
            nonlocal rounds
            del before, limit
            rounds += 1
            if rounds == 3:
                raise KeyboardInterrupt
            raise StoreUnavailable if rounds == 1 else ValueError("a defect")

    keeper = Housekeeper(store=Failing(0), clock=HandClock(1_000_000.0), observer=NullObserver(), attempts_kept=1)
    with pytest.raises(KeyboardInterrupt):
        run(keeper.run())
    assert rounds == 3


def test_counting_is_not_done_more_often_than_every_few_seconds() -> None:
    clock = HandClock(1_000_000.0)
    counted = 0

    class Counted(MemoryStore):
        async def counts(self) -> StoreCounts:
            nonlocal counted
            counted += 1
            return StoreCounts(steps_open=counted, lanes=(LaneCounts(subscription=1, behind=2),))

    store = Counted()
    observer = PrometheusObserver()
    gauges = Gauges(catalogue=store, subscriptions=store, observer=observer, owned=lambda: 256, clock=clock)

    async def refreshed() -> None:
        for _ in range(3):
            await gauges.refresh()
        clock.now += FRESH
        await gauges.refresh()

    run(refreshed())
    assert counted == 2
    text = bytes(observer.metrics_response().body).decode()
    assert "mpps_steps_open 2.0" in text
    assert "mpps_slots_owned 256.0" in text
