"""What a kind of sender brings to the suite: a fake subscriber that records, and a sender that reaches it."""

import enum
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from mpps_core.forwarding.interfaces import Sender
from mpps_dicom import StepOperation


class Say(enum.Enum):
    """How the subscriber answers an operation, in whatever way its protocol says that."""

    ACCEPT = enum.auto()
    ALREADY_THERE = enum.auto()
    LOST = enum.auto()  #: it knows no such step
    CLOSED = enum.auto()  #: the step may no longer be updated
    BUSY = enum.auto()  #: try again later
    REFUSE = enum.auto()  #: this data set is not acceptable
    FORBID = enum.auto()  #: we may not, or it cannot do this at all
    HANG = enum.auto()  #: takes the operation and never answers
    BREAK_OFF = enum.auto()  #: takes the operation and drops the connection


@dataclass(frozen=True, kw_only=True)
class Received:
    """An operation as the subscriber understood it."""

    uid: str
    kind: StepOperation
    data_set: dict[str, Any]  #: DICOM JSON


@dataclass(kw_only=True)
class Subscriber:
    """A fake subscriber. ``answers`` are given one after the other, the last one again and again."""

    answers: list[Say] = field(default_factory=lambda: [Say.ACCEPT])
    received: list[Received] = field(default_factory=list)
    steps: dict[str, bytes] = field(default_factory=dict)  #: what may be retrieved, DICOM JSON by UID
    retrievable: bool = True  #: False: cannot be asked for steps
    peers: int = 0  #: connections that are open

    def next_answer(self) -> Say:
        """Return what to say now."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Harness(Protocol):
    """One kind of sender under test."""

    @property
    def loops(self) -> Sequence[str]:
        """Return the event loops to run on, names of ``tests.support.aio.LOOPS``."""
        ...

    def reach(self, subscriber: Subscriber) -> AbstractAsyncContextManager[Sender]:
        """Run the subscriber on loopback and give a sender that reaches it; close both afterwards."""
        ...

    def miss(self) -> AbstractAsyncContextManager[Sender]:
        """Give a sender whose subscriber is not running."""
        ...
