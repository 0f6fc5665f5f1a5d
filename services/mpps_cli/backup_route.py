"""``POST /api/v1/backup``: a consistent copy of the embedded store, as one file."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from mpps_console.api.guards import MAY_CHANGE
from mpps_web.problems import Problem

FILE_NAME: Final = "mpps-backup.sqlite3"

_PREFIX: Final = "backup-"


def backup_router(copy: Callable[[Path], Awaitable[None]], directory: Path) -> APIRouter:
    """Return the route. ``copy`` writes the store to a file; it is kept below ``directory`` while it is sent.

    It is not kept among the system's temporary files: those are often in memory, and it holds patients' names.
    """
    router = APIRouter(prefix="/api/v1", tags=["manager"])
    one = asyncio.Lock()

    @router.post("/backup", dependencies=list(MAY_CHANGE), operation_id="backup", response_class=FileResponse)
    async def backup() -> Response:
        """Copy the whole store while work goes on. Put it back with `mpps restore`."""
        if one.locked():
            raise Problem(
                status=HTTPStatus.CONFLICT,
                slug="busy",
                title="A backup is under way",
                detail="One copy is made at a time; try again when it is done.",
            )
        async with one:
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=_PREFIX, dir=directory))
            try:
                await copy(folder / FILE_NAME)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return FileResponse(
            folder / FILE_NAME,
            media_type="application/vnd.sqlite3",
            filename=FILE_NAME,
            headers={"cache-control": "no-store"},
            background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
        )

    return router


def remove_leftovers(directory: Path) -> None:
    """Remove copies that a manager did not finish sending before it died. Only for who holds the directory."""
    for folder in directory.glob(f"{_PREFIX}*"):
        shutil.rmtree(folder, ignore_errors=True)
