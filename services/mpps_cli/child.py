"""The command, as a process that ends with the one that started it: ``python -m mpps_cli.child up …``."""

import ctypes
import os
import signal
import sys
from typing import Final

from mpps_cli.main import main

_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have the system end this process when its parent ends (Linux; elsewhere it does nothing)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(1)


if __name__ == "__main__":
    end_with_parent()
    main()
