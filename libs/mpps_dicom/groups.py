"""Tags the dictionary of data set attributes does not have: reserved groups (PS3.5 7.1) and private blocks (7.8.1)."""

from typing import Final

from mpps_dicom.conditions import has_value
from mpps_dicom.dictionary import is_private
from mpps_dicom.json_model import DataSet
from mpps_dicom.paths import Where
from mpps_dicom.rules import Report

NO_DATA_SET: Final = frozenset({"0000", "0002", "0004", "0006", "FFFE"})
"""Groups of commands, file meta information, directories and item delimiters."""

_NO_PRIVATE: Final = frozenset({"0001", "0003", "0005", "0007", "FFFF"})
"""Odd groups that nobody may use."""

_CREATORS: Final = range(0x10, 0x100)
_FIRST_OF_BLOCKS: Final = 0x1000


def check_unlisted(tag: str, level: DataSet, where: Where, report: Report) -> None:
    """Judge an attribute that PS3.6 does not list: its group may be in data sets, and its private block is owned."""
    group = tag[:4]
    if group in NO_DATA_SET or group in _NO_PRIVATE:
        report.add("group-reserved", "Attributes of this group are in no data set.", where=where, tag=tag)
    elif is_private(tag):
        _check_private(tag, level, where, report)


def _check_private(tag: str, level: DataSet, where: Where, report: Report) -> None:
    element = int(tag[4:], 16)
    if element in _CREATORS:
        if not has_value(level, tag):
            report.add("private-creator", "The private creator is empty.", where=where, tag=tag)
    elif element < _FIRST_OF_BLOCKS:
        report.add("private-creator", "The element number is in no private block.", where=where, tag=tag)
    elif not has_value(level, f"{tag[:4]}00{tag[4:6]}"):
        report.add("private-creator", "The private creator of the block is missing.", where=where, tag=tag)
