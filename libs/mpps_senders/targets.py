"""Targets: what is the same in reading the ``target`` of a subscription for every kind of sender."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

MASK: Final = "***"
"""What a secret reads back as."""

Value = TypeVar("Value")


class TargetFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with a target. ``detail`` never repeats a value, which may be a secret."""

    path: str  #: names of the members down to the one meant, joined with dots, e.g. ``auth.token``
    detail: str


class Reader:
    """Takes the members of an object one by one and gathers every fault, so that all can be told at once."""

    def __init__(
        self, members: Mapping[str, Any], *, prefix: str = "", faults: list[TargetFault] | None = None
    ) -> None:
        self.faults: list[TargetFault] = [] if faults is None else faults
        self._members = members
        self._prefix = prefix
        self._asked: set[str] = set()

    def blame(self, name: str, detail: str) -> None:
        """Add a fault of a member."""
        self.faults.append(TargetFault(path=self._prefix + name, detail=detail))

    def take(self, name: str, read: Callable[[str], Value], *, default: Value | None = None) -> Value | None:
        """Return what ``read`` makes of a text member, ``None`` after a fault.

        Without a ``default`` the member must be there. ``read`` raises ValueError with the detail of the fault.
        """
        self._asked.add(name)
        value = self._members.get(name)
        if value is None:
            if default is None:
                self.blame(name, "is required")
            return default
        if not isinstance(value, str):
            self.blame(name, "must be a string")
            return None
        try:
            return read(value)
        except ValueError as error:
            self.blame(name, str(error))
            return None

    def inside(self, name: str) -> "Reader | None":
        """Return a reader for an object member, ``None`` when it is absent or, after a fault, not an object."""
        self._asked.add(name)
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.blame(name, "must be an object")
            return None
        return Reader(value, prefix=f"{self._prefix}{name}.", faults=self.faults)

    def finish(self) -> None:
        """Blame the members that nobody has asked for."""
        for name in self._members:
            if name not in self._asked:
                self.blame(str(name), "is not known here")
