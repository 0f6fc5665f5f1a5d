"""How fast operations are accepted, beside a floor that reads and keeps without looking.

    python -m benchmarks.accept

The rounds of manager and floors take turns, so that what else happens on the machine happens to all of them.
"""

import argparse
import json
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.bodies import pairs
from benchmarks.figures import machine, milliseconds, percentile, table
from benchmarks.processes import Child, Up, rest

CONNECTIONS: Final = 32
SIZES: Final = (3_000, 20_000)
KINDS: Final = ("create", "update")


@dataclass(slots=True)
class _Measured:
    """What was measured of one server with one kind of request."""

    seconds: float = 0.0
    processor: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        return len(self.latencies) / self.seconds


def run(*, count: int, rounds: int, connections: int = CONNECTIONS, log_requests: bool = True) -> str:
    """Measure and return tables."""
    measured: dict[tuple[str, int, str], _Measured] = {}
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpps-bench-")))
        load = stack.enter_context(Child("benchmarks.load"))
        settings = f"[telemetry]\nlog_requests = {str(log_requests).lower()}\n"
        up = stack.enter_context(Up(base / "manager", settings))
        servers = {"manager": (up.pid, up.port)}
        for name, raw in (("floor", False), ("floor, raw row", True)):
            directory = base / name
            directory.mkdir()
            options = json.dumps({"directory": str(directory), "raw": raw, "log_requests": log_requests})
            floor = stack.enter_context(Child("benchmarks.floor", options, log=directory / "log"))
            servers[name] = (floor.pid, floor.hello)
        for number in range(rounds + 1):
            for size in SIZES:
                for name, (pid, port) in _turned(servers, number):
                    for kind in KINDS:
                        command = {"port": port, "kind": kind, "size": size, "connections": connections}
                        few = count // 4 if number == 0 else count  # the first round warms up and is not counted
                        before = rest(pid)
                        got = load.ask(**command, count=few, seed=number * 10 + size)
                        after = rest(pid)
                        if number:
                            entry = measured.setdefault((name, size, kind), _Measured())
                            entry.seconds += got["seconds"]
                            entry.processor += after - before
                            entry.latencies += got["latencies"]
                            entry.statuses.update(got["statuses"])
    return _report(measured, rounds, count, connections)


def _turned(servers: dict[str, tuple[int, int]], number: int) -> list[tuple[str, tuple[int, int]]]:
    """Let another server begin in each round."""
    items = list(servers.items())
    turn = number % len(items)
    return items[turn:] + items[:turn]


def _report(measured: dict[tuple[str, int, str], _Measured], rounds: int, count: int, connections: int) -> str:
    rows = []
    for (name, size, kind), entry in sorted(measured.items(), key=lambda item: (item[0][1], item[0][2])):
        wrong = {status: n for status, n in entry.statuses.items() if status not in {"200", "201"}}
        if wrong:
            raise RuntimeError(f"{name} answered {wrong}")
        floor = measured["floor", size, kind]
        rows.append(
            (
                f"{size // 1000} KB {kind}",
                name,
                f"{entry.rate:,.0f}/s",
                f"{entry.rate / floor.rate:.2f}",
                milliseconds(percentile(entry.latencies, 0.5)),
                milliseconds(percentile(entry.latencies, 0.99)),
                f"{entry.processor / len(entry.latencies) * 1e6:.0f} µs",
            )
        )
    heads = ("bodies", "server", "rate", "of floor", "p50", "p99", "processor")
    kept = [
        f"{size // 1000} KB: create {sum(p.create_row for p in made) // len(made)} bytes, "
        f"update {sum(p.update_row for p in made) // len(made)} bytes (operation and state)"
        for size in SIZES
        for made in [pairs(size)]
    ]
    return "\n".join(
        [
            f"Accepting: {connections} connections, {rounds} rounds of {count} requests each, interleaved.",
            f"Row of the floor, compressed: {'; '.join(kept)}. Raw: the body.",
            machine(),
            "",
            table(heads, rows),
        ]
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=4000, help="requests in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--no-log-requests", action="store_true", help="without a log line for each request")
    options = parser.parse_args()
    print(
        run(
            count=options.count,
            rounds=options.rounds,
            connections=options.connections,
            log_requests=not options.no_log_requests,
        )
    )


if __name__ == "__main__":
    main()
