"""Where the work on contents is done: on the event loop while it is small, in another process when it is not.

A 15 MB data set blocks a loop for half a second even from a thread, because parsing holds the interpreter lock.
"""

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Final, Protocol, TypeVar

from mpps_core.accepting.content import Current, Prepared, canonical, prepare_create, prepare_update, select_fields
from mpps_core.errors import TryLater
from mpps_core.payload import decompress
from mpps_dicom import Finding, Profile, Refused

LARGE: Final = 1024 * 1024
"""Bytes from which on a data set is not worked on where others wait."""

_IDLE_SECONDS: Final = 60.0  # an idle worker process costs memory that an idle manager should not hold

Result = TypeVar("Result")


class Contents(Protocol):
    """Makes bodies ready for writing and data sets ready for answering."""

    async def create(self, body: bytes, uid: str, profile: Profile) -> Prepared:
        """Do ``prepare_create``."""
        ...

    async def update(self, body: bytes, uid: str, profile: Profile, current: Current) -> Prepared:
        """Do ``prepare_update``."""
        ...

    async def canonical(self, body: bytes, uid: str) -> bytes:
        """Do ``canonical``."""
        ...

    async def unpack(self, data: bytes, size: int) -> bytes:
        """Decompress a payload of ``size`` bytes."""
        ...

    async def select(self, data: bytes, fields: tuple[tuple[str, ...], ...]) -> bytes:
        """Do ``select_fields``."""
        ...


class InlineContents:
    """Does everything at once, where it is asked for."""

    async def create(self, body: bytes, uid: str, profile: Profile) -> Prepared:
        """Do ``prepare_create``."""
        return prepare_create(body, uid, profile)

    async def update(self, body: bytes, uid: str, profile: Profile, current: Current) -> Prepared:
        """Do ``prepare_update``."""
        return prepare_update(body, uid, profile, current)

    async def canonical(self, body: bytes, uid: str) -> bytes:
        """Do ``canonical``."""
        return canonical(body, uid)

    async def unpack(self, data: bytes, size: int) -> bytes:
        """Decompress a payload."""
        del size
        return decompress(data)

    async def select(self, data: bytes, fields: tuple[tuple[str, ...], ...]) -> bytes:
        """Do ``select_fields``."""
        return select_fields(data, fields)


class PooledContents(InlineContents):
    """Does what is small at once and what is large in one worker process, started when needed, ended when idle."""

    def __init__(self, *, idle_seconds: float = _IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._pool: ProcessPoolExecutor | None = None
        self._pending = 0
        self._idle: asyncio.TimerHandle | None = None

    async def create(self, body: bytes, uid: str, profile: Profile) -> Prepared:
        """Do ``prepare_create``, elsewhere when the body is large."""
        if len(body) < LARGE:
            return prepare_create(body, uid, profile)
        return await self._elsewhere(prepare_create, body, uid, profile)

    async def update(self, body: bytes, uid: str, profile: Profile, current: Current) -> Prepared:
        """Do ``prepare_update``, elsewhere when the body or the state is large."""
        if len(body) + current.size < LARGE:
            return prepare_update(body, uid, profile, current)
        return await self._elsewhere(prepare_update, body, uid, profile, current)

    async def canonical(self, body: bytes, uid: str) -> bytes:
        """Do ``canonical``, elsewhere when the body is large."""
        return canonical(body, uid) if len(body) < LARGE else await self._elsewhere(canonical, body, uid)

    async def unpack(self, data: bytes, size: int) -> bytes:
        """Decompress a payload, in a thread when it is large (decompression lets others run)."""
        return decompress(data) if size < LARGE else await asyncio.to_thread(decompress, data)

    async def select(self, data: bytes, fields: tuple[tuple[str, ...], ...]) -> bytes:
        """Do ``select_fields``, elsewhere when the data set is large."""
        if len(data) < LARGE:
            return select_fields(data, fields)
        return await self._elsewhere(select_fields, data, fields)

    def close(self) -> None:
        """End the worker process."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _elsewhere(self, function: Callable[..., Result], *args: Any) -> Result:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1, mp_context=multiprocessing.get_context("spawn"), initializer=_leave_signals
            )
        loop, pool = asyncio.get_running_loop(), self._pool
        self._pending += 1
        try:
            result = await loop.run_in_executor(pool, _guarded, function, args)
        except BrokenProcessPool:
            if self._pool is pool:  # whoever noticed first may have started another
                self.close()
            raise TryLater("the process that reads large data sets died; nothing was stored, repeat it") from None
        finally:
            self._pending -= 1
            if self._pending == 0 and self._pool is not None:
                self._idle = loop.call_later(self._idle_seconds, self.close)
        if isinstance(result, _Refusal):
            raise Refused(result.findings)
        return result


def _leave_signals() -> None:
    """Leave it to the manager when to end: a terminal and a service manager signal the whole group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Refusal:
    """A refusal on its way between processes."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings


def _guarded(function: Callable[..., Result], args: tuple[Any, ...]) -> Result | _Refusal:
    try:
        return function(*args)
    except Refused as refused:
        return _Refusal(refused.findings)
