"""Steps and their operations, as they are stored."""

from typing import Final

import msgspec

from mpps_core.payload import Payload
from mpps_core.slots import slot_of
from mpps_dicom import Finding, StepOperation, StepStatus, Summary

MAX_OPERATIONS: Final = 20_000
"""Most operations of one step (rule 5)."""


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One accepted Create or Update. ``number`` counts 1, 2, 3 … within the step; operation 1 is the Create."""

    number: int
    kind: StepOperation
    accept_id: str  #: random, chosen before the write; finds the operation again after an unknown outcome
    received_at: float  #: seconds since 1970 UTC
    source: str  #: id of the source, or ``unknown``
    client: str | None  #: address of the peer
    request_id: str
    via: tuple[str, ...]  #: received ``Via`` entries, oldest first
    status: StepStatus | None  #: the status that this operation set, if it set one
    findings: tuple[Finding, ...]
    payload: Payload


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of a step, without its operations."""

    uid: str
    rev: int  #: grows with every write to the step
    version: int  #: number of the newest operation
    status: StepStatus
    summary: Summary  #: cumulative over the versions (rule 9)
    sources: tuple[str, ...]  #: cumulative over the versions
    dataset: Payload
    inline_bytes: int  #: payload bytes kept inside the document, state and operations
    received_at: float  #: of the Create
    updated_at: float  #: latest acceptance of any operation; never goes back
    deleted: bool = False  #: a tombstone

    @property
    def slot(self) -> int:
        """The step's slot."""
        return slot_of(self.uid)


class OperationWrite(msgspec.Struct, frozen=True, kw_only=True):
    """The one write that accepts an operation (rule 1): the step after it, and the operation.

    ``expected_rev`` is ``None`` for a Create: the UID must not be in use. The store sets ``unrouted_since``
    to ``operation.received_at`` unless the step is unrouted already.
    """

    step: Step
    operation: Operation
    expected_rev: int | None


class StepFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which steps to list. Empty means any; times are seconds since 1970 UTC, both ends included."""

    text: str = ""  #: a prefix of the UID, patient id, patient name or accession number
    patient_id: str = ""
    accession: str = ""
    study: str = ""
    status: StepStatus | None = None
    modality: str = ""
    station: str = ""
    source: str = ""
    received_from: float | None = None
    received_to: float | None = None


class StepPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of steps, newest first by (received_at, uid), and the position after it."""

    items: tuple[Step, ...] = ()
    next_position: tuple[float, str] | None = None
