"""``Via``: which managers an operation has passed through (RFC 9110 7.6.3), and the loop guard."""

from collections.abc import Iterable
from typing import Final

_PROTOCOL: Final = "1.1"
_PREFIX: Final = "mpps-"


def via_entry(manager_id: str) -> str:
    """Return the entry that a manager puts on what it sends."""
    return f"{_PROTOCOL} {_PREFIX}{manager_id}"


def parse_via(values: Iterable[str]) -> tuple[str, ...]:
    """Return the entries of all ``Via`` header values in order, comments and surrounding space cut off."""
    return tuple(entry.strip() for value in values for entry in _uncommented(value).split(",") if entry.strip())


def has_passed(via: Iterable[str], manager_id: str) -> bool:
    """Tell whether an operation with these entries has been at this manager before."""
    own = _PREFIX + manager_id
    return any(own in entry.split()[1:2] for entry in via)


def _uncommented(value: str) -> str:
    """Return a header value without its comments, which nest and may hold commas (RFC 9110 5.6.5).

    One that is never closed is no comment: rather too many entries than one that nobody sees.
    """
    if "(" not in value:
        return value
    kept: list[str] = []
    opened: list[int] = []
    after = 0  # where what is not kept yet begins
    escaped = False
    for index, character in enumerate(value):
        if escaped:
            escaped = False
        elif character == "\\" and opened:
            escaped = True
        elif character == "(":
            opened.append(index)
        elif character == ")" and opened:
            start = opened.pop()
            if not opened:
                kept.append(value[after:start])
                after = index + 1
    return "".join([*kept, value[after:]])
