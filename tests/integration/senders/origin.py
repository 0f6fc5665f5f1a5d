"""A small origin server on loopback that says exactly what a test tells it to say, wrong things included."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]  #: names in lower case
    body: bytes
    connection: int  #: the first one is 1


Behaviour = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request. The connection is kept unless the behaviour closes the writer."""


def reply(status: int = 201, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole answer; an underscore in the name of a header stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def saying(*answers: bytes) -> Behaviour:
    """Return a behaviour that gives these answers one after the other, the last one again and again."""
    left = list(answers)

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])

    return behave


def then_reset(answer: bytes = b"") -> Behaviour:
    """Return a behaviour that says something and resets the connection."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(0.02)  # what was said must be there before the reset
        writer.transport.abort()

    return behave


def then_close(answer: bytes = b"") -> Behaviour:
    """Return a behaviour that says something and closes the connection."""

    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    return behave


async def hang(_: Request, __: asyncio.StreamWriter) -> None:
    """Never answer, but notice when the peer goes away."""


@dataclass
class Origin:
    """The server. ``async with Origin(saying(reply(201))) as origin: … origin.url``."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    read_bodies: bool = True  #: False: behave as soon as the head of a request is there
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    taken: int = 0  #: bytes of bodies that were read after the behaviour
    gone: list[str] = field(default_factory=list)  #: how peers ended their connections: closed, reset
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base URI of the service."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/dicomweb"

    async def peer_gone(self) -> str:
        """Wait until a peer has ended its connection, and tell how."""
        await self._until(lambda: bool(self.gone))
        return self.gone[-1]

    async def request_came(self) -> None:
        """Wait until there has been a request."""
        await self._until(lambda: bool(self.requests))

    async def _until(self, happened: Callable[[], bool]) -> None:
        while not happened():
            self._changed.clear()
            await self._changed.wait()

    async def _take(self, reader: asyncio.StreamReader, length: int) -> None:
        while length:
            piece = await reader.read(min(length, 65536))
            if not piece:
                raise asyncio.IncompleteReadError(b"", length)
            self.taken += len(piece)
            length -= len(piece)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer, self.connections))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (each.partition(":") for each in lines[1:] if each)
                }
                body = b""
                if self.read_bodies:
                    body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Request(method=method, target=target, headers=headers, body=body, connection=number)
                self.requests.append(request)
                self._changed.set()
                await self.behave(request, writer)
                if not self.read_bodies:
                    await self._take(reader, int(headers.get("content-length", "0")))
        except asyncio.IncompleteReadError:
            self.gone.append("closed")
        except ConnectionError:
            self.gone.append("reset")
        finally:
            self._changed.set()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
