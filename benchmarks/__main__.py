"""Every benchmark with sizes that take a few minutes together: ``python -m benchmarks``."""

from collections.abc import Callable
from typing import Final

from benchmarks import accept, forward, memory, sick_subscriber

QUICK: Final[tuple[Callable[[], str], ...]] = (
    lambda: accept.run(count=2000, rounds=3),
    lambda: forward.run(deliveries=3000, rounds=3),
    lambda: sick_subscriber.run(seconds=10.0, per_second=200.0),
    lambda: memory.run(few=1_000, many=10_000, seconds=10.0),
)


def main() -> None:
    """Run them one after the other."""
    for measure in QUICK:
        print(measure(), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
