"""Subscriptions: what a subscriber wants, and how to reach it."""

import enum
from dataclasses import dataclass, field
from typing import Any, Final

MAX_IN_FLIGHT: Final = 256


class Start(enum.StrEnum):
    """From when on a subscriber wants steps."""

    NOW = "now"  #: operations accepted from the creation of the subscription on
    OPEN = "open"  #: those, and every step that is IN PROGRESS
    SINCE = "since"  #: every step with an operation accepted at or after a time


class Updates(enum.StrEnum):
    """Which operations a subscriber wants."""

    EVERY = "every"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a subscriber can bear; for the subscription as a whole, not per worker (rule 25)."""

    in_flight: int = 4  #: most attempts at the same time
    per_second: float | None = None  #: most attempts per second
    timeout_s: float = 30.0  #: seconds until an attempt counts as unanswered


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription as the core sees it. ``target`` belongs to the sender of its ``kind``."""

    number: int  #: internal, never reused; ledger keys use it
    id: str
    name: str
    kind: str
    target: dict[str, Any] = field(default_factory=dict)
    start: Start = Start.NOW
    starts_at: float  #: seconds since 1970 UTC: operations accepted at or after this time begin a lane
    updates: Updates = Updates.EVERY
    limits: Limits = field(default_factory=Limits)
    enabled: bool = True
    declared: bool = False  #: kept in a configuration file; read-only through the API
    created_at: float
    revision: int  #: revision of the set of subscriptions that brought this form


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSet:
    """All subscriptions at one revision number, which grows with every change of any of them."""

    revision: int
    items: tuple[Subscription, ...]
