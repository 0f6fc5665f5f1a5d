"""A thousand bad days hold, and each rule broken on purpose is noticed."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.defects import DEFECTS
from tests.simulation.runner import bad_days, run_day

DAYS = int(os.environ.get("MPPS_SIMULATED_DAYS", "1000"))
CHUNK = 50
DAYS_FOR_A_DEFECT = 600


def test_nothing_is_lost_or_out_of_order_on_a_thousand_bad_days() -> None:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        results = [pool.submit(bad_days, first, min(CHUNK, DAYS - first)) for first in range(0, DAYS, CHUNK)]
        failed = [line for result in results for line in result.result()]
    assert not failed, "replay with:\n" + "\n".join(failed)


def test_the_same_seed_is_the_same_day() -> None:
    first, again = run_day(7), run_day(7)

    assert [vars(call) for call in first.world.book.calls] == [vars(call) for call in again.world.book.calls]
    for name, receiver in first.world.receivers.items():
        assert receiver.starts == again.world.receivers[name].starts


def test_with_nothing_worse_than_a_slow_store_nothing_is_sent_twice() -> None:
    for seed in range(60):
        day = run_day(seed, weather=False)

        assert not day.violations, day.replay
        for name, receiver in day.world.receivers.items():
            attempts = [(start.uid, start.number) for start in receiver.starts]
            assert len(attempts) == len(set(attempts)), f"{name} on day {seed}"


def test_the_days_are_bad_enough() -> None:
    """Every kind of trouble happens within a few days, or the simulation would prove little."""
    days = [run_day(seed) for seed in range(40)]
    answers = {call.answer for day in days for call in day.world.book.calls}
    starts = [start for day in days for receiver in day.world.receivers.values() for start in receiver.starts]

    assert {"accepted", "TryLater", "AlreadyExists same", "silence"} <= answers
    assert sum(day.world.crashes for day in days) > len(days)
    assert any(start.rewinds for start in starts)
    assert any(day.world.removed for day in days)
    assert any(day.world.replays for day in days)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_rule_is_noticed(name: str) -> None:
    with DEFECTS[name]():
        for seed in range(DAYS_FOR_A_DEFECT):
            if run_day(seed).violations:
                return
    pytest.fail(f"{name}: not noticed on {DAYS_FOR_A_DEFECT} days")
