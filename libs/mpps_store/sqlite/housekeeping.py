"""Statements that keep the store small."""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

from typing import Final

import apsw

# A blob that nothing names; both look-ups are by index. Blobs are owned by one step and their ids are never shared.
_ORPHAN: Final = """
b.written_at < ? AND NOT EXISTS (SELECT 1 FROM steps WHERE blob = b.id)
AND NOT EXISTS (SELECT 1 FROM operations WHERE blob = b.id)
"""
_REMOVED: Final = "subscription NOT IN (SELECT number FROM subscriptions)"
_REMOVED_WITH_LANES: Final = f"""
WITH RECURSIVE leap (subscription) AS (
    SELECT min(subscription) FROM ledger
    UNION ALL
    SELECT (SELECT min(l.subscription) FROM ledger l WHERE l.subscription > leap.subscription)
    FROM leap WHERE leap.subscription IS NOT NULL
)
SELECT subscription FROM leap WHERE subscription IS NOT NULL AND {_REMOVED}
"""


def expire_attempts(connection: apsw.Connection, before: float, limit: int) -> int:
    """Drop attempts that began before a time; return how many."""
    connection.execute(
        "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at < ? ORDER BY at LIMIT ?)", (before, limit)
    )
    return connection.changes()


def find_orphans(connection: apsw.Connection, before: float, limit: int) -> list[int]:
    """Return the numbers of blobs written before a time that nothing names, oldest first."""
    query = f"SELECT b.number FROM blobs b WHERE {_ORPHAN} ORDER BY b.written_at LIMIT ?"
    return [number for (number,) in connection.execute(query, (before, limit))]


def drop_orphans(connection: apsw.Connection, numbers: list[int], before: float) -> int:
    """Drop those of the blobs that still are orphans; return how many."""
    start = connection.total_changes()
    connection.executemany(
        f"DELETE FROM blobs AS b WHERE b.number = ? AND {_ORPHAN}", [(number, before) for number in numbers]
    )
    return connection.total_changes() - start


def purge_lanes(connection: apsw.Connection, limit: int) -> int:
    """Drop ledger rows and back-fills of removed subscriptions; return how many."""
    dropped = 0
    for (number,) in connection.execute(_REMOVED_WITH_LANES).fetchall():
        connection.execute(
            "DELETE FROM ledger WHERE subscription = ?1 "
            "AND uid IN (SELECT uid FROM ledger WHERE subscription = ?1 LIMIT ?2)",
            (number, limit - dropped),
        )
        dropped += connection.changes()
    connection.execute(
        "DELETE FROM backfills WHERE (subscription, slot) IN "
        f"(SELECT subscription, slot FROM backfills WHERE {_REMOVED} LIMIT ?)",
        (limit - dropped,),
    )
    return dropped + connection.changes()
