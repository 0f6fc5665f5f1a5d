"""The suite that every kind of sender passes. A new kind adds its harness to ``HARNESSES`` and nothing else."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from mpps_core.forwarding.answers import Channel, Failure, Meaning, meaning_of
from mpps_core.forwarding.interfaces import Delivery
from mpps_dicom import StepOperation
from tests.conformance.sender.dicomweb_harness import DicomwebHarness
from tests.conformance.sender.harness import Harness, Received, Say, Subscriber
from tests.support.aio import run_on

HARNESSES: Final[dict[str, Harness]] = {
    f"dicomweb-{dialect}": DicomwebHarness(dialect) for dialect in ("query", "path", "patch")
}
CREATE, UPDATE = StepOperation.CREATE, StepOperation.UPDATE
STARTED: Final = b'{"00400244":{"vr":"DA","Value":["20261121"]},"00400252":{"vr":"CS","Value":["IN PROGRESS"]}}'
DONE: Final = b'{"00400252":{"vr":"CS","Value":["COMPLETED"]}}'

Play = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[(name, loop) for name, each in HARNESSES.items() for loop in each.loops], ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture
def harness(case: tuple[str, str]) -> Harness:
    return HARNESSES[case[0]]


@pytest.fixture
def play(case: tuple[str, str]) -> Play:
    return lambda main: run_on(case[1], main, timeout=30.0)


def operation(kind: StepOperation, *, uid: str = "2.25.7", deadline: float = 10.0) -> Delivery:
    return Delivery(
        uid=uid,
        number=1 if kind is CREATE else 2,
        kind=kind,
        body=STARTED if kind is CREATE else DONE,
        via=("1.1 mpps-here",),
        deadline=deadline,
    )


def test_operations_arrive_as_they_are(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber()
        async with harness.reach(subscriber) as sender:
            for kind in (CREATE, UPDATE):
                answer = await sender.deliver(operation(kind))
                assert meaning_of(answer, kind) is Meaning.DELIVERED
                assert answer.channel is not Channel.NONE
                assert not answer.unknown_outcome
                assert answer.duration > 0
        assert subscriber.received == [
            Received(uid="2.25.7", kind=CREATE, data_set=json.loads(STARTED)),
            Received(uid="2.25.7", kind=UPDATE, data_set=json.loads(DONE)),
        ]

    play(main())


@pytest.mark.parametrize(
    ("kind", "say", "meaning"),
    [
        (CREATE, Say.ALREADY_THERE, Meaning.ALREADY_THERE),
        (UPDATE, Say.LOST, Meaning.LOST_THERE),
        (UPDATE, Say.CLOSED, Meaning.CLOSED_THERE),
        *((kind, Say.BUSY, Meaning.RETRY) for kind in (CREATE, UPDATE)),
        *((kind, Say.REFUSE, Meaning.REFUSED) for kind in (CREATE, UPDATE)),
        *((kind, Say.FORBID, Meaning.MISCONFIGURED) for kind in (CREATE, UPDATE)),
    ],
)
def test_answers_are_told_so_that_they_mean_what_was_said(
    harness: Harness, play: Play, kind: StepOperation, say: Say, meaning: Meaning
) -> None:
    async def main() -> None:
        subscriber = Subscriber(answers=[say])
        async with harness.reach(subscriber) as sender:
            answer = await sender.deliver(operation(kind))
        assert meaning_of(answer, kind) is meaning
        assert answer.failure is None
        assert not answer.unknown_outcome
        assert len(subscriber.received) == 1

    play(main())


def test_many_at_once_arrive_once_each(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber()
        async with harness.reach(subscriber) as sender:
            wanted = [f"2.25.{number}" for number in range(100, 200)]
            answers = await asyncio.gather(*(sender.deliver(operation(CREATE, uid=uid)) for uid in wanted))
        assert {meaning_of(each, CREATE) for each in answers} == {Meaning.DELIVERED}
        assert sorted(each.uid for each in subscriber.received) == wanted

    play(main())


def test_a_subscriber_that_is_not_there_is_a_known_outcome(harness: Harness, play: Play) -> None:
    async def main() -> None:
        async with harness.miss() as sender:
            answer = await sender.deliver(operation(CREATE))
            assert (answer.channel, answer.failure) == (Channel.NONE, Failure.REFUSED)
            assert not answer.unknown_outcome
            assert (await sender.probe(5.0)).failure is Failure.REFUSED
            copy = await sender.retrieve("2.25.7", 5.0)
            assert not copy.found
            assert copy.data_set is None

    play(main())


def test_no_answer_by_the_deadline_is_an_unknown_outcome(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber(answers=[Say.HANG, Say.ACCEPT])
        async with harness.reach(subscriber) as sender:
            begun = asyncio.get_running_loop().time()
            answer = await sender.deliver(operation(CREATE, deadline=0.3))
            assert asyncio.get_running_loop().time() - begun < 2.0
            assert (answer.channel, answer.failure) == (Channel.NONE, Failure.TIMEOUT)
            assert answer.unknown_outcome
            assert meaning_of(await sender.deliver(operation(CREATE)), CREATE) is Meaning.DELIVERED
        assert len(subscriber.received) == 2

    play(main())


def test_without_time_nothing_is_sent(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber()
        async with harness.reach(subscriber) as sender:
            answer = await sender.deliver(operation(CREATE, deadline=0.0))
            assert (answer.failure, answer.unknown_outcome) == (Failure.TIMEOUT, False)
            await asyncio.sleep(0.05)
        assert not subscriber.received

    play(main())


@pytest.mark.parametrize("kind", [CREATE, UPDATE])
def test_a_lost_connection_is_an_unknown_outcome_and_nothing_is_sent_again(
    harness: Harness, play: Play, kind: StepOperation
) -> None:
    async def main() -> None:
        subscriber = Subscriber(answers=[Say.ACCEPT, Say.BREAK_OFF])
        async with harness.reach(subscriber) as sender:
            await sender.deliver(operation(CREATE, uid="2.25.6"))
            answer = await sender.deliver(operation(kind))
            await asyncio.sleep(0.05)
        assert (answer.channel, answer.failure) == (Channel.NONE, Failure.RESET)
        assert answer.unknown_outcome
        assert len(subscriber.received) == 2

    play(main())


def test_cancellation_goes_through_and_gives_the_connection_up(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber(answers=[Say.HANG, Say.ACCEPT])
        async with harness.reach(subscriber) as sender:
            task = asyncio.create_task(sender.deliver(operation(CREATE)))
            await _until(lambda: bool(subscriber.received))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _until(lambda: subscriber.peers == 0)
            assert meaning_of(await sender.deliver(operation(CREATE)), CREATE) is Meaning.DELIVERED

    play(main())


def test_a_step_is_retrieved_as_canonical_json(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber(steps={"2.25.7": STARTED})
        async with harness.reach(subscriber) as sender:
            copy = await sender.retrieve("2.25.7", 5.0)
            assert (copy.supported, copy.found, copy.data_set) == (True, True, STARTED)
            missing = await sender.retrieve("2.25.8", 5.0)
            assert (missing.supported, missing.found, missing.data_set) == (True, False, None)
        assert not subscriber.received

    play(main())


def test_a_subscriber_that_cannot_be_asked_says_so(harness: Harness, play: Play) -> None:
    async def main() -> None:
        async with harness.reach(Subscriber(retrievable=False)) as sender:
            copy = await sender.retrieve("2.25.7", 5.0)
            assert (copy.supported, copy.found) == (False, False)

    play(main())


@pytest.mark.parametrize("retrievable", [True, False])
def test_a_probe_reaches_the_subscriber_and_changes_nothing(harness: Harness, play: Play, retrievable: bool) -> None:
    async def main() -> None:
        subscriber = Subscriber(retrievable=retrievable)
        async with harness.reach(subscriber) as sender:
            answer = await sender.probe(5.0)
            assert answer.channel is not Channel.NONE
            assert answer.failure is None
        assert not subscriber.received

    play(main())


def test_closing_ends_what_is_under_way_and_may_be_repeated(harness: Harness, play: Play) -> None:
    async def main() -> None:
        subscriber = Subscriber(answers=[Say.HANG])
        async with harness.reach(subscriber) as sender:
            task = asyncio.create_task(sender.deliver(operation(CREATE)))
            await _until(lambda: bool(subscriber.received))
            await sender.close()
            answer = await task
            assert (answer.failure, answer.unknown_outcome) == (Failure.LEASE_LOST, True)
            await sender.close()
            later = await sender.deliver(operation(CREATE))
            assert (later.failure, later.unknown_outcome) == (Failure.LEASE_LOST, False)
        assert len(subscriber.received) == 1

    play(main())


def test_a_sender_that_was_never_used_closes(harness: Harness, play: Play) -> None:
    async def main() -> None:
        async with harness.miss() as sender:
            await sender.close()

    play(main())


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5.0):
        while not happened():
            await asyncio.sleep(0.005)
