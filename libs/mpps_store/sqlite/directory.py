"""The data directory: one manager at a time, readable by nobody else, on a disk of this machine."""

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import Final

from mpps_core.errors import ConfigurationError, StoreUnavailable

DATABASE: Final = "mpps.sqlite3"
LOCK: Final = "lock"

_NETWORK: Final = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "beegfs", "gpfs", "ocfs2", "gfs2",
        "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse",
    }
)  # fmt: skip
"""File systems on which locks and shared memory of SQLite cannot be trusted."""

_held: Final[set[tuple[int, int]]] = set()
"""Lock files held by this process, by device and inode: locks of a process do not exclude itself."""


class DataDirectory:
    """A directory that this process alone uses from ``claim`` to ``release``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._key: tuple[int, int] | None = None

    @property
    def database(self) -> Path:
        """Where the database is."""
        return self.path / DATABASE

    def claim(self) -> None:
        """Make the directory (mode 0700) if there is none, lock it, and make the empty database file (0600).

        Raises ConfigurationError when another manager uses it or it is on a network file system, StoreUnavailable
        when the system does not let us.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse_network(self.path)
            self._take_lock()
            try:
                self._make_database()
            except BaseException:
                self.release()
                raise
        except (FileExistsError, NotADirectoryError) as error:
            raise ConfigurationError("the data directory is not a directory") from error
        except OSError as error:
            raise StoreUnavailable(f"the data directory cannot be used: {error.strerror}") from error

    def release(self) -> None:
        """Let others use the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._key is not None:
            _held.discard(self._key)
            self._key = None

    def _take_lock(self) -> None:
        path = self.path / LOCK
        with contextlib.suppress(FileNotFoundError):
            # Looked at before it is opened: closing a second descriptor would give up the lock of the first.
            if _key_of(path.stat()) in _held:
                raise _in_use(os.getpid())
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            # Not flock: a forked helper would share that and keep the lock of a manager that has died.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 32).decode("ascii", "replace").strip()
            os.close(lock)
            raise _in_use(holder or "unknown") from None
        except BaseException:
            os.close(lock)
            raise
        self._lock, self._key = lock, _key_of(os.fstat(lock))
        _held.add(self._key)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)

    def _make_database(self) -> None:
        # SQLite gives its other files the mode of this one. It must not be opened here once SQLite has it open.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.database, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            sync_directory(self.path)


def refuse_network(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise ConfigurationError when a directory is on a network file system, as far as the system tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    resolved = path.resolve()
    best, kind = -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004 - device, mount point, type
            continue
        point = Path(fields[1].replace("\\040", " "))
        # Of two mounts on one point the later one is on top.
        if resolved.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    if kind in _NETWORK:
        raise ConfigurationError(f"the data directory is on a network file system ({kind}); it needs a local disk")


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _key_of(status: os.stat_result) -> tuple[int, int]:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError("the lock file of the data directory is not a file")
    return status.st_dev, status.st_ino


def _in_use(holder: object) -> ConfigurationError:
    return ConfigurationError(f"another manager uses this data directory (pid {holder})")
