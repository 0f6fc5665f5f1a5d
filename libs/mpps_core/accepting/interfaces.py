"""What accepting and retrieving need from a store."""

from typing import Protocol

from mpps_core.step import Operation, OperationWrite, Step


class StepStore(Protocol):
    """Keeps steps. Every read is of durable, newest state (rule 3)."""

    async def read_step(self, uid: str) -> Step | None:
        """Return the step or its tombstone, or ``None``. Raises StoreUnavailable."""
        ...

    async def write_operation(self, write: OperationWrite) -> None:
        """Apply the one write of rule 1; when this returns it is durable.

        Raises RevisionLost (another write came first, or the UID is taken), StoreUnavailable (nothing was
        written), OutcomeUnknown (ask ``settle``).
        """
        ...

    async def settle(self, uid: str, accept_id: str) -> Operation | None:
        """After an unknown outcome or a lost race: fence what is still under way, then look (rule 2).

        Returns the operation (durable now) or ``None`` (it is not there and never will be). Raises
        StoreUnavailable when that cannot be told.
        """
        ...


class OperationStore(Protocol):
    """Reads single operations."""

    async def read_operation(self, uid: str, number: int) -> Operation | None:
        """Return operation ``number`` of a step. Raises StoreUnavailable."""
        ...


class BlobStore(Protocol):
    """Keeps large payloads (rule 4)."""

    async def write_blob(self, blob_id: str, uid: str, data: bytes, now: float) -> None:
        """Keep compressed bytes durably under a new random id. Raises StoreUnavailable or OutcomeUnknown."""
        ...

    async def read_blob(self, blob_id: str) -> bytes:
        """Return the bytes. Raises NotFound or StoreUnavailable."""
        ...
