"""How much memory a manager takes, and whether it grows with what went through it: ``python -m benchmarks.memory``.

Measured is the proportional set size (PSS) of all its processes: idle, then some time after so many steps, each a
Create and an Update of 3 KB, were delivered to a subscriber.
"""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.figures import machine, table
from benchmarks.processes import Child, Up, rest

SIZE: Final = 3_000
CONNECTIONS: Final = 32
_PORTION: Final = 2_000
_PATIENCE: Final = 600.0
_SETTINGS: Final = '[telemetry]\nlog_level = "warning"\n'
_MIB: Final = 2**20


def run(*, few: int, many: int, seconds: float) -> str:
    """Measure and return a table."""
    with ExitStack() as stack:
        base = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpps-bench-")))
        sink = stack.enter_context(Child("benchmarks.sink"))
        load = stack.enter_context(Child("benchmarks.load"))
        up = stack.enter_context(Up(base / "manager", _SETTINGS))
        up.subscribe("sink", f"http://127.0.0.1:{sink.hello}/dicomweb", in_flight=32)
        rest(up.pid)
        rows = [("idle", up.memory())]
        done = 0
        for steps in (few, many):
            while done < steps:
                portion = min(_PORTION, steps - done)
                for kind in ("create", "update"):
                    command = {"port": up.port, "kind": kind, "size": SIZE, "connections": CONNECTIONS}
                    statuses = load.ask(**command, count=portion, seed=done)["statuses"]
                    if set(statuses) - {"200", "201"}:
                        raise RuntimeError(f"the manager answered {statuses}")
                done += portion
            _wait_until_delivered(up, sink, 2 * steps)
            time.sleep(seconds)
            rows.append((f"{seconds:g} s after {steps:,} steps, all delivered", up.memory()))
    first = rows[1][1]
    heads = ("manager", "memory (PSS)", f"to {few:,} steps")
    cells = [(when, f"{used / _MIB:.0f} MiB", f"{used / first:.2f}") for when, used in rows]
    return "\n".join(["Memory of the process tree of `mpps up`.", machine(), "", table(heads, cells)])


def _wait_until_delivered(up: Up, sink: Child, operations: int) -> None:
    end = time.monotonic() + _PATIENCE
    while sink.ask() < operations or up.client.pages("/lanes", limit=1, state="behind"):
        if time.monotonic() > end:
            raise TimeoutError("not everything was delivered")
        time.sleep(0.1)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=10_000, help="steps before the first measurement")
    parser.add_argument("--many", type=int, default=100_000, help="steps before the second one")
    parser.add_argument("--seconds", type=float, default=30.0, help="to wait before measuring")
    options = parser.parse_args()
    print(run(few=options.few, many=options.many, seconds=options.seconds))


if __name__ == "__main__":
    main()
