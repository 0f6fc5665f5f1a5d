"""Reading what the manager knows: the ports that lists and pages are made from."""

from typing import Protocol

import msgspec

from mpps_core.attempt import Attempt, AttemptFilter
from mpps_core.lane import Lane
from mpps_core.step import Operation, StepFilter, StepPage


class LanePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of lanes, newest first by (born, uid, subscription), and the position after it."""

    items: tuple[Lane, ...] = ()
    next_position: tuple[float, str, int] | None = None


class AttemptPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of attempts, newest first by id, and the position after it."""

    items: tuple[Attempt, ...] = ()
    next_position: str | None = None


class LaneCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How one subscription stands. Level lanes are not counted (section G)."""

    subscription: int
    behind: int = 0  #: rows that are due now or later, parked ones aside
    parked: int = 0
    oldest_undelivered: float | None = None  #: seconds since 1970 UTC: when the oldest lane that is behind got there


class StoreCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How the store stands."""

    steps_open: int = 0  #: IN PROGRESS
    steps_total: int = 0  #: tombstones aside
    unrouted: int = 0
    lanes: tuple[LaneCounts, ...] = ()


class Catalogue(Protocol):
    """Lists for people and programs."""

    async def list_steps(self, wanted: StepFilter, after: tuple[float, str] | None, limit: int) -> StepPage:
        """Return steps newest first by (received_at, uid), strictly after the position."""
        ...

    async def list_operations(self, uid: str) -> list[Operation]:
        """Return a step's operations in order, without inline payload bytes (``data`` is ``None``)."""
        ...

    async def list_lanes(
        self,
        *,
        subscription: int | None,
        state: str,
        uid: str,
        after: tuple[float, str, int] | None,
        limit: int,
    ) -> LanePage:
        """Return lanes; ``state`` is one of behind, level, parked, closed, or empty for any."""
        ...

    async def list_attempts(self, wanted: AttemptFilter, after: str | None, limit: int) -> AttemptPage:
        """Return attempts, newest first."""
        ...

    async def counts(self) -> StoreCounts:
        """Return how the store stands."""
        ...
