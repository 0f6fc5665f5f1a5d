"""Simulated subscribers: receivers that follow PS3.4 F.7.2 and a network that does not follow anything."""

import asyncio
import random
from dataclasses import dataclass, field

from mpps_core.errors import NotFound
from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.forwarding.interfaces import Delivery, Retrieved
from mpps_core.subscription import Subscription
from mpps_dicom import StepOperation, decode_json, encode_json, merge, status_of
from mpps_store.memory import MemoryStore
from tests.simulation.chaos import PROCESS, still_alive


@dataclass
class Start:
    """An attempt that was started: what the promise of section F is about."""

    uid: str
    number: int
    at: float
    cursor: int | None  # durable cursor of the lane at that moment
    rewinds: int  # how often the lane had been sent back by then, with cause


@dataclass
class Receiver:
    """A subscriber's own data base and its weaknesses."""

    name: str
    rng: random.Random
    down: bool = False
    refuse: float = 0.0
    unavailable: float = 0.0
    hang: float = 0.0
    reset: float = 0.0
    leaky: float = 0.0  # probability that a Create is answered with success and not kept
    can_retrieve: bool = True
    steps: dict[str, bytes] = field(default_factory=dict)
    processed: list[tuple[str, int]] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    rewound: dict[str, int] = field(default_factory=dict)  # uid → times somebody or something sent it back
    under_way: set[tuple[str, str]] = field(default_factory=set)  # (life of the manager, uid)
    doubled: list[str] = field(default_factory=list)  # lanes with two attempts at once

    def forget(self, uid: str) -> None:
        """Lose a step, as a restored backup would."""
        if self.steps.pop(uid, None) is not None:
            self.rewound[uid] = self.rewound.get(uid, 0) + 1

    def process(self, delivery: Delivery) -> int:
        """Apply an operation; return the HTTP status of PS3.18 15.4.3.1 or 15.5.3.1."""
        known = self.steps.get(delivery.uid)
        if delivery.kind is StepOperation.CREATE:
            if known is not None:
                return 409
            self.steps[delivery.uid] = delivery.body
            if self.rng.random() < self.leaky:
                self.forget(delivery.uid)
        else:
            if known is None:
                return 404
            status = status_of(decode_json(known))
            if status is not None and status.is_final:
                return 409
            self.steps[delivery.uid] = merge(known, delivery.body)
        self.processed.append((delivery.uid, delivery.number))
        return 201 if delivery.kind is StepOperation.CREATE else 200


class SimulatedSender:
    """The sender port over a network that loses, delays and doubles."""

    def __init__(self, subscription: Subscription, receiver: Receiver, store: MemoryStore) -> None:
        self._subscription = subscription
        self._receiver = receiver
        self._store = store

    async def deliver(self, delivery: Delivery) -> Answer:
        await still_alive()
        process = PROCESS.get()
        lane = ("" if process is None else process.name, delivery.uid)
        if lane in self._receiver.under_way:
            self._receiver.doubled.append(f"{delivery.uid}/{delivery.number}")
        self._receiver.under_way.add(lane)
        try:
            return await self._deliver(delivery)
        finally:
            self._receiver.under_way.discard(lane)

    async def _deliver(self, delivery: Delivery) -> Answer:
        receiver, rng = self._receiver, self._receiver.rng
        loop = asyncio.get_running_loop()
        self._note_start(delivery, loop.time())
        started = loop.time()
        await asyncio.sleep(rng.random() * 0.05)
        # From here on the bytes are under way, whatever becomes of their sender.
        if receiver.down or rng.random() < receiver.refuse:
            return Answer(channel=Channel.NONE, failure=Failure.REFUSED)
        if rng.random() < receiver.unavailable:
            return Answer(channel=Channel.HTTP, status=503, retry_after=rng.choice([None, 1.0, 3.0]))
        if rng.random() < receiver.hang:
            if rng.random() < 0.5:
                loop.call_later(rng.random() * delivery.deadline * 2, receiver.process, delivery)
            await asyncio.sleep(delivery.deadline)
            return Answer(channel=Channel.NONE, failure=Failure.TIMEOUT, unknown_outcome=True)
        status = receiver.process(delivery)
        await asyncio.sleep(rng.random() * 0.05)
        if rng.random() < receiver.reset:
            return Answer(channel=Channel.NONE, failure=Failure.RESET, unknown_outcome=True)
        return Answer(channel=Channel.HTTP, status=status, duration=loop.time() - started)

    async def retrieve(self, uid: str, deadline: float) -> Retrieved:
        await still_alive()
        await asyncio.sleep(self._receiver.rng.random() * min(deadline, 0.05))
        if self._receiver.down:
            return Retrieved(supported=True, answer=Answer(channel=Channel.NONE, failure=Failure.REFUSED))
        if not self._receiver.can_retrieve:
            return Retrieved(supported=False, answer=Answer(channel=Channel.HTTP, status=405))
        data = self._receiver.steps.get(uid)
        status = 404 if data is None else 200
        answer = Answer(channel=Channel.HTTP, status=status)
        copy = None if data is None else encode_json(decode_json(data))
        return Retrieved(supported=True, found=data is not None, data_set=copy, answer=answer)

    async def probe(self, deadline: float) -> Answer:
        del deadline
        return Answer(channel=Channel.HTTP, status=404)

    async def close(self) -> None:
        pass

    def _note_start(self, delivery: Delivery, at: float) -> None:
        process = PROCESS.get()
        if process is not None and process.dead:
            raise NotFound
        lane = self._store._lanes.get((self._subscription.number, delivery.uid))
        self._receiver.starts.append(
            Start(
                uid=delivery.uid,
                number=delivery.number,
                at=at,
                cursor=None if lane is None else lane.cursor,
                rewinds=self._receiver.rewound.get(delivery.uid, 0),
            )
        )
