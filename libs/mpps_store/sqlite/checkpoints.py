"""When the write-ahead log is moved into the database: after those who wait for a commit have been told."""

import contextlib
from typing import Final

import apsw

EVERY_PAGES: Final = 1000
"""WAL pages after which they are moved into the database, as far as readers allow."""

RESTART_PAGES: Final = 16_000
"""WAL pages after which readers are waited for, so that the WAL can be used from its start again."""

_PATIENCE_MS: Final = 100  # for readers; a backup reads for much longer


class Checkpointer:
    """Moves the WAL of a writing connection.

    If that fails, what is committed is safe in the WAL, and all of it is moved again the next time.
    """

    def __init__(self, connection: apsw.Connection, busy_ms: int) -> None:
        self._connection = connection
        self._busy_ms = busy_ms
        self._pages = 0
        self._moved_at = 0  # pages in the WAL when it was last moved
        self._restart_at = RESTART_PAGES
        connection.set_wal_hook(self._committed)

    def after_commit(self) -> None:
        """Do what is due by the size of the WAL."""
        if self._pages < self._moved_at:
            # It was begun anew.
            self._moved_at = 0
            self._restart_at = RESTART_PAGES
        if self._pages >= self._moved_at + EVERY_PAGES:
            self.move()
        if self._pages >= self._restart_at:
            self._restart()

    def move(self) -> None:
        """Move what can be moved without waiting for anybody."""
        self._moved_at = self._pages
        with contextlib.suppress(apsw.Error):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def _restart(self) -> None:
        """Wait for readers, which under load are never all away by chance, and begin the WAL anew."""
        self._restart_at = 2 * self._pages  # so that a long reader does not hold every commit up
        with contextlib.suppress(apsw.Error):
            self._connection.set_busy_timeout(_PATIENCE_MS)
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        self._connection.set_busy_timeout(self._busy_ms)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        del connection, database
        self._pages = pages
        return int(apsw.SQLITE_OK)
