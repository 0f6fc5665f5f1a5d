"""A thread that works through what a loop hands it, many units at a time.

Two hops between threads are dear next to a statement, so what has piled up is taken and answered together. There
is no timer: under load batches are large because there is much to do, and else nobody waits.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

import apsw

from mpps_core.errors import StoreUnavailable

BATCH: Final = 512
"""Most units that are taken at once."""

Args = ParamSpec("Args")
Result = TypeVar("Result")


class Unit(NamedTuple):
    """One thing to do with a connection, and where its result is waited for."""

    apply: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any]


class Outcome(NamedTuple):
    """What came of a unit: a result, or an error that belongs to this unit alone."""

    unit: Unit
    result: Any = None
    error: Exception | None = None


class Worker:
    """Owns a thread. ``run`` of a subclass takes units with ``_take`` until that returns nothing."""

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Unit | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ending = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin; results are given to this loop."""
        self._loop = loop
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was handed over before, then end."""
        self._ending = True
        self._queue.put(None)
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)

    async def do(self, apply: Callable[[apsw.Connection], Result]) -> Result:
        """Have a unit carried out and return its result. Raises StoreError."""
        if self._loop is None or self._ending:
            raise StoreUnavailable("the store is closed")
        future: asyncio.Future[Result] = self._loop.create_future()
        self._queue.put(Unit(apply, future))
        return await future

    def _run(self) -> None:
        raise NotImplementedError

    def _take(self, timeout: float | None = None) -> list[Unit] | None:
        """Wait for a unit and return it with those behind it; an empty list after ``timeout``, ``None`` at the end."""
        try:
            first = self._queue.get(timeout=timeout)
        except queue.Empty:
            return []
        if first is None:
            return None
        batch = [first]
        with contextlib.suppress(queue.Empty):
            while len(batch) < BATCH:
                unit = self._queue.get_nowait()
                if unit is None:
                    self._queue.put(None)  # for the next turn; nothing comes after it
                    break
                batch.append(unit)
        return batch

    def _tell(self, outcomes: list[Outcome]) -> None:
        """Answer all that are waiting, in one go."""
        if self._loop is not None and outcomes:
            with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits
                self._loop.call_soon_threadsafe(_resolve, outcomes)


def _resolve(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.unit.future.done():
            continue  # its caller has gone away
        if outcome.error is None:
            outcome.unit.future.set_result(outcome.result)
        else:
            outcome.unit.future.set_exception(outcome.error)
