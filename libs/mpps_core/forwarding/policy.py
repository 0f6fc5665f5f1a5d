"""What the operator decides about forwarding."""

from typing import Final

import msgspec

MAX_DELAY: Final = 3600.0
"""Longest wait in seconds that anybody may cause; a row due further ahead is due now: clocks jump (rule 24)."""


class ForwardPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    enabled: bool = True  #: IHE wants forwarding switchable; routing goes on when it is off
    first_delay: float = 1.0
    max_delay: float = 300.0
    parked_retry: float = 3600.0
    poll: float = 2.0
    failures_to_open: int = 5  #: failures in a row, over all lanes, that open the breaker
    same_refusals_to_open: int = 5  #: lanes that get the same refusal in a row before the breaker opens (rule 22)
