"""The SQLite adapter: one directory, one writing thread with group commit (protocol rule 6)."""

from mpps_store.sqlite.backup import restore
from mpps_store.sqlite.store import SqliteStore

__all__ = ["SqliteStore", "restore"]
