"""How fast a backlog is delivered, beside a floor that only posts and writes cursors: ``python -m benchmarks.forward``.

Forwarder, store and sender are the real ones, in this process; the receiver is another process. The floor is the
bare client posting the same bodies to the same receiver, as many at a time, with one durable write of many cursors
every five milliseconds. It waits for nothing but its answers. Rounds of both take turns.
"""

import argparse
import asyncio
import gc
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
import uvloop
from yarl import URL

from benchmarks.bodies import RESOURCE, pairs, uids
from benchmarks.figures import machine, milliseconds, percentile, table
from benchmarks.floor import Rows
from benchmarks.processes import Child
from mpps_bus.local import LocalBus
from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy, Submission
from mpps_core.accepting.processing import PooledContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import SystemClock
from mpps_core.forwarding.forwarder import Forwarder
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.observer import NullObserver
from mpps_core.slots import SLOTS
from mpps_core.subscription import Limits, Subscription
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import DicomwebKind
from mpps_senders.registry import SenderRegistry
from mpps_store.sqlite import SqliteStore

IN_FLIGHT: Final = (32, 4)
OPERATIONS: Final = (1, 3)
SIZE: Final = 3_000

_Step = list[tuple[str, bytes, int]]
"""UID, body and number of each operation of a step."""

_CURSORS_EVERY: Final = 0.005
_PATIENCE: Final = 300.0


@dataclass(slots=True)
class _Measured:
    seconds: float = 0.0
    processor: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


class _Counting(NullObserver):
    """Notes how long attempts take and when enough was delivered."""

    def __init__(self, expected: int) -> None:
        self.latencies: list[float] = []
        self.done = asyncio.Event()
        self._expected = expected

    def attempt_finished(self, *, subscription: str, outcome: str, seconds: float) -> None:
        """Note an attempt."""
        del subscription
        if outcome != "delivered":
            raise RuntimeError(f"an attempt was {outcome}")
        self.latencies.append(seconds)
        if len(self.latencies) == self._expected:
            self.done.set()


class _Bench:
    """A store with a backlog, and those who drain it."""

    def __init__(self, base: Path, port: int) -> None:
        self._base = base
        self._port = port
        self._clock = SystemClock()

    async def manager(self, steps: int, operations: int, in_flight: int, seed: int) -> _Measured:
        """Drain a backlog through the real forwarder."""
        store = SqliteStore(self._base / f"store-{seed}")
        await store.open()
        try:
            contents = PooledContents()
            retriever = Retriever(steps=store, operations=store, blobs=store, contents=contents)
            await self._accept(store, contents, steps, operations, seed)
            await store.add_subscription(self._subscription(in_flight))
            # Routed before the clock starts: what is measured is sending.
            routing = self._forwarder(store, retriever, NullObserver(), enabled=False)
            routing.start()
            while (await store.counts()).unrouted or await store.pending_backfills(1, frozenset(range(SLOTS))):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
            await routing.stop(1.0)
            counting = _Counting(steps * operations)
            forwarder = self._forwarder(store, retriever, counting, enabled=True)
            _collect()
            measured = _Measured()
            begun, used = time.perf_counter(), time.process_time()
            forwarder.start()
            async with asyncio.timeout(_PATIENCE):
                await counting.done.wait()
            measured.seconds, measured.processor = time.perf_counter() - begun, time.process_time() - used
            measured.latencies = counting.latencies
            await forwarder.stop(5.0)
            return measured
        finally:
            await store.close()

    async def floor(self, steps: int, operations: int, in_flight: int, seed: int) -> _Measured:
        """Post the same bodies with the bare client."""
        made = pairs(SIZE)
        work = iter(
            [
                [
                    (uid, made[n % len(made)].update if number else made[n % len(made)].create, number)
                    for number in range(operations)
                ]
                for n, uid in enumerate(uids(steps, seed))
            ]
        )
        directory = self._base / f"floor-{seed}"
        directory.mkdir()
        rows = Rows(directory)
        rows.start(asyncio.get_running_loop())
        measured = _Measured()
        finished: list[tuple[str, bytes]] = []
        connector = aiohttp.TCPConnector(limit=0)
        _collect()
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            begun, used = time.perf_counter(), time.process_time()
            cursors = asyncio.create_task(_write_cursors(rows, finished))
            await asyncio.gather(*(self._post(session, work, finished, measured) for _ in range(in_flight)))
            cursors.cancel()
            await asyncio.wait([cursors])
            await rows.keep(finished)
            measured.seconds, measured.processor = time.perf_counter() - begun, time.process_time() - used
        await rows.stop()
        return measured

    async def _post(
        self,
        session: aiohttp.ClientSession,
        work: Iterator[_Step],
        finished: list[tuple[str, bytes]],
        measured: _Measured,
    ) -> None:
        headers = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}
        for step in work:
            for uid, body, number in step:
                # A new URL each time, as every step has its own; a repeated one would come from a cache.
                url = URL(f"http://127.0.0.1:{self._port}{RESOURCE}{uid}{'?update' if number else ''}", encoded=True)
                begun = time.perf_counter()
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                    await response.read()
                measured.latencies.append(time.perf_counter() - begun)
                finished.append((uid, b"%d" % (number + 1)))

    async def _accept(
        self, store: SqliteStore, contents: PooledContents, steps: int, operations: int, seed: int
    ) -> None:
        acceptor = Acceptor(
            steps=store,
            operations=store,
            blobs=store,
            contents=contents,
            wake_ups=LocalBus(),
            clock=self._clock,
            new_id=lambda: secrets.token_hex(16),
            observer=NullObserver(),
            policy=AcceptPolicy(manager_id="bench"),
        )
        made = pairs(SIZE)

        async def one(number: int, uid: str) -> None:
            pair = made[number % len(made)]
            await acceptor.create(_submission(uid, pair.create))
            for _ in range(operations - 1):
                await acceptor.update(_submission(uid, pair.update))

        names = uids(steps, seed)
        for start in range(0, steps, 256):
            await asyncio.gather(*(one(start + n, uid) for n, uid in enumerate(names[start : start + 256])))

    def _subscription(self, in_flight: int) -> Subscription:
        return Subscription(
            number=0,
            id="sink",
            name="sink",
            kind="dicomweb",
            target={"url": f"http://127.0.0.1:{self._port}/dicomweb"},
            starts_at=0.0,
            limits=Limits(in_flight=in_flight),
            created_at=self._clock.wall(),
            revision=0,
        )

    def _forwarder(
        self, store: SqliteStore, retriever: Retriever, observer: NullObserver, *, enabled: bool
    ) -> Forwarder:
        guard = GuardedSocketFactory(allow=(), deny=(), loopback_allowed=True)
        return Forwarder(
            routing=store,
            backfills=store,
            ledger=store,
            subscriptions=store,
            retriever=retriever,
            hints=LocalBus(),
            ownership=SoleOwner(1),
            senders=SenderRegistry({"dicomweb": DicomwebKind(guard=guard, clock=self._clock, version="bench")}),
            clock=self._clock,
            rng=random.Random(1),
            observer=observer,
            policy=ForwardPolicy(enabled=enabled),
            manager_id="bench",
        )


def run(*, deliveries: int, rounds: int, in_flight: Sequence[int] = IN_FLIGHT) -> str:
    """Measure and return a table."""
    measured: dict[tuple[int, int, str], _Measured] = {}
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpps-bench-")))
        sink = stack.enter_context(Child("benchmarks.sink"))
        bench = _Bench(base, sink.hello)
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        seed = 0
        for number in range(rounds + 1):
            for flight in in_flight:
                for operations in OPERATIONS:
                    ways: list[Callable[..., object]] = [bench.floor, bench.manager]
                    for way in ways if number % 2 else reversed(ways):
                        seed += 1
                        steps = deliveries // operations // (1 if number else 4)
                        got = runner.run(way(steps, operations, flight, seed))  # type: ignore[arg-type]
                        if number:  # the first round warms up and is not counted
                            entry = measured.setdefault((flight, operations, way.__name__), _Measured())
                            entry.seconds += got.seconds
                            entry.processor += got.processor
                            entry.latencies += got.latencies
    rows = []
    for (flight, operations, name), entry in sorted(measured.items(), key=lambda item: (-item[0][0], item[0][1:])):
        floor = measured[flight, operations, "floor"]
        rows.append(
            (
                flight,
                operations,
                name,
                f"{entry.rate:,.0f}/s",
                f"{entry.rate / floor.rate:.2f}",
                milliseconds(percentile(entry.latencies, 0.5)),
                milliseconds(percentile(entry.latencies, 0.99)),
                f"{entry.processor / len(entry.latencies) * 1e6:.0f} µs",
            )
        )
    heads = ("in flight", "operations per step", "sender", "rate", "of floor", "p50", "p99", "processor")
    intro = f"Forwarding: a backlog of {deliveries} operations of 3 KB, {rounds} rounds, interleaved."
    return "\n".join([intro, machine(), "", table(heads, rows)])


async def _write_cursors(rows: Rows, finished: list[tuple[str, bytes]]) -> None:
    """Write what was answered, durably and together, every five milliseconds."""
    while True:
        await asyncio.sleep(_CURSORS_EVERY)
        if finished:
            batch = finished[:]
            finished.clear()
            await rows.keep(batch)


def _submission(uid: str, body: bytes) -> Submission:
    return Submission(uid=uid, body=body, door="bench", source="unknown", client=None, request_id="bench")


def _collect() -> None:
    """Set the collector as the manager does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=6000, help="operations in the backlog of a round")
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    print(run(deliveries=options.deliveries, rounds=options.rounds))


if __name__ == "__main__":
    main()
