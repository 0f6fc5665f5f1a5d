"""From settings to values of the core: keys, sources and subscriptions that a configuration file declares."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mpps_cli.settings import Settings, SubscriptionAuthSettings, SubscriptionSettings
from mpps_core.desk import SubscriptionDraft
from mpps_core.source import SourceRule
from mpps_core.subscription import Limits, Start, Updates
from mpps_web.keys import Key, Keyring, Role


def keyring_of(settings: Settings) -> Keyring:
    """Return the keys that open doors."""
    return Keyring(Key(key.name, Role(key.role), key.sha256.get_secret_value()) for key in settings.security.keys)


def sources_of(settings: Settings) -> tuple[SourceRule, ...]:
    """Return how sources are recognised."""
    return tuple(SourceRule(id=source.id, keys=source.keys, networks=source.networks) for source in settings.sources)


def drafts_of(settings: Settings) -> tuple[SubscriptionDraft, ...]:
    """Return the declared subscriptions."""
    return tuple(_draft(subscription) for subscription in settings.subscriptions)


def _draft(subscription: SubscriptionSettings) -> SubscriptionDraft:
    start = subscription.start
    limits = subscription.limits
    target = subscription.target
    return SubscriptionDraft(
        id=subscription.id,
        name=subscription.name or subscription.id,
        kind=subscription.kind,
        target={
            "url": target.url,
            "dialect": target.dialect,
            "media_type": target.media_type,
            "auth": _auth(target.auth),
        },
        start=Start(start) if isinstance(start, str) else Start.SINCE,
        since=_since(start) if isinstance(start, Mapping) else None,
        updates=Updates(subscription.updates),
        limits=Limits(in_flight=limits.in_flight, per_second=limits.per_second, timeout_s=limits.timeout_s),
        enabled=subscription.enabled,
    )


def _since(start: Mapping[Any, datetime]) -> float:
    return start["since"].timestamp()


def _auth(auth: SubscriptionAuthSettings) -> dict[str, Any]:
    members = {
        "kind": auth.kind,
        "username": auth.username,
        "password": auth.password.get_secret_value() if auth.password else None,
        "token": auth.token.get_secret_value() if auth.token else None,
    }
    return {name: value for name, value in members.items() if value is not None}
