"""Running coroutines in tests."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Self, TypeVar

import uvloop

Result = TypeVar("Result")

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def run(work: Coroutine[Any, Any, Result], *, timeout: float = 60.0) -> Result:
    """Run a coroutine to its end in a new event loop. Raises TimeoutError when it takes longer than ``timeout``."""

    async def bounded() -> Result:
        async with asyncio.timeout(timeout):
            return await work

    return asyncio.run(bounded())


def run_on(loop: str, work: Coroutine[Any, Any, Result], *, timeout: float = 60.0) -> Result:
    """Run a coroutine on one of ``LOOPS``, and let nothing that goes wrong beside it pass unseen.

    Raises AssertionError when the loop is told of an exception that nobody took, or of something left open.
    """
    untaken: list[dict[str, Any]] = []

    async def bounded() -> Result:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: untaken.append(context))
        try:
            async with asyncio.timeout(timeout):
                return await work
        finally:
            await asyncio.sleep(0)
            gc.collect()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        result = runner.run(bounded())
    assert not untaken, untaken
    return result


class Background:
    """An event loop in a thread, so that servers go on while a test does one thing after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.call(_all_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, work: Coroutine[Any, Any, Result], *, timeout: float = 60.0) -> Result:
        """Run a coroutine to its end there, and return its result. Raises TimeoutError."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise


async def _all_ended() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    await asyncio.get_running_loop().shutdown_default_executor()
