"""Values for tests of stores, each with everything that a test does not care about filled in."""

import uuid
from typing import Any, Final

import msgspec

from mpps_core.attempt import Attempt
from mpps_core.lane import Lane, LaneWrite, Progress
from mpps_core.payload import Payload
from mpps_core.slots import slot_of
from mpps_core.step import Operation, OperationWrite, Step
from mpps_core.subscription import Subscription
from mpps_dicom import Finding, Severity, StepOperation, StepStatus, Summary

NOW: Final = 1_770_000_000.25
"""A time of day that a float holds exactly."""

FINDING: Final = Finding(
    path="PatientID (0010,0020)",
    rule="missing-attribute",
    section="PS3.4 F.7.2.1",
    severity=Severity.WARN,
    detail="It is missing.",
    dimse_status=0x0120,
    http_status=400,
)


def inline(data: bytes = b"{}") -> Payload:
    """Make a payload that is kept with its document."""
    return Payload(size=len(data) * 2, stored=len(data), data=data)


def in_blob(blob: str, size: int = 100) -> Payload:
    """Make a payload that is kept in a blob."""
    return Payload(size=size * 2, stored=size, blob=blob)


def operation(number: int, *, at: float = NOW, payload: Payload | None = None, **given: Any) -> Operation:
    """Make an operation; the first one is a Create."""
    members: dict[str, Any] = {
        "kind": StepOperation.CREATE if number == 1 else StepOperation.UPDATE,
        "accept_id": uuid.uuid4().hex,
        "source": "ct1",
        "client": "192.0.2.7",
        "request_id": f"request-{number}",
        "via": (),
        "status": StepStatus.IN_PROGRESS if number == 1 else None,
        "findings": (),
        **given,
    }
    return Operation(number=number, received_at=at, payload=payload or inline(b"operation-%d" % number), **members)


def creation(uid: str, *, at: float = NOW, summary: Summary | None = None, **given: Any) -> OperationWrite:
    """Make the write of a Create. Further arguments are members of the step."""
    first = operation(1, at=at)
    members: dict[str, Any] = {
        "status": StepStatus.IN_PROGRESS,
        "sources": ("ct1",),
        "dataset": first.payload,
        "inline_bytes": 2 * first.payload.stored,
        **given,
    }
    step = Step(uid=uid, rev=1, version=1, summary=summary or Summary(), received_at=at, updated_at=at, **members)
    return OperationWrite(step=step, operation=first, expected_rev=None)


def update(step: Step, *, at: float = NOW + 1, payload: Payload | None = None, **changed: Any) -> OperationWrite:
    """Make the write of an Update of a step. Further arguments are members of the step afterwards."""
    number = step.version + 1
    after = {"dataset": inline(b"state-%d" % number), "updated_at": at, **changed}
    return OperationWrite(
        step=msgspec.structs.replace(step, rev=step.rev + 1, version=number, **after),
        operation=operation(number, at=at, payload=payload),
        expected_rev=step.rev,
    )


def lane(subscription: int, uid: str, version: int = 1, *, now: float = NOW) -> LaneWrite:
    """Make a routing write."""
    return LaneWrite(subscription=subscription, uid=uid, slot=slot_of(uid), version=version, now=now)


def progress(row: Lane, **changed: Any) -> Progress:
    """Make the owner's write that leaves a row as it is, but for what is given."""
    members: dict[str, Any] = {
        "subscription": row.subscription,
        "uid": row.uid,
        "gen": row.gen,
        "turn": row.turn,
        "epoch": row.epoch,
        "judged_version": row.version,
        "cursor": row.cursor,
        "high": row.high,
        "due": row.due,
        "state": row.state,
        "attempts": row.attempts,
        "now": NOW,
        **changed,
    }
    return Progress(**members)


def attempt(number: int, **given: Any) -> Attempt:
    """Make an attempt; a larger number is a later one."""
    members: dict[str, Any] = {
        "at": NOW + number,
        "duration": 0.5,
        "subscription": 1,
        "uid": "2.25.1",
        "number": 1,
        "outcome": "delivered",
        "fault": None,
        **given,
    }
    return Attempt(id=f"attempt-{number:06d}", **members)


def subscription(name: str, **given: Any) -> Subscription:
    """Make a subscription that is not kept yet."""
    members: dict[str, Any] = {
        "kind": "dicomweb",
        "target": {"url": "http://127.0.0.1:8080", "retries": [1, 2.5, None]},
        "starts_at": NOW,
        "created_at": NOW,
        **given,
    }
    return Subscription(number=0, id=name, name=name.title(), revision=0, **members)
