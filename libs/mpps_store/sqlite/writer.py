"""The one thread that writes, with group commit, and what it does when the disk fails it (rule 6)."""

import time
from collections.abc import Callable, Iterator
from typing import Final

import apsw

from mpps_core.errors import OutcomeUnknown, StoreError, StoreUnavailable
from mpps_store.sqlite.checkpoints import Checkpointer
from mpps_store.sqlite.connections import BUSY_MS, discard
from mpps_store.sqlite.verdicts import Verdict, as_store_error, describe, is_clean_in_commit, verdict_on
from mpps_store.sqlite.workers import Outcome, Unit, Worker

_IDLE: Final = 0.01  # seconds without work after which a chore is done, and between one and the next
_PUT_OFF: Final = 50_000  # units after which chores are done although there is work
_CATCH_UP: Final = 5  # chores after each batch then

_PROBE_EVERY: Final = 0.5  # seconds
_PROBE: Final = (
    "INSERT INTO meta (key, value) VALUES ('probe', zeroblob(16384))"
    " ON CONFLICT (key) DO UPDATE SET value = zeroblob(16384 + (length(value) = 16384))"
)
"""Needs room for a few pages; another length each time, so that it is not found to change nothing."""

_FIRST_PAUSE: Final = 0.1  # seconds between attempts to get going again
_LONGEST_PAUSE: Final = 2.0


class Writer(Worker):
    """Applies units in batches, each batch one transaction, each unit in a savepoint of its own.

    ``connect`` opens the writing connection; ``connection`` is the first one. ``chore`` is done when there is time
    for it, as one transaction that need not be durable at once; it tells whether it wants to go on.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        connect: Callable[[], apsw.Connection],
        chore: Callable[[apsw.Connection], bool],
    ) -> None:
        super().__init__("mpps-store-writer")
        self._connect = connect
        self._chore = chore
        self._until_chore: float | None = _IDLE  # seconds without work; None: there is no chore
        self._since_chore = 0  # units
        self._connection: apsw.Connection | None = connection
        self._checkpointer = Checkpointer(connection, BUSY_MS)
        self.trouble: str | None = None  #: why nothing is accepted now
        self.outage: str | None = None  #: why the last writes failed, where the next one may succeed

    def _run(self) -> None:
        while True:
            if self._connection is None and not self._heal():
                return
            units = self._take(timeout=self._until_chore if self.outage is None else _PROBE_EVERY)
            if units is None:
                self._drop()
                return
            if self._connection is None:
                continue
            if units:
                self._tell(self._commit(self._connection, units))
                self._until_chore = _IDLE
                self._since_chore += len(units)
            if not units and self.outage is not None:
                self._probe(self._connection)
            elif not units:
                self._do_chores(1)
            elif self._since_chore >= _PUT_OFF:
                self._do_chores(_CATCH_UP)
            if self._connection is not None:
                self._checkpointer.after_commit()

    # A batch

    def _commit(self, connection: apsw.Connection, units: list[Unit]) -> list[Outcome]:
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [_apply(connection, unit) for unit in units]
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            self.outage = describe(error)
            self._roll_back(connection, error)
            return [Outcome(unit, error=_unavailable(error)) for unit in units]
        try:
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the same
            if is_clean_in_commit(error):
                self.outage = describe(error)
                self._roll_back(connection, error)
                return [Outcome(unit, error=_unavailable(error)) for unit in units]
            self._abandon(error)
            return [Outcome(unit, error=OutcomeUnknown(f"the commit failed: {describe(error)}")) for unit in units]
        self.outage = None
        return outcomes

    def _probe(self, connection: apsw.Connection) -> None:
        """Find out whether writing works again: nobody sends anything to a manager that is not ready."""
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_PROBE)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and it is tried again
            self._roll_back(connection, error)
        else:
            self.outage = None

    def _roll_back(self, connection: apsw.Connection, error: Exception) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except apsw.Error:
            self._abandon(error)
            return
        if verdict_on(error) is Verdict.BROKEN:
            self._abandon(error)
        elif isinstance(error, apsw.FullError):
            # What is in the WAL may fit into the database, and the WAL can then be used from its start again.
            self._checkpointer.move()

    # Chores

    def _do_chores(self, most: int) -> None:
        more = True
        while more and most > 0 and self._connection is not None:
            more = self._do_chore(self._connection)
            most -= 1
        self._until_chore = _IDLE if more else None
        if not more:
            self._since_chore = 0

    def _do_chore(self, connection: apsw.Connection) -> bool:
        more = False
        try:
            # Not synced by itself: the next commit of a batch syncs it too, and what a crash takes is done again.
            connection.pragma("synchronous", "normal")
            connection.execute("BEGIN IMMEDIATE")
            more = self._chore(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - nobody waits for it, and it is tried again after the next batch
            self._roll_back(connection, error)
            more = False
        if self._connection is not None:
            self._connection.pragma("synchronous", "full")
        return more

    # After an error that leaves the connection or the outcome in doubt

    def _abandon(self, error: Exception) -> None:
        self.trouble = describe(error)
        self.outage = None
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            discard(connection)

    def _heal(self) -> bool:
        """Refuse everything until the database is open and wholly checkpointed; False when told to end meanwhile.

        After that, what a failed sync left in the WAL is either in the database, durably, or gone for good, so
        that looking by ``accept_id`` gives the answer.
        """
        pause = 0.0
        for longer in _pauses():
            if not self._refuse_for(pause):
                return False
            try:
                connection = self._connect()
                try:
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                except BaseException:
                    discard(connection)
                    raise
            except Exception as error:  # noqa: BLE001 - there is nobody to tell, only to try again
                self.trouble = error.detail if isinstance(error, StoreError) else describe(error)
                pause = longer
            else:
                self._connection = connection
                self._checkpointer = Checkpointer(connection, BUSY_MS)
                self.trouble = None
                break
        return True

    def _refuse_for(self, seconds: float) -> bool:
        """Answer whatever arrives with StoreUnavailable; False when told to end."""
        end = time.monotonic() + seconds
        while True:
            units = self._take(timeout=max(0.0, end - time.monotonic()))
            if units is None:
                return False
            reason = f"the store cannot be used now: {self.trouble}"
            self._tell([Outcome(unit, error=StoreUnavailable(reason)) for unit in units])
            if not units or time.monotonic() >= end:
                return True


def _apply(connection: apsw.Connection, unit: Unit) -> Outcome:
    """Apply one unit. An error that concerns the whole batch is raised, one of the unit alone is its outcome."""
    connection.execute("SAVEPOINT unit")
    try:
        result = unit.apply(connection)
    except Exception as error:
        if not isinstance(error, StoreError) and verdict_on(error) in {Verdict.OUTAGE, Verdict.BROKEN}:
            raise
        connection.execute("ROLLBACK TO unit; RELEASE unit")
        return Outcome(unit, error=as_store_error(error))
    connection.execute("RELEASE unit")
    return Outcome(unit, result)


def _unavailable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"the store cannot be used now: {describe(error)}; nothing was written")


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)
