"""Gauges: how the store stands, counted when somebody asks, but not more often than every few seconds."""

import asyncio
from collections.abc import Callable
from typing import Final

from mpps_core.clock import Clock
from mpps_core.forwarding.interfaces import SubscriptionStore
from mpps_core.reading import Catalogue
from mpps_web.observer import PrometheusObserver

FRESH: Final = 3.0
"""Seconds for which a count is good; counting costs, and platforms may scrape from several places."""


class Gauges:
    """Brings the gauges of an observer up to date."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        subscriptions: SubscriptionStore,
        observer: PrometheusObserver,
        owned: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._subscriptions = subscriptions
        self._observer = observer
        self._owned = owned
        self._clock = clock
        self._counted_at: float | None = None
        self._counting = asyncio.Lock()

    async def refresh(self) -> None:
        """Count, unless that was done just now. Raises StoreError."""
        async with self._counting:
            now = self._clock.monotonic()
            if self._counted_at is not None and now - self._counted_at < FRESH:
                return
            self._observer.set_slots(self._owned())
            known = await self._subscriptions.subscriptions()
            counts = await self._catalogue.counts()
            self._observer.set_counts(counts, {item.number: item.id for item in known.items})
            self._counted_at = now
