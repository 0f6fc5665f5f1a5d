"""Cursors: the position after a page, as text that clients pass back without looking into it."""

import base64
import binascii
from typing import Any

import orjson

from mpps_console.api.answers import invalid
from mpps_core.desk import DraftFault


def write_cursor(position: tuple[Any, ...] | None) -> str | None:
    """Write a position of strings and numbers; ``None`` when there is no further page."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode("ascii")


def read_cursor(cursor: str, *types: type) -> tuple[Any, ...] | None:
    """Read a position whose parts have these types; ``None`` from an empty cursor. Raises Problem 422."""
    if not cursor:
        return None
    try:
        position = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError):
        position = None
    if not isinstance(position, list) or [type(part) for part in position] != list(types):
        raise invalid([DraftFault(path="query.cursor", detail="must be a next_cursor of the same list")])
    return tuple(position)
