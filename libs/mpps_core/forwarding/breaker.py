"""The circuit breaker of a subscription: waits without spending attempts. A value and pure functions over it."""

import enum

import msgspec

from mpps_core.forwarding.backoff import retry_delay
from mpps_core.forwarding.policy import ForwardPolicy


class BreakerState(enum.StrEnum):
    """Whether attempts are made."""

    CLOSED = "closed"  #: as many as the limits allow
    OPEN = "open"  #: none
    PROBING = "probing"  #: one, with real traffic


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """Where the breaker of one subscription stands. Lives in the process: after a restart it is learnt anew."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0  #: in a row
    opened: int = 0  #: times in a row, without a success between
    until: float = 0.0  #: open until this time of the monotonic clock
    reason: str | None = None
    refusal: int | None = None  #: status of the refusals in a row
    refused: tuple[str, ...] = ()  #: UIDs of the lanes that got it
    ramp: int | None = None  #: attempts allowed at once while the rate grows again; ``None``: no bound of its own


def room(breaker: Breaker, in_flight: int) -> int:
    """Return how many attempts may be under way at once."""
    if breaker.state is BreakerState.OPEN:
        return 0
    if breaker.state is BreakerState.PROBING:
        return 1
    return in_flight if breaker.ramp is None else min(breaker.ramp, in_flight)


def after_success(breaker: Breaker, in_flight: int) -> Breaker:
    """Return the breaker after an answer that shows the subscriber at work; the rate ramps up after it was open."""
    if breaker.state is BreakerState.CLOSED and breaker.ramp is None:
        if breaker.failures == 0 and breaker.refusal is None:
            return breaker
        return Breaker()
    ramp = 2 * (breaker.ramp or 1)
    return Breaker(ramp=None if ramp >= in_flight else ramp)


def after_failure(breaker: Breaker, policy: ForwardPolicy, now: float, draw: float, reason: str) -> Breaker:
    """Return the breaker after a failure that another try may cure: it opens after several in a row."""
    failures = breaker.failures + 1
    if breaker.state is BreakerState.CLOSED and failures < policy.failures_to_open:
        return msgspec.structs.replace(breaker, failures=failures)
    if breaker.state is BreakerState.OPEN:
        return breaker  # a straggler that was under way when it opened
    return opened(msgspec.structs.replace(breaker, failures=failures), policy, now, draw, reason)


def opened(breaker: Breaker, policy: ForwardPolicy, now: float, draw: float, reason: str) -> Breaker:
    """Return the breaker open: for longer each time, since what it waits for did not change."""
    times = breaker.opened + 1
    return msgspec.structs.replace(
        breaker,
        state=BreakerState.OPEN,
        opened=times,
        until=now + retry_delay(times, policy, draw),
        reason=reason,
        ramp=None,
    )


def misconfigured(breaker: Breaker, policy: ForwardPolicy, now: float, draw: float, reason: str) -> Breaker:
    """Return the breaker after an answer that says the subscription itself is wrong: open at once, slow probing."""
    if breaker.state is BreakerState.OPEN and breaker.reason == reason:
        return breaker
    # Nothing changes until a person changes something, so the waits start long and are not random from zero.
    times = breaker.opened + 1
    wait = min(policy.first_delay * 2.0 ** min(times + 2, 30), policy.max_delay) * (0.5 + draw / 2)
    return msgspec.structs.replace(
        breaker, state=BreakerState.OPEN, opened=times, until=now + wait, reason=reason, ramp=None
    )


def refused(breaker: Breaker, status: int, uid: str) -> Breaker:
    """Return the breaker after a lane was refused; the same refusal on many lanes in a row is counted (rule 22)."""
    if breaker.refusal != status:
        return msgspec.structs.replace(breaker, refusal=status, refused=(uid,), failures=0)
    known = breaker.refused if uid in breaker.refused else (*breaker.refused, uid)
    return msgspec.structs.replace(breaker, refused=known, failures=0)


def refuses_everything(breaker: Breaker, policy: ForwardPolicy, status: int, uid: str) -> bool:
    """Tell whether as many other lanes as it takes have got this very refusal in a row."""
    others = [known for known in breaker.refused if known != uid]
    return breaker.refusal == status and len(others) >= policy.same_refusals_to_open


def tick(breaker: Breaker, now: float) -> Breaker:
    """Return the breaker at a later time: open becomes probing."""
    if breaker.state is BreakerState.OPEN and now >= breaker.until:
        return msgspec.structs.replace(breaker, state=BreakerState.PROBING)
    return breaker
