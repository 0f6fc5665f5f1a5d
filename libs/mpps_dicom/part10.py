"""Files of PS3.10: a preamble, File Meta Information, and the data set in the transfer syntax that it names."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from mpps_dicom.binary_parser import Element, parse
from mpps_dicom.binary_reader import ReadDataset, Undecodable, read_elements
from mpps_dicom.binary_writer import encode_encoded, join
from mpps_dicom.json_model import DataSet
from mpps_dicom.rules import refusal
from mpps_dicom.uids import IMPLEMENTATION_CLASS, MPPS_CLASS
from mpps_dicom.vr import VRS

IMPLICIT: Final = "1.2.840.10008.1.2"
"""Implicit VR Little Endian, PS3.5 A.1."""
EXPLICIT: Final = "1.2.840.10008.1.2.1"
"""Explicit VR Little Endian, PS3.5 A.2."""
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
"""Deflated Explicit VR Little Endian, PS3.5 A.5."""
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
"""Explicit VR Big Endian, retired, PS3.5 A.3 of 2016."""

MAX_INFLATED: Final = 256 << 20
"""Bytes a deflated data set may come to."""

_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_META: Final = b"\x02\x00"
_TRANSFER_SYNTAX: Final = "00020010"


def read_part10(data: bytes) -> ReadDataset:
    """Read a file, with or without preamble and File Meta Information (PS3.10 7.1).

    Without a transfer syntax the first element tells which of the uncompressed ones it is. SOP Class UID and SOP
    Instance UID are not part of the data set; the latter is told beside it.
    Raises Refused when it is no DICOM file, has a transfer syntax for compressed images, or for every structural
    fault in the data set.
    """
    position = 0
    if data[_PREAMBLE : _PREAMBLE + len(_PREFIX)] == _PREFIX:
        position = _PREAMBLE + len(_PREFIX)
    meta, position = _meta(data, position)
    body = data[position:]
    syntax = _syntax(meta) or _guessed(body)
    if syntax == DEFLATED:
        body, syntax = _inflated(body), EXPLICIT
    if syntax not in {IMPLICIT, EXPLICIT, BIG_ENDIAN}:
        raise refusal("transfer-syntax", "The transfer syntax of the file is for compressed images, or unknown.")
    elements = parse(body, implicit=syntax == IMPLICIT, little=syntax != BIG_ENDIAN)
    # Elements of commands and files in a data set are leftovers of a careless writer.
    elements = [element for element in elements if element.tag[:4] not in {"0000", "0002"}]
    return read_elements(elements, uid=None, character_set=())


def _meta(data: bytes, start: int) -> tuple[list[Element], int]:
    """Split File Meta Information, always explicit VR little endian, by its group; its length is often wrong."""
    position = start
    while data[position : position + 2] == _META and len(data) >= position + 8:
        length = 12 + int.from_bytes(data[position + 8 : position + 12], "little")
        if data[position + 4 : position + 6] not in {b"OB", b"UN"}:
            length = 8 + int.from_bytes(data[position + 6 : position + 8], "little")
        position += length
    return parse(data[start:position], implicit=False), position


def _syntax(meta: list[Element]) -> str | None:
    content = next((element.content for element in meta if element.tag == _TRANSFER_SYNTAX), None)
    return content.decode("ascii", "replace").strip("\0 ") if isinstance(content, bytes) else None


def _guessed(body: bytes) -> str:
    if body[4:6].decode("latin_1") not in VRS:
        return IMPLICIT
    # Groups in use are below 0x0100 or even multiples of it, so the first byte tells the byte order.
    return BIG_ENDIAN if body[0] == 0 and body[1] else EXPLICIT


def _inflated(body: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(body, MAX_INFLATED)
    except zlib.error:
        raise refusal("not-dicom", "The data set is not deflated as its transfer syntax says.") from None
    if inflater.unconsumed_tail or not inflater.eof:
        detail = f"The deflated data set ends too early, or comes to more than {MAX_INFLATED >> 20} MiB."
        raise refusal("not-dicom", detail)
    return inflated


def encode_part10(
    data_set: DataSet,
    *,
    uid: str,
    implicit: bool = False,
    character_set: Sequence[str] | None = None,
    undecodable: Iterable[Undecodable] = (),
) -> bytes:
    """Write a canonical data set as a file of PS3.10 for the instance ``uid``, with its SOP Class and Instance UID.

    The other arguments, and the errors, are those of ``encode_encoded``.
    """
    named: DataSet = {
        **data_set,
        "00080016": {"vr": "UI", "Value": [MPPS_CLASS]},
        "00080018": {"vr": "UI", "Value": [uid]},
    }
    body = encode_encoded(
        dict(sorted(named.items())), implicit=implicit, character_set=character_set, undecodable=undecodable
    )
    meta = join(
        [
            Element("00020001", "OB", b"\0\1"),
            _uid_element("00020002", MPPS_CLASS),
            _uid_element("00020003", uid),
            _uid_element("00020010", IMPLICIT if implicit else EXPLICIT),
            _uid_element("00020012", IMPLEMENTATION_CLASS),
        ],
        implicit=False,
    )
    length = join([Element("00020000", "UL", len(meta).to_bytes(4, "little"))], implicit=False)
    return b"".join((bytes(_PREAMBLE), _PREFIX, length, meta, body))


def _uid_element(tag: str, uid: str) -> Element:
    content = uid.encode("ascii", "replace")
    return Element(tag, "UI", content + bytes(len(content) % 2))
