"""A process that writes until it is killed, and tells what was acknowledged: ``writing_child DIRECTORY``."""

import asyncio
import sys
import uuid
from pathlib import Path

from tests.conformance.store.making import creation, lane, update
from tests.integration.sqlite.opening import opened

_WRITERS = 8


async def _write(directory: Path) -> None:
    async with opened(directory) as store:
        print("open", flush=True)

        async def one() -> None:
            while True:
                uid = f"2.25.{uuid.uuid4().int}"
                write = creation(uid)
                await store.write_operation(write)
                print(f"{uid} 1", flush=True)
                await store.write_operation(update(write.step))
                print(f"{uid} 2", flush=True)
                await store.route([lane(1, uid, 2)])
                print(f"{uid} lane", flush=True)

        await asyncio.gather(*(one() for _ in range(_WRITERS)))


if __name__ == "__main__":
    asyncio.run(_write(Path(sys.argv[1])))
