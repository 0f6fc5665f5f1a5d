"""The stores under test. A new kind adds its way of opening one to ``ADAPTERS`` and nothing else."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from mpps_core.accepting.interfaces import BlobStore, OperationStore, StepStore
from mpps_core.administration import Housekeeping, Identity, SubscriptionAdmin
from mpps_core.forwarding.interfaces import BackfillStore, LedgerStore, RoutingStore, SubscriptionStore
from mpps_core.reading import Catalogue
from mpps_store.memory import MemoryStore
from mpps_store.sqlite import SqliteStore


class Store(
    StepStore,
    OperationStore,
    BlobStore,
    RoutingStore,
    BackfillStore,
    LedgerStore,
    SubscriptionStore,
    SubscriptionAdmin,
    Catalogue,
    Housekeeping,
    Identity,
    Protocol,
):
    """Everything that the core needs of a store."""


Adapter = Callable[[Path], AbstractAsyncContextManager[Store]]
"""Opens an empty store, which may keep files in the directory given."""


@asynccontextmanager
async def _memory(directory: Path) -> AsyncIterator[Store]:
    del directory
    yield MemoryStore()


@asynccontextmanager
async def _sqlite(directory: Path) -> AsyncIterator[Store]:
    store = SqliteStore(directory)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


ADAPTERS: Final[dict[str, Adapter]] = {"memory": _memory, "sqlite": _sqlite}
