"""The ``dicomweb`` sender: a user agent of the MPPS web service (PS3.18 chapter 15) over aiohttp."""

import asyncio
import contextlib
import hashlib
import ipaddress
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload
from yarl import URL

from mpps_core.clock import Clock
from mpps_core.errors import ConfigurationError
from mpps_core.forwarding.answers import Answer, Channel, Failure
from mpps_core.forwarding.interfaces import Delivery, Retrieved, Sender
from mpps_core.subscription import Subscription
from mpps_dicom import Refused, StepOperation, encode_json, read_json
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb_target import Dialect, DicomwebTarget, masked, read_target
from mpps_senders.http_answers import CLIENT_ERRORS, failure_of, media_type, retry_after
from mpps_senders.targets import TargetFault

KIND: Final = "dicomweb"

ANSWER_LIMIT: Final = 64 * 1024
"""Most bytes that are read of the answer to a delivery. Its status is known by then, and that is what counts."""

RETRIEVE_LIMIT: Final = 64 * 1024 * 1024
"""Most bytes that are read of a retrieved data set."""

PROBE_UID: Final = "2.25.0"
"""A step that no subscriber has: ``2.25.`` and the nil UUID (PS3.5 B.2)."""

_CHUNK: Final = 64 * 1024
_OFF_LOOP: Final = 1024 * 1024
_KEEP_ALIVE: Final = 4.0
"""Seconds for which an idle connection is kept. Common servers drop theirs after five; whoever is first never
meets a connection that is just being closed, whose last request has an unknown outcome."""

_METHODS: Final[Mapping[Dialect, Mapping[StepOperation, tuple[str, str, str]]]] = {
    # method, what follows the UID in the path, query
    Dialect.QUERY: {StepOperation.CREATE: ("POST", "", ""), StepOperation.UPDATE: ("POST", "", "?update")},
    Dialect.PATH: {StepOperation.CREATE: ("POST", "", ""), StepOperation.UPDATE: ("POST", "/update", "")},
    Dialect.PATCH: {StepOperation.CREATE: ("PUT", "", ""), StepOperation.UPDATE: ("PATCH", "", "")},
}
_NOT_SUPPORTED: Final = frozenset({400, 405, 406, 501})
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class DicomwebKind:
    """The kind ``dicomweb`` for the registry.

    ``version`` is that of the manager, for ``User-Agent``. ``tls`` replaces the system's trusted authorities.
    """

    def __init__(
        self, *, guard: GuardedSocketFactory, clock: Clock, version: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._clock = clock
        self._version = version
        self._tls = tls

    def validate(self, target: Mapping[str, Any]) -> list[TargetFault]:
        """Return everything that is wrong with a target, an address that the guard forbids included."""
        parsed, faults = read_target(target)
        if parsed is None:
            return faults
        url = URL(parsed.base, encoded=True)
        if url.host is None or not _is_address(url.host):
            return []  # what a name stands for is judged whenever it is connected
        verdict = self._guard.judge(url.host, url.port or 0)
        if verdict.reason is None:
            return []
        return [TargetFault(path="url", detail=f"is an address that may not be connected to ({verdict.reason})")]

    def masked(self, target: Mapping[str, Any]) -> dict[str, Any]:
        """Return a copy of a target, valid or not, with ``***`` in the place of each secret."""
        return masked(target)

    def sender(self, subscription: Subscription) -> Sender:
        """Return a sender for a subscription. Raises ConfigurationError when the target is not valid."""
        target, faults = read_target(subscription.target)
        if target is None:
            raise ConfigurationError("; ".join(f"target.{fault.path} {fault.detail}" for fault in faults))
        return DicomwebSender(target, guard=self._guard, clock=self._clock, version=self._version, tls=self._tls)


class DicomwebSender:
    """Delivers to one subscriber, with connections of its own. Must be used in one event loop only.

    Nothing is ever sent twice: redirects are not followed, and a request of which a byte may have left is not
    repeated on a new connection (RFC 9110 9.2.2 would allow it for PUT). Environment variables name no proxy.
    """

    def __init__(
        self,
        target: DicomwebTarget,
        *,
        guard: GuardedSocketFactory,
        clock: Clock,
        version: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        resource = URL(target.resource + "/", encoded=True)
        self._resource = resource
        self._path = resource.raw_path
        # Exchanging the path of a parsed URL costs half of parsing a new one; the query stays with the template.
        self._requests = {
            kind: (method, URL(f"{resource}{query}", encoded=True), suffix)
            for kind, (method, suffix, query) in _METHODS[target.dialect].items()
        }
        self._content_type = target.media_type.value
        self._guard = guard
        self._clock = clock
        self._tls = tls
        # Answers are small; there is nothing to gain from compressing them, and a hostile one could grow.
        self._headers = {
            "Accept": "application/dicom+json",
            "Accept-Encoding": "identity",
            "User-Agent": f"mpps-manager/{version}",
        }
        if target.credentials is not None:
            self._headers["Authorization"] = target.credentials.authorization
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def deliver(self, delivery: Delivery) -> Answer:
        """Create or update the step at the subscriber (PS3.18 15.4, 15.5), once, within the deadline.

        The outcome is unknown from the first byte on until a status has come; the status counts even when the
        rest of the answer is lost. Whenever the attempt ends before the body was sent, by the deadline, by
        cancellation or by an early answer, the connection is reset and what is still in buffers is not sent.
        """
        method, template, suffix = self._requests[delivery.kind]
        begun = self._clock.monotonic()
        body = _Body(delivery.body, self._content_type, self._clock, begun + delivery.deadline)
        via = ", ".join(delivery.via)
        headers = {
            "Mpps-Operation": f"{delivery.uid}/{delivery.number}",
            "Via": via if via.isascii() and via.isprintable() else _harmless(via),
        }
        url = template.with_path(f"{self._path}{delivery.uid}{suffix}", encoded=True, keep_query=True)
        head: _Head | None = None
        failure: Failure | None = None
        try:
            async with asyncio.timeout(delivery.deadline):
                response = await self._open().request(method, url, data=body, headers=headers, allow_redirects=False)
                head = _Head(response)
                await head.read(ANSWER_LIMIT)
        except CLIENT_ERRORS as error:
            failure = self._failure(error)  # and nobody's, if the status has come
        finally:
            if head is None or not body.finished:
                body.abort()
            if head is not None:
                head.release()
        duration = self._clock.monotonic() - begun
        if head is not None:
            return head.answer(duration, self._clock)
        return Answer(channel=Channel.NONE, failure=failure, unknown_outcome=body.begun, duration=duration)

    async def retrieve(self, uid: str, deadline: float) -> Retrieved:
        """Ask for the subscriber's copy of a step (PS3.18 15.6).

        404 and 410 mean that there is none; 400, 405, 406 and 501 that the subscriber, for which this transaction
        is optional, cannot be asked. Anything else that is no data set is not found, with the answer that says why.
        """
        answer, head = await self._get(uid, deadline, RETRIEVE_LIMIT)
        if answer.status in _NOT_SUPPORTED:
            return Retrieved(supported=False, answer=answer)
        if head is None or answer.status is None or answer.status // 100 != 2:  # noqa: PLR2004
            return Retrieved(supported=True, answer=answer)
        body = head.body
        if body is None:  # here it is what was asked for
            return Retrieved(supported=True, answer=_failed(answer, head.lost or Failure.TIMEOUT))
        if body.strip() in (b"", b"[]"):
            return Retrieved(supported=True, answer=answer)
        try:
            if len(body) > _OFF_LOOP:
                data_set = await asyncio.to_thread(_canonical, body, uid)
            else:
                data_set = _canonical(body, uid)
        except Refused:
            return Retrieved(supported=True, answer=_failed(answer, Failure.BAD_ANSWER))
        return Retrieved(supported=True, found=True, data_set=data_set, answer=answer)

    async def probe(self, deadline: float) -> Answer:
        """Retrieve a step that cannot exist.

        That goes the way of a delivery, through the same host, path and authentication, and changes nothing. Any
        HTTP answer says that the subscriber was reached, 404 and 405 (Retrieve is optional) being the usual ones.
        Retrieve Capabilities (OPTIONS, PS3.18 8.9) would be the other choice; but servers rarely have it, and
        gateways answer OPTIONS themselves, without asking who we are.
        """
        answer, _ = await self._get(PROBE_UID, deadline, ANSWER_LIMIT)
        return answer

    async def close(self) -> None:
        """Give up connections. Attempts that are under way fail, later ones do not begin."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _get(self, uid: str, deadline: float, limit: int) -> tuple[Answer, "_Head | None"]:
        begun = self._clock.monotonic()
        url = self._resource.with_path(self._path + uid, encoded=True)
        head: _Head | None = None
        failure: Failure | None = None
        try:
            async with asyncio.timeout(deadline):
                response = await self._open().request("GET", url, allow_redirects=False, auto_decompress=True)
                head = _Head(response)
                await head.read(limit)
        except CLIENT_ERRORS as error:
            failure = self._failure(error)
        finally:
            if head is not None:
                head.release()
        duration = self._clock.monotonic() - begun
        if head is not None:
            return head.answer(duration, self._clock), head
        return Answer(channel=Channel.NONE, failure=failure, duration=duration), None

    def _failure(self, error: BaseException) -> Failure:
        return Failure.LEASE_LOST if self._closed else failure_of(error)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is not None:
            return self._session
        if self._closed:
            raise RuntimeError("the sender is closed")
        connector = aiohttp.TCPConnector(
            socket_factory=self._guard,
            ssl=self._tls or True,
            use_dns_cache=False,  # a subscriber that moves is found, and a name cannot be rebound unseen
            limit=0,  # how many attempts go at once is the core's business
            keepalive_timeout=_KEEP_ALIVE,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(),  # none: each attempt has its deadline
        )
        return self._session


class _Body(Payload):
    """The body of a delivery, which knows whether a byte of its request has left.

    The client keeps the head of a request back and writes it together with the first piece of the body, so the
    moment before that piece is the last in which nothing has happened at the subscriber.
    """

    _autoclose = True  # holds bytes, nothing to close
    _value: bytes

    def __init__(self, value: bytes, content_type: str, clock: Clock, ends: float) -> None:
        super().__init__(value, content_type=content_type)
        self._size = len(value)
        self._clock = clock
        self._ends = ends
        self._transport: asyncio.Transport | None = None
        self.begun = False
        self.finished = False

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the body as text."""
        return self._value.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body in pieces. Raises TimeoutError before the first piece that would be late (rule 15)."""
        size = len(self._value)
        if size <= _CHUNK:
            self._begin(writer)
            await writer.write(self._value)
        else:
            view = memoryview(self._value)
            for start in range(0, size, _CHUNK):
                self._begin(writer)
                await writer.write(view[start : start + _CHUNK])
        self.finished = True

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:  # noqa: ARG002
        """Write the body; its length is the declared one."""
        await self.write(writer)

    def abort(self) -> None:
        """Reset the connection that the body went to, if any, and drop what has not left this machine."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        # Closing would send on what is buffered here and in the system; a late receiver would still process it.
        with contextlib.suppress(OSError, ValueError):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()

    def _begin(self, writer: AbstractStreamWriter) -> None:
        # A frozen process may find itself here long after the timer should have gone off.
        if self._clock.monotonic() >= self._ends:
            raise TimeoutError
        transport: asyncio.Transport | None = getattr(writer, "transport", None)
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        self._transport = transport
        self.begun = True
        # A body that has begun is not sent again: the client repeats a PUT on a new connection unless it finds
        # that the body is used up.
        self._consumed = True


class _Head:
    """An answer of which status and headers have come, and then perhaps the body."""

    __slots__ = ("_declared", "_response", "body", "lost")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._declared = response.content_length
        self.body: bytes | None = None  #: the whole body
        self.lost: Failure | None = None  #: why there is no whole body, unless that is the deadline

    async def read(self, limit: int) -> None:
        """Read the body up to a number of bytes. What goes wrong is kept, not raised, a deadline excepted."""
        content = self._response.content
        if content.at_eof():
            self.body = b""
            return
        if self._declared is not None and self._declared > limit:
            self.lost = Failure.BAD_ANSWER
            return
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := await content.readany():
                size += len(chunk)
                if size > limit:
                    self.lost = Failure.BAD_ANSWER
                    return
                chunks.append(chunk)
        except CLIENT_ERRORS as error:
            self.lost = failure_of(error)
            return
        self.body = b"".join(chunks)

    def release(self) -> None:
        """Give the connection back; the client closes it if there is more of the answer to come."""
        self._response.release()

    def answer(self, duration: float, clock: Clock) -> Answer:
        """Return what the answer says; ``length`` and ``sha256`` only of a whole body, or as declared."""
        response = self._response
        headers = response.headers
        asked = headers.get("Retry-After")
        body = self.body
        return Answer(
            channel=Channel.HTTP,
            status=response.status,
            retry_after=None if asked is None else retry_after(asked, clock.wall()),
            duration=duration,
            media_type=media_type(headers.get("Content-Type")),
            length=self._declared if body is None else len(body),
            sha256=hashlib.sha256(body).hexdigest() if body else None,
        )


def _failed(answer: Answer, failure: Failure) -> Answer:
    return msgspec.structs.replace(answer, failure=failure)


def _canonical(body: bytes, uid: str) -> bytes:
    return encode_json(read_json(body, uid=uid).data_set)


def _harmless(text: str) -> str:
    # Received entries go on to the next system; whatever they held, they must not break a header.
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
