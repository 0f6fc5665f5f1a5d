"""Small helpers for loops that wait for an event or a time, and for loops that must never end by accident."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from mpps_core.clock import Clock
from mpps_core.errors import StoreError
from mpps_core.observer import Observer

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait until the event is set, at most ``seconds``; clear it; tell whether it was set."""
    if not event.is_set():
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await event.wait()
        except TimeoutError:
            return False
    event.clear()
    return True


async def keep_going(name: str, round_of_work: Callable[[], Awaitable[None]], clock: Clock, observer: Observer) -> None:
    """Repeat a round of work for ever. A failing round is reported and repeated after a growing pause.

    An outage of the store is expected and reported once; anything else is a defect, reported each time. Neither may
    end the loop: nobody should have to restart anything.
    """
    pause = _FIRST_PAUSE
    out_of_service = False
    while True:
        try:
            await round_of_work()
        except StoreError as error:
            if not out_of_service:
                observer.event("loop.store_unavailable", loop=name, error=type(error).__name__)
            out_of_service = True
        except Exception as error:  # noqa: BLE001 - the one place where a loop outlives any defect
            observer.event("loop.failed", loop=name, error=type(error).__name__, detail=str(error)[:200])
        else:
            if out_of_service:
                observer.event("loop.store_available", loop=name)
            out_of_service = False
            pause = _FIRST_PAUSE
            continue
        await clock.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
