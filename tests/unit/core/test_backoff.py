"""When to try again: exponential, full jitter, capped, without end (rule 24)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.forwarding.backoff import retry_delay
from mpps_core.forwarding.policy import MAX_DELAY, ForwardPolicy

POLICY = ForwardPolicy(first_delay=1.0, max_delay=300.0)

draws = st.floats(0.0, 1.0, exclude_max=True)
failures = st.integers(1, 10**9)
policies = st.tuples(st.floats(0.001, 3600.0), st.floats(0.001, 3600.0)).map(
    lambda pair: ForwardPolicy(first_delay=min(pair), max_delay=max(pair))
)


@pytest.mark.parametrize(
    ("failed", "ceiling"), [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (1000, 300.0), (10**9, 300.0)]
)
def test_the_ceiling_doubles_up_to_the_longest_delay(failed: int, ceiling: float) -> None:
    assert retry_delay(failed, POLICY, 0.5) == pytest.approx(ceiling / 2)
    assert retry_delay(failed, POLICY, math.nextafter(1.0, 0.0)) == pytest.approx(ceiling)


@given(failures, policies, draws)
def test_nobody_waits_longer_than_the_policy_or_shorter_than_a_tenth(
    failed: int, policy: ForwardPolicy, draw: float
) -> None:
    delay = retry_delay(failed, policy, draw)
    assert policy.first_delay / 10 <= delay * (1 + 1e-9)
    assert delay <= min(policy.max_delay, MAX_DELAY)


@given(failures, policies, draws, draws)
def test_the_jitter_is_full(failed: int, policy: ForwardPolicy, one: float, other: float) -> None:
    """The draw alone spreads the delay from the floor to the ceiling, in proportion."""
    less, more = sorted((one, other))
    assert retry_delay(failed, policy, less) <= retry_delay(failed, policy, more)
    ceiling = retry_delay(failed, policy, math.nextafter(1.0, 0.0))
    assert retry_delay(failed, policy, less) == pytest.approx(max(policy.first_delay / 10, less * ceiling))


@given(failures, draws, st.floats(0.0, 1e12))
def test_retry_after_is_honoured_up_to_an_hour(failed: int, draw: float, retry_after: float) -> None:
    delay = retry_delay(failed, POLICY, draw, retry_after)
    assert 0 < delay <= 3600.0
    assert delay >= min(retry_after, 3600.0)
    assert delay <= retry_after * 1.1 + 0.1 + 1e-6


@pytest.mark.parametrize("retry_after", [-5.0, 0.0])
def test_retry_after_of_nothing_is_no_busy_loop(retry_after: float) -> None:
    assert retry_delay(1, POLICY, 0.0, retry_after) == pytest.approx(0.1)


def test_retry_after_of_infinity_is_an_hour() -> None:
    assert retry_delay(1, POLICY, 0.0, math.inf) == 3600.0
