"""An event loop whose time passes only when nothing else is left to do."""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

BASE_WALL = 1_790_000_000.0
"""Time of day at which every simulated day begins, seconds since 1970 UTC."""


class Deadlock(AssertionError):
    """Nothing is ready, and nothing ever will be."""


class _Selector(selectors.BaseSelector):
    """Never looks at a file; a wait is a step of virtual time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, fd, events, data)
        self._keys[fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("every task waits for something that cannot happen")
        # A turn of the loop takes a microsecond, or a wait shorter than the timers' resolution would never end.
        self.now += max(timeout, 0.0) + 1e-6
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time. ``iterations`` counts its turns, to notice loops that never wait."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        self.iterations = 0
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def _run_once(self) -> None:
        self.iterations += 1
        super()._run_once()  # type: ignore[misc]


class VirtualClock:
    """The clock port over a virtual loop. ``jump_to`` moves the time of day, never the monotonic clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._offset = BASE_WALL

    def jump_to(self, ahead: float) -> None:
        self._offset = BASE_WALL + ahead

    def wall(self) -> float:
        return self._offset + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
