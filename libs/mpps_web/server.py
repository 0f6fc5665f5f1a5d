"""The HTTP server: uvicorn with uvloop and httptools on sockets that we bind ourselves."""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import uvicorn
from starlette.types import ASGIApp

from mpps_core.errors import ConfigurationError
from mpps_web.problems import Problem
from mpps_web.requests import new_request_id

GRACE: Final = 20.0
"""Seconds that what is in flight gets to finish when the server stops."""

KEEP_ALIVE: Final = 75
"""Seconds after which an idle connection is closed; longer than usual proxies, so that they close first."""

MAX_HEAD: Final = 64 * 1024
"""Bytes of request line and headers."""

_BACKLOG: Final = 2048
_TICK: Final = 1.0  # seconds; Date has no finer resolution
_GLANCE: Final = 0.01  # seconds between looks at what is still in flight
_STARTUP_FAILED: Final = "the application did not start; the log tells why"

_BIND_ERRORS: Final = {
    errno.EADDRINUSE: "is taken by another program; stop that or choose another port",
    errno.EACCES: "may not be opened by this user; ports below 1024 are reserved",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
}
# An address family that the machine does not have is passed over as long as another one is left.
_ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class HttpServer:
    """Serves an ASGI application in the running event loop. One object serves once."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        tls_cert: Path | str | None = None,
        tls_key: Path | str | None = None,
        keep_alive: int = KEEP_ALIVE,
        limit_concurrency: int | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._tls = (tls_cert, tls_key)
        self._config = uvicorn.Config(
            app,
            http=_protocol(),
            ws="none",
            lifespan="on",
            loop="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=keep_alive,
            limit_concurrency=limit_concurrency,
            ssl_certfile=None if tls_cert is None else os.fspath(tls_cert),
            ssl_keyfile=None if tls_key is None else os.fspath(tls_key),
        )
        self._server = _Server(self._config)
        self._task: asyncio.Task[None] | None = None
        self._bound: tuple[str, int] = (host, port)

    @property
    def address(self) -> tuple[str, int]:
        """The host as it was given and the port that it really has."""
        return self._bound

    @property
    def url(self) -> str:
        """Where the server is, as a URL without path."""
        host, port = self._bound
        scheme = "https" if self._tls[0] else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def start(self) -> None:
        """Bind and serve. Raises ConfigurationError: the port is taken, no such address, bad certificate."""
        try:
            self._config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the certificate {self._tls[0]} or its key cannot be used ({error})") from error
        sockets = await bind(self._host, self._port)
        self._bound = (self._host, sockets[0].getsockname()[1])
        self._task = asyncio.create_task(self._server.serve(sockets), name="http-server")
        started = asyncio.create_task(self._server.ready.wait())
        await asyncio.wait({self._task, started}, return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            for sock in sockets:
                sock.close()
            with contextlib.suppress(asyncio.CancelledError):
                self._task.result()
            raise ConfigurationError(_STARTUP_FAILED)

    async def stop(self, grace: float = GRACE) -> None:
        """Stop taking connections, then let what is in flight finish for at most ``grace`` seconds."""
        if self._task is None:
            return
        self._server.leave(grace)
        await self._task


async def bind(host: str, port: int) -> list[socket.socket]:
    """Open listening sockets on all addresses of a host; port 0 takes a free one, the same for all.

    Raises ConfigurationError that names the address.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"{host} is not a host of this machine ({error.strerror})") from error
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            wanted = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(_listening(family, (address[0], wanted, *address[2:])))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        if not sockets and absent is not None:
            raise absent
    except OSError as error:
        for sock in sockets:
            sock.close()
        words = _BIND_ERRORS.get(error.errno or 0, f"cannot be opened ({error.strerror})")
        raise ConfigurationError(f"{host}:{port} {words}") from error
    return sockets


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes event loops here, for ``asyncio.Runner``: uvloop's where there is uvloop."""
    try:
        import uvloop  # noqa: PLC0415 - an optional library
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted; without, an answer waits 40 ms for an ACK.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.settimeout(0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


class _Server(uvicorn.Server):
    """uvicorn without signal handlers, telling when it has started and leaving as soon as it can."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._leaving = asyncio.Event()
        self._grace = GRACE

    def leave(self, grace: float) -> None:
        """Ask the server to stop within ``grace`` seconds."""
        self._grace = grace
        self.should_exit = True
        self._leaving.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; an application that fails to start ends the server, not the process."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True
            return
        # The first tick sets the headers that every answer has; one before that would lack its Date.
        await self.on_tick(0)
        self.ready.set()

    async def main_loop(self) -> None:
        """Keep the Date of answers right until it is time to leave."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors, let what is in flight finish for the time of grace, and cancel the rest."""
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        state = self.server_state
        for connection in tuple(state.connections):
            connection.shutdown()
        end = time.monotonic() + self._grace
        while (state.connections or state.tasks) and time.monotonic() < end:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(_GLANCE)
        left = tuple(state.tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_TICK)
        for connection in tuple(state.connections):
            connection.transport.close()
        await self.lifespan.shutdown()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program."""
        yield


def _protocol() -> type[asyncio.Protocol] | str:
    """Return httptools' protocol with our answers to what is not HTTP, or h11's where there is no httptools."""
    try:
        from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol  # noqa: PLC0415
    except ImportError:
        return "h11"

    class Protocol(HttpToolsProtocol):
        """Bounds the head of a request, and answers what is not HTTP with a problem."""

        _head: int | None = None

        def data_received(self, data: bytes) -> None:
            if self._head is not None:
                self._head += len(data)
                if self._head > MAX_HEAD:
                    self._answer(_TOO_LARGE)
                    return
            super().data_received(data)

        def on_message_begin(self) -> None:
            self._head = 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._head = None
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            del msg
            self._answer(_NOT_HTTP)

        def _answer(self, problem: Problem) -> None:
            cycle: Any = self.cycle  # None until there was a request
            if cycle is not None and cycle.response_started and not cycle.response_complete:
                self.transport.close()  # the answer to the request before is on its way; another would garble it
                return
            request_id = new_request_id()
            body = orjson.dumps(problem.members(request_id))
            headers = (
                "content-type: application/problem+json\r\n"
                f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(STATUS_LINE[problem.status] + headers.encode() + body)
            self.transport.close()

    return Protocol


_NOT_HTTP: Final = Problem(
    status=400, slug="not-http", title="This is not HTTP", detail="The request breaks the rules of HTTP/1.1."
)
_TOO_LARGE: Final = Problem(
    status=431,
    slug="head-too-large",
    title="Request line and headers are too large",
    detail=f"They may have {MAX_HEAD} bytes together.",
)
