"""Statements about steps, their operations and their blobs."""

# Only column lists and conditions of this package are put into statements as text; what comes from outside is bound.
# ruff: noqa: S608

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import apsw

from mpps_core.errors import NotFound, RevisionLost
from mpps_core.step import Operation, OperationWrite, Step
from mpps_store.sqlite import terms
from mpps_store.sqlite.rows import (
    NUMBER_BITS,
    OPERATION_COLUMNS,
    STEP_COLUMNS,
    operation_of,
    operation_values,
    step_of,
    to_json,
)

_INSERT_STEP: Final = """
INSERT INTO steps (uid, slot, rev, version, status, deleted, received_at, updated_at, unrouted_since, sources, summary,
                   inline_bytes, size, stored, blob)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (uid) DO NOTHING RETURNING id
"""
_FIND_STEP: Final = "SELECT id, summary, sources, deleted FROM steps WHERE uid = ? AND rev = ? AND version = ?"
_UPDATE_STEP: Final = """
UPDATE steps SET rev = ?, version = ?, status = ?, deleted = ?, updated_at = ?,
                 unrouted_since = coalesce(unrouted_since, ?), sources = ?, summary = ?, inline_bytes = ?,
                 size = ?, stored = ?, blob = ?
WHERE id = ?
"""
_INSERT_OPERATION: Final = """
INSERT INTO operations (id, kind, accept_id, received_at, source, client, request_id, via, status, findings,
                        size, stored, blob, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_READ_STEP: Final = f"""
SELECT {STEP_COLUMNS},
       CASE WHEN s.blob IS NULL
       THEN coalesce((SELECT data FROM states WHERE step = s.id),
                     (SELECT data FROM operations WHERE id = s.id << {NUMBER_BITS} | 1)) END
FROM steps s WHERE s.uid = ?
"""
_READ_OPERATION: Final = f"""
SELECT {OPERATION_COLUMNS}, o.data FROM steps s JOIN operations o ON o.id = s.id << {NUMBER_BITS} | ?2 WHERE s.uid = ?1
"""
_FIND_ACCEPTED: Final = f"""
SELECT {OPERATION_COLUMNS}, o.data FROM steps s JOIN operations o
ON o.id BETWEEN s.id << {NUMBER_BITS} AND (s.id + 1 << {NUMBER_BITS}) - 1
WHERE s.uid = ? AND o.accept_id = ?
"""
_LIST_OPERATIONS: Final = f"""
SELECT {OPERATION_COLUMNS} FROM steps s JOIN operations o
ON o.id BETWEEN s.id << {NUMBER_BITS} AND (s.id + 1 << {NUMBER_BITS}) - 1
WHERE s.uid = ? ORDER BY o.id
"""


class EncodedWrite(NamedTuple):
    """An ``OperationWrite`` as columns, made by the caller so that the writing thread has less to do."""

    write: OperationWrite
    sources: str
    summary: str
    operation: tuple[Any, ...]


def encode_write(write: OperationWrite) -> EncodedWrite:
    """Make a write ready."""
    return EncodedWrite(
        write, to_json(write.step.sources), to_json(write.step.summary), operation_values(write.operation)
    )


def write_operation(connection: apsw.Connection, encoded: EncodedWrite) -> None:
    """Apply the one write of rule 1. Raises RevisionLost."""
    if encoded.write.expected_rev is None:
        _create(connection, encoded)
    else:
        _update(connection, encoded, encoded.write.expected_rev)


def _create(connection: apsw.Connection, encoded: EncodedWrite) -> None:
    step, operation = encoded.write.step, encoded.write.operation
    row = connection.execute(
        _INSERT_STEP,
        (
            step.uid,
            step.slot,
            step.rev,
            step.version,
            step.status,
            step.deleted,
            step.received_at,
            step.updated_at,
            operation.received_at,
            encoded.sources,
            encoded.summary,
            step.inline_bytes,
            step.dataset.size,
            step.dataset.stored,
            step.dataset.blob,
        ),
    ).fetchone()
    if row is None:
        raise RevisionLost("the UID is in use")
    key = row[0]
    connection.execute(_INSERT_OPERATION, (key << NUMBER_BITS | operation.number, *encoded.operation))
    if step.dataset.data != operation.payload.data:
        _write_state(connection, key, step)


def _update(connection: apsw.Connection, encoded: EncodedWrite, expected_rev: int) -> None:
    step, operation = encoded.write.step, encoded.write.operation
    row = connection.execute(_FIND_STEP, (step.uid, expected_rev, step.version - 1)).fetchone()
    if row is None:
        raise RevisionLost("another write came first")
    key, summary, sources, deleted = row
    if (summary, sources, bool(deleted)) != (encoded.summary, encoded.sources, step.deleted):
        terms.change(connection, key, _row_of(connection, key), step)
    connection.execute(
        _UPDATE_STEP,
        (
            step.rev,
            step.version,
            step.status,
            step.deleted,
            step.updated_at,
            operation.received_at,
            encoded.sources,
            encoded.summary,
            step.inline_bytes,
            step.dataset.size,
            step.dataset.stored,
            step.dataset.blob,
            key,
        ),
    )
    connection.execute(_INSERT_OPERATION, (key << NUMBER_BITS | operation.number, *encoded.operation))
    _write_state(connection, key, step)


def _write_state(connection: apsw.Connection, key: int, step: Step) -> None:
    if step.dataset.data is None:
        connection.execute("DELETE FROM states WHERE step = ?", (key,))
    else:
        connection.execute("INSERT OR REPLACE INTO states (step, data) VALUES (?, ?)", (key, step.dataset.data))


def _row_of(connection: apsw.Connection, key: int) -> Step:
    [row] = connection.execute(f"SELECT {STEP_COLUMNS} FROM steps s WHERE s.id = ?", (key,)).fetchall()
    return step_of(row)


def read_step(connection: apsw.Connection, uid: str) -> Step | None:
    """Return a step with the inline bytes of its state."""
    row = connection.execute(_READ_STEP, (uid,)).fetchone()
    return None if row is None else step_of(row[:-1], row[-1])


def read_operation(connection: apsw.Connection, uid: str, number: int) -> Operation | None:
    """Return one operation with its inline bytes."""
    if not 0 < number < 1 << NUMBER_BITS:
        return None
    row = connection.execute(_READ_OPERATION, (uid, number)).fetchone()
    return None if row is None else operation_of(row[:-1], row[-1])


def read_operations(connection: apsw.Connection, keys: Sequence[tuple[str, int]]) -> list[Operation | None]:
    """Return operations in the order of the keys."""
    return [read_operation(connection, uid, number) for uid, number in keys]


def find_accepted(connection: apsw.Connection, uid: str, accept_id: str) -> Operation | None:
    """Return the operation of a step that carries an ``accept_id``."""
    row = connection.execute(_FIND_ACCEPTED, (uid, accept_id)).fetchone()
    return None if row is None else operation_of(row[:-1], row[-1])


def list_operations(connection: apsw.Connection, uid: str) -> list[Operation]:
    """Return a step's operations in order, without inline bytes."""
    return [operation_of(row) for row in connection.execute(_LIST_OPERATIONS, (uid,))]


def write_blob(connection: apsw.Connection, blob_id: str, uid: str, data: bytes, now: float) -> None:
    """Keep a blob. A taken id is a constraint that fails."""
    connection.execute("INSERT INTO blobs (id, uid, written_at, data) VALUES (?, ?, ?, ?)", (blob_id, uid, now, data))


def read_blob(connection: apsw.Connection, blob_id: str) -> bytes:
    """Return a blob's bytes. Raises NotFound."""
    row = connection.execute("SELECT data FROM blobs WHERE id = ?", (blob_id,)).fetchone()
    if row is None:
        raise NotFound("no such blob is stored")
    return bytes(row[0])
