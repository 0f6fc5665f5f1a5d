"""Copies of the whole store: taken while the manager runs, and put back where there is none."""

import contextlib
import os
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import apsw

from mpps_core.errors import ConfigurationError, StoreUnavailable
from mpps_store.sqlite.directory import LOCK, DataDirectory, refuse_network, sync_directory
from mpps_store.sqlite.schema import MIGRATIONS, Migration, identify
from mpps_store.sqlite.verdicts import describe

_PAGES: Final = 2048  # pages copied at a time


def copy_out(connect: Callable[[], apsw.Connection], target: Path) -> None:
    """Copy the database as it is now to ``target``, which is replaced as a whole, or not at all.

    Raises StoreUnavailable.
    """
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            source = connect()
            try:
                # The snapshot is held for the whole copy, so that writes meanwhile do not make it begin again.
                source.execute("BEGIN")
                source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
                _copy(source, part)
            finally:
                source.close(force=True)
            part.replace(target)
            sync_directory(target.parent)
        finally:
            part.unlink(missing_ok=True)
    except (apsw.Error, OSError) as error:
        raise StoreUnavailable(f"the backup failed: {describe(error)}") from error


def restore(backup_file: Path, directory: Path, *, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Put a backup into a data directory that has no database yet. The backup is checked before and not changed.

    Raises ConfigurationError when the directory is in use or not empty, or the file is not a sound backup that this
    version of the manager can read; StoreUnavailable when the system does not let us.
    """
    claim = DataDirectory(directory)
    if not backup_file.is_file():
        raise ConfigurationError("there is no such backup file")
    if directory.exists():
        refuse_network(directory)
        if any(entry.name != LOCK for entry in directory.iterdir()):
            raise ConfigurationError("the data directory is not empty; a backup is restored into an empty one only")
    source = _opened_backup(backup_file, migrations)
    try:
        claim.claim()
        try:
            _copy(source, claim.database)
            sync_directory(directory)
        except BaseException:
            claim.database.unlink(missing_ok=True)
            raise
        finally:
            claim.release()
    except apsw.Error as error:
        raise StoreUnavailable(f"the backup could not be restored: {describe(error)}") from error
    finally:
        source.close(force=True)


def _opened_backup(backup_file: Path, migrations: Sequence[Migration]) -> apsw.Connection:
    try:
        # Immutable: nothing is written beside a backup, and it may be on a medium that cannot be written.
        uri = f"{backup_file.resolve().as_uri()}?immutable=1"
        source = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            _examine(source, migrations)
        except BaseException:
            source.close(force=True)
            raise
    except apsw.Error as error:
        raise ConfigurationError(f"the file is not a sound backup of this manager: {describe(error)}") from error
    return source


def _examine(source: apsw.Connection, migrations: Sequence[Migration]) -> None:
    if identify(source, migrations) == 0:
        raise ConfigurationError("the file is not a backup of this manager")
    if source.pragma("quick_check") != "ok":
        raise ConfigurationError("the backup is damaged")


def _copy(source: apsw.Connection, target: Path) -> None:
    """Copy a database over an empty file and make it durable, in one file."""
    copy = apsw.Connection(str(target), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        with copy.backup("main", source, "main") as backup:
            while not backup.done:
                backup.step(_PAGES)
        copy.pragma("journal_mode", "delete")  # a copied database says that it has a WAL beside it
    finally:
        copy.close(force=True)
    with contextlib.closing(os.fdopen(os.open(target, os.O_RDONLY), "rb")) as file:
        os.fsync(file.fileno())
