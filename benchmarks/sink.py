"""A subscriber that answers every request at once and keeps nothing. A process of its own.

It knows just enough HTTP to tell where a request ends, so that it is not what a sender waits for. It answers a
command with how many requests came.
"""

import asyncio
import contextlib
import json
import sys
from typing import Final, cast

import uvloop

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH: Final = b"content-length:"


class _Connection(asyncio.Protocol):
    """One connection."""

    count = 0

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what every loop gives for TCP

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(bytes(buffer[:end]))
            if len(buffer) < whole:
                return
            del buffer[:whole]
            _Connection.count += 1
            if self._transport is not None:
                self._transport.write(_ANSWER)


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(_LENGTH)
    return 0 if start < 0 else int(lowered[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(json.dumps(server.sockets[0].getsockname()[1]), flush=True)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        print(json.dumps(_Connection.count), flush=True)


def main() -> None:
    """Run."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(serve())


if __name__ == "__main__":
    main()
