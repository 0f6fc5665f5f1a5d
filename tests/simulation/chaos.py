"""What goes wrong, drawn from a seed: in the store, between the lines, and with whole processes."""

import asyncio
import contextvars
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mpps_core.errors import OutcomeUnknown, StoreUnavailable
from mpps_store.memory import WRITES, Late

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Process:
    """One life of the manager. What a dead one awaits never returns."""

    name: str
    dead: bool = False
    tasks: set[asyncio.Task[object]] = field(default_factory=set)


PROCESS: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


async def still_alive() -> None:
    """Return if the calling process is alive; never return if it is not."""
    process = PROCESS.get()
    if process is not None and process.dead:
        await asyncio.get_running_loop().create_future()


@dataclass
class Rates:
    """Probabilities per call; all zero on a calm day."""

    unavailable: float = 0.0  # the store says no, nothing was applied
    lost: float = 0.0  # a write is rolled back after its caller gave up
    late: float = 0.0  # a write lands after its caller gave up
    applied: float = 0.0  # a write is applied and its caller is told nothing
    slow: float = 0.0  # the store takes up to a second
    crash: float = 0.0  # the process dies right here


class Chaos:
    """The faults of the memory store. ``kill`` is called when the process has to die at this very await."""

    def __init__(self, rng: random.Random, rates: Rates) -> None:
        self._rng = rng
        self.rates = rates
        self.kill: Callable[[], None] = _nobody
        self.calls = 0

    async def before(self, operation: str) -> None:
        self.calls += 1
        await still_alive()
        rates, draw = self.rates, self._rng.random
        if draw() < rates.slow:
            await asyncio.sleep(draw())
            await still_alive()
        if draw() < rates.crash:
            self._die()
            await still_alive()
        if draw() < rates.unavailable:
            raise StoreUnavailable
        if operation in WRITES:
            if draw() < rates.lost:
                raise OutcomeUnknown
            if draw() < rates.late:
                raise Late(draw() * 3.0)

    async def after(self, operation: str) -> None:
        rates, draw = self.rates, self._rng.random
        if draw() < rates.slow:
            await asyncio.sleep(draw() * 0.2)
        if draw() < rates.crash:
            self._die()
        await still_alive()
        if operation in WRITES and draw() < rates.applied:
            raise OutcomeUnknown

    def _die(self) -> None:
        if PROCESS.get() is not None:  # the test itself never dies
            self.kill()


def _nobody() -> None:
    """Kill nobody: there is no process yet."""
