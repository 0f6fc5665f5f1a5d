"""A manager's forwarding on virtual time: the real core, the store in memory, and subscribers that follow a script."""

import asyncio
import dataclasses
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from mpps_bus.local import LocalBus
from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy, Submission
from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.errors import ConfigurationError
from mpps_core.forwarding.answers import Answer
from mpps_core.forwarding.forwarder import Forwarder
from mpps_core.forwarding.interfaces import Delivery, Retrieved
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.lane import Lane, LaneRequest, LaneState, RequestKind
from mpps_core.observer import NullObserver
from mpps_core.subscription import Limits, Subscription
from mpps_dicom import Profile, StepOperation
from mpps_store.memory import Faults, MemoryStore
from tests.simulation.virtual_time import VirtualClock
from tests.unit.core import values
from tests.unit.core.values import http
from tests.unit.core.virtual import until

POLICY: Final = ForwardPolicy(first_delay=1.0, max_delay=60.0, parked_retry=3600.0, poll=2.0)

Script = Callable[[Delivery], Answer]

OK: Final = http(200)
CANNOT_BE_ASKED: Final = Retrieved(supported=False, answer=http(501))


def well(delivery: Delivery) -> Answer:
    """Answer as one that is well and starts from nothing."""
    return http(201 if delivery.kind is StepOperation.CREATE else 200)


def told(*answers: Answer) -> Script:
    """Give these answers, then be well."""
    waiting = list(answers)
    return lambda delivery: waiting.pop(0) if waiting else well(delivery)


def always(answer: Answer) -> Script:
    """Give this answer, whatever comes."""
    return lambda _: answer


class Subscriber:
    """What is behind a subscription: answers by its script, after a while, and remembers everything."""

    def __init__(self, clock: VirtualClock) -> None:
        self.script: Script = well
        self.seconds = 0.01
        self.copies: Callable[[str], Retrieved] = lambda _: CANNOT_BE_ASKED
        self.deliveries: list[Delivery] = []
        self.at: list[float] = []  #: when each began
        self.answered: list[tuple[str, int, Answer]] = []
        self.asked: list[str] = []
        self.under_way = 0
        self.most = 0
        self.closed = 0
        self.made = 0  #: how often a sender was made for it
        self.durable: list[int | None] = []  #: cursor in the store when each delivery began
        self._clock = clock

    def numbers(self, uid: str | None = None) -> list[int]:
        """Return the numbers of the operations that came, in order."""
        return [each.number for each in self.deliveries if uid in {None, each.uid}]

    async def deliver(self, delivery: Delivery) -> Answer:
        """Try once."""
        self.deliveries.append(delivery)
        self.at.append(self._clock.monotonic())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            answer = self.script(delivery)
        finally:
            self.under_way -= 1
        self.answered.append((delivery.uid, delivery.number, answer))
        return answer

    async def retrieve(self, uid: str, deadline: float) -> Retrieved:
        """Ask for the copy of a step."""
        assert deadline > 0
        self.asked.append(uid)
        await asyncio.sleep(self.seconds)
        return self.copies(uid)

    async def probe(self, deadline: float) -> Answer:
        """Reach it."""
        del deadline
        return OK

    async def close(self) -> None:
        """Give up connections."""
        self.closed += 1


class Told(NullObserver):
    """Remembers what forwarding told of its work."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, str | float | None]]] = []
        self.delivered_: list[str] = []
        self.outcomes: list[str] = []
        self.breakers: list[tuple[str, bool]] = []

    def event(self, name: str, **keys: str | float | None) -> None:
        self.events.append((name, keys))

    def delivered(self, *, subscription: str, seconds: float) -> None:
        assert seconds >= 0
        self.delivered_.append(subscription)

    def attempt_finished(self, *, subscription: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        assert subscription
        self.outcomes.append(outcome)

    def breaker(self, *, subscription: str, is_open: bool) -> None:
        self.breakers.append((subscription, is_open))

    def named(self, name: str) -> list[dict[str, str | float | None]]:
        return [keys for each, keys in self.events if each == name]


class Day:
    """Everything there is. ``begin`` starts a life of the manager; ``crash`` ends it without a word."""

    def __init__(self, clock: VirtualClock, *, faults: Faults | None = None, store: MemoryStore | None = None) -> None:
        self.clock = clock
        self.store = store or MemoryStore(faults=faults)
        self.policy = POLICY
        self.observer = Told()
        self.subscribers: dict[str, Subscriber] = {}
        self.unusable: set[str] = set()
        self.bus = LocalBus()
        self.contents = InlineContents()
        self.retriever = Retriever(steps=self.store, operations=self.store, blobs=self.store, contents=self.contents)
        ids = itertools.count(1)
        self.acceptor = Acceptor(
            steps=self.store,
            operations=self.store,
            blobs=self.store,
            contents=self.contents,
            wake_ups=self.bus,
            clock=clock,
            new_id=lambda: f"id-{next(ids)}",
            observer=NullObserver(),
            policy=AcceptPolicy(manager_id="here", profile=Profile.OFF),
        )
        self.owner = SoleOwner(epoch=0)
        self.forwarder: Forwarder | None = None

    # The manager

    async def begin(self, owner: SoleOwner | None = None) -> Forwarder:
        """Start forwarding."""
        epoch = await self.store.next_epoch()
        self.owner = owner or SoleOwner(epoch)
        self.forwarder = Forwarder(
            routing=self.store,
            backfills=self.store,
            ledger=self.store,
            subscriptions=self.store,
            retriever=self.retriever,
            hints=self.bus,
            ownership=self.owner,
            senders=self._sender,
            clock=self.clock,
            rng=random.Random(7),
            observer=self.observer,
            policy=self.policy,
            manager_id="here",
        )
        self.forwarder.start()
        return self.forwarder

    async def crash(self) -> None:
        """End every task of the manager where it is; nothing is written any more."""
        forwarder = self.forwarder
        assert forwarder is not None
        tasks = [*forwarder._tasks, *(entry.task for entry in forwarder._running.values())]
        tasks += [task for entry in forwarder._running.values() for task in entry.dispatcher._attempts]
        forwarder._progress._pending.clear()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self.forwarder = None

    def _sender(self, subscription: Subscription) -> Subscriber:
        if subscription.id in self.unusable:
            raise ConfigurationError("the target is wrong")
        subscriber = self.subscribers[subscription.id]
        subscriber.made += 1
        return subscriber

    # Subscriptions

    async def subscribe(self, name: str = "ris", **given: Any) -> Subscriber:
        """Add a subscription and return what is behind it. Limits may be given by their names."""
        limits = {key: given.pop(key) for key in ("in_flight", "per_second", "timeout_s") if key in given}
        now = self.clock.wall()
        members = {"starts_at": now, "created_at": now, "limits": Limits(**limits), **given}
        subscriber = self.subscribers.setdefault(name, Subscriber(self.clock))
        await self.store.add_subscription(values.subscription(name, **members))
        self._hasten()
        return subscriber

    async def change(self, subscription_id: str, /, **given: Any) -> None:
        """Change a subscription and wait until that is applied."""
        (kept,) = [each for each in self.store._subscriptions.values() if each.id == subscription_id]
        changed = await self.store.replace_subscription(dataclasses.replace(kept, **given))
        self._hasten()
        await until(lambda: self.owner.revision_everywhere() >= changed.revision)

    async def remove(self, name: str) -> None:
        """Remove a subscription and wait until that is applied."""
        revision = await self.store.remove_subscription(name)
        self._hasten()
        await until(lambda: self.owner.revision_everywhere() >= revision)

    def _hasten(self) -> None:
        if self.forwarder is not None:
            self.forwarder.subscriptions_changed()

    # Steps

    async def create(self, uid: str = "2.25.1", **given: Any) -> None:
        """Report the begin of a step."""
        await self.acceptor.create(self._submission(uid, _body("create", "IN PROGRESS"), given))

    async def update(self, uid: str = "2.25.1", marker: str = "more", status: str | None = None, **given: Any) -> None:
        """Report an Update of a step."""
        await self.acceptor.update(self._submission(uid, _body(marker, status), given))

    async def complete(self, uid: str = "2.25.1", **given: Any) -> None:
        """Report the end of a step."""
        await self.update(uid, "final", "COMPLETED", **given)

    async def whole(self, uid: str = "2.25.1") -> None:
        """Report a step of three operations."""
        await self.create(uid)
        await self.update(uid)
        await self.complete(uid)

    def _submission(self, uid: str, data: bytes, given: dict[str, Any]) -> Submission:
        members = {"door": "test", "source": "ct-1", "client": None, "request_id": "r", **given}
        return Submission(uid=uid, body=data, **members)

    # Looking

    def lane(self, uid: str = "2.25.1", number: int = 1) -> Lane:
        """Return a row of the ledger."""
        return self.store._lanes[number, uid]

    def lanes(self) -> Iterator[Lane]:
        """Return the rows of subscriptions that are there."""
        return (lane for lane in self.store._lanes.values() if lane.subscription in self.store._subscriptions)

    def parked(self) -> list[str]:
        """Return the UIDs of lanes that are parked."""
        return sorted(lane.uid for lane in self.lanes() if lane.state is LaneState.PARKED)

    def level(self) -> bool:
        """Tell whether nothing is left to do."""
        known = {number: item for number, item in self.store._subscriptions.items() if item.id not in self.unusable}
        return (
            not self.store._unrouted
            and not any(self.store._backfills.get(number) for number in known)
            and all(lane.due is None and lane.cursor == lane.version for lane in self.lanes())
        )

    async def leveled(self, seconds: float = 600.0) -> None:
        """Wait until nothing is left to do."""
        await until(self.level, seconds)

    async def ask(self, kind: RequestKind, position: int = 0, uid: str = "2.25.1", number: int = 1) -> None:
        """Place a request on a lane."""
        request = LaneRequest(kind=kind, position=position, who="operator", why="asked for")
        assert await self.store.place_request(self.lane(uid, number).key, request, self.clock.wall())

    def attempts(self, uid: str = "2.25.1") -> list[tuple[int, str, str | None]]:
        """Return (number, outcome, note) of the attempts that were recorded, oldest first."""
        kept = sorted(self.store._attempts.values(), key=lambda each: (each.at, each.id))
        return [(each.number, each.outcome, each.note) for each in kept if each.uid == uid]


def _body(marker: str, status: str | None) -> bytes:
    data: dict[str, Any] = {"00104000": {"vr": "LT", "Value": [marker]}}
    if status is not None:
        data["00400252"] = {"vr": "CS", "Value": [status]}
    return orjson.dumps(data)
