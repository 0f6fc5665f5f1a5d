"""Replay one simulated day: ``python -m tests.simulation SEED``."""

import sys

from tests.simulation.checks import describe
from tests.simulation.runner import run_day


def main() -> int:
    """Print what happened on the day of a seed; return 1 if something did not hold."""
    day = run_day(int(sys.argv[1]))
    for call in day.world.book.calls:
        print(describe(call))
    for name, receiver in day.world.receivers.items():
        print(f"\n{name}: {len(receiver.starts)} attempts, {len(receiver.processed)} processed")
        for start in receiver.starts:
            print(f"{start.at:8.2f}  {start.uid}/{start.number} cursor {start.cursor} rewinds {start.rewinds}")
    print(f"\n{day.world.crashes} crashes")
    for violation in day.violations:
        print("VIOLATION", violation)
    return 1 if day.violations else 0


sys.exit(main())
