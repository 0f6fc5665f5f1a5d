"""Back-fill: the steps that a subscription wants and that no routing round has seen with it (rule 11)."""

from collections.abc import Sequence
from typing import Final

from mpps_core.clock import Clock
from mpps_core.forwarding.interfaces import BackfillStore, Ownership, RoutingStore
from mpps_core.forwarding.router import Routed, lanes_of
from mpps_core.subscription import Start, Subscription

PAGE: Final = 500


class Backfill:
    """Routes what came before the routers knew a subscription. Durable per (subscription, slot), for every start."""

    def __init__(
        self,
        *,
        store: BackfillStore,
        routing: RoutingStore,
        ownership: Ownership,
        clock: Clock,
        routed: Routed,
    ) -> None:
        self._store = store
        self._routing = routing
        self._ownership = ownership
        self._clock = clock
        self._routed = routed

    async def run(self, subscriptions: Sequence[Subscription]) -> None:
        """Do what is pending for these subscriptions. Call it once the router works with them."""
        for subscription in subscriptions:
            pending = await self._store.pending_backfills(subscription.number, self._ownership.slots())
            if pending:
                await self._fill(subscription, pending)
                await self._store.finish_backfills(subscription.number, pending)

    async def _fill(self, subscription: Subscription, slots: frozenset[int]) -> None:
        after = ""
        while True:
            steps = await self._store.backfill_page(
                slots,
                updated_since=subscription.starts_at,
                or_open=subscription.start is Start.OPEN,
                after_uid=after,
                limit=PAGE,
            )
            writes = lanes_of(steps, (subscription,), self._clock.wall())
            if writes:
                await self._routing.route(writes)
                self._routed(writes)
            if len(steps) < PAGE:
                return
            after = steps[-1].uid
