"""Splitting of an encoded data set into elements (PS3.5 7): tags, VRs and bytes, nothing decoded.

Every length is held against what there is, so nothing is skipped, shortened or read twice without a word.
"""

import struct
from typing import Final, NamedTuple, TypeAlias

from mpps_dicom.dictionary import is_private, vr_of
from mpps_dicom.findings import Refused
from mpps_dicom.paths import Where
from mpps_dicom.reader import MAX_DEPTH
from mpps_dicom.rules import refusal
from mpps_dicom.vr import VRS

LONG: Final = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # noqa: SIM905 - a table
"""VRs with a length of 32 bits in explicit VR (PS3.5 7.1.2)."""

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
_LONGEST_SHORT: Final = 0xFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000, 0xE00D, 0xE0DD
_DELIMITERS: Final = 0xFFFE


class Element(NamedTuple):
    """One element: its bytes, or the items of a sequence."""

    tag: str
    vr: str
    content: "bytes | list[Elements]"
    little: bool = True
    unicode: bool = False
    """Whether text is UTF-8, whatever Specific Character Set says."""


Elements: TypeAlias = "list[Element]"


def parse(data: bytes, *, implicit: bool, little: bool = True) -> Elements:
    """Split a whole data set. Raises Refused when the bytes are none (PS3.5 7.1, 7.5)."""
    return _Parser(data, implicit=implicit, little=little).level(0, len(data), (None, 0), delimited=False)[0]


def parse_items(data: bytes, tag: str, place: tuple[Where, int], *, implicit: bool, little: bool) -> "list[Elements]":
    """Split the value of a sequence that is at ``place``: its level, and how deep that is. Raises Refused."""
    return _Parser(data, implicit=implicit, little=little).sequence((tag, "SQ"), (0, len(data), len(data)), place)[0]


def implied_vr(tag: str) -> str:
    """Give the VR that implicit VR means (PS3.5 A.1): that of the dictionary, else UN.

    Of several the one that does without knowledge of the image: US before SS, OW before any.
    """
    vr = vr_of(tag)
    if vr is None:
        return "UN"
    choices = vr.split(" or ")
    return "OW" if "OW" in choices else choices[0] if choices[0] in VRS else "UN"


class _Parser:
    __slots__ = ("_byte_order", "_data", "_implicit")

    def __init__(self, data: bytes, *, implicit: bool, little: bool) -> None:
        self._data = data
        self._implicit = implicit
        self._byte_order = "<" if little else ">"

    def level(self, start: int, end: int, place: tuple[Where, int], *, delimited: bool) -> tuple[Elements, int]:
        """Split from ``start`` to ``end``, or to the delimiter of an item; give where it ended too."""
        where = place[0]
        elements: Elements = []
        seen: set[str] = set()
        position = start
        while position < end:
            group, number = self._unpack("HH", position, end)
            if group == _DELIMITERS:
                if delimited and number == _ITEM_END:
                    return elements, position + 8
                raise _broken("a delimiter is where an attribute has to be", position)
            tag = f"{group:04X}{number:04X}"
            vr, length, position = self._header(tag, position, end)
            if tag in seen:
                raise refusal("given-twice", "The attribute is there twice.", where=where, tag=tag)
            seen.add(tag)
            little = self._byte_order == "<"
            if vr == "SQ" or length == UNDEFINED_LENGTH:
                items, position = self.sequence((tag, vr), (position, length, end), place)
                elements.append(Element(tag, "SQ", items, little))
                continue
            after = position + length
            if after > end:
                raise _broken("a value is longer than what there is", position)
            vr = _resolved(tag, vr, length)
            elements.append(Element(tag, vr, self._data[position:after], little))
            position = after
        if delimited:
            raise _broken("an item has no end", position)
        return elements, position

    def _header(self, tag: str, position: int, end: int) -> tuple[str, int, int]:
        """Give VR, length, and where the value begins."""
        if not self._implicit:
            code = self._slice(position + 4, 2, end)
            if code.isalpha() and code.isupper() and code.isascii():
                vr = code.decode("ascii")
                if vr in VRS and vr not in LONG:
                    return vr, self._unpack("H", position + 6, end)[0], position + 8
                return vr, self._unpack("L", position + 8, end)[0], position + 12
            # Some write items in implicit VR whatever the transfer syntax is.
        return implied_vr(tag), self._unpack("L", position + 4, end)[0], position + 8

    def sequence(
        self, attribute: tuple[str, str], extent: tuple[int, int, int], place: tuple[Where, int]
    ) -> "tuple[list[Elements], int]":
        """Split the items of an attribute: where its value begins, its length, and where its level ends."""
        tag, vr = attribute
        position, length, end = extent
        where, depth = place
        if depth == MAX_DEPTH:
            raise refusal("nesting", f"Sequences nest more than {MAX_DEPTH} deep.")
        parser = self
        if length == UNDEFINED_LENGTH:
            if vr not in {"SQ", "UN"}:
                raise refusal("transfer-syntax", "Encapsulated values are not accepted.", where=where, tag=tag)
            if vr == "UN":
                # PS3.5 6.2.2, note 4: a sequence in implicit VR little endian, as whoever wrote it knew no VR.
                parser = _Parser(self._data, implicit=True, little=True)
        elif position + length > end:
            raise _broken("a sequence is longer than what there is", position)
        else:
            end = position + length
        return parser._items(tag, (position, end), place, delimited=length == UNDEFINED_LENGTH)

    def _items(
        self, tag: str, extent: tuple[int, int], place: tuple[Where, int], *, delimited: bool
    ) -> "tuple[list[Elements], int]":
        position, end = extent
        where, depth = place
        items: list[Elements] = []
        while delimited or position < end:
            group, number, length = self._unpack("HHL", position, end)
            position += 8
            if group != _DELIMITERS or not (number == _ITEM or (delimited and number == _SEQUENCE_END)):
                raise _broken("something is where an item has to be", position - 8)
            if number == _SEQUENCE_END:
                break
            inner: tuple[Where, int] = ((where, tag, len(items)), depth + 1)
            if length == UNDEFINED_LENGTH:
                item, position = self.level(position, end, inner, delimited=True)
            elif position + length > end:
                raise _broken("an item is longer than what there is", position)
            else:
                item, position = self.level(position, position + length, inner, delimited=False)
            items.append(item)
        return items, position

    def _unpack(self, form: str, position: int, end: int) -> tuple[int, ...]:
        form = self._byte_order + form
        if position + struct.calcsize(form) > end:
            raise _broken("it ends too early", position)
        return struct.unpack_from(form, self._data, position)

    def _slice(self, position: int, length: int, end: int) -> bytes:
        if position + length > end:
            raise _broken("it ends too early", position)
        return self._data[position : position + length]


def _resolved(tag: str, vr: str, length: int) -> str:
    """Give the VR of a value that is UN only as it is too long for the VR it has (PS3.5 6.2.2, note 5)."""
    if vr == "UN" and length > _LONGEST_SHORT and not is_private(tag):
        meant = implied_vr(tag)
        return "UN" if meant in LONG else meant
    return vr


def _broken(cause: str, position: int) -> Refused:
    return refusal("not-dicom", f"The bytes are no DICOM data set: {cause} (at byte {position}).")
