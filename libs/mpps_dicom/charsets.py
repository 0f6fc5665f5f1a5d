"""Specific Character Set (0008,0005): which characters the defined terms of PS3.3 C.12.1.1.2 can hold.

Inside, all text is UTF-8; this answers whether the set a modality works with could carry a text back.
"""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

UNICODE: Final = "ISO_IR 192"
"""UTF-8, the set that holds everything."""

_ASCII = ("ascii", 1, b"")
_KATAKANA = ("shift_jis", 1, b"")

_SINGLE_BYTE: Final = {
    "6": _ASCII,
    "13": _KATAKANA,
    "100": ("latin_1", 1, b""),
    "101": ("iso8859_2", 1, b""),
    "109": ("iso8859_3", 1, b""),
    "110": ("iso8859_4", 1, b""),
    "126": ("iso8859_7", 1, b""),
    "127": ("iso8859_6", 1, b""),
    "138": ("iso8859_8", 1, b""),
    "144": ("iso8859_5", 1, b""),
    "148": ("iso8859_9", 1, b""),
    "166": ("tis_620", 1, b""),
    "203": ("iso8859_15", 1, b""),
}

_CODECS: Final = {
    "": _ASCII,
    **{f"ISO_IR {number}": codec for number, codec in _SINGLE_BYTE.items()},
    **{f"ISO 2022 IR {number}": codec for number, codec in _SINGLE_BYTE.items()},
    "ISO 2022 IR 87": ("iso2022_jp", None, b"\x1b$B"),
    "ISO 2022 IR 159": ("iso2022_jp_1", None, b"\x1b$(D"),
    "ISO 2022 IR 149": ("euc_kr", 2, b""),
    "ISO 2022 IR 58": ("gb2312", 2, b""),
    UNICODE: ("utf_8", None, b""),
    "GB18030": ("gb18030", None, b""),
    "GBK": ("gbk", 2, b""),
}
"""Codec of Python, length of a character outside ASCII in it (None: any), and the bytes it has to begin with."""

WITHOUT_EXTENSIONS: Final = frozenset({UNICODE, "GB18030", "GBK"})
"""Sets that take no code extensions, so that none other may stand beside them."""


def is_term(term: str) -> bool:
    """Tell whether the text is a Defined Term of Specific Character Set, or empty for the default repertoire."""
    return term in _CODECS


def is_defined(term: str) -> bool:
    """Tell whether a term, without padding, is one of PS3.3."""
    return term in _CODECS


@cache
def _has(term: str, character: str) -> bool:
    codec, length, beginning = _CODECS[term]
    try:
        encoded = character.encode(codec)
    except UnicodeEncodeError:
        return False
    # ISO_IR 13 has the yen sign and the overline in the places of backslash and tilde, and comes back with those.
    if not beginning and encoded.isascii():
        return False
    return encoded.startswith(beginning) and (length is None or len(encoded) == length)


class _Together(dict[str, bool]):
    """Whether sets hold a character, remembered by character: each is asked for again with every step."""

    def __init__(self, terms: tuple[str, ...]) -> None:
        super().__init__()
        self._known = [term for term in terms if term in _CODECS]

    def __missing__(self, character: str) -> bool:
        held = self[character] = character.isascii() or any(_has(term, character) for term in self._known)
        return held


_together = lru_cache(maxsize=64)(_Together)


def holds(terms: Sequence[str], characters: Iterable[str]) -> bool:
    """Tell whether every character outside ASCII is in one of the sets.

    ``terms`` are the values of (0008,0005), empty for the default repertoire. With several (ISO 2022 code
    extensions) escape sequences may change the set at any character, so each may be in any. A term that does
    not exist holds nothing.
    """
    return all(map(_together(tuple(term.strip("\0 ") for term in terms)).__getitem__, characters))
