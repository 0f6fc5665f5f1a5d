"""A subscriber in a process of its own, which outlives the manager, and the end of it that tests hold.

The child prints a line for each operation that came and takes one command per line:

    python -m tests.faults.subscriber '{"delay": 0.01}'
"""

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Self, TextIO

import orjson

from mpps_cli.receiver import Arrival, Receiver
from tests.faults.modality import marker_in
from tests.support.manager import clean_environment, guarded

START_TIMEOUT: Final = 30.0
_HTTP_PORT_OF_NOBODY: Final = 9  # "discard", which nothing listens on


class Arrived(NamedTuple):
    """An operation that came to a subscriber."""

    uid: str
    number: int
    answer: int
    marker: int | None  #: which body of its step it is, as ``modality.marked`` wrote it
    size: int
    at: float  #: seconds since 1970 UTC

    @property
    def accepted(self) -> bool:
        """Whether it was answered with success."""
        return self.answer // 100 == 2


class Subscriber:
    """The parent's end. ``options`` are for the child: ``delay``, ``flaky`` (share of 503 answers), ``seed``."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.url = ""
        self.arrivals: list[Arrived] = []
        self._command = [sys.executable, "-m", "tests.faults.subscriber", json.dumps(options)]
        self._news = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            guarded(self._command),
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()
        self.until(lambda: bool(self.url), START_TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if self._reader is not None:
            self._reader.join(10)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    def tell(self, command: str) -> None:
        """Give a command: hang, resume, close, open."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def until(self, done: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until something holds that depends on what has arrived. Raises TimeoutError."""
        end = time.monotonic() + timeout
        with self._news:
            while not done():
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{self.name} still waits after {timeout:g} s; {len(self.arrivals)} came")
                self._news.wait(left)

    def accepted(self, uid: str | None = None) -> list[Arrived]:
        """Return what was answered with success, in order, of one step or all."""
        return [each for each in self.arrivals[:] if each.accepted and uid in {None, each.uid}]

    def wait_for(self, operations: int, timeout: float = 60.0) -> None:
        """Wait until so many different operations were accepted. Raises TimeoutError."""
        seen: set[tuple[str, int]] = set()
        looked_at = 0

        def enough() -> bool:
            nonlocal looked_at
            new = self.arrivals[looked_at:]
            looked_at += len(new)
            seen.update((each.uid, each.number) for each in new if each.accepted)
            return len(seen) >= operations

        self.until(enough, timeout)

    def _read(self, stream: TextIO) -> None:
        for line in stream:
            message = json.loads(line)
            with self._news:
                if isinstance(message, str):
                    self.url = message
                else:
                    self.arrivals.append(Arrived(*message))
                self._news.notify_all()


def dead_url() -> str:
    """Return an address at which nobody answers."""
    return f"http://127.0.0.1:{_HTTP_PORT_OF_NOBODY}/dicomweb"


# The child.


def _print(value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


def _arrived(arrival: Arrival) -> None:
    marker = marker_in(arrival.body)
    _print([arrival.uid, arrival.number or 0, arrival.answer, marker, arrival.size, arrival.at])


async def _run(options: dict[str, Any]) -> None:
    rng = random.Random(options.get("seed", 0))
    flaky = float(options.get("flaky", 0.0))
    receiver = Receiver(
        delay=float(options.get("delay", 0.0)),
        decide=(lambda *_: 503 if rng.random() < flaky else None) if flaky else None,
        on_arrival=_arrived,
    )
    _print(await receiver.start())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().strip():
        match line:
            case "hang":
                receiver.hang()
            case "resume":
                receiver.resume()
            case "close":
                await receiver.stop(abruptly=True)
            case "open":
                await receiver.start()
            case _:
                raise ValueError(line)


if __name__ == "__main__":
    asyncio.run(_run(json.loads(sys.argv[1])))
