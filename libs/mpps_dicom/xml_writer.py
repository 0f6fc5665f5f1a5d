"""Writing of the Native DICOM Model in XML (PS3.19 A.1), by the mapping of PS3.18 F.3.1."""

import re
from collections.abc import Callable
from typing import Any, Final

from mpps_dicom.dictionary import is_private, keyword_of
from mpps_dicom.json_model import DataSet
from mpps_dicom.private import blocks_of, creator_in
from mpps_dicom.xml_reader import COMPONENTS, GROUPS, NAMESPACE

_BEGIN: Final = f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}" xml:space="preserve">'
_END: Final = "</NativeDicomModel>"

_SPECIAL = re.compile('[&<>"\t\n\r\x00-\x1f\ufffe\uffff]')
_SPECIAL_IN_TEXT = re.compile("[&<>\r\x00-\x08\x0b-\x1f\ufffe\uffff]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


def encode_xml(data_set: DataSet) -> bytes:
    """Write a canonical data set as UTF-8 XML without white space between elements.

    Equal data sets give equal bytes. Characters that XML has not (control characters but TAB, LF and CR) become
    U+FFFD. Private attributes lose their block and name their creator instead, unless there is no creator in their
    level or it has an earlier block too, as they could not be put back then. PS3.19 A.1.
    """
    parts = [_BEGIN]
    _write_level(data_set, parts)
    parts.append(_END)
    return "".join(parts).encode()


def _write_level(level: DataSet, parts: list[str]) -> None:
    blocks: dict[tuple[str, str], str] | None = None
    for tag, element in level.items():
        vr = element["vr"]
        if is_private(tag):
            if blocks is None:
                blocks = blocks_of(level)
            known_as = _private(tag, level, blocks)
        else:
            keyword = keyword_of(tag)
            known_as = f'tag="{tag}" keyword="{keyword}"' if keyword else f'tag="{tag}"'
        begin = f'<DicomAttribute {known_as} vr="{vr}"'
        values = element.get("Value")
        if values:
            parts.append(f"{begin}>")
            _WRITERS.get(vr, _write_values)(values, parts)
            parts.append("</DicomAttribute>")
        elif element.get("InlineBinary"):
            parts.append(f"{begin}><InlineBinary>{element['InlineBinary']}</InlineBinary></DicomAttribute>")
        else:
            parts.append(f"{begin}/>")


def _private(tag: str, level: DataSet, blocks: dict[tuple[str, str], str]) -> str:
    group, block = tag[:4], tag[4:6]
    reserving = f"{group}00{block}"
    creator = creator_in(reserving, level.get(reserving))
    if creator is None:
        return f'tag="{tag}"'
    written = f"{group}00{tag[6:]}" if blocks[group, creator] == block else tag
    return f'tag="{written}" privateCreator="{_SPECIAL.sub(_escaped, creator)}"'


def _escaped(special: re.Match[str]) -> str:
    return _ESCAPES.get(special[0], "\ufffd")


def _text(value: str) -> str:
    return _SPECIAL_IN_TEXT.sub(_escaped, value)


def _write_values(values: list[Any], parts: list[str]) -> None:
    for number, value in enumerate(values, start=1):
        if value is None or value == "":
            parts.append(f'<Value number="{number}"/>')
        else:
            text = _text(value) if type(value) is str else repr(value)
            parts.append(f'<Value number="{number}">{text}</Value>')


def _write_items(items: list[DataSet], parts: list[str]) -> None:
    for number, item in enumerate(items, start=1):
        parts.append(f'<Item number="{number}">')
        _write_level(item, parts)
        parts.append("</Item>")


def _write_names(names: list[dict[str, str] | None], parts: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        parts.append(f'<PersonName number="{number}">')
        for group in GROUPS:
            text = name.get(group) if name else None
            if text:
                parts.append(f"<{group}>")
                # A name with more components than there are keeps them in the last, and so its text.
                for component, part in zip(COMPONENTS, text.split("^", len(COMPONENTS) - 1), strict=False):
                    if part:
                        parts.append(f"<{component}>{_text(part)}</{component}>")
                parts.append(f"</{group}>")
        parts.append("</PersonName>")


_WRITERS: Final[dict[str, Callable[[list[Any], list[str]], None]]] = {"SQ": _write_items, "PN": _write_names}
