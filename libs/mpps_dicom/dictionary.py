"""The data dictionary of PS3.6: tags, keywords, value representations and multiplicities.

Copied once from pydicom's tables; the rows of Table F.7.2-1 that those do not have yet (Supplement 233)
are added and remembered in ``PROVISIONAL``.
"""

import re
from typing import Final, NamedTuple

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from mpps_dicom.requirements import ROWS


class Attribute(NamedTuple):
    """One entry of the dictionary. ``high`` is None where there is no upper bound of values."""

    keyword: str
    vr: str
    vrs: tuple[str, ...]
    low: int
    high: int | None
    step: int


_VM = re.compile(r"(\d+)(?:-(?:(\d+)|(\d*)n))?(?: or .*)?")
_TAG = re.compile(r"[0-9A-F]{8}")


def _attribute(keyword: str, vr: str, vm: str) -> Attribute:
    bounds = _VM.fullmatch(vm)
    if bounds is None:
        raise ValueError(f"{keyword}: value multiplicity {vm} has an unknown form")
    low, high, step = bounds.groups()
    open_ended = step is not None or " or " in vm
    last = None if open_ended else int(high or low)
    return Attribute(keyword, vr, tuple(vr.split(" or ")), int(low), last, int(step or 1))


ATTRIBUTES: Final = {
    f"{tag:08X}": _attribute(keyword, vr, vm)
    for tag, (vr, vm, _name, _retired, keyword) in DicomDictionary.items()
    if tag & 0xFFFF and vr != "NONE"
}
"""Every attribute with a fixed tag, group lengths and the delimiters of items left out."""

PROVISIONAL: Final = frozenset(row.tag for row in ROWS if row.vr and row.tag not in ATTRIBUTES)
"""Attributes whose entry comes from the rows of Table F.7.2-1; what it says of them may warn but never refuse."""

ATTRIBUTES.update(
    {
        row.tag: _attribute(row.keyword, row.vr, row.vm)
        for row in ROWS
        if row.tag in PROVISIONAL and row.keyword and row.vr and row.vm
    }
)

_TAGS: Final = {attribute.keyword: tag for tag, attribute in ATTRIBUTES.items() if attribute.keyword}

_REPEATING: Final = tuple(
    (re.compile(mask.upper().replace("X", "[0-9A-F]")), _attribute(keyword, vr, vm))
    for mask, (vr, vm, _name, _retired, keyword) in RepeatersDictionary.items()
)


def is_tag(text: str) -> bool:
    """Tell whether a text is a tag as JSON writes it: eight upper-case hexadecimal digits (PS3.18 F.2.2)."""
    return _TAG.fullmatch(text) is not None


def is_group_length(tag: str) -> bool:
    """Tell whether the tag is a group length, (gggg,0000)."""
    return tag.endswith("0000")


def is_private(tag: str) -> bool:
    """Tell whether the tag has an odd group number (PS3.5 7.8)."""
    return tag[3] in "13579BDF"


def _repeating(tag: str) -> Attribute | None:
    return next((attribute for mask, attribute in _REPEATING if mask.fullmatch(tag)), None)


def attribute_of(tag: str) -> Attribute | None:
    """Look a tag up, repeating groups (50xx, 60xx ...) included; None for private and unknown tags."""
    found = ATTRIBUTES.get(tag)
    if found is not None or is_private(tag):
        return found
    return _repeating(tag)


def tag_of(keyword: str) -> str | None:
    """Give the tag of a keyword of PS3.6, spelt exactly; None if there is none or it is of a repeating group."""
    return _TAGS.get(keyword)


def keyword_of(tag: str) -> str | None:
    """Give the keyword of a tag; None for private and unknown tags."""
    attribute = attribute_of(tag)
    return attribute.keyword or None if attribute else None


def vr_of(tag: str) -> str | None:
    """Give the value representation as PS3.6 prints it (``US or SS`` where it depends); None when unknown."""
    attribute = attribute_of(tag)
    if attribute is not None:
        return attribute.vr
    if is_group_length(tag):
        return "UL"
    return "LO" if is_private(tag) and tag[4:6] == "00" and tag[6] != "0" else None
