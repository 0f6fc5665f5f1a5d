"""The store of the embedded manager: SQLite in a directory of its own."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from mpps_core.attempt import Attempt, AttemptFilter
from mpps_core.errors import StoreUnavailable
from mpps_core.forwarding.interfaces import StepOutline
from mpps_core.lane import Lane, LaneKey, LaneRequest, LaneWrite, Progress
from mpps_core.reading import AttemptPage, LanePage, StoreCounts
from mpps_core.step import Operation, OperationWrite, Step, StepFilter, StepPage
from mpps_core.subscription import Subscription, SubscriptionSet
from mpps_store.sqlite import backup, catalogue, housekeeping, ledger, routing, steps, subscriptions, terms
from mpps_store.sqlite.connections import open_reader, open_writer
from mpps_store.sqlite.directory import DataDirectory
from mpps_store.sqlite.reader import Reader
from mpps_store.sqlite.schema import MIGRATIONS, Migration
from mpps_store.sqlite.writer import Writer

_TERMS_AT_ONCE: Final = 100  # steps; more would keep an accept that comes just then waiting for long


class SqliteStore:
    """Every storage port of the core on one SQLite database, which this process alone uses.

    One thread writes, one reads what deciding needs, and one makes lists, so that a long list delays no delivery.
    The methods of the ports raise what the ports say. Used from the event loop that ``open`` was awaited in.

    ``migrations`` and ``vfs`` (name of a registered SQLite VFS) are for tests.
    """

    def __init__(
        self, directory: Path, *, migrations: Sequence[Migration] = MIGRATIONS, vfs: str | None = None
    ) -> None:
        self._directory = DataDirectory(directory)
        self._migrations = migrations
        self._vfs = vfs
        self._writer: Writer | None = None
        self._reader = self._lister = Reader("mpps-store-closed", self._connect_reader)

    @property
    def ready(self) -> bool:
        """Whether operations are accepted now."""
        return self.unready_reason is None

    @property
    def unready_reason(self) -> str | None:
        """Why no operations are accepted now, in words for an operator; ``None`` when they are."""
        if self._writer is None:
            return "the store is closed"
        return self._writer.trouble or self._writer.outage

    async def open(self) -> None:
        """Claim the directory, bring the schema up to date and begin.

        Raises ConfigurationError when another manager has the directory or the database is not one that this
        version can use, and StoreUnavailable when the directory cannot be used now; then it may be tried again.
        """
        connection = await asyncio.to_thread(self._open)
        loop = asyncio.get_running_loop()
        self._writer = Writer(connection, self._connect_writer, partial(terms.enter_some, limit=_TERMS_AT_ONCE))
        self._reader = Reader("mpps-store-reader", self._connect_reader)
        self._lister = Reader("mpps-store-lister", self._connect_reader)
        for worker in (self._writer, self._reader, self._lister):
            worker.start(loop)

    async def close(self) -> None:
        """Finish what was asked for, and let go of the directory."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            await self._reader.stop()
            await self._lister.stop()
            await writer.stop()
        finally:
            self._directory.release()

    async def backup(self, path: Path) -> None:
        """Copy the store as it is now into one file while work goes on; an older file is replaced at the end.

        Raises StoreUnavailable.
        """
        if self._writer is None:
            raise StoreUnavailable("the store is closed")
        await asyncio.to_thread(backup.copy_out, self._connect_reader, path)

    # StepStore and OperationStore

    async def read_step(self, uid: str) -> Step | None:
        """Return the step or its tombstone, or ``None``."""
        return await self._reader.do(lambda c: steps.read_step(c, uid))

    async def write_operation(self, write: OperationWrite) -> None:
        """Apply the one write of rule 1; when this returns it is durable."""
        encoded = steps.encode_write(write)
        await self._write.do(lambda c: steps.write_operation(c, encoded))

    async def settle(self, uid: str, accept_id: str) -> Operation | None:
        """Look for an operation. The writing thread does it, after all that was under way: that is the fence."""
        return await self._write.do(lambda c: steps.find_accepted(c, uid, accept_id))

    async def read_operation(self, uid: str, number: int) -> Operation | None:
        """Return operation ``number`` of a step."""
        return await self._reader.do(lambda c: steps.read_operation(c, uid, number))

    # BlobStore

    async def write_blob(self, blob_id: str, uid: str, data: bytes, now: float) -> None:
        """Keep bytes under a new id. Raises RevisionLost when the id is taken."""
        await self._write.do(lambda c: steps.write_blob(c, blob_id, uid, data, now))

    async def read_blob(self, blob_id: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        return await self._reader.do(lambda c: steps.read_blob(c, blob_id))

    # RoutingStore

    async def unrouted(self, slots: frozenset[int], limit: int) -> list[StepOutline]:
        """Return steps of these slots that carry the marker, longest unrouted first."""
        return await self._reader.do(lambda c: routing.unrouted(c, slots, limit))

    async def route(self, lanes: Sequence[LaneWrite]) -> None:
        """Apply routing writes (rule 10)."""
        await self._write.do(lambda c: routing.route(c, lanes))

    async def clear_unrouted(self, marks: Sequence[tuple[str, int]]) -> None:
        """Clear the marker of each (uid, version) that still is at that version (rule 7)."""
        await self._write.do(lambda c: routing.clear_unrouted(c, marks))

    # BackfillStore

    async def pending_backfills(self, subscription: int, slots: frozenset[int]) -> frozenset[int]:
        """Return those of ``slots`` whose back-fill is not recorded as done."""
        return await self._reader.do(lambda c: routing.pending_backfills(c, subscription, slots))

    async def backfill_page(
        self, slots: frozenset[int], *, updated_since: float, or_open: bool, after_uid: str, limit: int
    ) -> list[StepOutline]:
        """Return steps of these slots after ``after_uid``, updated since a time or, if wanted, still open."""
        page = partial(
            routing.backfill_page,
            slots=slots,
            updated_since=updated_since,
            or_open=or_open,
            after_uid=after_uid,
            limit=limit,
        )
        return await self._lister.do(page)

    async def finish_backfills(self, subscription: int, slots: frozenset[int]) -> None:
        """Record the back-fill of these slots as done."""
        await self._write.do(lambda c: routing.finish_backfills(c, subscription, slots))

    # LedgerStore

    async def due_lanes(self, subscription: int, slots: frozenset[int], *, now: float, limit: int) -> list[Lane]:
        """Return due lanes, earliest first, half of the page kept for young ones (rules 24 and 25)."""
        return await self._reader.do(lambda c: ledger.due_lanes(c, subscription, slots, now=now, limit=limit))

    async def read_lanes(self, keys: Sequence[LaneKey]) -> list[Lane]:
        """Return the rows that exist."""
        return await self._reader.do(lambda c: ledger.read_lanes(c, keys))

    async def write_progress(self, writes: Sequence[Progress], attempts: Sequence[Attempt]) -> int:
        """Apply conditional cursor writes (rule 18) and keep attempts; return how many writes matched."""
        rows, records = ledger.progress_values(writes), ledger.attempt_values(attempts)
        return await self._write.do(lambda c: ledger.write_progress(c, rows, records))

    async def place_request(self, key: LaneKey, request: LaneRequest, now: float) -> bool:
        """Put a request on a row (rule 19). False when there is no such row."""
        return await self._write.do(lambda c: ledger.place_request(c, key, request, now))

    async def read_operations(self, keys: Sequence[tuple[str, int]]) -> list[Operation | None]:
        """Return operation ``number`` of step ``uid`` for each key, in order."""
        return await self._reader.do(lambda c: steps.read_operations(c, keys))

    # SubscriptionStore and SubscriptionAdmin

    async def subscriptions(self) -> SubscriptionSet:
        """Return all subscriptions that are not deleted, by number."""
        return await self._reader.do(subscriptions.subscriptions)

    async def subscriptions_revision(self) -> int:
        """Return the revision number alone."""
        return await self._reader.do(subscriptions.revision)

    async def add_subscription(self, subscription: Subscription) -> Subscription:
        """Keep a new one, with back-fills pending. Raises RevisionLost when the id is taken."""
        return await self._write.do(lambda c: subscriptions.add(c, subscription))

    async def replace_subscription(self, subscription: Subscription) -> Subscription:
        """Replace the one with this number. Raises NotFound, or RevisionLost when another has its new id."""
        return await self._write.do(lambda c: subscriptions.replace_one(c, subscription))

    async def remove_subscription(self, subscription_id: str) -> int:
        """Remove it and return the new revision. Raises NotFound."""
        return await self._write.do(lambda c: subscriptions.remove(c, subscription_id))

    # Catalogue

    async def list_steps(self, wanted: StepFilter, after: tuple[float, str] | None, limit: int) -> StepPage:
        """Return steps newest first, without inline payload bytes, tombstones aside."""
        return await self._lister.do(lambda c: catalogue.list_steps(c, wanted, after, limit))

    async def list_operations(self, uid: str) -> list[Operation]:
        """Return a step's operations in order, without inline payload bytes."""
        return await self._lister.do(lambda c: steps.list_operations(c, uid))

    async def list_lanes(
        self,
        *,
        subscription: int | None,
        state: str,
        uid: str,
        after: tuple[float, str, int] | None,
        limit: int,
    ) -> LanePage:
        """Return lanes newest first by (born, uid, subscription)."""
        page = partial(catalogue.list_lanes, subscription=subscription, state=state, uid=uid, after=after, limit=limit)
        return await self._lister.do(page)

    async def list_attempts(self, wanted: AttemptFilter, after: str | None, limit: int) -> AttemptPage:
        """Return attempts, newest first by id."""
        return await self._lister.do(lambda c: catalogue.list_attempts(c, wanted, after, limit))

    async def counts(self) -> StoreCounts:
        """Return how the store stands."""
        return await self._lister.do(catalogue.counts)

    # Housekeeping and Identity

    async def expire_attempts(self, before: float, limit: int) -> int:
        """Drop attempts that began before a time; return how many."""
        return await self._write.do(lambda c: housekeeping.expire_attempts(c, before, limit))

    async def sweep_blobs(self, before: float, limit: int) -> int:
        """Drop blobs written before a time that their step does not name; return how many."""
        orphans = await self._lister.do(lambda c: housekeeping.find_orphans(c, before, limit))
        return await self._write.do(lambda c: housekeeping.drop_orphans(c, orphans, before)) if orphans else 0

    async def purge_lanes(self, limit: int) -> int:
        """Drop ledger rows and back-fills of removed subscriptions; return how many."""
        return await self._write.do(lambda c: housekeeping.purge_lanes(c, limit))

    async def manager_id(self, proposed: str) -> str:
        """Return the kept id of the manager; keep ``proposed`` when there is none yet."""
        return await self._write.do(lambda c: subscriptions.manager_id(c, proposed))

    async def next_epoch(self) -> int:
        """Return a number greater than any before, durably."""
        return await self._write.do(subscriptions.next_epoch)

    # Connections

    @property
    def _write(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable("the store is closed")
        return self._writer

    def _open(self) -> apsw.Connection:
        self._directory.claim()
        try:
            return self._connect_writer()
        except BaseException:
            self._directory.release()
            raise

    def _connect_writer(self) -> apsw.Connection:
        return open_writer(self._directory.database, self._migrations, vfs=self._vfs)

    def _connect_reader(self) -> apsw.Connection:
        if self._writer is not None and self._writer.trouble is not None:
            # A new connection could take up what a failed commit left in the WAL before it is known to be durable.
            raise StoreUnavailable(f"the store cannot be used now: {self._writer.trouble}")
        return open_reader(self._directory.database, vfs=self._vfs)
