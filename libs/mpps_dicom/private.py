"""Blocks of private attributes (PS3.5 7.8.1): a creator at (gggg,00bb) reserves (gggg,bb00) to (gggg,bbFF)."""

from typing import Any

from mpps_dicom.dictionary import is_private
from mpps_dicom.json_model import values_of


def creator_in(tag: str, element: Any) -> str | None:
    """Give the creator that an attribute reserves its block for; None when it is no private creator."""
    if not (tag[4:6] == "00" and tag[6] != "0" and is_private(tag)) or type(element) is not dict:
        return None
    values = values_of(element)
    creator = values[0] if values else None
    return creator.strip("\0 ") or None if type(creator) is str else None


def blocks_of(level: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Give the first block of each creator of a level: (group, creator) to two digits."""
    blocks: dict[tuple[str, str], str] = {}
    for tag in sorted(tag for tag in level if tag[3:4] in "13579BDF" and tag[4:6] == "00"):
        creator = creator_in(tag, level[tag])
        if creator is not None:
            blocks.setdefault((tag[:4], creator), tag[6:])
    return blocks


def free_block(level: dict[str, Any], group: str) -> str | None:
    """Give the lowest block of a group that has neither creator nor attributes; None when there is none."""
    taken = {tag[6:] if tag[4:6] == "00" else tag[4:6] for tag in level if tag[:4] == group}
    return next((block for number in range(0x10, 0x100) if (block := f"{number:02X}") not in taken), None)
