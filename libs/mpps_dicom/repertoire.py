"""Specific Character Set (0008,0005): its terms exist, fit each other, and hold the text (PS3.3 C.12.1.1.2).

DICOM JSON itself is UTF-8 whatever that attribute says (PS3.18 F.2.2, notes): it tells the set of the source, and
so whether the step can go back into it.
"""

from collections.abc import Iterator
from typing import Any, Final

import orjson

from mpps_dicom.charsets import UNICODE, WITHOUT_EXTENSIONS, holds, is_term
from mpps_dicom.json_model import DataSet, values_of
from mpps_dicom.paths import Where
from mpps_dicom.rules import Report
from mpps_dicom.vr import VRS

CHARACTER_SET: Final = "00080005"
_TEXT_VRS: Final = frozenset(code for code, representation in VRS.items() if representation.charset)
_CHARACTER_SET_NAME: Final = f'"{CHARACTER_SET}"'.encode()
_ASCII: Final = bytes(range(0x80))
_EXTENSION: Final = "ISO 2022 "

_Level = tuple[DataSet, Where, list[str]]
"""A level, where it is, and the terms that hold there: an item may have its own (PS3.5 7.5.3)."""


def check_repertoire(data_set: DataSet, report: Report) -> None:
    """Judge the terms of Specific Character Set and whether all text is in the sets they stand for."""
    terms = _terms(data_set, [])
    if terms and (len(terms) > 1 or not is_term(terms[0])):
        _check_terms(terms, report)
    # One look at the bytes tells most data sets from those that have to be walked to say where the fault is.
    if _is_plain(orjson.dumps(data_set), terms):
        return
    untold = False
    for where, tag, held, characters in _foreign(data_set, terms):
        untold = untold or not held
        if held and all(is_term(term) for term in held) and not holds(held, characters):
            detail = "The text has characters that are in none of the sets of Specific Character Set."
            report.add("character-set-text", detail, where=where, tag=tag)
    if untold:
        report.add("character-set-missing", "There is text beyond ASCII, and its set is not told.", tag=CHARACTER_SET)


def _is_plain(data: bytes, terms: list[str]) -> bool:
    """Tell whether no text goes beyond ASCII, or all of it is in the sets that hold for the whole data set."""
    if data.isascii():
        return True
    if not terms or data.count(_CHARACTER_SET_NAME) > 1 or not all(map(is_term, terms)):
        return False
    return UNICODE in terms or holds(terms, set(data.translate(None, _ASCII).decode()))


def _terms(level: DataSet, above: list[str]) -> list[str]:
    if CHARACTER_SET not in level:
        return above
    values = values_of(level[CHARACTER_SET])
    terms = [value.strip("\0 ") if type(value) is str else "" for value in values]
    return terms if any(terms) else []


def _check_terms(terms: list[str], report: Report) -> None:
    if not all(is_term(term) for term in terms):
        report.add("character-set-term", "A term is none of PS3.3 C.12.1.1.2.", tag=CHARACTER_SET)
    elif len(terms) > 1 and any(term in WITHOUT_EXTENSIONS for term in terms):
        report.add("character-set-term", "A set without code extensions stands beside others.", tag=CHARACTER_SET)
    elif len(terms) > 1 and not all(term.startswith(_EXTENSION) for term in terms if term):
        report.add("character-set-term", "Several sets are not all named ISO 2022.", tag=CHARACTER_SET)
    elif "" in terms[1:]:
        report.add("character-set-term", "Only the first of several sets may be empty.", tag=CHARACTER_SET)


def _foreign(data_set: DataSet, terms: list[str]) -> Iterator[tuple[Where, str, list[str], set[str]]]:
    """Give each attribute with text beyond ASCII: where, its tag, the terms that hold for it, its characters."""
    waiting: list[_Level] = [(data_set, None, terms)]
    while waiting:
        level, where, above = waiting.pop()
        here = _terms(level, above)
        for tag, element in level.items():
            values = values_of(element)
            if element["vr"] == "SQ":
                waiting += [(item, (where, tag, index), here) for index, item in enumerate(values)]
            elif element["vr"] in _TEXT_VRS:
                characters = {character for text in _texts(values) if not text.isascii() for character in text}
                if characters:
                    yield where, tag, here, characters


def _texts(values: list[Any]) -> Iterator[str]:
    for value in values:
        if type(value) is str:
            yield value
        elif type(value) is dict:
            yield from value.values()
