"""Accepting operations: the one way in, whatever door they came through (protocol A)."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec

from mpps_core.accepting.content import Current, Packed, Prepared
from mpps_core.accepting.interfaces import BlobStore, OperationStore, StepStore
from mpps_core.accepting.processing import Contents
from mpps_core.clock import Clock
from mpps_core.errors import (
    AcceptError,
    AlreadyExists,
    OutcomeUnknown,
    RevisionLost,
    StepDeleted,
    StepFinal,
    StoreError,
    TooManyOperations,
    TryLater,
    UnknownStep,
)
from mpps_core.observer import Observer
from mpps_core.payload import Payload, fits_inline
from mpps_core.step import MAX_OPERATIONS, Operation, OperationWrite, Step
from mpps_core.via import has_passed
from mpps_core.wakeup import WakeUp, WakeUps
from mpps_dicom import Finding, Profile, Refused, StepOperation

_GIVE_UP_AFTER: Final = 60.0  # seconds; younger blobs than a day are never swept, so a writer this old is safe
_OUTCOME_UNKNOWN: Final = "outcome unknown, repeat it"

_OUTCOMES: Final[dict[type[Exception], str]] = {
    Refused: "refused",
    AlreadyExists: "duplicate",
    UnknownStep: "unknown-step",
    StepDeleted: "deleted",
    StepFinal: "final",
    TooManyOperations: "too-many",
    TryLater: "unavailable",
}


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as it arrived at a door."""

    uid: str
    body: bytes  #: DICOM JSON
    door: str
    source: str
    client: str | None
    request_id: str
    via: tuple[str, ...] = ()


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The manager has the operation."""

    uid: str
    number: int  #: 0 when it was not stored because it had been here before
    findings: tuple[Finding, ...] = ()
    looped: bool = False  #: our own id was in ``Via``: answered, counted, not stored
    repeated: bool = False  #: a repeat of the newest operation, answered as the first one was


class AcceptPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decides about accepting."""

    manager_id: str
    profile: Profile = Profile.LENIENT
    idempotent_repeat: bool = False
    deadline: float = 30.0  #: seconds that an accept may take, lost races included


class Acceptor:
    """Accepts Creates and Updates. Safe to use from many tasks at once."""

    def __init__(
        self,
        *,
        steps: StepStore,
        operations: OperationStore,
        blobs: BlobStore,
        contents: Contents,
        wake_ups: WakeUps,
        clock: Clock,
        new_id: Callable[[], str],
        observer: Observer,
        policy: AcceptPolicy,
    ) -> None:
        self._steps = steps
        self._operations = operations
        self._blobs = blobs
        self._contents = contents
        self._wake_ups = wake_ups
        self._clock = clock
        self._new_id = new_id
        self._observer = observer
        self._policy = policy

    async def create(self, submission: Submission) -> Accepted:
        """Accept a Create (N-CREATE; PS3.18 15.4).

        Raises Refused, AlreadyExists or TryLater. When it returns, the operation is durable. A caller that goes
        away does not stop what has begun.
        """
        return await _unstoppable(self._measured(self._create(submission), submission, "create"))

    async def update(self, submission: Submission) -> Accepted:
        """Accept an Update (N-SET; PS3.18 15.5).

        Raises Refused, UnknownStep, StepDeleted, StepFinal, TooManyOperations or TryLater; else as ``create``.
        """
        return await _unstoppable(self._measured(self._update(submission), submission, "update"))

    async def _create(self, submission: Submission) -> Accepted:
        if has_passed(submission.via, self._policy.manager_id):
            return Accepted(uid=submission.uid, number=0, looped=True)
        prepared = await self._contents.create(submission.body, submission.uid, self._policy.profile)
        accept_id = self._new_id()
        started = self._clock.monotonic()
        write = await self._created(submission, prepared, accept_id)
        try:
            await self._write(write, started)
        except RevisionLost:
            if await self._steps.settle(submission.uid, accept_id) is None:
                return await self._duplicate(submission, prepared)
        except OutcomeUnknown:
            # There may be no document that a fence could hold on to: the write may still land.
            if await self._settled(submission.uid, accept_id) is None:
                raise TryLater(_OUTCOME_UNKNOWN) from None
        return self._done(write)

    async def _update(self, submission: Submission) -> Accepted:
        if has_passed(submission.via, self._policy.manager_id):
            return Accepted(uid=submission.uid, number=0, looped=True)
        accept_id = self._new_id()
        end = self._clock.monotonic() + self._policy.deadline
        while True:
            step = await self._open_step(submission)
            if isinstance(step, Accepted):
                return step
            state = await self._payload_bytes(step.dataset)
            prepared = await self._contents.update(
                submission.body,
                submission.uid,
                self._policy.profile,
                Current(data=state, size=step.dataset.size, status=step.status),
            )
            if self._policy.idempotent_repeat and (same := await self._repeat(submission, step, prepared.operation)):
                return same
            started = self._clock.monotonic()
            write = await self._updated(submission, step, prepared, accept_id)
            try:
                await self._write(write, started)
            except (RevisionLost, OutcomeUnknown) as error:
                if await self._settled(submission.uid, accept_id) is not None:
                    return self._done(write)
                if self._clock.monotonic() > end:
                    raise TryLater("too many updates of this step at once; nothing was stored, repeat it") from error
            else:
                return self._done(write)

    async def _write(self, write: OperationWrite, started: float) -> None:
        """Do the one write; not if ``started``, before its first blob, is so long ago that the blob may be swept."""
        named = (write.operation.payload.blob, write.step.dataset.blob)
        if named != (None, None) and self._clock.monotonic() - started > _GIVE_UP_AFTER:
            raise TryLater("storing the data set took too long; nothing was acknowledged, repeat it")
        await self._steps.write_operation(write)

    async def _open_step(self, submission: Submission) -> Step | Accepted:
        """Return the step if it can take an Update; or the answer, if this repeats what closed it."""
        step = await self._steps.read_step(submission.uid)
        if step is None:
            raise UnknownStep
        if step.deleted:
            raise StepDeleted
        if step.status.is_final:
            if self._policy.idempotent_repeat:
                # Judged against the open state that it was accepted in, it would read the same.
                newest = await self._operations.read_operation(step.uid, step.version)
                if newest is not None and await self._same_body(submission, newest):
                    return Accepted(uid=step.uid, number=newest.number, findings=newest.findings, repeated=True)
            raise StepFinal
        if step.version >= MAX_OPERATIONS:
            raise TooManyOperations(f"the step has {MAX_OPERATIONS} operations, as many as one step may have")
        return step

    async def _duplicate(self, submission: Submission, prepared: Prepared) -> Accepted:
        step = await self._steps.read_step(submission.uid)
        first = None if step is None or step.deleted else await self._operations.read_operation(submission.uid, 1)
        same = first is not None and await self._same(first, prepared.operation)
        newest = first if step is not None and step.version == 1 else None
        if same and newest and self._policy.idempotent_repeat and newest.source == submission.source:
            return Accepted(uid=submission.uid, number=1, findings=newest.findings, repeated=True)
        raise AlreadyExists(same_content=same)

    async def _repeat(self, submission: Submission, step: Step, packed: Packed) -> Accepted | None:
        newest = await self._operations.read_operation(step.uid, step.version)
        if newest is None or newest.kind is not StepOperation.UPDATE or newest.source != submission.source:
            return None
        if not await self._same(newest, packed):
            return None
        return Accepted(uid=step.uid, number=newest.number, findings=newest.findings, repeated=True)

    async def _same_body(self, submission: Submission, newest: Operation) -> bool:
        """Tell whether a body for a closed step is, byte for byte in canonical form, what closed it."""
        if newest.kind is not StepOperation.UPDATE or newest.source != submission.source:
            return False
        canonical = await self._contents.canonical(submission.body, submission.uid)
        return canonical == await self._contents.unpack(await self._payload_bytes(newest.payload), newest.payload.size)

    async def _same(self, operation: Operation, packed: Packed) -> bool:
        if operation.payload.size != packed.size:
            return False
        stored = await self._payload_bytes(operation.payload)
        return stored == packed.data or await self._contents.unpack(
            stored, operation.payload.size
        ) == await self._contents.unpack(packed.data, packed.size)

    async def _settled(self, uid: str, accept_id: str) -> Operation | None:
        try:
            return await self._steps.settle(uid, accept_id)
        except StoreError:
            raise TryLater(_OUTCOME_UNKNOWN) from None

    async def _created(self, submission: Submission, prepared: Prepared, accept_id: str) -> OperationWrite:
        now = self._clock.wall()
        payload, inline = await self._place(submission.uid, prepared.operation, 0)
        dataset, inline = await self._place(submission.uid, prepared.state, inline)
        step = Step(
            uid=submission.uid,
            rev=1,
            version=1,
            status=prepared.status,
            summary=prepared.summary,
            sources=(submission.source,),
            dataset=dataset,
            inline_bytes=inline,
            received_at=now,
            updated_at=now,
        )
        operation = _operation(submission, prepared, step, accept_id, payload, now)
        return OperationWrite(step=step, operation=operation, expected_rev=None)

    async def _updated(self, submission: Submission, step: Step, prepared: Prepared, accept_id: str) -> OperationWrite:
        now = self._clock.wall()
        inline = step.inline_bytes - (step.dataset.stored if step.dataset.blob is None else 0)
        payload, inline = await self._place(step.uid, prepared.operation, inline)
        dataset, inline = await self._place(step.uid, prepared.state, inline)
        sources = step.sources if submission.source in step.sources else (*step.sources, submission.source)
        after = msgspec.structs.replace(
            step,
            rev=step.rev + 1,
            version=step.version + 1,
            status=prepared.status,
            summary=step.summary.joined(prepared.summary),
            sources=sources,
            dataset=dataset,
            inline_bytes=inline,
            # Never less than before: whoever matched by it once must not lose the step to a clock that went back.
            updated_at=max(now, step.updated_at),
        )
        operation = _operation(submission, prepared, after, accept_id, payload, now)
        return OperationWrite(step=after, operation=operation, expected_rev=step.rev)

    async def _place(self, uid: str, packed: Packed, inline: int) -> tuple[Payload, int]:
        """Put a payload inside the document if it fits, else into a blob, durably, before the document (rule 4)."""
        stored = len(packed.data)
        if fits_inline(stored, inline):
            return Payload(size=packed.size, stored=stored, data=packed.data), inline + stored
        blob = self._new_id()
        try:
            await self._blobs.write_blob(blob, uid, packed.data, self._clock.wall())
        except OutcomeUnknown:
            raise TryLater("the data set could not be stored; nothing was acknowledged, repeat it") from None
        return Payload(size=packed.size, stored=stored, blob=blob), inline

    async def _payload_bytes(self, payload: Payload) -> bytes:
        if payload.data is not None:
            return payload.data
        return await self._blobs.read_blob(payload.blob or "")

    def _done(self, write: OperationWrite) -> Accepted:
        step, operation = write.step, write.operation
        self._wake_ups.publish(WakeUp(uid=step.uid, version=step.version, slot=step.slot))
        for rule in {finding.rule for finding in operation.findings}:
            self._observer.deviation(source=operation.source, rule=rule)
        return Accepted(uid=step.uid, number=operation.number, findings=operation.findings)

    async def _measured(self, work: Coroutine[Any, Any, Accepted], submission: Submission, kind: str) -> Accepted:
        start = self._clock.monotonic()
        outcome = "failed"
        try:
            accepted = await work
        except (AcceptError, Refused) as error:
            outcome = _OUTCOMES[type(error)]
            raise
        except StoreError as error:
            outcome = "unavailable"
            raise TryLater(f"the store cannot be used now ({error.detail}); nothing was acknowledged") from error
        else:
            outcome = "looped" if accepted.looped else "repeated" if accepted.repeated else "accepted"
            return accepted
        finally:
            seconds = self._clock.monotonic() - start
            self._observer.operation_accepted(door=submission.door, kind=kind, outcome=outcome, seconds=seconds)


async def _unstoppable(work: Coroutine[Any, Any, Accepted]) -> Accepted:
    """Do it to its end, even if nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(_taken)
    return await asyncio.shield(task)


def _taken(task: asyncio.Future[Accepted]) -> None:
    """Take the error of a task, which is counted already: if its client has gone, nobody else does."""
    if not task.cancelled():
        task.exception()


def _operation(
    submission: Submission, prepared: Prepared, step: Step, accept_id: str, payload: Payload, now: float
) -> Operation:
    """Return the operation that makes ``step``, the step after it."""
    return Operation(
        number=step.version,
        kind=StepOperation.CREATE if step.version == 1 else StepOperation.UPDATE,
        accept_id=accept_id,
        received_at=now,
        source=submission.source,
        client=submission.client,
        request_id=submission.request_id,
        via=submission.via,
        status=prepared.requested,
        findings=prepared.findings,
        payload=payload,
    )
