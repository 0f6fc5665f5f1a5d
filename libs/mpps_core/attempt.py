"""Attempts: what was tried, and what came of it. Kept for a while, without bodies."""

import msgspec


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one try to deliver one operation to one subscription."""

    id: str  #: sorts by time
    at: float  #: start, seconds since 1970 UTC
    duration: float  #: seconds
    subscription: int
    uid: str
    number: int  #: of the operation
    outcome: str  #: value of ``Outcome``
    fault: str | None  #: whose failure it is: ours, network, receiver
    http_status: int | None = None
    dimse_status: int | None = None
    failure: str | None = None  #: what went wrong below HTTP or DIMSE
    note: str | None = None  #: what the manager made of it, a code
    media_type: str | None = None  #: of the answer
    length: int | None = None  #: bytes of the answer
    sha256: str | None = None  #: of the answer


class AttemptFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which attempts to list, newest first."""

    subscription: int | None = None
    uid: str = ""
    outcome: str = ""
    since: float | None = None
