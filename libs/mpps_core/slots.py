"""Slots: the fixed buckets by which the work on steps is divided among owners."""

import zlib
from typing import Final

SLOTS: Final = 256
"""Number of slots. Fixed for ever: it is stored with every step and every lane."""

ALL_SLOTS: Final = frozenset(range(SLOTS))


def slot_of(uid: str) -> int:
    """Return the slot of a step: CRC-32 of its UID modulo 256."""
    return zlib.crc32(uid.encode("ascii")) % SLOTS
