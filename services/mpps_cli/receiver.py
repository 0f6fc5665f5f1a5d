"""A subscriber: an origin server that keeps what arrives and tells of it.

It is what ``mpps receive`` runs, what the demo's subscribers are, and what tests deliver to. It behaves as a real
one does: a Create of a known step is a conflict, so is an Update of a final one, and an Update of an unknown step
is not found. It can be told to answer otherwise, to be slow, to hang and to go away.
"""

import asyncio
import os
import re
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import orjson
from aiohttp import web

from mpps_dicom import StepOperation

OK: Final = 200
CREATED: Final = 201
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405
CONFLICT: Final = 409
TOO_LARGE: Final = 413
UNAVAILABLE: Final = 503

BODY_LIMIT: Final = 512 * 1024 * 1024

_RESOURCE: Final = re.compile(r".*/modality-performed-procedure-steps/([0-9][0-9.]{0,63})(/update)?/?")
_STATUS_TAG: Final = "00400252"
_FINAL: Final = frozenset({"COMPLETED", "DISCONTINUED"})
_SUCCESS: Final = range(200, 300)
_AT_ONCE: Final = 0.001  # 0 would be without end


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a manager, and what it was answered."""

    uid: str
    number: int | None  #: of the operation, from ``Mpps-Operation``
    kind: StepOperation
    body: bytes  #: as received; empty when bodies are not kept
    size: int  #: bytes of the body
    at: float  #: when it was complete, seconds since 1970 UTC
    answer: int  #: HTTP status
    via: str = ""  #: the ``Via`` header
    repeated: bool = False  #: an operation with this number, or a later one, was here before

    @property
    def accepted(self) -> bool:
        """Whether it was answered with success."""
        return self.answer in _SUCCESS


@dataclass(slots=True)
class _Known:
    """What is known of a step."""

    state: dict[str, Any] | None
    final: bool
    newest: int  #: highest operation number accepted


class Receiver:
    """An origin server on one address. Its memory survives ``stop`` and ``start``, as that of a real one does.

    ``answers`` are given to the first operations, whatever they are; ``decide`` may answer any operation: it gets
    uid, number and kind and returns a status, or None to let the receiver decide.
    """

    def __init__(
        self,
        *,
        keep: Path | None = None,
        answers: Iterable[int] = (),
        decide: Callable[[str, int | None, StepOperation], int | None] | None = None,
        delay: float = 0.0,
        accept_all: bool = False,
        keep_bodies: bool = True,
        on_arrival: Callable[[Arrival], None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.arrivals: list[Arrival] = []
        self.delay = delay
        self.available = True  #: while False, every operation is answered 503
        self._keep = keep
        self._answers = deque(answers)
        self._decide = decide
        self._accept_all = accept_all
        self._keep_bodies = keep_bodies
        self._on_arrival = on_arrival
        self._tls = tls
        self._steps: dict[str, _Known] = {}
        self._open = asyncio.Event()
        self._open.set()
        self._changed = asyncio.Event()
        self._judging = asyncio.Lock()
        self._busy = 0
        self._handling: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._handlers: web.Server | None = None
        self._address: tuple[str, int] | None = None

    @property
    def busy(self) -> int:
        """How many operations have come and are not answered yet."""
        return self._busy

    @property
    def url(self) -> str:
        """The base address for a subscription's target; known once started."""
        if self._address is None:
            raise RuntimeError("the receiver has not been started")
        host, port = self._address
        return f"http{'s' if self._tls else ''}://{f'[{host}]' if ':' in host else host}:{port}/dicomweb"

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Open the door and return ``url``. Started again, it takes the port it had before."""
        if self._address is not None and port == 0:
            host, port = self._address
        self._handlers = web.Server(self._handle)
        self._server = await asyncio.get_running_loop().create_server(self._handlers, host, port, ssl=self._tls)
        self._address = (host, int(self._server.sockets[0].getsockname()[1]))
        return self.url

    async def stop(self, *, abruptly: bool = False) -> None:
        """Close the port. ``abruptly`` cuts connections off where they are, as a crash does."""
        server, handlers = self._server, self._handlers
        self._server = self._handlers = None
        if server is None or handlers is None:
            return
        server.close()
        if abruptly:
            for connection in handlers.connections:
                if isinstance(connection.transport, asyncio.WriteTransport):
                    connection.transport.abort()
            for task in self._handling:
                task.cancel()  # what has died does not go on with what it was doing
        handlers.pre_shutdown()  # idle connections would be waited for
        await handlers.shutdown(timeout=_AT_ONCE if abruptly else 5.0)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.resume()
        await self.stop(abruptly=True)

    def hang(self) -> None:
        """Take requests from now on and answer none of them until ``resume``."""
        self._open.clear()

    def resume(self) -> None:
        """Answer again."""
        self._open.set()

    def answer_next(self, *statuses: int) -> None:
        """Give these answers to the next operations."""
        self._answers.extend(statuses)

    def forget(self, uid: str) -> None:
        """Lose a step, as a receiver does that was restored from an old backup."""
        self._steps.pop(uid, None)

    def accepted(self, uid: str | None = None) -> list[Arrival]:
        """Return what was answered with success, in order, of one step or all."""
        return [each for each in self.arrivals if each.accepted and uid in {None, each.uid}]

    async def until(self, done: Callable[[], bool], timeout: float | None = 30.0) -> None:
        """Wait until something holds that depends on what has arrived. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not done():
                self._changed.clear()
                await self._changed.wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("requests are handled in tasks")
        self._handling.add(task)
        try:
            return await self._answered(request)
        finally:
            self._handling.discard(task)

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        match = _RESOURCE.fullmatch(request.path)
        if request.method == "OPTIONS":
            return web.Response(status=OK)
        if match is None:
            return web.Response(status=NOT_FOUND, text="not a performed procedure step\n")
        uid, suffix = match.groups()
        if request.method == "GET" and not suffix:
            await self._open.wait()
            return self._retrieve(uid)
        kind = _kind(request, suffix=bool(suffix))
        if kind is None:
            return web.Response(status=METHOD_NOT_ALLOWED, headers={"Allow": "GET, POST, PUT, PATCH"})
        body = await _body(request)
        if body is None:
            return web.Response(status=TOO_LARGE)
        self._busy += 1
        self._changed.set()
        try:
            return web.Response(status=await self._operation(request, uid, kind, body))
        finally:
            self._busy -= 1

    async def _operation(self, request: web.BaseRequest, uid: str, kind: StepOperation, body: bytes) -> int:
        at = time.time()
        number = _number(request.headers.get("Mpps-Operation", ""), uid)
        await self._open.wait()
        if self.delay:
            await asyncio.sleep(self.delay)
        async with self._judging:
            known = self._steps.get(uid)
            repeated = known is not None and number is not None and number <= known.newest
            answer = await self._answer(uid, number, kind, body, known)
        arrival = Arrival(
            uid=uid,
            number=number,
            kind=kind,
            body=body if self._keep_bodies else b"",
            size=len(body),
            at=at,
            answer=answer,
            via=request.headers.get("Via", ""),
            repeated=repeated,
        )
        self.arrivals.append(arrival)
        self._changed.set()
        if self._on_arrival is not None:
            self._on_arrival(arrival)
        return answer

    async def _answer(
        self, uid: str, number: int | None, kind: StepOperation, body: bytes, known: _Known | None
    ) -> int:
        """Decide on an operation and, if it is accepted, keep it first."""
        data_set = _data_set(body)
        answer = self._told(uid, number, kind)
        if answer is None:
            answer = BAD_REQUEST if data_set is None else self._judged(known, kind)
        if answer not in _SUCCESS:
            return answer
        kept_as = number or (known.newest + 1 if known else 1)
        if self._keep is not None:
            try:
                await asyncio.to_thread(_write, self._keep / uid, f"{kept_as:05}-{kind}.json", body)
            except OSError:
                return UNAVAILABLE  # what is not kept is not acknowledged
        self._apply(uid, kept_as, data_set or {})
        return answer

    def _told(self, uid: str, number: int | None, kind: StepOperation) -> int | None:
        if not self.available:
            return UNAVAILABLE
        if self._answers:
            told = self._answers.popleft()
            # Told to succeed, it succeeds as this operation does.
            return None if told in _SUCCESS else told
        return self._decide(uid, number, kind) if self._decide else None

    def _judged(self, known: _Known | None, kind: StepOperation) -> int:
        success = CREATED if kind is StepOperation.CREATE else OK
        if self._accept_all:
            return success
        if kind is StepOperation.CREATE:
            return success if known is None else CONFLICT
        if known is None:
            return NOT_FOUND
        return CONFLICT if known.final else success

    def _apply(self, uid: str, number: int, data_set: dict[str, Any]) -> None:
        known = self._steps.get(uid)
        if known is None:
            known = self._steps[uid] = _Known({} if self._keep_bodies else None, final=False, newest=0)
        if known.state is not None:
            known.state.update(data_set)
        known.final = known.final or status_in(data_set) in _FINAL
        known.newest = max(known.newest, number)

    def _retrieve(self, uid: str) -> web.Response:
        known = self._steps.get(uid)
        if not self.available:
            return web.Response(status=UNAVAILABLE)
        if known is None or known.state is None:
            return web.Response(status=NOT_FOUND)
        body = orjson.dumps([dict(sorted(known.state.items()))])
        return web.Response(body=body, content_type="application/dicom+json")


def status_in(data_set: dict[str, Any]) -> str | None:
    """Return the Performed Procedure Step Status of a data set as DICOM JSON has it."""
    try:
        return str(data_set[_STATUS_TAG]["Value"][0])
    except (KeyError, IndexError, TypeError):
        return None


def _kind(request: web.BaseRequest, *, suffix: bool) -> StepOperation | None:
    update = suffix or "update" in request.query
    by_method = {
        "POST": StepOperation.UPDATE if update else StepOperation.CREATE,
        "PUT": StepOperation.CREATE,
        "PATCH": StepOperation.UPDATE,
    }
    return by_method.get(request.method)


async def _body(request: web.BaseRequest) -> bytes | None:
    parts = bytearray()
    async for part in request.content.iter_any():
        parts += part
        if len(parts) > BODY_LIMIT:
            return None
    return bytes(parts)


def _number(header: str, uid: str) -> int | None:
    named, _, number = header.rpartition("/")
    return int(number) if named == uid and number.isascii() and number.isdigit() else None


def _data_set(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) and value else None


def _write(directory: Path, name: str, body: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".{name}.part"
    with partial.open("wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(directory / name)
