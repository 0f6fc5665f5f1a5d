"""Statements about the ledger: what ``mpps_store.ledger`` says, done in place."""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

from collections.abc import Sequence
from typing import Any, Final

import apsw

from mpps_core.attempt import Attempt
from mpps_core.forwarding.policy import MAX_DELAY
from mpps_core.lane import Lane, LaneKey, LaneRequest, Progress
from mpps_store.ledger import YOUNG, half_of, is_young, share_room
from mpps_store.sqlite.rows import ATTEMPT_COLUMNS, LANE_COLUMNS, lane_of, slots_condition, to_json

# ``ledger.progressed``. ?1 subscription, ?2 uid, ?3 gen, ?4 epoch, ?5 judged version, ?6 due, ?7 now.
_PROGRESS: Final = """
UPDATE ledger SET
    due = CASE WHEN ?6 IS NULL AND version <> ?5 THEN ?7 ELSE ?6 END,
    since = CASE WHEN ?6 IS NULL AND version = ?5 THEN NULL ELSE coalesce(since, ?7) END,
    cursor = ?8, high = max(high, ?9), state = ?10, request = NULL, epoch = ?4, attempts = ?11, unsure = ?12,
    healed_at = ?13, already_there = ?14, reason = ?15, turn = turn + 1
WHERE subscription = ?1 AND uid = ?2 AND gen = ?3 AND turn = ?16 AND epoch <= ?4
"""
_REQUEST: Final = """
UPDATE ledger SET request = ?3, gen = gen + 1, due = min(coalesce(due, ?4), ?4), since = coalesce(since, ?4)
WHERE subscription = ?1 AND uid = ?2
"""
_KEEP_ATTEMPT: Final = f"""
INSERT INTO attempts ({ATTEMPT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
_READ: Final = f"SELECT {LANE_COLUMNS} FROM ledger WHERE subscription = ? AND uid = ?"


def due_lanes(
    connection: apsw.Connection, subscription: int, slots: frozenset[int], *, now: float, limit: int
) -> list[Lane]:
    """Return due lanes, earliest first, half of the page kept for young ones (rules 24 and 25)."""
    mine = f"SELECT {LANE_COLUMNS} FROM ledger WHERE subscription = ?1{slots_condition(slots)} AND due IS NOT NULL AND "
    earliest = _lanes(connection, mine + "due <= ?2 ORDER BY due LIMIT ?3", (subscription, now, limit))
    if len(earliest) < limit:
        rest = (subscription, now + MAX_DELAY, limit - len(earliest))
        earliest += _lanes(connection, mine + "due > ?2 ORDER BY due LIMIT ?3", rest)
    half = half_of(limit)
    if len(earliest) < limit or sum(is_young(lane, now) for lane in earliest) >= half:
        return earliest
    young = _lanes(
        connection,
        mine + "born >= ?2 AND (due <= ?3 OR due > ?4) ORDER BY born LIMIT ?5",
        (subscription, now - YOUNG, now, now + MAX_DELAY, half),
    )
    return share_room(earliest, young, limit)


def read_lanes(connection: apsw.Connection, keys: Sequence[LaneKey]) -> list[Lane]:
    """Return the rows that exist."""
    found = (connection.execute(_READ, (key.subscription, key.uid)).fetchone() for key in keys)
    return [lane_of(row) for row in found if row is not None]


def progress_values(writes: Sequence[Progress]) -> list[tuple[Any, ...]]:
    """Return what is bound for cursor writes."""
    return [
        (
            w.subscription,
            w.uid,
            w.gen,
            w.epoch,
            w.judged_version,
            w.due,
            w.now,
            w.cursor,
            w.high,
            w.state,
            w.attempts,
            w.unsure,
            w.healed_at,
            w.already_there,
            w.reason,
            w.turn,
        )
        for w in writes
    ]


def attempt_values(attempts: Sequence[Attempt]) -> list[tuple[Any, ...]]:
    """Return what is bound for attempts."""
    return [
        (
            a.id,
            a.at,
            a.duration,
            a.subscription,
            a.uid,
            a.number,
            a.outcome,
            a.fault,
            a.http_status,
            a.dimse_status,
            a.failure,
            a.note,
            a.media_type,
            a.length,
            a.sha256,
        )
        for a in attempts
    ]


def write_progress(connection: apsw.Connection, writes: list[tuple[Any, ...]], attempts: list[tuple[Any, ...]]) -> int:
    """Apply conditional cursor writes (rule 18) and keep attempts; return how many writes matched."""
    before = connection.total_changes()
    connection.executemany(_PROGRESS, writes)
    matched = connection.total_changes() - before
    connection.executemany(_KEEP_ATTEMPT, attempts)
    return matched


def place_request(connection: apsw.Connection, key: LaneKey, request: LaneRequest, now: float) -> bool:
    """Put a request on a row (rule 19). False when there is no such row."""
    connection.execute(_REQUEST, (key.subscription, key.uid, to_json(request), now))
    return connection.changes() == 1


def _lanes(connection: apsw.Connection, query: str, values: tuple[Any, ...]) -> list[Lane]:
    return [lane_of(row) for row in connection.execute(query, values)]
