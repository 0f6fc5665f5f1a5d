"""Ownership where there is one process: it owns every slot for as long as it lives."""

import math

from mpps_core.slots import ALL_SLOTS


class SoleOwner:
    """Owns all slots under one epoch, which the store makes greater at each start."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._revision = 0

    def slots(self) -> frozenset[int]:
        """Return all slots."""
        return ALL_SLOTS

    def epoch(self, slot: int) -> int:
        """Return the epoch of this start."""
        del slot
        return self._epoch

    def remaining(self, slot: int) -> float:
        """Return infinity: nobody else can take a slot while this process holds the data directory."""
        del slot
        return math.inf

    def uses_revision(self, revision: int) -> None:
        """Note the revision of the subscriptions that this process works with."""
        self._revision = revision

    def revision_everywhere(self) -> int:
        """Return the revision of the subscriptions that this process works with."""
        return self._revision
