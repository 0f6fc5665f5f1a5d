"""Accepting: every outcome of a Create and an Update (protocol A), over the store in memory."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import orjson
import pytest

from mpps_bus.local import LocalBus
from mpps_core.accepting.acceptor import Accepted, Acceptor, AcceptPolicy, Submission
from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.errors import (
    AcceptError,
    AlreadyExists,
    OutcomeUnknown,
    RevisionLost,
    StepDeleted,
    StepFinal,
    StoreUnavailable,
    TooManyOperations,
    TryLater,
    UnknownStep,
)
from mpps_core.observer import NullObserver
from mpps_core.payload import DOCUMENT_LIMIT, INLINE_LIMIT, compress
from mpps_core.step import MAX_OPERATIONS, Operation, Step
from mpps_dicom import Profile, Refused, StepOperation, StepStatus
from mpps_store.memory import WRITES, Late, MemoryStore
from tests.conformance.store import making
from tests.simulation.virtual_time import VirtualClock
from tests.unit.core.virtual import live

UID: Final = "2.25.1"
_COMMENTS: Final = "00104000"


def body(marker: str = "", status: str | None = None) -> bytes:
    data: dict[str, Any] = {_COMMENTS: {"vr": "LT", "Value": [marker]}} if marker else {}
    if status is not None:
        data["00400252"] = {"vr": "CS", "Value": [status]}
    return orjson.dumps(data)


CREATE: Final = body("create", "IN PROGRESS")


def bulky(size: int, seed: int) -> str:
    """Make a text of so many characters that hardly gets smaller: about three quarters of a byte for each."""
    import base64
    import random

    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4)).decode()


class Trouble:
    """What goes wrong next, by method: an error before it is applied, or after."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.before_: dict[str, list[Exception | None]] = {}
        self.after_: dict[str, list[Exception | None]] = {}
        self.slow = 0.0
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    async def before(self, operation: str) -> None:
        self.calls.append(operation)
        if operation == "write_operation" and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        if self.slow:
            await asyncio.sleep(self.slow)
        self._go_wrong(self.before_, operation)

    async def after(self, operation: str) -> None:
        self._go_wrong(self.after_, operation)

    def _go_wrong(self, troubles: dict[str, list[Exception | None]], operation: str) -> None:
        waiting = troubles.get(operation)
        if waiting and (error := waiting.pop(0)) is not None:
            raise error

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call in WRITES]


class Noting(NullObserver):
    def __init__(self) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.deviations: list[tuple[str, str]] = []

    def operation_accepted(self, *, door: str, kind: str, outcome: str, seconds: float) -> None:
        assert door == "test"
        assert seconds >= 0
        self.outcomes.append((kind, outcome))

    def deviation(self, *, source: str, rule: str) -> None:
        self.deviations.append((source, rule))


class Door:
    """An acceptor and everything around it."""

    def __init__(self, clock: VirtualClock, **policy: Any) -> None:
        self.trouble = Trouble()
        self.store = MemoryStore(faults=self.trouble)
        self.bus = LocalBus()
        self.observer = Noting()
        ids = itertools.count(1)
        contents = InlineContents()
        self.retriever = Retriever(steps=self.store, operations=self.store, blobs=self.store, contents=contents)
        self.acceptor = Acceptor(
            steps=self.store,
            operations=self.store,
            blobs=self.store,
            contents=contents,
            wake_ups=self.bus,
            clock=clock,
            new_id=lambda: f"id-{next(ids)}",
            observer=self.observer,
            policy=AcceptPolicy(**{"manager_id": "here", "profile": Profile.OFF, **policy}),
        )

    def submission(self, data: bytes, **given: Any) -> Submission:
        members = {"uid": UID, "door": "test", "source": "ct-1", "client": "192.0.2.7", "request_id": "r", **given}
        return Submission(body=data, **members)

    async def create(self, data: bytes = CREATE, **given: Any) -> Accepted:
        return await self.acceptor.create(self.submission(data, **given))

    async def update(self, data: bytes, **given: Any) -> Accepted:
        return await self.acceptor.update(self.submission(data, **given))

    def step(self, uid: str = UID) -> Step:
        return self.store._steps[uid]

    def operations(self, uid: str = UID) -> list[Operation]:
        return self.store._operations.get(uid, [])

    async def state(self, uid: str = UID) -> dict[str, Any]:
        return dict(orjson.loads((await self.retriever.data_set(uid)).data))

    async def received(self) -> list[Any]:
        """Return what each operation said, read back one by one, which also says that no number is missing."""
        read = [await self.retriever.operation(UID, number) for number in range(1, self.step().version + 1)]
        assert [operation.number for operation, _ in read] == [stored.version for _, stored in read]
        data_sets = [orjson.loads(stored.data) for _, stored in read]
        return [data_set[_COMMENTS]["Value"][0] if _COMMENTS in data_set else None for data_set in data_sets]


def test_a_create_and_its_updates() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        accepted = await door.create(via=("1.1 mpps-there",))
        assert (accepted.number, accepted.looped, accepted.repeated) == (1, False, False)
        assert (await door.update(body("more"))).number == 2
        assert (await door.update(body("final", "COMPLETED"), source="ct-2")).number == 3

        step = door.step()
        assert (step.version, step.rev, step.status) == (3, 3, StepStatus.COMPLETED)
        assert step.sources == ("ct-1", "ct-2")
        assert [each.kind for each in door.operations()] == [
            StepOperation.CREATE,
            StepOperation.UPDATE,
            StepOperation.UPDATE,
        ]
        assert [each.status for each in door.operations()] == [StepStatus.IN_PROGRESS, None, StepStatus.COMPLETED]
        first = door.operations()[0]
        assert (first.via, first.client, first.source) == (("1.1 mpps-there",), "192.0.2.7", "ct-1")
        assert len({each.accept_id for each in door.operations()}) == 3
        assert await door.received() == ["create", "more", "final"]
        assert (await door.state())["00400252"]["Value"] == ["COMPLETED"]
        hints = await door.bus.receive(0.0)
        assert [(hint.uid, hint.version, hint.slot) for hint in hints] == [(UID, n, step.slot) for n in (1, 2, 3)]
        assert door.observer.outcomes == [("create", "accepted"), ("update", "accepted"), ("update", "accepted")]
        assert door.store._unrouted[UID] == first.received_at  # since the first of them, until somebody routed it

    live(main)


def test_deviations_are_counted_once_for_each_rule() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, profile=Profile.LENIENT)
        accepted = await door.create()
        rules = {finding.rule for finding in accepted.findings}
        assert {"missing-type-1", "missing-type-2"} <= rules
        assert len(accepted.findings) > len(rules)
        assert sorted(door.observer.deviations) == sorted(("ct-1", rule) for rule in rules)
        assert door.operations()[0].findings == accepted.findings

    live(main)


# What is refused

Prepare = Callable[[Door], Awaitable[object]]


async def nothing(door: Door) -> None:
    del door


async def an_open_step(door: Door) -> None:
    await door.create()


async def a_final_step(door: Door) -> None:
    await door.create()
    await door.update(body("final", "COMPLETED"))


async def a_tombstone(door: Door) -> None:
    await door.create()
    door.store._steps[UID] = msgspec.structs.replace(door.step(), deleted=True, rev=9)


async def a_full_step(door: Door) -> None:
    await door.create()
    door.store._steps[UID] = msgspec.structs.replace(door.step(), version=20_000)


@pytest.mark.parametrize(
    ("prepare", "kind", "data", "error", "outcome"),
    [
        (nothing, "create", body("x", "COMPLETED"), Refused, "refused"),
        (nothing, "create", body("x"), Refused, "refused"),
        (nothing, "create", b"[", Refused, "refused"),
        (an_open_step, "create", CREATE, AlreadyExists, "duplicate"),
        (a_final_step, "create", CREATE, AlreadyExists, "duplicate"),
        (a_tombstone, "create", CREATE, AlreadyExists, "duplicate"),
        (a_full_step, "create", CREATE, AlreadyExists, "duplicate"),
        (nothing, "update", body("x"), UnknownStep, "unknown-step"),
        (a_tombstone, "update", body("x"), StepDeleted, "deleted"),
        (a_final_step, "update", body("x"), StepFinal, "final"),
        (a_final_step, "update", body("x", "COMPLETED"), StepFinal, "final"),
        (a_full_step, "update", body("x"), TooManyOperations, "too-many"),
        (an_open_step, "update", body("x", "READY"), Refused, "refused"),
        (an_open_step, "update", b"{}", Refused, "refused"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    prepare: Prepare, kind: str, data: bytes, error: type[Exception], outcome: str
) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await prepare(door)
        before = dict(door.store._steps), list(door.operations())
        await door.bus.receive(0.0)
        with pytest.raises(error):
            await (door.create(data) if kind == "create" else door.update(data))
        assert (dict(door.store._steps), list(door.operations())) == before
        assert await door.bus.receive(0.0) == []
        assert door.observer.outcomes[-1] == (kind, outcome)

    live(main)


def test_a_step_has_at_most_20000_operations() -> None:
    """Rule 5."""

    async def main(clock: VirtualClock) -> None:
        assert MAX_OPERATIONS == 20_000
        door = Door(clock)
        await a_full_step(door)
        with pytest.raises(TooManyOperations) as raised:
            await door.update(body("one too many"))
        assert "20000 operations" in raised.value.detail
        door.store._steps[UID] = msgspec.structs.replace(door.step(), version=19_999)
        assert (await door.update(body("the last"))).number == 20_000

    live(main)


@pytest.mark.parametrize(
    ("data", "same"),
    [
        (CREATE, True),
        (orjson.dumps(dict(reversed(orjson.loads(CREATE).items()))), True),  # in another order
        (b"[" + CREATE + b"]", True),
        (orjson.dumps(orjson.loads(CREATE), option=orjson.OPT_INDENT_2), True),
        (body("other!", "IN PROGRESS"), False),
        (body("a longer one", "IN PROGRESS"), False),
    ],
)
@pytest.mark.parametrize("updated", [False, True])
def test_a_duplicate_says_whether_it_is_the_same_create(data: bytes, same: bool, updated: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        if updated:
            await door.update(body("more"))
        with pytest.raises(AlreadyExists) as raised:
            await door.create(data)
        assert raised.value.same_content is same

    live(main)


def test_a_duplicate_of_a_tombstone_is_not_the_same() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await a_tombstone(door)
        with pytest.raises(AlreadyExists) as raised:
            await door.create()
        assert not raised.value.same_content

    live(main)


# Repeats, with and without the setting that answers them

STEP: Final = [("create", CREATE), ("update", body("more")), ("update", body("final", "COMPLETED"))]


async def send(door: Door, kind: str, data: bytes, **given: Any) -> Accepted:
    return await (door.create(data, **given) if kind == "create" else door.update(data, **given))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_repeat_of_the_newest_operation_is_answered_as_the_first_one_was(length: int) -> None:
    """Architecture 5: byte-identical, from the same source, the newest; quirk 21 for the final one."""

    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=True, profile=Profile.LENIENT)
        answers = [await send(door, *each) for each in STEP[:length]]
        for _ in range(2):
            again = await send(door, *STEP[length - 1])
            assert (again.number, again.repeated) == (length, True)
            assert again.findings == answers[-1].findings
        assert door.step().version == length == len(door.operations())
        assert door.observer.outcomes[-1] == (STEP[length - 1][0], "repeated")
        assert len(await door.bus.receive(0.0)) == length

    live(main)


@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("idempotent", [False, True])
def test_a_repeat_by_another_source_or_without_the_setting_is_none(length: int, idempotent: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=idempotent)
        for each in STEP[:length]:
            await send(door, *each)
        source = "ct-9" if idempotent else "ct-1"
        with pytest.raises(AlreadyExists if length == 1 else StepFinal):
            await send(door, *STEP[length - 1], source=source)
        assert door.step().version == length

    live(main)


@pytest.mark.parametrize("idempotent", [False, True])
def test_an_interim_update_that_differs_or_comes_again_later_is_a_new_one(idempotent: bool) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=idempotent)
        await door.create()
        for marker in ("a", "b", "a"):
            await door.update(body(marker))
        assert await door.received() == ["create", "a", "b", "a"]
        assert (await door.update(body("a"), source="ct-2")).number == 5  # another source repeats nothing

    live(main)


def test_an_update_that_says_what_the_create_said_is_no_repeat_of_it() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=True)
        await door.create()
        assert (await door.update(CREATE)).number == 2

    live(main)


@pytest.mark.parametrize("data", [body("other", "COMPLETED"), body("final", "DISCONTINUED"), body("final")])
def test_another_update_after_the_final_one_is_refused(data: bytes) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=True)
        await a_final_step(door)
        with pytest.raises(StepFinal):
            await door.update(data)

    live(main)


def test_a_create_after_others_is_a_duplicate_even_then() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=True)
        for each in STEP[:2]:
            await send(door, *each)
        with pytest.raises(AlreadyExists) as raised:
            await door.create()
        assert raised.value.same_content

    live(main)


# The loop guard (rule 26)


@pytest.mark.parametrize("kind", ["create", "update"])
def test_what_has_been_here_is_answered_and_not_stored(kind: str) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        accepted = await send(door, kind, CREATE, via=("1.1 mpps-there", "1.1 mpps-here"))
        assert (accepted.number, accepted.looped, accepted.findings) == (0, True, ())
        assert door.store._steps == {}
        assert await door.bus.receive(0.0) == []
        assert door.trouble.calls == []
        assert door.observer.outcomes == [(kind, "looped")]

    live(main)


# Unknown outcomes (rule 2)


def test_a_create_that_was_written_though_nobody_said_so_is_accepted() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        door.trouble.after_["write_operation"] = [OutcomeUnknown()]
        assert (await door.create()).number == 1
        assert door.trouble.writes == ["write_operation", "settle"]
        assert len(await door.bus.receive(0.0)) == 1

    live(main)


@pytest.mark.parametrize(
    "troubles",
    [
        {"write_operation": [OutcomeUnknown()]},  # absent
        {"write_operation": [OutcomeUnknown()], "settle": [StoreUnavailable()]},
        {"write_operation": [OutcomeUnknown()], "settle": [OutcomeUnknown()]},
        {"write_operation": [Late(5.0)]},  # there is no document to fence
    ],
)
def test_a_create_whose_outcome_stays_unknown_is_to_be_repeated(troubles: dict[str, list[Exception | None]]) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        door.trouble.before_ = troubles
        with pytest.raises(TryLater) as raised:
            await door.create()
        assert raised.value.detail == "outcome unknown, repeat it"
        assert await door.bus.receive(0.0) == []
        assert door.observer.outcomes == [("create", "unavailable")]
        await clock.sleep(10.0)
        if door.operations():  # it landed late
            with pytest.raises(AlreadyExists) as told:
                await door.create()
            assert told.value.same_content
        else:
            assert (await door.create()).number == 1
        assert len(door.operations()) == 1

    live(main)


@pytest.mark.parametrize("times", [1, 3])
def test_an_update_that_was_not_written_is_written_again(times: int) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.before_["write_operation"] = [OutcomeUnknown() for _ in range(times)]
        assert (await door.update(body("more"))).number == 2
        assert await door.received() == ["create", "more"]

    live(main)


def test_an_update_that_was_written_though_nobody_said_so_is_written_once() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.after_["write_operation"] = [OutcomeUnknown()]
        assert (await door.update(body("more"))).number == 2
        assert await door.received() == ["create", "more"]

    live(main)


def test_an_update_that_would_land_late_finds_the_fence() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.before_["write_operation"] = [Late(3.0)]
        assert (await door.update(body("more"))).number == 2
        await clock.sleep(10.0)
        assert await door.received() == ["create", "more"]

    live(main)


@pytest.mark.parametrize("trouble", [StoreUnavailable, OutcomeUnknown])
def test_an_update_whose_outcome_cannot_be_told_is_to_be_repeated(trouble: type[Exception]) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.after_["write_operation"] = [OutcomeUnknown()]
        door.trouble.before_["settle"] = [trouble()]
        with pytest.raises(TryLater, match="outcome unknown"):
            await door.update(body("more"))
        assert door.observer.outcomes[-1] == ("update", "unavailable")

    live(main)


@pytest.mark.parametrize("kind", ["create", "update"])
@pytest.mark.parametrize("method", ["read_step", "read_operation", "read_blob", "write_blob", "write_operation"])
@pytest.mark.parametrize("trouble", [StoreUnavailable, OutcomeUnknown])
def test_without_a_store_nothing_is_acknowledged(kind: str, method: str, trouble: type[Exception]) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, idempotent_repeat=True)
        large = body(bulky(200_000, 1), "IN PROGRESS")
        await door.create(large)
        door.trouble.before_[method] = [trouble() for _ in range(1000)]
        door.trouble.slow = 0.1
        if kind == "create" and method.startswith("read_"):
            assert (await door.create(large, uid="2.25.2")).number == 1  # it reads nothing
            return
        with pytest.raises(TryLater) as raised:
            await send(door, kind, body(bulky(200_000, 2), "IN PROGRESS"), uid="2.25.2" if kind == "create" else UID)
        assert raised.value.retry_after == 5.0
        assert len(door.operations()) == 1

    live(main, seconds=1000.0)


def test_an_update_that_keeps_losing_gives_up_after_its_time() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock, deadline=30.0)
        await door.create()
        door.trouble.slow = 1.0
        door.trouble.before_["write_operation"] = [RevisionLost() for _ in range(1000)]
        begun = clock.monotonic()
        with pytest.raises(TryLater, match="too many updates"):
            await door.update(body("more"))
        assert 30.0 < clock.monotonic() - begun < 36.0
        assert door.step().version == 1

    live(main)


# Races


def test_of_two_creates_at_once_one_is_first() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        results = await asyncio.gather(
            door.create(), door.create(), door.create(body("other", "IN PROGRESS")), return_exceptions=True
        )
        (accepted,) = [each for each in results if isinstance(each, Accepted)]
        assert accepted.number == 1
        lost = [each for each in results if isinstance(each, AlreadyExists)]
        assert sorted(each.same_content for each in lost) == [False, True]
        assert len(door.operations()) == 1

    live(main)


def test_a_lost_race_is_run_again_on_the_newer_state() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.meanwhile = lambda: door.update(body("first"), source="ct-2")
        assert (await door.update(body("second"))).number == 3
        assert await door.received() == ["create", "first", "second"]
        assert door.step().sources == ("ct-1", "ct-2")

    live(main)


def test_an_update_that_lost_its_race_to_the_final_one_is_refused() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.meanwhile = lambda: door.update(body("final", "COMPLETED"))
        with pytest.raises(StepFinal):
            await door.update(body("late"))
        assert await door.received() == ["create", "final"]

    live(main)


@pytest.mark.parametrize("slow", [0.0, 0.01])
def test_32_updates_at_once_are_all_kept_with_numbers_without_gaps(slow: float) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        door.trouble.slow = slow
        accepted = await asyncio.gather(*(door.update(body(f"update {n}")) for n in range(32)))
        assert sorted(each.number for each in accepted) == list(range(2, 34))
        received = await door.received()
        assert sorted(received[1:]) == sorted(f"update {n}" for n in range(32))
        for n, each in enumerate(accepted):
            assert received[each.number - 1] == f"update {n}"
        # Nobody starves: each lost race is somebody's won one.
        assert door.trouble.calls.count("write_operation") <= 1 + 32 * 33 / 2
        assert clock.monotonic() < 30.0

    live(main)


# Clients that go away


@pytest.mark.parametrize("kind", ["create", "update"])
def test_what_has_begun_is_finished_without_its_client(kind: str) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        if kind == "update":
            await door.create()
        version = 1 if kind == "create" else 2
        door.trouble.slow = 1.0
        client = asyncio.create_task(send(door, kind, CREATE))
        await clock.sleep(0.5)
        client.cancel()
        await asyncio.wait([client])
        assert client.cancelled()
        await clock.sleep(10.0)
        assert door.step().version == version
        assert door.observer.outcomes[-1] == (kind, "accepted")
        assert len(await door.bus.receive(0.0)) == version

    live(main)


def test_an_error_that_nobody_waits_for_is_nobodys() -> None:
    """Else the event loop would complain of it (``live`` looks)."""

    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        door.trouble.slow = 1.0
        client = asyncio.create_task(door.update(body("x")))
        await clock.sleep(0.5)
        client.cancel()
        await asyncio.wait([client])
        await clock.sleep(5.0)
        assert door.observer.outcomes == [("update", "unknown-step")]

    live(main)


# Payloads (rule 4)


def inline_sizes(door: Door) -> list[int]:
    step = door.step()
    payloads = [step.dataset, *(operation.payload for operation in door.operations())]
    return [len(payload.data) for payload in payloads if payload.data is not None]


def test_what_is_over_64_kib_goes_to_a_blob_of_its_own_first() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        large = body(bulky(200_000, 1), "IN PROGRESS")
        assert len(compress(large)) > INLINE_LIMIT
        await door.create(large)
        step, (operation,) = door.step(), door.operations()
        assert door.trouble.writes == ["write_blob", "write_blob", "write_operation"]
        # Never shared, though the bytes are the same: the state is swept when it is superseded.
        assert step.dataset.blob is not None
        assert operation.payload.blob is not None
        assert step.dataset.blob != operation.payload.blob
        assert step.inline_bytes == 0
        assert orjson.loads((await door.retriever.data_set(UID)).data) == orjson.loads(large)

        await door.update(body("small", "COMPLETED"))
        assert door.operations()[1].payload.data is not None
        state = await door.state()
        assert (state[_COMMENTS]["Value"], state["00400252"]["Value"]) == (["small"], ["COMPLETED"])
        assert door.step().dataset.data is not None  # the small text replaced the large one
        assert door.step().inline_bytes == sum(inline_sizes(door))

    live(main)


def test_a_document_holds_at_most_128_kib() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        texts = [bulky(40_000, n) for n in range(12)]
        await door.create(body(texts[0], "IN PROGRESS"))
        for text in texts[1:]:
            await door.update(body(text))
            assert door.step().inline_bytes == sum(inline_sizes(door)) <= DOCUMENT_LIMIT
        blobs = [operation.payload.blob for operation in door.operations() if operation.payload.blob is not None]
        assert 0 < len(blobs) < 12
        assert len({*blobs, door.step().dataset.blob}) == len(blobs) + 1
        assert await door.received() == texts

    live(main)


def test_a_step_of_many_operations_keeps_its_document_small() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.create()
        for n in range(2000):
            await door.update(body(f"{n}: {bulky(60, n)}"))
        assert door.step().version == 2001
        assert door.step().inline_bytes == sum(inline_sizes(door)) <= DOCUMENT_LIMIT
        received = await door.received()
        assert [text.split(":")[0] for text in received[1:]] == [str(n) for n in range(2000)]

    live(main)


@pytest.mark.parametrize("trouble", [StoreUnavailable, OutcomeUnknown, RevisionLost])
def test_without_its_blob_an_operation_is_not_written(trouble: type[Exception]) -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        door.trouble.before_["write_blob"] = [None, trouble()]
        with pytest.raises(TryLater):
            await door.create(body(bulky(200_000, 1), "IN PROGRESS"))
        assert "write_operation" not in door.trouble.calls
        assert door.store._steps == {}

    live(main)


def test_an_accept_gives_up_a_minute_after_its_blob() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        door.trouble.slow = 61.0
        with pytest.raises(TryLater, match="too long"):
            await door.create(body(bulky(200_000, 1), "IN PROGRESS"))
        assert "write_operation" not in door.trouble.calls

    live(main)


def test_a_duplicate_of_a_large_create_is_recognised() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        large = body(bulky(200_000, 1), "IN PROGRESS")
        await door.create(large)
        for data, same in ((large, True), (body(bulky(200_000, 2), "IN PROGRESS"), False)):
            with pytest.raises(AlreadyExists) as raised:
                await door.create(data)
            assert raised.value.same_content is same

    live(main)


# Clocks


def test_a_clock_that_goes_back_never_takes_a_step_from_anybody() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        clock.jump_to(1000.0)
        await door.create()
        created = door.step().updated_at
        clock.jump_to(0.0)
        await door.update(body("more"))
        assert door.step().updated_at == created
        assert door.operations()[1].received_at < created
        clock.jump_to(5000.0)
        await door.update(body("more"))
        assert door.step().updated_at == door.operations()[2].received_at > created

    live(main)


def test_every_refusal_has_its_outcome() -> None:
    """An error without one would be counted as a defect."""
    from mpps_core.accepting.acceptor import _OUTCOMES

    known = set(AcceptError.__subclasses__())
    assert {Refused, *known} == set(_OUTCOMES)


def test_the_step_that_the_conformance_suite_writes_is_read_as_any_other() -> None:
    async def main(clock: VirtualClock) -> None:
        door = Door(clock)
        await door.store.write_operation(making.creation(UID))
        assert (await door.retriever.step(UID)).version == 1

    live(main)
