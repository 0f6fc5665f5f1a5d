"""What the console is made of: everything that it gets from outside, as one value."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import Clock
from mpps_core.desk import SubscriptionDesk
from mpps_core.forwarding.answers import Answer
from mpps_core.reading import Catalogue
from mpps_core.subscription import Subscription


class BreakerView(Protocol):
    """Where the breaker of a subscription stands; the breaker of the core is one."""

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``probing``."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it opened, a code."""
        ...

    @property
    def until(self) -> float | None:
        """While it is open: until when, on the monotonic clock of this process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorInfo:
    """An address at which the manager can be reached."""

    name: str  #: ``http``, ``dimse``
    address: str  #: a URL, or ``AET@host:port``


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that whoever looks after the manager should know."""

    code: str  #: constant, e.g. ``allow-insecure``
    detail: str  #: one sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerInfo:
    """Facts about the manager itself."""

    id: str
    version: str
    started_at: float  #: seconds since 1970 UTC
    started: float  #: the same moment on the monotonic clock
    doors: Callable[[], Sequence[DoorInfo]]  #: asked each time: a port may be known only after it was opened
    notices: Callable[[], Sequence[Notice]] = lambda: ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleParts:
    """Everything that the console needs. ``test`` reaches a subscriber without changing anything there."""

    catalogue: Catalogue
    retriever: Retriever
    desk: SubscriptionDesk
    test: Callable[[Subscription], Awaitable[Answer]]
    breakers: Callable[[], Mapping[int, BreakerView]]
    manager: ManagerInfo
    clock: Clock
