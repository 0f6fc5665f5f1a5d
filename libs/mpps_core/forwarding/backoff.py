"""When to try again: exponential with full jitter, capped, without end (rule 24)."""

from typing import Final

from mpps_core.forwarding.policy import MAX_DELAY, ForwardPolicy

_FLOOR: Final = 0.1  # of the first delay: full jitter may draw zero, and zero would be a busy loop
_MAX_EXPONENT: Final = 30  # beyond it every delay is at its cap anyway


def retry_delay(failed: int, policy: ForwardPolicy, draw: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after ``failed`` failures in a row (1, 2, …).

    ``draw`` is a random number in [0, 1). A ``retry_after`` in seconds from the peer is honoured up to an hour, with
    up to a tenth more so that lanes which were told the same do not come back together.
    """
    if retry_after is not None:
        return min(max(retry_after, 0.0) * (1 + draw / 10) + policy.first_delay * _FLOOR, MAX_DELAY)
    ceiling = min(policy.first_delay * 2.0 ** min(failed - 1, _MAX_EXPONENT), policy.max_delay)
    return min(max(policy.first_delay * _FLOOR, draw * ceiling), MAX_DELAY)
