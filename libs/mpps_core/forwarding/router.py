"""Routing: from steps that changed to ledger rows (protocol B)."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mpps_core.clock import Clock
from mpps_core.forwarding.interfaces import Hints, Ownership, RoutingStore, StepOutline
from mpps_core.forwarding.next_operation import begins_lane
from mpps_core.lane import LaneWrite
from mpps_core.subscription import Subscription, SubscriptionSet

BATCH: Final = 500

Routed = Callable[[Sequence[LaneWrite]], None]


def lanes_of(outlines: Iterable[StepOutline], subscriptions: Sequence[Subscription], now: float) -> list[LaneWrite]:
    """Return the routing writes for steps: one per subscription that wants the step (rule 9), paused ones too."""
    return [
        LaneWrite(subscription=subscription.number, uid=step.uid, slot=step.slot, version=step.version, now=now)
        for step in outlines
        for subscription in subscriptions
        if begins_lane(subscription, updated_at=step.updated_at, status=step.status)
    ]


class Router:
    """Turns unrouted steps of the owned slots into ledger rows, in rounds."""

    def __init__(
        self,
        *,
        store: RoutingStore,
        hints: Hints,
        ownership: Ownership,
        clock: Clock,
        poll: float,
        routed: Routed,
    ) -> None:
        self._store = store
        self._hints = hints
        self._ownership = ownership
        self._clock = clock
        self._poll = poll
        self._routed = routed
        self._subscriptions: SubscriptionSet | None = None  # before they are known, nothing can be routed
        self._adopted = asyncio.Event()
        self._between_rounds = asyncio.Lock()
        self._more = False

    async def adopt(self, subscriptions: SubscriptionSet) -> None:
        """Route with these subscriptions from now on; when this returns, no round with older ones is under way."""
        async with self._between_rounds:
            self._subscriptions = subscriptions
        self._adopted.set()

    async def round(self) -> None:
        """Wait for a hint, at most for the poll interval, unless more is known to wait; then route one batch."""
        if not self._more:
            await self._hints.receive(self._poll)
        await self._adopted.wait()
        async with self._between_rounds:
            subscriptions = self._subscriptions
            if subscriptions is None:
                return
            steps = await self._store.unrouted(self._ownership.slots(), BATCH)
            if steps:
                await self._route(steps, subscriptions)
            self._more = len(steps) == BATCH

    async def _route(self, steps: Sequence[StepOutline], subscriptions: SubscriptionSet) -> None:
        writes = lanes_of(steps, subscriptions.items, self._clock.wall())
        if writes:
            await self._store.route(writes)
            self._routed(writes)
        # Only now: a marker that is gone says that the rows are durable (rule 7).
        await self._store.clear_unrouted([(step.uid, step.version) for step in steps])
