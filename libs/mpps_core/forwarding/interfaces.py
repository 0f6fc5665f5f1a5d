"""What forwarding needs from a store, from senders and from whoever shares out the slots."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mpps_core.attempt import Attempt
from mpps_core.forwarding.answers import Answer
from mpps_core.lane import Lane, LaneKey, LaneRequest, LaneWrite, Progress
from mpps_core.step import Operation
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_core.wakeup import WakeUp
from mpps_dicom import StepOperation, StepStatus, Summary


class StepOutline(msgspec.Struct, frozen=True, kw_only=True):
    """What routing must know of a step: no payloads (section G)."""

    uid: str
    slot: int
    version: int
    status: StepStatus
    summary: Summary
    sources: tuple[str, ...]
    received_at: float
    updated_at: float


class RoutingStore(Protocol):
    """From step to ledger (protocol B)."""

    async def unrouted(self, slots: frozenset[int], limit: int) -> list[StepOutline]:
        """Return steps of these slots that carry the marker, longest unrouted first."""
        ...

    async def route(self, lanes: Sequence[LaneWrite]) -> None:
        """Apply routing writes (rule 10); durable when this returns."""
        ...

    async def clear_unrouted(self, marks: Sequence[tuple[str, int]]) -> None:
        """Clear the marker of each (uid, version) that still is at that version (rule 7)."""
        ...


class BackfillStore(Protocol):
    """Back-fill per (subscription, slot) (rule 11)."""

    async def pending_backfills(self, subscription: int, slots: frozenset[int]) -> frozenset[int]:
        """Return those of ``slots`` whose back-fill for the subscription is not recorded as done."""
        ...

    async def backfill_page(
        self, slots: frozenset[int], *, updated_since: float, or_open: bool, after_uid: str, limit: int
    ) -> list[StepOutline]:
        """Return steps of these slots, in order of UID, after ``after_uid``.

        Wanted are those updated at or after ``updated_since`` and, with ``or_open``, those IN PROGRESS.
        """
        ...

    async def finish_backfills(self, subscription: int, slots: frozenset[int]) -> None:
        """Record the back-fill of these slots as done, durably."""
        ...


class LedgerStore(Protocol):
    """The lanes (protocol D)."""

    async def due_lanes(self, subscription: int, slots: frozenset[int], *, now: float, limit: int) -> list[Lane]:
        """Return lanes with ``due`` at or before ``now``, or further ahead than ``MAX_DELAY``, earliest first.

        Half of ``limit`` is kept for lanes born within the last minute (rule 25).
        """
        ...

    async def read_lanes(self, keys: Sequence[LaneKey]) -> list[Lane]:
        """Return the rows that exist, in any order."""
        ...

    async def write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        """Apply conditional cursor writes (rule 18) and keep attempts; return how many writes matched. Durable."""
        ...

    async def place_request(self, key: LaneKey, request: LaneRequest, now: float) -> bool:
        """Put a request on a row, raise its ``gen``, make it due (rule 19). False when there is no such row."""
        ...

    async def read_operations(self, keys: Sequence[tuple[str, int]]) -> list[Operation | None]:
        """Return operation ``number`` of step ``uid`` for each key, in order; ``None`` where it is gone."""
        ...


class Hints(Protocol):
    """Where wake-ups come out (rule 8)."""

    async def receive(self, timeout: float) -> list[WakeUp]:
        """Wait at most ``timeout`` seconds for hints; return those that are there, none after the time."""
        ...


class SubscriptionStore(Protocol):
    """Subscriptions live in the store, with one revision number (rule 11)."""

    async def subscriptions(self) -> SubscriptionSet:
        """Return all subscriptions that are not deleted."""
        ...

    async def subscriptions_revision(self) -> int:
        """Return the revision number alone."""
        ...


class Ownership(Protocol):
    """Which slots this process owns (protocol C)."""

    def slots(self) -> frozenset[int]:
        """Return the slots owned now."""
        ...

    def epoch(self, slot: int) -> int:
        """Return the epoch under which a slot is owned; 0 when it is not."""
        ...

    def remaining(self, slot: int) -> float:
        """Return for how many seconds an attempt for this slot may go on (rule 15); 0 when not owned."""
        ...

    def uses_revision(self, revision: int) -> None:
        """Show that this process now routes and sends with this revision of the subscriptions (rule 27)."""
        ...

    def revision_everywhere(self) -> int:
        """Return the newest revision that every live owner shows."""
        ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on its way to one subscriber."""

    uid: str
    number: int
    kind: StepOperation
    body: bytes  #: canonical DICOM JSON
    via: tuple[str, ...]  #: entries to send, our own last
    deadline: float  #: seconds from now


class Retrieved(msgspec.Struct, frozen=True, kw_only=True):
    """What a subscriber says it has of a step."""

    supported: bool  #: False: this subscriber cannot be asked
    found: bool = False
    data_set: bytes | None = None  #: canonical DICOM JSON
    answer: Answer


class Sender(Protocol):
    """The user agent that speaks a subscriber's protocol. Never raises for what the network or the peer does."""

    async def deliver(self, delivery: Delivery) -> Answer:
        """Try once, within the deadline, and tell what came of it."""
        ...

    async def retrieve(self, uid: str, deadline: float) -> Retrieved:
        """Ask for the subscriber's copy of a step."""
        ...

    async def probe(self, deadline: float) -> Answer:
        """Reach the subscriber without changing anything there."""
        ...

    async def close(self) -> None:
        """Give up connections."""
        ...


class SenderFactory(Protocol):
    """Makes a sender for a subscription; the registry of kinds behind it is wired in one place."""

    def __call__(self, subscription: Subscription) -> Sender:
        """Return a new sender. Raises ConfigurationError when the target does not fit the kind."""
        ...
