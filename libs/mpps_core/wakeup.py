"""Wake-ups: hints that a step has a newer version (rule 8). May be lost, doubled, late or wrong."""

from typing import Protocol

import msgspec


class WakeUp(msgspec.Struct, frozen=True, kw_only=True):
    """Step ``uid`` in ``slot`` is now at ``version``."""

    uid: str
    version: int
    slot: int


class WakeUps(Protocol):
    """How those who accept tell those who forward."""

    def publish(self, wake_up: WakeUp) -> None:
        """Pass a hint on if there is room; never wait, never fail."""
        ...
