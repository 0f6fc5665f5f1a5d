"""How values of the core become columns, and columns values."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mpps_core.attempt import Attempt
from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.lane import Lane, LaneRequest, LaneState
from mpps_core.payload import Payload
from mpps_core.slots import SLOTS
from mpps_core.step import Operation, Step
from mpps_dicom import Finding, StepOperation, StepStatus, Summary

Row = Sequence[Any]

NUMBER_BITS: Final = 15
"""Bits of an operation's key that are its number."""

OUTLINE_COLUMNS: Final = "s.uid, s.slot, s.version, s.status, s.summary, s.sources, s.received_at, s.updated_at"
STEP_COLUMNS: Final = (
    "s.uid, s.rev, s.version, s.status, s.summary, s.sources, s.received_at, s.updated_at, s.deleted, "
    "s.inline_bytes, s.size, s.stored, s.blob"
)
RECEIVED_AT: Final = 6
"""Position of ``received_at`` among ``STEP_COLUMNS``."""
OPERATION_COLUMNS: Final = (
    "o.id, o.kind, o.accept_id, o.received_at, o.source, o.client, o.request_id, o.via, o.status, o.findings, "
    "o.size, o.stored, o.blob"
)
LANE_COLUMNS: Final = (
    "subscription, uid, slot, version, cursor, high, due, state, gen, request, epoch, turn, attempts, unsure, "
    "healed_at, already_there, reason, born"
)
ATTEMPT_COLUMNS: Final = (
    "id, at, duration, subscription, uid, number, outcome, fault, http_status, dimse_status, failure, note, "
    "media_type, length, sha256"
)

_STATUS: Final = {status.value: status for status in StepStatus}
_KIND: Final = {kind.value: kind for kind in StepOperation}
_LANE_STATE: Final = {state.value: state for state in LaneState}

_encoder: Final = msgspec.json.Encoder()
_summaries: Final = msgspec.json.Decoder(Summary)
_findings: Final = msgspec.json.Decoder(tuple[Finding, ...])
_texts: Final = msgspec.json.Decoder(tuple[str, ...])
_requests: Final = msgspec.json.Decoder(LaneRequest)


def to_json(value: object) -> str:
    """Return a value as JSON text."""
    return _encoder.encode(value).decode()


def slots_condition(slots: frozenset[int], column: str = "slot") -> str:
    """Return a condition on a slot column, as SQL to append; empty where all slots are meant, as they mostly are."""
    if len(slots) == SLOTS:
        return ""
    return f" AND {column} IN ({', '.join(str(int(slot)) for slot in sorted(slots))})"


def step_of(row: Row, data: bytes | None = None) -> Step:
    """Return the step in a row of ``STEP_COLUMNS``, with inline bytes of its state if given."""
    uid, rev, version, status, summary, sources, received_at, updated_at, deleted, inline, size, stored, blob = row
    return Step(
        uid=uid,
        rev=rev,
        version=version,
        status=_STATUS[status],
        summary=_summaries.decode(summary),
        sources=_texts.decode(sources),
        dataset=Payload(size=size, stored=stored, data=data, blob=blob),
        inline_bytes=inline,
        received_at=received_at,
        updated_at=updated_at,
        deleted=bool(deleted),
    )


def outline_of(row: Row) -> StepOutline:
    """Return the outline in a row of ``OUTLINE_COLUMNS``."""
    uid, slot, version, status, summary, sources, received_at, updated_at = row
    return StepOutline(
        uid=uid,
        slot=slot,
        version=version,
        status=_STATUS[status],
        summary=_summaries.decode(summary),
        sources=_texts.decode(sources),
        received_at=received_at,
        updated_at=updated_at,
    )


def operation_values(operation: Operation) -> tuple[Any, ...]:
    """Return what is bound for an operation: its columns without the key, its inline bytes last."""
    payload = operation.payload
    return (
        operation.kind,
        operation.accept_id,
        operation.received_at,
        operation.source,
        operation.client,
        operation.request_id,
        to_json(operation.via) if operation.via else None,
        operation.status,
        to_json(operation.findings) if operation.findings else None,
        payload.size,
        payload.stored,
        payload.blob,
        payload.data,
    )


def operation_of(row: Row, data: bytes | None = None) -> Operation:
    """Return the operation in a row of ``OPERATION_COLUMNS``, with its inline bytes if given."""
    key, kind, accept_id, received_at, source, client, request_id, via, status, findings, size, stored, blob = row
    return Operation(
        number=key & ((1 << NUMBER_BITS) - 1),
        kind=_KIND[kind],
        accept_id=accept_id,
        received_at=received_at,
        source=source,
        client=client,
        request_id=request_id,
        via=_texts.decode(via) if via else (),
        status=_STATUS[status] if status else None,
        findings=_findings.decode(findings) if findings else (),
        payload=Payload(size=size, stored=stored, data=data, blob=blob),
    )


def lane_of(row: Row) -> Lane:
    """Return the lane in a row of ``LANE_COLUMNS``."""
    (
        subscription,
        uid,
        slot,
        version,
        cursor,
        high,
        due,
        state,
        gen,
        request,
        epoch,
        turn,
        attempts,
        unsure,
        healed_at,
        already_there,
        reason,
        born,
    ) = row
    return Lane(
        subscription=subscription,
        uid=uid,
        slot=slot,
        version=version,
        cursor=cursor,
        high=high,
        due=due,
        state=_LANE_STATE[state] if state else None,
        gen=gen,
        request=_requests.decode(request) if request else None,
        epoch=epoch,
        turn=turn,
        attempts=attempts,
        unsure=bool(unsure),
        healed_at=healed_at,
        already_there=bool(already_there),
        reason=reason,
        born=born,
    )


def attempt_of(row: Row) -> Attempt:
    """Return the attempt in a row of ``ATTEMPT_COLUMNS``, which are in the order of its fields."""
    return Attempt(**dict(zip(Attempt.__struct_fields__, row, strict=True)))
