"""Administration: what changes the manager rather than a step."""

from typing import Protocol

from mpps_core.subscription import Subscription, SubscriptionSet


class SubscriptionAdmin(Protocol):
    """Changes subscriptions; each change raises the revision of the whole set by one (rule 11)."""

    async def subscriptions(self) -> SubscriptionSet:
        """Return all subscriptions that are not deleted."""
        ...

    async def add_subscription(self, subscription: Subscription) -> Subscription:
        """Keep a new one; ``number`` and ``revision`` are set by the store, ``number`` never used before.

        Every slot's back-fill is pending for it from the same write on. Raises RevisionLost when the id is taken.
        """
        ...

    async def replace_subscription(self, subscription: Subscription) -> Subscription:
        """Replace the one with this ``number``. Raises NotFound."""
        ...

    async def remove_subscription(self, subscription_id: str) -> int:
        """Remove it and return the new revision; its number is never used again. Raises NotFound."""
        ...


class Housekeeping(Protocol):
    """What keeps the store small."""

    async def expire_attempts(self, before: float, limit: int) -> int:
        """Drop attempts that began before a time; return how many."""
        ...

    async def sweep_blobs(self, before: float, limit: int) -> int:
        """Drop blobs written before a time that their step does not name (rule 4); return how many."""
        ...

    async def purge_lanes(self, limit: int) -> int:
        """Drop ledger rows and back-fills of removed subscriptions; return how many."""
        ...


class Identity(Protocol):
    """What a store remembers of the manager that uses it."""

    async def manager_id(self, proposed: str) -> str:
        """Return the kept id of the manager; keep ``proposed`` when there is none yet."""
        ...

    async def next_epoch(self) -> int:
        """Return a number greater than any before, durably."""
        ...
