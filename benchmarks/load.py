"""The load generator: many connections, each with one request under way. A process of its own.

Requests are built before the clock starts and answers are only looked at for their status, so that the generator
needs a small part of what a server needs. Commands: ``{"port", "kind", "size", "count", "seed", "connections"}``.
"""

import asyncio
import collections
import contextlib
import gc
import json
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, cast

import uvloop

from benchmarks.bodies import requests, uids

_STATUS: Final = slice(9, 12)


class _Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is complete."""

    def __init__(self, work: Iterator[bytes], run: "_Run") -> None:
        self._work = work
        self._run = run
        self._buffer = b""
        self._begun = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what every loop gives for TCP

    def start(self) -> None:
        """Send the next request, or end."""
        request = next(self._work, None)
        if request is None or self._transport is None:
            self._run.connection_done()
            return
        self._begun = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._run.latencies.append(time.perf_counter() - self._begun)
        self._run.statuses[head[_STATUS].decode()] += 1
        self._buffer = b""
        self.start()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._run.lost()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


class _Run:
    """One measurement."""

    def __init__(self, connections: int) -> None:
        self.latencies: list[float] = []
        self.statuses: collections.Counter[str] = collections.Counter()
        self.done = asyncio.Event()
        self._open = connections

    def connection_done(self) -> None:
        """Note that a connection has nothing more to send."""
        self._open -= 1
        if self._open == 0:
            self.done.set()

    def lost(self) -> None:
        """Note that a server closed a connection."""
        if not self.done.is_set():
            self.statuses["lost"] += 1
            self.connection_done()


async def measure(port: int, kind: str, size: int, count: int, seed: int, connections: int) -> dict[str, Any]:
    """Send ``count`` requests and tell how long each took."""
    work = iter(requests(kind, size, uids(count, seed)))
    run = _Run(connections)
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: _Connection(work, run), "127.0.0.1", port))[1] for _ in range(connections)
    ]
    gc.collect()
    begun = time.perf_counter()
    for connection in made:
        connection.start()
    await run.done.wait()
    seconds = time.perf_counter() - begun
    for connection in made:
        connection.close()
    return {"seconds": seconds, "latencies": run.latencies, "statuses": dict(run.statuses)}


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def main() -> None:
    """Answer commands until there are no more."""
    print(json.dumps("ready"), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        for line in sys.stdin:
            print(json.dumps(runner.run(measure(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
