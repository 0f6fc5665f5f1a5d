"""Running coroutines in tests."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

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
