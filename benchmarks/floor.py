"""The floor of accepting: the same HTTP server and framework, a body that is read and not looked at, one durable row.

The row is as long as what the manager would keep of that body (``Row-Bytes``), or with ``raw`` as the body itself.
It goes through the writing thread of the store, with the same group commit.
"""

import asyncio
import gc
import json
import sys
from pathlib import Path

import apsw
import uvloop
from fastapi import APIRouter
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mpps_ingest.body import read_body
from mpps_store.sqlite.connections import open_writer
from mpps_store.sqlite.schema import MIGRATIONS, Migration
from mpps_store.sqlite.writer import Writer
from mpps_web.app import create_app
from mpps_web.logging import configure_logging
from mpps_web.requests import joined_headers
from mpps_web.server import HttpServer

TABLE = "CREATE TABLE floor (id INTEGER PRIMARY KEY, uid TEXT NOT NULL, data BLOB NOT NULL) STRICT;"
_LIMIT = 64 * 1024 * 1024


class Rows:
    """A durable table behind the writing thread of the store."""

    def __init__(self, directory: Path) -> None:
        path = directory / "floor.sqlite3"
        path.touch()
        migrations = [*MIGRATIONS, Migration(MIGRATIONS[-1].version + 1, TABLE)]
        self._writer = Writer(open_writer(path, migrations), lambda: open_writer(path, migrations), lambda _: False)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin."""
        self._writer.start(loop)

    async def keep(self, rows: list[tuple[str, bytes]]) -> None:
        """Keep rows; when this returns they are durable."""

        def insert(connection: apsw.Connection) -> None:
            connection.executemany("INSERT INTO floor (uid, data) VALUES (?, ?)", rows)

        await self._writer.do(insert)

    async def stop(self) -> None:
        """End."""
        await self._writer.stop()


class Floor:
    """An ASGI application that does no more than it must."""

    def __init__(self, rows: Rows, *, raw: bool) -> None:
        self._rows = rows
        self._raw = raw

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, keep, answer."""
        headers = joined_headers(scope)
        body = await read_body(receive, headers, limit=_LIMIT, patience=60.0)
        size = len(body) if self._raw else int(headers[b"row-bytes"])
        # Rows longer than their body are those of Updates, which keep the operation and the state.
        row = body[:size] if size <= len(body) else body + bytes(size - len(body))
        await self._rows.keep([(scope["path_params"]["uid"], row)])
        status = 200 if scope["query_string"] else 201
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def serve(directory: Path, *, raw: bool, log_requests: bool) -> None:
    """Serve for ever."""
    rows = Rows(directory)
    rows.start(asyncio.get_running_loop())
    router = APIRouter()
    router.routes.append(Route("/dicomweb/modality-performed-procedure-steps/{uid}", Floor(rows, raw=raw)))
    server = HttpServer(create_app([router], log_requests=log_requests), "127.0.0.1", 0)
    await server.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    print(json.dumps(server.address[1]), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Run with the options in the first argument."""
    options = json.loads(sys.argv[1])
    configure_logging(level="info", console=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        work = serve(Path(options["directory"]), raw=options["raw"], log_requests=options["log_requests"])
        runner.run(work)


if __name__ == "__main__":
    main()
