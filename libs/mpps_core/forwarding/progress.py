"""Writing progress: the cursors of many lanes go out together, each as soon as the one before is durable."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from mpps_core.attempt import Attempt
from mpps_core.forwarding.interfaces import LedgerStore
from mpps_core.lane import Lane, LaneKey, Progress

BATCH: Final = 500

Durable = Callable[[Lane | None], None]
"""Called when a write is durable: with ``None`` if it was applied as it was, else with the row as it is now."""

GONE: Final = Lane(subscription=0, uid="", slot=0, version=0)
"""Stands for a row that is not there any more."""


class _Pending(msgspec.Struct, frozen=True):
    progress: Progress
    attempt: Attempt | None
    durable: Durable


class ProgressWriter:
    """Collects the owner's writes and applies them in bulk (rule 18)."""

    def __init__(self, *, ledger: LedgerStore) -> None:
        self._ledger = ledger
        self._pending: deque[_Pending] = deque()
        self._wanted = asyncio.Event()

    def submit(self, progress: Progress, attempt: Attempt | None, durable: Durable) -> None:
        """Hand over a write. ``durable`` is called once it is; nothing more may be sent on the lane before."""
        self._pending.append(_Pending(progress, attempt, durable))
        self._wanted.set()

    def idle(self) -> bool:
        """Tell whether nothing waits to be written."""
        return not self._pending

    async def round(self) -> None:
        """Write what waits, as one bulk; wait for something first if nothing does."""
        await self._wanted.wait()
        batch = [self._pending[i] for i in range(min(BATCH, len(self._pending)))]
        # When this raises, the batch stays and is written again, however far it came: a write takes its turn once.
        rows = await self._write(batch)
        for _ in batch:
            self._pending.popleft()
        if not self._pending:
            self._wanted.clear()
        for entry in batch:
            entry.durable(None if rows is None else rows.get(_key(entry.progress), GONE))

    async def _write(self, batch: list[_Pending]) -> dict[LaneKey, Lane] | None:
        """Return ``None`` if all writes matched, else all rows of the bulk as they are now."""
        attempts = [entry.attempt for entry in batch if entry.attempt is not None]
        matched = await self._ledger.write_progress([entry.progress for entry in batch], attempts)
        if matched == len(batch):
            return None
        # The result counts in total only: nothing goes out before all of them are read again.
        rows = await self._ledger.read_lanes([_key(entry.progress) for entry in batch])
        return {row.key: row for row in rows}


def _key(progress: Progress) -> LaneKey:
    return LaneKey(subscription=progress.subscription, uid=progress.uid)
