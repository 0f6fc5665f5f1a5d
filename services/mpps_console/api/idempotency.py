"""``Idempotency-Key``: a request that is repeated with the same key gets the answer of the first one."""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from mpps_console.api.answers import invalid
from mpps_core.clock import Clock
from mpps_core.desk import DraftFault
from mpps_web.keys import caller_of
from mpps_web.problems import Problem

KEPT: Final = 1_000
"""Answers that are remembered; the oldest give way."""

_DAY: Final = 86_400.0
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class Memory:
    """Remembers answers by caller and key for a day, in this process only.

    Only successes are remembered: whatever else was answered changed nothing, so the repeat may try again.
    Two requests with one key at the same time are done one after the other. Of what was sent a hash is kept.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[tuple[str | None, str], _Entry] = OrderedDict()

    async def once(self, request: Request, body: bytes, work: Callable[[], Awaitable[Response]]) -> Response:
        """Do the work unless it was done under the request's key. Raises Problem 422 for another request's key."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return await work()
        if not _KEY.fullmatch(key):
            detail = "must have 1 to 255 visible ASCII characters"
            raise invalid([DraftFault(path="header.Idempotency-Key", detail=detail)])
        entry = self._entry((caller_of(request).name, key), _fingerprint(request, body))
        async with entry.lock:
            if entry.answer is None:
                answer = await work()
                if answer.status_code // 100 == 2:  # noqa: PLR2004
                    entry.answer = answer
                return answer
            return _copied(entry.answer)

    def _entry(self, name: tuple[str | None, str], fingerprint: bytes) -> "_Entry":
        now = self._clock.monotonic()
        while self._entries and next(iter(self._entries.values())).since < now - _DAY:
            self._entries.popitem(last=False)
        entry = self._entries.get(name)
        if entry is None or (entry.answer is None and not entry.lock.locked()):
            entry = self._entries[name] = _Entry(fingerprint, now)
            self._entries.move_to_end(name)
            if len(self._entries) > KEPT:
                self._entries.popitem(last=False)
        elif entry.fingerprint != fingerprint:
            raise Problem(
                status=422,
                slug="idempotency-key-reused",
                title="The Idempotency-Key belongs to another request",
                detail="A request with this key and other content came within the last day. Choose a new key.",
            )
        return entry


class _Entry:
    """A key, what was asked under it, and what was answered."""

    def __init__(self, fingerprint: bytes, since: float) -> None:
        self.fingerprint = fingerprint
        self.since = since
        self.lock = asyncio.Lock()
        self.answer: Response | None = None


def _fingerprint(request: Request, body: bytes) -> bytes:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(body)
    return digest.digest()


def _copied(first: Response) -> Response:
    kept = {name: value for name, value in first.headers.items() if name in {"cache-control", "etag", "location"}}
    return Response(
        bytes(first.body), first.status_code, {**kept, "idempotent-replayed": "true"}, media_type=first.media_type
    )
