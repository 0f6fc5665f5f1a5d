"""The dispatcher of one subscription: which lanes go now, and what becomes of each attempt (protocol D).

A lane is *active* from the moment its row was read until it is level, waits or was given up; an active lane has at
most one attempt under way and no attempt before its last cursor is durable. What is not active is only a row.
"""

import asyncio
import functools
import math
import random
from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from mpps_core.accepting.retriever import Retriever
from mpps_core.attempt import Attempt
from mpps_core.clock import Clock
from mpps_core.errors import NotFound
from mpps_core.forwarding import breaker as breakers
from mpps_core.forwarding.answers import Answer, Channel, Meaning, fault_of, meaning_of
from mpps_core.forwarding.backoff import retry_delay
from mpps_core.forwarding.breaker import Breaker, BreakerState
from mpps_core.forwarding.comparing import Comparison, compare
from mpps_core.forwarding.decisions import (
    Decision,
    Effect,
    Situation,
    advanced,
    apply_effect,
    decide,
    decide_compared,
    maybe_arrived,
)
from mpps_core.forwarding.interfaces import Delivery, LedgerStore, Ownership, Sender
from mpps_core.forwarding.next_operation import came_from, next_to_send
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.forwarding.progress import ProgressWriter
from mpps_core.forwarding.rate import Rate
from mpps_core.forwarding.requests import apply_request
from mpps_core.lane import Lane, LaneState, Progress
from mpps_core.observer import Observer
from mpps_core.step import Operation
from mpps_core.subscription import Subscription
from mpps_core.via import via_entry
from mpps_core.waiting import wait_for

_READ_AHEAD: Final = 64  # rows read beyond what may be in flight, so that reading keeps up with sending
_PAUSE_AFTER_FAILURE: Final = 1.0  # seconds without new rows after something of ours failed


class _Work(msgspec.Struct):
    """An active lane."""

    lane: Lane
    newer: int = 0  #: version routed since the row was read
    operation: Operation | None = None  #: the next to send, once read


class Dispatcher:
    """Drains the lanes of one subscription within its limits."""

    def __init__(
        self,
        *,
        subscription: Subscription,
        sender: Sender,
        ledger: LedgerStore,
        retriever: Retriever,
        progress: ProgressWriter,
        ownership: Ownership,
        clock: Clock,
        rng: random.Random,
        observer: Observer,
        policy: ForwardPolicy,
        manager_id: str,
    ) -> None:
        self.subscription = subscription
        self._sender = sender
        self._ledger = ledger
        self._retriever = retriever
        self._progress = progress
        self._ownership = ownership
        self._clock = clock
        self._rng = rng
        self._observer = observer
        self._policy = policy
        self._via = via_entry(manager_id)
        self._limits = subscription.limits
        self._rate = Rate(subscription.limits.per_second, clock)
        self._breaker = Breaker()
        self._active: dict[str, _Work] = {}
        self._ready: deque[_Work] = deque()
        self._attempts: set[asyncio.Task[None]] = set()
        self._returning: list[_Work] = []  # active lanes with more to send and nothing read yet
        self._kicked = asyncio.Event()
        self._level = asyncio.Event()  # set when no lane is active any more, once stopping
        self._wake_at = math.inf  # monotonic: when the first lane that waits is due again
        self._paused_until = 0.0  # monotonic
        self._stopping = False

    @property
    def breaker(self) -> Breaker:
        """Where the breaker stands."""
        return self._breaker

    @property
    def active(self) -> int:
        """The number of lanes held in memory."""
        return len(self._active)

    def hint(self, uid: str, version: int) -> None:
        """Tell that a row of this subscription was routed to a version, durably."""
        work = self._active.get(uid)
        if work is None:
            self._kicked.set()
        else:
            work.newer = max(work.newer, version)

    async def round(self) -> None:
        """Read due rows if there is room for them, start what may go, then wait for a reason to look again."""
        self._tick()
        if self._returning:
            returning, self._returning = self._returning, []
            await self._load(returning)
        if self._capacity() > 0:
            await self._refill()
        self._pump()
        await wait_for(self._kicked, self._pause())

    async def stop(self, *, abort: bool) -> None:
        """Start nothing more; wait for attempts under way, or break them off, and until their progress is durable.

        Whoever reads the rows next, a successor for this subscription for one, must find it there.
        """
        self._stopping = True
        self._drop_ready()
        if abort:
            self.break_off()
        if self._attempts:
            await asyncio.wait(self._attempts)
        if self._active:
            await self._level.wait()
        await self._sender.close()

    def break_off(self) -> None:
        """Break off the attempts under way; whether they arrived is not known."""
        for task in self._attempts:
            task.cancel()

    # Reading rows

    def _capacity(self) -> int:
        """How many more lanes may become active: bounded memory, and none while the breaker waits."""
        if self._stopping or self._clock.monotonic() < self._paused_until:
            return 0
        allowed = breakers.room(self._breaker, self._limits.in_flight)
        if self._breaker.state is not BreakerState.CLOSED:
            return allowed - len(self._active)
        ahead = min(_READ_AHEAD, 16 * allowed)
        wanted = allowed + ahead - len(self._active)
        # Small pages cost as much as large ones: read again when half is used up.
        return wanted if 2 * wanted >= ahead or not self._ready else 0

    async def _refill(self) -> None:
        room = self._capacity()
        now = self._clock.wall()
        if self._clock.monotonic() >= self._wake_at:
            self._wake_at = math.inf
        # Rows of lanes that are active when the read begins may be old by the time it ends, even if they are no
        # longer active then; no others become active meanwhile, since only this reads rows.
        active = frozenset(self._active)
        rows = await self._ledger.due_lanes(
            self.subscription.number, self._ownership.slots(), now=now, limit=room + len(active)
        )
        fresh = [lane for lane in rows if lane.uid not in active][:room]
        works = [_Work(lane) for lane in fresh]
        for work in works:
            self._active[work.lane.uid] = work
        if len(fresh) == room:
            self._kicked.set()
        await self._load(works)

    async def _load(self, works: Sequence[_Work]) -> None:
        """Read the next operation of each lane and make it ready, or do what its row asks for first."""
        sendable: list[tuple[_Work, int]] = []
        for work in works:
            if work.lane.request is not None:
                self._write(work, apply_request(work.lane, self._clock.wall()), None)
            elif (number := next_to_send(work.lane)) is None:
                self._write(work, msgspec.structs.replace(work.lane, due=None), None)
            else:
                sendable.append((work, number))
        if not sendable:
            return
        try:
            operations = await self._ledger.read_operations([(work.lane.uid, number) for work, number in sendable])
        except BaseException:
            for work, _ in sendable:
                self._forget(work)
            raise
        for (work, _), operation in zip(sendable, operations, strict=True):
            self._judge(work, operation)

    def _judge(self, work: _Work, operation: Operation | None) -> None:
        if operation is None:
            closed = msgspec.structs.replace(work.lane, due=None, state=LaneState.CLOSED, reason="expired")
            self._write(work, closed, None)
        elif came_from(self.subscription, operation):
            now = self._clock.wall()
            lane = advanced(work.lane, operation.number, now, already_there=work.lane.already_there)
            self._write(work, lane, None)
        else:
            work.operation = operation
            self._ready.append(work)

    # Sending

    def _pump(self) -> None:
        """Start as many attempts as limits, breaker and rate allow."""
        while self._ready and not self._stopping:
            self._tick()
            if len(self._attempts) >= breakers.room(self._breaker, self._limits.in_flight) or not self._rate.take():
                return
            work = self._ready.popleft()
            task = asyncio.get_running_loop().create_task(self._attempt(work))
            self._attempts.add(task)
            task.add_done_callback(functools.partial(self._attempted, work))

    def _attempted(self, work: _Work, task: asyncio.Task[None]) -> None:
        self._attempts.discard(task)
        if task.cancelled() and self._active.get(work.lane.uid) is work:
            self._forget(work)  # broken off before it had begun, so it could not do this itself
        if not task.cancelled() and (error := task.exception()) is not None:
            self._observer.event(
                "attempt.failed", subscription=self.subscription.id, error=type(error).__name__, detail=str(error)[:200]
            )
        self._pump()
        if not self._ready:
            self._kicked.set()

    async def _attempt(self, work: _Work) -> None:
        """One attempt of one operation, and what follows from its answer."""
        lane, operation = work.lane, work.operation
        if operation is None:
            raise AssertionError
        try:
            slot_time = self._ownership.remaining(lane.slot)
            if slot_time <= 0:
                return self._forget(work)
            body = await self._retriever.unpacked(operation.payload)
            delivery = Delivery(
                uid=lane.uid,
                number=operation.number,
                kind=operation.kind,
                body=body,
                via=(*operation.via, self._via),
                deadline=min(self._limits.timeout_s, slot_time),
            )
            started = self._clock.wall()
            answer = await self._sender.deliver(delivery)
            await self._follow(work, operation, answer, started)
        except NotFound:
            self._judge(work, None)
        except BaseException:
            # The row still says what there is to do; whoever reads it next does it, though not at once.
            self._paused_until = self._clock.monotonic() + _PAUSE_AFTER_FAILURE
            self._forget(work)
            raise

    async def _follow(self, work: _Work, operation: Operation, answer: Answer, started: float) -> None:
        epoch = self._ownership.epoch(work.lane.slot)
        meaning = meaning_of(answer, operation.kind)
        situation = Situation(
            lane=work.lane,
            operation=operation,
            maybe_arrived=maybe_arrived(work.lane, epoch),
            refused_everywhere=self._refused_everywhere(work.lane, answer, meaning),
            probing=self._breaker.state is BreakerState.PROBING,
        )
        decision = decide(situation, answer, meaning)
        if decision.effect is Effect.COMPARE:
            comparison = await self._compare(work.lane.uid)
            decision = decide_compared(situation, meaning, comparison)
        self._signal(meaning, decision)
        now = self._clock.wall()
        wait = self._wait(work.lane, answer, decision)
        lane = apply_effect(situation, decision, unknown_outcome=answer.unknown_outcome, now=now, wait=wait)
        self._report(operation, answer, meaning, decision, now)
        record = self._record(situation, answer, meaning, decision.note, started)
        self._write(work, lane, record)

    async def _compare(self, uid: str) -> Comparison:
        retrieved = await self._sender.retrieve(uid, self._limits.timeout_s)
        return compare(retrieved, (await self._retriever.data_set(uid)).data)

    def _wait(self, lane: Lane, answer: Answer, decision: Decision) -> float:
        if decision.effect is Effect.PARK:
            return self._policy.parked_retry
        return retry_delay(lane.attempts + 1, self._policy, self._rng.random(), answer.retry_after)

    # The breaker

    def _refused_everywhere(self, lane: Lane, answer: Answer, meaning: Meaning) -> bool:
        if meaning not in {Meaning.REFUSED, Meaning.LOST_THERE} or answer.status is None:
            return False
        everywhere = breakers.refuses_everything(self._breaker, self._policy, answer.status, lane.uid)
        self._breaker = breakers.refused(self._breaker, answer.status, lane.uid)
        return everywhere

    def _signal(self, meaning: Meaning, decision: Decision) -> None:
        """Tell the breaker."""
        before = self._breaker
        now, draw = self._clock.monotonic(), self._rng.random()
        reason = decision.note or str(meaning)
        if decision.effect is Effect.HOLD:
            self._breaker = breakers.misconfigured(before, self._policy, now, draw, reason)
        elif meaning is Meaning.RETRY or decision.effect is Effect.WAIT:
            self._breaker = breakers.after_failure(before, self._policy, now, draw, reason)
        elif meaning not in {Meaning.REFUSED, Meaning.LOST_THERE}:
            self._breaker = breakers.after_success(before, self._limits.in_flight)
        elif before.state is BreakerState.PROBING:
            # It answers, if only to refuse: the lane is parked and the next one may be more welcome.
            self._breaker = msgspec.structs.replace(before, state=BreakerState.CLOSED, ramp=1)
        if (before.state is BreakerState.CLOSED) != (self._breaker.state is BreakerState.CLOSED):
            self._tell_breaker()

    def _tick(self) -> None:
        before = self._breaker
        self._breaker = breakers.tick(before, self._clock.monotonic())

    def _tell_breaker(self) -> None:
        # Rows read before it opened would be old by the time it closes: a request may have come for them.
        self._drop_ready()
        is_open = self._breaker.state is not BreakerState.CLOSED
        self._observer.breaker(subscription=self.subscription.id, is_open=is_open)
        name = "breaker.opened" if is_open else "breaker.closed"
        self._observer.event(name, subscription=self.subscription.id, reason=self._breaker.reason)

    def _pause(self) -> float:
        """How long nothing will change by itself."""
        now = self._clock.monotonic()
        waits = [self._policy.poll]
        if self._breaker.state is BreakerState.OPEN:
            waits = [max(self._breaker.until - now, 0.0)]
        elif self._wake_at > now:
            waits.append(self._wake_at - now)
        if self._ready:
            waits.append(self._rate.wait())
        if self._paused_until > now:
            return self._paused_until - now
        return min(waits)

    # Writing down

    def _write(self, work: _Work, lane: Lane, attempt: Attempt | None) -> None:
        before = work.lane
        epoch = self._ownership.epoch(before.slot)
        progress = Progress(
            subscription=lane.subscription,
            uid=lane.uid,
            gen=before.gen,
            turn=before.turn,
            epoch=epoch,
            judged_version=before.version,
            cursor=lane.cursor,
            high=lane.high,
            due=lane.due,
            state=lane.state,
            attempts=lane.attempts,
            unsure=lane.unsure,
            healed_at=lane.healed_at,
            already_there=lane.already_there,
            reason=lane.reason,
            now=self._clock.wall(),
        )
        written = msgspec.structs.replace(lane, epoch=epoch, turn=before.turn + 1)
        tried = attempt is not None
        self._progress.submit(progress, attempt, lambda row: self._durable(work, written, row, tried=tried))

    def _durable(self, work: _Work, written: Lane, row: Lane | None, *, tried: bool) -> None:
        """Go on with a lane whose progress is durable; ``row`` is how it is now if that may not be as written."""
        work.operation = None
        if row is not None and (row.gen, row.turn, row.epoch) != (written.gen, written.turn, written.epoch):
            return self._differs(work, row, tried=tried)
        if row is None:
            newer = max(work.newer, written.version)
            due = written.due
            if due is None and newer > written.version and written.state is None:
                due = self._clock.wall()
            row = msgspec.structs.replace(written, version=newer, due=due)
        work.lane = row
        return self._go_on(work)

    def _differs(self, work: _Work, row: Lane, *, tried: bool) -> None:
        """Somebody else wrote the row meanwhile, a request for one: what was tried may have arrived all the same."""
        if row.uid != work.lane.uid or row.epoch > self._ownership.epoch(row.slot):
            return self._forget(work)
        work.lane = row
        known = msgspec.structs.replace(row, unsure=row.unsure or tried)
        return self._write(work, apply_request(known, self._clock.wall()), None)

    def _go_on(self, work: _Work) -> None:
        lane, now = work.lane, self._clock.wall()
        if lane.due is None or lane.due > now or self._stopping or self._breaker.state is not BreakerState.CLOSED:
            if lane.due is not None:
                self._wake_at = min(self._wake_at, self._clock.monotonic() + max(lane.due - now, 0.0))
            return self._forget(work)
        self._returning.append(work)
        return self._kicked.set()

    def _forget(self, work: _Work) -> None:
        self._active.pop(work.lane.uid, None)
        if self._stopping and not self._active:
            self._level.set()
        if self._capacity() > 0 and not self._ready:
            self._kicked.set()

    def _drop_ready(self) -> None:
        while self._ready:
            self._forget(self._ready.popleft())
        while self._returning:
            self._forget(self._returning.pop())

    def _record(
        self, situation: Situation, answer: Answer, meaning: Meaning, note: str | None, started: float
    ) -> Attempt:
        """Return the record of an attempt: what came back, never what it said."""
        fault = fault_of(answer, meaning)
        return Attempt(
            id=f"{int(started * 1e6):014x}{self._rng.getrandbits(32):08x}",
            at=started,
            duration=answer.duration,
            subscription=situation.lane.subscription,
            uid=situation.lane.uid,
            number=situation.operation.number,
            outcome=str(meaning),
            fault=None if fault is None else str(fault),
            http_status=answer.status if answer.channel is Channel.HTTP else None,
            dimse_status=answer.status if answer.channel is Channel.DIMSE else None,
            failure=None if answer.failure is None else str(answer.failure),
            note=note,
            media_type=answer.media_type,
            length=answer.length,
            sha256=answer.sha256,
        )

    def _report(self, operation: Operation, answer: Answer, meaning: Meaning, decision: Decision, now: float) -> None:
        name = self.subscription.id
        self._observer.attempt_finished(subscription=name, outcome=str(meaning), seconds=answer.duration)
        if decision.effect is Effect.ADVANCE:
            self._observer.delivered(subscription=name, seconds=max(now - operation.received_at, 0.0))
        elif decision.effect in {Effect.PARK, Effect.CLOSE}:
            self._observer.event(f"lane.{decision.effect}", subscription=name, reason=decision.note)
