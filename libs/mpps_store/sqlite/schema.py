"""The tables, and how an older file becomes a newer one."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import apsw

from mpps_core.errors import ConfigurationError

APPLICATION_ID: Final = 0x4D505053
"""``MPPS``: marks a database as one of this manager."""


class Migration(NamedTuple):
    """One step forward. ``statements`` run in one transaction that also records ``version``."""

    version: int
    statements: str


# Notes to the tables:
# - An operation is found by arithmetic, ``steps.id << 15 | number`` (20,000 operations at most): no index to keep,
#   and the operations of new steps are appended.
# - ``steps`` is narrow, because it is rewritten often and listed; the state's bytes are in ``states``, and not even
#   there while they are those of the Create.
# - ``terms`` narrows a search down (see ``terms.py``). It is ordered by ``received_at`` within a value so that a
#   common value can be listed without sorting.
# - A level lane costs its row in ``ledger`` and no index entry. ``since`` tells when it last had nothing to send.
_V1: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta (key, value) VALUES ('subscriptions_revision', 0), ('epoch', 0), ('terms_entered', 0);

CREATE TABLE steps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL,
    slot INTEGER NOT NULL,
    rev INTEGER NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    received_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    unrouted_since REAL,
    sources TEXT NOT NULL,
    summary TEXT NOT NULL,
    inline_bytes INTEGER NOT NULL,
    size INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    blob TEXT
) STRICT;
CREATE UNIQUE INDEX steps_uid ON steps (uid);
CREATE INDEX steps_received ON steps (received_at) WHERE deleted = 0;
CREATE INDEX steps_updated ON steps (updated_at) WHERE deleted = 0;
CREATE INDEX steps_status ON steps (status, received_at) WHERE deleted = 0;
CREATE INDEX steps_unrouted ON steps (unrouted_since, slot) WHERE unrouted_since IS NOT NULL;
CREATE INDEX steps_blob ON steps (blob) WHERE blob IS NOT NULL;

CREATE TABLE states (step INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;

CREATE TABLE terms (
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    received_at REAL NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (kind, value, received_at, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    accept_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    source TEXT NOT NULL,
    client TEXT,
    request_id TEXT NOT NULL,
    via TEXT,
    status TEXT,
    findings TEXT,
    size INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    blob TEXT,
    data BLOB
) STRICT;
CREATE INDEX operations_blob ON operations (blob) WHERE blob IS NOT NULL;

CREATE TABLE blobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    uid TEXT NOT NULL,
    written_at REAL NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX blobs_id ON blobs (id);
CREATE INDEX blobs_written ON blobs (written_at);

CREATE TABLE ledger (
    subscription INTEGER NOT NULL,
    uid TEXT NOT NULL,
    slot INTEGER NOT NULL,
    version INTEGER NOT NULL,
    cursor INTEGER NOT NULL DEFAULT 0,
    high INTEGER NOT NULL DEFAULT 0,
    due REAL,
    state TEXT,
    gen INTEGER NOT NULL DEFAULT 0,
    request TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    unsure INTEGER NOT NULL DEFAULT 0,
    healed_at INTEGER,
    already_there INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    born REAL NOT NULL,
    since REAL,
    PRIMARY KEY (subscription, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_due ON ledger (subscription, due, state, since) WHERE due IS NOT NULL;
CREATE INDEX ledger_young ON ledger (subscription, born) WHERE due IS NOT NULL;
CREATE INDEX ledger_stopped ON ledger (subscription, state, born) WHERE state IS NOT NULL;

CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    duration REAL NOT NULL,
    subscription INTEGER NOT NULL,
    uid TEXT NOT NULL,
    number INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    fault TEXT,
    http_status INTEGER,
    dimse_status INTEGER,
    failure TEXT,
    note TEXT,
    media_type TEXT,
    length INTEGER,
    sha256 TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_subscription ON attempts (subscription);
CREATE INDEX attempts_uid ON attempts (uid);

CREATE TABLE subscriptions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    form TEXT NOT NULL
) STRICT;

CREATE TABLE backfills (
    subscription INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    PRIMARY KEY (subscription, slot)
) STRICT, WITHOUT ROWID;
"""

MIGRATIONS: Final = (Migration(1, _V1),)
"""In order of version. What has been released is never edited; what is new is appended."""


def newest(migrations: Sequence[Migration]) -> int:
    """Return the schema version that the migrations lead to."""
    return migrations[-1].version


def identify(connection: apsw.Connection, migrations: Sequence[Migration]) -> int:
    """Return the schema version of a database, 0 when it is empty.

    Raises ConfigurationError when it belongs to another program or to a newer version of this one.
    """
    version = int(connection.pragma("user_version"))
    application = int(connection.pragma("application_id"))
    if application != APPLICATION_ID:
        if application or version or connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").get is not None:
            raise ConfigurationError("the file is an SQLite database, but not one of this manager")
        return 0
    if version > newest(migrations):
        raise ConfigurationError(
            f"the database has schema version {version}; this version of the manager knows up to {newest(migrations)}"
        )
    return version


def migrate(connection: apsw.Connection, migrations: Sequence[Migration]) -> None:
    """Bring a database to the newest schema, one transaction for each step. Raises ConfigurationError."""
    version = identify(connection, migrations)
    for migration in migrations:
        if migration.version <= version:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(migration.statements)
            connection.pragma("application_id", APPLICATION_ID)
            connection.pragma("user_version", migration.version)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
