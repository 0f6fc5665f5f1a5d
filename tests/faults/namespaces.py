"""Running a test where it may mount what it likes: in a mount namespace of its own."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.support.manager import clean_environment, guarded

_INSIDE: Final = "TESTS_IN_MOUNT_NAMESPACE"
_REPOSITORY: Final = Path(__file__).parents[2]
_TIMEOUT: Final = 180.0


def with_mounts(test: Callable[[Path], None]) -> Callable[[Path, pytest.FixtureRequest], None]:
    """Have a test run in a mount namespace of its own, by another pytest. What it mounts ends with it."""

    @functools.wraps(test)
    def wrapper(tmp_path: Path, request: pytest.FixtureRequest) -> None:
        if os.environ.get(_INSIDE) == "1":
            test(tmp_path)
            return
        _unshared([sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", request.node.nodeid])

    # What pytest reads the fixtures from is the signature of what it would find below the wrapper.
    del wrapper.__wrapped__
    return wrapper


def mount_small_disk(directory: Path, size: int) -> None:
    """Mount a file system of ``size`` bytes. Only in ``with_mounts``."""
    directory.mkdir(parents=True, exist_ok=True)
    mount = shutil.which("mount")
    assert mount, "mounting needs the command mount"
    subprocess.run([mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)], check=True)


def _unshared(command: list[str]) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no command unshare, and so no small disk to fill")
    # Who is not root becomes it in a namespace of users, where the system allows that.
    prefix = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--mount", "--map-root-user"]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this system allows no mount namespace ({tried.stderr.strip()}), and so no small disk to fill")
    done = subprocess.run(
        guarded([*prefix, *command]),
        cwd=_REPOSITORY,
        env=clean_environment({_INSIDE: "1", **_mpps_settings()}),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def _mpps_settings() -> dict[str, str]:
    return {name: os.environ[name] for name in ("MPPS_KILLS", "MPPS_KILLS_SEED") if name in os.environ}
