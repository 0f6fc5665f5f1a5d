"""Running a test on virtual time: a day passes in the time that its work takes."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.simulation.virtual_time import VirtualClock, VirtualLoop

Result = TypeVar("Result")


def live(work: Callable[[VirtualClock], Coroutine[Any, Any, Result]], *, seconds: float = 100_000.0) -> Result:
    """Run a coroutine on virtual time, and end whatever it left running. Raises TimeoutError after ``seconds``."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    untaken: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: untaken.append(context))

    async def bounded() -> Result:
        async with asyncio.timeout(seconds):
            return await work(VirtualClock(loop))

    try:
        result = loop.run_until_complete(bounded())
    finally:
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        asyncio.set_event_loop(None)
        loop.close()
    assert not untaken, untaken
    return result


async def until(holds: Callable[[], bool], seconds: float = 600.0) -> None:
    """Wait until something holds; virtual seconds cost nothing. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)
