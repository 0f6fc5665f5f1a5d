"""The subscription desk: the rules by which subscriptions come, change and go, whoever asks for it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from mpps_core.administration import SubscriptionAdmin
from mpps_core.clock import Clock
from mpps_core.errors import ConfigurationError, CoreError, NotFound, RevisionLost
from mpps_core.subscription import Limits, Start, Subscription, SubscriptionSet, Updates

ID_PATTERN: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""The form of the id of a subscription."""

MAX_WAIT: Final = 30.0
"""Most seconds that anybody waits for a change to be applied."""

_LOOK_AGAIN: Final = 0.05  # seconds; the revision in use is a number to look at, no event
_TRIES: Final = 5  # two managers that start together may reconcile the same files


class TargetFault(Protocol):
    """One thing that is wrong with a kind or target, as senders tell it."""

    @property
    def path(self) -> str:
        """Where, from the subscription on: ``target.auth.token``."""
        ...

    @property
    def detail(self) -> str:
        """What, without repeating a value."""
        ...


class RevisionInUse(Protocol):
    """The part of ownership that tells which revision of the subscriptions is at work."""

    def revision_everywhere(self) -> int:
        """Return the newest revision that every live owner shows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionDraft:
    """What somebody wants a subscription to be."""

    id: str
    name: str
    kind: str
    target: dict[str, Any]
    start: Start = Start.NOW
    since: float | None = None  #: seconds since 1970 UTC, with ``Start.SINCE`` only
    updates: Updates = Updates.EVERY
    limits: Limits = field(default_factory=Limits)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFault:
    """One thing that is wrong with a draft; ``detail`` never repeats a value, which may be a secret."""

    path: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What reconciling did, as ids of subscriptions in the order of the drafts."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()  #: made through the API before; declared, and so read-only there, from now on
    released: tuple[str, ...] = ()  #: declared before and in no file any more: kept, but the API may change them
    start_kept: tuple[str, ...] = ()  #: the file has another start than the one that was acted upon


class DraftInvalid(ConfigurationError):
    """The subscription cannot be as it was asked for."""

    def __init__(self, faults: Sequence[DraftFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.path} {fault.detail}" for fault in self.faults))


class IdTaken(CoreError):
    """There is a subscription with this id already."""


class IsDeclared(CoreError):
    """The subscription is declared in a configuration file; change it there."""


class HasChanged(CoreError):
    """The subscription is another than the one that was meant."""


class SubscriptionDesk:
    """Makes, removes and reconciles subscriptions, and tells whether a change is applied. Safe for many tasks.

    ``validate`` judges kind and target of a draft; ``changed`` hastens those who work with subscriptions, and
    nothing depends on it. ``skew`` is how many seconds the clocks of those who accept may differ (rule 11).
    """

    def __init__(
        self,
        *,
        admin: SubscriptionAdmin,
        in_use: RevisionInUse,
        clock: Clock,
        validate: Callable[[str, Mapping[str, Any]], Sequence[TargetFault]],
        changed: Callable[[], None] = lambda: None,
        skew: float = 2.0,
    ) -> None:
        self._admin = admin
        self._in_use = in_use
        self._clock = clock
        self._validate = validate
        self._changed = changed
        self._skew = skew
        self._one_change = asyncio.Lock()  # between looking and writing nobody else of this process changes anything

    async def all(self) -> SubscriptionSet:
        """Return all subscriptions. Raises StoreError."""
        return await self._admin.subscriptions()

    async def get(self, subscription_id: str) -> Subscription:
        """Return one subscription. Raises NotFound or StoreError."""
        return _named((await self._admin.subscriptions()).items, subscription_id)

    def faults(self, kind: str, target: Mapping[str, Any]) -> list[DraftFault]:
        """Return everything that is wrong with a kind and target."""
        return [DraftFault(path=fault.path, detail=fault.detail) for fault in self._validate(kind, target)]

    async def create(self, draft: SubscriptionDraft) -> Subscription:
        """Keep a new subscription. Raises DraftInvalid, IdTaken or StoreError."""
        faults = self.faults(draft.kind, draft.target)
        if faults:
            raise DraftInvalid(faults)
        try:
            kept = await self._admin.add_subscription(self._made(draft, declared=False))
        except RevisionLost:
            raise IdTaken from None
        self._changed()
        return kept

    async def remove(self, subscription_id: str, *, if_revision: int | None = None) -> int:
        """Remove a subscription and return the revision that says so; "no attempt after" counts from ``is_applied``.

        Raises NotFound, IsDeclared, HasChanged (its revision is not ``if_revision``) or StoreError.
        """
        async with self._one_change:
            subscription = await self.get(subscription_id)
            if if_revision is not None and subscription.revision != if_revision:
                raise HasChanged
            if subscription.declared:
                raise IsDeclared
            revision = await self._admin.remove_subscription(subscription_id)
        self._changed()
        return revision

    async def reconcile(self, drafts: Sequence[SubscriptionDraft]) -> Reconciled:
        """Bring the subscriptions declared in configuration files into the store (rule 11).

        A file decides about everything but the start, which has been acted upon: another start is told, not done.
        Absence from the files deletes nothing. Raises DraftInvalid with the faults of all drafts, or StoreError.
        """
        self._refuse_invalid(drafts)
        async with self._one_change:
            for _ in range(_TRIES - 1):
                try:
                    return await self._reconcile(drafts)
                except (RevisionLost, NotFound):
                    continue  # another manager changed something between our look and our write
            return await self._reconcile(drafts)

    def is_applied(self, revision: int) -> bool:
        """Tell whether every owner works with this revision of the subscriptions or a newer one (rule 27)."""
        return self._in_use.revision_everywhere() >= revision

    async def wait_applied(self, revision: int, seconds: float) -> bool:
        """Wait until a revision is applied, at most ``seconds`` and ``MAX_WAIT``; tell whether it is."""
        end = self._clock.monotonic() + min(seconds, MAX_WAIT)
        while not self.is_applied(revision):
            left = end - self._clock.monotonic()
            if left <= 0:
                return False
            await self._clock.sleep(min(left, _LOOK_AGAIN))
        return True

    async def _reconcile(self, drafts: Sequence[SubscriptionDraft]) -> Reconciled:
        stored = {item.id: item for item in (await self._admin.subscriptions()).items}
        added: list[str] = []
        changed: list[str] = []
        adopted: list[str] = []
        released: list[str] = []
        start_kept: list[str] = []
        for draft in drafts:
            known = stored.pop(draft.id, None)
            if known is None:
                await self._admin.add_subscription(self._made(draft, declared=True))
                added.append(draft.id)
                continue
            wanted = _redrawn(known, draft)
            if wanted != known:
                await self._admin.replace_subscription(wanted)
                (changed if known.declared else adopted).append(draft.id)
            if draft.start is not known.start or draft.since not in (None, known.starts_at):
                start_kept.append(draft.id)
        for gone in stored.values():
            if gone.declared:
                await self._admin.replace_subscription(replace(gone, declared=False))
                released.append(gone.id)
        if added or changed or adopted or released:
            self._changed()
        return Reconciled(
            added=tuple(added),
            changed=tuple(changed),
            adopted=tuple(adopted),
            released=tuple(released),
            start_kept=tuple(start_kept),
        )

    def _refuse_invalid(self, drafts: Sequence[SubscriptionDraft]) -> None:
        faults = []
        seen: set[str] = set()
        for draft in drafts:
            if draft.id in seen:
                faults.append(DraftFault(path=f"subscriptions.{draft.id}", detail="is declared twice"))
            seen.add(draft.id)
            faults += [
                DraftFault(path=f"subscriptions.{draft.id}.{fault.path}", detail=fault.detail)
                for fault in self.faults(draft.kind, draft.target)
            ]
        if faults:
            raise DraftInvalid(faults)

    def _made(self, draft: SubscriptionDraft, *, declared: bool) -> Subscription:
        now = self._clock.wall()
        # Who accepts may be on another machine, whose clock is behind ours: rather an operation too many.
        starts_at = draft.since if draft.start is Start.SINCE and draft.since is not None else now - self._skew
        return Subscription(
            number=0,
            id=draft.id,
            name=draft.name,
            kind=draft.kind,
            target=draft.target,
            start=draft.start,
            starts_at=starts_at,
            updates=draft.updates,
            limits=draft.limits,
            enabled=draft.enabled,
            declared=declared,
            created_at=now,
            revision=0,
        )


def _named(items: Sequence[Subscription], subscription_id: str) -> Subscription:
    for item in items:
        if item.id == subscription_id:
            return item
    raise NotFound("There is no subscription with this id.")


def _redrawn(known: Subscription, draft: SubscriptionDraft) -> Subscription:
    return replace(
        known,
        name=draft.name,
        kind=draft.kind,
        target=draft.target,
        updates=draft.updates,
        limits=draft.limits,
        enabled=draft.enabled,
        declared=True,
    )
