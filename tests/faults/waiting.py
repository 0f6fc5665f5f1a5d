"""Asking a manager, and waiting for what it says to come true."""

import time
from collections.abc import Callable
from typing import Final

from tests.faults.modality import marker_in
from tests.support.manager import Manager

_GLANCE: Final = 0.02


def eventually(holds: Callable[[], bool], timeout: float = 30.0) -> None:
    """Wait until something holds that only asking can tell. Raises TimeoutError."""
    end = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"it did not come true within {timeout:g} s")
        time.sleep(_GLANCE)


def stored_steps(manager: Manager) -> dict[str, list[int | None]]:
    """Return the markers of the operations of every step, in order; asserts that their numbers have no gaps."""
    stored: dict[str, list[int | None]] = {}
    for step in manager.client.pages("/steps", limit=10**9):
        uid, version = step["uid"], step["version"]
        listed = manager.api("GET", f"/steps/{uid}")["operations"]
        assert [operation["number"] for operation in listed] == list(range(1, version + 1)), (uid, listed)
        bodies = (
            manager.client.request("GET", f"/api/v1/steps/{uid}/operations/{number}").body
            for number in range(1, version + 1)
        )
        stored[uid] = [marker_in(body) for body in bodies]
    return stored
