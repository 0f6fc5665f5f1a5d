"""How connections to the database are made: one that writes, and some that read."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import apsw

from mpps_core.errors import ConfigurationError, StoreUnavailable
from mpps_store.sqlite.schema import Migration, identify, migrate
from mpps_store.sqlite.verdicts import describe

OLDEST_SQLITE: Final = (3, 51, 3)
"""Before this version two connections that write or checkpoint at the same moment can spoil the database."""

BUSY_MS: Final = 1000
"""How long another's lock is waited for: nobody else should write, but a person with a shell may, for a moment."""

_STATEMENTS: Final = 256
_WRITER_CACHE_KIB: Final = 64 * 1024
_READER_CACHE_KIB: Final = 16 * 1024
_WAL_LIMIT: Final = 64 * 1024 * 1024  # bytes that the WAL file keeps after it has been larger


def open_writer(path: Path, migrations: Sequence[Migration], *, vfs: str | None = None) -> apsw.Connection:
    """Open the connection that writes, and bring the schema up to date.

    Raises ConfigurationError when the file is not a database of this manager, is damaged or too new, and
    StoreUnavailable when it cannot be used now.
    """
    refuse_old_sqlite()
    try:
        connection = apsw.Connection(
            str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs, statementcachesize=_STATEMENTS
        )
        try:
            _prepare_writer(connection, migrations)
        except BaseException:
            discard(connection)
            raise
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise ConfigurationError(f"the database is damaged or not one of this manager: {describe(error)}") from error
    except apsw.Error as error:
        raise StoreUnavailable(f"the database cannot be used now: {describe(error)}") from error
    return connection


def open_reader(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """Open a connection that can do nothing but read. Raises the errors of the driver."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs, statementcachesize=_STATEMENTS)
    try:
        connection.set_busy_timeout(BUSY_MS)
        _harden(connection)
        connection.pragma("query_only", "on")
        connection.pragma("cache_size", -_READER_CACHE_KIB)
    except BaseException:
        discard(connection)
        raise
    return connection


def discard(connection: apsw.Connection) -> None:
    """Close a connection that may have gone bad; what the disk says to that does not matter any more."""
    with contextlib.suppress(apsw.Error):
        connection.close(force=True)


def refuse_old_sqlite() -> None:
    """Raise ConfigurationError when the library is one that can spoil a database."""
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        raise ConfigurationError(
            f"SQLite {version} is too old; it must be {'.'.join(map(str, OLDEST_SQLITE))} or newer"
        )


def _prepare_writer(connection: apsw.Connection, migrations: Sequence[Migration]) -> None:
    connection.set_busy_timeout(BUSY_MS)
    identify(connection, migrations)  # before anything is changed in a file that may not be ours
    _harden(connection)
    connection.pragma("cache_size", -_WRITER_CACHE_KIB)
    if connection.pragma("journal_mode", "wal") != "wal":
        raise ConfigurationError("the file system of the data directory cannot do write-ahead logging")
    connection.pragma("synchronous", "full")
    connection.pragma("journal_size_limit", _WAL_LIMIT)
    migrate(connection, migrations)


def _harden(connection: apsw.Connection) -> None:
    connection.wal_autocheckpoint(0)  # the writer does it when it has told its callers
    connection.pragma("trusted_schema", "off")
    connection.pragma("temp_store", "memory")
