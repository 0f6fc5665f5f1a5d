"""One simulated day: a manager that crashes and restarts, four modalities, three subscribers and an operator."""

import asyncio
import contextvars
import dataclasses
import random
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from mpps_bus.local import LocalBus
from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy
from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.errors import NotFound, StoreError
from mpps_core.forwarding.forwarder import Forwarder
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.lane import LaneKey, LaneRequest, LaneState, RequestKind
from mpps_core.observer import NullObserver
from mpps_core.subscription import Limits, Start, Subscription
from mpps_core.wakeup import WakeUp
from mpps_dicom import Profile
from mpps_store.memory import MemoryStore
from tests.simulation.chaos import PROCESS, Chaos, Process, Rates
from tests.simulation.modality import Book, Modality
from tests.simulation.subscribers import Receiver, SimulatedSender
from tests.simulation.virtual_time import VirtualClock, VirtualLoop

POLICY = ForwardPolicy(
    first_delay=0.5, max_delay=6.0, parked_retry=12.0, poll=2.0, failures_to_open=4, same_refusals_to_open=5
)
SKEW = 8.0  # seconds that the time of day may be off, either way, which back-fill allows for (rule 11)
BAD_DAY = 40.0  # virtual seconds of faults
LATEST = 4.0  # virtual seconds after which no write lands any more
CALM = 400.0  # virtual seconds in which everything must become level
IDLE = 60.0  # virtual seconds in which nothing should happen

_STORMS = (
    Rates(),
    Rates(slow=0.05),
    Rates(unavailable=0.03, slow=0.02),
    Rates(lost=0.03, late=0.03, applied=0.03),
    Rates(late=0.2, slow=0.4),
    Rates(crash=0.004, slow=0.02),
    Rates(unavailable=0.02, lost=0.02, late=0.02, applied=0.02, slow=0.05, crash=0.003),
)


class LossyBus(LocalBus):
    """Hints lost, doubled, late and for another version (rule 8)."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def publish(self, wake_up: WakeUp) -> None:
        draw = self._rng.random()
        if draw < 0.2:
            return
        if draw < 0.3:
            asyncio.get_running_loop().call_later(self._rng.random() * 5.0, super().publish, wake_up)
            return
        if draw < 0.4:
            wake_up = msgspec.structs.replace(wake_up, version=wake_up.version + 1)
        super().publish(wake_up)
        if draw > 0.9:
            super().publish(wake_up)


class World:
    """Everything there is on one day, drawn from one seed."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.rng = random.Random(seed)
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.chaos = Chaos(self.rng, self.rng.choice(_STORMS))
        self.chaos.kill = self.crash
        self.store = MemoryStore(faults=self.chaos)
        self.book = Book()
        self.receivers: dict[str, Receiver] = {}
        self.removed: dict[str, float] = {}  # subscription id → virtual time from which its removal is applied
        self.process: Process | None = None
        self.lives: list[Process] = []  # kept, so that what waits for ever is ended properly
        self.owner: SoleOwner | None = None
        self.forwarder: Forwarder | None = None
        self.acceptor: Acceptor | None = None
        self.replays: list[tuple[LaneKey, float]] = []  # taken by the store, with the virtual time of its answer
        self.asked: set[LaneKey] = set()  # lanes that somebody asked something for, taken or not
        self.crashes = 0
        self._ids = 0
        self._restart: asyncio.TimerHandle | None = None
        self._calm = False
        loop.set_task_factory(self._task)  # type: ignore[arg-type]  # newer arguments of tasks go through kwargs

    # The manager

    def _task(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **kwargs: Any
    ) -> asyncio.Task[Any]:
        """Make a task that belongs to the process which made it, so that it dies with it."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **kwargs)
        process = PROCESS.get()
        if process is not None:
            process.tasks.add(task)
            task.add_done_callback(process.tasks.discard)
        return task

    def boot(self) -> None:
        """Start a life of the manager."""
        process = Process(name=f"life-{self.crashes}")
        self.process = process
        self.lives.append(process)
        context = _context_of(process)
        context.run(lambda: self.loop.create_task(self._life(process)))

    async def _life(self, process: Process) -> None:
        epoch = await self._next_epoch()
        observer, bus = NullObserver(), LossyBus(self.rng)
        contents = InlineContents()
        retriever = Retriever(steps=self.store, operations=self.store, blobs=self.store, contents=contents)
        self.owner = SoleOwner(epoch)
        acceptor = Acceptor(
            steps=self.store,
            operations=self.store,
            blobs=self.store,
            contents=contents,
            wake_ups=bus,
            clock=self.clock,
            new_id=self._new_id,
            observer=observer,
            policy=AcceptPolicy(manager_id="sim", profile=Profile.OFF),
        )
        self.forwarder = Forwarder(
            routing=self.store,
            backfills=self.store,
            ledger=self.store,
            subscriptions=self.store,
            retriever=retriever,
            hints=bus,
            ownership=self.owner,
            senders=self._sender,
            clock=self.clock,
            rng=self.rng,
            observer=observer,
            policy=POLICY,
            manager_id="sim",
        )
        self.forwarder.start()
        self.acceptor = acceptor
        del process

    async def _next_epoch(self) -> int:
        while True:
            try:
                return await self.store.next_epoch()
            except StoreError:
                await asyncio.sleep(0.5)

    def crash(self) -> None:
        """Kill -9: no task goes on, nothing in memory remains; a new life begins some seconds later."""
        process = self.process
        if process is None or process.dead:
            return
        self.crashes += 1
        process.dead = True
        self.process = self.acceptor = self.forwarder = None
        # Not at once: the task that dies is the one that runs now.
        for task in list(process.tasks):
            self.loop.call_soon(task.cancel)
        if not self._calm or self._restart is None:
            self._restart = self.loop.call_later(self.rng.random() * 5.0, self.boot)

    def door(self) -> tuple[Process, Acceptor] | None:
        """Return the manager's door if it is open."""
        if self.process is None or self.acceptor is None:
            return None
        return self.process, self.acceptor

    def _sender(self, subscription: Subscription) -> SimulatedSender:
        return SimulatedSender(subscription, self.receivers[subscription.id], self.store)

    def _new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    # The others

    async def subscribe(self, name: str, start: Start = Start.NOW, *, since: float = 0.0) -> None:
        """Add a subscriber; repeated until the store takes it."""
        self.receivers[name] = Receiver(name, self.rng, can_retrieve=self.rng.random() < 0.5)
        now = self.clock.wall()
        subscription = Subscription(
            number=0,
            id=name,
            name=name,
            kind="dicomweb",
            start=start,
            starts_at=since or now - SKEW,
            limits=Limits(in_flight=self.rng.choice([1, 2, 4]), timeout_s=3.0),
            created_at=now,
            revision=0,
        )
        await self._insist(lambda: self.store.add_subscription(subscription))

    async def _insist(self, change: Callable[[], Coroutine[Any, Any, object]]) -> None:
        while True:
            try:
                await change()
            except (NotFound, StoreError):
                if self._calm:
                    return
                await asyncio.sleep(0.3)
                # An outcome that is unknown may have been applied: ask before doing it twice.
                if self._changed():
                    return
            else:
                return

    def _changed(self) -> bool:
        known = {item.id for item in self.store._subscriptions.values()}
        return set(self.receivers) - set(self.removed) <= known

    async def weather(self) -> None:
        """Make subscribers sick and well, jump clocks, crash the manager, replay, forget, add, pause and remove."""
        deeds = [
            self._sicken, self._sicken, self._sicken, self._jump, self.crash, self._forget, self._replay, self._resend,
            self._pause, self._join, self._leave,
        ]  # fmt: skip
        while self.loop.time() < BAD_DAY:
            await asyncio.sleep(self.rng.random() * 6.0)
            done = self.rng.choice(deeds)()
            if done is not None:
                await done
        self._heal_all()

    def _sicken(self) -> None:
        receiver = self.rng.choice(list(self.receivers.values()))
        receiver.down = self.rng.random() < 0.2
        receiver.refuse, receiver.unavailable, receiver.hang, receiver.reset = (
            self.rng.choice([0.0, 0.0, 0.3, 0.8]) for _ in range(4)
        )
        receiver.leaky = self.rng.choice([0.0, 0.0, 0.0, 0.9])

    def _heal_all(self) -> None:
        for receiver in self.receivers.values():
            receiver.down = False
            receiver.refuse = receiver.unavailable = receiver.hang = receiver.reset = receiver.leaky = 0.0
        self.chaos.rates = Rates()
        self._calm = True
        self._restart = None

    def _jump(self) -> None:
        self.clock.jump_to(self.rng.random() * SKEW)

    def _forget(self) -> None:
        receiver = self.rng.choice(list(self.receivers.values()))
        if receiver.steps:
            receiver.forget(self.rng.choice(list(receiver.steps)))

    async def _replay(self) -> None:
        await self._request(RequestKind.REWIND)

    async def _resend(self) -> None:
        await self._request(RequestKind.RESEND)

    async def _request(self, kind: RequestKind) -> None:
        if not self.store._lanes:
            return
        lane = self.rng.choice(list(self.store._lanes.values()))
        subscription = self.store._subscriptions.get(lane.subscription)
        if subscription is None:
            return
        receiver = self.receivers[subscription.id]
        if kind is RequestKind.REWIND:
            receiver.rewound[lane.uid] = receiver.rewound.get(lane.uid, 0) + 1
        key = LaneKey(subscription=lane.subscription, uid=lane.uid)
        request = LaneRequest(kind=kind, who="operator", why="simulated")
        await self._place(key, request)

    async def _place(self, key: LaneKey, request: LaneRequest) -> None:
        self.asked.add(key)
        try:
            placed = await self.store.place_request(key, request, self.clock.wall())
        except StoreError:
            return
        if placed and request.kind is RequestKind.REWIND:
            self.replays.append((key, self.loop.time()))

    async def _resend_parked(self) -> None:
        """Do what a person would, once everything works again."""
        for lane in list(self.store._lanes.values()):
            if lane.state is LaneState.PARKED:
                await self._place(lane.key, LaneRequest(kind=RequestKind.RESEND, who="operator", why="it works again"))

    async def _pause(self) -> None:
        subscriptions = list(self.store._subscriptions.values())
        if subscriptions:
            item = self.rng.choice(subscriptions)
            try:
                await self.store.replace_subscription(_flip(item, enabled=False))
                await asyncio.sleep(self.rng.random() * 10.0)
            except StoreError:
                pass
            await self._enable_all()

    async def _enable_all(self) -> None:
        for item in list(self.store._subscriptions.values()):
            while item.number in self.store._subscriptions and not self.store._subscriptions[item.number].enabled:
                try:
                    await self.store.replace_subscription(_flip(item, enabled=True))
                except StoreError:
                    await asyncio.sleep(0.3)

    async def _join(self) -> None:
        if len(self.receivers) < 5:
            start = self.rng.choice([Start.NOW, Start.OPEN, Start.SINCE])
            since = self.clock.wall() - self.rng.random() * 20.0 if start is Start.SINCE else 0.0
            await self.subscribe(f"late-{len(self.receivers)}", start, since=since)

    async def _leave(self) -> None:
        names = [name for name in self.receivers if name not in self.removed]
        if len(names) < 2:
            return
        name = self.rng.choice(names)
        try:
            revision = await self.store.remove_subscription(name)
        except StoreError:
            if any(item.id == name for item in self.store._subscriptions.values()):
                return
            revision = self.store._revision
        self.removed[name] = float("inf")
        self.loop.create_task(self._note_applied(name, revision))

    async def _note_applied(self, name: str, revision: int) -> None:
        while self.owner is None or self.process is None or self.owner.revision_everywhere() < revision:
            await asyncio.sleep(0.05)
        self.removed[name] = self.loop.time()

    # The day

    async def day(self, *, weather: bool = True) -> None:
        """Live through a bad day, or one with nothing worse than a slow store; then wait until everything is level."""
        rates, self.chaos.rates = self.chaos.rates, Rates()
        for name in ("ris", "pacs", "billing"):
            await self.subscribe(name)
        self.chaos.rates = rates if weather else Rates(slow=0.5)
        self.boot()
        modalities = [Modality(f"{n}", self.rng, self.door, self.book) for n in range(4)]
        work = [self.loop.create_task(m.run(self.rng.randint(1, 3))) for m in modalities]
        if weather:
            await self.weather()
            await asyncio.sleep(LATEST)  # a pause that lands late is undone too
            await self._enable_all()
        await asyncio.wait(work)
        if self.process is None:
            await asyncio.sleep(5.0)
        end = self.loop.time() + CALM
        while not self.level() and self.loop.time() < end:
            await self._resend_parked()
            await asyncio.sleep(5.0)

    async def idle(self) -> tuple[int, int]:
        """Let an hour of nothing pass; return loop turns and store calls."""
        turns, calls = self.loop.iterations, self.chaos.calls
        await asyncio.sleep(IDLE)
        return self.loop.iterations - turns, self.chaos.calls - calls

    def level(self) -> bool:
        """Tell whether nothing is unrouted and every lane of every subscription has what it wants."""
        numbers = set(self.store._subscriptions)
        lanes = [lane for lane in self.store._lanes.values() if lane.subscription in numbers]
        backfilled = not any(self.store._backfills.get(number) for number in numbers)
        return (
            backfilled
            and not self.store._unrouted
            and all(lane.due is None and lane.cursor == lane.version for lane in lanes)
        )


def _flip(item: Subscription, *, enabled: bool) -> Subscription:
    return dataclasses.replace(item, enabled=enabled)


def _context_of(process: Process) -> contextvars.Context:
    context = contextvars.copy_context()
    context.run(PROCESS.set, process)
    return context
