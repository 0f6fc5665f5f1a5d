"""Places in a data set, and how they are written for people: keywords first, then tags."""

from typing import TypeAlias

from mpps_dicom.dictionary import keyword_of

Where: TypeAlias = "tuple[Where, str, int] | None"
"""An item of a sequence: (where the sequence is, its tag, number of the item from 0); None is the top level.

A linked tuple costs a walk one small object per item; it is written out only when there is something to tell.
"""


def written_tag(tag: str) -> str:
    """Write ``00100010`` as ``(0010,0010)``."""
    return f"({tag[:4]},{tag[4:]})"


def written(where: Where, tag: str | None = None) -> str:
    """Write the place of an item, or of an attribute in it; the empty text is the whole data set."""
    names: list[str] = [] if tag is None else [keyword_of(tag) or tag]
    tags: list[str] = [] if tag is None else [written_tag(tag)]
    while where is not None:
        where, sequence, index = where
        names.append(f"{keyword_of(sequence) or sequence}[{index}]")
        tags.append(f"{written_tag(sequence)}[{index}]")
    return f"{'.'.join(reversed(names))} {''.join(reversed(tags))}" if names else ""
