"""A disk that fails on demand: a shim over SQLite's own file layer."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import apsw

_names: Final = itertools.count(1)


def error(kind: type[apsw.Error], code: int) -> Callable[[], apsw.Error]:
    """Return a maker of errors as SQLite's file layer gives them."""

    def make() -> apsw.Error:
        made = kind("a fault of the test")
        vars(made)["extendedresult"] = code
        return made

    return make


FULL: Final = error(apsw.FullError, apsw.SQLITE_FULL)
SYNC_FAILS: Final = error(apsw.IOError, apsw.SQLITE_IOERR_FSYNC)
WRITE_FAILS: Final = error(apsw.IOError, apsw.SQLITE_IOERR_WRITE)
READ_FAILS: Final = error(apsw.IOError, apsw.SQLITE_IOERR_READ)
CANNOT_OPEN: Final = error(apsw.CantOpenError, apsw.SQLITE_CANTOPEN)
READ_ONLY: Final = error(apsw.ReadOnlyError, apsw.SQLITE_READONLY)


class FaultyDisk(apsw.VFS):
    """A registered VFS; ``name`` is its name.

    ``fail`` names what fails: (operation, file) → a maker of the error, where operation is open, read, write or
    sync, and file is db or wal. With ``landing``, what fails is done all the same. ``gate`` holds a sync of the WAL
    up until it is set; ``at_gate`` tells that one is held up; ``then`` is what fails when that one is done.
    """

    def __init__(self) -> None:
        self.name = f"faulty-{next(_names)}"
        self.fail: dict[tuple[str, str], Callable[[], apsw.Error]] = {}
        self.then: dict[tuple[str, str], Callable[[], apsw.Error]] = {}
        self.landing = False
        self.calls: Counter[tuple[str, str]] = Counter()
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = threading.Event()
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 - SQLite's name
        """Open a file of ours."""
        kind = "wal" if flags[0] & apsw.SQLITE_OPEN_WAL else "db"
        self.meet("open", kind)
        return _File(self, kind, name, flags)

    def meet(self, operation: str, kind: str) -> None:
        """Count an operation and fail if it has to."""
        self.calls[operation, kind] += 1
        if (operation, kind) in self.fail:
            fault = self.fail[operation, kind]()
            raise fault

    def close_gate(self) -> None:
        """Hold the next sync of the WAL up."""
        self.at_gate.clear()
        self.gate.clear()


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, kind: str, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._kind = kind
        super().__init__("", name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.meet("read", self._kind)
        return super().xRead(amount, offset)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        if self._disk.landing:
            super().xWrite(data, offset)
        self._disk.meet("write", self._kind)
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        held = self._kind == "wal" and not self._disk.gate.is_set()
        if held:
            self._disk.at_gate.set()
            self._disk.gate.wait(30)
        if self._disk.landing:
            super().xSync(flags)
        self._disk.meet("sync", self._kind)
        super().xSync(flags)
        if held:
            self._disk.fail, self._disk.then = self._disk.then, {}


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    """Register a disk and take it away again."""
    disk = FaultyDisk()
    try:
        yield disk
    finally:
        disk.gate.set()
        disk.unregister()
