"""Opening a store for the length of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mpps_store.sqlite import SqliteStore


@asynccontextmanager
async def opened(directory: Path, **given: Any) -> AsyncIterator[SqliteStore]:
    """Open a store and close it again."""
    store = SqliteStore(directory, **given)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until_ready(store: SqliteStore) -> None:
    """Wait until a store has got going again after a fault."""
    async with asyncio.timeout(20):
        while not store.ready:
            await asyncio.sleep(0.001)
