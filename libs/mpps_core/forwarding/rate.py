"""An optional bound on attempts per second: a token bucket that holds at most one second's worth."""

import math

from mpps_core.clock import Clock


class Rate:
    """Grants attempts. Without a bound it grants every one."""

    def __init__(self, per_second: float | None, clock: Clock) -> None:
        self._per_second = per_second
        self._clock = clock
        self._capacity = max(1.0, per_second or 1.0)
        self._tokens = self._capacity
        self._at = clock.monotonic()

    def take(self) -> bool:
        """Take a token if there is one."""
        if self._per_second is None:
            return True
        self._fill(self._per_second)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def wait(self) -> float:
        """Return the seconds until there is a token; infinity when tokens do not matter."""
        if self._per_second is None:
            return math.inf
        self._fill(self._per_second)
        return max(1.0 - self._tokens, 0.0) / self._per_second

    def _fill(self, per_second: float) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._at) * per_second)
        self._at = now
