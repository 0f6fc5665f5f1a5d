"""Statements about routing: unrouted steps, lanes that begin, back-fills."""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

from collections.abc import Sequence
from typing import Final

import apsw

from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.lane import LaneWrite
from mpps_store.sqlite.rows import OUTLINE_COLUMNS, outline_of, slots_condition

# What ``ledger.routed`` does. The last condition spares a row that would not change.
_ROUTE: Final = """
INSERT INTO ledger (subscription, uid, slot, version, due, born, since) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5)
ON CONFLICT (subscription, uid) DO UPDATE SET
    version = max(version, ?4),
    due = CASE WHEN due IS NOT NULL OR state IS 'closed' THEN due ELSE ?5 END,
    since = CASE WHEN due IS NOT NULL OR state IS 'closed' THEN since ELSE ?5 END
WHERE ?4 > version OR (due IS NULL AND state IS NOT 'closed' AND cursor < version)
"""
_CLEAR: Final = "UPDATE steps SET unrouted_since = NULL WHERE uid = ? AND version = ? AND unrouted_since IS NOT NULL"

_FEW: Final = 5000  # steps; so many are sorted faster than a hundred times as many are passed over


def unrouted(connection: apsw.Connection, slots: frozenset[int], limit: int) -> list[StepOutline]:
    """Return steps of these slots that carry the marker, longest unrouted first."""
    rows = connection.execute(
        f"SELECT {OUTLINE_COLUMNS} FROM steps s WHERE s.unrouted_since IS NOT NULL{slots_condition(slots, 's.slot')} "
        "ORDER BY s.unrouted_since LIMIT ?",
        (limit,),
    )
    return [outline_of(row) for row in rows]


def route(connection: apsw.Connection, lanes: Sequence[LaneWrite]) -> None:
    """Apply routing writes (rule 10)."""
    connection.executemany(_ROUTE, [(w.subscription, w.uid, w.slot, w.version, w.now) for w in lanes])


def clear_unrouted(connection: apsw.Connection, marks: Sequence[tuple[str, int]]) -> None:
    """Clear the marker of each (uid, version) that still is at that version (rule 7)."""
    connection.executemany(_CLEAR, marks)


def pending_backfills(connection: apsw.Connection, subscription: int, slots: frozenset[int]) -> frozenset[int]:
    """Return those of ``slots`` whose back-fill is pending."""
    rows = connection.execute("SELECT slot FROM backfills WHERE subscription = ?", (subscription,))
    return slots.intersection(slot for (slot,) in rows)


def finish_backfills(connection: apsw.Connection, subscription: int, slots: frozenset[int]) -> None:
    """Record the back-fill of these slots as done."""
    connection.executemany(
        "DELETE FROM backfills WHERE subscription = ? AND slot = ?", [(subscription, slot) for slot in slots]
    )


def backfill_page(
    connection: apsw.Connection,
    slots: frozenset[int],
    *,
    updated_since: float,
    or_open: bool,
    after_uid: str,
    limit: int,
) -> list[StepOutline]:
    """Return steps of these slots after ``after_uid`` by UID, updated since a time or, if wanted, still open."""
    wanted = _few_wanted(connection, updated_since, or_open=or_open)
    if wanted is None:
        condition = "(s.updated_at >= ?2 OR s.status = 'IN PROGRESS')" if or_open else "s.updated_at >= ?2"
        source = f"steps s INDEXED BY steps_uid WHERE {condition}"
    else:
        source = f"steps s WHERE s.id IN ({wanted})"
    rows = connection.execute(
        f"SELECT {OUTLINE_COLUMNS} FROM {source} AND s.deleted = 0 AND s.uid > ?1{slots_condition(slots, 's.slot')} "
        "ORDER BY s.uid LIMIT ?3",
        (after_uid, updated_since, limit),
    )
    return [outline_of(row) for row in rows]


def _few_wanted(connection: apsw.Connection, updated_since: float, *, or_open: bool) -> str | None:
    """Return a query for the keys of the steps wanted, if the indexes say that they are few."""
    queries = ["SELECT id FROM steps WHERE updated_at >= ?2 AND deleted = 0"]
    if or_open:
        queries.append("SELECT id FROM steps WHERE status = 'IN PROGRESS' AND deleted = 0")
    for query in queries:
        counted = connection.execute(
            f"SELECT count(*) FROM ({query.replace('?2', '?1')} LIMIT {_FEW})", (updated_since,) * query.count("?")
        ).get
        if counted >= _FEW:
            return None
    return " UNION ".join(queries)
