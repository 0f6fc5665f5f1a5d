"""Items of code sequences: the Code Sequence macros of PS3.4 (Tables F.7.2-1a to F.7.2-1f) and PS3.3 8.8.

A code is in exactly one of Code Value, Long Code Value and URN Code Value, chosen by its length and form.
Code Meaning is an ordinary row of the table and not looked at here.
"""

import re
from typing import Any, Final

from mpps_dicom.conditions import CODE_VALUE, LONG_CODE_VALUE, URN_CODE_VALUE, has_value
from mpps_dicom.json_model import DataSet, values_of
from mpps_dicom.paths import Where
from mpps_dicom.rules import Report
from mpps_dicom.tables import Column

_SCHEME: Final = "00080102"
_SCHEME_VERSION: Final = "00080103"
_EXTENSION_FLAG: Final = "0008010B"
_LOCAL_VERSION: Final = "00080107"
_EXTENSION_CREATOR: Final = "0008010D"
_VALUES: Final = (CODE_VALUE, LONG_CODE_VALUE, URN_CODE_VALUE)
_SHORT: Final = 16

# A URN, or a URL by its scheme and authority; "C:1" of some local scheme is neither.
_LOCATOR: Final = re.compile(r" *(?:urn:|[a-z][a-z0-9+.-]*://)", re.IGNORECASE)


def check_code(item: DataSet, column: Column, where: Where, report: Report) -> None:
    """Judge how one code is given. ``column`` is that of the operation; ``where`` is the item."""
    if LONG_CODE_VALUE not in item and URN_CODE_VALUE not in item and _EXTENSION_FLAG not in item:
        # What nearly every code looks like: a plain short value and the scheme it is of.
        value = _first(item, CODE_VALUE)
        if type(value) is str and value.strip("\0 ") and ":" not in value and _SCHEME in item:
            if _SCHEME_VERSION in item:
                _check_version(item, where, report)
            return
    given = [tag for tag in _VALUES if has_value(item, tag)]
    if not given:
        _report_missing(column, where, report)
    elif len(given) > 1:
        detail = "A code has more than one of Code Value, Long Code Value and URN Code Value."
        report.add("code-values", detail, where=where, tag=given[1])
    else:
        _check_form(item, given[0], where, report)
    _check_version(item, where, report)
    _check_extension(item, where, report)


def _first(item: DataSet, tag: str) -> Any:
    element = item.get(tag)
    values = element.get("Value") if element else None
    return values[0] if values else None


def _report_missing(column: Column, where: Where, report: Report) -> None:
    detail = "The code has none of Code Value, Long Code Value and URN Code Value."
    if column is Column.CREATE:
        report.add("missing-conditional", detail, where=where, tag=CODE_VALUE)
    else:
        # N-SET has 3/1C here, so nothing obliges the modality: told, never refused.
        report.add("missing-in-update", detail, where=where, tag=CODE_VALUE, verified=False)


def _check_form(item: DataSet, tag: str, where: Where, report: Report) -> None:
    value = _first(item, tag)
    if type(value) is not str:
        return
    text = value.strip("\0 ")
    locator = _LOCATOR.match(text) is not None
    if locator is not (tag == URN_CODE_VALUE):
        has, asked = ("is a URN or URL", "URN") if locator else ("is no URN or URL", "Code Value or Long")
        report.add("code-form", f"The code {has}, which is for {asked} Code Value.", where=where, tag=tag)
    elif tag == LONG_CODE_VALUE and len(text) <= _SHORT:
        report.add("code-form", f"The code has no more than {_SHORT} characters.", where=where, tag=tag)


def _check_version(item: DataSet, where: Where, report: Report) -> None:
    if has_value(item, _SCHEME_VERSION) and not has_value(item, _SCHEME):
        detail = "There is a version without a Coding Scheme Designator."
        report.add("code-scheme-version", detail, where=where, tag=_SCHEME_VERSION)


def _check_extension(item: DataSet, where: Where, report: Report) -> None:
    flags = [value.strip("\0 ") for value in values_of(item.get(_EXTENSION_FLAG)) if type(value) is str]
    if flags == ["Y"]:
        for tag in (_LOCAL_VERSION, _EXTENSION_CREATOR):
            if not has_value(item, tag):
                detail = "Context Group Extension Flag says Y and this is not told."
                report.add("code-extension", detail, where=where, tag=tag)
