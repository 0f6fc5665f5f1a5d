"""What a sick subscriber costs a healthy one: ``python -m benchmarks.sick_subscriber``.

A steady stream of Creates goes to a manager with a healthy subscriber and, in turn, nobody else, one that takes
requests and never answers, and one that is not there. Measured is the time from the moment that a Create is sent
until it has arrived at the healthy one. Each run has a manager and a directory of its own.
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

WAYS: Final = ("alone", "beside one that hangs", "beside one that is down")
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


def _measure(way: str, base: Path, *, per_second: float, seconds: float, seed: int) -> list[float]:
    with ExitStack() as stack:
        healthy = stack.enter_context(Subscriber("healthy"))
        up = stack.enter_context(Up(base / f"run-{seed}", _SETTINGS))
        up.subscribe("healthy", healthy.url)
        if way == WAYS[1]:
            hung = stack.enter_context(Subscriber("hung"))
            hung.tell("hang")
            up.subscribe("hung", hung.url)
        elif way == WAYS[2]:
            up.subscribe("down", dead_url())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            warm = runner.run(_send(up.port, per_second, 1.0, 10_000 + seed))
            healthy.wait_for(len(warm))
            sent = runner.run(_send(up.port, per_second, seconds, seed))
        healthy.wait_for(len(warm) + len(sent))
        return [each.at - sent[each.uid] for each in healthy.accepted() if each.uid in sent]


def run(*, seconds: float, rounds: int, per_second: float) -> str:
    """Measure and return a table."""
    measured: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory(prefix="mpps-bench-") as base:
        seed = 0
        for number in range(rounds):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                seed += 1
                measured[way] += _measure(way, Path(base), per_second=per_second, seconds=seconds, seed=seed)
    alone = percentile(measured[WAYS[0]], 0.99)
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
    intro = f"From sent to delivered: {per_second:g} Creates a second, {rounds} runs of {seconds:g} s each way."
    return "\n".join([intro, machine(), "", table(heads, rows)])


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=35.0, help="of a run; a hanging one hangs 30 s an attempt")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--per-second", type=float, default=200.0)
    options = parser.parse_args()
    print(run(seconds=options.seconds, rounds=options.rounds, per_second=options.per_second))


if __name__ == "__main__":
    main()
