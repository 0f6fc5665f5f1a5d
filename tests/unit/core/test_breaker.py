"""The circuit breaker: waits without spending attempts, probes with one, and opens up slowly again."""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpps_core.forwarding.breaker import (
    Breaker,
    BreakerState,
    after_failure,
    after_success,
    misconfigured,
    opened,
    refused,
    refuses_everything,
    room,
    tick,
)
from mpps_core.forwarding.policy import ForwardPolicy

POLICY: Final = ForwardPolicy(first_delay=1.0, max_delay=300.0)
CLOSED, OPEN, PROBING = BreakerState
FRESH: Final = Breaker()


def failed(times: int, breaker: Breaker = FRESH, *, now: float = 100.0) -> Breaker:
    for _ in range(times):
        breaker = after_failure(breaker, POLICY, now, 0.5, "timeout")
    return breaker


@pytest.mark.parametrize(
    ("breaker", "in_flight", "allowed"),
    [
        (FRESH, 4, 4),
        (Breaker(ramp=1), 4, 1),
        (Breaker(ramp=2), 4, 2),
        (Breaker(ramp=8), 4, 4),
        (Breaker(state=OPEN), 4, 0),
        (Breaker(state=OPEN, ramp=3), 4, 0),
        (Breaker(state=PROBING), 4, 1),
        (Breaker(state=PROBING, ramp=3), 4, 1),
    ],
)
def test_how_many_attempts_may_be_under_way(breaker: Breaker, in_flight: int, allowed: int) -> None:
    assert room(breaker, in_flight) == allowed


def test_it_opens_after_five_failures_in_a_row() -> None:
    assert POLICY.failures_to_open == 5
    assert failed(4).state is CLOSED
    breaker = failed(5)
    assert (breaker.state, breaker.opened, breaker.reason) == (OPEN, 1, "timeout")
    assert breaker.until == pytest.approx(100.5)


@pytest.mark.parametrize("answered", ["success", "refusal", "the same refusal", "refusal of the same lane"])
def test_an_answer_between_failures_begins_the_count_again(answered: str) -> None:
    breaker = refused(FRESH, 400, "2.25.1") if "same" in answered else FRESH
    breaker = failed(4, breaker)
    if answered == "success":
        breaker = after_success(breaker, 4)
    else:
        breaker = refused(breaker, 400, "2.25.1" if answered.endswith("lane") else "2.25.2")
    assert failed(4, breaker).state is CLOSED
    assert failed(5, breaker).state is OPEN


def test_stragglers_do_not_prolong_the_wait() -> None:
    breaker = failed(5)
    assert failed(3, breaker, now=100.4) == breaker


def test_open_becomes_probing_when_its_time_has_come() -> None:
    breaker = failed(5)
    assert tick(breaker, breaker.until - 0.001) is breaker
    probing = tick(breaker, breaker.until)
    assert probing == msgspec.structs.replace(breaker, state=PROBING)
    assert tick(probing, breaker.until + 1e9) is probing
    assert tick(FRESH, 1e9) is FRESH


def test_each_failed_probe_doubles_the_wait_up_to_its_limit() -> None:
    breaker, waits = failed(5), []
    for _ in range(12):
        now = breaker.until
        breaker = failed(1, tick(breaker, now), now=now)
        assert breaker.state is OPEN
        waits.append(breaker.until - now)
    assert waits == [pytest.approx(min(0.5 * 2.0**n, 150.0)) for n in range(1, 13)]


def test_a_probe_that_succeeds_closes_it_and_the_rate_ramps_up() -> None:
    """Rule 25."""
    breaker = tick(failed(5), 1000.0)
    allowed = []
    for _ in range(6):
        allowed.append(room(breaker, 20))
        breaker = after_success(breaker, 20)
        assert breaker.state is CLOSED
    assert allowed == [1, 2, 4, 8, 16, 20]
    assert breaker == FRESH


def test_a_failure_while_it_ramps_up_counts_from_one() -> None:
    breaker = after_success(tick(failed(5), 1000.0), 20)
    assert failed(4, breaker).state is CLOSED
    assert failed(4, breaker).ramp == 2
    again = failed(5, breaker)
    assert (again.state, again.opened) == (OPEN, 1)


def test_success_leaves_a_fresh_breaker_alone() -> None:
    assert after_success(FRESH, 4) is FRESH


def test_a_straggler_that_succeeds_closes_it() -> None:
    assert after_success(failed(5), 4) == Breaker(ramp=2)


# Misconfigured


def test_misconfigured_opens_at_once_for_a_while_that_is_not_short() -> None:
    for draw in (0.0, 0.999):
        breaker = misconfigured(FRESH, POLICY, 100.0, draw, "status-401")
        assert (breaker.state, breaker.reason, breaker.opened) == (OPEN, "status-401", 1)
        assert 4.0 <= breaker.until - 100.0 <= 8.0


def test_misconfigured_probes_slowly_for_ever() -> None:
    breaker, now, waits = FRESH, 0.0, []
    for _ in range(20):
        breaker = tick(misconfigured(breaker, POLICY, now, 0.0, "status-401"), 1e9)
        waits.append(breaker.until - now)
        now = breaker.until
    assert waits == sorted(waits)
    assert waits[-1] == POLICY.max_delay / 2


def test_the_same_reason_again_changes_nothing_while_it_is_open() -> None:
    breaker = misconfigured(FRESH, POLICY, 100.0, 0.5, "status-401")
    assert misconfigured(breaker, POLICY, 101.0, 0.5, "status-401") is breaker
    assert misconfigured(breaker, POLICY, 101.0, 0.5, "tls").reason == "tls"


# Rule 22: the same refusal on five lanes in a row


def refusals(*lanes: tuple[int, str], breaker: Breaker = FRESH) -> Breaker:
    for status, uid in lanes:
        breaker = refused(breaker, status, uid)
    return breaker


FIVE: Final = [(400, f"2.25.{n}") for n in range(5)]


@pytest.mark.parametrize(
    ("lanes", "status", "uid", "everywhere"),
    [
        ([], 400, "2.25.9", False),
        (FIVE[:4], 400, "2.25.9", False),
        (FIVE, 400, "2.25.9", True),
        (FIVE, 400, "2.25.0", False),  # a lane does not count against itself
        (FIVE, 422, "2.25.9", False),  # another refusal
        ([*FIVE, (422, "2.25.7")], 400, "2.25.9", False),  # another one between
        ([(400, "2.25.1")] * 9, 400, "2.25.9", False),  # one lane, however often
        ([*FIVE, (400, "2.25.5")], 400, "2.25.0", True),
    ],
)
def test_the_same_refusal_on_five_other_lanes_in_a_row(
    lanes: list[tuple[int, str]], status: int, uid: str, everywhere: bool
) -> None:
    assert POLICY.same_refusals_to_open == 5
    assert refuses_everything(refusals(*lanes), POLICY, status, uid) is everywhere


def test_a_success_between_ends_the_row() -> None:
    breaker = after_success(refusals(*FIVE), 4)
    assert not refuses_everything(breaker, POLICY, 400, "2.25.9")
    assert breaker == FRESH


# Whatever happens

steps = st.one_of(
    st.tuples(st.just("success"), st.integers(1, 256)),
    st.tuples(st.just("failure"), st.floats(0.0, 1.0, exclude_max=True)),
    st.tuples(st.just("misconfigured"), st.sampled_from(["status-401", "tls"])),
    st.tuples(st.just("refused"), st.tuples(st.sampled_from([400, 404]), st.sampled_from(["1", "2", "3"]))),
    st.tuples(st.just("tick"), st.floats(0.0, 4000.0)),
)


@given(st.lists(steps, max_size=60))
def test_it_never_waits_longer_than_the_policy_and_never_for_ever(history: list[tuple[str, Any]]) -> None:
    breaker, now = FRESH, 0.0
    for kind, value in history:
        match kind:
            case "success":
                breaker = after_success(breaker, value)
                assert breaker.state is CLOSED
                assert breaker.opened == breaker.failures == 0
            case "failure":
                breaker = after_failure(breaker, POLICY, now, value, "timeout")
            case "misconfigured":
                breaker = misconfigured(breaker, POLICY, now, 0.5, value)
                assert breaker.state is OPEN
            case "refused":
                breaker = refused(breaker, *value)
            case _:
                now += value
                breaker = tick(breaker, now)
        assert breaker.until <= now + POLICY.max_delay
        assert tick(breaker, now + POLICY.max_delay).state is not OPEN
        assert breaker.ramp is None or breaker.ramp >= 1


def test_open_keeps_what_is_known_of_refusals() -> None:
    breaker = opened(refusals(*FIVE), POLICY, 0.0, 0.5, "refused-everywhere-400")
    assert refuses_everything(tick(breaker, 1e9), POLICY, 400, "2.25.9")
