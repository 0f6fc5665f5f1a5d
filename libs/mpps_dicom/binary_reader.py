"""Reading of the values of an encoded data set (PS3.5 6): every repertoire becomes text, every VR what JSON has.

What comes out goes through the walk of ``reader``, so the rules are those of JSON.
"""

import base64
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mpps_dicom.binary_parser import Element, Elements, parse
from mpps_dicom.charsets import UNICODE
from mpps_dicom.code_extensions import Repertoire, decode, repertoire
from mpps_dicom.json_model import values_of
from mpps_dicom.reader import ReadBody, check_path_uid, read_members
from mpps_dicom.rules import Report
from mpps_dicom.vr import VRS, Kind

CHARACTER_SET: Final = "00080005"
_INSTANCE: Final = "00080018"
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")

NUMBERS: Final = {
    "FD": "d",
    "FL": "f",
    "SL": "l",
    "SS": "h",
    "SV": "q",
    "UL": "L",
    "US": "H",
    "UV": "Q",
}
"""VRs that are numbers in the binary form, and their struct codes."""

_UNICODE: Final = repertoire([UNICODE])

_WORDS: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
"""Bytes that change places between byte orders."""


class Undecodable(NamedTuple):
    """Bytes of one attribute that have no place in the data set, kept to be sent on as they came."""

    path: str
    """Tags and item numbers from the top down, parted by slashes: ``00400270/0/00081030``."""
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDataset(ReadBody):
    """A data set read from its binary form."""

    undecodable: tuple[Undecodable, ...] = ()
    """Attributes with text that its repertoire does not have (U+FFFD stands for it), a number that JSON has no
    word for (null stands for it), or a length that is none of its VR (it is empty)."""
    instance_uid: str | None = None
    """What (0008,0018) said, which is not part of the data set."""


def read_encoded(
    data: bytes, *, implicit: bool, little: bool = True, uid: str | None = None, character_set: Sequence[str] = ()
) -> ReadDataset:
    """Read a data set in the transfer syntax given, as DIMSE messages carry it (PS3.7 6.3.1, PS3.5 7).

    ``uid`` is the instance addressed; None where only the data set names it. ``character_set`` holds where the data
    set has none of its own (PS3.3 C.12.1.1.2), as for an N-SET that leaves it out.
    Raises Refused with every structural fault found.
    """
    return read_elements(parse(data, implicit=implicit, little=little), uid=uid, character_set=character_set)


def read_elements(elements: Elements, *, uid: str | None, character_set: Sequence[str]) -> ReadDataset:
    """Read elements that have been parted already. Raises Refused."""
    if uid is not None:
        check_path_uid(uid)
    undecodable: list[Undecodable] = []
    members = _level(elements, repertoire(character_set), "", undecodable)
    instances = [uid for uid in values_of(members.get(_INSTANCE)) if uid]
    read = read_members(members, uid=uid, report=Report())
    return ReadDataset(
        data_set=read.data_set,
        findings=read.findings,
        undecodable=tuple(undecodable),
        instance_uid=str(instances[0]) if instances else None,
    )


def _level(elements: Elements, known: Repertoire, path: str, undecodable: list[Undecodable]) -> dict[str, Any]:
    own = next((element.content for element in elements if element.tag == CHARACTER_SET), None)
    if isinstance(own, bytes):
        known = repertoire(own.decode("ascii", "replace").split("\\"))
    members: dict[str, Any] = {}
    for element in elements:
        tag, vr, content = element[:3]
        if isinstance(content, list):
            items = [_level(item, known, f"{path}{tag}/{index}/", undecodable) for index, item in enumerate(content)]
            members[tag] = {"vr": vr, "Value": items} if items else {"vr": vr}
            continue
        members[tag], whole = read_member(element, content, _UNICODE if element.unicode else known)
        if not whole:
            undecodable.append(Undecodable(f"{path}{tag}", _in_little(element, content)))
    return members


def read_member(element: Element, content: bytes, known: Repertoire) -> "_Read":
    """Give the member for the bytes of an element that is no sequence, and whether it has all there was."""
    representation = VRS.get(element.vr)
    if not content or representation is None:
        return {"vr": element.vr}, True  # a VR that does not exist is refused by the walk
    return _READERS[representation.kind](element, content, known)


def _in_little(element: Element, content: bytes) -> bytes:
    width = struct.calcsize(f"<{NUMBERS[element.vr]}") if element.vr in NUMBERS else _WORDS.get(element.vr, 1)
    return content if element.little else _swapped(content, width)


def _swapped(content: bytes, width: int) -> bytes:
    """Turn every word around; a rest that is no word stays as it is."""
    whole = len(content) // width * width
    words = (content[start : start + width][::-1] for start in range(0, whole, width))
    return b"".join(words) + content[whole:]


_Read = tuple[dict[str, Any], bool]
"""A member, and whether it has all there was."""


def _read_text(element: Element, content: bytes, known: Repertoire) -> _Read:
    text, whole = decode(unpadded(content), known)
    values: list[str] = [text] if VRS[element.vr].single else text.split("\\")
    if values == [""]:
        return {"vr": element.vr}, whole
    return {"vr": element.vr, "Value": [value or None for value in values]}, whole


def unpadded(content: bytes) -> bytes:
    """Take away what may have made the length even (PS3.5 6.2): one space, or NULs, as those are no text at all."""
    stripped = content.rstrip(b"\0")
    return stripped[:-1] if len(stripped) == len(content) and content.endswith(b" ") else stripped


def _read_names(element: Element, content: bytes, known: Repertoire) -> _Read:
    text, whole = decode(unpadded(content), known)
    values = [_name(value) for value in text.split("\\")]
    if values == [None]:
        return {"vr": element.vr}, whole
    return {"vr": element.vr, "Value": values}, whole


def _name(value: str) -> dict[str, str] | None:
    groups = value.split("=", len(_GROUPS) - 1)
    return {group: text for group, text in zip(_GROUPS, groups, strict=False) if text} or None


def _read_numbers(element: Element, content: bytes, _known: Repertoire) -> _Read:
    code = NUMBERS[element.vr]
    count, rest = divmod(len(content), struct.calcsize(f"<{code}"))
    if rest:
        return {"vr": element.vr}, False
    numbers = struct.unpack(f"{'<' if element.little else '>'}{count}{code}", content)
    values = [number if math.isfinite(number) else None for number in numbers]
    return {"vr": element.vr, "Value": values}, None not in values


def _read_decimals(element: Element, content: bytes, known: Repertoire) -> _Read:
    return _read_numbers(element, content, known) if element.vr in NUMBERS else _read_text(element, content, known)


def _read_tags(element: Element, content: bytes, _known: Repertoire) -> _Read:
    count, rest = divmod(len(content), 4)
    if rest:
        return {"vr": element.vr}, False
    halves = struct.unpack(f"{'<' if element.little else '>'}{2 * count}H", content)
    values = [f"{group:04X}{number:04X}" for group, number in zip(halves[::2], halves[1::2], strict=True)]
    return {"vr": element.vr, "Value": values}, True


def _read_binary(element: Element, content: bytes, _known: Repertoire) -> _Read:
    # JSON has little endian, whatever the transfer syntax (PS3.18 F.2.7).
    content = _in_little(element, content)
    return {"vr": element.vr, "InlineBinary": base64.b64encode(content).decode("ascii")}, True


_READERS: Final[dict[Kind, Callable[[Element, bytes, Repertoire], _Read]]] = {
    Kind.TEXT: _read_text,
    Kind.TAG: _read_tags,
    Kind.NUMBER: _read_numbers,
    Kind.DECIMAL: _read_decimals,
    Kind.PERSON_NAME: _read_names,
    Kind.BINARY: _read_binary,
}
