"""The tour of the README, word for word: its commands are run, and what they print is held against what it shows.

Blocks of the README name the terminal they belong to: ``sh terminal=3`` is typed there, ``text terminal=3`` is seen
there. What differs from run to run (UIDs, times, ports) may differ; a line ``…`` stands for lines that were cut.
"""

import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.manager import Manager, clean_environment, guarded

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")

BASH: Final = shutil.which("bash") or "/bin/bash"
PATIENCE: Final = 60.0
CUT: Final = "…"
INTERRUPT: Final = "^C"
DONE: Final = "the block is done"

_BLOCK: Final = re.compile(r"^```(sh|text)(?: terminal=(\d))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_VARIABLE: Final = (
    r"2\.25\.[0-9]+",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} [+-][0-9]{4}",
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}",
    r"127\.0\.0\.1:[0-9]+",
    r"x-request-id: [0-9a-f]{16}",
    r"[0-9.]+ GiB",
    r"[0-9.]+ ms",
    r"[0-9]+\.[0-9] s",
    r"version [0-9.]+",
    r"[0-9]+ of them",
)
"""What may be another one when the tour is followed again."""

_ANY: Final = re.compile("|".join(f"({pattern})" for pattern in _VARIABLE))


@dataclass(frozen=True)
class Block:
    """One block of the README."""

    language: str
    terminal: int | None
    text: str


BLOCKS: Final = [Block(found[1], int(found[2]) if found[2] else None, found[3]) for found in _BLOCK.finditer(README)]
TOUR: Final = [block for block in BLOCKS if block.terminal is not None]


def shape(line: str) -> str:
    """Return the pattern of a line as the README shows it. Columns are as wide as what is in them."""
    line = " ".join(line.split())
    parts, end = [], 0
    for found in _ANY.finditer(line):
        parts += [re.escape(line[end : found.start()]), _VARIABLE[(found.lastindex or 1) - 1]]
        end = found.end()
    return "".join(parts) + re.escape(line[end:])


def shape_of(text: str) -> re.Pattern[str]:
    """Return the pattern of a block."""
    return re.compile("".join(r"(?:.*\n)*?" if line == CUT else shape(line) + r"\n" for line in text.splitlines()))


def plain(lines: list[str]) -> str:
    return "".join(" ".join(line.split()) + "\n" for line in lines)


class Terminal:
    """A shell with its output, standard error included."""

    def __init__(self, command: list[str], cwd: Path, env: Mapping[str, str]) -> None:
        self.lines: list[str] = []
        self._seen = 0
        self.process = subprocess.Popen(
            guarded(command),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def type(self, commands: str) -> None:
        """Run a block to its end; every command of it has to succeed."""
        if self.process.stdin is None:
            raise AssertionError
        self.process.stdin.write(f"set -eo pipefail\n{commands}\necho {DONE}\n")
        self.process.stdin.flush()
        end = time.monotonic() + PATIENCE
        while DONE not in self.lines:
            going = self.process.poll() is None and time.monotonic() < end
            assert going, f"{commands}\nended with {self.lines}"
            time.sleep(0.02)
        self.lines.remove(DONE)

    def shows(self, text: str, *, whole: bool) -> None:
        """Hold what was printed since the last time against a block; unless it is the whole, wait for it."""
        wanted = shape_of(text)
        end = time.monotonic() + (0.0 if whole else PATIENCE)
        while True:
            lines = self.lines[self._seen :]
            if wanted.fullmatch(plain(lines)):
                self._seen += len(lines)
                return
            if time.monotonic() >= end:
                pytest.fail(f"the README shows\n{text}\nand it is\n" + "\n".join(lines))
            time.sleep(0.05)

    def interrupt(self) -> None:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        assert self.end() == 0

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        if self.process.stdout is not None:
            for line in self.process.stdout:
                self.lines.append(line.rstrip("\n"))


class Desk:
    """Somebody who follows the tour: a manager on a free port in place of the first terminal, shells for the rest."""

    def __init__(self, directory: Path, manager: Manager) -> None:
        self._directory = directory
        self._manager = manager
        self._receiver = "127.0.0.1:0"
        address = manager.url.removeprefix("http://")
        self._env = clean_environment({"MPPS_URL": manager.url, "MPPS_HTTP__LISTEN": address})
        self._address = address
        self._prepared: dict[int, str] = {}
        self.terminals: dict[int, Terminal] = {}

    def type(self, terminal: int, commands: str) -> None:
        if terminal == 2:
            self._receive(commands)
        elif terminal == 3:
            shell = self.terminals.get(3) or Terminal([BASH, "--norc"], self._directory, self._env)
            self.terminals[3] = shell
            here = commands.replace("127.0.0.1:8246", self._address).replace("127.0.0.1:8247", self._receiver)
            shell.type(here)
        else:
            self.terminals[terminal] = Terminal([BASH, "-ec", commands], self._directory, clean_environment())

    def sees(self, terminal: int, text: str) -> None:
        if text.strip() == INTERRUPT:
            self.terminals[terminal].interrupt()
            return
        self.terminals[terminal].shows(text, whole=terminal == 3)

    def _receive(self, commands: str) -> None:
        """The second terminal: what it runs goes on until it is interrupted."""
        *before, last = commands.strip().splitlines()
        prepared = self._prepared[2] = self._prepared.get(2, "") + "".join(f"{line}\n" for line in before)
        if 2 in self.terminals:
            self.terminals[2].close()
        assert last.startswith("mpps receive")
        script = f"{prepared}exec {last} --listen {self._receiver}"
        shell = self.terminals[2] = Terminal([BASH, "-ec", script], self._directory, clean_environment())
        end = time.monotonic() + PATIENCE
        while not shell.lines:
            assert time.monotonic() < end
            time.sleep(0.02)
        found = re.search(r"127\.0\.0\.1:[0-9]+", shell.lines[0])
        assert found, shell.lines
        self._receiver = found[0]  # the same when it is started again


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    with Manager(tmp_path / "mpps-data") as manager:
        desk = Desk(tmp_path, manager)
        yield desk
        for terminal in desk.terminals.values():
            terminal.close()


def test_the_tour_works_as_it_is_written(desk: Desk) -> None:
    first, *tour = TOUR
    assert first == Block("sh", 1, "make run\n")
    # The demo needs nothing of the rest; it goes on beside it.
    alone = [block for block in tour if block.terminal == 4 and block.language == "sh"]
    for block in [*alone, *(each for each in tour if each not in alone)]:
        terminal = block.terminal or 0
        if terminal == 1:
            told = ["installing into .venv from requirements.lock", *desk._manager.stdout]
            assert shape_of(block.text).fullmatch(plain(told)), told
        elif block.language == "sh":
            desk.type(terminal, block.text)
        else:
            desk.sees(terminal, block.text)
    assert desk.terminals[4].end() == 0


def test_make_run_is_what_the_tour_counts_on() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '@echo "installing into $(VENV) from requirements.lock"' in makefile
    recipe = makefile.partition("\nrun:")[2].splitlines()[1]
    assert recipe.strip() == "@exec $(BIN)/mpps up"


def test_the_two_commands_come_first() -> None:
    assert BLOCKS[0] == Block("sh", None, "make run\nmake test\n")


def test_a_wrong_line_would_be_noticed() -> None:
    shown = shape_of("created  2.25.1  a.json  (201)\n…\nris  3 of 3\n")
    assert shown.fullmatch(plain(["created 2.25.77   a.json (201)", "and more", "ris   3 of 3"]))
    assert not shown.fullmatch(plain(["created 2.25.77 a.json (409)", "ris 3 of 3"]))
    assert not shown.fullmatch(plain(["created 2.25.77 a.json (201)", "ris 2 of 3"]))
