"""What an answer means: a total function from (operation, answer) to a meaning (rule 23)."""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from mpps_dicom import StepOperation, StepStatus


class Channel(enum.StrEnum):
    """What the answer was spoken in."""

    HTTP = "http"
    DIMSE = "dimse"
    NONE = "none"  #: there was no answer


class Failure(enum.StrEnum):
    """What went wrong when there was no answer."""

    TIMEOUT = "timeout"  #: no answer in time
    REFUSED = "refused"  #: connection refused or no route
    RESET = "reset"  #: connection lost before the answer was complete
    NAME = "name"  #: the host name could not be resolved
    TLS = "tls"  #: handshake or certificate
    FORBIDDEN_ADDRESS = "forbidden-address"  #: our address guard
    BAD_ANSWER = "bad-answer"  #: not HTTP, or larger than we read
    LEASE_LOST = "lease-lost"  #: we stopped it ourselves


class Fault(enum.StrEnum):
    """Whose failure it is."""

    OURS = "ours"
    NETWORK = "network"
    RECEIVER = "receiver"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one attempt, without its text."""

    channel: Channel
    status: int | None = None  #: HTTP or DIMSE status
    error_id: int | None = None  #: DIMSE Error ID (0000,0903)
    failure: Failure | None = None
    unknown_outcome: bool = False  #: the operation may have arrived, or may still arrive
    retry_after: float | None = None  #: seconds
    duration: float = 0.0  #: seconds
    media_type: str | None = None
    length: int | None = None
    sha256: str | None = None


class Meaning(enum.StrEnum):
    """What the manager makes of an answer."""

    DELIVERED = "delivered"
    ALREADY_THERE = "already-there"  #: Create answered 409 / 0111H
    LOST_THERE = "lost-there"  #: Update answered 404 / 0112H
    CLOSED_THERE = "closed-there"  #: Update answered 409 / 0110H with A710H
    GONE = "gone"  #: 410: there by intent no more
    RETRY = "retry"
    MISCONFIGURED = "misconfigured"  #: the subscription's fault
    REFUSED = "refused"  #: this operation is refused


A710: Final = 0xA710
"""Error ID: Performed Procedure Step Object may no longer be updated (PS3.4 Table F.7.2-2)."""

_PROCESSING_FAILURE: Final = 0x0110
_WARNINGS_OF_THE_SERVICE: Final = 0xB  # Bxxx (PS3.7 Annex C)

_M = Meaning
_HTTP_ANY: Final[Mapping[int, Meaning]] = {
    410: _M.GONE,
    408: _M.RETRY,
    425: _M.RETRY,
    429: _M.RETRY,
    401: _M.MISCONFIGURED,
    403: _M.MISCONFIGURED,
    405: _M.MISCONFIGURED,
    406: _M.MISCONFIGURED,
    415: _M.MISCONFIGURED,
    501: _M.MISCONFIGURED,
}
_HTTP_BY_OPERATION: Final[Mapping[tuple[StepOperation, int], Meaning]] = {
    (StepOperation.CREATE, 409): _M.ALREADY_THERE,
    (StepOperation.CREATE, 404): _M.MISCONFIGURED,
    (StepOperation.UPDATE, 404): _M.LOST_THERE,
    (StepOperation.UPDATE, 409): _M.CLOSED_THERE,
}
_HTTP_CLASS: Final[Mapping[int, Meaning]] = {
    1: _M.RETRY,  # an interim answer where a final one was due: the peer broke off
    2: _M.DELIVERED,
    3: _M.MISCONFIGURED,
    4: _M.REFUSED,
    5: _M.RETRY,
}
_DIMSE_ANY: Final[Mapping[int, Meaning]] = {
    0x0000: _M.DELIVERED,
    0x0001: _M.DELIVERED,
    0x0107: _M.DELIVERED,
    0x0116: _M.DELIVERED,
    0x0105: _M.REFUSED,
    0x0106: _M.REFUSED,
    0x0117: _M.REFUSED,
    0x0120: _M.REFUSED,
    0x0121: _M.REFUSED,
    0x0118: _M.MISCONFIGURED,
    0x0119: _M.MISCONFIGURED,
    0x0124: _M.MISCONFIGURED,
}
_DIMSE_BY_OPERATION: Final[Mapping[tuple[StepOperation, int], Meaning]] = {
    (StepOperation.CREATE, 0x0111): _M.ALREADY_THERE,
    (StepOperation.UPDATE, 0x0112): _M.LOST_THERE,
}
_FAILURES: Final[Mapping[Failure, tuple[Meaning, Fault]]] = {
    Failure.TIMEOUT: (_M.RETRY, Fault.NETWORK),
    Failure.REFUSED: (_M.RETRY, Fault.NETWORK),
    Failure.RESET: (_M.RETRY, Fault.NETWORK),
    Failure.NAME: (_M.RETRY, Fault.NETWORK),
    Failure.TLS: (_M.MISCONFIGURED, Fault.NETWORK),
    Failure.FORBIDDEN_ADDRESS: (_M.MISCONFIGURED, Fault.OURS),
    Failure.BAD_ANSWER: (_M.RETRY, Fault.RECEIVER),
    Failure.LEASE_LOST: (_M.RETRY, Fault.OURS),
}
_FAULTS: Final[Mapping[Meaning, Fault | None]] = {
    _M.DELIVERED: None,
    _M.ALREADY_THERE: None,
    _M.GONE: None,
    _M.LOST_THERE: Fault.RECEIVER,
    _M.CLOSED_THERE: Fault.RECEIVER,
    _M.RETRY: Fault.RECEIVER,
    _M.MISCONFIGURED: Fault.OURS,
    _M.REFUSED: Fault.RECEIVER,
}


def meaning_of(answer: Answer, kind: StepOperation) -> Meaning:
    """Return what an answer to an operation of this kind means. Total over HTTP 100-599 and all DIMSE statuses."""
    if answer.failure is not None:
        return _FAILURES[answer.failure][0]
    status = answer.status
    if status is None:
        return Meaning.RETRY
    if answer.channel is Channel.HTTP:
        by_operation = _HTTP_BY_OPERATION.get((kind, status))
        return by_operation or _HTTP_ANY.get(status) or _HTTP_CLASS.get(status // 100, Meaning.RETRY)
    return _dimse(status, answer.error_id, kind)


def fault_of(answer: Answer, meaning: Meaning) -> Fault | None:
    """Return whose failure it is, or ``None`` where it is none."""
    if answer.failure is not None:
        return _FAILURES[answer.failure][1]
    return _FAULTS[meaning]


def is_final(status: StepStatus | None) -> bool:
    """Tell whether an operation that set this status closed the step."""
    return status is not None and status.is_final


def _dimse(status: int, error_id: int | None, kind: StepOperation) -> Meaning:
    if status == _PROCESSING_FAILURE and error_id == A710 and kind is StepOperation.UPDATE:
        return Meaning.CLOSED_THERE
    known = _DIMSE_BY_OPERATION.get((kind, status)) or _DIMSE_ANY.get(status)
    if known is not None:
        return known
    # Bxxx are warnings of the service class: it was done. All else, known to nobody, is tried again.
    return Meaning.DELIVERED if status >> 12 == _WARNINGS_OF_THE_SERVICE else Meaning.RETRY
