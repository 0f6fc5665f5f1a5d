"""The harness of the ``dicomweb`` sender."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mpps_core.clock import SystemClock
from mpps_core.forwarding.interfaces import Sender
from mpps_core.subscription import Subscription
from mpps_dicom import StepOperation
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import KIND, DicomwebKind
from mpps_senders.registry import SenderRegistry
from tests.conformance.sender.harness import Received, Say, Subscriber
from tests.integration.senders.origin import Origin, Request, reply

_STATUS = {
    Say.ACCEPT: 200,
    Say.ALREADY_THERE: 409,
    Say.LOST: 404,
    Say.CLOSED: 409,
    Say.BUSY: 503,
    Say.REFUSE: 400,
    Say.FORBID: 403,
}


class DicomwebHarness:
    """Speaks one dialect to an origin server."""

    loops = ("asyncio", "uvloop")

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect

    @asynccontextmanager
    async def reach(self, subscriber: Subscriber) -> AsyncIterator[Sender]:
        async def behave(request: Request, writer: asyncio.StreamWriter) -> None:
            uid = request.target.partition("?")[0].split("/")[3]
            if request.method == "GET":
                writer.write(_retrieved(subscriber, uid))
                return
            update = request.method == "PATCH" or request.target.endswith(("?update", "/update"))
            kind = StepOperation.UPDATE if update else StepOperation.CREATE
            subscriber.received.append(Received(uid=uid, kind=kind, data_set=json.loads(request.body)))
            say = subscriber.next_answer()
            if say is Say.BREAK_OFF:
                writer.transport.abort()
            elif say is not Say.HANG:
                writer.write(reply(_STATUS[say]))

        async with Origin(behave) as origin:
            sender = self._sender(origin.url)
            watch = asyncio.create_task(_watch(origin, subscriber))
            try:
                yield sender
            finally:
                await sender.close()
                watch.cancel()

    @asynccontextmanager
    async def miss(self) -> AsyncIterator[Sender]:
        async with Origin(_never) as origin:
            url = origin.url
        sender = self._sender(url)
        try:
            yield sender
        finally:
            await sender.close()

    def _sender(self, url: str) -> Sender:
        guard = GuardedSocketFactory(loopback_allowed=True)
        registry = SenderRegistry({KIND: DicomwebKind(guard=guard, clock=SystemClock(), version="0")})
        target = {"url": url, "dialect": self._dialect}
        return registry(
            Subscription(
                number=1, id="x", name="x", kind=KIND, target=target, starts_at=0.0, created_at=0.0, revision=1
            )
        )


async def _watch(origin: Origin, subscriber: Subscriber) -> None:
    while True:
        subscriber.peers = origin.connections - len(origin.gone)
        await asyncio.sleep(0.005)


async def _never(_: Request, __: asyncio.StreamWriter) -> None:
    raise AssertionError


def _retrieved(subscriber: Subscriber, uid: str) -> bytes:
    if not subscriber.retrievable:
        return reply(405)
    known = subscriber.steps.get(uid)
    return reply(404) if known is None else reply(200, b"[" + known + b"]")
