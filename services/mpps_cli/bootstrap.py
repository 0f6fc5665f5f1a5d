"""Wiring: the only place where adapters meet the ports they serve."""

import random
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from starlette.types import ASGIApp

from mpps_bus.local import LocalBus
from mpps_cli.backup_route import backup_router
from mpps_cli.declarations import drafts_of, keyring_of, sources_of
from mpps_cli.settings import Settings, address_of
from mpps_console.api import api_router
from mpps_console.pages import pages_router
from mpps_console.parts import ConsoleParts, DoorInfo, ManagerInfo, Notice
from mpps_core.accepting.acceptor import Acceptor, AcceptPolicy
from mpps_core.accepting.processing import PooledContents
from mpps_core.accepting.retriever import Retriever
from mpps_core.clock import Clock, SystemClock
from mpps_core.desk import SubscriptionDesk
from mpps_core.forwarding.answers import Answer
from mpps_core.forwarding.forwarder import Forwarder
from mpps_core.forwarding.ownership import SoleOwner
from mpps_core.forwarding.policy import ForwardPolicy
from mpps_core.identifiers import random_id
from mpps_core.subscription import Subscription
from mpps_forwarder.gauges import Gauges
from mpps_forwarder.housekeeping import DAY, Housekeeper
from mpps_ingest.parts import IngestParts, IngestPolicy
from mpps_ingest.router import ingest_router
from mpps_senders.address_guard import GuardedSocketFactory
from mpps_senders.dicomweb import KIND as DICOMWEB
from mpps_senders.dicomweb import DicomwebKind
from mpps_senders.registry import SenderRegistry
from mpps_store.sqlite import SqliteStore
from mpps_web.app import create_app
from mpps_web.doors import Door, warning_of
from mpps_web.health import Readiness, health_router
from mpps_web.observer import PrometheusObserver
from mpps_web.requests import Proxies
from mpps_web.server import HttpServer

VERSION: Final = version("mpps-manager")

_PROBE_SECONDS: Final = 10.0
_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A manager that is put together and has not begun."""

    app: ASGIApp
    forwarder: Forwarder
    housekeeper: Housekeeper
    contents: PooledContents


def door_of(settings: Settings) -> Door:
    """Return the HTTP door as the policy of doors sees it."""
    return Door(
        host=address_of(settings.http.listen).host,
        tls=settings.http.tls.cert is not None and settings.http.tls.key is not None,
        behind_proxy=settings.http.behind_proxy,
        trusted_proxies=bool(settings.http.trusted_proxies),
        keys=bool(settings.security.keys),
        allow_insecure=settings.security.allow_insecure,
    )


def store_of(settings: Settings) -> SqliteStore:
    """Return the store, not opened yet."""
    return {"sqlite": SqliteStore}[settings.store.kind](settings.data.directory)


def bus_of(settings: Settings) -> LocalBus:
    """Return the bus."""
    return {"local": LocalBus}[settings.bus.kind]()


def server_of(settings: Settings, app: ASGIApp) -> HttpServer:
    """Return the HTTP server, not started yet."""
    address = address_of(settings.http.listen)
    return HttpServer(app, address.host, address.port, tls_cert=settings.http.tls.cert, tls_key=settings.http.tls.key)


def senders_of(settings: Settings, clock: Clock) -> SenderRegistry:
    """Return all kinds of senders behind the guard over outgoing connections."""
    guard = GuardedSocketFactory(
        allow=settings.forwarding.allow_networks,
        deny=settings.forwarding.deny_networks,
        # While nobody but this machine reaches us, nobody but this machine can make us reach it.
        loopback_allowed=not door_of(settings).exposed,
    )
    return SenderRegistry({DICOMWEB: DicomwebKind(guard=guard, clock=clock, version=VERSION)})


async def wire(
    settings: Settings,
    store: SqliteStore,
    *,
    observer: PrometheusObserver,
    readiness: Readiness,
    doors: Callable[[], Sequence[DoorInfo]],
) -> Wired:
    """Put the manager together on an open store. Raises ConfigurationError or StoreError."""
    clock = SystemClock()
    manager_id = settings.manager.id or await store.manager_id(secrets.token_hex(_ID_BYTES))
    owner = SoleOwner(await store.next_epoch())
    bus = bus_of(settings)
    senders = senders_of(settings, clock)
    contents = PooledContents()
    retriever = Retriever(steps=store, operations=store, blobs=store, contents=contents)
    acceptor = Acceptor(
        steps=store,
        operations=store,
        blobs=store,
        contents=contents,
        wake_ups=bus,
        clock=clock,
        new_id=random_id,
        observer=observer,
        policy=AcceptPolicy(
            manager_id=manager_id,
            profile=settings.validation.profile,
            idempotent_repeat=settings.validation.idempotent_repeat,
        ),
    )
    forwarder = Forwarder(
        routing=store,
        backfills=store,
        ledger=store,
        subscriptions=store,
        retriever=retriever,
        hints=bus,
        ownership=owner,
        senders=senders,
        clock=clock,
        rng=random.Random(),  # noqa: S311 - jitter, not secrets
        observer=observer,
        policy=ForwardPolicy(
            enabled=settings.forwarding.enabled,
            first_delay=settings.forwarding.first_delay,
            max_delay=settings.forwarding.max_delay,
            parked_retry=settings.forwarding.parked_retry,
            poll=settings.forwarding.poll,
        ),
        manager_id=manager_id,
    )
    desk = SubscriptionDesk(
        admin=store,
        in_use=owner,
        clock=clock,
        validate=senders.validate,
        changed=forwarder.subscriptions_changed,
    )
    done = await desk.reconcile(drafts_of(settings))
    for subscription in done.start_kept:
        observer.event("subscription.start_kept", subscription=subscription)
    gauges = Gauges(
        catalogue=store, subscriptions=store, observer=observer, owned=lambda: len(owner.slots()), clock=clock
    )
    warning = warning_of(door_of(settings))
    notices = () if warning is None else (Notice(code="allow-insecure", detail=warning),)
    console = ConsoleParts(
        catalogue=store,
        retriever=retriever,
        desk=desk,
        test=_Tester(senders),
        breakers=forwarder.breakers,
        manager=ManagerInfo(
            id=manager_id,
            version=VERSION,
            started_at=clock.wall(),
            started=clock.monotonic(),
            doors=doors,
            notices=lambda: notices,
        ),
        clock=clock,
    )
    ingest = IngestParts(
        acceptor=acceptor,
        retriever=retriever,
        sources=sources_of(settings),
        policy=IngestPolicy(require_accept=settings.http.require_accept, max_body=settings.http.max_body),
    )
    app = create_app(
        [
            ingest_router(ingest),
            api_router(console),
            backup_router(store.backup, settings.data.directory),
            health_router(readiness, observer, refresh=gauges.refresh),
            pages_router(console),
        ],
        keyring=keyring_of(settings),
        proxies=Proxies(settings.http.trusted_proxies) if settings.http.behind_proxy else None,
        log_requests=settings.telemetry.log_requests,
        version=VERSION,
    )
    housekeeper = Housekeeper(
        store=store, clock=clock, observer=observer, attempts_kept=settings.retention.attempts * DAY
    )
    return Wired(app=app, forwarder=forwarder, housekeeper=housekeeper, contents=contents)


class _Tester:
    """Reaches a subscriber once, with a sender of its own."""

    def __init__(self, senders: SenderRegistry) -> None:
        self._senders = senders

    async def __call__(self, subscription: Subscription) -> Answer:
        """Return what came of it. Raises ConfigurationError."""
        sender = self._senders(subscription)
        try:
            return await sender.probe(min(_PROBE_SECONDS, subscription.limits.timeout_s))
        finally:
            await sender.close()
