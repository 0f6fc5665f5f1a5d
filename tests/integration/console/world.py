"""A console on a real server and a store in memory, with the DICOMweb door beside it to report steps through."""

import asyncio
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
import orjson

from mpps_console import ConsoleParts, DoorInfo, ManagerInfo, Notice, api_router, pages_router
from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy
from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import SystemClock
from mpps_core.desk import SubscriptionDesk
from mpps_core.errors import StoreUnavailable
from mpps_core.forwarding.answers import Answer, Channel
from mpps_core.forwarding.breaker import Breaker
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.lane import LaneState, LaneWrite, Progress
from mpps_core.observer import NullObserver
from mpps_core.slots import slot_of
from mpps_core.subscription import Subscription
from mpps_core.wakeup import WakeUp
from mpps_ingest.parts import IngestParts
from mpps_ingest.router import ingest_router
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import KIND, DicomwebKind
from mpps_senders.registry import SenderRegistry
from mpps_store.memory import MemoryStore
from mpps_web.app import create_app
from mpps_web.keys import Key, Keyring, Role
from mpps_web.server import HttpServer
from tests.support.modalities import ct

TOKENS = {role: f"token-of-{role.value}" for role in Role}
VERSION = "1.2.3"


class Outage:
    """Faults of the memory store that can be switched on."""

    def __init__(self) -> None:
        self.on = False

    async def before(self, operation: str) -> None:
        del operation
        if self.on:
            raise StoreUnavailable

    async def after(self, operation: str) -> None:
        del operation


@dataclass
class Reply:
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return orjson.loads(self.body)

    def faults(self) -> list[str]:
        """Return the paths of a 422, in order."""
        assert self.status == 422, (self.status, self.text)
        assert self.headers["content-type"] == "application/problem+json"
        return [fault["path"] for fault in self.json()["errors"]]


@dataclass
class World:
    """Everything behind one address. ``keys``: one for each role is configured."""

    keys: bool = False
    notices: tuple[Notice, ...] = ()
    apply_at_once: bool = True
    breakers: dict[int, Breaker] = field(default_factory=dict)
    probe: Answer = field(default_factory=lambda: Answer(channel=Channel.HTTP, status=404, duration=0.01))
    tested: list[Subscription] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.clock = SystemClock()
        self.changed = asyncio.Event()
        self.outage = Outage()
        self.store = MemoryStore(faults=self.outage)
        self.owner = SoleOwner(epoch=1)
        contents = InlineContents()
        self.retriever = Retriever(steps=self.store, operations=self.store, blobs=self.store, contents=contents)
        acceptor = Acceptor(
            steps=self.store,
            operations=self.store,
            blobs=self.store,
            contents=contents,
            wake_ups=self,
            clock=self.clock,
            new_id=lambda: uuid.uuid4().hex,
            observer=NullObserver(),
            policy=AcceptPolicy(manager_id="m1"),
        )
        guard = GuardedSocketFactory(loopback_allowed=True)
        self.registry = SenderRegistry({KIND: DicomwebKind(guard=guard, clock=self.clock, version=VERSION)})
        self.desk = SubscriptionDesk(
            admin=self.store,
            in_use=self.owner,
            clock=self.clock,
            validate=self.registry.validate,
            changed=self._changed,
        )
        self.parts = ConsoleParts(
            catalogue=self.store,
            retriever=self.retriever,
            desk=self.desk,
            test=self._test,
            breakers=lambda: self.breakers,
            manager=ManagerInfo(
                id="m1",
                version=VERSION,
                started_at=self.clock.wall(),
                started=self.clock.monotonic(),
                doors=lambda: (DoorInfo(name="http", address=self.server.url),),
                notices=lambda: self.notices,
            ),
            clock=self.clock,
        )
        hashes = [Key(role.value, role, hashlib.sha256(token.encode()).hexdigest()) for role, token in TOKENS.items()]
        app = create_app(
            [
                ingest_router(IngestParts(acceptor=acceptor, retriever=self.retriever)),
                api_router(self.parts),
                pages_router(self.parts),
            ],
            keyring=Keyring(hashes if self.keys else ()),
            log_requests=False,
        )
        self.server = HttpServer(app, "127.0.0.1", 0)
        await self.server.start()
        self.url = self.server.url
        self._session = aiohttp.ClientSession(auto_decompress=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        await self.server.stop(grace=1.0)

    def publish(self, wake_up: WakeUp) -> None:
        """Take a wake-up, and do nothing: nobody forwards here."""

    def _changed(self) -> None:
        self.changed.set()
        if self.apply_at_once:
            self.apply()

    def apply(self) -> None:
        """Have the owner work with the newest revision."""
        self.owner.uses_revision(self.store._revision)

    async def _test(self, subscription: Subscription) -> Answer:
        self.tested.append(subscription)
        return self.probe

    # Requests

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        role: Role | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {"Authorization": f"Bearer {TOKENS[role]}"} if role else {}
        if body is not None and not isinstance(body, bytes):
            body = orjson.dumps(body)
        if body is not None:
            sent["Content-Type"] = "application/json"
        async with self._session.request(
            method, self.url + path, data=body, headers={**sent, **(headers or {})}, params=params
        ) as response:
            return Reply(response.status, {k.lower(): v for k, v in response.headers.items()}, await response.read())

    async def get(self, path: str, **params: str) -> Reply:
        return await self.request("GET", f"/api/v1{path}", params=params)

    async def items(self, path: str, **params: str) -> list[Any]:
        reply = await self.get(path, **params)
        assert reply.status == 200, reply.text
        items: list[Any] = reply.json()["items"]
        return items

    async def all_items(self, path: str, **params: str) -> list[Any]:
        """Return the items of all pages."""
        items: list[Any] = []
        while True:
            reply = await self.get(path, **params)
            assert reply.status == 200, reply.text
            page = reply.json()
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            params["cursor"] = page["next_cursor"]

    async def subscribe(self, subscription_id: str = "ris", **members: Any) -> Reply:
        body = {"id": subscription_id, "target": {"url": "http://127.0.0.1:9/dicomweb"}, **members}
        return await self.request("POST", "/api/v1/subscriptions", body=body)

    # What is in the store

    async def report(self, uid: str, *, operations: int = 1, step: Sequence[tuple[str, Any]] | None = None) -> None:
        """Report the first operations of a step through the DICOMweb door."""
        for kind, data_set in list(step or ct(uid))[:operations]:
            path = f"/dicomweb/modality-performed-procedure-steps/{uid}{'?update' if kind == 'update' else ''}"
            reply = await self.request(
                "POST", path, body=[data_set], headers={"Content-Type": "application/dicom+json"}
            )
            assert reply.status in {200, 201}, reply.text

    async def lane(self, subscription: int, uid: str, *, version: int = 1, born: float = 0.0, **progress: Any) -> None:
        """Put a lane into the ledger; with ``progress``, as its owner has left it."""
        now = born or self.clock.wall()
        await self.store.route(
            [LaneWrite(subscription=subscription, uid=uid, slot=slot_of(uid), version=version, now=now)]
        )
        if progress:
            defaults = Progress(
                subscription=subscription,
                uid=uid,
                gen=0,
                turn=0,
                epoch=1,
                judged_version=version,
                cursor=0,
                high=0,
                due=None,
                now=now,
            )
            write = msgspec.structs.replace(defaults, **progress)
            assert await self.store.write_progress([write], []) == 1


PARKED: dict[str, Any] = {"state": LaneState.PARKED, "reason": "refused", "attempts": 1}
