"""The bus of one process: a bounded buffer of hints. What does not fit is dropped, since the store is polled."""

import asyncio
from typing import Final

from mpps_core.wakeup import WakeUp

CAPACITY: Final = 1000
"""Most hints that wait (rule 8)."""


class LocalBus:
    """Both ends of the bus: ``publish`` for those who accept, ``receive`` for the one who routes."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: list[WakeUp] = []
        self._any = asyncio.Event()
        self.dropped = 0

    def publish(self, wake_up: WakeUp) -> None:
        """Pass a hint on if there is room."""
        if len(self._waiting) >= self._capacity:
            self.dropped += 1
            return
        self._waiting.append(wake_up)
        self._any.set()

    async def receive(self, timeout: float) -> list[WakeUp]:
        """Wait at most ``timeout`` seconds for hints and take all that are there."""
        if not self._waiting:
            try:
                async with asyncio.timeout(timeout):
                    await self._any.wait()
            except TimeoutError:
                return []
        hints, self._waiting = self._waiting, []
        self._any.clear()
        return hints
