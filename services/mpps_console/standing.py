"""How the manager and each subscription stand: what overview, lists and the landing page are made from."""

from dataclasses import dataclass

from mpps_console.parts import BreakerView, ConsoleParts
from mpps_core.reading import LaneCounts, StoreCounts
from mpps_core.subscription import Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStanding:
    """Where a breaker stands. ``until`` is seconds since 1970 UTC, given only while it is open."""

    state: str = "closed"
    reason: str | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStanding:
    """A subscription and how it stands."""

    subscription: Subscription
    applied: bool
    breaker: BreakerStanding
    counts: LaneCounts

    @property
    def state(self) -> str:
        """``applied`` when every owner works with this form of it, else ``applying`` (rule 27)."""
        return "applied" if self.applied else "applying"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How everything stands."""

    counts: StoreCounts
    subscriptions: tuple[SubscriptionStanding, ...]

    @property
    def behind(self) -> int:
        """Lanes with something to send, of all subscriptions."""
        return sum(item.counts.behind for item in self.subscriptions)

    @property
    def parked(self) -> int:
        """Lanes that wait for a person, of all subscriptions."""
        return sum(item.counts.parked for item in self.subscriptions)


async def standing(parts: ConsoleParts) -> Standing:
    """Return how everything stands now. Raises StoreError."""
    known = await parts.desk.all()
    counts = await parts.catalogue.counts()
    by_number = {lanes.subscription: lanes for lanes in counts.lanes}
    breakers = parts.breakers()
    return Standing(
        counts=counts,
        subscriptions=tuple(
            SubscriptionStanding(
                subscription=item,
                applied=parts.desk.is_applied(item.revision),
                breaker=_breaker(parts, breakers.get(item.number)),
                counts=by_number.get(item.number, LaneCounts(subscription=item.number)),
            )
            for item in known.items
        ),
    )


def _breaker(parts: ConsoleParts, view: BreakerView | None) -> BreakerStanding:
    """Bring a breaker's time, which has a meaning in this process only, to the time of day."""
    if view is None:
        return BreakerStanding()
    state = str(view.state)
    until = None
    if state == "open" and view.until is not None:
        until = parts.clock.wall() + max(0.0, view.until - parts.clock.monotonic())
    return BreakerStanding(state=state, reason=None if state == "closed" else view.reason, until=until)
