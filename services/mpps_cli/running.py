"""Running a manager from start to end: open, serve, watch, and leave in order."""

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import structlog
import typer

from mpps_cli.backup_route import remove_leftovers
from mpps_cli.bootstrap import Wired, door_of, server_of, store_of, wire
from mpps_cli.failure import Failure
from mpps_cli.settings import Settings
from mpps_cli.switch import Switch, waiting_app
from mpps_console.parts import DoorInfo
from mpps_core.errors import ConfigurationError, StoreError, StoreUnavailable
from mpps_web.doors import refusal_of, warning_of
from mpps_web.health import Readiness
from mpps_web.logging import configure_logging
from mpps_web.observer import PrometheusObserver
from mpps_web.server import loop_factory

_FIRST_RETRY: Final = 0.5
_LAST_RETRY: Final = 5.0
_WATCH_EVERY: Final = 1.0
_REMIND_EVERY: Final = 10.0
_CLOSING: Final = 10.0  # seconds beyond the grace after which something hangs that cannot be waited for

_log = structlog.get_logger("mpps")


def run_up(settings: Settings, *, files: Sequence[str] = ()) -> None:
    """Run every role in this process until it is told to stop. Raises Failure.

    ``files`` are the settings files that were read: one that was not meant should be seen at once.
    """
    refusal = refusal_of(door_of(settings))
    if refusal is not None:
        raise Failure(refusal)
    formats = {"text": True, "json": False}
    configure_logging(level=settings.telemetry.log_level, console=formats.get(settings.telemetry.log_format))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_Manager(settings, files).run())


class _Manager:
    """One run."""

    def __init__(self, settings: Settings, files: Sequence[str]) -> None:
        self._settings = settings
        self._files = files
        self._observer = PrometheusObserver()
        self._store = store_of(settings)
        self._readiness = Readiness({"store": self._store_ready})
        self._switch = Switch(waiting_app(self._readiness, self._observer))
        self._server = server_of(settings, self._switch)
        self._wired: Wired | None = None
        self._is_open = False
        self._forwarding = False
        self._outage = "it is not open yet"
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Open the doors, work until a signal comes, and end. Raises Failure."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        opened = await self._opened()
        try:
            await self._serve()
            tasks = [asyncio.create_task(self._work(opened=opened)), asyncio.create_task(self._stop.wait())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            finally:
                await _ended(tasks)
                await self._drained()
        finally:
            await self._closed()

    async def _opened(self) -> bool:
        """Try to open the store and put the manager together. False: that is an outage. Raises Failure."""
        directory = self._settings.data.directory
        try:
            if not self._is_open:
                await self._open_store()
                remove_leftovers(directory)
            self._wired = await wire(
                self._settings, self._store, observer=self._observer, readiness=self._readiness, doors=self._doors
            )
        except StoreError as error:
            self._outage = error.detail
            return False
        except ConfigurationError as error:
            raise Failure(error.detail, hint="`mpps config show` says what is set, and where") from None
        return True

    async def _open_store(self) -> None:
        try:
            await self._store.open()
        except ConfigurationError as error:
            raise Failure(
                f"{self._settings.data.directory}: {error.detail}",
                hint="--data names another directory; `mpps doctor` says more about this one",
            ) from None
        self._is_open = True

    async def _serve(self) -> None:
        for file in self._files:
            _log.info("settings_read", file=file)
        warning = warning_of(door_of(self._settings))
        if warning is not None:
            _log.warning("door_is_insecure", detail=warning)
        try:
            await self._server.start()
        except ConfigurationError as error:
            raise Failure(
                error.detail, hint="--http HOST:PORT names another address, port 0 takes a free one"
            ) from None
        for door in self._doors():
            typer.echo(f"{door.name}  {door.address}  DICOMweb below /dicomweb, management below /api/v1, pages at /")

    async def _work(self, *, opened: bool) -> None:
        """Begin as soon as there is a store, then keep house and watch the store, for ever."""
        if not opened:
            await self._waited()
        wired = self._wired
        if wired is None:
            raise RuntimeError("there is no manager to run")
        wired.forwarder.start()
        self._forwarding = True
        self._switch.app = wired.app
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        typer.echo("ready")
        async with asyncio.TaskGroup() as group:
            group.create_task(wired.housekeeper.run())
            group.create_task(self._watch())

    async def _waited(self) -> None:
        """Try again until the store is there."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_RETRY
        reminded = -_REMIND_EVERY
        while True:
            if loop.time() - reminded >= _REMIND_EVERY:
                reminded = loop.time()
                _log.warning("store_unavailable", detail=self._outage)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RETRY)
            if await self._opened():
                _log.info("store_available")
                return

    async def _watch(self) -> None:
        """Tell of an outage of the store when it begins, every ten seconds, and when it ends."""
        loop = asyncio.get_running_loop()
        reminded: float | None = None
        while True:
            await asyncio.sleep(_WATCH_EVERY)
            reason = self._store.unready_reason
            if reason is None:
                if reminded is not None:
                    _log.info("store_available")
                reminded = None
            elif reminded is None or loop.time() - reminded >= _REMIND_EVERY:
                reminded = loop.time()
                _log.warning("store_unavailable", detail=reason)

    async def _store_ready(self) -> None:
        if self._wired is None:
            raise StoreUnavailable(self._outage)
        reason = self._store.unready_reason
        if reason is not None:
            raise StoreUnavailable(reason)

    def _doors(self) -> tuple[DoorInfo, ...]:
        return (DoorInfo(name="http", address=self._server.url),)

    def _signalled(self) -> None:
        if self._stop.is_set():
            os._exit(1)  # asked a second time: now, whatever is under way
        _log.info("stopping", grace=self._settings.shutdown_grace)
        self._readiness.drain()
        self._stop.set()

    async def _drained(self) -> None:
        """Take nothing more, and finish what is in flight."""
        grace = self._settings.shutdown_grace
        leaving = [self._server.stop(grace)]
        if self._wired is not None and self._forwarding:
            leaving.append(self._wired.forwarder.stop(grace))
        await _in_time(asyncio.gather(*leaving), grace + _CLOSING)

    async def _closed(self) -> None:
        if self._wired is not None:
            self._wired.contents.close()
        await _in_time(self._store.close(), _CLOSING)


async def _ended(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _in_time(leaving: Awaitable[object], seconds: float) -> None:
    """Await something that should be over by then; else end the process, as nothing more can be expected of it."""
    try:
        async with asyncio.timeout(seconds):
            await leaving
    except TimeoutError:
        _log.error("shutdown_hangs", seconds=seconds)
        os._exit(1)
