"""The forwarder: routes, back-fills and keeps one dispatcher per subscription; everything that runs, it supervises."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import Clock
from mpps_core.errors import ConfigurationError
from mpps_core.forwarding.backfill import Backfill
from mpps_core.forwarding.breaker import Breaker
from mpps_core.forwarding.dispatcher import Dispatcher
from mpps_core.forwarding.interfaces import (
    BackfillStore,
    Hints,
    LedgerStore,
    Ownership,
    RoutingStore,
    SenderFactory,
    SubscriptionStore,
)
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.forwarding.progress import ProgressWriter
from mpps_core.forwarding.router import Router
from mpps_core.lane import LaneWrite
from mpps_core.observer import Observer
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_core.waiting import keep_going, wait_for

_FLUSH_CHECK: Final = 0.05
_LAST_WORDS: Final = 2.0  # seconds beyond the grace, to write down what is known


class _Running(msgspec.Struct):
    """A dispatcher and the task that drives it."""

    dispatcher: Dispatcher
    task: asyncio.Task[None]


class Forwarder:
    """Brings every accepted operation to every subscriber that wants it."""

    def __init__(
        self,
        *,
        routing: RoutingStore,
        backfills: BackfillStore,
        ledger: LedgerStore,
        subscriptions: SubscriptionStore,
        retriever: Retriever,
        hints: Hints,
        ownership: Ownership,
        senders: SenderFactory,
        clock: Clock,
        rng: random.Random,
        observer: Observer,
        policy: ForwardPolicy,
        manager_id: str,
    ) -> None:
        self._subscriptions = subscriptions
        self._ledger = ledger
        self._retriever = retriever
        self._ownership = ownership
        self._senders = senders
        self._clock = clock
        self._rng = rng
        self._observer = observer
        self._policy = policy
        self._manager_id = manager_id
        self._progress = ProgressWriter(ledger=ledger)
        self._router = Router(
            store=routing, hints=hints, ownership=ownership, clock=clock, poll=policy.poll, routed=self._routed
        )
        self._backfill = Backfill(
            store=backfills, routing=routing, ownership=ownership, clock=clock, routed=self._routed
        )
        self._running: dict[int, _Running] = {}
        self._known = SubscriptionSet(revision=-1, items=())
        self._changed = asyncio.Event()
        self._changed.set()
        self._filled = -1  # revision of the subscriptions whose back-fill is done
        self._fill = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin. Needs a running event loop."""
        self._tasks = [
            self._supervise("subscriptions", self._subscriptions_round),
            self._supervise("routing", self._router.round),
            self._supervise("back-fill", self._backfill_round),
            self._supervise("progress", self._progress.round),
        ]

    async def stop(self, grace: float) -> None:
        """Start no more attempts, let those under way end within ``grace`` seconds, write their progress."""
        if not self._tasks:
            return
        *loops, writer = self._tasks
        self._tasks = []
        end = self._clock.monotonic() + grace
        await _end(loops)
        running, self._running = list(self._running.values()), {}
        stops = [asyncio.ensure_future(self._stop(entry, abort=False)) for entry in running]
        if stops and (late := (await asyncio.wait(stops, timeout=grace))[1]):
            for entry in running:
                entry.dispatcher.break_off()
            await asyncio.wait(late, timeout=_LAST_WORDS)
        while not self._progress.idle() and self._clock.monotonic() < end + _LAST_WORDS:
            await self._clock.sleep(_FLUSH_CHECK)
        await _end([writer])

    def subscriptions_changed(self) -> None:
        """Hasten the next look at the subscriptions, which are also polled."""
        self._changed.set()

    def breakers(self) -> dict[int, Breaker]:
        """Return the breaker of each subscription that is sent to, by number."""
        return {number: entry.dispatcher.breaker for number, entry in self._running.items()}

    def active_lanes(self) -> int:
        """Return the number of lanes held in memory."""
        return sum(entry.dispatcher.active for entry in self._running.values())

    def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(keep_going(name, work, self._clock, self._observer), name=name)

    def _routed(self, writes: Sequence[LaneWrite]) -> None:
        for write in writes:
            entry = self._running.get(write.subscription)
            if entry is not None:
                entry.dispatcher.hint(write.uid, write.version)

    async def _subscriptions_round(self) -> None:
        await wait_for(self._changed, self._policy.poll)
        if await self._subscriptions.subscriptions_revision() == self._known.revision:
            return
        current = await self._subscriptions.subscriptions()
        await self._router.adopt(current)
        await self._adjust(current)
        self._known = current
        self._ownership.uses_revision(current.revision)
        self._fill.set()

    async def _backfill_round(self) -> None:
        await wait_for(self._fill, self._policy.poll)
        known = self._known
        if known.revision != self._filled:
            await self._backfill.run(known.items)
            self._filled = known.revision

    async def _adjust(self, current: SubscriptionSet) -> None:
        """Make the dispatchers those of this set: end what is gone or changed, start what is new."""
        wanted = {item.number: item for item in current.items if item.enabled and self._policy.enabled}
        ended = [n for n, entry in self._running.items() if wanted.get(n) != entry.dispatcher.subscription]
        known = {item.number for item in current.items}
        stopping = [(self._running.pop(number), number not in known) for number in ended]
        await asyncio.gather(*(self._stop(entry, abort=removed) for entry, removed in stopping))
        for number, subscription in wanted.items():
            if number not in self._running:
                self._begin(subscription)

    def _begin(self, subscription: Subscription) -> None:
        try:
            sender = self._senders(subscription)
        except ConfigurationError as error:
            self._observer.event("subscription.unusable", subscription=subscription.id, detail=error.detail)
            return
        dispatcher = Dispatcher(
            subscription=subscription,
            sender=sender,
            ledger=self._ledger,
            retriever=self._retriever,
            progress=self._progress,
            ownership=self._ownership,
            clock=self._clock,
            rng=self._rng,
            observer=self._observer,
            policy=self._policy,
            manager_id=self._manager_id,
        )
        task = self._supervise(f"dispatcher:{subscription.id}", dispatcher.round)
        self._running[subscription.number] = _Running(dispatcher, task)

    async def _stop(self, entry: _Running, *, abort: bool) -> None:
        await _end([entry.task])
        await entry.dispatcher.stop(abort=abort)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
