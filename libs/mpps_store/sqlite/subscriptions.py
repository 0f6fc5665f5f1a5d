"""Statements about subscriptions and what the store remembers of its manager."""

from dataclasses import replace
from typing import Final

import apsw
import msgspec

from mpps_core.errors import NotFound, RevisionLost
from mpps_core.slots import SLOTS
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_store.sqlite.rows import to_json

_REVISION: Final = "subscriptions_revision"
_forms: Final = msgspec.json.Decoder(Subscription)


def subscriptions(connection: apsw.Connection) -> SubscriptionSet:
    """Return all subscriptions, by number, with their revision."""
    rows = connection.execute("SELECT form FROM subscriptions ORDER BY number")
    return SubscriptionSet(revision=revision(connection), items=tuple(_forms.decode(form) for (form,) in rows))


def revision(connection: apsw.Connection) -> int:
    """Return the revision number alone."""
    return int(connection.execute("SELECT value FROM meta WHERE key = ?", (_REVISION,)).get)


def add(connection: apsw.Connection, subscription: Subscription) -> Subscription:
    """Keep a new one, with back-fills pending. Raises RevisionLost when the id is taken."""
    row = connection.execute(
        "INSERT INTO subscriptions (id, form) VALUES (?, '') ON CONFLICT DO NOTHING RETURNING number",
        (subscription.id,),
    ).fetchone()
    if row is None:
        raise RevisionLost("the id of the subscription is taken")
    kept = replace(subscription, number=row[0], revision=_raise(connection, _REVISION))
    _write_form(connection, kept)
    connection.executemany(
        "INSERT INTO backfills (subscription, slot) VALUES (?, ?)", [(kept.number, slot) for slot in range(SLOTS)]
    )
    return kept


def replace_one(connection: apsw.Connection, subscription: Subscription) -> Subscription:
    """Replace the one with this number. Raises NotFound, or RevisionLost when another has its new id."""
    kept = replace(subscription, revision=_raise(connection, _REVISION))
    try:
        changed = _write_form(connection, kept)
    except apsw.ConstraintError:
        raise RevisionLost("the id of the subscription is taken") from None
    if not changed:
        raise NotFound("no such subscription")
    return kept


def remove(connection: apsw.Connection, subscription_id: str) -> int:
    """Remove one and return the new revision. Raises NotFound."""
    connection.execute("DELETE FROM subscriptions WHERE id = ?", (subscription_id,))
    if not connection.changes():
        raise NotFound("no such subscription")
    return _raise(connection, _REVISION)


def manager_id(connection: apsw.Connection, proposed: str) -> str:
    """Return the kept id of the manager; keep ``proposed`` when there is none yet."""
    connection.execute("INSERT INTO meta (key, value) VALUES ('manager_id', ?) ON CONFLICT DO NOTHING", (proposed,))
    return str(connection.execute("SELECT value FROM meta WHERE key = 'manager_id'").get)


def next_epoch(connection: apsw.Connection) -> int:
    """Return a number greater than any before."""
    return _raise(connection, "epoch")


def _write_form(connection: apsw.Connection, subscription: Subscription) -> bool:
    connection.execute(
        "UPDATE subscriptions SET id = ?, form = ? WHERE number = ?",
        (subscription.id, to_json(subscription), subscription.number),
    )
    return connection.changes() == 1


def _raise(connection: apsw.Connection, key: str) -> int:
    return int(connection.execute("UPDATE meta SET value = value + 1 WHERE key = ? RETURNING value", (key,)).get)
