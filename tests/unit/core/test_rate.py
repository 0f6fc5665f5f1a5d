"""The bound on attempts per second."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.forwarding.rate import Rate
from tests.support.clock import HandClock


def taken(rate: Rate) -> int:
    count = 0
    while rate.take():
        count += 1
    return count


def test_without_a_bound_every_attempt_is_granted() -> None:
    rate = Rate(None, HandClock(1000.0))
    assert all(rate.take() for _ in range(10_000))
    assert rate.wait() == math.inf


@pytest.mark.parametrize(("per_second", "burst"), [(1.0, 1), (10.0, 10), (2.5, 2), (0.1, 1), (0.5, 1)])
def test_it_holds_one_second_at_most(per_second: float, burst: int) -> None:
    clock = HandClock(1000.0)
    rate = Rate(per_second, clock)
    assert taken(rate) == burst
    clock.now += 3600.0
    assert taken(rate) == burst


@pytest.mark.parametrize("per_second", [0.1, 0.5, 1.0, 3.0, 1000.0])
def test_after_the_wait_there_is_exactly_one(per_second: float) -> None:
    clock = HandClock(1000.0)
    rate = Rate(per_second, clock)
    taken(rate)
    assert 0 < rate.wait() <= 1 / per_second
    clock.now += rate.wait() - 1e-6 / per_second
    assert not rate.take()
    clock.now += 2e-6 / per_second
    assert rate.wait() == 0.0
    assert taken(rate) == 1


@given(
    st.floats(0.05, 200.0),
    st.lists(st.floats(0.0, 30.0), max_size=50),
)
def test_no_stretch_of_time_has_more_than_its_share(per_second: float, steps: list[float]) -> None:
    clock = HandClock(1000.0)
    rate = Rate(per_second, clock)
    total = taken(rate)
    for step in steps:
        clock.now += step
        total += taken(rate)
    assert total <= max(1.0, per_second) + (clock.now - 1000.0) * per_second + 1e-3
