"""Housekeeping: what keeps the store small, a little at a time."""

from collections.abc import Awaitable, Callable
from typing import Final

from mpps_core.administration import Housekeeping
from mpps_core.clock import Clock
from mpps_core.errors import StoreError
from mpps_core.observer import Observer

DAY: Final = 86_400.0
BLOB_AGE: Final = DAY
"""Seconds after which a blob that no step names was never going to be named (rule 4)."""

PAUSE: Final = 60.0
"""Seconds between two rounds."""

_PORTION: Final = 500  # rows at a time: others write between two portions
_BREATH: Final = 0.05


class Housekeeper:
    """Drops old attempts, blobs that nothing names, and what removed subscriptions left behind."""

    def __init__(self, *, store: Housekeeping, clock: Clock, observer: Observer, attempts_kept: float) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self._attempts_kept = attempts_kept

    async def run(self) -> None:
        """Go on for ever. An outage of the store ends a round, not the loop."""
        while True:
            await self._clock.sleep(PAUSE)
            try:
                await self.round()
            except StoreError:
                continue  # told by whoever watches the store
            except Exception as error:  # noqa: BLE001 - a defect here must not go on to fill the disk in silence
                self._observer.event("housekeeping.failed", error=type(error).__name__)

    async def round(self) -> dict[str, int]:
        """Do all there is to do now; return how much was dropped of what. Raises StoreError."""
        now = self._clock.wall()
        chores: dict[str, Callable[[], Awaitable[int]]] = {
            "attempts": lambda: self._store.expire_attempts(now - self._attempts_kept, _PORTION),
            "blobs": lambda: self._store.sweep_blobs(now - BLOB_AGE, _PORTION),
            "lanes": lambda: self._store.purge_lanes(_PORTION),
        }
        dropped = {name: await self._all(chore) for name, chore in chores.items()}
        if any(dropped.values()):
            self._observer.event("housekeeping.done", **dropped)
        return dropped

    async def _all(self, chore: Callable[[], Awaitable[int]]) -> int:
        total = 0
        while (dropped := await chore()) > 0:
            total += dropped
            await self._clock.sleep(_BREATH)
        return total
