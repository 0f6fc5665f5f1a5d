"""A real manager in a process of its own, for tests and benchmarks.

    with Manager(tmp_path / "data") as manager:
        manager.client.request("GET", "/healthz")
        manager.kill()
        manager.start()          # the same data, the same port

The process ends with the one that started it, however that ends (Linux: with the thread that started it, so start
managers from a thread that lasts). It is signalled by its own id only.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TextIO

import psutil

from mpps_cli.client import Client

START_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 40.0

MPPS: Final = (sys.executable, "-m", "mpps_cli.main")
"""The command."""

# Runs a command in this process after tying its life to the parent's. Arguments: the parent's id, "1" to lose the
# right to ignore file permissions that root has, the command.
_GUARD: Final = """
import ctypes, os, signal, sys
parent, drop, *command = sys.argv[1:]
prctl = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER = 1, 24, 1, 2, 3
prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
if drop == "1":
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER):
        if prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            sys.exit("capabilities cannot be dropped")
os.execv(command[0], command)
"""


def guarded(command: Sequence[str], *, drop_capabilities: bool = False) -> list[str]:
    """Return a command that runs ``command`` and ends with this process."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-c", _GUARD, str(os.getpid()), str(int(drop_capabilities)), *command]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without settings of a manager, with ``extra``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MPPS_")}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "", "NO_COLOR": "1", "COLUMNS": "200", **(extra or {})}


def mpps(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        guarded([*MPPS, *arguments]),
        env=clean_environment(env),
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


class ManagerFailed(AssertionError):
    """A manager did not do what a test counts on. The message ends with what it wrote."""


class Manager:
    """One manager: a data directory and the process that uses it, if it runs.

    ``settings`` is the text of its ``mpps.toml``; ``options`` are further options of ``mpps up``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        settings: str = "",
        options: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        http: str = "127.0.0.1:0",
        token: str | None = None,
        drop_capabilities: bool = False,
    ) -> None:
        self.directory = directory
        self.config = directory.with_name(f"{directory.name}.toml")  #: written at each start
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self.token = token
        self.url = ""  #: of the HTTP door; known once ready, and the same after a restart
        self._settings = settings
        self._options = tuple(options)
        self._env = clean_environment(env)
        self._http = http
        self._drop_capabilities = drop_capabilities
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._running().pid

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def base(self) -> str:
        """The base address of its DICOMweb services."""
        return f"{self.url}/dicomweb"

    @property
    def client(self) -> Client:
        """A client of it."""
        return Client(self.url, self.token)

    def start(self, timeout: float = START_TIMEOUT) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_ready(timeout)

    def launch(self) -> None:
        """Start the process without waiting for it."""
        if self.running:
            raise ManagerFailed("it runs already")
        self._reap()
        self.stdout, self.stderr = [], []
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(self._settings)
        command = [*MPPS, "up", "--config", str(self.config), "--data", str(self.directory), "--http", self._http]
        self._process = subprocess.Popen(
            guarded([*command, *self._options], drop_capabilities=self._drop_capabilities),
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for stream, lines in ((self._process.stdout, self.stdout), (self._process.stderr, self.stderr)):
            reader = threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            reader.start()
            self._readers.append(reader)

    def wait_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Wait for the line ``ready``. Raises ManagerFailed."""
        self.wait_line("ready", timeout)
        self.wait_door(timeout)

    def wait_door(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until the HTTP door is open; it opens without a store, too. Raises ManagerFailed."""
        self.url = self.wait_line("http", timeout).split()[1]
        # The next start takes the same port, so that whoever talks to this manager finds it again.
        self._http = self.url.partition("://")[2]

    async def start_soon(self, timeout: float = START_TIMEOUT) -> None:
        """Do ``start`` while the event loop goes on."""
        self.launch()
        await asyncio.to_thread(self.wait_ready, timeout)

    def wait_line(self, text: str, timeout: float = START_TIMEOUT, *, stderr: bool = False) -> str:
        """Wait for a line that is or contains the text, and return it. Raises ManagerFailed."""
        lines = self.stderr if stderr else self.stdout
        end = time.monotonic() + timeout
        with self._news:
            while True:
                for line in lines:
                    if text in line:
                        return line
                left = end - time.monotonic()
                if left <= 0 or (not self.running and not any(reader.is_alive() for reader in self._readers)):
                    raise ManagerFailed(f"no line with {text!r}{self._told()}")
                self._news.wait(min(left, 0.2))

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Ask the process to end (SIGTERM), wait for it, and return its exit code."""
        self._running().send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def interrupt(self) -> None:
        """Send SIGINT."""
        self._running().send_signal(signal.SIGINT)

    def terminate(self) -> None:
        """Send SIGTERM without waiting."""
        self._running().send_signal(signal.SIGTERM)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for the end of the process and return its exit code. Raises ManagerFailed."""
        process = self._process
        if process is None:
            raise ManagerFailed("it was not started")
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ManagerFailed(f"it did not end in {timeout} s{self._told()}") from None
        self._reap()
        return code

    def kill(self) -> None:
        """End the process as a crash does (SIGKILL), its worker processes too. Does nothing when it does not run."""
        process = self._process
        if process is None:
            return
        children: list[psutil.Process] = []
        if process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
        process.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._reap()

    def restart(self) -> None:
        """Kill and start again."""
        self.kill()
        self.start()

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Call the management API."""
        return self.client.api(method, path, body, **query)

    def subscribe(self, subscription_id: str, url: str, **members: Any) -> Any:
        """Add a subscription for what is at ``url``."""
        target = {"url": url, **members.pop("target", {})}
        body = {"id": subscription_id, "name": subscription_id, "kind": "dicomweb", "target": target, **members}
        return self.api("POST", "/subscriptions", body)

    def memory(self) -> int:
        """Return the bytes of memory of the process and its children: shared pages counted in proportion (PSS)."""
        process = psutil.Process(self.pid)
        return sum(each.memory_full_info().pss for each in [process, *process.children(recursive=True)])

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            raise ManagerFailed(f"it does not run{self._told()}")
        return self._process

    def _read(self, stream: TextIO, lines: list[str]) -> None:
        for line in stream:
            with self._news:
                lines.append(line.rstrip("\n"))
                self._news.notify_all()
        stream.close()
        with self._news:
            self._news.notify_all()

    def _reap(self) -> None:
        for reader in self._readers:
            reader.join(10)
        self._readers = []

    def _told(self) -> str:
        code = None if self._process is None else self._process.poll()
        said = "\n".join([*self.stdout[-10:], *self.stderr[-40:]])
        return f" (exit code {code}); it wrote:\n{said}"


@contextlib.contextmanager
def managers(*each: Manager) -> Iterator[None]:
    """Run several managers."""
    with contextlib.ExitStack() as stack:
        for manager in each:
            stack.enter_context(manager)
        yield
