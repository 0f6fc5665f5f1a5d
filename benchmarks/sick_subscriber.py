"""What a sick subscriber costs a healthy one: ``python -m benchmarks.sick_subscriber``.

Three managers, each with a healthy subscriber of its own: one with nobody else, one with a subscriber that takes
requests and never answers, and one with a subscriber that is not there. A steady stream of Creates goes to each of
them in turn, a slice of time at once, so that what else happens on the machine happens to all. Measured is the time
from the moment that a Create is sent until it has arrived at the healthy subscriber.
"""

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.bodies import requests, uids
from benchmarks.figures import machine, milliseconds, percentile, table
from benchmarks.processes import Up
from tests.faults.subscriber import Subscriber, dead_url

ALONE: Final = "alone"
HANGS: Final = "beside one that hangs"
DOWN: Final = "beside one that is down"
WAYS: Final = (ALONE, HANGS, DOWN)
SIZE: Final = 3_000
_SETTINGS: Final = '[telemetry]\nlog_level = "warning"\n'


async def _send(port: int, per_second: float, seconds: float, seed: int) -> dict[str, float]:
    """Send Creates at a steady rate over one connection; return when each was sent, by UID."""
    names = uids(int(per_second * seconds), seed)
    sent: dict[str, float] = {}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    for number, (uid, request) in enumerate(zip(names, requests("create", SIZE, names), strict=True)):
        await asyncio.sleep(max(begun + number / per_second - time.monotonic(), 0.0))
        sent[uid] = time.time()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 201 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"a Create was answered {head[:60]!r}")
    writer.close()
    return sent


class _World:
    """A manager, its healthy subscriber and perhaps a sick one."""

    def __init__(self, way: str, base: Path, stack: ExitStack) -> None:
        self.way = way
        self.times: list[float] = []
        self._sent: dict[str, float] = {}
        self._slices = 0
        self._healthy = stack.enter_context(Subscriber("healthy"))
        self._up = stack.enter_context(Up(base / way.replace(" ", "-"), _SETTINGS))
        self._up.subscribe("healthy", self._healthy.url)
        if way == HANGS:
            hung = stack.enter_context(Subscriber("hung"))
            hung.tell("hang")
            self._up.subscribe("hung", hung.url)
        elif way == DOWN:
            self._up.subscribe("down", dead_url())

    async def slice(self, per_second: float, seconds: float) -> None:
        """Send for some time."""
        self._slices += 1
        self._sent |= await _send(self._up.port, per_second, seconds, self._slices)

    def finish(self, skipped: int) -> None:
        """Wait until everything has arrived, and note how long each took, all but the first ones."""
        self._healthy.wait_for(len(self._sent))
        arrived = {each.uid: each.at for each in self._healthy.accepted()}
        self.times = [arrived[uid] - at for uid, at in self._sent.items()][skipped:]


def run(*, seconds: float, per_second: float, slice_seconds: float = 1.0) -> str:
    """Measure each for so many seconds and return a table."""
    slices = max(1, round(seconds / slice_seconds))
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpps-bench-")))
        worlds = [_World(way, base, stack) for way in WAYS]
        runner = stack.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        for number in range(slices + 1):
            for world in worlds if number % 2 else reversed(worlds):
                runner.run(world.slice(per_second, slice_seconds))
        for world in worlds:
            world.finish(int(per_second * slice_seconds))
        measured = {world.way: world.times for world in worlds}
    alone = percentile(measured[ALONE], 0.99)
    rows = [
        (
            way,
            len(times),
            milliseconds(percentile(times, 0.5)),
            milliseconds(percentile(times, 0.99)),
            f"{percentile(times, 0.99) / alone:.2f}",
            milliseconds(max(times)),
        )
        for way, times in measured.items()
    ]
    heads = ("healthy subscriber", "operations", "p50", "p99", "p99 to alone", "longest")
    intro = f"From sent to delivered: {per_second:g} Creates a second, {slices} slices of {slice_seconds:g} s in turn."
    return "\n".join([intro, machine(), "", table(heads, rows)])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each of the three")
    parser.add_argument("--per-second", type=float, default=200.0)
    options = parser.parse_args()
    print(run(seconds=options.seconds, per_second=options.per_second))


if __name__ == "__main__":
    main()
