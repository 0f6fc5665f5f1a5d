"""Writing of a canonical data set in its binary form (PS3.5 6, 7), little endian, with implicit or explicit VR.

Text goes out in the Specific Character Set of the data set where that holds it, else in ISO_IR 192. What could not
be decoded when it came goes out as it came.
"""

import base64
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from mpps_dicom.binary_parser import LONG, UNDEFINED_LENGTH, Element, Elements
from mpps_dicom.binary_reader import CHARACTER_SET, NUMBERS, Undecodable, read_member
from mpps_dicom.charsets import UNICODE
from mpps_dicom.code_extensions import Repertoire, encode, repertoire
from mpps_dicom.dictionary import is_private
from mpps_dicom.json_model import DataSet, values_of
from mpps_dicom.paths import Where
from mpps_dicom.rules import refusal
from mpps_dicom.vr import VRS, Kind

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_DELIMITERS: Final = "FFFE"
_NOT_IN_DATA_SETS: Final = frozenset({"0000", "0002", _DELIMITERS})
"""Groups of commands, files and delimiters. Within an item only a delimiter would break the structure."""
_LONGEST: Final = 0xFFFE
"""Bytes that a length of 16 bits has room for, being even."""
_LONGEST_DECIMAL: Final = 16
_DIGITS: Final = 17
"""Digits that tell any two doubles apart."""


class _NotHeld(Exception):
    """The character set does not have all of the text."""


def encode_encoded(
    data_set: DataSet,
    *,
    implicit: bool,
    character_set: Sequence[str] | None = None,
    undecodable: Iterable[Undecodable] = (),
) -> bytes:
    """Write a canonical data set in implicit or explicit VR little endian, as DIMSE messages carry it (PS3.5 7, A).

    ``character_set`` is what text shall be written in; None is what the data set says. Where it does not hold the
    text, and in items with a set of their own where that does not, ISO_IR 192 takes its place. ``undecodable`` is
    what ``read_encoded`` kept; entries whose attribute has changed since are passed over.
    Elements of the groups 0000, 0002 and FFFE, which no data set can have, are left out. Kept bytes go out as they
    are, even where their number is odd.
    Raises Refused for a value that the binary form of its VR cannot hold, with its place.
    """
    elements = elements_of(data_set, implicit=implicit, character_set=character_set, undecodable=undecodable)
    return join(elements, implicit=implicit)


def elements_of(
    data_set: DataSet,
    *,
    implicit: bool,
    character_set: Sequence[str] | None = None,
    undecodable: Iterable[Undecodable] = (),
) -> Elements:
    """Encode every value, as ``encode_encoded`` does, without putting them together."""
    writer = _Writer(dict(undecodable), implicit=implicit)
    return writer.scope(data_set, character_set, ("", None))


class _Writer:
    __slots__ = ("_implicit", "_kept")

    def __init__(self, kept: dict[str, bytes], *, implicit: bool) -> None:
        self._kept = kept
        self._implicit = implicit

    def scope(self, level: DataSet, wanted: Sequence[str] | None, place: tuple[str, Where]) -> Elements:
        """Write a level and those in it that have no character set of their own."""
        own = values_of(level.get(CHARACTER_SET))
        terms = own if wanted is None else [*wanted]
        try:
            return self._level(level, repertoire(terms), place, terms if terms != own else None)
        except _NotHeld:
            return self._level(level, repertoire([UNICODE]), place, [UNICODE])

    def _level(
        self, level: DataSet, known: Repertoire, place: tuple[str, Where], terms: Sequence[str] | None
    ) -> Elements:
        """Write a level; ``terms`` replaces its Specific Character Set."""
        path, where = place
        if terms is not None:
            named: dict[str, Any] = {"vr": "CS", "Value": [*terms]} if terms else {"vr": "CS"}
            level = dict(sorted({**level, CHARACTER_SET: named}.items()))
        elements: Elements = []
        for tag, member in level.items():
            if tag[:4] in _NOT_IN_DATA_SETS and (where is None or tag[:4] == _DELIMITERS):
                continue
            vr = member["vr"]
            if vr == "SQ":
                items = [
                    self._item(item, known, (f"{path}{tag}/{index}/", (where, tag, index)))
                    for index, item in enumerate(values_of(member))
                ]
                elements.append(Element(tag, vr, items))
                continue
            content = self._kept_for(f"{path}{tag}", tag, member, known)
            if content is None:
                content = self._value(member, known)
                if content is None:
                    detail = f"A value cannot be written in the binary form of VR {vr}."
                    raise refusal("not-encodable", detail, where=where, tag=tag)
                if len(content) % 2:
                    content += b"\0" if vr == "UI" or VRS[vr].kind is Kind.BINARY else b" "
            if len(content) > _LONGEST and vr not in LONG and not self._implicit:
                vr = "UN"  # PS3.5 6.2.2, note 5
            elements.append(Element(tag, vr, content))
        return elements

    def _item(self, item: DataSet, known: Repertoire, place: tuple[str, Where]) -> Elements:
        return self.scope(item, None, place) if CHARACTER_SET in item else self._level(item, known, place, None)

    def _kept_for(self, path: str, tag: str, member: dict[str, Any], known: Repertoire) -> bytes | None:
        """Give the bytes an attribute came with, as long as they still say what it says."""
        raw = self._kept.get(path)
        if raw is not None and read_member(Element(tag, member["vr"], raw), raw, known)[0] == member:
            return raw
        return None

    def _value(self, member: dict[str, Any], known: Repertoire) -> bytes | None:
        vr = member["vr"]
        kind = VRS[vr].kind
        if kind is Kind.BINARY:
            return base64.b64decode(member.get("InlineBinary") or "")
        values = values_of(member)
        if values == [None] * len(values):
            # Only text can say how many values are empty.
            values = values if kind in _WORDS_OF and vr not in NUMBERS else []
        if vr in NUMBERS:
            return _packed(values, NUMBERS[vr])
        if kind is Kind.TAG:
            return _packed_tags(values)
        text = "\\".join(_WORDS_OF[kind](value, vr) for value in values)
        content = encode(text, known)
        if content is None:
            raise _NotHeld
        return content


def _packed(values: list[Any], code: str) -> bytes | None:
    try:
        if code in "fd":
            return struct.pack(f"<{len(values)}{code}", *values)
        integers = [int(value) for value in values]
        if any(type(value) is float and value != integer for value, integer in zip(values, integers, strict=True)):
            return None
        return struct.pack(f"<{len(values)}{code}", *integers)
    except (struct.error, TypeError, ValueError, OverflowError):
        return None


def _packed_tags(values: list[Any]) -> bytes | None:
    if None in values:
        return None
    return b"".join(struct.pack("<HH", int(tag[:4], 16), int(tag[4:], 16)) for tag in values)


def _text(value: Any, _vr: str) -> str:
    return value or ""


def _name(value: Any, _vr: str) -> str:
    groups = [value.get(group) or "" for group in _GROUPS] if value else []
    while groups and not groups[-1]:
        groups.pop()
    return "=".join(groups)


def _decimal(value: Any, vr: str) -> str:
    """Write DS and IS as they are spelt; a number in no more characters than there is room for (PS3.5 6.2)."""
    if value is None or type(value) is str:
        return value or ""
    if type(value) is float and vr == "IS" and value.is_integer():
        value = int(value)
    text = repr(value)
    if vr == "DS" and len(text) > _LONGEST_DECIMAL:
        shorter = (f"{value:.{digits}g}" for digits in range(_DIGITS, 0, -1))
        return next((short for short in shorter if len(short) <= _LONGEST_DECIMAL), text)
    return text


_WORDS_OF: Final[dict[Kind, Callable[[Any, str], str]]] = {
    Kind.TEXT: _text,
    Kind.DECIMAL: _decimal,
    Kind.PERSON_NAME: _name,
}


def join(elements: Elements, *, implicit: bool) -> bytes:
    """Put encoded elements together (PS3.5 7.1, 7.5), sequences and items with their lengths."""
    parts: list[bytes] = []
    for element in elements:
        tag, vr, content = element[:3]
        after = b""
        if isinstance(content, list):
            bodies = [join(item, implicit=implicit) for item in content]
            content = b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body for body in bodies)
            length = len(content)
            if implicit and is_private(tag) and content:
                # Without VR, only a sequence of undefined length shows that it is one.
                length = UNDEFINED_LENGTH
                after = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        else:
            length = len(content)
        if implicit:
            header = struct.pack("<L", length)
        elif vr in LONG:
            header = vr.encode("ascii") + struct.pack("<HL", 0, length)
        else:
            header = vr.encode("ascii") + struct.pack("<H", length)
        parts += (struct.pack("<HH", int(tag[:4], 16), int(tag[4:], 16)), header, content, after)
    return b"".join(parts)
