"""Runs simulated days."""

import asyncio
import gc
from dataclasses import dataclass

from tests.simulation.checks import busy, violations
from tests.simulation.virtual_time import Deadlock, VirtualLoop
from tests.simulation.world import World


@dataclass
class Day:
    """What came of one day."""

    seed: int
    violations: list[str]
    world: World

    @property
    def replay(self) -> str:
        """The command that shows this day again."""
        return f"python -m tests.simulation {self.seed}"


def run_day(seed: int, *, weather: bool = True) -> Day:
    """Live through the day of a seed and judge it."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        world = World(seed, loop)
        try:
            loop.run_until_complete(world.day(weather=weather))
            turns, calls = loop.run_until_complete(world.idle())
            found = [*violations(world), *busy(turns, calls)]
        except Deadlock as deadlock:
            found = [str(deadlock)]
        return Day(seed, found, world)
    finally:
        _close(loop)


def bad_days(first: int, count: int) -> list[str]:
    """Return a line with the replay command for each day on which something did not hold."""
    days = (run_day(seed) for seed in range(first, first + count))
    return [f"{day.replay}   # {day.violations[0]}" for day in days if day.violations]


def _close(loop: VirtualLoop) -> None:
    """End what is still running without a word: these processes would have run on."""
    loop.set_task_factory(None)
    while tasks := asyncio.all_tasks(loop):  # what ends may begin something
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    asyncio.set_event_loop(None)
    loop.close()
    gc.collect(0)
