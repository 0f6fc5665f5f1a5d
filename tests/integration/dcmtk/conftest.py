"""Finding and running the commands of dcmtk."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., bytes]


@pytest.fixture(scope="session")
def dcmtk() -> Run:
    """Give a function that runs a command of dcmtk and gives what it prints; any complaint fails the test."""

    def run(command: str, *arguments: str | Path) -> bytes:
        path = shutil.which(command)
        if path is None:
            missing = f"{command} of dcmtk is not installed; on Debian and Ubuntu: apt-get install dcmtk"
            if os.environ.get("CI"):
                pytest.fail(missing)
            pytest.skip(missing)
        done = subprocess.run([path, *arguments], capture_output=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    return run
