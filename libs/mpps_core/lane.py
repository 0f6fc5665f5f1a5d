"""Lanes: one step on its way to one subscription, and the ledger row that remembers it."""

import enum

import msgspec


class LaneState(enum.StrEnum):
    """Why a lane does not go on by itself. Most lanes have no state: they are behind or level."""

    PARKED = "parked"  #: the subscriber refused an operation; tried again slowly, or until a person decides
    CLOSED = "closed"  #: nothing more will be sent


class RequestKind(enum.StrEnum):
    """What somebody else than the owner may ask for a lane (rule 19)."""

    REWIND = "rewind"  #: move the cursor back to ``position``
    SKIP = "skip"  #: count operation ``position`` as delivered without sending it
    CLOSE = "close"  #: send nothing more
    RESEND = "resend"  #: try a parked or waiting lane now


class LaneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request on a ledger row, which the owner applies between attempts."""

    kind: RequestKind
    position: int = 0
    who: str
    why: str


class LaneKey(msgspec.Struct, frozen=True, kw_only=True):
    """A lane is named by the number of its subscription and the UID of its step."""

    subscription: int
    uid: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger row."""

    subscription: int
    uid: str
    slot: int
    version: int  #: newest version routed to this lane
    cursor: int = 0  #: the last operation that the subscriber has
    high: int = 0  #: the furthest cursor ever (rule 20)
    due: float | None = None  #: when to look at it next, seconds since 1970 UTC; absent: nothing to send
    state: LaneState | None = None
    gen: int = 0  #: grows with every request
    request: LaneRequest | None = None
    epoch: int = 0  #: of the owner that wrote last
    turn: int = 0  #: grows with every write of an owner, so that a write which lands late finds it moved on
    attempts: int = 0  #: failed attempts of operation ``cursor + 1``
    unsure: bool = False  #: an attempt of operation ``cursor + 1`` had an unknown outcome
    healed_at: int | None = None  #: operation whose 404 moved the cursor back to 0 (rule 22)
    already_there: bool = False  #: the Create was answered "already there" (rule 20)
    reason: str | None = None  #: why it waits, is parked or closed; a code, never free text of a peer
    born: float = 0.0  #: when the lane began, seconds since 1970 UTC

    @property
    def key(self) -> LaneKey:
        """The lane's name."""
        return LaneKey(subscription=self.subscription, uid=self.uid)

    @property
    def standing(self) -> str:
        """How the lane stands: behind, level, parked or closed; exactly one of the four (rule 16)."""
        if self.state is not None:
            return self.state.value
        return "level" if self.due is None else "behind"


class LaneWrite(msgspec.Struct, frozen=True, kw_only=True):
    """Routing's write (rule 10): insert with cursor 0, raise ``version``, set ``due``. Repeating it does no harm."""

    subscription: int
    uid: str
    slot: int
    version: int
    now: float  #: becomes ``due`` unless the row has one, is closed, or is level at this version already


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's write (rule 18), applied only if the row still has ``gen`` and ``turn``, and no newer epoch.

    Applying it raises ``turn``: of a write that is repeated after an unknown outcome, one takes effect at most.

    ``due`` of ``None`` means that the lane has nothing to send at ``judged_version``: the store keeps the row
    due (at ``now``) if its version is another by then.
    """

    subscription: int
    uid: str
    gen: int
    turn: int
    epoch: int
    judged_version: int
    cursor: int
    high: int
    due: float | None
    state: LaneState | None = None
    attempts: int = 0
    unsure: bool = False
    healed_at: int | None = None
    already_there: bool = False
    reason: str | None = None
    now: float  #: seconds since 1970 UTC
