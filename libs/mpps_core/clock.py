"""The clock port: everything in the core that reads time or waits does it through here.

Tasks are asyncio tasks; the simulation runs the same code on an event loop whose time is virtual.
"""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks and a way to wait."""

    def wall(self) -> float:
        """Return the time of day as seconds since 1970-01-01 UTC. May jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back. Only differences have a meaning."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for at least this many seconds."""
        ...


class SystemClock:
    """The clock of this machine."""

    def __init__(self) -> None:
        # CLOCK_BOOTTIME also counts while the machine is suspended, which a lease must notice.
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def wall(self) -> float:
        """Return the time of day as seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some point, suspended time included where the system can tell."""
        return time.clock_gettime(self._clock_id)

    async def sleep(self, seconds: float) -> None:
        """Wait for at least this many seconds."""
        await asyncio.sleep(seconds)
