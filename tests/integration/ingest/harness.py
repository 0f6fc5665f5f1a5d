"""A DICOMweb door on loopback in front of a store in memory, and a client that tidies nothing up."""

import asyncio
import gc
import itertools
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy
from mpps_core.accepting.processing import InlineContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import SystemClock
from mpps_core.observer import NullObserver
from mpps_core.source import SourceRule
from mpps_core.step import Step
from mpps_core.wakeup import WakeUp
from mpps_dicom import Profile
from mpps_ingest import IngestParts, IngestPolicy, ingest_router
from mpps_store.memory import Faults, MemoryStore
from mpps_web.app import create_app
from mpps_web.keys import Key, Keyring
from mpps_web.requests import Proxies
from mpps_web.server import HttpServer, loop_factory
from tests.support.modalities import ct

MANAGER: Final = "manager-under-test"
STEPS: Final = "/dicomweb/modality-performed-procedure-steps"
JSON: Final = "application/dicom+json"
USUAL: Final = {"Accept": JSON, "Content-Type": JSON}
"""What a user agent that follows PS3.18 15.4.1 sends."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came over the wire; names of headers in lower case, in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def problem(self) -> str:
        """The end of the problem's type."""
        assert self.header("content-type") == "application/problem+json"
        assert self.json["status"] == self.status
        assert self.json["request_id"] == self.header("x-request-id")
        return str(self.json["type"]).removeprefix("urn:mpps-manager:problem:")

    @property
    def rules(self) -> list[tuple[str, str]]:
        """Rule and path of every finding that refuses."""
        return [(f["rule"], f["path"]) for f in self.json.get("findings", []) if f["severity"] == "refuse"]


class Heard:
    """Wake-ups that were published."""

    def __init__(self) -> None:
        self.wake_ups: list[WakeUp] = []

    def publish(self, wake_up: WakeUp) -> None:
        self.wake_ups.append(wake_up)


@dataclass(slots=True)
class Door:
    """The door under test."""

    server: HttpServer
    store: MemoryStore
    heard: Heard
    retriever: Retriever
    uids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def port(self) -> int:
        return self.server.address[1]

    async def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        client: str = "127.0.0.1",
    ) -> Answer:
        """Send exactly these headers beside Host and, with a body, Content-Length."""
        return await self.exchange(request_bytes(method, target, body, headers), method=method, client=client)

    async def exchange(self, raw: bytes, *, method: str = "POST", client: str = "127.0.0.1") -> Answer:
        """Send raw bytes and read one answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(client, 0))
        try:
            writer.write(raw)
            return await read_answer(reader, method)
        finally:
            writer.close()
            await writer.wait_closed()

    async def create(self, uid: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        body = a_create(uid) if body is None else body
        return await self.request("POST", f"{STEPS}/{uid}", body, {**USUAL, **(headers or {})})

    async def update(self, uid: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.request("POST", f"{STEPS}/{uid}?update", body, {**USUAL, **(headers or {})})

    async def retrieve(self, uid: str, query: str = "") -> Answer:
        return await self.request("GET", f"{STEPS}/{uid}{query}", headers={"Accept": JSON})

    async def step(self, uid: str) -> Step | None:
        return await self.store.read_step(uid)

    async def is_empty(self) -> bool:
        """Tell whether nothing at all is stored and nobody was told of anything."""
        counts = await self.store.counts()
        return counts.steps_total == 0 and not self.store._blobs and not self.heard.wake_ups


@asynccontextmanager
async def open_door(
    *,
    policy: IngestPolicy | None = None,
    keys: Sequence[Key] = (),
    sources: Sequence[SourceRule] = (),
    profile: Profile = Profile.LENIENT,
    proxies: Proxies | None = None,
    idempotent_repeat: bool = False,
    faults: Faults | None = None,
) -> AsyncIterator[Door]:
    """Open a door on a free port, and close it in the end."""
    store, contents, heard = MemoryStore(faults=faults), InlineContents(), Heard()
    numbers = itertools.count(1)
    acceptor = Acceptor(
        steps=store,
        operations=store,
        blobs=store,
        contents=contents,
        wake_ups=heard,
        clock=SystemClock(),
        new_id=lambda: f"id-{next(numbers)}",
        observer=NullObserver(),
        policy=AcceptPolicy(manager_id=MANAGER, profile=profile, idempotent_repeat=idempotent_repeat),
    )
    retriever = Retriever(steps=store, operations=store, blobs=store, contents=contents)
    parts = IngestParts(acceptor=acceptor, retriever=retriever, sources=tuple(sources), policy=policy or IngestPolicy())
    app = create_app([ingest_router(parts)], keyring=Keyring(keys), proxies=proxies, log_requests=False)
    server = HttpServer(app, "127.0.0.1", 0)
    await server.start()
    try:
        yield Door(server, store, heard, retriever)
    finally:
        await server.stop(1.0)


def run(work: Coroutine[Any, Any, None], *, seconds: float = 60.0) -> None:
    """Run a test on the loop that the manager runs on; an exception there that nobody took fails the test."""
    untaken: list[dict[str, Any]] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: untaken.append(context))
        async with asyncio.timeout(seconds):
            await work
        await asyncio.sleep(0)
        gc.collect()  # what was dropped with an exception inside tells of it now

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(bounded())
    assert not untaken, untaken


def request_bytes(method: str, target: str, body: bytes | None, headers: Mapping[str, str] | None) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: manager.test:8246"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


async def read_answer(reader: asyncio.StreamReader, method: str = "POST") -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = [(name.lower(), value) for name, _, value in pairs]
    length = int(dict(headers).get("content-length", 0))
    status = int(status_line.split()[1])
    body = b"" if method == "HEAD" or status < 200 else await reader.readexactly(length)
    return Answer(status, headers, body)


def a_create(uid: str, **attributes: dict[str, Any]) -> bytes:
    """Return the Create of a CT step, as a modality sends it, with attributes (``T`` and tag) put in."""
    return orjson.dumps(ct(uid, seed=7)[0][1] | {name.removeprefix("T"): value for name, value in attributes.items()})


def updates_of(uid: str) -> list[bytes]:
    """Return the Updates of the same step; the last one completes it."""
    return [orjson.dumps(body) for kind, body in ct(uid, seed=7) if kind == "update"]


def a_status(status: str) -> bytes:
    """Return an Update that sets nothing but the status."""
    return orjson.dumps({"00400252": {"vr": "CS", "Value": [status]}})
