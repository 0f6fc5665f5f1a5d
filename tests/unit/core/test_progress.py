"""Progress goes out in bulk, each write once, and nothing goes on before it is durable (rules 17 and 18)."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from mpps_core.attempt import Attempt
from mpps_core.errors import OutcomeUnknown, StoreUnavailable
from mpps_core.forwarding.progress import BATCH, GONE, ProgressWriter
from mpps_core.lane import Lane, LaneKey, LaneRequest, Progress, RequestKind
from mpps_store.memory import MemoryStore
from tests.conformance.store import making
from tests.support.aio import run
from tests.unit.core.values import NOW


class Ledger(MemoryStore):
    """A ledger that says how it was written to, and that may fail first."""

    def __init__(self) -> None:
        super().__init__()
        self.bulks: list[int] = []
        self.reads = 0
        self.troubles: list[Exception] = []

    async def write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        self.bulks.append(len(writes))
        trouble = self.troubles.pop(0) if self.troubles else None
        if isinstance(trouble, StoreUnavailable):
            raise trouble
        matched = await super().write_progress(writes, attempts)
        if trouble is not None:
            raise trouble
        return matched

    async def read_lanes(self, keys: Sequence[LaneKey]) -> list[Lane]:
        self.reads += 1
        return await super().read_lanes(keys)


class Office:
    """A writer, its ledger with some lanes at version 2, and what was told to be durable."""

    def __init__(self, lanes: int) -> None:
        self.ledger = Ledger()
        self.ledger._route([making.lane(1, f"2.25.{n}", version=2) for n in range(lanes)])
        self.writer = ProgressWriter(ledger=self.ledger)
        self.told: dict[str, Lane | None] = {}

    def row(self, n: int) -> Lane:
        return self.ledger._lanes[1, f"2.25.{n}"]

    def submit(self, n: int, cursor: int = 1) -> None:
        row = self.row(n)
        write = making.progress(row, cursor=cursor, high=cursor, epoch=1)
        self.writer.submit(write, making.attempt(n), lambda now: self.told.update({row.uid: now}))


def test_what_waits_goes_out_together() -> None:
    async def main() -> None:
        office = Office(lanes=20)
        for n in range(20):
            office.submit(n)
        assert not office.writer.idle()
        assert office.told == {}
        await office.writer.round()
        assert office.ledger.bulks == [20]
        assert office.ledger.reads == 0
        assert office.told == {f"2.25.{n}": None for n in range(20)}
        assert len(office.ledger._attempts) == 20
        assert office.writer.idle()

    run(main())


def test_a_bulk_has_a_limit() -> None:
    async def main() -> None:
        office = Office(lanes=BATCH + 3)
        for n in range(BATCH + 3):
            office.submit(n)
        await office.writer.round()
        assert not office.writer.idle()
        await office.writer.round()
        assert office.ledger.bulks == [BATCH, 3]
        assert len(office.told) == BATCH + 3

    run(main())


def test_it_waits_for_something_to_write() -> None:
    async def main() -> None:
        office = Office(lanes=1)
        waiting = asyncio.create_task(office.writer.round())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        office.submit(0)
        await waiting
        assert office.row(0).cursor == 1

    run(main(), timeout=5.0)


def test_if_one_write_did_not_match_all_rows_are_read_again() -> None:
    """Rule 18: the result counts in total only."""

    async def main() -> None:
        office = Office(lanes=4)
        for n in range(4):
            office.submit(n)
        request = LaneRequest(kind=RequestKind.REWIND, who="operator", why="asked for")
        await office.ledger.place_request(office.row(1).key, request, NOW)
        del office.ledger._lanes[1, "2.25.2"]
        await office.writer.round()
        assert office.told == {
            "2.25.0": office.row(0),
            "2.25.1": office.row(1),
            "2.25.2": GONE,
            "2.25.3": office.row(3),
        }
        assert [office.row(n).cursor for n in (0, 1, 3)] == [1, 0, 1]
        assert office.row(1).request == request

    run(main())


@pytest.mark.parametrize("trouble", [StoreUnavailable(), OutcomeUnknown()])
def test_a_write_that_failed_is_repeated_and_takes_effect_once(trouble: Exception) -> None:
    async def main() -> None:
        office = Office(lanes=2)
        office.ledger.troubles = [trouble, type(trouble)()]
        office.submit(0)
        office.submit(1)
        for _ in range(2):
            with pytest.raises(type(trouble)):
                await office.writer.round()
            assert office.told == {}
        await office.writer.round()
        assert office.ledger.bulks == [2, 2, 2]
        assert [(office.row(n).cursor, office.row(n).turn) for n in range(2)] == [(1, 1), (1, 1)]
        # What is told is either "as written" or the row as it is, which is the same here.
        assert {now and (now.cursor, now.turn) for now in office.told.values()} <= {None, (1, 1)}
        assert len(office.told) == 2

    run(main())


def test_what_comes_while_it_writes_waits_for_the_next_round() -> None:
    async def main() -> None:
        office = Office(lanes=2)
        office.submit(0)
        writing = asyncio.create_task(office.writer.round())
        await asyncio.sleep(0)
        office.submit(1)
        await writing
        assert set(office.told) == {"2.25.0"}
        await office.writer.round()
        assert set(office.told) == {"2.25.0", "2.25.1"}
        assert office.ledger.bulks == [1, 1]

    run(main())


def test_a_write_under_an_older_epoch_or_turn_takes_no_effect() -> None:
    async def main() -> None:
        office = Office(lanes=1)
        office.ledger._lanes[1, "2.25.0"] = msgspec.structs.replace(office.row(0), epoch=9, turn=4)
        row = office.row(0)
        for stale in ({"epoch": 8}, {"epoch": 9, "turn": 3}, {"epoch": 9, "gen": 1}):
            write = making.progress(row, **{"cursor": 2, **stale})
            office.writer.submit(write, None, lambda now: office.told.update({"2.25.0": now}))
            await office.writer.round()
            assert office.told.pop("2.25.0") == office.row(0) == row

    run(main())
