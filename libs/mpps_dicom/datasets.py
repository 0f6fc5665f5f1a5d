"""Data sets of pydicom, for libraries that speak them: in and out without letting pydicom touch a value.

Only this module and the dictionary import pydicom; nothing on the way of JSON imports this one.
"""

import warnings
from collections.abc import Iterable, Sequence

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from mpps_dicom.binary_parser import UNDEFINED_LENGTH, Element, Elements, implied_vr, parse_items
from mpps_dicom.binary_reader import ReadDataset, Undecodable, read_elements
from mpps_dicom.binary_writer import elements_of
from mpps_dicom.charsets import UNICODE
from mpps_dicom.dictionary import is_private
from mpps_dicom.json_model import DataSet
from mpps_dicom.paths import Where
from mpps_dicom.reader import MAX_DEPTH
from mpps_dicom.rules import refusal

_HEADER: bytes = b"\0" * 8


def read_dataset(dataset: Dataset, *, uid: str | None = None, character_set: Sequence[str] = ()) -> ReadDataset:
    """Read a data set of pydicom, as ``read_encoded`` reads its bytes.

    Elements that nobody has looked at yet still have their bytes, and nothing of them is lost. pydicom has decoded
    the others, with U+FFFD or a question mark for what it did not know: read a data set before looking into it.
    Raises Refused with every structural fault found.
    """
    return read_elements(_elements(dataset, None, 0), uid=uid, character_set=character_set)


def _elements(dataset: Dataset, where: Where, depth: int) -> Elements:
    if depth > MAX_DEPTH:
        raise refusal("nesting", f"Sequences nest more than {MAX_DEPTH} deep.")
    elements: Elements = []
    for found in dataset._dict.values():  # noqa: SLF001 - every other way decodes elements that are empty
        tag = f"{int(found.tag):08X}"
        if isinstance(found, RawDataElement):
            elements.append(_raw(tag, found, where, depth))
        elif found.VR == "SQ":
            items = [_elements(item, (where, tag, index), depth + 1) for index, item in enumerate(found.value or ())]
            elements.append(Element(tag, "SQ", items))
        else:
            elements.append(Element(tag, str(found.VR), _written(found), unicode=True))
    return elements


def _raw(tag: str, found: RawDataElement, where: Where, depth: int) -> Element:
    vr = found.VR or implied_vr(tag)
    content = found.value or b""
    if found.length == UNDEFINED_LENGTH:
        raise refusal("transfer-syntax", "Encapsulated values are not accepted.", where=where, tag=tag)
    if len(content) != found.length:
        raise refusal("not-dicom", "The value is shorter than its length says.", where=where, tag=tag)
    little = found.is_little_endian
    if vr == "SQ":
        items = parse_items(content, tag, (where, depth), implicit=found.is_implicit_VR, little=little)
        return Element(tag, vr, items, little)
    return Element(tag, vr, content, little)


def _written(found: DataElement) -> bytes:
    """Let pydicom write a value that it has decoded; what it cannot write is not DICOM either."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = buffer.is_little_endian = True
    try:
        write_data_element(buffer, found, [UNICODE])
    except Exception as error:  # pydicom names no errors for this
        raise refusal("not-dicom", "pydicom cannot write the value.", tag=f"{int(found.tag):08X}") from error
    return buffer.getvalue()[len(_HEADER) :]


def to_dataset(
    data_set: DataSet,
    *,
    implicit: bool,
    character_set: Sequence[str] | None = None,
    undecodable: Iterable[Undecodable] = (),
) -> Dataset:
    """Make a data set of pydicom that it writes as it is, in the transfer syntax that ``implicit`` says.

    For the other transfer syntax pydicom would decode and encode every value in its own way. Arguments and errors
    are those of ``encode_encoded``.
    """
    elements = elements_of(data_set, implicit=implicit, character_set=character_set, undecodable=undecodable)
    return _dataset(elements, implicit, None)


def _dataset(elements: Elements, implicit: bool, inherited: str | list[str] | None) -> Dataset:
    members: dict[BaseTag, DataElement | RawDataElement] = {}
    sequences: list[tuple[BaseTag, Element]] = []
    for element in elements:
        tag = BaseTag(int(element.tag, 16))
        if isinstance(element.content, bytes):
            length = len(element.content)
            members[tag] = RawDataElement(tag, element.vr, length, element.content, 0, implicit, is_little_endian=True)
        else:
            sequences.append((tag, element))
    # Given at once, as pydicom decodes private elements that are added one by one.
    dataset = Dataset(members, **({} if inherited is None else {"parent_encoding": inherited}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of character sets that do not exist
        known = dataset._character_set  # noqa: SLF001 - has no other name
    dataset.set_original_encoding(implicit, is_little_endian=True, character_encoding=known)
    for tag, element in sequences:
        items = [_dataset(item, implicit, known) for item in element.content if isinstance(item, list)]
        added = DataElement(tag, "SQ", Items(items))
        # Without VR, only a sequence of undefined length shows that it is one.
        added.is_undefined_length = implicit and bool(items) and is_private(element.tag)
        dataset._dict[tag] = added  # noqa: SLF001 - see above
    return dataset
