"""Processes of a benchmark: children that take one JSON line and give one back, and waiting until one is at rest."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final, Self

import psutil

from mpps_cli.client import Client
from tests.support.manager import clean_environment, guarded

_GLANCE: Final = 0.25  # seconds
_AT_REST: Final = 0.04  # of a core


class Child:
    """``python -m module`` in a process of its own: it reads commands and answers each with a line of JSON."""

    def __init__(self, module: str, *arguments: str, log: Path | None = None) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self.hello: Any = None  #: the first line it wrote

    def __enter__(self) -> Self:
        self._process = _started(self._command, self._log)
        self.hello = self._greeting()
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._running().pid

    def ask(self, **command: Any) -> Any:
        """Give a command and return the answer."""
        stdin = self._running().stdin
        if stdin is None:
            raise RuntimeError("the child has no standard input")
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()
        return self._answer()

    def _greeting(self) -> Any:
        return self._answer()

    def _answer(self) -> Any:
        return json.loads(self._line())

    def _line(self) -> str:
        stdout = self._running().stdout
        line = "" if stdout is None else stdout.readline()
        if not line:
            raise RuntimeError(f"{self._command[2]} ended")
        return line

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self._command[2]} does not run")
        return self._process


class Up(Child):
    """``mpps up`` on a directory of its own. ``hello`` is the address of its HTTP door.

    Its log goes to a file, as a service manager would have it, and not through a process that is measured.
    """

    def __init__(self, directory: Path, settings: str = "") -> None:
        directory.mkdir(parents=True)
        config = directory / "mpps.toml"
        config.write_text(settings)
        options = ("up", "--config", str(config), "--data", str(directory / "data"), "--http", "127.0.0.1:0")
        super().__init__("mpps_cli.main", *options, log=directory / "log")

    @property
    def port(self) -> int:
        """The port of its HTTP door."""
        return int(self.hello.rpartition(":")[2])

    @property
    def client(self) -> Client:
        """A client of it."""
        return Client(self.hello)

    def subscribe(self, name: str, url: str, **limits: float) -> None:
        """Add a subscription."""
        body = {"id": name, "kind": "dicomweb", "target": {"url": url}, "limits": limits}
        self.client.api("POST", "/subscriptions", body)

    def memory(self) -> int:
        """Return the bytes of memory of its processes, shared pages counted in proportion (PSS)."""
        process = psutil.Process(self.pid)
        return sum(each.memory_full_info().pss for each in [process, *process.children(recursive=True)])

    def _greeting(self) -> str:
        address = self._line().split()[1]
        while self._line().strip() != "ready":
            pass
        return address


def _started(command: list[str], log: Path | None) -> subprocess.Popen[str]:
    with Path(os.devnull if log is None else log).open("wb") as stderr:
        return subprocess.Popen(  # noqa: S603 - our own modules
            guarded(command),
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if log is None else stderr,
            text=True,
        )


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def rest(pid: int, timeout: float = 60.0) -> float:
    """Wait until a process has nothing left to do; return the processor time that it has used."""
    end = time.monotonic() + timeout
    before = cpu_seconds(pid)
    while time.monotonic() < end:
        time.sleep(_GLANCE)
        now = cpu_seconds(pid)
        if now - before < _AT_REST * _GLANCE:
            return now
        before = now
    raise TimeoutError(f"process {pid} does not come to rest")
