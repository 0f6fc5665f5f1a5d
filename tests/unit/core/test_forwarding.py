"""Forwarding as a whole, on virtual time: what a subscriber sees, and what the ledger says (protocol B and D)."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Final

import msgspec
import orjson
import pytest

from mpps_core.attempt import Attempt
from mpps_core.errors import StoreUnavailable
from mpps_core.forwarding.answers import A710, Answer, Channel, Failure
from mpps_core.forwarding.breaker import BreakerState
from mpps_core.forwarding.interfaces import Delivery, Retrieved
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.lane import LaneState, LaneWrite, Progress, RequestKind
from mpps_core.payload import Payload, compress
from mpps_core.slots import slot_of
from mpps_core.step import Operation
from mpps_core.subscription import Limits, Start
from mpps_dicom import StepOperation, StepStatus, encode_json
from mpps_store.memory import MemoryStore
from tests.conformance.store import making
from tests.simulation.virtual_time import VirtualClock
from tests.unit.core.day import CANNOT_BE_ASKED, Day, Subscriber, always, told, well
from tests.unit.core.values import dimse, http
from tests.unit.core.virtual import live, until

UID: Final = "2.25.1"
TIMEOUT: Final = Answer(channel=Channel.NONE, failure=Failure.TIMEOUT, unknown_outcome=True)
REFUSED: Final = Answer(channel=Channel.NONE, failure=Failure.REFUSED)


def uids(count: int) -> list[str]:
    return [f"2.25.{n}" for n in range(1, count + 1)]


def copy(status: str, marker: str = "final") -> Retrieved:
    data = {
        "00104000": {"vr": "LT", "Value": [marker]},
        "00400252": {"vr": "CS", "Value": [status]},
    }
    return Retrieved(supported=True, found=True, data_set=encode_json(data), answer=http(200))


# When everything is well


def test_every_operation_comes_once_in_order_and_soon() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, pacs = await day.subscribe("ris"), await day.subscribe("pacs")
        await day.begin()
        await clock.sleep(1.0)
        begun = clock.monotonic()
        await day.whole()
        await day.leveled()
        assert clock.monotonic() - begun < 0.5  # hints hasten: nobody waited for a poll
        for subscriber in (ris, pacs):
            assert subscriber.numbers() == [1, 2, 3]
            assert [each.kind for each in subscriber.deliveries] == [
                StepOperation.CREATE,
                StepOperation.UPDATE,
                StepOperation.UPDATE,
            ]
        assert sorted(day.observer.delivered_) == ["pacs"] * 3 + ["ris"] * 3
        assert day.attempts() == [(n, "delivered", None) for n in (1, 1, 2, 2, 3, 3)]
        row = day.lane()
        assert (row.cursor, row.high, row.version, row.due, row.state) == (3, 3, 3, None, None)

    live(main)


def test_what_is_delivered_is_what_was_accepted_with_via_and_deadline() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(timeout_s=12.5)
        await day.begin()
        await day.create(via=("1.1 mpps-there",))
        await day.leveled()
        (delivery,) = ris.deliveries
        _, stored = await day.retriever.operation(UID, 1)
        assert delivery == Delivery(
            uid=UID,
            number=1,
            kind=StepOperation.CREATE,
            body=stored.data,
            via=("1.1 mpps-there", "1.1 mpps-here"),
            deadline=12.5,
        )

    live(main)


def test_without_hints_the_store_is_polled() -> None:
    """Rule 8: a hint may be lost."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        day.bus._capacity = 0
        await day.begin()
        await clock.sleep(1.0)
        begun = clock.monotonic()
        await day.whole()
        await day.leveled()
        assert ris.numbers() == [1, 2, 3]
        assert clock.monotonic() - begun < 2 * day.policy.poll + 1.0

    live(main)


class Slow(MemoryStore):
    """A store that takes its time to write progress."""

    async def write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        await asyncio.sleep(5.0)
        return await super().write_progress(writes, attempts)


def test_the_next_operation_goes_only_when_the_cursor_is_durable() -> None:
    """Rules 16 and 17."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock, store=Slow())
        ris = await day.subscribe()
        cursors: list[int] = []

        def script(delivery: Delivery) -> Answer:
            cursors.append(day.lane().cursor)
            return well(delivery)

        ris.script = script
        await day.begin()
        await day.whole()
        await day.leveled()
        assert ris.numbers() == [1, 2, 3]
        assert cursors == [0, 1, 2]
        assert ris.at[1] - ris.at[0] >= 5.0

    live(main)


def test_what_is_accepted_while_an_attempt_is_under_way_follows_at_once() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.seconds = 0.3
        await day.begin()
        await clock.sleep(1.0)
        await day.create()
        await clock.sleep(0.1)
        assert ris.under_way == 1
        await day.update()
        await day.complete()
        await day.leveled()
        assert ris.numbers() == [1, 2, 3]
        assert ris.at[2] - ris.at[0] == pytest.approx(0.6, abs=0.05)  # nobody waited for a poll

    live(main)


def test_an_idle_manager_does_next_to_nothing() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        await day.subscribe()
        await day.begin()
        await day.whole()
        await day.leveled()
        loop = clock._loop
        turns = loop.iterations
        await clock.sleep(600.0)
        assert loop.iterations - turns < 600.0 / day.policy.poll * 60

    live(main)


# Limits (rule 25)


@pytest.mark.parametrize("in_flight", [1, 3, 8])
def test_no_more_attempts_than_allowed_are_under_way(in_flight: int) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=in_flight)
        ris.seconds = 1.0
        for uid in uids(40):
            await day.whole(uid)
        await day.begin()
        await day.leveled()
        assert ris.most == in_flight
        for uid in uids(40):
            assert ris.numbers(uid) == [1, 2, 3]
        # … and they are made use of.
        assert clock.monotonic() < 120 / in_flight * 1.2 + 5.0

    live(main)


@pytest.mark.parametrize("per_second", [0.5, 5.0])
def test_no_more_attempts_than_allowed_are_made_each_second(per_second: float) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=16, per_second=per_second)
        for uid in uids(15):
            await day.create(uid)
        await day.begin()
        await day.leveled()
        window = max(1.0, per_second)
        for index, at in enumerate(ris.at):
            later = [other for other in ris.at[index:] if other < at + 10.0]
            assert len(later) <= window + 10.0 * per_second + 0.01
        assert clock.monotonic() == pytest.approx((15 - window) / per_second, rel=0.1, abs=1.0)

    live(main)


def test_a_slow_subscriber_delays_nobody_else() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        slow, quick = await day.subscribe("slow"), await day.subscribe("quick")
        slow.seconds = 25.0
        await day.begin()
        for uid in uids(30):
            await day.whole(uid)
        await until(lambda: len(quick.answered) == 90, seconds=5.0)
        assert len(slow.answered) == 0

    live(main)


class Full(MemoryStore):
    """A store with more due rows than anybody should hold in memory."""

    operation: Final = making.operation(1, payload=Payload(size=2, stored=11, data=compress(b"{}")))

    def fill(self, count: int, now: float) -> None:
        writes = [
            LaneWrite(subscription=1, uid=uid, slot=slot_of(uid), version=1, now=now - index)
            for index, uid in enumerate(uids(count))
        ]
        self._route(writes)

    def _operation(self, uid: str, number: int) -> Operation | None:
        del uid, number
        return self.operation


def test_memory_is_bounded_whatever_is_due() -> None:
    """Architecture 6: a lane that can't go now is only a row in the ledger."""

    async def main(clock: VirtualClock) -> None:
        store = Full()
        day = Day(clock, store=store)
        ris = await day.subscribe(in_flight=4)
        ris.seconds = 10_000.0
        store.fill(100_000, clock.wall())
        forwarder = await day.begin()
        await until(lambda: ris.under_way == 4)
        most = 0
        for _ in range(20):
            await clock.sleep(1.0)
            most = max(most, forwarder.active_lanes())
        assert 4 <= most <= 4 + 64
        assert ris.most == 4

    live(main)


# Failures that another try may cure


def test_it_is_tried_again_without_end_and_without_being_overtaken() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(*[http(503)] * 60)
        await day.begin()
        await day.whole()
        await day.leveled(seconds=50_000.0)
        assert ris.numbers() == [1] * 61 + [2, 3]
        gaps = [later - earlier for earlier, later in zip(ris.at, ris.at[1:], strict=False)]
        assert max(gaps) <= day.policy.max_delay + day.policy.poll + 1.0
        assert sum(gaps[10:60]) > 50 * day.policy.max_delay / 8  # no hot loop
        assert set(day.observer.outcomes) == {"retry", "delivered"}

    live(main)


def test_retry_after_is_honoured() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(503, retry_after=200.0))
        await day.begin()
        await day.create()
        await day.leveled()
        assert 200.0 <= ris.at[1] - ris.at[0] <= 225.0

    live(main)


def test_other_lanes_go_on_beside_one_that_waits() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = lambda delivery: http(503, retry_after=500.0) if delivery.uid == UID else well(delivery)
        await day.begin()
        await day.whole()
        await clock.sleep(1.0)
        await day.whole("2.25.2")
        await until(lambda: ris.numbers("2.25.2") == [1, 2, 3], seconds=5.0)
        assert ris.numbers(UID) == [1]

    live(main)


def test_the_breaker_waits_for_all_lanes_and_ramps_up_when_it_is_over() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=8)
        down = True
        ris.script = lambda delivery: REFUSED if down else well(delivery)
        ris.seconds = 0.2
        forwarder = await day.begin()
        for uid in uids(50):
            await day.create(uid)
        await until(lambda: forwarder.breakers()[1].state is BreakerState.OPEN)
        assert day.observer.breakers == [("ris", True)]
        so_far = len(ris.deliveries)
        assert so_far <= 8 + 5
        await clock.sleep(600.0)
        # One probe at a time, further and further apart.
        assert len(ris.deliveries) - so_far < 60
        assert max(lane.attempts for lane in day.lanes()) < 5
        down, probes = False, len(ris.deliveries)
        await day.leveled()
        ramp = [round(at - ris.at[probes], 1) for at in ris.at[probes:]]
        assert ramp.count(0.0) == 1
        assert ris.most <= 8
        assert day.observer.breakers == [("ris", True), ("ris", False)]
        assert sorted(each.uid for each in ris.deliveries[probes:]) == sorted(uids(50))

    live(main)


# Refusals


def test_a_refused_operation_parks_its_lane_alone_and_is_tried_again_each_hour() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        stubborn = True

        def script(delivery: Delivery) -> Answer:
            return http(400) if stubborn and (delivery.uid, delivery.number) == (UID, 2) else well(delivery)

        ris.script = script
        await day.begin()
        await day.whole()
        await day.whole("2.25.2")
        await until(lambda: day.parked() == [UID] and ris.numbers("2.25.2") == [1, 2, 3], seconds=5.0)
        assert day.lane().reason == "refused-400"
        await clock.sleep(2.5 * 3600.0)
        assert ris.numbers(UID) == [1, 2, 2, 2]
        assert day.lane().state is LaneState.PARKED
        tries = [at for at, each in zip(ris.at, ris.deliveries, strict=True) if (each.uid, each.number) == (UID, 2)]
        assert [round((later - earlier) / 3600.0, 2) for earlier, later in itertools.pairwise(tries)] == [
            1,
            1,
        ]
        stubborn = False
        await day.leveled(seconds=3700.0)
        assert ris.numbers(UID) == [1, 2, 2, 2, 2, 3]
        assert [keys["reason"] for keys in day.observer.named("lane.park")] == ["refused-400"] * 3

    live(main)


@pytest.mark.parametrize(
    ("kind", "position", "numbers"),
    [
        (RequestKind.RESEND, 0, [1, 2, 2, 3]),
        (RequestKind.SKIP, 2, [1, 2, 3]),
        (RequestKind.REWIND, 0, [1, 2, 1, 2, 3]),
    ],
)
def test_an_operator_may_help_a_parked_lane(kind: RequestKind, position: int, numbers: list[int]) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(201), http(400))
        await day.begin()
        await day.whole()
        await until(lambda: day.parked() == [UID])
        await day.ask(kind, position)
        await day.leveled(seconds=30.0)
        assert ris.numbers() == numbers
        assert day.lane().state is None
        assert day.lane().request is None

    live(main)


def test_an_operator_may_close_a_lane() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(201), http(400))
        await day.begin()
        await day.whole()
        await until(lambda: day.parked() == [UID])
        await day.ask(RequestKind.CLOSE)
        await until(lambda: day.lane().state is LaneState.CLOSED)
        await clock.sleep(7200.0)
        assert ris.numbers() == [1, 2]
        assert day.lane().reason == "closed-by-request"

    live(main)


def test_a_replay_sends_everything_again_in_order() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.begin()
        await day.whole()
        await day.leveled()
        # A receiver that has it all: the Create is there, and the step is closed (rule 20).
        ris.script = always(http(409))
        await day.ask(RequestKind.REWIND, 0)
        await day.leveled(seconds=30.0)
        assert ris.numbers() == [1, 2, 3, 1, 2, 3]
        assert [note for _, _, note in day.attempts()[3:]] == [
            "already-there-impossible",
            "already-closed-there-unconfirmed",
            "already-closed-there-unconfirmed",
        ]
        assert ris.asked == [UID] * 3

    live(main)


def test_a_request_while_an_attempt_is_under_way_is_applied_after_it() -> None:
    """Rule 19: between attempts."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.seconds = 5.0
        await day.begin()
        await day.whole()
        await until(lambda: ris.numbers() == [1, 2])
        await day.ask(RequestKind.REWIND, 0)
        await day.leveled()
        assert ris.numbers() == [1, 2, 1, 2, 3]
        assert ris.most == 1

    live(main)


def test_an_attempt_that_a_request_overtook_may_have_arrived_all_the_same() -> None:
    """Rule 21: what the row says of it was lost to the request."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(201), TIMEOUT, http(409))
        await day.begin()
        await day.create()
        await day.leveled()
        ris.seconds = 5.0
        await day.complete()
        await until(lambda: ris.under_way == 1)
        await day.ask(RequestKind.RESEND)
        await day.leveled()
        assert ris.numbers() == [1, 2, 2]
        assert day.attempts()[-1] == (2, "closed-there", "already-closed-there-unconfirmed")

    live(main)


def test_the_same_refusal_on_five_lanes_in_a_row_opens_the_breaker() -> None:
    """Rule 22: before a sixth lane is parked."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=1)
        ris.script = always(http(422))
        forwarder = await day.begin()
        for uid in uids(20):
            await day.create(uid)
        await until(lambda: bool(day.observer.breakers))
        assert len(day.parked()) == 5
        assert len(ris.deliveries) == 6
        assert forwarder.breakers()[1].reason == "refused-everywhere-422"
        await clock.sleep(1200.0)
        assert len(day.parked()) == 5  # no lane loses its place
        ris.script = well
        for uid in day.parked():
            await day.ask(RequestKind.RESEND, uid=uid)
        await day.leveled()

    live(main)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(401), "misconfigured-status-401"),
        (http(404), "misconfigured-status-404"),
        (http(302), "misconfigured-status-302"),
        (http(415), "misconfigured-status-415"),
        (Answer(channel=Channel.NONE, failure=Failure.TLS), "misconfigured-tls"),
        (Answer(channel=Channel.NONE, failure=Failure.FORBIDDEN_ADDRESS), "misconfigured-forbidden-address"),
    ],
)
def test_a_misconfigured_subscription_loses_nothing_and_is_probed_slowly(answer: Answer, reason: str) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        wrong = True
        ris.script = lambda delivery: answer if wrong else well(delivery)
        forwarder = await day.begin()
        for uid in uids(20):
            await day.whole(uid)
        await until(lambda: bool(day.observer.breakers))
        assert forwarder.breakers()[1].reason == reason
        before = len(ris.deliveries)
        assert before <= 4
        await clock.sleep(3600.0)
        assert len(ris.deliveries) - before < 3600.0 / (day.policy.max_delay / 2) + 10
        assert all((lane.cursor, lane.attempts, lane.state) == (0, 0, None) for lane in day.lanes())
        wrong = False
        await day.leveled()
        for uid in uids(20):
            assert [n for u, n, a in ris.answered if u == uid and a.status in {200, 201}] == [1, 2, 3]

    live(main)


def test_410_closes_the_lane_and_keeps_the_fact() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(201), http(410))
        await day.begin()
        await day.whole()
        await until(lambda: day.lane().state is LaneState.CLOSED)
        assert day.lane().reason == "gone-there"
        await clock.sleep(10_000.0)
        assert ris.numbers() == [1, 2]
        assert day.attempts()[-1] == (2, "gone", "gone-there")

    live(main)


# A subscriber that lost it (rule 22)


class Forgetful:
    """A subscriber with a memory of its own."""

    def __init__(self) -> None:
        self.known: dict[str, bool] = {}  # uid → final
        self.took: list[tuple[str, int]] = []

    def __call__(self, delivery: Delivery) -> Answer:
        final = b"COMPLETED" in delivery.body
        if delivery.kind is StepOperation.CREATE:
            if delivery.uid in self.known:
                return http(409)
        elif delivery.uid not in self.known:
            return http(404)
        elif self.known[delivery.uid]:
            return http(409)
        self.known[delivery.uid] = final
        self.took.append((delivery.uid, delivery.number))
        return well(delivery)


def test_what_was_lost_is_sent_again_from_the_create_on() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, memory = await day.subscribe(), Forgetful()
        ris.script = memory
        await day.begin()
        await day.create()
        await day.update()
        await day.leveled()
        memory.known.clear()
        await day.complete()
        await day.leveled()
        assert ris.numbers() == [1, 2, 3, 1, 2, 3]
        assert memory.took == [(UID, n) for n in (1, 2, 1, 2, 3)]
        assert day.lane().healed_at is None

    live(main)


def test_what_is_lost_again_before_it_is_whole_parks() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = lambda delivery: http(404) if delivery.number == 3 else well(delivery)
        await day.begin()
        await day.whole()
        await until(lambda: day.parked() == [UID])
        assert ris.numbers() == [1, 2, 3, 1, 2, 3]
        assert (day.lane().reason, day.lane().healed_at) == ("lost-again", 3)
        # Once delivered, it may be lost another time.
        ris.script = well
        await day.ask(RequestKind.RESEND)
        await day.leveled()

    live(main)


def test_a_subscriber_that_lost_everything_is_healed_through_the_probe() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, memory = await day.subscribe(in_flight=8), Forgetful()
        ris.script = memory
        await day.begin()
        for uid in uids(40):
            await day.create(uid)
        await day.leveled()
        memory.known.clear()
        memory.took.clear()
        for uid in uids(40):
            await day.complete(uid)
        await day.leveled()
        assert set(memory.known) == set(uids(40))
        assert all(memory.known.values())
        for uid in uids(40):
            assert [number for each, number in memory.took if each == uid] == [1, 2]
        assert day.parked() == []

    live(main)


def test_a_wrong_address_that_answers_404_parks_at_most_a_few() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=4)
        await day.begin()
        for uid in uids(40):
            await day.create(uid)
        await day.leveled()
        ris.script = always(http(404))
        for uid in uids(40):
            await day.complete(uid)
        await clock.sleep(3000.0)
        assert len(day.parked()) <= 5
        ris.script = Forgetful()
        for uid in day.parked():
            await day.ask(RequestKind.RESEND, uid=uid)
        await day.leveled(seconds=2000.0)

    live(main)


# Conflicts (rules 20 and 21)

SAME: Final = copy("COMPLETED")
OTHER: Final = copy("DISCONTINUED")
FAILING: Final = Retrieved(supported=True, answer=http(503))
ABSENT: Final = Retrieved(supported=True, answer=http(404))


@pytest.mark.parametrize(
    ("copies", "note"),
    [
        (CANNOT_BE_ASKED, "already-there-impossible"),
        (copy("IN PROGRESS", "create"), "already-there-same"),
        (copy("IN PROGRESS", "else"), "already-there-other-content"),
        (OTHER, "already-there-other-status"),
        (ABSENT, "already-there-absent"),
    ],
)
def test_a_create_that_is_there_already_is_delivered_and_the_difference_noted(copies: Retrieved, note: str) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script, ris.copies = told(http(409)), lambda _: copies
        await day.begin()
        await day.create()
        await day.leveled()
        assert ris.numbers() == [1]
        assert ris.asked == [UID]
        assert day.attempts() == [(1, "already-there", note)]
        assert day.lane().already_there

    live(main)


@pytest.mark.parametrize(
    ("before", "conflict", "copies", "asked", "note", "parked"),
    [
        # An earlier attempt may have arrived.
        (TIMEOUT, http(409), SAME, True, "already-closed-there-same", False),
        (TIMEOUT, http(409), copy("COMPLETED", "else"), True, "already-closed-there-other-content", False),
        (TIMEOUT, http(409), OTHER, True, "closed-there-other-status", True),
        (TIMEOUT, http(409), ABSENT, True, "closed-there-absent", True),
        (TIMEOUT, http(409), CANNOT_BE_ASKED, True, "already-closed-there-unconfirmed", False),
        (TIMEOUT, dimse(0x0110, error_id=A710), OTHER, False, "already-closed-there-by-us", False),
        # None can have.
        (REFUSED, http(409), SAME, True, "already-closed-there-same", False),
        (REFUSED, http(409), OTHER, True, "closed-there-other-status", True),
        (REFUSED, http(409), CANNOT_BE_ASKED, True, "closed-there-impossible", True),
        (REFUSED, dimse(0x0110, error_id=A710), CANNOT_BE_ASKED, True, "closed-there-impossible", True),
        (REFUSED, dimse(0x0110, error_id=A710), SAME, True, "already-closed-there-same", False),
    ],
)
def test_a_final_update_of_a_step_that_is_closed_there(
    before: Answer, conflict: Answer, copies: Retrieved, asked: bool, note: str, parked: bool
) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script, ris.copies = told(http(201), before, conflict), lambda _: copies
        await day.begin()
        await day.create()
        await day.leveled()
        await day.complete()
        await until(lambda: len(day.attempts()) == 3)
        assert day.attempts()[-1] == (2, "closed-there", note)
        assert (day.parked() == [UID]) is parked
        assert (ris.asked == [UID]) is asked
        assert day.level() is not parked

    live(main)


def test_a_retrieve_that_fails_is_tried_again_with_the_update() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        copies = [FAILING, FAILING, SAME]
        ris.script, ris.copies = told(http(201), *[http(409)] * 3), lambda _: copies.pop(0)
        await day.begin()
        await day.create()
        await day.leveled()
        await day.complete()
        await day.leveled()
        assert [note for _, _, note in day.attempts()] == [
            None,
            "compare-failed",
            "compare-failed",
            "already-closed-there-same",
        ]

    live(main)


@pytest.mark.parametrize("copies", [SAME, CANNOT_BE_ASKED])
def test_an_interim_update_of_a_step_that_is_closed_there_parks_unasked(copies: Retrieved) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script, ris.copies = told(http(201), TIMEOUT, http(409)), lambda _: copies
        await day.begin()
        await day.create()
        await day.leveled()
        await day.update()
        await until(lambda: day.parked() == [UID])
        assert day.lane().reason == "closed-there"
        assert ris.asked == []

    live(main)


def test_after_a_crash_the_first_attempt_may_be_a_repetition() -> None:
    """Rule 21: first attempt since the row was loaded."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, memory = await day.subscribe(), Forgetful()
        ris.script = memory
        await day.begin()
        await day.create()
        await day.leveled()
        ris.seconds = 5.0
        await day.complete()
        await until(lambda: ris.under_way == 1)
        await clock.sleep(1.0)
        memory(ris.deliveries[-1])  # it arrives, and the manager never hears of it
        await day.crash()
        ris.seconds = 0.01
        await day.begin()
        await day.leveled()
        assert ris.numbers() == [1, 2, 2]
        assert day.attempts()[-1] == (2, "closed-there", "already-closed-there-unconfirmed")
        assert memory.took == [(UID, 1), (UID, 2)]

    live(main)


# The loop guard (rule 26)


def test_what_came_from_the_subscriber_is_not_sent_back_to_it() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, pacs = await day.subscribe("ris"), await day.subscribe("pacs")
        await day.begin()
        await day.create()
        await day.update(source="ris")
        await day.update(source="pacs")
        await day.complete(source="ris")
        await day.leveled()
        assert ris.numbers() == [1, 3]
        assert pacs.numbers() == [1, 2, 4]
        assert day.lane(number=1).cursor == day.lane(number=2).cursor == 4
        assert len(day.attempts()) == 5

    live(main)


# Subscriptions that change (rule 27)


def test_a_paused_subscription_is_routed_and_not_sent_to() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.begin()
        await day.create()
        await day.leveled()
        await day.change("ris", enabled=False)
        assert ris.closed == 1
        await day.complete()
        await clock.sleep(100.0)
        assert ris.numbers() == [1]
        assert day.lane().version == 2
        await day.change("ris", enabled=True)
        await day.leveled()
        assert ris.numbers() == [1, 2]
        assert ris.made == 2

    live(main)


def test_forwarding_may_be_switched_off_altogether() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        day.policy = msgspec.structs.replace(day.policy, enabled=False)
        ris = await day.subscribe()
        await day.begin()
        await day.whole()
        await until(lambda: (1, UID) in day.store._lanes)
        await clock.sleep(100.0)
        assert ris.deliveries == []
        assert ris.made == 0
        assert day.lane().version == 3

    live(main)


def test_after_removal_is_applied_no_attempt_is_started_and_none_goes_on() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris, pacs = await day.subscribe("ris"), await day.subscribe("pacs")
        ris.seconds = 20.0
        forwarder = await day.begin()
        for uid in uids(10):
            await day.whole(uid)
        await until(lambda: ris.under_way == 4)
        begun = clock.monotonic()
        await day.remove("ris")
        assert clock.monotonic() - begun < 1.0
        assert ris.under_way == 0  # broken off: nobody wants it any more
        attempts = len(ris.deliveries)
        await day.create("2.25.99")
        await day.leveled()
        await clock.sleep(100.0)
        assert len(ris.deliveries) == attempts
        assert ris.closed == 1
        assert len(pacs.answered) == 31
        assert set(forwarder.breakers()) == {2}

    live(main)


@pytest.mark.parametrize("change", ["remove", "pause", "stop", "stop at once"])
def test_a_subscription_may_end_at_any_moment(change: str) -> None:
    """Between any two steps of the event loop: attempts may be planned, begun, or waiting to be written down."""

    async def main(clock: VirtualClock) -> None:
        for turns in range(120):
            day = Day(clock)
            ris = await day.subscribe(in_flight=2)
            ris.seconds = 0.0  # attempts end all the time
            for uid in uids(8):
                await day.whole(uid)
            forwarder = await day.begin()
            for _ in range(turns):
                await asyncio.sleep(0)
            begun = clock.monotonic()
            match change:
                case "remove":
                    await day.remove("ris")
                case "pause":
                    await day.change("ris", enabled=False)
                case "stop":
                    await forwarder.stop(5.0)
                case _:
                    await forwarder.stop(0.0)
            assert clock.monotonic() - begun < 1.0, turns
            assert ris.under_way == 0
            assert forwarder.active_lanes() == 0
            attempts = len(ris.deliveries)
            await clock.sleep(10.0)
            assert len(ris.deliveries) == attempts
            if not change.startswith("stop"):
                await forwarder.stop(5.0)

    live(main)


def test_a_change_waits_for_attempts_under_way_and_goes_on_with_the_new_form() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=2)
        ris.seconds = 10.0
        await day.begin()
        for uid in uids(10):
            await day.create(uid)
        await until(lambda: ris.under_way == 2)
        await clock.sleep(1.0)
        await day.change("ris", limits=Limits(in_flight=5, timeout_s=7.0))
        assert len(ris.answered) == 2
        await day.leveled()
        assert ris.most == 5
        assert sorted(each.uid for each in ris.deliveries) == sorted(uids(10))  # none twice
        assert {each.deadline for each in ris.deliveries[2:]} == {7.0}

    live(main)


def test_a_change_waits_until_what_is_known_is_durable() -> None:
    """Whoever reads the rows next must find it there."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock, store=Slow())
        ris = await day.subscribe()
        await day.begin()
        for uid in uids(3):
            await day.create(uid)
        await until(lambda: len(ris.answered) == 3)
        await clock.sleep(1.0)
        assert all(lane.cursor == 0 for lane in day.lanes())
        await day.change("ris", name="Another")
        assert all(lane.cursor == 1 for lane in day.lanes())
        await day.leveled()
        assert ris.numbers() == [1, 1, 1]
        assert ris.made == 2

    live(main)


def test_a_change_of_one_subscription_leaves_the_others_alone() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        await day.subscribe("ris")
        pacs = await day.subscribe("pacs")
        await day.begin()
        await day.whole()
        await day.leveled()
        await day.change("ris", name="other")
        await day.remove("ris")
        await day.subscribe("late")
        await clock.sleep(10.0)
        assert (pacs.made, pacs.closed) == (1, 0)

    live(main)


def test_one_that_cannot_be_used_is_told_and_harms_nobody() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        await day.subscribe("wrong")
        day.unusable.add("wrong")
        ris = await day.subscribe("ris")
        await day.begin()
        await day.whole()
        await until(lambda: ris.numbers() == [1, 2, 3])
        assert day.observer.named("subscription.unusable") == [
            {"subscription": "wrong", "detail": "the target is wrong"}
        ]
        day.unusable.clear()
        await day.change("wrong", name="right")
        await day.leveled()
        assert day.subscribers["wrong"].numbers() == [1, 2, 3]

    live(main)


# Back-fill, through the whole forwarder (rule 11)


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(
    ("start", "ago", "wanted"),
    [
        (Start.NOW, 0.0, ["2.25.4"]),
        (Start.OPEN, 0.0, ["2.25.1", "2.25.4"]),
        (Start.SINCE, 1500.0, ["2.25.3", "2.25.4"]),
        (Start.SINCE, 1e6, ["2.25.1", "2.25.2", "2.25.3", "2.25.4"]),
    ],
)
def test_a_late_subscriber_gets_what_its_start_asks_for_from_the_create_on(
    start: Start, ago: float, wanted: list[str], running: bool
) -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        if running:
            await day.subscribe("first")
            await day.begin()
        await day.create("2.25.1")
        await day.update("2.25.1")
        await day.whole("2.25.2")
        await clock.sleep(2000.0)
        await day.whole("2.25.3")
        await clock.sleep(1000.0)
        late = await day.subscribe("late", start=start, starts_at=clock.wall() - ago)
        await day.whole("2.25.4")
        if not running:
            await day.begin()
        await day.leveled()
        await clock.sleep(10.0)
        assert sorted({each.uid for each in late.deliveries}) == wanted
        for uid in wanted:
            assert late.numbers(uid) == ([1, 2] if uid == "2.25.1" else [1, 2, 3])

    live(main)


# Stopping


def test_stop_lets_attempts_end_and_waits_until_their_progress_is_durable() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=3)
        ris.seconds = 4.0
        forwarder = await day.begin()
        for uid in uids(10):
            await day.whole(uid)
        await until(lambda: ris.under_way == 3)
        await forwarder.stop(20.0)
        assert ris.under_way == 0
        assert ris.closed == 1
        assert sorted(lane.cursor for lane in day.lanes()) == [0] * 7 + [1] * 3
        assert len(ris.deliveries) == 3
        assert len(day.store._attempts) == 3
        ris.seconds = 0.01
        await day.begin()
        await day.leveled()
        assert len(ris.deliveries) == 30  # nothing comes twice

    live(main)


def test_stop_breaks_off_what_takes_longer_than_the_grace() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        hanging, quick = await day.subscribe("hanging"), await day.subscribe("quick")
        hanging.seconds = 25.0
        forwarder = await day.begin()
        await day.create()
        await until(lambda: hanging.under_way == 1 and len(quick.answered) == 1)
        begun = clock.monotonic()
        await forwarder.stop(5.0)
        assert 5.0 <= clock.monotonic() - begun < 8.0
        assert hanging.under_way == 0
        assert (hanging.closed, quick.closed) == (1, 1)
        await clock.sleep(100.0)
        assert len(hanging.deliveries) == 1

    live(main)


class Outage:
    """A store that is gone for a while, or of which one method is."""

    def __init__(self, only: str | None = None) -> None:
        self.is_down = False
        self._only = only

    async def before(self, operation: str) -> None:
        if self.is_down and self._only in {None, operation}:
            raise StoreUnavailable

    async def after(self, operation: str) -> None:
        del operation


def test_stop_ends_soon_after_the_grace_even_if_nothing_can_be_written() -> None:
    async def main(clock: VirtualClock) -> None:
        outage = Outage()
        day = Day(clock, faults=outage)
        ris = await day.subscribe()
        ris.seconds = 2.0
        forwarder = await day.begin()
        await day.whole()
        await until(lambda: ris.under_way == 1)
        outage.is_down = True
        begun = clock.monotonic()
        await forwarder.stop(5.0)
        assert clock.monotonic() - begun < 10.0
        outage.is_down = False
        await day.begin()
        await day.leveled()
        assert ris.numbers() == [1, 1, 2, 3]

    live(main)


def test_stop_before_and_after_everything() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        await day.subscribe()
        forwarder = await day.begin()
        await forwarder.stop(5.0)
        await forwarder.stop(5.0)
        assert clock.monotonic() < 5.0

    live(main)


# Outages and crashes


def test_an_outage_of_the_store_is_lived_through() -> None:
    async def main(clock: VirtualClock) -> None:
        outage = Outage()
        day = Day(clock, faults=outage)
        ris = await day.subscribe()
        forwarder = await day.begin()
        for uid in uids(10):
            await day.whole(uid)
        await clock.sleep(0.03)
        outage.is_down = True
        await clock.sleep(300.0)
        outage.is_down = False
        await day.leveled(seconds=30.0)
        for uid in uids(10):
            numbers = ris.numbers(uid)
            assert sorted(set(numbers)) == [1, 2, 3]
            assert numbers == sorted(numbers)
        assert forwarder.active_lanes() == 0

    live(main)


@pytest.mark.parametrize(
    "method", ["unrouted", "route", "clear_unrouted", "due_lanes", "read_operations", "write_progress"]
)
def test_an_outage_of_any_part_is_lived_through(method: str) -> None:
    async def main(clock: VirtualClock) -> None:
        outage = Outage(method)
        day = Day(clock, faults=outage)
        ris = await day.subscribe()
        forwarder = await day.begin()
        await day.create()
        await day.leveled()
        outage.is_down = True
        await day.complete()
        turns = clock._loop.iterations
        await clock.sleep(300.0)
        assert clock._loop.iterations - turns < 10_000  # nobody spins
        outage.is_down = False
        await day.leveled(seconds=30.0)
        assert sorted(set(ris.numbers())) == [1, 2]
        assert forwarder.active_lanes() == 0

    live(main)


def test_a_row_that_is_due_with_nothing_to_send_is_put_right() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.begin()
        await day.create()
        await day.leveled()
        day.store._keep(msgspec.structs.replace(day.lane(), due=clock.wall()), clock.wall())
        await day.leveled()
        assert ris.numbers() == [1]
        assert len(day.attempts()) == 1

    live(main)


def test_a_lane_whose_payload_is_gone_closes_as_expired() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.create()
        (first,) = day.store._operations[UID]
        gone = Payload(size=2, stored=2, blob="swept")
        day.store._operations[UID] = [msgspec.structs.replace(first, payload=gone)]
        await day.begin()
        await until(lambda: (1, UID) in day.store._lanes and day.lane().state is LaneState.CLOSED)
        assert day.lane().reason == "expired"
        assert ris.deliveries == []

    live(main)


@pytest.mark.parametrize("lived", [0.005, 0.015, 0.03, 0.1])
def test_a_crash_repeats_the_newest_operation_at_most(lived: float) -> None:
    """Rule 17 and section F."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.begin()
        for uid in uids(8):
            await day.whole(uid)
        lives = 1
        while not day.level():
            await clock.sleep(lived)
            await day.crash()
            lives += 1
            await day.begin()
            assert lives < 500
            if lived < 0.01:
                lived_longer = lives > 5
                await clock.sleep(0.1 if lived_longer else 0.0)
        for uid in uids(8):
            numbers = ris.numbers(uid)
            assert sorted(set(numbers)) == [1, 2, 3]
            assert numbers == sorted(numbers)

    live(main)


def test_a_defect_in_one_attempt_is_told_and_the_lane_goes_on() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        broken = [True, True]

        def script(delivery: Delivery) -> Answer:
            if broken:
                broken.pop()
                raise KeyError(delivery.uid)
            return well(delivery)

        ris.script = script
        forwarder = await day.begin()
        await day.whole()
        await day.leveled()
        assert ris.numbers() == [1, 1, 1, 2, 3]
        assert [keys["error"] for keys in day.observer.named("attempt.failed")] == ["KeyError"] * 2
        assert forwarder.active_lanes() == 0
        # Not at once, lest it be a hot loop.
        assert ris.at[1] - ris.at[0] >= 0.9

    live(main)


def test_a_lane_whose_step_is_gone_closes_as_expired() -> None:
    """Rule 28."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        await day.create()
        day.store._operations.clear()
        await day.begin()
        await until(lambda: (1, UID) in day.store._lanes and day.lane().state is LaneState.CLOSED)
        assert day.lane().reason == "expired"
        assert ris.deliveries == []

    live(main)


def test_clocks_that_jump_stop_nobody() -> None:
    """Rule 24: a row due further ahead than an hour is due now."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(starts_at=0.0)
        clock.jump_to(1e6)
        ris.script = told(http(503, retry_after=1000.0))
        await day.begin()
        await day.create()
        await until(lambda: day.lane().attempts == 1 if (1, UID) in day.store._lanes else False)
        clock.jump_to(0.0)
        await day.complete()
        await day.leveled(seconds=60.0)
        assert ris.numbers() == [1, 1, 2]

    live(main)


def test_what_is_recorded_of_an_attempt() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(
            http(500, duration=0.7, media_type="text/html", length=12, sha256="ab" * 32),
            Answer(channel=Channel.NONE, failure=Failure.RESET, unknown_outcome=True, duration=0.1),
            dimse(0xB000, duration=0.2),
        )
        await day.begin()
        await day.create()
        await day.leveled()
        kept = sorted(day.store._attempts.values(), key=lambda each: each.id)
        assert [each.at for each in kept] == sorted(each.at for each in kept)
        assert [(each.outcome, each.fault, each.note) for each in kept] == [
            ("retry", "receiver", "status-500"),
            ("retry", "network", "reset"),
            ("delivered", None, None),
        ]
        assert [(each.http_status, each.dimse_status, each.failure) for each in kept] == [
            (500, None, None),
            (None, None, "reset"),
            (None, 0xB000, None),
        ]
        first = kept[0]
        assert (first.media_type, first.length, first.sha256, first.duration) == ("text/html", 12, "ab" * 32, 0.7)
        assert {(each.subscription, each.uid, each.number) for each in kept} == {(1, UID, 1)}

    live(main)


def test_young_steps_have_their_share_beside_a_backlog() -> None:
    """Rule 25: half of the room is kept for steps younger than a minute."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(in_flight=4)
        day.policy = msgspec.structs.replace(day.policy, enabled=False)
        await day.begin()
        for uid in uids(600):
            await day.create(uid)
        await until(lambda: len(day.store._lanes) == 600)
        await clock.sleep(120.0)
        await day.crash()
        day.policy = msgspec.structs.replace(day.policy, enabled=True)
        ris.seconds = 1.0
        await day.begin()
        await clock.sleep(20.0)
        await day.create("2.25.9999")
        begun = clock.monotonic()
        await until(lambda: ris.numbers("2.25.9999") == [1])
        # Everybody else would have taken 130 seconds.
        assert clock.monotonic() - begun < 40.0

    live(main)


def test_a_body_in_a_blob_is_delivered_like_any_other() -> None:
    async def main(clock: VirtualClock) -> None:
        import random

        day = Day(clock)
        ris = await day.subscribe()
        await day.begin()
        marker = "".join(random.Random(1).choices("0123456789abcdef", k=300_000))
        await day.create()
        await day.update(UID, marker)
        await day.leveled()
        assert day.store._operations[UID][1].payload.blob is not None
        assert orjson.loads(ris.deliveries[1].body)["00104000"]["Value"] == [marker]

    live(main)


def test_the_observer_is_told_of_each_delivery_and_of_nothing_else() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.script = told(http(503), http(201), http(400))
        await day.begin()
        await day.whole()
        await until(lambda: day.parked() == [UID])
        assert day.observer.outcomes == ["retry", "delivered", "refused"]
        assert day.observer.delivered_ == ["ris"]
        assert {name for name, _ in day.observer.events} == {"lane.park"}

    live(main)


def test_what_follows_does_not_depend_on_the_status_of_the_step_alone() -> None:
    """An interim Update of a step that is final by now is judged as what it is."""

    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris: Subscriber = await day.subscribe()
        ris.script = told(http(201), http(409))
        await day.create()
        await day.update()
        await day.complete()
        assert day.store._steps[UID].status is StepStatus.COMPLETED
        await day.begin()
        await until(lambda: day.parked() == [UID])
        assert day.lane().reason == "closed-there"
        assert ris.numbers() == [1, 2]

    live(main)


# Owning (rules 15 and 18)


class Shared(SoleOwner):
    """Ownership that somebody else takes slots from."""

    def __init__(self, epoch: int) -> None:
        super().__init__(epoch)
        self.lost: frozenset[int] = frozenset()
        self.left = 3.0  # seconds until the lease ends
        self.bounded = True  # False: it does not know yet that it lost them

    def slots(self) -> frozenset[int]:
        return super().slots() - self.lost

    def remaining(self, slot: int) -> float:
        return 0.0 if self.bounded and slot in self.lost else self.left


def test_the_lease_bounds_each_attempt_and_nothing_is_started_without_one() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe(timeout_s=30.0)
        owner = Shared(1)
        await day.begin(owner)
        await day.create()
        await day.leveled()
        assert [each.deadline for each in ris.deliveries] == [3.0]
        owner.lost = frozenset({slot_of(UID)})
        loop, turns = clock._loop, clock._loop.iterations
        await day.complete()
        await day.create("2.25.2")
        await until(lambda: ris.numbers("2.25.2") == [1])
        await clock.sleep(60.0)
        assert ris.numbers(UID) == [1]
        assert loop.iterations - turns < 5000  # nor does anybody spin
        owner.lost = frozenset()
        await day.leveled()
        assert ris.numbers(UID) == [1, 2]

    live(main)


def test_a_lane_that_a_newer_owner_wrote_is_let_go() -> None:
    async def main(clock: VirtualClock) -> None:
        day = Day(clock)
        ris = await day.subscribe()
        ris.seconds = 5.0
        owner = Shared(1)
        forwarder = await day.begin(owner)
        await day.whole()
        await until(lambda: ris.under_way == 1)
        owner.lost, owner.bounded = frozenset({slot_of(UID)}), False
        theirs = msgspec.structs.replace(day.lane(), epoch=9, turn=day.lane().turn + 1, attempts=3)
        day.store._keep(theirs, clock.wall())
        await clock.sleep(60.0)
        assert day.lane() == msgspec.structs.replace(theirs, version=day.lane().version)
        assert ris.numbers() == [1]
        assert forwarder.active_lanes() == 0

    live(main)
